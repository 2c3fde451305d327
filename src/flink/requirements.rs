//! Resource requirements: how many subtasks each vertex may have. Under the adaptive scheduler, a change of them rescales
//! the job in place.
//!
//! Source: "Elastic Scaling" of Flink's documentation, `PUT /jobs/:id/resource-requirements`.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Flink;
use super::job::Job;
use super::request::Request;

/// Wants `parallelism` subtasks of each vertex, and no more than it can have. The lower bound is 1, so that a job which loses
/// slots goes on with what is left.
#[must_use]
pub fn set(job: &Job, parallelism: u32) -> Request {
    let bounds = |most: u32| json!({ "parallelism": { "lowerBound": 1, "upperBound": most } });
    let body: Map<String, Value> = job
        .vertices
        .iter()
        .map(|vertex| (vertex.id.clone(), bounds(wanted(parallelism, vertex.max_parallelism))))
        .collect();
    Request::new(Method::PUT, format!("/jobs/{}/resource-requirements", job.id)).with(Value::Object(body))
}

/// What a vertex gets of a wished parallelism: a source has no more key groups than its topic has partitions.
#[must_use]
pub fn wanted(parallelism: u32, max_parallelism: u32) -> u32 {
    parallelism.min(max_parallelism)
}

impl Flink {
    /// Asks for a job's requirements, which only the adaptive scheduler has.
    ///
    /// # Errors
    /// The server's refusal under another scheduler.
    pub async fn requirements(&self, job: &str) -> Result<()> {
        self.order(&Request::new(Method::GET, format!("/jobs/{job}/resource-requirements"))).await
    }
}
