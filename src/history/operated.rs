//! Operations as they were done: a savepoint, an upgrade, a rescaling.

use serde::{Deserialize, Serialize};

/// An operation that came to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operated {
    /// As in `upgrade`.
    pub operation: String,
    /// How it ended.
    pub outcome: OperationEnd,
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

impl Operated {
    /// As in `parallelism 3 in 5.3 s, down for 0.94 s`.
    #[must_use]
    pub fn summary(&self) -> String {
        let back = if self.outcome == OperationEnd::RolledBack { "rolled back, " } else { "" };
        let parallelism = self.parallelism.map_or_else(String::new, |number| format!("parallelism {number}, "));
        let downtime = self.downtime.map_or_else(String::new, |seconds| format!(", down for {seconds:.2} s"));
        format!("{back}{parallelism}{:.1} s{downtime}", self.seconds)
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationEnd {
    /// It was done as requested.
    Done,
    /// The new job did not come up; the old one runs again, from the same savepoint.
    RolledBack,
}

impl OperationEnd {
    /// As scenario files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RolledBack => "rolled-back",
        }
    }
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
