//! Arguments of `playground workload`.

use clap::{Args, Subcommand};

/// `playground workload`
#[derive(Debug, Args)]
pub struct Workload {
    /// What to do with workloads.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with workloads.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the built-in workloads
    List,
    /// Print a workload's file
    Show {
        /// Name of a built-in workload, or the path of a file
        name: String,
    },
    /// Check a workload's file
    Check {
        /// Path of the file
        file: String,
    },
    /// Draft a workload's file from a running job and its topics
    New(New),
}

/// `playground workload new`
#[derive(Debug, Args)]
pub struct New {
    /// File to write; it must not exist yet [default: print it]
    pub file: Option<std::path::PathBuf>,
    /// ID or name of the job [default: the one that is not the stack's own]
    #[arg(long)]
    pub job: Option<String>,
    /// Topic the job reads [default: the one that a consumer group has committed offsets of]
    #[arg(long, value_name = "TOPIC")]
    pub input: Option<String>,
    /// Topic the job writes [default: the only other one]
    #[arg(long, value_name = "TOPIC")]
    pub output_topic: Option<String>,
    /// The job's jar, as the file is to name it
    #[arg(long, value_name = "FILE")]
    pub jar: Option<String>,
    /// A jar the job also needs, as the file is to name it; repeat it for several
    #[arg(long = "lib", value_name = "FILE")]
    pub libraries: Vec<String>,
}
