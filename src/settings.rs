//! What the user asked for, as plain values: the first value of a run.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which stack is meant, and how it is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSettings {
    /// Keeps stacks apart: every name and label carries it.
    pub project: String,
    /// A compose file of the user's own; the built-in one when `None`.
    pub file: Option<PathBuf>,
    /// The host port of Flink's web UI and REST API.
    pub rest_port: u16,
    /// The host port of the broker.
    pub kafka_port: u16,
    /// How fast the generator's event time runs against the clock.
    pub speed: f64,
    /// How the job is to run.
    pub job: JobVariant,
}

/// The variants of the job that its arguments choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobVariant {
    /// Whether it checkpoints, and so survives a failure without loss.
    pub checkpointing: bool,
    /// Whether windows follow the clicks' own time or the clock.
    pub event_time: bool,
    /// Whether an operator throttles in even minutes.
    pub backpressure: bool,
    /// What the sink promises.
    pub delivery: Delivery,
}

impl Default for JobVariant {
    fn default() -> Self {
        Self { checkpointing: true, event_time: true, backpressure: false, delivery: Delivery::AtLeastOnce }
    }
}

/// What the job promises of its output, and so what the ledger allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// A window may be emitted again with the same count.
    AtLeastOnce,
    /// A read-committed reader sees each window once.
    ExactlyOnce,
}

impl Delivery {
    /// The name that the job's `--delivery` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at-least-once",
            Self::ExactlyOnce => "exactly-once",
        }
    }
}

impl JobVariant {
    /// The job's arguments, as its `main` reads them.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (on, flag) in [
            (self.checkpointing, "--checkpointing"),
            (self.event_time, "--event-time"),
            (self.backpressure, "--backpressure"),
        ] {
            if on {
                arguments.push(flag.to_owned());
            }
        }
        arguments.extend(["--delivery".to_owned(), self.delivery.name().to_owned()]);
        arguments
    }
}
