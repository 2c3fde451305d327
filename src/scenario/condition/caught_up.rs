//! `caught-up`: the backlog is worked off; under a JobManager that was lost, with checkpoints that complete again.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaughtUp {}

impl Condition for CaughtUp {
    const NAME: &'static str = "caught-up";
    const TITLE: &'static str = "caught up";

    fn ask(&self, fold: &Fold) -> Answer {
        let (lag, usual) = (fold.lag(), fold.usual_lag.records());
        let text = format!("lag {lag} records, at most {usual} in steady state");
        if fold.recoveries.awaits_checkpoint() {
            return Answer::NotYet(format!("{text}; no checkpoint under the JobManager that is back"));
        }
        either(fold.read.is_some() && fold.job.is_running() && lag <= usual, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{began, holds, job, kill, lag};
    use super::*;
    use crate::history::What;
    use crate::settings::JobVariant;

    #[test]
    fn caught_up_is_measured_against_the_lag_before_the_fault() {
        let begin = || began(JobVariant { checkpointing: false, ..JobVariant::default() });
        let with = |records| holds(&CaughtUp {}, [begin(), job("RUNNING", 4), lag(40), lag(11), kill(), lag(records)]);
        assert!(!with(41));
        assert!(with(40));
    }

    #[test]
    fn a_job_under_a_jobmanager_that_is_back_has_to_complete_a_checkpoint() {
        let fault = || What::Fault { fault: "kill".into(), target: "jobmanager-1".into() };
        let checkpoint = || What::Checkpoint { id: 7, took: 0, size: 1, begun: 0 };
        let back = || [lag(40), fault(), job("UNREACHABLE", 0), job("RUNNING", 4), lag(0)];
        assert!(!holds(&CaughtUp {}, back()));
        assert!(holds(&CaughtUp {}, back().into_iter().chain([checkpoint()])));
        let without = began(JobVariant { checkpointing: false, ..JobVariant::default() });
        assert!(holds(&CaughtUp {}, std::iter::once(without).chain(back())));
    }
}
