//! Arguments of the commands on jobs.

use clap::Args;

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
