//! `kept-running`: every subtask has been processing records for so many seconds without a break.
//!
//! A JobManager that is back may go away once more. Seen: after ZooKeeper and JobManager were lost together, 9 s after the
//! job ran again.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either, seconds};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRunning {
    /// For how long.
    seconds: NonZeroU32,
}

impl Condition for KeptRunning {
    const NAME: &'static str = "kept-running";
    const TITLE: &'static str = "kept running";

    fn ask(&self, fold: &Fold) -> Answer {
        let Some(since) = fold.job.running_since else { return Answer::NotYet(fold.job.state()) };
        let (kept, wanted) = (fold.now - since, i64::from(self.seconds.get()) * 1000);
        either(kept >= wanted, format!("every subtask for {}, {} needed", seconds(kept), seconds(wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, job};
    use super::*;
    use crate::history::What;

    #[test]
    fn a_job_that_goes_down_in_between_has_not_kept_running() {
        // Events are a ms apart.
        let condition = KeptRunning { seconds: NonZeroU32::MIN };
        let on = |more: usize| std::iter::repeat_n(What::Settling, more);
        let held = |events: Vec<What>| answer(&condition, events);
        let kept = || std::iter::once(job("RUNNING", 4)).chain(on(1_000)).collect::<Vec<_>>();
        assert_eq!(held(kept()), Answer::Holds("every subtask for 1.0 s, 1.0 s needed".into()));
        let fell = kept().into_iter().take(900).chain([job("UNREACHABLE", 0)]);
        assert_eq!(held(fell.clone().collect()), Answer::NotYet("no JobManager answers".into()));
        let again = fell.chain([job("RUNNING", 4)]).chain(on(500));
        assert_eq!(held(again.collect()), Answer::NotYet("every subtask for 0.5 s, 1.0 s needed".into()));
    }
}
