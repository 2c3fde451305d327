//! Jobs: which there are, how their vertices are, why they failed.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::Flink;
use super::request::Request;
use crate::failure::Failure;

/// One of `GET /jobs/overview`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Summary {
    /// The job's id, 32 hexadecimal digits.
    #[serde(rename(deserialize = "jid"))]
    pub id: String,
    /// The job's name.
    pub name: String,
    /// As in `RUNNING`, `RESTARTING`.
    pub state: String,
    /// When it was submitted, ms since the epoch.
    #[serde(rename(deserialize = "start-time"))]
    pub start_time: i64,
    /// How long it has run or ran, in ms.
    pub duration: i64,
}

impl Summary {
    /// Whether it can never run again. `SUSPENDED` is not: another leader takes such a job over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "FINISHED" | "CANCELED" | "FAILED")
    }
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Summary>,
}

/// `GET /jobs/:id`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Job {
    /// The job's id.
    #[serde(rename(deserialize = "jid"))]
    pub id: String,
    /// The job's name.
    pub name: String,
    /// The job's state; says `RUNNING` before its tasks do.
    pub state: String,
    /// When it was submitted, ms since the epoch.
    #[serde(rename(deserialize = "start-time"))]
    pub start_time: i64,
    /// When the JobManager answered, ms since the epoch: the clock of all its other times.
    #[serde(skip_serializing)]
    pub now: i64,
    /// The vertices, sources first.
    pub vertices: Vec<Vertex>,
}

/// A vertex: operators that run as one task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vertex {
    /// The vertex's id.
    pub id: String,
    /// The names of its operators.
    pub name: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// How many it can have, as its state is cut into so many key groups.
    #[serde(rename(deserialize = "maxParallelism"))]
    pub max_parallelism: u32,
    /// The state of its worst subtask.
    pub status: String,
    /// How many subtasks are in each state.
    pub tasks: Tasks,
}

/// Subtasks by state, of those that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "BTreeMap<String, u32>")]
pub struct Tasks {
    /// Processing records.
    pub running: u32,
    /// Restoring state.
    pub initializing: u32,
    /// Waiting for a slot.
    pub scheduled: u32,
    /// In whatever state.
    #[serde(skip_serializing)]
    pub all: u32,
}

impl From<BTreeMap<String, u32>> for Tasks {
    fn from(by_state: BTreeMap<String, u32>) -> Self {
        let of = |state: &str| by_state.get(state).copied().unwrap_or_default();
        let (running, initializing, scheduled) = (of("RUNNING"), of("INITIALIZING"), of("SCHEDULED"));
        Self { running, initializing, scheduled, all: by_state.values().sum() }
    }
}

impl Job {
    /// Running subtasks and all subtasks. The job runs when the two are equal and not 0.
    #[must_use]
    pub fn subtasks(&self) -> (u32, u32) {
        let running = self.vertices.iter().map(|vertex| vertex.tasks.running).sum();
        (running, self.vertices.iter().map(|vertex| vertex.parallelism).sum())
    }

    /// Subtasks of its widest vertex. All vertices share slots, so it is as many as the job needs.
    #[must_use]
    pub fn parallelism(&self) -> u32 {
        self.vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or_default()
    }

    /// Whether Flink tells of its subtasks. Of a job that waits for slots under the adaptive scheduler it tells vertices without
    /// any, with the parallelism that the job was submitted with, whatever it was rescaled to since.
    #[must_use]
    pub fn has_subtasks(&self) -> bool {
        self.vertices.iter().any(|vertex| vertex.tasks.all > 0)
    }

    /// Whether every subtask of every vertex processes records.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let (running, all) = self.subtasks();
        self.state == "RUNNING" && running == all && all > 0
    }
}

/// An entry of a job's exception history.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Exception {
    /// Its class, as in `java.io.IOException`.
    #[serde(rename(deserialize = "exceptionName"))]
    pub name: String,
    /// The whole trace.
    pub stacktrace: String,
    /// When, ms since the epoch.
    pub timestamp: i64,
    /// Which task threw it.
    #[serde(rename(deserialize = "taskName"))]
    pub task: Option<String>,
}

impl Exception {
    /// The cause at the bottom of the trace: what its author wants to know first.
    #[must_use]
    pub fn root(&self) -> &str {
        root_cause(&self.stacktrace)
    }
}

/// The last `Caused by:` of a Java stack trace, or its first line.
#[must_use]
pub fn root_cause(stacktrace: &str) -> &str {
    let cause = stacktrace.lines().rev().find_map(|line| line.trim_start().strip_prefix("Caused by: "));
    cause.or_else(|| stacktrace.lines().next()).unwrap_or("").trim()
}

#[derive(Deserialize)]
struct Exceptions {
    #[serde(rename = "exceptionHistory")]
    history: History,
}

#[derive(Deserialize)]
struct History {
    entries: Vec<Exception>,
}

/// `GET /jobs/:id/vertices/:id`
#[derive(Deserialize)]
struct Subtasks {
    subtasks: Vec<Subtask>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Subtask {
    status: String,
    /// When it was deployed, ms since the epoch.
    start_time: i64,
    /// How long it was in each state, in ms.
    status_duration: BTreeMap<String, i64>,
}

impl Subtask {
    fn running_since(&self) -> Option<i64> {
        let spent = |state: &str| self.status_duration.get(state).copied().unwrap_or_default().max(0);
        (self.status == "RUNNING").then(|| self.start_time + spent("DEPLOYING") + spent("INITIALIZING"))
    }
}

/// What a job was submitted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its parallelism.
    pub parallelism: u32,
    /// Its arguments by name, as far as it made them its global parameters.
    pub parameters: BTreeMap<String, String>,
}

/// `GET /jobs/:id/config`
#[derive(Deserialize)]
struct Config {
    #[serde(rename = "execution-config")]
    execution: ExecutionConfig,
}

#[derive(Deserialize)]
struct ExecutionConfig {
    #[serde(rename = "job-parallelism")]
    parallelism: i64,
    #[serde(rename = "user-config")]
    user: BTreeMap<String, String>,
}

/// Cancels a job, without a savepoint.
#[must_use]
pub fn cancel(id: &str) -> Request {
    Request::new(Method::PATCH, format!("/jobs/{id}?mode=cancel"))
}

impl Flink {
    /// All jobs that the cluster remembers, the newest first.
    pub async fn jobs(&self) -> Result<Vec<Summary>> {
        let mut jobs = self.get::<Jobs>("/jobs/overview").await?.jobs;
        jobs.sort_by_key(|job| std::cmp::Reverse(job.start_time));
        Ok(jobs)
    }

    /// A job in detail.
    pub async fn job(&self, id: &str) -> Result<Job> {
        self.get(&format!("/jobs/{id}")).await
    }

    /// A job's exceptions, the newest first.
    pub async fn exceptions(&self, id: &str) -> Result<Vec<Exception>> {
        Ok(self.get::<Exceptions>(&format!("/jobs/{id}/exceptions")).await?.history.entries)
    }

    /// What a job was submitted with.
    pub async fn submitted(&self, id: &str) -> Result<Submitted> {
        let config = self.get::<Config>(&format!("/jobs/{id}/config")).await?.execution;
        // -1 is the cluster's default, which REST never leaves it at.
        Ok(Submitted { parallelism: u32::try_from(config.parallelism).unwrap_or(1), parameters: config.user })
    }

    /// The root cause of a job's newest exception.
    pub async fn newest_cause(&self, id: &str) -> Result<Option<String>> {
        let newest = self.exceptions(id).await?.into_iter().max_by_key(|exception| exception.timestamp);
        Ok(newest.map(|exception| exception.root().to_owned()))
    }

    /// When the last of a job's subtasks began to process records, ms since the epoch, by Flink's own clock; `None` when
    /// not every one does.
    pub async fn running_since(&self, job: &Job) -> Result<Option<i64>> {
        let mut since = Some(0);
        for vertex in &job.vertices {
            let path = format!("/jobs/{}/vertices/{}", job.id, vertex.id);
            for subtask in self.get::<Subtasks>(&path).await?.subtasks {
                since = since.max(subtask.running_since()).filter(|_| subtask.status == "RUNNING");
            }
        }
        Ok(since.filter(|since| *since > 0))
    }

    /// The job that is meant: by id, by the beginning of its id or name, or the only one that is not over.
    pub async fn find_job(&self, wanted: Option<&str>) -> Result<Summary> {
        choose(self.jobs().await?, wanted)
    }
}

fn choose(jobs: Vec<Summary>, wanted: Option<&str>) -> Result<Summary> {
    let list: Vec<String> = jobs.iter().map(|job| format!("\n  {}  {}  {}", job.id, job.state, job.name)).collect();
    let list = list.concat();
    let is_meant = |job: &Summary| match wanted {
        Some(text) => job.id.starts_with(text) || job.name.to_lowercase().starts_with(&text.to_lowercase()),
        None => !job.is_over(),
    };
    let mut meant: Vec<Summary> = jobs.into_iter().filter(is_meant).collect();
    // A name is meant of the one that lives, not of those before it.
    if meant.len() > 1 && meant.iter().any(|job| !job.is_over()) {
        meant.retain(|job| !job.is_over());
    }
    let mut meant = meant.into_iter();
    match (meant.next(), meant.next(), wanted) {
        (Some(job), None, _) => Ok(job),
        (None, _, _) if list.is_empty() => bail!("the cluster has no jobs\n  playground up submits one"),
        (None, _, Some(text)) => Err(Failure::Usage(format!("no job '{text}'; the cluster has:{list}")).into()),
        (None, _, None) => bail!(
            "no job is running; the cluster remembers:{list}\n  playground submit --from-savepoint latest resumes one that was stopped"
        ),
        (Some(_), Some(_), _) => {
            Err(Failure::Usage(format!("more than one job matches; pick one by its id:{list}")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, name: &str, state: &str) -> Summary {
        Summary { id: id.into(), name: name.into(), state: state.into(), start_time: 0, duration: 0 }
    }

    #[test]
    fn the_only_live_job_is_meant_when_none_is_named() {
        let jobs = vec![job("a1", "Click", "CANCELED"), job("b2", "Click", "RESTARTING")];
        assert_eq!(choose(jobs, None).unwrap().id, "b2");
    }

    #[test]
    fn a_name_that_fits_several_jobs_or_none_is_refused() {
        let jobs = || vec![job("a1", "Click", "RUNNING"), job("b2", "Click", "RUNNING")];
        assert!(choose(jobs(), Some("click")).unwrap_err().to_string().starts_with("more than one job matches"));
        assert!(choose(jobs(), Some("x")).unwrap_err().to_string().starts_with("no job 'x'"));
        assert_eq!(choose(jobs(), Some("b")).unwrap().id, "b2");
    }

    #[test]
    fn the_root_cause_is_the_last_one() {
        let trace = "a.B: outer\n\tat x\nCaused by: c.D: middle\n\tat y\nCaused by: e.F: inner\n\tat z\n";
        assert_eq!(root_cause(trace), "e.F: inner");
        assert_eq!(root_cause("a.B: alone\n\tat x"), "a.B: alone");
    }
}
