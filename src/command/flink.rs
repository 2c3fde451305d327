//! `playground flink`.

use anyhow::Result;
use tokio::sync::mpsc;

use super::interrupt::interrupted;
use super::own::owning;
use crate::cli::Global;
use crate::cli::stack::Flink as Arguments;
use crate::failure::{Failure, Status};
use crate::platform::{Contract as _, Line, Platform};
use crate::report::Terminal;

/// The service whose containers hold Flink's command line.
const CLIENT: &str = "client";

/// Runs Flink's command line; its output and its exit code are this command's. One that changes the stack owns it meanwhile.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let words = arguments.args;
    if only_looks(&words) {
        let platform = super::connect(global, terminal).await?;
        return passed_on(&platform, &words, terminal).await;
    }
    let what = format!("flink {}", words.first().map_or("", String::as_str));
    owning(global, &what, terminal, async |platform| passed_on(platform, &words, terminal).await).await
}

/// Whether a command line changes nothing. A word that is not known may change anything; and what stands behind a jar is
/// the job's, even where it reads like a request for help.
fn only_looks(words: &[String]) -> bool {
    let is_help = |word: &str| matches!(word, "-h" | "--help");
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["list" | "info" | "-v" | "--version", ..] => true,
        [first, ..] if is_help(first) => true,
        [_, second, ..] => is_help(second),
        [_] => false,
    }
}

async fn passed_on(platform: &Platform, words: &[String], terminal: &Terminal) -> Result<Status> {
    let command: Vec<String> = [String::from("flink")].into_iter().chain(words.iter().cloned()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_look_looks() {
        let looks = |line: &str| only_looks(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        for line in ["", "list", "list -r", "info a.jar", "--help", "-h", "--version", "-v", "stop --help", "run -h"] {
            assert!(looks(line), "{line}");
        }
        for line in
            ["stop 7", "run a.jar --help", "cancel 7", "savepoint 7", "savepoint -d /s", "run-application", "stop"]
        {
            assert!(!looks(line), "{line}");
        }
    }
}
