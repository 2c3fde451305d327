//! Arguments of `playground scenario`.

use clap::{Args, Subcommand};

use super::stack::StackOptions;
use crate::operation::Via;

/// `playground scenario`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Scenario {
    /// Look instead of run.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// How to run it.
    #[command(flatten)]
    pub run: Run,
}

/// Looking at scenarios.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the scenarios
    List,
    /// Show a scenario's file
    Show {
        /// Its name
        name: String,
    },
}

/// Running one.
#[derive(Debug, Args)]
pub struct Run {
    /// A scenario's name, or the path of a scenario file
    #[arg(required = true)]
    pub name: Option<String>,
    /// On which stack; brought up if it is not.
    #[command(flatten)]
    pub stack: StackOptions,
    /// How operations speak to Flink
    #[arg(long, value_enum, default_value_t = Via::Rest)]
    pub via: Via,
    /// Print the plan and end
    #[arg(long)]
    pub dry_run: bool,
    /// Where run folders are made
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub runs: std::path::PathBuf,
    /// Time limit in seconds for each step
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub timeout: u64,
}
