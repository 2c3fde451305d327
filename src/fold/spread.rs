//! Each count of a run, and how far the job had read at which time: for a job with processing-time windows, to which
//! the event-time ledger does not apply.

use std::collections::BTreeMap;

use crate::history::seen::Read;
use crate::history::traffic::Emitted;

/// A result in the output, and when it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// When, in ms since the run began.
    pub at: i64,
    /// Start of its window, ms since the epoch.
    pub start: i64,
    /// The job's count.
    pub count: u64,
}

/// Bounds on how far the job had read the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// When this was seen, in ms since the run began.
    pub at: i64,
    /// Records that its checkpoints cover: it had read at least these.
    pub committed: i64,
    /// Records in the input: it had read at most these.
    pub ends: i64,
}

/// What is needed to judge a spread.
#[derive(Debug, Default)]
pub struct SpreadSeen {
    /// The counts of each key, in the order in which they were seen.
    pub counts: BTreeMap<String, Vec<Counted>>,
    /// How far the job had read, in the order of time.
    pub progress: Vec<Progress>,
}

impl SpreadSeen {
    pub(super) fn emitted(&mut self, at: i64, emitted: &Emitted) {
        self.counts.entry(emitted.key.clone()).or_default().push(Counted {
            at,
            start: emitted.window.start,
            count: emitted.count,
        });
    }

    pub(super) fn read(&mut self, at: i64, read: &Read) {
        let committed = read.committed.iter().flatten().sum();
        let ends = read.input.iter().map(|place| place.end).sum();
        self.progress.push(Progress { at, committed, ends });
    }
}
