//! What is told of a round of reading besides its records: how far it has come, and what was none of the workload.

use super::watch::{Reading, Watch};
use crate::history::What;
use crate::history::seen::Place;
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
