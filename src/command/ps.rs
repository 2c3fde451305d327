//! `playground ps`.

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Status;
use crate::platform::Contract as _;
use crate::report::Terminal;
use crate::report::ps::PsResult;

/// Lists the containers of the project.
pub async fn run(global: &Global, terminal: &Terminal) -> Result<Status> {
    let instances = super::connect(global, terminal).await?.services().await?;
    terminal.result(&PsResult { project: global.project.clone(), instances })?;
    Ok(Status::Pass)
}
