//! Commands in the stack's containers: what they are called, and what they print.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use crate::platform::{Contract as _, Line, Platform};

/// A command line as one would type it.
pub(super) fn shown(command: &[String]) -> String {
    shlex::try_join(command.iter().map(String::as_str)).unwrap_or_else(|_| command.join(" "))
}

/// What a command printed.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: String,
    /// With standard error.
    pub(super) all: String,
}

/// Runs a command in a service's container and returns its exit code and what it printed.
///
/// # Errors
/// A platform that cannot run it; a command that has not ended within `limit`, which may go on.
pub(super) async fn run_in(
    platform: &Platform,
    service: &str,
    command: &[String],
    limit: Duration,
) -> Result<(i64, Printed)> {
    let (sender, mut lines) = mpsc::channel::<Line>(64);
    let collect = async {
        let mut printed = Printed::default();
        while let Some(line) = lines.recv().await {
            for text in [Some(&mut printed.all), (!line.stderr).then_some(&mut printed.stdout)].into_iter().flatten() {
                text.push_str(&line.text);
                text.push('\n');
            }
        }
        printed
    };
    let both = async { tokio::join!(platform.exec(service, command, sender), collect) };
    let in_time = tokio::time::timeout(limit, both).await;
    let (ended, printed) =
        in_time.with_context(|| format!("{}: timed out after {} s", shown(command), limit.as_secs()))?;
    Ok((ended.with_context(|| shown(command))?.exit_code, printed))
}
