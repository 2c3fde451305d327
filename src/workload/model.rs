//! A workload as a value: the job, what it reads, what it writes, and what is right. Its file says all that anything else
//! knows of it; the built-in ones are files of the same format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::feed::Feed;
use crate::kafka::Isolation;
use crate::oracle::Oracle;
use crate::settings::Delivery;

/// What stands in braces in a job's arguments or its script for what it names.
pub const PLACEHOLDERS: [&str; 6] = ["broker", "host", "port", "input", "output", "group"];
/// The service that serves a topic's records as lines to a job that reads a socket, and its name in the stack's network.
pub const LINES: &str = "lines";

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
    /// Options of Flink's configuration, over those of the compose file, for JobManagers and TaskManagers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flink: BTreeMap<String, String>,
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
    /// More jars that it needs, as connectors or functions: files, or the names of uploaded ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
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
    /// Whether the job is submitted to a cluster that is there, or comes with a cluster of its own.
    #[serde(default)]
    pub mode: Mode,
    /// The options of the playground that its `main` takes as arguments, as in `checkpointing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// How a job and its cluster belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The cluster is there, and the job is submitted to it.
    #[default]
    Session,
    /// The cluster is started for the job, with the jar in its image: under `/opt/flink/usrlib`.
    Application,
}

/// What a job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Input {
    /// The topic's name. A job that reads a socket is served its records as lines.
    pub topic: String,
    /// The socket that the job reads, where it reads no topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<Socket>,
    /// Which records of transactions the job's source reads; none for all, as Kafka's consumers do by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Partitions to create it with where it is missing; a feed has its own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
    /// What the generator writes into it; none where somebody else writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
}

/// A TCP socket that lines come from. What was sent on it cannot be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Socket {
    /// The port, inside the stack.
    pub port: u16,
}

/// What a job writes: a topic, or lines in the log of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Output {
    /// The topic's name; empty where it writes none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// The service in whose log its lines stand, as those of `print()` do in the log of a TaskManager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Partitions to create it with where it is missing.
    #[serde(default = "one")]
    pub partitions: u32,
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

impl Output {
    /// The topic, or the service in whose log it is.
    #[must_use]
    pub fn place(&self) -> &str {
        self.log.as_deref().unwrap_or(&self.topic)
    }

    /// The topic with its partitions, where it is one.
    #[must_use]
    pub fn topic(&self) -> Option<(&str, u32)> {
        self.log.is_none().then_some((self.topic.as_str(), self.partitions))
    }
}

impl JobSpec {
    /// The files among its jars. The others are names: of uploaded ones, or of those in the image.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.jar.iter().chain(&self.libraries).map(String::as_str).filter(|jar| jar.contains('/'))
    }

    /// Whether its job comes up with the stack: the playground submits it, a service does, or it is an application. Otherwise
    /// somebody else submits it, under its name.
    #[must_use]
    pub fn comes_up(&self) -> bool {
        self.jar.is_some() || self.sql.is_some() || self.submitted_by.is_some()
    }
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
        let port = self.input.socket.map(|socket| socket.port.to_string()).unwrap_or_default();
        let values = [broker, LINES, &port, &self.input.topic, &self.output.topic, group];
        PLACEHOLDERS
            .iter()
            .zip(values)
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}
