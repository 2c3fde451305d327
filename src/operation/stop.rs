//! Stopping a job with a savepoint, whatever happens to the JobManager meanwhile.
//!
//! The trigger of the request lives in the JobManager's memory. When that is lost, what became of the job tells what to do:
//! one that high availability brought back was not stopped, and is asked again; one that is over has left its savepoint on
//! disk, where it is found by the job's id.

use anyhow::{Context as _, Error, Result, bail};
use reqwest::StatusCode;

use super::control::{Control, Via, now, seconds, shown};
use super::savepoint::{on_disk, trigger};
use crate::flink::job::Summary;
use crate::flink::request::{is_away, refused};
use crate::flink::{cli, savepoint as api};
use crate::wait::Seen;

/// A job that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Where its state is.
    pub savepoint: String,
    /// When it was asked to stop, ms since the epoch.
    pub asked_at: i64,
}

/// What became of a job whose JobManager was lost while it was being stopped.
enum Aftermath {
    Runs,
    Stopped(String),
}

/// The part that operations call this.
const PART: &str = "stop";

impl Control<'_> {
    /// Stops a job with a savepoint. `drain` lets all windows fire first, for a job that will not go on.
    ///
    /// # Errors
    /// Where its state is, whenever the job may have been stopped.
    pub async fn stop(&self, job: &Summary, drain: bool) -> Result<Stopped> {
        self.must_run(&job.id).await?;
        let asked_at = now();
        loop {
            let lost = match self.try_stop(job, drain).await {
                Ok(savepoint) => return Ok(Stopped { savepoint, asked_at }),
                Err(error) if self.is_lost(&error).await => error,
                Err(error) => {
                    let text = format!("{} is not stopped; playground job shows how it is", job.name);
                    return Err(error.context(text));
                }
            };
            if seconds(asked_at, now()) > self.limit().as_secs_f64() {
                return Err(lost.context(self.whereabouts(job, "the time limit is over").await));
            }
            match self.part("JobManager lost", None, self.aftermath(job, asked_at)).await {
                Ok(Aftermath::Stopped(savepoint)) => return Ok(Stopped { savepoint, asked_at }),
                Ok(Aftermath::Runs) => {}
                Err(error) => {
                    return Err(error.context(self.whereabouts(job, "the JobManager was lost meanwhile").await));
                }
            }
        }
    }

    async fn try_stop(&self, job: &Summary, drain: bool) -> Result<String> {
        match self.via() {
            Via::Cli => {
                let command = cli::stop(&job.id, drain);
                self.part(PART, Some(shown(&command)), async {
                    let printed = self.flink_command(&command).await?;
                    let location = cli::location(&printed).context("flink stop told no path")?;
                    Ok((location.clone(), location))
                })
                .await
            }
            Via::Rest => {
                let request = api::stop(&job.id, drain, &trigger());
                self.part(PART, Some(request.to_string()), async {
                    let trigger = self.flink().trigger(&request).await?;
                    let location = self.location(&job.id, &trigger, PART).await?;
                    Ok((location.clone(), location))
                })
                .await
            }
        }
    }

    /// Whether an error says that the JobManager which was asked is gone, another in its place or not.
    async fn is_lost(&self, error: &Error) -> bool {
        let forgotten = refused(error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND);
        is_away(error) || forgotten || self.flink().overview().await.is_err_and(|error| is_away(&error))
    }

    async fn aftermath(&self, job: &Summary, asked_at: i64) -> Result<(Aftermath, String)> {
        let state = self
            .until("JobManager lost", "the JobManager and its jobs", async || {
                let jobs = self.flink().jobs().await?;
                let Some(found) = jobs.into_iter().find(|one| one.id == job.id) else {
                    return Ok(Seen::Done(None));
                };
                if found.is_over() {
                    return Ok(Seen::Done(Some(found.state)));
                }
                let (running, all) = self.flink().job(&job.id).await?.subtasks();
                let seen = format!("{}, {running} of {all} subtasks RUNNING", found.state);
                Ok(if running == all && all > 0 { Seen::Done(Some("RUNNING".to_owned())) } else { Seen::NotYet(seen) })
            })
            .await?;
        if state.as_deref() == Some("RUNNING") {
            return Ok((Aftermath::Runs, "the job was brought back: it is asked again".to_owned()));
        }
        let savepoints = on_disk(self.platform()).await?;
        let its_own = |time: Option<i64>| time.is_some_and(|time| time >= asked_at - 1000);
        let found = savepoints.into_iter().find(|one| one.readable && one.is_of(&job.id) && its_own(one.time_ms));
        match found {
            Some(savepoint) => {
                let seen = format!("the job is over, its savepoint is on disk: {}", savepoint.path);
                Ok((Aftermath::Stopped(savepoint.path), seen))
            }
            None => bail!("{} is {}, and left no savepoint", job.name, state.as_deref().unwrap_or("forgotten")),
        }
    }

    /// Where a job's state is, for an error's message.
    async fn whereabouts(&self, job: &Summary, why: &str) -> String {
        let name = &job.name;
        let found = match on_disk(self.platform()).await {
            Ok(savepoints) => savepoints.into_iter().find(|one| one.readable && one.is_of(&job.id)).map_or_else(
                || {
                    "it has no savepoint; its checkpoints are kept, and high availability goes on from the newest"
                        .to_owned()
                },
                |savepoint| format!("its newest savepoint is {}", savepoint.path),
            ),
            Err(error) => format!("its savepoints are in /flink-data/savepoints, but could not be read: {error:#}"),
        };
        format!(
            "{name} may be stopped or not: {why}\n  {found}\n  playground start jobmanager brings the JobManager back, and the job with it if it was not stopped"
        )
    }
}
