//! Arguments of the commands on topics.

use clap::{Args, ValueEnum, value_parser};

use super::seconds;
use crate::settings::Delivery;
use crate::settings::option::{positive, speed};

/// `playground tail`
#[derive(Debug, Args)]
pub struct Tail {
    /// Topic to read
    #[arg(value_enum)]
    pub topic: Topic,
    /// Start N records before the end of each partition [default: 0; with --no-follow, 10]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "from_beginning")]
    pub back: Option<u64>,
    /// Start with the oldest record
    #[arg(long)]
    pub from_beginning: bool,
    /// Stop after N records [default: run until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Stop at the current end of the topic instead of waiting for more
    #[arg(long)]
    pub no_follow: bool,
    /// Skip records of open and aborted transactions
    #[arg(long)]
    pub read_committed: bool,
    /// Read from this broker instead of the project's
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
}

/// The workload's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// What the job reads
    Input,
    /// What it writes
    Output,
}

/// `playground verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Judge N windows of every key that close from now on [default: everything in the topics now]
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "past", "bootstrap_server"], value_parser = value_parser!(u64).range(1..=MOST_WINDOWS))]
    pub windows: Option<u64>,
    /// Keep judging until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// Judge what has been emitted so far, even if no job is running
    #[arg(long, conflicts_with = "follow")]
    pub past: bool,
    /// Judge by this delivery guarantee [default: that of the job]
    #[arg(long, value_enum)]
    pub delivery: Option<Delivery>,
    /// What is right of the output: a built-in workload or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Topic the job reads [default: that of the workload]
    #[arg(long, value_name = "TOPIC")]
    pub input: Option<String>,
    /// Topic the job writes
    #[arg(long, value_name = "TOPIC")]
    pub output_topic: Option<String>,
    /// Read from this broker instead of the project's; implies --past, since no job is known
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
    /// Timeout of `--windows` in seconds; if fewer windows closed by then, the verdict is unknown
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

/// `--windows` takes no more: 17 days of windows of 15 s.
const MOST_WINDOWS: u64 = 100_000;

/// `playground judge`
#[derive(Debug, Args)]
pub struct Judge {
    /// Folder of the run, as in runs/2026-11-21T05-40-12-failover
    pub run: std::path::PathBuf,
}

/// `playground generate`
#[derive(Debug, Args)]
pub struct Generate {
    /// Send to this broker instead of the project's
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
    /// Topic to send to
    #[arg(long, default_value = crate::workload::INPUT)]
    pub topic: String,
    /// Generate clicks so that event time runs N times as fast as real time
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = speed)]
    pub speed: f64,
    /// Clicks per second, instead of a speed; `max` sends as fast as the broker accepts them
    #[arg(long, value_name = "N|max", conflicts_with = "speed", value_parser = rate)]
    pub rate: Option<f64>,
    /// Stop after N clicks [default: run until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub clicks: Option<u64>,
    /// Touch this file while the broker acknowledges clicks, for health checks [default in a container: /tmp/alive]
    #[arg(long, value_name = "FILE")]
    pub alive: Option<std::path::PathBuf>,
    /// How long to wait for the broker at the start, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

/// A number above 0, or infinity for `max`.
fn rate(text: &str) -> Result<f64, String> {
    if text == "max" { Ok(f64::INFINITY) } else { positive(text).map_err(|error| format!("{error}, or max")) }
}
