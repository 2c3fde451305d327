//! The command line, as clap types: nothing here does anything.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::settings::PROJECT;

pub mod job;
pub mod scenario;
pub mod stack;
pub mod topic;

/// What stands under every `--help`, as the README has it.
const EXIT_CODES: &str = "\
Exit codes:
  0    pass
  1    the verdict is fail, or an upgrade was rolled back
  2    usage
  3    unknown: not enough was seen to judge
  4    environment: no Docker, a port is taken, an image cannot be built, a time limit
  130  interrupted, everything undone";

/// Brings up Kafka, ZooKeeper and Flink on Docker, breaks them on purpose, and proves whether an event was lost.
#[derive(Debug, Parser)]
#[command(name = "playground", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(infer_long_args = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Which stack is meant: names and labels carry it, so several run side by side
    #[arg(short, long, global = true, env = "PLAYGROUND_PROJECT", default_value = PROJECT, value_parser = project_name)]
    pub project: String,
    /// How the result is written to standard output
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Human, value_name = "FORMAT")]
    pub output: Output,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people
    Human,
    /// One JSON document
    Json,
}

/// The commands, in the order of a first visit.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the stack up; returns when the job runs and its first checkpoint is complete
    Up(stack::Up),
    /// List the services: state, health, ports, exit code
    Ps,
    /// Show what the services print
    Logs(stack::Logs),
    /// Take the stack away
    Down(stack::Down),
    /// Build or list the images
    Images(stack::Images),
    /// Run Flink's own command line in a client container
    #[command(disable_help_flag = true)]
    Flink(stack::Flink),
    /// List the jobs
    Jobs,
    /// Show a job: vertices, checkpoints, exceptions
    Job(job::Job),
    /// Show metrics of a job, a vertex or a TaskManager
    Metrics(job::Metrics),
    /// Take a savepoint; or list or dispose of those there are
    Savepoint(job::Savepoint),
    /// Stop a job with a savepoint
    Stop(job::Stop),
    /// Cancel a job, without a savepoint
    Cancel(job::Cancel),
    /// Submit a job, from a savepoint or from nothing
    Submit(job::Submit),
    /// Stop the job with a savepoint and start it from there with another parallelism, jar or arguments
    Upgrade(job::Upgrade),
    /// Change a running job's parallelism in place, under the adaptive scheduler
    Rescale(job::Rescale),
    /// Add or take away TaskManagers
    Scale(job::Scale),
    /// Show which vertices of a job wait for a slower one, and how far the job is behind
    Backpressure(job::Backpressure),
    /// Show records of a topic
    Tail(topic::Tail),
    /// Kill a service's process, as a crash would
    Kill(stack::Instance),
    /// Start what was killed, paused or disconnected
    Start(stack::Instance),
    /// Judge the running stack: each window in `input` against `output`
    Verify(topic::Verify),
    /// Judge a scenario's run again, from its folder alone
    Judge(topic::Judge),
    /// Run a scenario and prove its outcome
    Scenario(scenario::Scenario),
    /// Produce clicks
    Generate(topic::Generate),
    /// Check that this machine has what the playground needs
    Doctor,
    /// Print a completion script for a shell
    Completions(Completions),
}

/// `playground completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Docker's own rule for the names of networks and volumes, and Compose's for projects: lower case, digits, `-`, `_`.
fn project_name(name: &str) -> Result<String, String> {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| first(c) || c == '-' || c == '_';
    if name.starts_with(first) && name.chars().all(rest) {
        Ok(name.to_owned())
    } else {
        Err("use lower-case letters, digits, '-' and '_', beginning with a letter or digit".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_project_name_that_compose_would_refuse_is_refused() {
        for name in ["", "Upper", "-x", "a b", "ä"] {
            assert!(project_name(name).is_err(), "{name:?}");
        }
        assert_eq!(project_name("a-1_b").as_deref(), Ok("a-1_b"));
    }
}
