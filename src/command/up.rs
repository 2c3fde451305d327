//! `playground up`: brings the stack up and returns when it works.

use std::time::Duration;

use anyhow::Result;

use super::interrupt::interrupted;
use crate::cli::Global;
use crate::cli::stack::Up as Arguments;
use crate::failure::{Failure, Status};
use crate::operation::up::{Ended, News, Reached, Up};
use crate::platform::{Contract as _, Extent, Platform};
use crate::report::Terminal;
use crate::report::live::UpProgress;
use crate::report::up::UpResult;
use crate::stack::Stack;

/// Brings it up; Ctrl-C takes away what this call made.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let settings = arguments.stack.settings(&global.project)?;
    let stack = Stack::load(&settings)?;
    let platform = super::connect(global, terminal).await?;
    let limit = Duration::from_secs(arguments.timeout);
    let up = Up { platform: &platform, stack: &stack, settings: &settings, limit };
    let parts = bring_up(up, terminal).await?;
    let endpoints = up.endpoints();
    let flink = format!("http://{}:{}", endpoints.rest.0, endpoints.rest.1);
    terminal.result(&UpResult { project: settings.project.clone(), flink, kafka: endpoints.kafka, parts })?;
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
    match ended? {
        Ended::Well => Ok(parts),
        Ended::Interrupted => Err(before.undo(up.platform).await?.into()),
    }
}

/// What there was before a stack was brought up, so that an interruption takes away no more than was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    containers: bool,
    volumes: bool,
}

impl Before {
    /// Looks at what there is.
    pub(super) async fn look(platform: &Platform) -> Result<Self> {
        let (services, volumes) = tokio::try_join!(platform.services(), platform.volumes())?;
        Ok(Self { containers: !services.is_empty(), volumes: !volumes.is_empty() })
    }

    /// Takes away what was made since, and says so.
    pub(super) async fn undo(self, platform: &Platform) -> Result<Failure> {
        if self.containers {
            let text = "interrupted: the stack ran before and is left as it is\n  playground up goes on with it";
            return Ok(Failure::Interrupted(text.to_owned()));
        }
        let extent = if self.volumes { Extent::Containers } else { Extent::Everything };
        platform.remove(extent).await?;
        Ok(Failure::Interrupted("interrupted: all that was made is taken away again".to_owned()))
    }
}
