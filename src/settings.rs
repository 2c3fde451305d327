//! What the user asked for, as plain values: the first value of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The usual host port of Flink's web UI and REST API.
pub const REST_PORT: u16 = 8081;
/// The usual host port of the broker.
pub const KAFKA_PORT: u16 = 9094;

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

impl StackSettings {
    /// The built-in stack as it is by default.
    #[must_use]
    pub fn of(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            file: None,
            rest_port: REST_PORT,
            kafka_port: KAFKA_PORT,
            speed: 1.0,
            job: JobVariant::default(),
        }
    }

    /// The command-line arguments that differ from the defaults, for telling the user how to do the same again.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |differs: bool, argument: String| {
            if differs {
                arguments.push(argument);
            }
        };
        if let Some(file) = &self.file {
            add(true, format!("--file {}", file.display()));
        }
        add(self.rest_port != REST_PORT, format!("--rest-port {}", self.rest_port));
        add(self.kafka_port != KAFKA_PORT, format!("--kafka-port {}", self.kafka_port));
        add((self.speed - 1.0).abs() > f64::EPSILON, format!("--speed {}", self.speed));
        add(!self.job.checkpointing, "--no-checkpointing".to_owned());
        add(!self.job.event_time, "--no-event-time".to_owned());
        add(self.job.backpressure, "--backpressure".to_owned());
        add(self.job.delivery == Delivery::ExactlyOnce, "--delivery exactly-once".to_owned());
        arguments
    }
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
    /// The variant that a job's own arguments choose, by name and value; a flag that stands alone may have any value.
    #[must_use]
    pub fn from_arguments(arguments: &BTreeMap<String, String>) -> Self {
        let on = |name: &str| arguments.get(name).is_some_and(|value| value != "false");
        let exactly_once = arguments.get("delivery").is_some_and(|value| value == Delivery::ExactlyOnce.name());
        Self {
            checkpointing: on("checkpointing"),
            event_time: on("event-time"),
            backpressure: on("backpressure"),
            delivery: if exactly_once { Delivery::ExactlyOnce } else { Delivery::AtLeastOnce },
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(arguments: &[String]) -> BTreeMap<String, String> {
        let mut named = BTreeMap::new();
        let mut arguments = arguments.iter().map(|argument| argument.trim_start_matches("--").to_owned()).peekable();
        while let Some(name) = arguments.next() {
            let value = if name == "delivery" { arguments.next() } else { None };
            named.insert(name, value.unwrap_or_default());
        }
        named
    }

    #[test]
    fn a_job_tells_the_variant_that_it_was_given() {
        for checkpointing in [true, false] {
            for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
                let variant = JobVariant { checkpointing, event_time: false, backpressure: true, delivery };
                assert_eq!(JobVariant::from_arguments(&named(&variant.arguments())), variant);
            }
        }
    }
}
