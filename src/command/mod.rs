//! One file a subcommand: settings, one call, report.

use anyhow::{Context as _, Result};

use crate::cli::{Cli, Command};
use crate::failure::Status;
use crate::report::Terminal;

pub mod completions;
pub mod doctor;
pub mod down;
pub mod flink;
pub mod generate;
pub mod images;
pub mod job;
pub mod jobs;
pub mod kill;
pub mod logs;
pub mod metrics;
pub mod ps;
pub mod scenario;
pub mod start;
pub mod tail;
pub mod up;
pub mod verify;

/// Runs the command that was parsed.
pub fn run(cli: Cli, terminal: &Terminal) -> Result<Status> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(dispatch(cli, terminal))
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
        Command::Tail(args) => tail::run(global, args, terminal).await,
        Command::Kill(args) => kill::run(global, args, terminal).await,
        Command::Start(args) => start::run(global, args, terminal).await,
        Command::Verify(args) => verify::run(global, args, terminal).await,
        Command::Scenario(args) => scenario::run(global, args, terminal).await,
        Command::Generate(args) => generate::run(global, args, terminal).await,
        Command::Doctor => doctor::run(global, terminal).await,
        Command::Completions(args) => completions::run(global, args, terminal).await,
    }
}
