//! What goes through a job's topics, in terms of any workload: records by key and window, with where they lie.

use serde::{Deserialize, Serialize};

/// One of the two sides of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// What the job reads.
    Input,
    /// What it writes.
    Output,
}

impl Topic {
    /// As in `input`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// A span of event time, in ms since the epoch: from `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "(i64, i64)", from = "(i64, i64)")]
pub struct Window {
    /// Inclusive, in ms since the epoch.
    pub start: i64,
    /// First ms after it.
    pub end: i64,
}

impl Window {
    /// The window of records that belong to none: all of time.
    pub const ALWAYS: Self = Self { start: i64::MIN, end: i64::MAX };

    /// How long it is, in ms.
    #[must_use]
    pub fn length(self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

impl From<Window> for (i64, i64) {
    fn from(window: Window) -> Self {
        (window.start, window.end)
    }
}

impl From<(i64, i64)> for Window {
    fn from((start, end): (i64, i64)) -> Self {
        Self { start, end }
    }
}

/// Records of the input with the same key and window, in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The key they all have, as in `/shop`.
    pub key: String,
    /// Their window; none where the workload has no windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How many records they are.
    pub count: u64,
    /// The workload's checksum over them, added up with wrap-around.
    pub checksum: u64,
    /// The partition.
    pub partition: i32,
    /// The offsets of the first and the last of them.
    pub offsets: (i64, i64),
    /// Whether the partition has nothing newer yet, so that more of the same is to be expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub under_way: bool,
}

/// A record of the output: a result for a key and a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitted {
    /// The key that was counted, as in `/shop`.
    pub key: String,
    /// Its window; none where the workload has no windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The job's count.
    pub count: u64,
    /// The job's checksum, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u64>,
    /// The partition.
    pub partition: i32,
    /// Where in the partition it lies.
    pub offset: i64,
}

/// Records of a topic that are judged one by one, each right behind the one before it in its partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// The topic.
    pub topic: Topic,
    /// The partition; of a log, the number of the instance.
    pub partition: i32,
    /// The offset of the first of them.
    pub from: i64,
    /// The identity or the key of each, as in `17`.
    pub keys: Vec<String>,
    /// The numbers that are judged of each, one record after the other; equally many of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<f64>,
    /// When each was printed, in ms since the epoch; of records in topics nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<i64>,
}

impl Default for Records {
    fn default() -> Self {
        let (from, keys, numbers, at) = Default::default();
        Self { topic: Topic::Input, partition: 0, from, keys, numbers, at }
    }
}

impl Records {
    /// Each with its offset, its key, its numbers, and when it was printed.
    pub fn each(&self) -> impl Iterator<Item = (i64, &str, &[f64], Option<i64>)> {
        let numbers = self.numbers.len() / self.keys.len().max(1);
        let of = move |place: usize| self.numbers.get(place * numbers..(place + 1) * numbers).unwrap_or_default();
        let keys = self.keys.iter().enumerate().zip(self.from..);
        keys.map(move |((place, key), offset)| (offset, key.as_str(), of(place), self.at.get(place).copied()))
    }
}

/// A record of the output that is no result of the workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stray {
    /// The partition.
    pub partition: i32,
    /// Where in the partition it lies.
    pub offset: i64,
    /// What is wrong with it.
    pub what: String,
    /// Its identity, where it has one, and is wrong for another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
