//! One file a subcommand: settings, one call, report.

use anyhow::{Context as _, Result};

use crate::cli::{Cli, Command, Global, PlatformName};
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::operation::reach;
use crate::operation::workload::Named;
use crate::platform::Platform;
use crate::report::Terminal;
use crate::settings::{Ha, PLATFORM_WORDS, StackSettings, project_option};
use crate::stack::JOBMANAGER;
use crate::workload::catalog::USUAL;

pub mod backpressure;
pub mod completions;
pub mod doctor;
pub mod down;
pub mod emit;
pub mod flink;
pub mod generate;
pub mod images;
pub mod instances;
mod interrupt;
pub mod job;
pub mod jobs;
pub mod judge;
pub mod logs;
pub mod metrics;
pub mod operate;
mod own;
mod port;
pub mod ps;
pub mod scenario;
pub mod serve;
pub mod tail;
mod target;
mod told;
pub mod up;
pub mod verify;
pub mod workload;

/// Runs the command that was parsed.
pub fn run(cli: Cli, terminal: &Terminal) -> Result<Status> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let project = cli.global.project.clone();
    // It runs one command.
    let _ = PLATFORM_WORDS.set(cli.global.platform_words());
    runtime.block_on(dispatch(cli, terminal)).map_err(|error| port::advise(error, &project))
}

async fn dispatch(cli: Cli, terminal: &Terminal) -> Result<Status> {
    let global = &cli.global;
    match cli.command {
        Command::Up(args) => up::run(global, args, terminal).await,
        Command::Ps => ps::run(global, terminal).await,
        Command::Logs(args) => logs::run(global, args, terminal).await,
        Command::Down(args) => down::run(global, args, terminal).await,
        Command::Images(args) => images::run(global, args, terminal).await,
        Command::Flink(args) => flink::run(global, args, terminal).await,
        Command::Jobs => jobs::run(global, terminal).await,
        Command::Job(args) => job::run(global, args, terminal).await,
        Command::Metrics(args) => metrics::run(global, args, terminal).await,
        Command::Savepoint(args) => operate::savepoint(global, args, terminal).await,
        Command::Stop(args) => operate::stop(global, args, terminal).await,
        Command::Cancel(args) => operate::cancel(global, args, terminal).await,
        Command::Submit(args) => operate::submit(global, args, terminal).await,
        Command::Upgrade(args) => operate::upgrade(global, args, terminal).await,
        Command::Rescale(args) => operate::rescale(global, args, terminal).await,
        Command::Scale(args) => operate::scale(global, args, terminal).await,
        Command::Backpressure(args) => backpressure::run(global, args, terminal).await,
        Command::Tail(args) => tail::run(global, args, terminal).await,
        Command::Kill(args) => instances::kill(global, args, terminal).await,
        Command::Start(args) => instances::start(global, args, terminal).await,
        Command::Verify(args) => Box::pin(verify::run(global, args, terminal)).await,
        Command::Judge(args) => judge::run(&args, terminal),
        Command::Workload(args) => workload::run(global, args, terminal).await,
        Command::Scenario(args) => Box::pin(scenario::run(global, args, terminal)).await,
        Command::Generate(args) => generate::run(global, args, terminal).await,
        Command::Emit(args) => emit::run(global, args, terminal).await,
        Command::Serve(args) => serve::run(global, args, terminal).await,
        Command::Doctor => doctor::run(global, terminal).await,
        Command::Completions(args) => completions::run(global, args, terminal).await,
    }
}

/// Connects to the project's platform in order to look at it. What a killed command left behind is cleaned up first,
/// unless another command owns the stack.
async fn connect(global: &Global, terminal: &Terminal) -> Result<Platform> {
    let platform = Platform::connect(&global.meant()?, &global.project).await?;
    own::put_right_if_free(&platform, terminal).await?;
    Ok(platform)
}

/// The project's platform, and Flink's REST API in it.
async fn reach(global: &Global, terminal: &Terminal) -> Result<(Platform, Flink)> {
    let platform = connect(global, terminal).await?;
    let flink = flink_on(&platform, global).await?;
    Ok((platform, flink))
}

/// Flink's REST API on a platform.
async fn flink_on(platform: &Platform, global: &Global) -> Result<Flink> {
    reach::flink(platform).await?.with_context(|| none_runs(JOBMANAGER, global))
}

/// The broker of the project's stack, as `host:port`, or the one that the user names.
async fn kafka_of(global: &Global, terminal: &Terminal, named: Option<String>) -> Result<String> {
    if let Some(named) = named {
        return Ok(named);
    }
    let platform = connect(global, terminal).await?;
    kafka_on(&platform, global).await
}

/// The workload that is asked for, or else the one that the project's stack was made for. Without an engine to ask there is no
/// stack, and the usual one is meant.
async fn workload_of(global: &Global, asked: Option<&str>) -> Result<Named> {
    if let Some(asked) = asked {
        return Ok(Named::find(asked)?);
    }
    match Platform::connect(&global.meant()?, &global.project).await {
        Ok(platform) => Named::meant(None, &platform).await,
        Err(_) => Ok(Named::find(USUAL)?),
    }
}

/// The broker on a platform, as `host:port`.
async fn kafka_on(platform: &Platform, global: &Global) -> Result<String> {
    let kafka = reach::kafka(platform).await?.with_context(|| none_runs(reach::KAFKA, global))?;
    Ok(kafka.to_string())
}

/// A compose file of the user's says how containers run on one machine; in a cluster the manifests say how pods do.
fn must_be_of_platform(settings: &StackSettings, global: &Global) -> Result<(), Failure> {
    if global.platform == PlatformName::Kubernetes {
        return settings.file.as_ref().map_or(Ok(()), |file| {
            Err(Failure::Usage(format!(
                "--file {}: a compose file is for Docker; on Kubernetes the stack is made from the playground's manifests",
                file.display()
            )))
        });
    }
    let of_cluster = [
        ("--ha kubernetes", settings.ha == Ha::Kubernetes),
        ("--storage-class", settings.storage_class.is_some()),
        ("--registry", settings.registry.is_some()),
    ];
    match of_cluster.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::Usage(format!("{option} needs --platform kubernetes"))),
        None => Ok(()),
    }
}

fn none_runs(service: &str, global: &Global) -> String {
    let project = &global.project;
    format!(
        "no {service} of project {project} is running\n  playground{} up starts it; ps shows what is running",
        project_option(project)
    )
}
