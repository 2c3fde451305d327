//! Rescaling in place: other resource requirements, and the adaptive scheduler restarts the job from its newest state
//! without a savepoint.

use anyhow::{Result, bail};

use super::control::{Control, Via, now, seconds};
use crate::failure::Failure;
use crate::flink::job::{Job, Summary};
use crate::flink::request::refused;
use crate::flink::requirements::{set, wanted};
use crate::history::operated::{Operated, Outcome};
use crate::wait::Seen;

impl Control<'_> {
    /// Rescales a job in place.
    ///
    /// # Errors
    /// A job under the default scheduler, with what to do; slots that do not come within the time limit.
    pub async fn rescale(&self, job: &Summary, parallelism: u32, scale: bool) -> Result<Operated> {
        if self.via() == Via::Cli {
            let text = "Flink's command line cannot rescale in place; leave out --via cli";
            bail!(Failure::Usage(text.to_owned()));
        }
        self.must_run(&job.id).await?;
        self.must_be_adaptive(job).await?;
        self.make_room(&job.id, parallelism, scale).await?;
        let before = self.flink().job(&job.id).await?;
        let request = set(&before, parallelism);
        let asked_at = now();
        let since = self
            .part("rescale", Some(request.to_string()), async {
                self.flink().order(&request).await?;
                self.until("rescale", format_args!("parallelism {parallelism} in every vertex"), async || {
                    let job = self.flink().job(&job.id).await?;
                    let seen = describe(&job);
                    let since = self.flink().running_since(&job).await?.filter(|_| job.is_running());
                    Ok(match since {
                        Some(since) if is_at(&job, parallelism) => Seen::Done((since, seen)),
                        _ => Seen::NotYet(seen),
                    })
                })
                .await
            })
            .await?;
        // A job that had the parallelism already was not interrupted.
        let downtime =
            if since >= asked_at { Some(seconds(self.down_from(&job.id, asked_at).await?, since)) } else { None };
        let (parts, seconds_in_all) = self.take_parts();
        Ok(Operated {
            operation: "rescale".to_owned(),
            outcome: Outcome::Done,
            reason: None,
            job: Some(job.id.clone()),
            savepoint: None,
            parallelism: Some(parallelism),
            downtime,
            seconds: seconds_in_all,
            parts,
        })
    }

    /// When a job that was rescaled went down. The scheduler lets it run on until its next checkpoint is complete, and
    /// restarts it from there; a job that takes none goes down when it is asked.
    async fn down_from(&self, job: &str, asked_at: i64) -> Result<i64> {
        let restored = self.flink().checkpoints(job).await?.latest.restored;
        match restored.filter(|restored| restored.restore_timestamp >= asked_at) {
            Some(restored) => Ok(self.flink().checkpoint_completed_at(job, restored.id).await?.max(asked_at)),
            None => Ok(asked_at),
        }
    }

    /// Asked before anything is changed: the default scheduler has no resource requirements to tell.
    async fn must_be_adaptive(&self, job: &Summary) -> Result<()> {
        match self.flink().requirements(&job.id).await {
            Err(error) if refused(&error).is_some_and(|refused| refused.reason.contains("UnsupportedOperation")) => {
                bail!(Failure::Usage(format!(
                    "{} runs under the default scheduler, which cannot rescale in place\n  \
                     playground up --scheduler adaptive brings the stack up so that it can;\n  \
                     playground upgrade --parallelism N rescales through a savepoint under any scheduler",
                    job.name
                )))
            }
            answer => answer,
        }
    }
}

fn is_at(job: &Job, parallelism: u32) -> bool {
    job.vertices.iter().all(|vertex| vertex.parallelism == wanted(parallelism, vertex.max_parallelism))
}

fn describe(job: &Job) -> String {
    let (running, all) = job.subtasks();
    let parallelism: Vec<String> = job.vertices.iter().map(|vertex| vertex.parallelism.to_string()).collect();
    format!("{running} of {all} subtasks RUNNING, parallelism {}", parallelism.join(" and "))
}
