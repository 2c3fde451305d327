//! `registered`: as many slots as before the newest fault.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;
use crate::history::seen::JobSeen;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {}

impl Condition for Registered {
    const NAME: &'static str = "registered";
    const TITLE: &'static str = "registered";

    fn ask(&self, fold: &Fold) -> Answer {
        let (now, before) = (fold.job.slots, fold.recoveries.slots_before());
        // A JobManager's slots may be seen before the job is.
        let is_lost = now < before && fold.job.seen.as_ref().is_some_and(|job| job.state == JobSeen::UNREACHABLE);
        let why = if is_lost { format!(": {}", fold.job.state()) } else { String::new() };
        either(now >= before, format!("{now} of {before} slots{why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, job, kill, slots};
    use super::*;

    #[test]
    fn slots_are_awaited_up_to_what_there_was_before_the_fault() {
        let now = |now| answer(&Registered {}, [slots(2), kill(), slots(0), slots(now)]);
        assert_eq!(now(0), Answer::NotYet("0 of 2 slots".into()));
        assert_eq!(now(2), Answer::Holds("2 of 2 slots".into()));
    }

    #[test]
    fn a_jobmanager_that_does_not_answer_is_why_there_are_no_slots() {
        let lost = answer(&Registered {}, [slots(2), kill(), job("UNREACHABLE", 0)]);
        assert_eq!(lost, Answer::NotYet("0 of 2 slots: no JobManager answers".into()));
        let back = answer(&Registered {}, [slots(2), kill(), job("UNREACHABLE", 0), slots(2)]);
        assert_eq!(back, Answer::Holds("2 of 2 slots".into()));
    }
}
