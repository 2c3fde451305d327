//! Which click comes next: for each page one every 15 ms of event time, from a window's first ms on, without a gap.

use super::{PAGES, STEP_MS, window_start};

/// The timestamp (ms of event time) of each page's next click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    next: [i64; PAGES.len()],
}

impl Sequence {
    /// For an empty topic: begins where `now` (ms since the epoch) has its window, so that the first window is whole.
    #[must_use]
    pub fn fresh(now: i64) -> Self {
        Self { next: [window_start(now); PAGES.len()] }
    }

    /// Goes on after each page's last click; pages without one begin with the window of `first`, the topic's oldest
    /// click.
    #[must_use]
    pub fn resumed(last: [Option<i64>; PAGES.len()], first: i64) -> Self {
        Self { next: last.map(|last| last.map_or(window_start(first), |last| last + STEP_MS)) }
    }

    /// The earliest click that is not later than `due`: its page and its timestamp. The same one until
    /// [`Sequence::advance`] is called, so that a click that could not be sent is not skipped.
    #[must_use]
    pub fn peek(&self, due: i64) -> Option<(usize, i64)> {
        let (page, &timestamp) = self.next.iter().enumerate().min_by_key(|(_, timestamp)| **timestamp)?;
        (timestamp <= due).then_some((page, timestamp))
    }

    /// The page's click was sent.
    pub fn advance(&mut self, page: usize) {
        self.next[page] += STEP_MS;
    }

    /// The timestamp of the earliest click to come.
    #[must_use]
    pub fn nearest(&self) -> i64 {
        self.next.iter().copied().min().unwrap_or(i64::MAX)
    }

    /// The timestamp of the latest page's next click: what the others have to catch up to.
    #[must_use]
    pub fn furthest(&self) -> i64 {
        self.next.iter().copied().max().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{CLICKS_PER_WINDOW, WINDOW_MS};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn take(sequence: &mut Sequence, clicks: usize) -> Vec<(usize, i64)> {
        let mut taken = Vec::new();
        while taken.len() < clicks
            && let Some(click) = sequence.peek(i64::MAX)
        {
            sequence.advance(click.0);
            taken.push(click);
        }
        taken
    }

    #[test]
    fn a_fresh_topic_begins_with_a_whole_window() {
        let mut sequence = Sequence::fresh(1_604_280_262_123);
        let mut windows = BTreeMap::<_, u64>::new();
        for (page, timestamp) in take(&mut sequence, 6 * 2500) {
            *windows.entry((page, window_start(timestamp))).or_default() += 1;
        }
        let first = 1_604_280_255_000;
        for page in 0..6 {
            assert_eq!(windows[&(page, first)], CLICKS_PER_WINDOW);
            assert_eq!(windows[&(page, first + WINDOW_MS)], CLICKS_PER_WINDOW);
            assert_eq!(windows[&(page, first + 2 * WINDOW_MS)], CLICKS_PER_WINDOW / 2);
        }
    }

    #[test]
    fn nothing_is_sent_before_it_is_due() {
        let mut sequence = Sequence::fresh(15_000);
        assert_eq!(sequence.peek(14_999), None);
        assert_eq!(sequence.peek(15_000), Some((0, 15_000)));
        take(&mut sequence, 6);
        assert_eq!(sequence.peek(15_014), None);
        assert_eq!(sequence.nearest(), 15_015);
    }

    proptest! {
        // Wherever each partition was cut off, the topic ends up as if nothing had happened.
        #[test]
        fn a_killed_generator_costs_nothing(kept in prop::array::uniform6(0_usize..300), start in 0_i64..1 << 41) {
            let mut undisturbed = Sequence::fresh(start);
            let whole = take(&mut undisturbed, 6 * 400);

            let cut = |page: usize| whole.iter().filter(move |click| click.0 == page).take(kept[page]).copied();
            let mut topic: Vec<_> = (0..6).flat_map(cut).collect();
            prop_assume!(!topic.is_empty());
            let last = std::array::from_fn(|page| cut(page).last().map(|click| click.1));
            let first = topic.iter().map(|click| click.1).min().unwrap();

            let mut resumed = Sequence::resumed(last, first);
            let missing = whole.len() - topic.len();
            topic.extend(take(&mut resumed, missing));
            let mut whole = whole;
            topic.sort_unstable();
            whole.sort_unstable();
            prop_assert_eq!(topic, whole);
            prop_assert_eq!(resumed, undisturbed);
        }
    }
}
