//! Waiting until a job that was submitted is up, or is known not to come up.

use anyhow::Result;
use reqwest::StatusCode;

use super::control::Control;
use crate::flink::job::Job;
use crate::flink::request::refused;
use crate::wait::Seen;

/// The part that operations call this.
pub(super) const PART: &str = "running";
/// This many exceptions after its start show that a job will not come up by itself.
const ATTEMPTS: usize = 3;
/// A job that has been running for this long, in ms, is up even if its first checkpoint has not completed.
const SETTLED_MS: i64 = 3_000;

/// How a submitted job came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CameUp {
    /// The job of this name processes records in every subtask since this time, ms since the epoch, by Flink's clock.
    Well { name: String, since: i64, parallelism: u32, seen: String },
    /// It will not come up, or did not in time.
    Not(String),
}

impl Control<'_> {
    /// Waits until a job is up: every subtask processes records and, where it takes checkpoints, the first is complete.
    /// The adaptive scheduler may begin with fewer slots than `parallelism` takes, and restart the job a moment later.
    pub(super) async fn comes_up(&self, id: &str, parallelism: u32) -> Result<CameUp> {
        self.part(PART, None, async {
            let waited = self.until(PART, "every subtask RUNNING", async || self.look_up(id, parallelism).await).await;
            let why_not = |error| if self.is_interrupted() { "interrupted".to_owned() } else { format!("{error:#}") };
            let came = waited.unwrap_or_else(|error| CameUp::Not(why_not(error)));
            let seen = match &came {
                CameUp::Well { seen, .. } => seen.clone(),
                CameUp::Not(cause) => format!("did not come up: {cause}"),
            };
            Ok((came, seen))
        })
        .await
    }

    async fn look_up(&self, id: &str, parallelism: u32) -> Result<Seen<CameUp>> {
        match self.looked_up(id, parallelism).await {
            // A JobManager that was started again may have to find it first.
            Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND) => {
                Ok(Seen::NotYet(format!("Flink does not know job {id}")))
            }
            seen => seen,
        }
    }

    async fn looked_up(&self, id: &str, parallelism: u32) -> Result<Seen<CameUp>> {
        let job = self.flink().job(id).await?;
        let exceptions = self.flink().exceptions(id).await?;
        let newest = exceptions.iter().max_by_key(|exception| exception.timestamp);
        let cause = newest.map(|exception| exception.root().to_owned());
        if matches!(job.state.as_str(), "FAILED" | "CANCELED") || exceptions.len() >= ATTEMPTS {
            let cause = cause.unwrap_or_else(|| "Flink gives no cause".to_owned());
            return Ok(Seen::Done(CameUp::Not(format!("{} after {} attempts: {cause}", job.state, exceptions.len()))));
        }
        let Some(since) = self.flink().running_since(&job).await?.filter(|_| job.is_running()) else {
            return Ok(Seen::NotYet(self.what_it_waits_for(&job, cause).await?));
        };
        let (running, all) = job.subtasks();
        let seen = format!("{running} of {all} subtasks, parallelism {}", job.parallelism());
        // A job that restores its state but throws at the first record was running for a moment, too. One whose program
        // sets its own parallelism never has the requested one.
        let is_whole = job.parallelism() >= parallelism;
        let settled =
            job.now - since > SETTLED_MS || is_whole && self.flink().checkpoints(id).await?.counts.completed > 0;
        if !settled {
            let missing = if is_whole {
                "the first checkpoint has not completed yet"
            } else {
                "not at the requested parallelism yet"
            };
            return Ok(Seen::NotYet(format!("{seen}; {missing}")));
        }
        Ok(Seen::Done(CameUp::Well { parallelism: job.parallelism(), name: job.name, since, seen }))
    }

    async fn what_it_waits_for(&self, job: &Job, cause: Option<String>) -> Result<String> {
        let (running, all) = job.subtasks();
        let waiting = job.vertices.iter().map(|vertex| vertex.tasks.scheduled).max().unwrap_or_default();
        let mut seen = format!("{running} of {all} subtasks RUNNING");
        if waiting > 0 {
            let free = self.flink().overview().await?.slots_available;
            let missing = job.parallelism().saturating_sub(free);
            if missing > 0 {
                seen = format!("waiting for slots: {missing} of {} missing", job.parallelism());
            }
        }
        Ok(cause.map_or(seen.clone(), |cause| format!("{seen}; {cause}")))
    }
}
