//! Checkpoints of a job: the newest complete one, and the one it was restored from.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Flink;

/// `GET /jobs/:id/checkpoints`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Checkpoints {
    /// How many there were.
    pub counts: Counts,
    /// The newest of each kind.
    pub latest: Latest,
}

/// How many checkpoints there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    /// Restores from one.
    pub restored: u64,
    /// Complete ones.
    pub completed: u64,
    /// Failed ones.
    pub failed: u64,
    /// Running ones.
    pub in_progress: u64,
}

/// The newest of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Latest {
    /// The newest complete checkpoint.
    pub completed: Option<Completed>,
    /// The one that the job was last restored from.
    pub restored: Option<Restored>,
}

/// A complete checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Completed {
    /// Counts from 1.
    pub id: u64,
    /// When it began, ms since the epoch.
    pub trigger_timestamp: i64,
    /// When its last task answered, ms since the epoch.
    pub latest_ack_timestamp: i64,
    /// Its size in bytes.
    pub state_size: u64,
    /// How long it took, in ms.
    pub end_to_end_duration: i64,
    /// Where it lies.
    pub external_path: Option<String>,
}

/// A checkpoint that the job was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Restored {
    /// Its id.
    pub id: u64,
    /// When the job was restored, ms since the epoch.
    pub restore_timestamp: i64,
    /// Whether it was a savepoint.
    pub is_savepoint: bool,
    /// Where it lies.
    #[serde(default)]
    pub external_path: Option<String>,
}

/// `GET /jobs/:id/checkpoints/details/:id`
#[derive(Deserialize)]
struct Details {
    latest_ack_timestamp: i64,
}

/// What else `GET /jobs/:id/checkpoints` tells.
#[derive(Deserialize)]
struct History {
    history: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: String,
    is_savepoint: bool,
}

/// `GET /jobs/:id/checkpoints/config`
#[derive(Deserialize)]
struct Config {
    /// In ms.
    interval: i64,
}

impl Flink {
    /// Whether a job takes checkpoints by itself.
    pub async fn is_checkpointing(&self, id: &str) -> Result<bool> {
        // Savepoints work without an interval, and the server then says the largest there is.
        Ok(self.get::<Config>(&format!("/jobs/{id}/checkpoints/config")).await?.interval != i64::MAX)
    }

    /// Whether a savepoint is being taken, with which the job may stop.
    pub async fn is_savepoint_under_way(&self, id: &str) -> Result<bool> {
        let history = self.get::<History>(&format!("/jobs/{id}/checkpoints")).await?.history;
        Ok(history.iter().any(|entry| entry.is_savepoint && entry.status == "IN_PROGRESS"))
    }

    /// When a checkpoint was complete: its last task's answer, ms since the epoch.
    pub async fn checkpoint_completed_at(&self, id: &str, checkpoint: u64) -> Result<i64> {
        let path = format!("/jobs/{id}/checkpoints/details/{checkpoint}");
        Ok(self.get::<Details>(&path).await?.latest_ack_timestamp)
    }

    /// A job's checkpoints.
    pub async fn checkpoints(&self, id: &str) -> Result<Checkpoints> {
        self.get(&format!("/jobs/{id}/checkpoints")).await
    }
}
