//! The command line, as clap types: nothing here does anything.

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::platform::{Cluster, Meant};
use crate::settings::{PLATFORM_VARIABLE, PROJECT, PROJECT_VARIABLE};

pub mod job;
pub mod scenario;
pub mod stack;
pub mod topic;
pub mod workload;

/// Printed below the top-level `--help`; the README documents the same codes.
const EXIT_CODES: &str = "\
Exit codes:
  0    pass
  1    the verdict is fail, or an upgrade was rolled back
  2    usage: arguments, or a file they name, are wrong
  3    unknown: too little was observed to judge
  4    environment: no Docker or cluster, no permission, a taken port, a failed build, a timeout
  130  interrupted; everything was undone";

/// Runs Kafka, ZooKeeper and Flink on Docker, breaks them on purpose, and proves whether an event was lost.
#[derive(Debug, Parser)]
#[command(name = "playground", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(infer_long_args = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Exactly one of them.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Project name of the stack; stacks with different names run side by side
    #[arg(short, long, global = true, env = PROJECT_VARIABLE, default_value = PROJECT, value_parser = project_name)]
    pub project: String,
    /// What runs the stack
    #[arg(long, global = true, value_enum, env = PLATFORM_VARIABLE, default_value_t = PlatformName::Docker, value_name = "PLATFORM")]
    pub platform: PlatformName,
    /// Context of the kubeconfig, with --platform kubernetes [default: the current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace of the stack, with --platform kubernetes [default: that of the context]
    #[arg(long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Output format of the result
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Human, value_name = "FORMAT")]
    pub output: Output,
    /// If another command is changing the stack, wait up to SECONDS for it to finish [default: 600]
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "600", value_name = "SECONDS", value_parser = seconds())]
    pub wait: Option<u64>,
}

impl Global {
    /// The platform that is meant.
    ///
    /// # Errors
    /// [`Failure::Usage`] of options that another platform takes.
    pub fn meant(&self) -> Result<Meant, Failure> {
        let (context, namespace) = (self.context.clone(), self.namespace.clone());
        match self.platform {
            PlatformName::Kubernetes => Ok(Meant::Kubernetes(Cluster { context, namespace })),
            PlatformName::Docker if context.is_some() || namespace.is_some() => {
                let given = if context.is_some() { "--context" } else { "--namespace" };
                Err(Failure::Usage(format!("{given} needs --platform kubernetes")))
            }
            PlatformName::Docker => Ok(Meant::Docker),
        }
    }

    /// The words that mean the same platform, where it is not the usual one.
    #[must_use]
    pub fn platform_words(&self) -> Vec<String> {
        let is_usual = self.platform == PlatformName::Docker && std::env::var_os(PLATFORM_VARIABLE).is_none();
        if is_usual {
            return Vec::new();
        }
        let name = self.platform.to_possible_value().map(|value| value.get_name().to_owned());
        let options =
            [("--platform", name), ("--context", self.context.clone()), ("--namespace", self.namespace.clone())];
        options.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?])).flatten().collect()
    }
}

/// What can run a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlatformName {
    /// A Docker engine
    Docker,
    /// A namespace of a Kubernetes cluster
    Kubernetes,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people
    Human,
    /// One JSON document
    Json,
}

/// The commands, in the order of a first visit.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the stack; returns once the job is running and its first checkpoint has completed
    Up(stack::Up),
    /// List the containers with their state, health, ports and exit codes
    Ps,
    /// Show the logs of the services
    Logs(stack::Logs),
    /// Stop and remove the stack
    Down(stack::Down),
    /// Build or list the playground's images
    Images(stack::Images),
    /// Run Flink's own CLI in a client container
    #[command(disable_help_flag = true)]
    Flink(stack::Flink),
    /// List the jobs
    Jobs,
    /// Show a job's vertices, checkpoints and exceptions
    Job(job::Job),
    /// Show metrics of a job, a vertex or the TaskManagers
    Metrics(job::Metrics),
    /// Take a savepoint, or list or dispose of existing ones
    Savepoint(job::Savepoint),
    /// Stop a job with a savepoint
    Stop(job::Stop),
    /// Cancel a job without taking a savepoint
    Cancel(job::Cancel),
    /// Submit a job, with or without a savepoint to start from
    Submit(job::Submit),
    /// Stop a job with a savepoint and restart it from there with a new parallelism, jar or arguments
    Upgrade(job::Upgrade),
    /// Change the parallelism of a running job in place (adaptive scheduler only)
    Rescale(job::Rescale),
    /// Add or remove TaskManagers
    Scale(job::Scale),
    /// Show which vertices of a job are back-pressured, the bottleneck, and the consumer lag
    Backpressure(job::Backpressure),
    /// Print records of a topic
    Tail(topic::Tail),
    /// Kill a service's process with SIGKILL, as a crash would
    Kill(stack::Instance),
    /// Bring back what was killed, paused or disconnected
    Start(stack::Instance),
    /// Check every window of `output` against the clicks in `input`
    Verify(topic::Verify),
    /// Judge a recorded scenario run again, from its folder alone
    Judge(topic::Judge),
    /// List, print or check workloads: a job, its topics, and what is right of its output
    Workload(workload::Workload),
    /// Run a scenario and prove its outcome
    Scenario(scenario::Scenario),
    /// Write records to a topic: click events, or a feed of your own
    Generate(topic::Generate),
    /// Write single records to a job's input, or lines to the socket that it reads
    Emit(topic::Emit),
    /// Serve a topic's records as lines on a TCP port, for a job that reads a socket
    Serve(topic::Serve),
    /// Check that this machine has everything the playground needs
    Doctor,
    /// Print a shell completion script
    Completions(Completions),
}

/// `playground completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// A time in whole seconds: up to a day, as no wait of a command is longer, and more than clocks can tell would be none.
fn seconds() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=86_400)
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
