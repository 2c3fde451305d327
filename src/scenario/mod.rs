//! Scenarios: what is done to the stack, in which order, and what is waited for.
//!
//! A scenario file is parsed ([`parse`]), made into a plan for one stack ([`plan`]), and run ([`runner`]). The plan is
//! data that can be printed; the runner decides nothing. What a step waits for is a pure question to the [`picture`]
//! that the events so far make.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::Head;

pub mod catalog;
pub mod condition;
pub mod fault;
pub mod parse;
pub mod picture;
pub mod plan;
pub mod runner;

use fault::Fault;

/// A scenario, as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// As in `failover`.
    pub name: String,
    /// What it shows, in a line.
    pub purpose: String,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// A step of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub action: Action<Service>,
    /// Why.
    pub reason: String,
}

/// The name of a service in a scenario file; a plan has names of instances instead.
pub type Service = String;

/// The name of an instance, as in `taskmanager-1`.
pub type InstanceName = String;

/// What a step does; `T` is what faults are done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action<T> {
    /// Bring the stack up, if it is not.
    Up,
    /// Break something.
    Inject {
        /// How.
        fault: Fault,
        /// What.
        target: T,
    },
    /// Mend what an earlier step broke.
    Undo {
        /// The earlier step's fault.
        fault: Fault,
        /// The earlier step's target.
        target: T,
    },
    /// Wait until something was seen.
    Await(Await),
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Await {
    /// So many windows of every page are exact, with the job running.
    SteadyState {
        /// How many.
        windows: u64,
    },
    /// The job has noticed the fault.
    Detected,
    /// Clicks of so many windows wait in `input`.
    Backlog {
        /// How many.
        windows: u64,
    },
    /// As many slots as before the fault.
    Registered,
    /// The job was restored.
    Restored,
    /// Every subtask processes records.
    Running,
    /// The backlog is worked off.
    CaughtUp,
    /// Every window that the fault could have touched is decided.
    Judged,
}

/// What will be done to one stack. Printing it shows everything that running it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What the run is about.
    #[serde(flatten)]
    pub head: Head,
    /// The steps, in order.
    pub steps: Vec<Planned>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// As in `kill taskmanager-1`.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What mends it, whatever happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What to do.
    pub action: Action<InstanceName>,
    /// How long it may take, in seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub limit: Duration,
}

fn seconds<S: serde::Serializer>(limit: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(limit.as_secs())
}
