//! Ending a job without a savepoint.

use std::time::Instant;

use anyhow::{Result, anyhow};

use super::channel::{Answer, Order};
use super::control::Control;
use super::plan::{Part, Plan};
use super::subject::Subject;
use crate::failure::Failure;
use crate::flink::job::Summary;
use crate::wait::Seen;

/// The part that operations call this.
pub(super) const PART: &str = "cancel";

/// The parts of cancelling a job.
pub(super) fn plan(subject: &Subject) -> Result<Plan> {
    must_live(&subject.summary)?;
    Ok(Plan {
        operation: "cancel",
        subject: Some(subject.summary.clone()),
        parts: vec![Part::order(PART, "without a savepoint", Order::Cancel { job: subject.id() })],
        roll_back: Vec::new(),
        starts: None,
        untouched: None,
    })
}

fn must_live(job: &Summary) -> Result<()> {
    if job.is_over() {
        let text = format!("{} ({}) is already {}", job.name, job.id, job.state);
        return Err(Failure::Usage(text).into());
    }
    Ok(())
}

impl Control<'_> {
    /// Cancels a job and returns once it is over.
    pub async fn cancel(&self, job: &Summary) -> Result<()> {
        must_live(job)?;
        self.end(&job.id).await
    }

    /// Ends a job, unless it is over or Flink does not have it: asks until it is known to be.
    pub(super) async fn end(&self, id: &str) -> Result<()> {
        let (order, begun) = (Order::Cancel { job: id.to_owned() }, Instant::now());
        while self.lives(id).await? {
            let lost = match self.ask(PART, &order).await? {
                Answer::Done(_) => {
                    return self.part("over", None, async { Ok(((), self.over(id).await?)) }).await;
                }
                // It may have ended by itself just then.
                Answer::Refused(error) if self.lives(id).await? => return Err(error),
                Answer::Refused(_) => return Ok(()),
                Answer::Lost(error) => error,
            };
            if begun.elapsed() > self.limit() {
                return Err(anyhow!("{lost:#}").context(format!("job {id}: it is not known whether it was cancelled")));
            }
        }
        Ok(())
    }

    /// Whether Flink has a job that may still run, once a JobManager answers.
    pub(super) async fn lives(&self, id: &str) -> Result<bool> {
        self.settle(PART, format_args!("job {id}"), async || {
            let jobs = self.flink().jobs().await?;
            Ok(Seen::Done(jobs.iter().any(|job| job.id == id && !job.is_over())))
        })
        .await
    }

    /// Waits until a job is over; returns its last state.
    async fn over(&self, id: &str) -> Result<String> {
        self.settle("over", format_args!("the end of job {id}"), async || {
            let found = self.flink().jobs().await?.into_iter().find(|job| job.id == id);
            Ok(match found {
                Some(job) if !job.is_over() => Seen::NotYet(job.state),
                Some(job) => Seen::Done(job.state),
                None => Seen::Done("gone".to_owned()),
            })
        })
        .await
    }
}
