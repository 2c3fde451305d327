//! `playground jobs`: lists the jobs that the cluster knows.

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Status;
use crate::report::Terminal;
use crate::report::job::JobList;

/// Prints every job, finished ones included.
pub async fn run(global: &Global, terminal: &Terminal) -> Result<Status> {
    let flink = super::reach(global, terminal).await?.1;
    terminal.result(&JobList { jobs: flink.jobs().await? })?;
    Ok(Status::Pass)
}
