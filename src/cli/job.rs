//! Arguments of the commands on jobs.

use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand};

use crate::operation::Via;
use crate::settings::MAX_PARALLELISM;

/// `playground job`
#[derive(Debug, Args)]
pub struct Job {
    /// A job's id or name, or the beginning of one; the only job when left out
    pub job: Option<String>,
}

/// `playground metrics`
#[derive(Debug, Args)]
pub struct Metrics {
    /// Names, or parts of names; lists what there is when left out
    pub names: Vec<String>,
    /// A job's id or name; the only job when left out
    #[arg(long)]
    pub job: Option<String>,
    /// Of a vertex, by its name or part of it
    #[arg(long, conflicts_with = "taskmanager")]
    pub vertex: Option<String>,
    /// Of the TaskManagers
    #[arg(long)]
    pub taskmanager: bool,
}

/// What every operation on a job has.
#[derive(Debug, Args)]
pub struct Operating {
    /// How to speak to Flink
    #[arg(long, value_enum, default_value_t = Via::Rest)]
    pub via: Via,
    /// Time limit in seconds for each part
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub timeout: u64,
    /// Print the requests or command lines and end
    #[arg(long)]
    pub dry_run: bool,
}

/// `playground savepoint`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Savepoint {
    /// Something else than taking one.
    #[command(subcommand)]
    pub action: Option<SavepointAction>,
    /// A job's id or name; the only job when left out
    pub job: Option<String>,
    /// How.
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
        /// Its path, as the list has it
        path: String,
        /// How.
        #[command(flatten)]
        operating: Operating,
    },
}

/// `playground stop`
#[derive(Debug, Args)]
pub struct Stop {
    /// A job's id or name; the only job when left out
    pub job: Option<String>,
    /// Let all windows fire first, for a job that will not go on: open windows are emitted as they are
    #[arg(long)]
    pub drain: bool,
    /// How.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// A job's id or name; the only job when left out
    pub job: Option<String>,
    /// How.
    #[command(flatten)]
    pub operating: Operating,
}

/// What a job is to run as.
#[derive(Debug, Args)]
pub struct Becoming {
    /// A jar file, uploaded unless it is already; or the name of an uploaded one [default: as before]
    #[arg(long, value_name = "FILE")]
    pub jar: Option<String>,
    /// Subtasks of each vertex [default: as before]
    #[arg(long, value_name = "N", value_parser = parallelism())]
    pub parallelism: Option<u32>,
    /// Leave state behind that belongs to operators which the job does not have
    #[arg(long)]
    pub allow_non_restored_state: bool,
    /// All arguments of the job [default: as before]
    #[arg(last = true, value_name = "JOB ARGS")]
    pub arguments: Vec<String>,
}

/// `playground submit`
#[derive(Debug, Args)]
pub struct Submit {
    /// What.
    #[command(flatten)]
    pub becoming: Becoming,
    /// Begin from a savepoint: its path, or `latest`
    #[arg(long, value_name = "latest|PATH")]
    pub from_savepoint: Option<String>,
    /// Return once it is submitted, running or not
    #[arg(short, long)]
    pub detach: bool,
    /// How.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground upgrade`
#[derive(Debug, Args)]
pub struct Upgrade {
    /// A job's id or name; the only job when left out
    #[arg(long)]
    pub job: Option<String>,
    /// As what.
    #[command(flatten)]
    pub becoming: Becoming,
    /// Wait for missing slots instead of adding TaskManagers
    #[arg(long)]
    pub no_scale: bool,
    /// How.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground rescale`
#[derive(Debug, Args)]
pub struct Rescale {
    /// A job's id or name; the only job when left out
    pub job: Option<String>,
    /// Subtasks of each vertex
    #[arg(long, value_name = "N", value_parser = parallelism())]
    pub parallelism: u32,
    /// Wait for missing slots instead of adding TaskManagers
    #[arg(long)]
    pub no_scale: bool,
    /// How.
    #[command(flatten)]
    pub operating: Operating,
}

/// `playground scale`
#[derive(Debug, Args)]
pub struct Scale {
    /// taskmanager=N
    #[arg(value_name = "SERVICE=N", value_parser = replicas)]
    pub taskmanagers: u32,
    /// Even below what the running jobs need: they wait for slots then
    #[arg(long)]
    pub force: bool,
    /// How.
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
        None => return Err("as in taskmanager=2".to_owned()),
    };
    match number.parse() {
        Ok(number @ 1..=16) => Ok(number),
        _ => Err(format!("'{number}' is no number from 1 to 16")),
    }
}

/// `playground backpressure`
#[derive(Debug, Args)]
pub struct Backpressure {
    /// A job's id or name, or the beginning of one; the only job when left out
    pub job: Option<String>,
    /// A new look each second until Ctrl-C: in place on a terminal, elsewhere a line each
    #[arg(short, long)]
    pub follow: bool,
}
