//! Arguments of the commands on topics.

use clap::{Args, ValueEnum, value_parser};

use crate::settings::Delivery;
use crate::settings::option::{positive, speed};

/// `playground tail`
#[derive(Debug, Args)]
pub struct Tail {
    /// Which topic
    #[arg(value_enum)]
    pub topic: Topic,
    /// Begin N records before the end of each partition [default: at the end; with --no-follow, 10 before it]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "from_beginning")]
    pub back: Option<u64>,
    /// Begin with the oldest record
    #[arg(long)]
    pub from_beginning: bool,
    /// End after N records [default: at Ctrl-C]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// End at what the topic holds now instead of waiting for more
    #[arg(long)]
    pub no_follow: bool,
    /// Leave out records of transactions that are open or aborted
    #[arg(long)]
    pub read_committed: bool,
    /// A broker other than the project's
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
}

/// The workload's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// Clicks
    Input,
    /// Counts
    Output,
}

impl Topic {
    /// The topic's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => crate::workload::INPUT,
            Self::Output => crate::workload::OUTPUT,
        }
    }
}

/// `playground verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Judge N windows of every key that close from now on [default: all that the topics hold now]
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "past", "bootstrap_server"], value_parser = value_parser!(u64).range(1..=MOST_WINDOWS))]
    pub windows: Option<u64>,
    /// Go on until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// Judge what was emitted, whether or not a job still runs
    #[arg(long, conflicts_with = "follow")]
    pub past: bool,
    /// Hold the job to this promise [default: its own]
    #[arg(long, value_enum)]
    pub delivery: Option<Delivery>,
    /// Topic that the job reads
    #[arg(long, default_value = crate::workload::INPUT, value_name = "TOPIC")]
    pub input: String,
    /// Topic that the job writes
    #[arg(long, default_value = crate::workload::OUTPUT, value_name = "TOPIC")]
    pub output_topic: String,
    /// A broker other than the project's: no job is asked, so the past is judged
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
    /// Time limit in seconds for `--windows`; the verdict is unknown when fewer were judged by then
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub timeout: u64,
}

/// `--windows` takes no more: 17 days of windows of 15 s.
const MOST_WINDOWS: u64 = 100_000;

/// `playground judge`
#[derive(Debug, Args)]
pub struct Judge {
    /// The run's folder, as in runs/2026-11-21T05-40-12-failover
    pub run: std::path::PathBuf,
}

/// `playground generate`
#[derive(Debug, Args)]
pub struct Generate {
    /// The broker
    #[arg(long, default_value = "127.0.0.1:9094", value_name = "HOST:PORT")]
    pub bootstrap_server: String,
    /// The topic
    #[arg(long, default_value = crate::workload::INPUT)]
    pub topic: String,
    /// Run event time N times as fast as the clock
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = speed)]
    pub speed: f64,
    /// Clicks a second instead of a speed; `max` for as fast as the broker takes them
    #[arg(long, value_name = "N|max", conflicts_with = "speed", value_parser = rate)]
    pub rate: Option<f64>,
    /// End after N clicks [default: at Ctrl-C]
    #[arg(long, value_name = "N")]
    pub clicks: Option<u64>,
    /// Touch this file while the broker acknowledges clicks, for a health check [default in a container: /tmp/alive]
    #[arg(long, value_name = "FILE")]
    pub alive: Option<std::path::PathBuf>,
    /// Time limit in seconds for the broker to answer at the start
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub timeout: u64,
}

/// A number above 0, or infinity for `max`.
fn rate(text: &str) -> Result<f64, String> {
    if text == "max" { Ok(f64::INFINITY) } else { positive(text).map_err(|error| format!("{error}, or max")) }
}
