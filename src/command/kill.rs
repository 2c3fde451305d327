//! `playground kill`.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::own::owning;
use super::target;
use crate::cli::Global;
use crate::cli::stack::Instance as Arguments;
use crate::failure::Status;
use crate::platform::{Contract as _, Instance};
use crate::report::Terminal;
use crate::report::instances::Changed;

/// Kills processes as a crash would. They are not restarted.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let instances = owning(global, "kill", terminal, async |platform| {
        let there = platform.services().await?;
        let found = target::find(&arguments.name, &global.project, &there)?;
        let instances: Vec<String> = found.into_iter().map(Instance::name).collect();
        try_join_all(instances.iter().map(|instance| platform.kill(instance))).await?;
        Ok(instances)
    })
    .await?;
    let next = vec![format!("start {}", arguments.name), "ps".to_owned()];
    terminal.result(&Changed { project: global.project.clone(), done: "killed", instances, next })?;
    Ok(Status::Pass)
}
