//! `playground logs`.

use anyhow::Result;
use tokio::sync::mpsc;

use super::{interrupt::interrupted, target};
use crate::cli::Global;
use crate::cli::stack::Logs as Arguments;
use crate::failure::Status;
use crate::platform::{Contract as _, Instance, LogRange, Printed};
use crate::report::{Terminal, log};

/// How many lines may wait for a slow terminal.
const WAITING: usize = 1000;

/// Prints what the services print. Following is meant to end with Ctrl-C, so that is not an interruption.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let platform = super::connect(global, terminal).await?;
    let instances = platform.services().await?;
    if let Some(name) = &arguments.service {
        target::service(name, &global.project, &instances)?;
    }
    let width = instances.iter().map(|instance| Instance::name(instance).len()).max().unwrap_or_default();
    let range = LogRange { follow: arguments.follow, tail: arguments.tail };
    let (sender, mut lines) = mpsc::channel::<Printed>(WAITING);
    let print = async {
        while let Some(printed) = lines.recv().await {
            match printed {
                Ok(line) if terminal.is_json() => terminal.line(&log::json(&line))?,
                Ok(line) => terminal.line(&log::human(&line, width, terminal.paint()))?,
                Err(cut) => terminal.progress(&cut.to_string()),
            }
        }
        Ok(())
    };
    tokio::select! {
        done = async { tokio::try_join!(platform.logs(arguments.service.as_deref(), range, sender), print) } => done.map(drop)?,
        () = interrupted() => {}
    }
    Ok(Status::Pass)
}
