//! `running`: every subtask processes records.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {}

impl Condition for Running {
    const NAME: &'static str = "running";
    const TITLE: &'static str = "running";

    fn ask(&self, fold: &Fold) -> Answer {
        match &fold.job.seen {
            Some(job) if job.id.is_some() || job.subtasks > 0 => {
                either(job.is_running(), format!("{} of {} subtasks", job.running, job.subtasks))
            }
            _ => Answer::NotYet(fold.job.state()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, job};
    use super::*;

    #[test]
    fn running_means_every_subtask() {
        assert_eq!(answer(&Running {}, [job("RUNNING", 3)]), Answer::NotYet("3 of 4 subtasks".into()));
        assert_eq!(answer(&Running {}, [job("RUNNING", 4)]), Answer::Holds("4 of 4 subtasks".into()));
    }
}
