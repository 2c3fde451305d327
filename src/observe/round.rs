//! What is told of a round of reading besides its records: how far it has come, and what was none of the workload.

use std::collections::BTreeMap;

use super::watch::{Reading, Watch};
use crate::history::What;
use crate::history::seen::Place;
use crate::history::traffic::Topic;
use crate::kafka::record::Record;
use crate::workload::excerpt::excerpt;

/// How many records are read between two updates of the terminal.
const SHOWN_EVERY: u64 = 1 << 14;

/// Records of the input that do not belong to the workload.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    records: u64,
    told: u64,
    first: String,
}

impl Foreign {
    pub(super) fn add(&mut self, topic: &str, record: &Record<'_>) {
        if self.records == 0 {
            self.first = format!("{topic}-{} @ {}: {}", record.partition, record.offset, excerpt(record.payload));
        }
        self.records += 1;
    }

    pub(super) fn tell(&mut self, watch: &Watch) {
        if self.records > self.told {
            self.told = self.records;
            watch.tell_blocking(What::Foreign { records: self.records, first: self.first.clone() });
        }
    }
}

/// What compaction had removed from a topic before it was read in this round.
pub(super) struct Compacted {
    topic: Topic,
    /// How many records of each partition, and the offset behind the last of them.
    partitions: BTreeMap<i32, (u64, i64)>,
}

impl Compacted {
    pub(super) fn of(topic: Topic) -> Self {
        Self { topic, partitions: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        if record.missing > 0 {
            let (records, to) = self.partitions.entry(record.partition).or_default();
            *records += record.missing.unsigned_abs();
            *to = record.offset;
        }
    }

    /// Returns whether there was any.
    pub(super) fn tell(self, watch: &Watch) -> bool {
        let (topic, any) = (self.topic, !self.partitions.is_empty());
        for (partition, (records, to)) in self.partitions {
            watch.tell_blocking(What::Compacted { topic, partition, records, to });
        }
        any
    }
}

/// How far a topic was read in a round.
pub(super) struct Progress {
    reading: Reading,
}

impl Progress {
    pub(super) fn new(topic: &str, places: &[Place]) -> Self {
        let total = places.iter().map(|place| u64::try_from(place.end - place.read).unwrap_or(0)).sum();
        Self { reading: Reading { topic: topic.to_owned(), read: 0, total } }
    }

    pub(super) fn one_more(&mut self, watch: &Watch) {
        self.reading.read += 1;
        if self.reading.read.is_multiple_of(SHOWN_EVERY) {
            watch.reading(self.reading.clone());
        }
    }
}
