//! One file a subcommand: settings, one call, report.

use anyhow::{Context as _, Result};

use crate::cli::{Cli, Command, Global};
use crate::failure::Status;
use crate::flink::Flink;
use crate::operation::claim;
use crate::platform::{Contract as _, Instance, Platform, Port};
use crate::report::{self, Terminal};
use crate::scenario::fault;

pub mod backpressure;
pub mod completions;
pub mod doctor;
pub mod down;
pub mod flink;
pub mod generate;
pub mod images;
mod interrupt;
pub mod job;
pub mod jobs;
pub mod judge;
pub mod kill;
pub mod logs;
pub mod metrics;
pub mod operate;
mod port;
pub mod ps;
pub mod scenario;
pub mod start;
pub mod tail;
mod target;
pub mod up;
pub mod verify;

/// Runs the command that was parsed.
pub fn run(cli: Cli, terminal: &Terminal) -> Result<Status> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(dispatch(cli, terminal)).map_err(port::advise)
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
        Command::Kill(args) => kill::run(global, args, terminal).await,
        Command::Start(args) => start::run(global, args, terminal).await,
        Command::Verify(args) => verify::run(global, args, terminal).await,
        Command::Judge(args) => judge::run(&args, terminal),
        Command::Scenario(args) => Box::pin(scenario::run(global, args, terminal)).await,
        Command::Generate(args) => generate::run(global, args, terminal).await,
        Command::Doctor => doctor::run(global, terminal).await,
        Command::Completions(args) => completions::run(global, args, terminal).await,
    }
}

/// Reaches the project's platform, and mends what a command that was killed left broken there.
async fn connect(global: &Global, terminal: &Terminal) -> Result<Platform> {
    let platform = Platform::connect(&global.project).await?;
    for healed in fault::heal(&platform).await? {
        terminal.progress(&report::scenario::healed(&healed));
    }
    let instances = platform.services().await?;
    let rest = port_of(&instances, "jobmanager", 8081);
    let flink = rest.map(|port| Flink::at(&port.host, port.published)).transpose()?;
    if let Some(left) = claim::left_behind(&platform, flink.as_ref()).await? {
        terminal.progress(&report::operation::left(&left));
    }
    Ok(platform)
}

/// The project's platform, and Flink's REST API in it.
async fn reach(global: &Global, terminal: &Terminal) -> Result<(Platform, Flink)> {
    let platform = connect(global, terminal).await?;
    let port = port(&platform, &global.project, "jobmanager", 8081).await?;
    Ok((platform, Flink::at(&port.host, port.published)?))
}

/// Flink's REST API of the project's stack.
async fn flink_of(global: &Global, terminal: &Terminal) -> Result<Flink> {
    Ok(reach(global, terminal).await?.1)
}

/// The broker of the project's stack, as `host:port`, or the one that the user names.
async fn kafka_of(global: &Global, terminal: &Terminal, named: Option<String>) -> Result<String> {
    if let Some(named) = named {
        return Ok(named);
    }
    let (host, port) = published(global, terminal, "kafka", 9094).await?;
    Ok(format!("{host}:{port}"))
}

/// Where on this machine a port of a service is published.
async fn published(global: &Global, terminal: &Terminal, service: &str, target: u16) -> Result<(String, u16)> {
    let platform = connect(global, terminal).await?;
    let port = port(&platform, &global.project, service, target).await?;
    Ok((port.host, port.published))
}

async fn port(platform: &Platform, project: &str, service: &str, target: u16) -> Result<Port> {
    let instances = platform.services().await?;
    port_of(&instances, service, target).cloned().with_context(|| {
        format!("no {service} of project {project} is running\n  playground -p {project} up starts it; ps shows what there is")
    })
}

fn port_of<'a>(instances: &'a [Instance], service: &str, target: u16) -> Option<&'a Port> {
    let ports = instances.iter().filter(|one| one.service == service).flat_map(|one| &one.ports);
    ports.into_iter().find(|port| port.target == target)
}
