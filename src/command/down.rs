//! `playground down`.

use anyhow::Result;

use super::own::alone;
use crate::cli::Global;
use crate::cli::stack::Down as Arguments;
use crate::failure::Status;
use crate::platform::{Contract as _, Extent};
use crate::report::Terminal;
use crate::report::down::DownResult;

/// Removes the project. Its faults disappear with it, so they are not undone first.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let extent = if arguments.volumes { Extent::Everything } else { Extent::Containers };
    let result = alone(global, "down", terminal, async |platform| {
        let removed = platform.remove(extent).await?;
        let (kept, foreign) = tokio::try_join!(platform.volumes(), platform.foreign())?;
        Ok(DownResult { project: global.project.clone(), removed, kept, foreign })
    })
    .await?;
    terminal.result(&result)?;
    Ok(Status::Pass)
}
