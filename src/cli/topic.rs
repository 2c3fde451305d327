//! Arguments of the commands on topics.

use clap::{Args, ValueEnum, value_parser};

use super::seconds;
use crate::settings::Delivery;
use crate::settings::option::{positive, speed};
use crate::workload::feed::{Feed, PARTITIONS};

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
    /// Workload whose input is written: a built-in one or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Topic to send to; created when it is missing [default: that of the workload]
    #[arg(long)]
    pub topic: Option<String>,
    /// Create this topic as well when it is missing, for what the job writes; may be repeated
    #[arg(long, value_name = "TOPIC:PARTITIONS", value_parser = also)]
    pub also: Vec<(String, usize)>,
    /// Generate records so that event time runs N times as fast as real time
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = speed)]
    pub speed: f64,
    /// Records per second, instead of a speed; `max` sends as fast as the broker accepts them
    #[arg(long, value_name = "N|max", conflicts_with = "speed", value_parser = rate)]
    pub rate: Option<f64>,
    /// Stop after N records [default: run until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// Touch this file while the broker acknowledges records, for health checks [default in a container: /tmp/alive]
    #[arg(long, value_name = "FILE")]
    pub alive: Option<std::path::PathBuf>,
    /// How long to wait for the broker at the start, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
    /// What to write.
    #[command(flatten)]
    pub feed: FeedArgs,
}

/// `playground emit`
#[derive(Debug, Args)]
pub struct Emit {
    /// Records to write, each as it is; `-` reads them from standard input, one a line
    #[arg(required = true, value_name = "RECORD")]
    pub records: Vec<String>,
    /// Workload whose input is written: a built-in one or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Topic to write to [default: that of the workload]
    #[arg(long)]
    pub topic: Option<String>,
    /// Partition to write to
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = value_parser!(i32).range(0..))]
    pub partition: i32,
    /// Send to this broker instead of the project's
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
    /// How long the broker may take, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

/// `playground serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Topic whose records are served [default: that of the workload]
    #[arg(long)]
    pub topic: Option<String>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDRESS:PORT")]
    pub listen: std::net::SocketAddr,
    /// Consumer group whose committed offset follows what was sent [default: that of the workload]
    #[arg(long)]
    pub group: Option<String>,
    /// Workload whose input is served: a built-in one or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Read from this broker instead of the project's
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap_server: Option<String>,
    /// Touch this file while records can be read, for health checks [default in a container: /tmp/alive]
    #[arg(long, value_name = "FILE")]
    pub alive: Option<std::path::PathBuf>,
    /// How long to wait for the broker at the start, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

/// What `playground generate` writes: the workload's feed with these changes or, with a template, one of its own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Feed")]
pub struct FeedArgs {
    /// Value of a record, with placeholders [default: that of the workload]
    ///
    /// {seq} is the record's number, from 0; {event-time} its event time in ms since the epoch, {event-time iso} as in
    /// 2020-11-02T01:24:22.000Z; {choice N} a pseudo-random whole number from 0 to N - 1; {uniform A B} one from A to B;
    /// {each A B C} the words in turn; {text N} N pseudo-random letters. One of {seq} and {event-time} is required: a generator that
    /// starts again finds there where it was. All other braces are written as they are.
    #[arg(long)]
    pub template: Option<String>,
    /// Partitions of the topic, which get the records in turn [default: 1]
    #[arg(long, value_name = "N")]
    pub partitions: Option<u32>,
    /// Event time from one record of a partition to its next, in ms [default: 10]
    #[arg(long, value_name = "MS")]
    pub every: Option<i64>,
    /// The event time of the first record is a multiple of this, in ms, so that a first window is whole [default: 1]
    #[arg(long, value_name = "MS")]
    pub align: Option<i64>,
    /// Number that decides what the pseudo-random placeholders get [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Key of a record, with the same placeholders [default: none]
    #[arg(long, value_name = "TEMPLATE")]
    pub key: Option<String>,
}

impl FeedArgs {
    /// The feed that they ask for: one of their own template, or else a workload's, each with what they change.
    #[must_use]
    pub fn over(self, feed: Option<Feed>) -> Option<Feed> {
        let Self { template, partitions, every, align, seed, key } = self;
        let own = |template| Feed { template, partitions: 1, every_ms: 10, align_ms: 1, seed: 0, key: None };
        let feed = template.map(own).or(feed)?;
        Some(Feed {
            partitions: partitions.unwrap_or(feed.partitions),
            every_ms: every.unwrap_or(feed.every_ms),
            align_ms: align.unwrap_or(feed.align_ms),
            seed: seed.unwrap_or(feed.seed),
            key: key.or(feed.key),
            ..feed
        })
    }
}

/// A number above 0, or infinity for `max`.
fn rate(text: &str) -> Result<f64, String> {
    if text == "max" { Ok(f64::INFINITY) } else { positive(text).map_err(|error| format!("{error}, or max")) }
}

/// A topic and its number of partitions, as in `output:1`.
fn also(text: &str) -> Result<(String, usize), String> {
    let (topic, partitions) = text.rsplit_once(':').filter(|(topic, _)| !topic.is_empty()).unwrap_or((text, ""));
    match partitions.parse::<u32>() {
        Ok(partitions) if PARTITIONS.contains(&partitions) => {
            Ok((topic.to_owned(), usize::try_from(partitions).unwrap_or(0)))
        }
        _ => Err(format!(
            "must be a topic and its number of partitions, {} to {}, as in output:1",
            PARTITIONS.start(),
            PARTITIONS.end()
        )),
    }
}
