//! Arguments of `playground scenario`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::seconds;
use crate::failure::Failure;
use crate::operation::Via;
use crate::scenario::asked::{Asked, LIMIT_SECONDS, RUNS};
use crate::settings::overrides::Overrides;

/// `playground scenario`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Scenario {
    /// What to look at instead of running a scenario.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Which scenario to run, and on what stack.
    #[command(flatten)]
    pub run: Run,
}

/// Commands that look at scenarios without running them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the scenarios
    List,
    /// Print a scenario's file
    Show {
        /// Name of the scenario
        name: String,
    },
}

/// The scenario to run.
#[derive(Debug, Args)]
pub struct Run {
    /// Name of a built-in scenario, or the path of a scenario file
    #[arg(required = true)]
    pub name: Option<String>,
    /// The stack to run it on; started first if it is not running.
    #[command(flatten)]
    pub stack: Overrides,
    /// Run operations through Flink's REST API or its CLI
    #[arg(long, value_enum, default_value_t = Via::Rest)]
    pub via: Via,
    /// Print the plan without running it
    #[arg(long)]
    pub dry_run: bool,
    /// Directory for the folders of recorded runs
    #[arg(long, default_value = RUNS, value_name = "DIR")]
    pub runs: String,
    /// Timeout of each step, in seconds
    #[arg(long, default_value_t = LIMIT_SECONDS, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

impl Run {
    /// The same as a value, for the stack of a project.
    ///
    /// # Errors
    /// No scenario, or options that contradict each other.
    pub fn asked(self, project: &str) -> Result<Asked, Failure> {
        Ok(Asked {
            scenario: self.name.ok_or_else(|| Failure::Usage("no scenario was named".to_owned()))?,
            stack: self.stack.settings(project)?,
            via: self.via,
            limit: Duration::from_secs(self.timeout),
            runs: self.runs,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::platform::{Cluster, Meant};
    use crate::scenario::{Plan, catalog, plan};
    use crate::settings::StackSettings;
    use crate::stack::Stack;

    /// A scenario that uses every kind of option, in every way that a shell can misread.
    const WISHES: [&[&str]; 5] = [
        &[],
        &["--speed", "5", "--rest-port", "9001", "--kafka-port", "9002", "--timeout", "7"],
        &["--via", "cli", "--runs", "my runs", "--file", "it's $HOME/compose.yaml"],
        &["--runs=-odd", "--state-keys", "9", "--slots", "8", "--checkpoint-interval", "2000"],
        &["--no-event-time", "--backpressure", "--taskmanagers", "4", "--timeout", "120"],
    ];

    fn asked(words: impl IntoIterator<Item = String>) -> Asked {
        let cli = Cli::try_parse_from(words).unwrap();
        let Command::Scenario(arguments) = cli.command else { panic!("not a scenario") };
        arguments.run.asked(&cli.global.project).unwrap()
    }

    fn planned(asked: &Asked) -> Plan {
        // The file that the wishes name is not there.
        let workload = crate::workload::catalog::usual().unwrap();
        let stack = Stack::load(&StackSettings { file: None, ..asked.stack.clone() }, &workload).unwrap();
        let scenario = catalog::find(&asked.scenario).unwrap();
        // Where every fault is possible.
        let platform = Meant::Kubernetes(Cluster::default());
        plan::plan(&scenario, asked, &workload, &stack, &platform).unwrap()
    }

    fn repeats(scenario: &str) {
        for (project, wishes) in
            [("playground", WISHES[0]), ("b", WISHES[1])].into_iter().chain(WISHES.map(|one| ("c", one)))
        {
            let words = ["playground", "-p", project, "scenario"].into_iter().chain(wishes.iter().copied());
            let first = asked(words.chain(["--", scenario]).map(str::to_owned));
            let plan = planned(&first);
            let again = asked(shlex::split(&plan.again).expect("words of a shell"));
            assert_eq!(again, first, "{}", plan.again);
            assert_eq!(planned(&again), plan);
        }
    }

    #[test]
    fn again_plans_the_same_for_every_built_in_scenario() {
        for scenario in catalog::all().unwrap() {
            repeats(&scenario.name);
        }
    }

    #[test]
    fn again_plans_the_same_for_a_file_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("it's my own.toml");
        std::fs::write(&file, catalog::text("failover").unwrap()).unwrap();
        repeats(file.to_str().unwrap());
        assert!(planned(&Asked::of(file.to_str().unwrap())).again.contains("it's my own.toml"));
    }

    #[test]
    fn again_is_short_where_nothing_is_unusual() {
        assert_eq!(Asked::of("failover").again(), "playground scenario failover");
        let words = ["playground", "-p", "b", "scenario", "failover", "--no-checkpointing", "--via", "cli"];
        assert_eq!(asked(words.map(str::to_owned)).again(), words.join(" "));
    }

    #[test]
    fn a_path_like_a_flag_is_no_flag() {
        assert_eq!(Asked::of("-own.toml").again(), "playground scenario ./-own.toml");
    }
}
