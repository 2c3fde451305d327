//! Which record comes next: for each partition one every so many ms of event time, without a gap. Partition `p`'s record
//! `k` is number `k * partitions + p` of the feed.

use super::template::Record;

/// The next record of each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Event time of each partition's first record, in ms since the epoch.
    epoch: i64,
    /// From one record of a partition to its next, in ms of event time.
    every_ms: i64,
    /// How many records each partition had.
    next: Vec<u64>,
    /// The partition that is furthest behind, the first one of several.
    turn: usize,
}

/// A record that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Its partition.
    pub partition: usize,
    /// What it is made from.
    pub record: Record,
}

impl Sequence {
    /// Goes on where each partition had so many records, the first of them at `epoch` (ms since the epoch).
    #[must_use]
    pub fn new(epoch: i64, every_ms: i64, next: Vec<u64>) -> Self {
        let turn = behind(&next);
        Self { epoch, every_ms, next, turn }
    }

    /// The earliest record that is not later than `due`. The same one until [`Sequence::advance`] is called, so that a
    /// record that could not be sent is not skipped.
    #[must_use]
    pub fn peek(&self, due: i64) -> Option<Next> {
        let number = *self.next.get(self.turn)?;
        let seq = number.wrapping_mul(self.next.len() as u64).wrapping_add(self.turn as u64);
        let record = Record { seq, time: self.time(number) };
        (record.time <= due).then_some(Next { partition: self.turn, record })
    }

    /// The record that [`Sequence::peek`] gave was sent.
    pub fn advance(&mut self) {
        let Some(number) = self.next.get_mut(self.turn) else { return };
        let sent = *number;
        *number += 1;
        // Those that are as far behind come first; when there are none left, the search is for all.
        let same = self.next[self.turn..].iter().position(|next| *next == sent);
        self.turn = same.map_or_else(|| behind(&self.next), |ahead| self.turn + ahead);
    }

    /// How many records there were before, of all partitions.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.next.iter().sum()
    }

    /// The event time of the earliest record to come.
    #[must_use]
    pub fn nearest(&self) -> i64 {
        self.next.iter().min().map_or(i64::MAX, |number| self.time(*number))
    }

    /// The event time of the furthest partition's next record: what the others have to catch up to.
    #[must_use]
    pub fn furthest(&self) -> i64 {
        self.next.iter().max().map_or(i64::MAX, |number| self.time(*number))
    }

    fn time(&self, number: u64) -> i64 {
        let since = i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(self.every_ms);
        self.epoch.saturating_add(since)
    }
}

/// The first of the partitions with the fewest records.
fn behind(next: &[u64]) -> usize {
    (0..next.len()).min_by_key(|partition| next[*partition]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::feed::Records;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn clicks(now: i64) -> Sequence {
        Records::of(&crate::workload::clicks::feed()).unwrap().fresh(now)
    }

    fn take(sequence: &mut Sequence, records: usize) -> Vec<Next> {
        let mut taken = Vec::new();
        while taken.len() < records
            && let Some(next) = sequence.peek(i64::MAX)
        {
            sequence.advance();
            taken.push(next);
        }
        taken
    }

    #[test]
    fn a_fresh_topic_begins_with_a_whole_window() {
        const WINDOW_MS: i64 = 15_000;
        let window_start = |time: i64| time - time.rem_euclid(WINDOW_MS);
        let mut windows = BTreeMap::<_, u64>::new();
        for next in take(&mut clicks(1_604_280_262_123), 6 * 2500) {
            *windows.entry((next.partition, window_start(next.record.time))).or_default() += 1;
        }
        let first = 1_604_280_255_000;
        for page in 0..6 {
            assert_eq!(windows[&(page, first)], 1000);
            assert_eq!(windows[&(page, first + WINDOW_MS)], 1000);
            assert_eq!(windows[&(page, first + 2 * WINDOW_MS)], 500);
        }
    }

    #[test]
    fn nothing_is_sent_before_it_is_due() {
        let mut sequence = clicks(15_000);
        assert_eq!(sequence.peek(14_999), None);
        assert_eq!(sequence.peek(15_000), Some(Next { partition: 0, record: Record { seq: 0, time: 15_000 } }));
        take(&mut sequence, 6);
        assert_eq!(sequence.peek(15_014), None);
        assert_eq!(sequence.nearest(), 15_015);
    }

    #[test]
    fn the_end_of_time_is_reached_without_a_panic() {
        let mut sequence = Sequence::new(i64::MAX - 5, i64::MAX, vec![u64::MAX / 2, 3]);
        assert_eq!(take(&mut sequence, 3).len(), 3);
        assert_eq!((sequence.nearest(), sequence.furthest()), (i64::MAX, i64::MAX));
    }

    proptest! {
        // Wherever the partitions were cut off: always the one that is furthest behind, and each record once.
        #[test]
        fn partitions_that_are_behind_catch_up(kept in prop::collection::vec(0_u64..40, 1..10), epoch in 0_i64..1 << 41) {
            let partitions = kept.len() as u64;
            let whole: u64 = kept.iter().map(|kept| 40 - kept).sum();
            let mut sequence = Sequence::new(epoch, 7, kept.clone());
            let taken = take(&mut sequence, usize::try_from(whole).unwrap());
            let numbers = |seq: u64| (seq / partitions, seq % partitions);
            prop_assert!(taken.is_sorted_by_key(|next| numbers(next.record.seq)));
            let mut expected: Vec<u64> = (0..40 * partitions).filter(|seq| seq / partitions >= kept[usize::try_from(seq % partitions).unwrap()]).collect();
            expected.sort_unstable();
            prop_assert_eq!(taken.iter().map(|next| next.record.seq).collect::<Vec<_>>(), expected);
            for next in taken {
                let (number, partition) = numbers(next.record.seq);
                prop_assert_eq!(next.partition as u64, partition);
                prop_assert_eq!(next.record.time, epoch + 7 * i64::try_from(number).unwrap());
            }
            prop_assert_eq!(sequence, Sequence::new(epoch, 7, vec![40; kept.len()]));
        }
    }
}
