//! `playground down`.

use anyhow::Result;

use crate::cli::Global;
use crate::cli::stack::Down as Arguments;
use crate::failure::Status;
use crate::platform::{Contract as _, Extent, Platform};
use crate::report::Terminal;
use crate::report::down::DownResult;

/// Takes the project away. What is broken goes with it, so nothing is mended first.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let platform = Platform::connect(&global.project).await?;
    let extent = if arguments.volumes { Extent::Everything } else { Extent::Containers };
    let removed = platform.remove(extent).await?;
    let (kept, foreign) = tokio::try_join!(platform.volumes(), platform.foreign())?;
    terminal.result(&DownResult { project: global.project.clone(), removed, kept, foreign })?;
    Ok(Status::Pass)
}
