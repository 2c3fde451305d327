//! Submitting a job under an id of ours. When the answer is lost, that id tells whether Flink took the job: it is never
//! submitted a second time, nor another one beside it, on a guess.

use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use reqwest::StatusCode;
use tokio::time::Instant;

use super::control::{Control, LOOK, Via, shown};
use super::marks::Noted;
use super::savepoint::id as new_id;
use super::submit::explained;
use crate::flink::cli;
use crate::flink::jar::{self, Run};
use crate::flink::job::Summary;
use crate::flink::request::{is_away, refused};
use crate::wait::{Seen, until};

/// How long a job may take to appear whose submission was not answered: Flink runs its `main` first.
const ON_ITS_WAY: Duration = Duration::from_secs(20);

/// A job that Flink may take yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not known whether Flink took job {0}: its answer was lost, and the job has not appeared\n  \
     playground jobs shows whether it runs; playground up goes on with it or with its savepoint, never with both"
)]
pub struct InDoubt(String);

impl Control<'_> {
    /// Submits a job; returns its id. It may be waiting for slots then.
    ///
    /// # Errors
    /// Flink's refusal; [`InDoubt`] where it is not known whether there was one.
    pub async fn run(&self, run: &Run) -> Result<String> {
        // A job that was being submitted when its command was cut off may be on its way, or has just come. Of one id Flink
        // takes only one.
        let noted = Noted::read(self.platform()).await?.starting.map(|mark| mark.target);
        let jobs = self.flink().jobs().await?;
        let is_noted = |job: &&Summary| noted.as_ref() == Some(&job.id);
        match jobs.iter().find(is_noted) {
            Some(come) if !come.is_over() => Ok(come.id.clone()),
            Some(_) => self.run_as(&new_id(), run).await,
            None => self.run_as(&noted.unwrap_or_else(new_id), run).await,
        }
    }

    async fn run_as(&self, id: &str, run: &Run) -> Result<String> {
        match self.via() {
            // Flink's command line chooses the id.
            Via::Cli => {
                let command = cli::run(run);
                self.part("run", Some(shown(&command)), async {
                    let printed = self.flink_command(&command).await?;
                    let id = cli::job(&printed).context("flink run printed no job id")?;
                    Ok((id.clone(), id))
                })
                .await
            }
            Via::Rest => {
                self.marks().starting(id, run.savepoint.as_deref()).await?;
                let request = jar::run(run, id);
                self.part("run", Some(request.to_string()), async {
                    let id = match self.flink().run(&request).await {
                        Ok(id) => id,
                        Err(error) => self.taken_all_the_same(id, error).await?,
                    };
                    Ok((id.clone(), id))
                })
                .await
            }
        }
        .map_err(|error| if error.is::<InDoubt>() { error } else { explained(error, run) })
    }

    /// Whether Flink took a job though it said no, or nothing.
    async fn taken_all_the_same(&self, id: &str, error: Error) -> Result<String> {
        let in_doubt = is_away(&error) || is_late(&error);
        let begun = Instant::now();
        let look = until("the job, or the JobManager's word that there is none", self.limit(), LOOK, async || {
            let seen = match self.flink().jobs().await {
                // One that was refused may be listed all the same, as FAILED from its first moment.
                Ok(jobs) if jobs.iter().any(|job| job.id == id && (in_doubt || !job.is_over())) => {
                    return Ok(Seen::Done(true));
                }
                Ok(_) if !in_doubt || begun.elapsed() > ON_ITS_WAY => return Ok(Seen::Done(false)),
                Ok(_) => "no answer to the submission, and no such job yet",
                Err(_) => "the JobManager does not answer",
            };
            self.waiting("run", seen);
            Ok(Seen::NotYet(seen.to_owned()))
        });
        match look.await {
            Ok(true) => Ok(id.to_owned()),
            Ok(false) if !in_doubt => {
                self.marks().refused().await?;
                Err(error)
            }
            Ok(false) | Err(_) => Err(error.context(InDoubt(id.to_owned()))),
        }
    }
}

/// Whether a server says that something took too long, and so may be done yet.
fn is_late(error: &Error) -> bool {
    refused(error).is_some_and(|refused| {
        matches!(refused.status, StatusCode::GATEWAY_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::REQUEST_TIMEOUT)
            || refused.reason.contains("TimeoutException")
            || refused.reason.contains("timed out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::request::Refused;

    #[test]
    fn a_refusal_is_no_doubt_unless_it_speaks_of_time() {
        let refused = |status, reason: &str| {
            Error::new(Refused { request: "POST /jars/a/run".into(), status, reason: reason.into() })
        };
        let error = StatusCode::INTERNAL_SERVER_ERROR;
        assert!(!is_late(&refused(error, "org.apache.flink.client.program.ProgramInvocationException: no")));
        assert!(is_late(&refused(error, "java.util.concurrent.TimeoutException: Invocation of [..] timed out")));
        assert!(is_late(&refused(StatusCode::GATEWAY_TIMEOUT, "")));
    }
}
