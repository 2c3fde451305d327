//! Operations as they were done: a savepoint, an upgrade, a rescaling.

use serde::{Deserialize, Serialize};

/// An operation that came to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operated {
    /// As in `upgrade`.
    pub operation: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The root cause, where it did not end as asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The job that it was done to, or that it left running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The savepoint that it took or began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
    /// The parallelism that it left the job with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Seconds from the request that interrupted the job to every subtask processing records again, by Flink's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<f64>,
    /// Seconds in all.
    pub seconds: f64,
    /// What it consisted of, in order.
    pub parts: Vec<Part>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As asked.
    Done,
    /// The new job did not come up; the old one runs again, from the same savepoint.
    RolledBack,
}

/// A part of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// As in `stop`.
    pub name: String,
    /// The request or the command line, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// What was seen at its end.
    pub seen: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}
