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
}
