//! Scenarios: what is done to the stack, in which order, and what is waited for.
//!
//! A scenario file is parsed ([`parse`]), made into a plan for one stack ([`plan`]), and run ([`runner`]). The plan is
//! data that can be printed; the runner decides nothing. What a step waits for is a pure question ([`condition`]) to what
//! the events so far add up to.

use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;
use crate::history::{Head, Holds};
use crate::oracle::Decided;
use crate::settings::overrides::Overrides;
use crate::settings::{PARALLELISM, StackSettings};
use crate::workload::model::Workload;

pub mod asked;
pub mod catalog;
pub mod condition;
pub mod fault;
pub mod operating;
pub mod parse;
pub mod plan;
pub mod runner;
pub mod target;

use condition::Await;
use fault::{Fault, Undo};
use operating::Operating;
use target::{Target, Targets};

/// A scenario, as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// As in `failover`.
    pub name: String,
    /// What it shows, in a line.
    pub purpose: String,
    /// The only workload that it runs with; any that fits when `None`.
    pub workload: Option<String>,
    /// What must hold at its end.
    pub holds: Holds,
    /// The options that it fixes, whatever the user says.
    pub stack: Overrides,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The settings that it runs with. It begins from a known number of slots, whatever was done to the stack before.
    ///
    /// # Errors
    /// Options of the user that contradict what the scenario fixes.
    pub fn settings(&self, asked: &StackSettings, workload: &Workload) -> Result<StackSettings, Failure> {
        let about = |error: Failure| Failure::Usage(format!("scenario {}: {error}", self.name));
        self.fits(workload).map_err(about)?;
        let mut settings = self.stack.over(asked.clone())?.of_workload(workload).map_err(about)?;
        let parallelism = *settings.parallelism.get_or_insert(PARALLELISM);
        settings.taskmanagers.get_or_insert(parallelism.div_ceil(settings.slots.max(1)));
        settings.checked().map_err(about)
    }

    /// Refuses a workload that lacks what the scenario needs.
    fn fits(&self, workload: &Workload) -> Result<(), Failure> {
        let name = &workload.name;
        if let Some(only) = self.workload.as_ref().filter(|only| *only != name) {
            return Err(Failure::Usage(format!(
                "it runs with workload {only}, not with {name}: it names that one's jars or arguments"
            )));
        }
        for step in &self.steps {
            if let Action::Operate(operating) = &step.action {
                operating.operation.fits(workload)?;
            }
        }
        let needs_windows = self.holds == Holds::Spread
            || self.steps.iter().any(|step| matches!(step.action, Action::Await(Await::Emitted(_))));
        if needs_windows && workload.oracle.window().is_none() {
            let oracle = workload.oracle.name();
            return Err(Failure::Usage(format!("it needs a workload with windows; {name} is judged by {oracle}")));
        }
        if self.holds == Holds::Loss && workload.oracle.rule().decided() == Decided::ByCheckpoint {
            let oracle = workload.oracle.name();
            return Err(Failure::Usage(format!(
                "it shows how much is lost; {name} is judged by {oracle}, which counts no loss"
            )));
        }
        Ok(())
    }
}

/// A step of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What the runner does or waits for.
    pub action: Action<Targets>,
    /// Why the scenario does this, for whoever reads its plan.
    pub reason: String,
}

/// The name of an instance, as in `taskmanager-1`.
pub type InstanceName = String;

/// What a step does; `T` is what faults are done to: what a scenario file names, or the targets of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action<T> {
    /// Bring the stack up, if it is not.
    Up,
    /// Break something.
    Inject {
        /// The way in which it breaks.
        fault: Fault,
        /// What breaks.
        on: T,
    },
    /// Undo an earlier step's fault.
    Undo {
        /// The earlier step's fault.
        fault: Fault,
        /// What it broke.
        on: T,
    },
    /// Do what an operator of the job would do.
    Operate(Operating),
    /// Wait until something was seen.
    Await(Await),
}

/// What will be done to one stack. Printing it shows everything that running it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What the run is about.
    #[serde(flatten)]
    pub head: Head,
    /// The steps, in order.
    pub steps: Vec<Planned>,
    /// The command that runs the same again.
    pub again: String,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// As in `kill taskmanager-1`.
    pub title: String,
    /// Why the scenario does this.
    pub reason: String,
    /// What undoes the fault, however the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// What an operation sends.
    #[serde(flatten)]
    pub sends: Sends,
    /// What the runner does or waits for.
    pub action: Action<Vec<Target>>,
    /// How long it may take, in seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub limit: Duration,
}

/// What an operation sends, if the stack is then as it is expected to be; nothing of any other step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sends {
    /// The requests or command lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// Those that are sent after them if the new job does not come up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roll_back: Vec<String>,
    /// Why it sends nothing, and fails instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

fn seconds<S: serde::Serializer>(limit: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(limit.as_secs())
}
