//! Ending a job without a savepoint.

use anyhow::Result;

use super::control::{Control, Via, shown};
use crate::failure::Failure;
use crate::flink::cli;
use crate::flink::job::{self, Summary};
use crate::wait::Seen;

impl Control<'_> {
    /// Cancels a job and returns once it is over.
    pub async fn cancel(&self, job: &Summary) -> Result<()> {
        if job.is_over() {
            let text = format!("{} ({}) is {} already", job.name, job.id, job.state);
            return Err(Failure::Usage(text).into());
        }
        let (command, request) = (cli::cancel(&job.id), job::cancel(&job.id));
        let asked = if self.via() == Via::Cli { shown(&command) } else { request.to_string() };
        self.part("cancel", Some(asked), async {
            match self.via() {
                Via::Cli => drop(self.flink_command(&command).await?),
                Via::Rest => self.flink().order(&request).await?,
            }
            let state = self.over(&job.id, "cancel").await?;
            Ok(((), state))
        })
        .await
    }

    /// Waits until a job is over; returns its last state.
    pub(super) async fn over(&self, id: &str, part: &str) -> Result<String> {
        self.until(part, "the job's end", async || {
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
