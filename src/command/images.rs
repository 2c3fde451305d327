//! `playground images`.

use anyhow::Result;
use tokio::sync::mpsc;

use super::interrupt::interrupted;
use crate::cli::Global;
use crate::cli::stack::{Images as Arguments, ImagesAction};
use crate::failure::{Failure, Status};
use crate::image::{Entry, Standing};
use crate::operation::workload::Named;
use crate::platform::engine::{Cache, Engine as _, Removal};
use crate::platform::{Meant, Platform, PlatformNews};
use crate::report::Terminal;
use crate::report::images::{Fate, ImageLine, ImagesResult, PruneResult, PrunedLine, Shipped, Way};
use crate::report::progress::Progress;
use crate::settings::StackSettings;
use crate::stack::Stack;
use crate::workload::catalog::USUAL;

/// Builds, lists or prunes the playground's own images, which all projects share.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    // Whatever runs the stack, an engine here builds its images.
    let platform = Platform::connect(&Meant::Docker, &global.project).await?;
    match arguments.action {
        ImagesAction::List => list(&platform, &[], terminal).await?,
        ImagesAction::Build { no_cache } => {
            let cache = if no_cache { Cache::Ignore } else { Cache::Use };
            let built = build(&platform, cache, terminal).await?;
            list(&platform, &built, terminal).await?;
        }
        ImagesAction::Export { file, workload } => {
            let stack = stack_of(global, workload.as_deref())?;
            let export = async |news: &_| platform.export_images(&stack, &file, news).await;
            let written = watched(terminal, "built", &mut Vec::new(), export).await?;
            terminal.result(&Shipped { images: written, to: file.display().to_string(), way: Way::File })?;
        }
        ImagesAction::Push { registry, workload } => {
            let stack = stack_of(global, workload.as_deref())?;
            let push = async |news: &_| platform.push_images(&stack, &registry, news).await;
            let pushed = watched(terminal, "there", &mut Vec::new(), push).await?;
            terminal.result(&Shipped { images: pushed, to: registry, way: Way::Registry })?;
        }
        ImagesAction::Prune { images, dry_run } => {
            let pruning = if dry_run { Pruning::Planned } else { Pruning::Done };
            prune(&platform, &images, pruning, terminal).await?;
        }
    }
    Ok(Status::Pass)
}

/// The stack of a workload as it usually is: how it is to run makes no other images.
fn stack_of(global: &Global, workload: Option<&str>) -> Result<Stack> {
    let named = Named::find(workload.unwrap_or(USUAL))?;
    Stack::load(&StackSettings::of(&global.project), &named.workload)
}

async fn list(platform: &Platform, built: &[String], terminal: &Terminal) -> Result<()> {
    let line = |image: Entry| ImageLine {
        built: image.standing == Standing::Current && built.contains(&image.name),
        size: image.found.as_ref().map(|found| found.size),
        created: image.found.as_ref().map(|found| found.created),
        name: image.name,
        tag: image.tag,
        state: image.standing,
        used_by: image.users,
    };
    let images = platform.images().await?.into_iter().map(line).collect();
    terminal.result(&ImagesResult { images, now: jiff::Timestamp::now().as_second() })
}

/// Whether images are removed, or only shown that would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pruning {
    Done,
    Planned,
}

async fn prune(platform: &Platform, only: &[String], pruning: Pruning, terminal: &Terminal) -> Result<()> {
    let old = platform.images().await?.into_iter().filter(|image| image.standing == Standing::Old);
    let old: Vec<Entry> = old.filter(|image| only.is_empty() || only.contains(&image.tag)).collect();
    if let Some(unknown) = only.iter().find(|tag| !old.iter().any(|image| image.tag == **tag)) {
        let text = format!("no old image '{unknown}'\n  playground images list shows all");
        return Err(Failure::Usage(text).into());
    }
    let mut images = Vec::new();
    for image in old {
        let fate = match image.users.as_slice() {
            [] if pruning == Pruning::Planned => Fate::Removable,
            [] => match platform.remove_image(&image).await? {
                Removal::Removed => Fate::Removed,
                Removal::Kept(why) => Fate::Kept(why),
            },
            users => Fate::Kept(format!("needed by {}", users.join(", "))),
        };
        images.push(PrunedLine { tag: image.tag, size: image.found.map_or(0, |found| found.size), fate });
    }
    terminal.result(&PruneResult { images })
}

/// Returns the names of those that were built.
async fn build(platform: &Platform, cache: Cache, terminal: &Terminal) -> Result<Vec<String>> {
    let mut built = Vec::new();
    watched(terminal, "built", &mut built, async |news| platform.build_images(cache, news).await).await?;
    Ok(built)
}

/// Shows meanwhile what is built or, as `done` says it, pushed, and adds its names. If interrupted, the engine keeps the finished steps in its cache.
async fn watched<T>(
    terminal: &Terminal,
    done: &str,
    names: &mut Vec<String>,
    work: impl AsyncFnOnce(&mpsc::UnboundedSender<PlatformNews>) -> Result<T>,
) -> Result<T> {
    let (sender, mut news) = mpsc::unbounded_channel();
    let mut progress = Progress::new(terminal);
    let show = async {
        while let Some(one) = news.recv().await {
            match one {
                PlatformNews::Image { image, step } => progress.doing(&image, &step),
                PlatformNews::ImageReady { image, built: true } => {
                    progress.done(&image, done);
                    names.push(image);
                }
                PlatformNews::ImageReady { .. } | PlatformNews::Operation { .. } => {}
            }
        }
    };
    let work = async {
        let done = work(&sender).await;
        drop(sender);
        done
    };
    let done = tokio::select! {
        (done, ()) = async { tokio::join!(work, show) } => done,
        () = interrupted() => {
            let text = "interrupted: images that were built by then are not built again";
            Err(Failure::Interrupted(text.to_owned()).into())
        }
    };
    progress.finish();
    done
}
