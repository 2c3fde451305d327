//! The cluster: TaskManagers and their slots.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::Flink;
use super::request::Request;

/// `GET /overview`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Overview {
    /// Registered TaskManagers.
    pub taskmanagers: u32,
    /// Their slots.
    #[serde(rename(deserialize = "slots-total"))]
    pub slots_total: u32,
    /// The free ones among them.
    #[serde(rename(deserialize = "slots-available"))]
    pub slots_available: u32,
    /// As in `2.2.1`.
    #[serde(rename(deserialize = "flink-version"))]
    pub flink_version: String,
}

/// One of `GET /taskmanagers`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TaskManager {
    /// As in `172.18.0.5:36123-1f2e3d`.
    pub id: String,
    /// All its slots.
    #[serde(rename(deserialize = "slotsNumber"))]
    pub slots: u32,
    /// The free ones among them.
    #[serde(rename(deserialize = "freeSlots"))]
    pub free_slots: u32,
}

#[derive(Deserialize)]
struct TaskManagers {
    taskmanagers: Vec<TaskManager>,
}

impl Flink {
    /// The cluster in numbers.
    pub async fn overview(&self) -> Result<Overview> {
        self.get("/overview").await
    }

    /// The same within a limit of one's own: a JobManager that waits may not answer while the one that led is gone and none leads
    /// yet.
    pub async fn overview_within(&self, limit: Duration) -> Result<Overview> {
        self.send_within(&Request::new(Method::GET, "/overview"), limit).await
    }

    /// The registered TaskManagers.
    pub async fn taskmanagers(&self) -> Result<Vec<TaskManager>> {
        Ok(self.get::<TaskManagers>("/taskmanagers").await?.taskmanagers)
    }
}
