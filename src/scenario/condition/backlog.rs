//! `backlog`: the records of so many windows wait in the input, beyond those that always do.

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
        either(enough, format!("{waiting} records waiting in input, {wanted} needed"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{holds, kill, lag};
    use super::*;
    use crate::history::What;
    use crate::history::traffic::{Sent, Window};

    #[test]
    fn a_backlog_is_more_than_what_always_waits() {
        let condition = Backlog { windows: NonZeroU64::MIN };
        let sent = |key: &str| {
            let window = Some(Window { start: 0, end: 15 });
            What::Sent(Sent {
                key: key.into(),
                window,
                count: 50,
                checksum: 0,
                partition: 0,
                offsets: (0, 49),
                under_way: false,
            })
        };
        let with = |records| holds(&condition, [sent("a"), sent("b"), lag(30), kill(), lag(records)]);
        assert!(!with(129));
        assert!(with(130));
        assert!(!holds(&condition, [lag(0), kill(), lag(1000)]), "how many a window has is not known yet");
    }
}
