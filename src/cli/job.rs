//! Arguments of the commands on jobs.

use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand};

use super::seconds;
use crate::operation::Via;
use crate::settings::MAX_PARALLELISM;

/// `playground job`
#[derive(Debug, Args)]
pub struct Job {
    /// ID or name of the job, or the beginning of either; not needed if there is only one job
    pub job: Option<String>,
}

/// `playground metrics`
#[derive(Debug, Args)]
pub struct Metrics {
    /// Metric names, or parts of them; lists all names if omitted
    pub names: Vec<String>,
    /// ID or name of the job; not needed if there is only one job
    #[arg(long)]
    pub job: Option<String>,
    /// Show metrics of the vertices with this in their names
    #[arg(long, conflicts_with = "taskmanager")]
    pub vertex: Option<String>,
    /// Show metrics of the TaskManagers
    #[arg(long)]
    pub taskmanager: bool,
}

/// Options that every operation takes.
#[derive(Debug, Args)]
pub struct Operating {
    /// Workload whose job is meant: a built-in one or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Use Flink's REST API or its CLI
    #[arg(long, value_enum, default_value_t = Via::Rest)]
    pub via: Via,
    /// Timeout of each part of the operation, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
    /// Print the requests or command lines without sending them
    #[arg(long)]
    pub dry_run: bool,
}

/// `playground savepoint`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Savepoint {
    /// What to do instead of taking a savepoint.
    #[command(subcommand)]
    pub action: Option<SavepointAction>,
    /// ID or name of the job; not needed if there is only one job
    pub job: Option<String>,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// What else can be done with savepoints.
#[derive(Debug, Subcommand)]
pub enum SavepointAction {
    /// List the savepoints on disk: job, time, size, and whether they can be read
    List,
    /// Delete a savepoint's files
    Dispose {
        /// Path of the savepoint, as listed
        path: String,
        /// The channel to Flink, and the timeout.
        #[command(flatten)]
        operating: Operating,
    },
}

/// `playground stop`
#[derive(Debug, Args)]
pub struct Stop {
    /// ID or name of the job; not needed if there is only one job
    pub job: Option<String>,
    /// Send `MAX_WATERMARK` first, so that all open windows fire; for a job that will not be resumed
    #[arg(long)]
    pub drain: bool,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// ID or name of the job; not needed if there is only one job
    pub job: Option<String>,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// What a job is started with.
#[derive(Debug, Args)]
pub struct Becoming {
    /// Jar file, uploaded if it is not there yet, or the name of an uploaded jar [default: unchanged]
    #[arg(long, value_name = "FILE")]
    pub jar: Option<String>,
    /// Class whose `main` is run [default: unchanged, or as the jar's manifest says]
    #[arg(long, value_name = "CLASS")]
    pub entry_class: Option<String>,
    /// A jar the job also needs, such as a connector, in place of those it had; repeat it for several [default: unchanged]
    #[arg(long = "lib", value_name = "FILE")]
    pub libraries: Vec<String>,
    /// Parallelism of the job [default: unchanged]
    #[arg(long, value_name = "N", value_parser = parallelism())]
    pub parallelism: Option<u32>,
    /// Skip savepoint state that cannot be mapped to the job, because an operator was removed
    #[arg(long)]
    pub allow_non_restored_state: bool,
    /// All arguments of the job's `main` [default: unchanged]
    #[arg(last = true, value_name = "JOB ARGS")]
    pub arguments: Vec<String>,
}

/// `playground submit`
#[derive(Debug, Args)]
pub struct Submit {
    /// The jar, its parallelism and arguments.
    #[command(flatten)]
    pub becoming: Becoming,
    /// Start from a savepoint: its path, or `latest`
    #[arg(long, value_name = "latest|PATH")]
    pub from_savepoint: Option<String>,
    /// Return as soon as the job is submitted, running or not
    #[arg(short, long)]
    pub detach: bool,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground upgrade`
#[derive(Debug, Args)]
pub struct Upgrade {
    /// ID or name of the job; not needed if there is only one job
    #[arg(long)]
    pub job: Option<String>,
    /// What changes: jar, parallelism or arguments.
    #[command(flatten)]
    pub becoming: Becoming,
    /// Wait for missing slots instead of adding TaskManagers
    #[arg(long)]
    pub no_scale: bool,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground rescale`
#[derive(Debug, Args)]
pub struct Rescale {
    /// ID or name of the job; not needed if there is only one job
    pub job: Option<String>,
    /// New parallelism of the job
    #[arg(long, value_name = "N", value_parser = parallelism())]
    pub parallelism: u32,
    /// Wait for missing slots instead of adding TaskManagers
    #[arg(long)]
    pub no_scale: bool,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground scale`
#[derive(Debug, Args)]
pub struct Scale {
    /// Number of TaskManagers, as in taskmanager=2
    #[arg(value_name = "SERVICE=N", value_parser = replicas)]
    pub taskmanagers: u32,
    /// Scale down even if running jobs need the slots: they then wait for slots
    #[arg(long)]
    pub force: bool,
    /// The channel to Flink, and the timeout.
    #[command(flatten)]
    pub operating: Operating,
}

/// As many subtasks as a vertex can have.
pub(super) fn parallelism() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=i64::from(MAX_PARALLELISM))
}

/// `taskmanager=2`: the others hold data or publish a port.
fn replicas(text: &str) -> Result<u32, String> {
    let number = match text.split_once('=') {
        Some(("taskmanager", number)) => number,
        Some((service, _)) => {
            return Err(format!("{service} cannot be scaled, only taskmanager can, as in taskmanager=2"));
        }
        None => return Err("must be a service and a number, as in taskmanager=2".to_owned()),
    };
    match number.parse() {
        Ok(number @ 1..=16) => Ok(number),
        _ => Err(format!("'{number}' is not a number from 1 to 16")),
    }
}

/// `playground backpressure`
#[derive(Debug, Args)]
pub struct Backpressure {
    /// ID or name of the job, or the beginning of either; not needed if there is only one job
    pub job: Option<String>,
    /// Workload whose job is meant: a built-in one or a file [default: that of the stack]
    #[arg(short, long, value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Measure every second until Ctrl-C: updated in place on a terminal, elsewhere one line each
    #[arg(short, long)]
    pub follow: bool,
}
