//! `backlog`: the records of so many windows wait in the input, beyond those that always do; or the job is back before, on other
//! slots or under another JobManager, and works off what there is.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backlog {
    /// How many windows, of all keys together.
    windows: NonZeroU64,
}

impl Condition for Backlog {
    const NAME: &'static str = "backlog";
    const TITLE: &'static str = "backlog";

    fn ask(&self, fold: &Fold) -> Answer {
        let window = fold.records_of_a_window();
        if window == 0 {
            return Answer::NotYet("no complete window in the input yet".to_owned());
        }
        let wanted = self.windows.get().saturating_mul(window);
        // What one checkpoint has not committed yet is no backlog.
        let waiting = (fold.lag() - fold.usual_lag.records()).max(0);
        let enough = u64::try_from(waiting).is_ok_and(|waiting| waiting >= wanted);
        let is_back = fold.faults.newest().is_some_and(|fault| fault.felt) && fold.job.is_running();
        if is_back && !enough {
            return Answer::Holds(format!("{waiting} records waiting in input, and the job is back already"));
        }
        either(enough, format!("{waiting} records waiting in input, {wanted} needed"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, holds, job, kill, lag};
    use super::*;
    use crate::history::What;
    use crate::history::traffic::{Figures, Sent, Window};

    fn sent(key: &str) -> What {
        let window = Window { start: 0, end: 15 };
        What::Sent(Sent {
            key: key.into(),
            window,
            count: 50,
            figures: Figures::NONE,
            partition: 0,
            offsets: (0, 49),
            late: 0,
            under_way: false,
        })
    }

    #[test]
    fn a_job_that_is_back_by_itself_is_not_waited_for() {
        let condition = Backlog { windows: NonZeroU64::MIN };
        let down = || [sent("a"), sent("b"), lag(30), job("RUNNING", 4), kill(), job("UNREACHABLE", 0), lag(90)];
        assert_eq!(answer(&condition, down()), Answer::NotYet("60 records waiting in input, 100 needed".into()));
        let back = "60 records waiting in input, and the job is back already";
        assert_eq!(answer(&condition, down().into_iter().chain([job("RUNNING", 4)])), Answer::Holds(back.into()));
    }

    #[test]
    fn a_backlog_is_more_than_what_always_waits() {
        let condition = Backlog { windows: NonZeroU64::MIN };
        let with = |records| holds(&condition, [sent("a"), sent("b"), lag(30), kill(), lag(records)]);
        assert!(!with(129));
        assert!(with(130));
        assert!(!holds(&condition, [lag(0), kill(), lag(1000)]), "how many a window has is not known yet");
    }
}
