//! A workload as a value: the job, what it reads, what it writes, and what is right. Its file says all that anything else
//! knows of it; the built-in ones are files of the same format.

use serde::{Deserialize, Serialize};

use super::feed::Feed;
use crate::settings::Delivery;

/// A job with its topics, and the oracle that judges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workload {
    /// As in `click-count`.
    pub name: String,
    /// What the job does, in a line.
    pub purpose: String,
    /// What a record of the input is called, in the singular.
    #[serde(default = "record")]
    pub record: String,
    /// The job.
    pub job: JobSpec,
    /// What it reads.
    pub input: Input,
    /// What it writes.
    pub output: Output,
    /// What is right.
    pub oracle: Oracle,
}

/// The job of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JobSpec {
    /// Its name, as Flink shows it.
    pub name: String,
    /// The jar: a file, or the name of an uploaded one. None of a job that somebody else submits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar: Option<String>,
    /// The SQL script that is the job, instead of a jar: a file, or the text itself; `{broker}` and so on stand in it as in
    /// `arguments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// The class whose `main` is run; none for the one that the jar's manifest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The arguments of its `main`; `{broker}`, `{input}`, `{output}` and `{group}` stand for what they name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Its consumer group, whose committed offsets tell how far its checkpoints got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it promises of its output.
    #[serde(default = "at_least_once")]
    pub delivery: Delivery,
    /// The one-shot service of the compose file that submits it; none where the playground does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// The options of the playground that its `main` takes as arguments, as in `checkpointing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// The topic that a job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Input {
    /// The topic's name.
    pub topic: String,
    /// Partitions to create it with where it is missing; a feed has its own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// What the generator writes into it; none where somebody else writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
}

/// The topic that a job writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Output {
    /// The topic's name.
    pub topic: String,
    /// Partitions to create it with where it is missing.
    #[serde(default = "one")]
    pub partitions: u32,
}

/// What is right: how the output follows from the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oracle {
    /// Records are counted by key in tumbling windows of event time.
    Window(Window),
    /// Each record of the input appears in the output.
    EachOnce(EachOnce),
}

impl Oracle {
    /// As in a workload's file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Window(_) => "window",
            Self::EachOnce(_) => "each-once",
        }
    }

    /// The window of one that has windows.
    #[must_use]
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Window(window) => Some(window),
            Self::EachOnce(_) => None,
        }
    }
}

/// Counts by key and tumbling window of event time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// How long a window is, in ms of event time; each starts at a multiple of it.
    pub length_ms: i64,
    /// Where a record of the input has what it is counted by.
    pub input: Counted,
    /// Where a record of the output has its result.
    pub output: Count,
}

/// What a record of the input is counted by. Places are JSON pointers into its value, as in `/user/id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Counted {
    /// The key.
    pub key: String,
    /// What type the key must have; a record with another is none of the workload, and skipped by the job as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<KeyType>,
    /// The event time, in ms since the epoch.
    pub time: String,
    /// What is added up next to the count: a whole number, or `time-in-window`, how far the record falls into its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// The result for a key and a window. Places are JSON pointers into its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Count {
    /// The key.
    pub key: String,
    /// The window's first ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The first ms after it; one of both is enough, and both must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How many records the job counted.
    pub count: String,
    /// What it added up next to the count; a record may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// The type of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// JSON text.
    Text,
    /// A whole number.
    Number,
}

/// Each record of the input appears in the output under its identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EachOnce {
    /// Where a record of the input has its identity: a JSON pointer into its value, as in `/order/id`.
    pub input: String,
    /// Where a record of the output has it.
    pub output: String,
    /// What a record of the input must be to appear; one that is not must never appear.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Condition>,
}

/// What a field of a record must be. All that is given has to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// A JSON pointer into the record's value.
    pub field: String,
    /// A number that is greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// A number that is less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// The value, as text: `open`, `7` or `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Any other value than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_not: Option<String>,
}

fn record() -> String {
    "record".to_owned()
}

fn one() -> u32 {
    1
}

fn at_least_once() -> Delivery {
    Delivery::AtLeastOnce
}

impl Workload {
    /// The partitions of the input, where it has to be created.
    #[must_use]
    pub fn input_partitions(&self) -> u32 {
        let feed = self.input.feed.as_ref().map(|feed| feed.partitions);
        feed.or(self.input.partitions).unwrap_or(1)
    }

    /// The arguments of the job's `main`, with what the placeholders stand for.
    #[must_use]
    pub fn arguments(&self, broker: &str) -> Vec<String> {
        match &self.job.sql {
            Some(script) => vec!["--script".to_owned(), self.named(&self.filled(script, broker))],
            None => self.job.arguments.iter().map(|argument| self.filled(argument, broker)).collect(),
        }
    }

    /// A script under the job's name, unless it gives one itself.
    fn named(&self, script: &str) -> String {
        if script.contains("pipeline.name") {
            return script.to_owned();
        }
        format!("SET 'pipeline.name' = '{}';\n{script}", self.job.name.replace('\'', "''"))
    }

    fn filled(&self, text: &str, broker: &str) -> String {
        let group = self.job.group.as_deref().unwrap_or_default();
        let names = [
            ("{broker}", broker),
            ("{input}", &self.input.topic),
            ("{output}", &self.output.topic),
            ("{group}", group),
        ];
        names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}
