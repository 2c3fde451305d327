//! `playground job`: one job in detail.

use anyhow::Result;

use crate::cli::Global;
use crate::cli::job::Job as Arguments;
use crate::failure::Status;
use crate::report::Terminal;
use crate::report::job::JobDetails;

/// Prints a job's vertices, checkpoints and exceptions.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let flink = super::reach(global, terminal).await?.1;
    let id = flink.find_job(arguments.job.as_deref()).await?.id;
    let (job, checkpoints, exceptions) =
        tokio::try_join!(flink.job(&id), flink.checkpoints(&id), flink.exceptions(&id))?;
    terminal.result(&JobDetails { job, checkpoints, exceptions })?;
    Ok(Status::Pass)
}
