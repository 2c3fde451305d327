//! `emitted`: so many windows of every key were emitted since the step began, right or wrong.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emitted {
    /// How many windows of every key.
    windows: NonZeroU64,
}

impl Condition for Emitted {
    const NAME: &'static str = "emitted";
    const TITLE: &'static str = "emitted";

    fn ask(&self, fold: &Fold) -> Answer {
        let all = fold.emitted.len() >= fold.ledger.keys();
        let least = fold.emitted.values().map(BTreeSet::len).min().filter(|_| all).unwrap_or_default() as u64;
        let wanted = self.windows.get();
        either(least >= wanted, format!("{least} of {wanted} windows of every key"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::holds;
    use super::*;
    use crate::history::What;
    use crate::history::traffic::{self, Figures, Sent, Window};

    #[test]
    fn windows_are_emitted_when_every_key_has_so_many() {
        const WINDOW: Window = Window { start: 0, end: 15 };
        let sent = |key: &str| {
            let (key, offsets) = (key.to_owned(), (0, 0));
            What::Sent(Sent {
                key,
                window: WINDOW,
                count: 1,
                figures: Figures::NONE,
                partition: 0,
                offsets,
                late: 0,
                under_way: false,
            })
        };
        let emitted = |key: &str| {
            let (key, figures) = (key.to_owned(), Figures::NONE);
            What::Emitted(traffic::Emitted { key, window: WINDOW, count: 1, figures, partition: 0, offset: 7 })
        };
        let windows = |windows| Emitted { windows: NonZeroU64::new(windows).unwrap() };
        let all = || [sent("a"), sent("b"), emitted("a"), emitted("b")];
        assert!(holds(&windows(1), all()));
        assert!(!holds(&windows(2), all()));
        assert!(!holds(&windows(1), all().into_iter().take(3)));
    }
}
