//! A scenario as it was asked for, and the command line that asks for the same again.

use std::time::Duration;

use clap::ValueEnum as _;

use crate::operation::Via;
use crate::settings::option::flag_with_value;
use crate::settings::{PROJECT, StackSettings, project_words};

/// The usual time limit of a step, in seconds.
pub const LIMIT_SECONDS: u64 = 120;
/// The usual folder of run folders.
pub const RUNS: &str = "runs";

/// All that decides what a run does.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The scenario: a built-in one by its name, any other by its path.
    pub scenario: String,
    /// The stack, before the scenario fixes options of its own.
    pub stack: StackSettings,
    /// How operations are sent to Flink.
    pub via: Via,
    /// How long each step may take.
    pub limit: Duration,
    /// The folder in which the run's folder is made.
    pub runs: String,
}

impl Asked {
    /// A scenario without any option.
    #[must_use]
    pub fn of(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            stack: StackSettings::of(PROJECT),
            via: Via::Rest,
            limit: Duration::from_secs(LIMIT_SECONDS),
            runs: RUNS.to_owned(),
        }
    }

    /// The command line that asks for the same in the same folder, quoted for a shell, whichever it is.
    #[must_use]
    pub fn again(&self) -> String {
        let usual = Self::of(&self.scenario);
        let mut words = vec!["playground".to_owned()];
        words.extend(project_words(&self.stack.project));
        words.extend(["scenario".to_owned(), as_argument(&self.scenario)]);
        words.extend(self.stack.arguments());
        if self.via != usual.via {
            words.extend(self.via.to_possible_value().iter().flat_map(|via| flag_with_value("via", via.get_name())));
        }
        if self.limit != usual.limit {
            words.extend(flag_with_value("timeout", &self.limit.as_secs().to_string()));
        }
        if self.runs != usual.runs {
            words.extend(flag_with_value("runs", &self.runs));
        }
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A path that looks like a flag is one of the current folder.
fn as_argument(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// A word as a shell reads it. One with a NUL cannot come from a command line, and stays as it is.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into)
}
