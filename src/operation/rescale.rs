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
        let (parts, seconds_in_all) = self.take_parts();
        // A job that had the parallelism already was not interrupted.
        let downtime = (since >= asked_at).then(|| seconds(asked_at, since));
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
