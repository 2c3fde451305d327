//! `playground workload`: list, show or check workloads.

use anyhow::Result;

use crate::cli::Global;
use crate::cli::workload::{Action, Workload as Arguments};
use crate::failure::Status;
use crate::report::Terminal;
use crate::report::workload::{Checked, WorkloadList, WorkloadText};
use crate::workload::catalog;

/// Runs the subcommand.
#[allow(clippy::unused_async, reason = "as the other commands")]
pub async fn run(_: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    match arguments.action {
        Action::List => terminal.result(&WorkloadList::of(&catalog::all()?))?,
        Action::Show { name } => terminal.result(&WorkloadText { text: catalog::text(&name)?, name })?,
        Action::Check { file } => terminal.result(&Checked { workload: catalog::find(&file)?, file })?,
    }
    Ok(Status::Pass)
}
