//! `playground flink`.

use anyhow::Result;
use tokio::sync::mpsc;

use super::interrupt::interrupted;
use crate::cli::Global;
use crate::cli::stack::Flink as Arguments;
use crate::failure::{Failure, Status};
use crate::platform::{Contract as _, Line};
use crate::report::Terminal;

/// The service whose containers hold Flink's command line.
const CLIENT: &str = "client";

/// Runs Flink's command line; its output and its exit code are this command's.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let platform = super::connect(global, terminal).await?;
    let command: Vec<String> = ["flink".to_owned()].into_iter().chain(arguments.args).collect();
    let (sender, mut lines) = mpsc::channel::<Line>(100);
    let print = async {
        while let Some(line) = lines.recv().await {
            terminal.passed_on(&line)?;
        }
        Ok(())
    };
    let run = async { tokio::try_join!(platform.exec(CLIENT, &command, sender), print) };
    tokio::select! {
        done = run => Ok(Status::Command(u8::try_from(done?.0.exit_code).unwrap_or(u8::MAX))),
        () = interrupted() => Err(Failure::Interrupted("interrupted: the client container was removed".to_owned()).into()),
    }
}
