//! `caught-up`: the backlog is worked off.

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
        let holds = fold.read.is_some() && fold.job.is_running() && lag <= usual;
        either(holds, format!("lag {lag} records, at most {usual} in steady state"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{began, holds, job, kill, lag};
    use super::*;
    use crate::settings::JobVariant;

    #[test]
    fn caught_up_is_measured_against_the_lag_before_the_fault() {
        let begin = || began(JobVariant { checkpointing: false, ..JobVariant::default() });
        let with = |records| holds(&CaughtUp {}, [begin(), job("RUNNING", 4), lag(40), lag(11), kill(), lag(records)]);
        assert!(!with(41));
        assert!(with(40));
    }
}
