//! What the user asked for, as plain values: the first value of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The usual host port of Flink's web UI and REST API.
pub const REST_PORT: u16 = 8081;
/// The usual host port of the broker.
pub const KAFKA_PORT: u16 = 9094;
/// The usual parallelism of the job.
pub const PARALLELISM: u32 = 2;
/// The usual slots of a TaskManager.
pub const SLOTS: u32 = 2;
/// The most TaskManagers that are started: each may take 1.25 GiB.
pub const MAX_TASKMANAGERS: u32 = 16;
/// The most subtasks that a vertex can have: Flink cuts the state of a job this small into so many key groups.
pub const MAX_PARALLELISM: u32 = 128;
/// The usual time between two checkpoints, in ms.
pub const CHECKPOINT_INTERVAL_MS: u64 = 1000;

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
    /// Subtasks of each vertex; as they are, or else [`PARALLELISM`], when `None`.
    pub parallelism: Option<u32>,
    /// How many TaskManagers; as many as there are, and enough for the parallelism, when `None`.
    pub taskmanagers: Option<u32>,
    /// Slots of each of them.
    pub slots: u32,
    /// What schedules the job.
    pub scheduler: Scheduler,
}

/// What schedules a job in the JobManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// Waits for all slots that the job asks for
    #[default]
    Default,
    /// Runs with the slots that there are, and rescales in place
    Adaptive,
}

impl Scheduler {
    /// The value of `jobmanager.scheduler`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Adaptive => "adaptive",
        }
    }
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
            parallelism: None,
            taskmanagers: None,
            slots: SLOTS,
            scheduler: Scheduler::Default,
        }
    }

    /// How many TaskManagers there are to be, where so many are there.
    #[must_use]
    pub fn taskmanagers(&self, there: u32) -> u32 {
        let needed = self.parallelism.unwrap_or(1).div_ceil(self.slots.max(1));
        self.taskmanagers.unwrap_or_else(|| there.max(needed).max(1))
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
        let interval = self.job.checkpoint_interval_ms;
        add(interval != CHECKPOINT_INTERVAL_MS, format!("--checkpoint-interval {interval}"));
        add(self.scheduler == Scheduler::Adaptive, "--scheduler adaptive".to_owned());
        add(self.parallelism.is_some(), format!("--parallelism {}", self.parallelism.unwrap_or_default()));
        add(self.taskmanagers.is_some(), format!("--taskmanagers {}", self.taskmanagers.unwrap_or_default()));
        add(self.slots != SLOTS, format!("--slots {}", self.slots));
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
    /// The time between two checkpoints, in ms.
    pub checkpoint_interval_ms: u64,
    /// Keys for each page that an added operator keeps a KiB of state for; 0 for no such operator.
    #[serde(default)]
    pub state_keys: u32,
}

impl Default for JobVariant {
    fn default() -> Self {
        Self {
            checkpointing: true,
            event_time: true,
            backpressure: false,
            delivery: Delivery::AtLeastOnce,
            checkpoint_interval_ms: CHECKPOINT_INTERVAL_MS,
            state_keys: 0,
        }
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
        let number = |name: &str| arguments.get(name).and_then(|value| value.parse().ok());
        Self {
            checkpointing: on("checkpointing"),
            event_time: on("event-time"),
            backpressure: on("backpressure"),
            delivery: if exactly_once { Delivery::ExactlyOnce } else { Delivery::AtLeastOnce },
            checkpoint_interval_ms: number("checkpoint-interval").unwrap_or(CHECKPOINT_INTERVAL_MS),
            state_keys: number("state-keys").and_then(|keys| u32::try_from(keys).ok()).unwrap_or_default(),
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
        let mut value = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        value("delivery", self.delivery.name().to_owned());
        if self.checkpoint_interval_ms != CHECKPOINT_INTERVAL_MS {
            value("checkpoint-interval", self.checkpoint_interval_ms.to_string());
        }
        if self.state_keys > 0 {
            value("state-keys", self.state_keys.to_string());
        }
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
            let value =
                arguments.next_if(|next| next.starts_with(|first: char| first.is_ascii_digit()) || name == "delivery");
            named.insert(name, value.unwrap_or_default());
        }
        named
    }

    #[test]
    fn a_job_tells_the_variant_that_it_was_given() {
        for checkpointing in [true, false] {
            for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
                let (checkpoint_interval_ms, state_keys) = (7000, 5);
                let variant = JobVariant {
                    checkpointing,
                    event_time: false,
                    backpressure: true,
                    delivery,
                    checkpoint_interval_ms,
                    state_keys,
                };
                assert_eq!(JobVariant::from_arguments(&named(&variant.arguments())), variant);
            }
        }
    }
}
