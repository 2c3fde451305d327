//! What watchers see of a job and of its topics, as values.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::settings::Delivery;

/// A job as Flink describes it: what does not change while it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFacts {
    /// Flink's id of it.
    pub id: String,
    /// The job's name, as its `main` sets it.
    pub name: String,
    /// Since when it runs, ms since the epoch by Flink's clock: for people.
    pub since: i64,
    /// What it promises of its output, where it says so.
    pub delivery: Option<Delivery>,
    /// The time between two of its checkpoints, in ms; none when it takes none.
    pub checkpoint_interval: Option<u64>,
}

/// A job as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSeen {
    /// Flink's id of it; none while no JobManager answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// As Flink names it; `UNREACHABLE` when no JobManager answers, `NONE` when there is no such job.
    pub state: String,
    /// Subtasks that process records.
    pub running: u32,
    /// All subtasks.
    pub subtasks: u32,
    /// Subtasks of its widest vertex, which is how many slots it needs.
    #[serde(default)]
    pub parallelism: u32,
    /// The root cause of its newest exception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How many jobs of this name are not over: more than one write to the same output.
    #[serde(default)]
    pub alive: u32,
}

impl JobSeen {
    /// The state of a job whose JobManager does not answer.
    pub const UNREACHABLE: &'static str = "UNREACHABLE";
    /// The state of a job that the cluster does not have.
    pub const NONE: &'static str = "NONE";

    /// A job of which nothing is known but that it is in one of the two states above.
    #[must_use]
    pub fn absent(state: &str) -> Self {
        let (id, cause) = (None, None);
        Self { id, state: state.to_owned(), running: 0, subtasks: 0, parallelism: 0, cause, alive: 0 }
    }

    /// Whether every subtask processes records.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "RUNNING" && self.running == self.subtasks && self.subtasks > 0
    }

    /// Whether it can never run again, or is not there.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "FINISHED" | "CANCELED" | "FAILED" | Self::NONE)
    }
}

/// How the source waits for what comes behind it, as it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PressureSeen {
    /// The share of time, 0 to 1, that the source was back-pressured: the mean of its subtasks.
    pub source: f64,
    /// The vertex that the others wait for, if any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<String>,
    /// Whether the clock's minute was even, in which the job's throttle works, all the time that was measured.
    pub even_minute: Option<bool>,
}

/// A job that came back from a checkpoint or a savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The job's id.
    pub job: String,
    /// The checkpoint's id.
    pub checkpoint: u64,
    /// Whether it was a savepoint.
    #[serde(default)]
    pub savepoint: bool,
    /// For each partition of the output the offsets that were written after that checkpoint and before the restore: what
    /// they hold may be emitted again. None when the run itself saw the checkpoint begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Vec<Range<i64>>>,
}

/// How far both topics were read. Asked in this order: what is committed, the ends of the output, those of the input. So
/// whatever was emitted before the output's ends comes from records before the input's, and a checkpoint whose offsets are
/// committed here had written all its records before the output's ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The next offset of each partition of the input that the job's group committed; none where it has not yet.
    pub committed: Vec<Option<i64>>,
    /// Each partition of the input.
    pub input: Vec<Place>,
    /// Each partition of the output.
    pub output: Vec<Place>,
}

/// How far a partition was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The oldest offset that it still has.
    pub start: i64,
    /// Everything before this offset was read.
    pub read: i64,
    /// The offset that its next record will have.
    pub end: i64,
}

impl Read {
    /// Records of the input that no checkpoint covers. Deleted ones are not waited for any more.
    #[must_use]
    pub fn lag(&self) -> i64 {
        let behind = |(place, committed): (&Place, &Option<i64>)| {
            (place.end - committed.unwrap_or_default().max(place.start)).max(0)
        };
        self.input.iter().zip(&self.committed).map(behind).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_no_checkpoint_covers_and_the_topic_still_has() {
        let place = |start, end| Place { start, read: end, end };
        let read = Read {
            committed: vec![Some(40), None, Some(10), Some(90)],
            input: vec![place(0, 100), place(0, 5), place(30, 50), place(0, 80)],
            output: Vec::new(),
        };
        assert_eq!(read.lag(), 60 + 5 + 20);
    }
}
