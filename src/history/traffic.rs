//! What goes through a job's topics, in terms of any workload: records by key and window, with where they lie.

use serde::{Deserialize, Serialize};

use super::texts::Texts;

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
    /// Of results that belong to none: all of time.
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

/// What a job may give of a window next to its count: of the records in it, as they are in the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// A sum with wrap-around, which serves as a checksum as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u64>,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Figures {
    /// Of a job that gives a count alone.
    pub const NONE: Self = Self { checksum: None, min: None, max: None };

    /// A sum alone.
    #[must_use]
    pub fn sum(checksum: u64) -> Self {
        Self { checksum: Some(checksum), ..Self::NONE }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Adds those of other records.
    pub fn add(&mut self, other: &Self) {
        self.checksum = both(self.checksum, other.checksum, u64::wrapping_add);
        self.min = both(self.min, other.min, f64::min);
        self.max = both(self.max, other.max, f64::max);
    }

    /// Whether any of them is given for both, and differs.
    #[must_use]
    pub fn contradict(&self, other: &Self) -> bool {
        differ(self.checksum, other.checksum) || differ(self.min, other.min) || differ(self.max, other.max)
    }
}

fn both<T>(one: Option<T>, other: Option<T>, of: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(of(one, other)),
        (one, other) => one.or(other),
    }
}

fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

/// Records of the input with the same key and window, in one partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The key they all have, as in `/shop`.
    pub key: String,
    /// Their window.
    pub window: Window,
    /// How many records they are.
    pub count: u64,
    /// How many of them came so late that the job may have left them out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
    /// The figures over them.
    #[serde(flatten)]
    pub figures: Figures,
    /// The partition.
    pub partition: i32,
    /// The offsets of the first and the last of them.
    pub offsets: (i64, i64),
    /// Whether the partition has nothing newer yet, so that more of the same is to be expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub under_way: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "how serde asks")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A record of the output: a result for a key and a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emitted {
    /// The key that was counted, as in `/shop`.
    pub key: String,
    /// Its window.
    pub window: Window,
    /// The job's count.
    pub count: u64,
    /// The job's figures next to it, where it gives some.
    #[serde(flatten)]
    pub figures: Figures,
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
    pub keys: Texts,
    /// The numbers that are judged of each, one record after the other; equally many of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<f64>,
    /// When each was printed, in ms since the epoch; of records in topics nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<i64>,
    /// What of each has to be the same in the input and in the output, where something has.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub contents: Texts,
    /// The key of each whose records have to keep their order, where they have to.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub ordered_by: Texts,
}

impl Default for Records {
    fn default() -> Self {
        let (from, keys, numbers, at, contents, ordered_by) = Default::default();
        Self { topic: Topic::Input, partition: 0, from, keys, numbers, at, contents, ordered_by }
    }
}

impl Records {
    /// Each with its offset, its key, its numbers, and when it was printed.
    pub fn each(&self) -> impl Iterator<Item = (i64, &str, &[f64], Option<i64>)> {
        let numbers = self.numbers.len() / self.keys.len().max(1);
        let of = move |place: usize| self.numbers.get(place * numbers..(place + 1) * numbers).unwrap_or_default();
        let keys = self.keys.iter().enumerate().zip(self.from..);
        keys.map(move |((place, key), offset)| (offset, key, of(place), self.at.get(place).copied()))
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
