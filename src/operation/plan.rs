//! What an operation will do, as data: each part with its name, its cause, and what is sent for it. A dry run prints it,
//! and the executor carries out nothing else.
//!
//! What is known only once an earlier part is done has a name in it: `:jar` and `:library-1` of uploads, `:savepoint` of a stop.

use std::path::PathBuf;

use super::channel::{Order, Via};
use crate::flink::id;
use crate::flink::jar::{self, Run};
use crate::flink::job::Summary;
use crate::flink::request::Request;

/// Stands for the id of a jar that an earlier part uploads.
pub(super) const JAR: &str = ":jar";
/// Stands for the id of a library that an earlier part uploads, by its number among the job's.
pub(super) fn library(number: usize) -> String {
    format!(":library-{number}")
}

/// Stands for the path of a savepoint that an earlier part takes.
pub(super) const SAVEPOINT: &str = ":savepoint";

/// An operation on one stack. Printing it shows everything that carrying it out does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The command's name.
    pub operation: &'static str,
    /// The job that it is done to.
    pub subject: Option<Summary>,
    /// In order.
    pub parts: Vec<Part>,
    /// Carried out after a part that starts a job, if that job does not come up; in order.
    pub roll_back: Vec<Part>,
    /// The name of the job that it starts; none where it starts none, or one of whose jar nobody knows it.
    pub starts: Option<String>,
    /// What an error before the job is stopped begins with.
    pub untouched: Option<String>,
}

/// A part of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// As in `stop`.
    pub name: &'static str,
    /// Why it is done.
    pub cause: String,
    /// What is done.
    pub act: Act,
}

/// What a part does.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Gives Flink an order through the channel that was chosen.
    Order(Order),
    /// Uploads a jar.
    Upload {
        /// What stands for its id in later parts.
        id: String,
        /// Where it lies.
        file: PathBuf,
        /// The name that it is uploaded under.
        name: String,
    },
    /// Calls a job's `main` up to where it would submit.
    Check(Run),
    /// Ends a job, unless it is over or was never taken.
    End {
        /// By its id.
        job: String,
    },
    /// Waits until a job processes records and has taken its first checkpoint.
    ComeUp {
        /// By its id.
        job: String,
        /// What it was submitted with.
        parallelism: u32,
    },
    /// Starts TaskManagers, and waits until as many are registered.
    Start {
        /// Those that do not run.
        instances: Vec<String>,
        /// How many there are to be in all.
        taskmanagers: u32,
    },
    /// Removes TaskManagers, and waits until as many are registered.
    Remove {
        /// The surplus ones.
        instances: Vec<String>,
        /// How many stay.
        taskmanagers: u32,
    },
    /// Waits until somebody else has added the slots that are missing.
    AwaitSlots {
        /// Whose own slots count.
        job: String,
        /// How many it needs.
        needed: u32,
        /// What to do if nobody does.
        advice: String,
    },
    /// Waits until jobs run on what is left.
    RunOn(Vec<Summary>),
    /// Sets a job's resource requirements, and waits until it has the parallelism.
    Rescale {
        /// By its id.
        job: String,
        /// The request that sets them.
        request: Request,
        /// Subtasks of each vertex, as far as it can have them.
        parallelism: u32,
    },
}

impl Plan {
    /// What the job that is stopped goes on as, if nothing else does.
    pub(super) fn goes_on_as(&self) -> Option<&Run> {
        self.roll_back.iter().find_map(|part| match &part.act {
            Act::Order(Order::Run { run, .. }) => Some(run),
            _ => None,
        })
    }

    /// The jar of the job that it starts: its upload's id or, of one that it uploads, the name.
    pub(super) fn jar(&self) -> Option<&str> {
        let run = self.parts.iter().find_map(|part| match &part.act {
            Act::Order(Order::Run { run, .. }) => Some(run),
            _ => None,
        })?;
        let uploaded = self.parts.iter().find_map(|part| match &part.act {
            Act::Upload { id, name, .. } if *id == run.jar => Some(name.as_str()),
            _ => None,
        });
        uploaded.or(Some(&run.jar))
    }

    /// All lines that are sent, if no job has to be rolled back.
    #[must_use]
    pub fn lines(&self, via: Via) -> Vec<String> {
        self.parts.iter().filter_map(|part| part.line(via)).collect()
    }
}

impl Part {
    pub(super) fn new(name: &'static str, cause: impl Into<String>, act: Act) -> Self {
        Self { name, cause: cause.into(), act }
    }

    pub(super) fn order(name: &'static str, cause: impl Into<String>, order: Order) -> Self {
        Self::new(name, cause, Act::Order(order))
    }

    /// The request or command line that is sent; none of a part that only waits.
    #[must_use]
    pub fn line(&self, via: Via) -> Option<String> {
        match &self.act {
            Act::Order(order) => Some(via.line(order)),
            // Whichever the channel: the command line could only tell by starting a JVM, or has no word for it.
            Act::Upload { name, .. } => Some(jar::upload_line(name)),
            Act::Check(run) => Some(jar::plan(run).to_string()),
            Act::Rescale { request, .. } => Some(request.to_string()),
            Act::End { job } => Some(via.line(&Order::Cancel { job: job.clone() })),
            Act::Start { instances, .. } => verb("start", instances),
            Act::Remove { instances, .. } => verb("remove", instances),
            Act::ComeUp { .. } | Act::AwaitSlots { .. } | Act::RunOn(_) => None,
        }
    }
}

/// As in `start taskmanager-2, taskmanager-3`.
fn verb(verb: &str, instances: &[String]) -> Option<String> {
    (!instances.is_empty()).then(|| format!("{verb} {}", instances.join(", ")))
}

/// The ids that are given with requests, so that one can ask what became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// Of the savepoint that is taken, or stopped with.
    pub trigger: String,
    /// Of a savepoint before that.
    pub first_trigger: String,
    /// Of the job that is started.
    pub job: String,
    /// Of the old job, started again.
    pub old_job: String,
}

impl Ids {
    /// For one operation.
    #[must_use]
    pub fn fresh() -> Self {
        let [trigger, first_trigger, job, old_job] = [(); 4].map(|()| id::fresh());
        Self { trigger, first_trigger, job, old_job }
    }

    /// For a dry run: they are made when the operation begins.
    #[must_use]
    pub fn named() -> Self {
        let [trigger, first_trigger, job, old_job] =
            [":trigger", ":first-trigger", ":new-job", ":old-job"].map(str::to_owned);
        Self { trigger, first_trigger, job, old_job }
    }
}
