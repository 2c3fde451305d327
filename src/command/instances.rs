//! `playground kill` and `playground start`: the same to each instance that a name means.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::own::owning;
use super::target;
use crate::cli::Global;
use crate::cli::stack::Instance as Arguments;
use crate::failure::Status;
use crate::platform::{Contract as _, Instance, Platform};
use crate::report::Terminal;
use crate::report::instances::Changed;

/// What is done to an instance.
#[derive(Debug, Clone, Copy)]
enum Act {
    Kill,
    Start,
}

impl Act {
    /// The command's name.
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Start => "start",
        }
    }

    async fn on(self, platform: &Platform, instance: &str) -> Result<()> {
        match self {
            Self::Kill => platform.kill(instance).await,
            Self::Start => platform.start(instance).await,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Start => "started",
        }
    }

    /// What undoes it, and what shows its effect.
    fn next(self, name: &str) -> Vec<String> {
        match self {
            Self::Kill => vec![format!("start {name}"), "ps".to_owned()],
            Self::Start => vec!["ps".to_owned()],
        }
    }
}

/// Kills processes as a crash would. They are not restarted.
pub async fn kill(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    change(Act::Kill, global, arguments, terminal).await
}

/// Makes instances run and be reachable, whether they were killed, paused or disconnected.
pub async fn start(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    change(Act::Start, global, arguments, terminal).await
}

async fn change(act: Act, global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let instances = owning(global, act.name(), terminal, async |platform| {
        let there = platform.services().await?;
        let found = target::find(&arguments.name, &global.project, &there)?;
        let instances: Vec<String> = found.into_iter().map(Instance::name).collect();
        try_join_all(instances.iter().map(|instance| act.on(platform, instance))).await?;
        Ok(instances)
    })
    .await?;
    let next = act.next(&arguments.name);
    terminal.result(&Changed { project: global.project.clone(), done: act.done(), instances, next })?;
    Ok(Status::Pass)
}
