//! Stopping a job with a savepoint, whatever happens to the JobManager meanwhile.
//!
//! The trigger of the request lives in the JobManager's memory. When that is lost, what became of the job tells what to do:
//! one that high availability brought back was not stopped, and is asked again; one that is over has left its savepoint on
//! disk, where it is found by the job's id.

use anyhow::{Error, Result, anyhow, bail};
use reqwest::StatusCode;

use super::control::{Control, LOOK, Via, now, seconds, shown};
use super::savepoint::{id, on_disk};
use crate::flink::cli;
use crate::flink::job::Summary;
use crate::flink::request::{Request, is_away, refused};
use crate::flink::savepoint::{self as api, Progress};
use crate::wait::{Seen, until};

/// A job that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Where its state is.
    pub savepoint: String,
    /// When it was asked to stop, ms since the epoch.
    pub asked_at: i64,
}

/// What came of asking for a stop.
enum Asked {
    /// The savepoint is there.
    Stopped(String),
    /// Flink says that there will be none, and why; the job runs on.
    Refused(String),
    /// Not within the time limit: Flink is still at it.
    Late,
    /// The JobManager that was asked did not tell what became of it.
    Lost(Error),
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
        // The same one each time: a JobManager that was only slow takes no second savepoint.
        let trigger = id();
        self.marks().stopping(&job.id, Some(trigger.as_str()).filter(|_| self.via() == Via::Rest)).await?;
        let stopped = self.ask_until_stopped(job, drain, &trigger, asked_at).await?;
        // What is drained has fired windows that were not full: nothing goes on from there.
        self.marks().stopped(&job.id, Some(stopped.savepoint.as_str()).filter(|_| !drain)).await?;
        Ok(stopped)
    }

    async fn ask_until_stopped(&self, job: &Summary, drain: bool, trigger: &str, asked_at: i64) -> Result<Stopped> {
        loop {
            let lost = match self.ask_to_stop(job, drain, trigger).await? {
                Asked::Stopped(savepoint) => return Ok(Stopped { savepoint, asked_at }),
                Asked::Refused(cause) => {
                    self.marks().runs_on().await?;
                    bail!("{} is not stopped, and runs on: {cause}\n  playground job shows how it is", job.name)
                }
                Asked::Late => bail!(self.whereabouts(job, "it was asked to, and the time limit is over").await),
                Asked::Lost(error) => error,
            };
            if seconds(asked_at, now()) > self.limit().as_secs_f64() {
                return Err(
                    lost.context(self.whereabouts(job, "the JobManager was lost, and the time limit is over").await)
                );
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

    async fn ask_to_stop(&self, job: &Summary, drain: bool, trigger: &str) -> Result<Asked> {
        let (command, request) = (cli::stop(&job.id, drain), api::stop(&job.id, drain, trigger));
        let asked = if self.via() == Via::Cli { shown(&command) } else { request.to_string() };
        self.part(PART, Some(asked), async {
            let asked = match self.via() {
                Via::Cli => self.stop_by_command(job, &command).await,
                Via::Rest => self.stop_by_request(job, &request).await?,
            };
            let seen = match &asked {
                Asked::Stopped(savepoint) => savepoint.clone(),
                Asked::Refused(cause) => format!("refused: {cause}"),
                Asked::Late => "not done within the time limit".to_owned(),
                Asked::Lost(error) => format!("no answer: {error:#}"),
            };
            Ok((asked, seen))
        })
        .await
    }

    /// A command that fails does not tell whether the job was stopped before it did: the job itself tells.
    async fn stop_by_command(&self, job: &Summary, command: &[String]) -> Asked {
        let failed = match self.flink_command(command).await {
            Ok(printed) => match cli::location(&printed) {
                Some(savepoint) => return Asked::Stopped(savepoint),
                None => anyhow!("flink stop told no path"),
            },
            Err(error) => error,
        };
        match self.flink().job(&job.id).await {
            Ok(job) if job.is_running() => Asked::Refused(format!("{failed:#}")),
            _ => Asked::Lost(failed),
        }
    }

    async fn stop_by_request(&self, job: &Summary, request: &Request) -> Result<Asked> {
        let trigger = match self.flink().trigger(request).await {
            Ok(trigger) => trigger,
            Err(error) if is_lost(&error) => return Ok(Asked::Lost(error)),
            Err(error) => return Err(error),
        };
        let status = api::status(&job.id, &trigger);
        let waited = until("the savepoint", self.limit(), LOOK, async || {
            Ok(Seen::Done(match self.flink().progress(&status).await {
                Ok(Progress::Done(Some(savepoint))) => Asked::Stopped(savepoint),
                Ok(Progress::Done(None)) => Asked::Lost(anyhow!("Flink told no path of the savepoint")),
                Ok(Progress::Failed(cause)) => Asked::Refused(cause),
                Ok(Progress::Under) => {
                    let seen = "the savepoint is under way";
                    self.waiting(PART, seen);
                    return Ok(Seen::NotYet(seen.to_owned()));
                }
                Err(error) => Asked::Lost(error),
            }))
        });
        // The look itself never fails: what does is the time limit.
        Ok(waited.await.unwrap_or(Asked::Late))
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

/// Whether an error says that the JobManager which was asked is gone, another in its place or not.
fn is_lost(error: &Error) -> bool {
    is_away(error) || refused(error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND)
}
