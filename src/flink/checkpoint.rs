//! Checkpoints of a job: the newest complete one, and the one it was restored from.

use anyhow::Result;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::Flink;
use super::request::refused;

/// `GET /jobs/:id/checkpoints`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Checkpoints {
    /// How many there were.
    pub counts: Counts,
    /// The newest of each kind.
    pub latest: Latest,
    /// The last ones, of any kind and state.
    #[serde(default, skip_serializing)]
    pub history: Vec<Entry>,
}

impl Checkpoints {
    /// The id of the newest checkpoint or savepoint that was begun, complete or not; 0 for none.
    #[must_use]
    pub fn newest_begun(&self) -> u64 {
        let complete = self.latest.completed.as_ref().map(|completed| completed.id);
        self.history.iter().map(|entry| entry.id).chain(complete).max().unwrap_or_default()
    }
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
    /// Flink's number of it; each job counts from 1.
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
    trigger_timestamp: i64,
    latest_ack_timestamp: i64,
}

/// A checkpoint or savepoint that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Entry {
    /// Counts from 1; savepoints count as well.
    pub id: u64,
    /// As in `IN_PROGRESS`, `COMPLETED`, `FAILED`.
    pub status: String,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
    /// When it began, ms since the epoch.
    #[serde(default)]
    pub trigger_timestamp: i64,
    /// How long it took, in ms.
    #[serde(default)]
    pub end_to_end_duration: i64,
    /// Its size in bytes.
    #[serde(default)]
    pub state_size: u64,
}

/// `GET /jobs/:id/checkpoints/config`
#[derive(Deserialize)]
struct Config {
    /// The time between two checkpoints, in ms.
    interval: i64,
}

impl Flink {
    /// The time between two checkpoints of a job, in ms; none when it takes none by itself.
    pub async fn checkpoint_interval(&self, id: &str) -> Result<Option<i64>> {
        let interval = self.get::<Config>(&format!("/jobs/{id}/checkpoints/config")).await?.interval;
        // Savepoints work without an interval, and the server then says the largest there is.
        Ok((interval != i64::MAX).then_some(interval))
    }

    /// Whether a savepoint is being taken, with which the job may stop.
    pub async fn is_savepoint_under_way(&self, id: &str) -> Result<bool> {
        let history = self.checkpoints(id).await?.history;
        Ok(history.iter().any(|entry| entry.is_savepoint && entry.status == "IN_PROGRESS"))
    }

    /// Where the newest state of a job is that Flink knows of: its newest checkpoint, or what it was restored from. None of a
    /// job that has none, or that is not far enough to tell.
    pub async fn newest_state(&self, id: &str) -> Result<Option<String>> {
        let latest = match self.checkpoints(id).await {
            Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND) => {
                return Ok(None);
            }
            checkpoints => checkpoints?.latest,
        };
        let restored = latest.restored.and_then(|restored| restored.external_path);
        Ok(latest.completed.and_then(|completed| completed.external_path).or(restored))
    }

    /// When a checkpoint began, ms since the epoch by Flink's clock.
    pub async fn checkpoint_triggered_at(&self, id: &str, checkpoint: u64) -> Result<i64> {
        let path = format!("/jobs/{id}/checkpoints/details/{checkpoint}");
        Ok(self.get::<Details>(&path).await?.trigger_timestamp)
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
