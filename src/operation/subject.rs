//! The job that an operation is done to, as it is found.

use anyhow::{Result, bail};

use super::control::Control;
use crate::failure::Failure;
use crate::flink::job::{Job, Summary, Tasks, Vertex};
use crate::settings::MAX_PARALLELISM;
use crate::workload::model::Workload;

/// A job, observed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    pub(super) summary: Summary,
    pub(super) job: Job,
    /// The root cause of its newest exception.
    pub(super) cause: Option<String>,
}

impl Subject {
    /// The one that is meant, or the only one that is not over.
    pub(super) async fn observe(control: &Control<'_>, wanted: Option<&str>) -> Result<Self> {
        let flink = control.flink();
        let summary = flink.find_job(wanted).await?;
        let (job, cause) = tokio::try_join!(flink.job(&summary.id), flink.newest_cause(&summary.id))?;
        Ok(Self { summary, job, cause })
    }

    /// The job of a stack that is not there yet.
    pub(super) fn expected(parallelism: u32, workload: &Workload) -> Self {
        let name = &workload.job.name;
        let id = ":job".to_owned();
        let summary =
            Summary { id: id.clone(), name: name.clone(), state: "RUNNING".to_owned(), start_time: 0, duration: 0 };
        let vertex = Vertex {
            id: ":vertex".to_owned(),
            name: String::new(),
            parallelism,
            max_parallelism: MAX_PARALLELISM,
            status: "RUNNING".to_owned(),
            tasks: Tasks { running: parallelism, initializing: 0, scheduled: 0, all: parallelism },
        };
        let job =
            Job { id, name: name.clone(), state: "RUNNING".to_owned(), start_time: 0, now: 0, vertices: vec![vertex] };
        Self { summary, job, cause: None }
    }

    pub(super) fn id(&self) -> String {
        self.summary.id.clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.summary.name
    }

    /// The slots that it has: all its vertices share them.
    pub(super) fn slots(&self) -> u32 {
        self.job.vertices.iter().map(|vertex| vertex.tasks.running).max().unwrap_or_default()
    }

    /// Refuses a job that not every subtask of runs: it can give no savepoint.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a job that is over; another with the root cause for one that does not run now.
    pub(super) fn must_run(&self) -> Result<()> {
        let (name, id, state) = (self.name(), &self.summary.id, &self.job.state);
        if self.job.is_running() {
            return Ok(());
        }
        if self.summary.is_over() || matches!(state.as_str(), "FINISHED" | "CANCELED" | "FAILED") {
            let text = format!(
                "{name} ({id}) is already {state}\n  playground savepoint list shows where its state is; playground submit --from-savepoint PATH resumes from it"
            );
            return Err(Failure::Usage(text).into());
        }
        let (running, all) = self.job.subtasks();
        let cause = self.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
        bail!(
            "{name} is {state}, {running} of {all} subtasks RUNNING{cause}\n  A savepoint needs all of them. playground job shows more; playground cancel ends the job without a savepoint"
        )
    }
}
