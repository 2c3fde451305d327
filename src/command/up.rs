//! `playground up`: brings the stack up and returns once it works.

use std::time::Duration;

use anyhow::{Context as _, Error, Result};

use super::interrupt::interrupted;
use super::own::owning;
use crate::cli::Global;
use crate::cli::stack::Up as Arguments;
use crate::failure::{Failure, Status, with};
use crate::operation::reach;
use crate::operation::up::{Beginning, Ended, News, Reached, Up};
use crate::operation::workload::Named;
use crate::platform::{Contract as _, Extent, Platform};
use crate::report::Terminal;
use crate::report::live::UpProgress;
use crate::report::up::UpResult;
use crate::stack::Stack;

/// Brings the stack up; Ctrl-C removes what this call created, if there was no stack before.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let settings = arguments.stack.settings(&global.project)?;
    super::must_be_of_platform(&settings, global)?;
    if let Some(asked) = &settings.workload {
        // What is wrong with its file needs no engine to be told.
        Named::find(asked)?;
    }
    let limit = Duration::from_secs(arguments.timeout);
    let beginning = if arguments.fresh { Beginning::Fresh } else { Beginning::State };
    let result = owning(global, "up", terminal, async |platform| {
        let named = Named::meant(settings.workload.as_deref(), platform).await?;
        let settings = settings.of_workload(&named.workload)?;
        let stack = Stack::load(&settings, &named.workload)?;
        named.must_fit(platform, &stack).await?;
        named.note(platform, &stack).await?;
        let up = Up { platform, stack: &stack, workload: &named.workload, settings: &settings, beginning, limit };
        let parts = bring_up(up, terminal).await?;
        let flink = reach::page(platform)
            .await?
            .context("the JobManager is gone already; playground ps shows what is running")?;
        let kafka = reach::kafka(platform).await?.with_context(|| super::none_runs(reach::KAFKA, global))?;
        let flink_via = platform.way_to(&flink.instance, settings.rest_port, reach::REST);
        let kafka_via = platform.way_to(&kafka.instance, kafka.port, reach::BROKER);
        // Where this process reaches it is gone with the process.
        let flink = if flink_via.is_some() { format!("127.0.0.1:{}", settings.rest_port) } else { flink.to_string() };
        let (project, flink, kafka) = (settings.project.clone(), format!("http://{flink}"), kafka.to_string());
        Ok(UpResult { project, flink, flink_via, kafka, kafka_via, options: settings.kept(), parts })
    })
    .await?;
    terminal.result(&result)?;
    Ok(Status::Pass)
}

async fn bring_up(up: Up<'_>, terminal: &Terminal) -> Result<Vec<Reached>> {
    let before = Before::look(up.platform).await?;
    let stop = std::pin::pin!(interrupted());
    let mut progress = UpProgress::new(terminal);
    let mut parts = Vec::new();
    let ended = up.run(stop, |news| {
        progress.tell(&news);
        if let News::Reached(reached) = news {
            parts.push(reached);
        }
    });
    let ended = ended.await;
    progress.finish();
    match ended {
        Ok(Ended::Well) => Ok(parts),
        Ok(Ended::Interrupted) => Err(before.take_back(up.platform, terminal, interruption()).await),
        Err(error) => Err(before.take_back(up.platform, terminal, error).await),
    }
}

/// The error of a command that its user interrupted, where there is nothing else to say.
pub(super) fn interruption() -> Error {
    Failure::Interrupted("interrupted".to_owned()).into()
}

/// What existed before the stack was brought up, so that an interruption removes only what was created since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    containers: bool,
    volumes: bool,
}

impl Before {
    /// Checks what exists now.
    pub(super) async fn look(platform: &Platform) -> Result<Self> {
        let (services, volumes) = tokio::try_join!(platform.services(), platform.volumes())?;
        Ok(Self { containers: !services.is_empty(), volumes: !volumes.is_empty() })
    }

    /// Removes what was created since, unless there was a stack before, and says so. Returns the error that led here, with
    /// what could not be removed.
    pub(super) async fn take_back(self, platform: &Platform, terminal: &Terminal, why: Error) -> Error {
        match self.undo(platform).await {
            Ok(told) => {
                terminal.progress(told);
                why
            }
            Err(also) => with(why, [also.context("not everything could be removed; playground down tries again")]),
        }
    }

    /// Removes what was created since, unless there was a stack before; returns what to tell the user.
    async fn undo(self, platform: &Platform) -> Result<&'static str> {
        if self.containers {
            return Ok("the stack that was there before was not removed");
        }
        let extent = if self.volumes { Extent::Containers } else { Extent::Everything };
        Ok(match platform.remove(extent).await?.as_slice() {
            [] => "nothing was changed",
            _ => "everything that was created has been removed",
        })
    }
}
