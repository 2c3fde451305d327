//! `judged`: every window that what was done before could have touched is decided.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {}

impl Condition for Judged {
    const NAME: &'static str = "judged";
    const TITLE: &'static str = "judged";

    fn ask(&self, fold: &Fold) -> Answer {
        if fold.by_record.is_some() {
            let (open, unit) = (fold.open_due(), fold.unit());
            let decided = match fold.passed_records() {
                Some(passed) => format!("{passed} {unit}s passed"),
                None => format!("{} {unit}s decided", fold.judge().judged),
            };
            return either(open == 0, format!("{decided}, {open} still open"));
        }
        let (Some(due), Some(length)) = (fold.due, fold.window_length()) else {
            return Answer::NotYet("no complete window in the input yet".to_owned());
        };
        // The window that was under way then may hold records of the outage as well.
        let last = due.saturating_add(length);
        let windows = fold.judge().judged;
        if fold.newest_window().is_none_or(|newest| newest < last) {
            return Answer::NotYet(format!("{windows} windows decided, the last one has not ended in the input yet"));
        }
        let open = fold.open_until(last);
        either(open == 0, format!("{windows} windows decided, {open} still open"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, holds};
    use super::*;
    use crate::history::What;
    use crate::history::traffic::{Emitted, Figures, Sent, Window};

    fn window(number: i64) -> Window {
        Window { start: 15 * number, end: 15 * number + 15 }
    }

    fn sent(number: i64) -> What {
        let (key, window, offsets) = ("a".to_owned(), window(number), (number, number));
        What::Sent(Sent {
            key,
            window,
            count: 1,
            figures: Figures::NONE,
            partition: 0,
            offsets,
            late: 0,
            under_way: false,
        })
    }

    fn emitted(number: i64) -> What {
        let (key, window) = ("a".to_owned(), window(number));
        What::Emitted(Emitted { key, window, count: 1, figures: Figures::NONE, partition: 0, offset: number })
    }

    #[test]
    fn the_window_that_was_under_way_when_the_step_began_has_to_be_decided() {
        let step = || What::Step { step: 1, title: "judged".into() };
        assert!(!holds(&Judged {}, [step(), sent(1), emitted(1)]), "nothing was due");
        assert!(!holds(&Judged {}, [sent(1), step(), emitted(1)]), "window 2 is not over in the input");
        let not_yet = answer(&Judged {}, [sent(1), step(), emitted(1), sent(2)]);
        assert_eq!(not_yet, Answer::NotYet("1 windows decided, 1 still open".into()));
        assert!(holds(&Judged {}, [sent(1), step(), emitted(1), sent(2), emitted(2)]));
    }
}
