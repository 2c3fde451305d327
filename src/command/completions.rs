//! `playground completions`.

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::cli::{Cli, Completions, Global};
use crate::failure::Status;
use crate::report::Terminal;

/// Prints the completion script.
#[allow(clippy::unused_async, reason = "reads as its siblings do")]
pub async fn run(_global: &Global, arguments: Completions, terminal: &Terminal) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "playground", &mut script);
    terminal.line(String::from_utf8(script).context("read the script")?.trim_end())?;
    Ok(Status::Pass)
}
