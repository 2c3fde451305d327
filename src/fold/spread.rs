//! The counts of a run one by one, and how far the job had read at what time: for a job with processing time windows,
//! where the ledger of event time has no say.

use std::collections::BTreeMap;

use crate::history::seen::Read;
use crate::history::traffic::Emitted;

/// A result, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// When, in ms since the run began.
    pub at: i64,
    /// First ms of its window, since the epoch.
    pub start: i64,
    /// The job's count.
    pub count: u64,
}

/// How far the job had read the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// When this was seen, in ms since the run began.
    pub at: i64,
    /// Records that its checkpoints cover: it had read no fewer.
    pub committed: i64,
    /// Records that there were: it had read no more.
    pub ends: i64,
}

/// What is needed to judge a spread.
#[derive(Debug, Default)]
pub struct SpreadSeen {
    /// The counts of each key, in the order in which they were seen.
    pub counts: BTreeMap<String, Vec<Counted>>,
    /// How far the job was, in the order of time.
    pub progress: Vec<Progress>,
}

impl SpreadSeen {
    pub(super) fn emitted(&mut self, at: i64, emitted: &Emitted) {
        let start = emitted.window.map_or(i64::MIN, |window| window.start);
        self.counts.entry(emitted.key.clone()).or_default().push(Counted { at, start, count: emitted.count });
    }

    pub(super) fn read(&mut self, at: i64, read: &Read) {
        let committed = read.committed.iter().flatten().sum();
        let ends = read.input.iter().map(|place| place.end).sum();
        self.progress.push(Progress { at, committed, ends });
    }
}
