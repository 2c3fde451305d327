//! Doing an operation: one at a time, with what it consisted of as its result.

use anyhow::{Result, anyhow};

use super::control::Control;
use super::model::{From, Operation, Submit};
use super::savepoint::latest;
use super::submit::{JarChoice, origin};
use crate::failure::Failure;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::history::operated::{Operated, Outcome};
use crate::settings::{JobVariant, PARALLELISM};
use crate::workload::{JAR, JOB};

impl Control<'_> {
    /// Does an operation, on the job that is meant or on the only one.
    pub async fn perform(&self, operation: &Operation, job: Option<&str>) -> Result<Operated> {
        let job = match operation {
            Operation::Submit(_) | Operation::Scale { .. } | Operation::Dispose { .. } => None,
            _ => Some(self.flink().find_job(job).await?),
        };
        match &job {
            Some(job) => self.on_job(operation, job).await,
            None => self.on_cluster(operation).await,
        }
    }

    async fn on_job(&self, operation: &Operation, job: &Summary) -> Result<Operated> {
        let mut done = Operated::of(operation.name());
        done.job = Some(job.id.clone());
        match operation {
            Operation::Upgrade(to) => {
                let upgraded = self.upgrade(job, to).await?;
                self.marks().settled().await?;
                return Ok(upgraded);
            }
            Operation::Rescale { parallelism, scale } => return self.rescale(job, *parallelism, *scale).await,
            Operation::Stop { drain } => {
                done.savepoint = Some(self.stop(job, *drain).await?.savepoint);
            }
            Operation::Cancel => {
                self.cancel(job).await?;
                self.marks().settled().await?;
            }
            _ => done.savepoint = Some(self.savepoint(job).await?),
        }
        (done.parts, done.seconds) = self.take_parts();
        Ok(done)
    }

    async fn on_cluster(&self, operation: &Operation) -> Result<Operated> {
        let mut done = Operated::of(operation.name());
        match operation {
            Operation::Submit(submit) => {
                let run = self.what_to_submit(submit).await?;
                let id = if submit.detached { self.run(&run).await? } else { self.submit(&run).await? };
                self.marks().settled().await?;
                done.job = Some(id);
                (done.savepoint, done.parallelism) = (run.savepoint, Some(run.parallelism));
            }
            Operation::Scale { taskmanagers, force } => self.scale(*taskmanagers, *force).await?,
            Operation::Dispose { path } => {
                self.dispose(path).await?;
                done.savepoint = Some(path.clone());
            }
            _ => {}
        }
        (done.parts, done.seconds) = self.take_parts();
        Ok(done)
    }

    /// How the click job ran last. One that was refused has left nothing to tell of.
    async fn last_run(&self, jobs: &[Summary]) -> Option<Run> {
        for job in jobs.iter().filter(|job| job.name == JOB) {
            if let Ok(run) = origin(self.flink(), &job.id).await {
                return Some(run);
            }
        }
        None
    }

    /// The newest savepoint of the click job, or of any when the JobManager has forgotten that there was one.
    async fn latest_of(&self, last: Option<&Summary>) -> Result<String> {
        if let Some(last) = last
            && let Ok(savepoint) = latest(self.platform(), Some(&last.id)).await
        {
            return Ok(savepoint.path);
        }
        Ok(latest(self.platform(), None).await?.path)
    }

    /// What is not named is as it was in the click job that ran last, or as `up` would have it.
    async fn what_to_submit(&self, submit: &Submit) -> Result<Run> {
        let jobs = self.flink().jobs().await?;
        let mut run = match self.last_run(&jobs).await {
            Some(last) => last,
            None => Run {
                jar: String::new(),
                parallelism: PARALLELISM,
                arguments: JobVariant::default().arguments(),
                savepoint: None,
                allow_non_restored_state: false,
            },
        };
        match &submit.jar {
            Some(choice) => run.jar = self.jar(choice).await?,
            None if run.jar.is_empty() => run.jar = self.jar(&JarChoice::Uploaded(JAR.to_owned())).await?,
            None => {}
        }
        if let Some(arguments) = &submit.arguments {
            run.arguments.clone_from(arguments);
        } else if !run.jar.contains(JAR) {
            // Another program's arguments are no good to it.
            run.arguments = Vec::new();
        }
        if let Some(live) = jobs.iter().find(|job| job.name == JOB && !job.is_over() && run.jar.contains(JAR)) {
            return Err(anyhow!(Failure::Usage(format!(
                "{JOB} ({}) is {}: two of them would count every click twice\n  \
                 playground upgrade changes it; playground stop ends it first",
                live.id, live.state
            ))));
        }
        run.parallelism = submit.parallelism.unwrap_or(run.parallelism);
        run.allow_non_restored_state = submit.allow_non_restored_state;
        run.savepoint = match &submit.from {
            Some(From::Path(path)) => Some(path.clone()),
            Some(From::Latest) => Some(self.latest_of(jobs.iter().find(|job| job.name == JOB)).await?),
            None => None,
        };
        Ok(run)
    }
}

impl Operated {
    /// One of which nothing is known yet.
    fn of(operation: &str) -> Self {
        Self {
            operation: operation.to_owned(),
            outcome: Outcome::Done,
            reason: None,
            job: None,
            savepoint: None,
            parallelism: None,
            downtime: None,
            seconds: 0.0,
            parts: Vec::new(),
        }
    }
}
