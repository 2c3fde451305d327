//! `waiting-for-slots`: the job was submitted but cannot run, because it needs more slots than are available.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;
use crate::history::seen::JobSeen;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingForSlots {}

impl Condition for WaitingForSlots {
    const NAME: &'static str = "waiting-for-slots";
    const TITLE: &'static str = "waiting for slots";

    fn ask(&self, fold: &Fold) -> Answer {
        let Some(job) = fold.job.seen.as_ref().filter(|job| job.state != JobSeen::UNREACHABLE) else {
            return Answer::NotYet(fold.job.state());
        };
        let (needed, there) = (job.parallelism, fold.job.slots);
        let text = format!("{needed} slots needed, {there} available; {} of {} subtasks", job.running, job.subtasks);
        either(!job.is_running() && needed > there, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{holds, job, slots};
    use super::*;

    #[test]
    fn a_job_waits_for_slots_when_it_needs_more_than_there_are() {
        assert!(!holds(&WaitingForSlots {}, [slots(2), job("RUNNING", 2)]));
        assert!(holds(&WaitingForSlots {}, [slots(1), job("RUNNING", 0)]));
        assert!(!holds(&WaitingForSlots {}, [slots(1), job("UNREACHABLE", 0)]));
    }
}
