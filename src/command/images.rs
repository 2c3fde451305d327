//! `playground images`.

use anyhow::Result;
use tokio::sync::mpsc;

use super::interrupt::interrupted;
use crate::cli::Global;
use crate::cli::stack::{Images as Arguments, ImagesAction};
use crate::failure::{Failure, Status};
use crate::image::Program;
use crate::platform::Progress as News;
use crate::platform::docker::{Cache, Docker};
use crate::report::Terminal;
use crate::report::images::{ImageLine, ImagesResult};
use crate::report::progress::Progress;

/// Builds or lists the playground's own images, which all projects share.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let docker = Docker::connect(&global.project).await?;
    let built = match arguments.action {
        ImagesAction::List => Vec::new(),
        ImagesAction::Build { no_cache } => {
            build(&docker, if no_cache { Cache::Ignore } else { Cache::Use }, terminal).await?
        }
    };
    let observed = docker.observe_images(&Program::running()).await?;
    let line = |(image, freshness, size): (crate::image::Image, _, _)| {
        let built = built.contains(&image.name);
        ImageLine { name: image.name, state: freshness, size, built }
    };
    let images = observed.into_iter().map(|one| line((one.image, one.freshness, one.size))).collect();
    terminal.result(&ImagesResult { images })?;
    Ok(Status::Pass)
}

/// Returns the names of those that were built. The engine keeps what is done of one that is interrupted.
async fn build(docker: &Docker, cache: Cache, terminal: &Terminal) -> Result<Vec<String>> {
    let (sender, mut news) = mpsc::unbounded_channel();
    let mut built = Vec::new();
    let mut progress = Progress::new(terminal);
    let show = async {
        while let Some(one) = news.recv().await {
            match one {
                News::Image { image, step } => progress.doing(&image, &step),
                News::ImageReady { image, built: true } => {
                    progress.done(&image, "built");
                    built.push(image);
                }
                News::ImageReady { .. } | News::Operation { .. } => {}
            }
        }
    };
    let work = async {
        let done = docker.build_images(cache, &sender).await;
        drop(sender);
        done
    };
    let done = tokio::select! {
        (done, ()) = async { tokio::join!(work, show) } => done,
        () = interrupted() => {
            let text = "interrupted: playground images build goes on where this stopped";
            Err(Failure::Interrupted(text.to_owned()).into())
        }
    };
    progress.finish();
    done.map(|()| built)
}
