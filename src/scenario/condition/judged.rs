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
        let (Some(due), Some(length)) = (fold.due, fold.window_length()) else {
            return Answer::NotYet("no whole window in the input yet".to_owned());
        };
        // The window that was under way then may hold records of the outage as well.
        let last = due.saturating_add(length);
        let windows = fold.judge().judged;
        if fold.newest_window().is_none_or(|newest| newest < last) {
            return Answer::NotYet(format!("{windows} windows decided, the last one is not over in the input"));
        }
        let open = fold.open_until(last);
        either(open == 0, format!("{windows} windows decided, {open} still open"))
    }
}
