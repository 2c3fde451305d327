//! Records that are judged one by one, on their way to an event.

use super::watch::Watch;
use crate::history::What;
use crate::history::traffic::{Records, Topic};
use crate::kafka::record::Record;
use crate::oracle::Entry;

/// How many records are reported at once at most.
const MOST_OF_A_BATCH: usize = 1000;

/// Records that lie one after the other in a partition, so that a thousand of them become one event.
pub(super) struct Batches {
    batch: Records,
    /// What is said of them.
    what: fn(Records) -> What,
    told: bool,
}

impl Batches {
    pub(super) fn new(topic: Topic, what: fn(Records) -> What) -> Self {
        Self { batch: Records { topic, ..Records::default() }, what, told: false }
    }

    pub(super) fn add(&mut self, record: &Record<'_>, entry: Entry<'_>, watch: &Watch) {
        let Records { partition, from, keys, .. } = &self.batch;
        let next = from.saturating_add(i64::try_from(keys.len()).unwrap_or(i64::MAX));
        if keys.len() >= MOST_OF_A_BATCH || (*partition, next) != (record.partition, record.offset) {
            self.tell(watch);
            (self.batch.partition, self.batch.from) = (record.partition, record.offset);
        }
        if !entry.numbers.is_empty() {
            self.batch.at.push(record.timestamp);
        }
        self.batch.keys.push(&entry.key);
        self.batch.numbers.extend(entry.numbers);
        entry.content.iter().for_each(|content| self.batch.contents.push(content));
        entry.ordered_by.iter().for_each(|key| self.batch.ordered_by.push(key));
    }

    /// Reports what is left. Returns whether anything was reported, now or before.
    pub(super) fn tell(&mut self, watch: &Watch) -> bool {
        let (topic, partition, from) = (self.batch.topic, self.batch.partition, self.batch.from);
        let batch = std::mem::replace(&mut self.batch, Records { topic, partition, from, ..Records::default() });
        if !batch.keys.is_empty() {
            self.told = true;
            watch.tell_blocking((self.what)(batch));
        }
        self.told
    }
}
