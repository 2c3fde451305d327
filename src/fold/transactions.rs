//! What a read-uncommitted reader saw beside the read-committed one that an exactly-once job writes for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::history::What;
use crate::history::traffic::{Topic, Window};

/// What the two readers saw of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted {
    /// Records that the read-uncommitted reader saw.
    pub records: usize,
    /// Those of them that were never committed although a later record was: they belong to aborted transactions.
    pub aborted: usize,
    /// Windows that the read-uncommitted reader saw more than once.
    pub windows_twice: usize,
}

/// The transactions of a run, inferred from what the two readers saw.
#[derive(Debug, Default)]
pub struct Transactions {
    records: usize,
    /// Records written and not yet seen committed, by partition and offset.
    pending: BTreeSet<(i32, i64)>,
    /// Those of them that may still be committed, with when they were seen, in ms since the run began.
    open: BTreeMap<(i32, i64), i64>,
    /// The newest committed record of each partition.
    committed: BTreeMap<i32, i64>,
    windows: BTreeMap<(String, Window), usize>,
}

impl Transactions {
    /// Adds what was seen at `at`, in ms since the run began.
    pub fn add(&mut self, at: i64, what: &What) {
        match what {
            What::Written(record) => {
                self.written(at, (record.partition, record.offset), (record.key.clone(), record.window));
            }
            What::WrittenRecords(batch) => {
                for (offset, key, numbers, _) in batch.each() {
                    let result = if numbers.is_empty() { key.to_owned() } else { format!("{key} {numbers:?}") };
                    self.written(at, (batch.partition, offset), (result, Window::ALWAYS));
                }
            }
            What::Emitted(record) => self.committed(record.partition, record.offset),
            What::Records(batch) if batch.topic == Topic::Output => {
                batch.keys.iter().zip(batch.from..).for_each(|(_, offset)| self.committed(batch.partition, offset));
            }
            // A checkpoint commits what was written before it began.
            What::Checkpoint { took, .. } => self.open.retain(|_, seen| *seen > at - took),
            // The restored job aborts transactions that were open and not part of its checkpoint.
            What::Fault { .. } => self.open.clear(),
            _ => {}
        }
    }

    fn written(&mut self, at: i64, place: (i32, i64), result: (String, Window)) {
        self.records += 1;
        self.pending.insert(place);
        self.open.insert(place, at);
        // What has no name cannot be told from another.
        if !result.0.is_empty() {
            *self.windows.entry(result).or_default() += 1;
        }
    }

    fn committed(&mut self, partition: i32, offset: i64) {
        let place = (partition, offset);
        self.pending.remove(&place);
        self.open.remove(&place);
        let newest = self.committed.entry(partition).or_insert(offset);
        *newest = offset.max(*newest);
    }

    /// How many records are written and waiting for the next checkpoint to commit them.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// What the two readers saw; none if nobody read uncommitted, or nothing was committed.
    #[must_use]
    pub fn seen(&self) -> Option<Uncommitted> {
        if self.records == 0 || self.committed.is_empty() {
            return None;
        }
        // The last ones may still be committed.
        let overtaken =
            |(partition, offset): &&(i32, i64)| self.committed.get(partition).is_some_and(|last| offset < last);
        let aborted = self.pending.iter().filter(overtaken).count();
        let windows_twice = self.windows.values().filter(|times| **times > 1).count();
        Some(Uncommitted { records: self.records, aborted, windows_twice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::traffic::{Emitted, Figures};

    fn record(offset: i64) -> Emitted {
        Emitted { key: "a".into(), window: Window::ALWAYS, count: 1000, figures: Figures::NONE, partition: 0, offset }
    }

    fn transactions(events: impl IntoIterator<Item = (i64, What)>) -> Transactions {
        let mut transactions = Transactions::default();
        events.into_iter().for_each(|(at, what)| transactions.add(at, &what));
        transactions
    }

    #[test]
    fn a_record_that_later_ones_overtook_uncommitted_was_aborted() {
        let written = [1, 3, 4].map(|offset| (0, What::Written(record(offset))));
        let seen = transactions(written.into_iter().chain([(0, What::Emitted(record(3)))]));
        assert_eq!(seen.seen(), Some(Uncommitted { records: 3, aborted: 1, windows_twice: 1 }));
        assert_eq!(transactions([(0, What::Emitted(record(3)))]).seen(), None);
    }

    #[test]
    fn a_checkpoint_ends_the_transactions_that_were_open_when_it_began() {
        let checkpoint = What::Checkpoint { id: 1, took: 40, size: 1, begun: 0 };
        let seen = transactions([(10, What::Written(record(1))), (70, What::Written(record(2))), (100, checkpoint)]);
        assert_eq!(seen.open(), 1);
    }
}
