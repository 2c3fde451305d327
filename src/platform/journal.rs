//! What has to outlive the process that knows it: who owns the stack now, and what is not to stay as it is. It is kept in
//! the platform itself, so that the next command finds it after a crash of this one.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Owner;

/// A process's hold on a stack: while it has it, no other changes the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The command that changes the stack, as in `scenario failover`.
    pub what: String,
    /// The process that runs it.
    pub owner: Owner,
    /// Since when, ms since the epoch.
    pub since: i64,
}

/// A note of what the next command has to know: what must not stay as it is, and what the stack was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Unique within the project.
    pub id: String,
    /// What kind of thing is done.
    pub kind: Kind,
    /// The fault's name in scenario files, as in `kill`, or the operation's, as in `upgrade`.
    pub what: String,
    /// The instance or the job it is done to, as in `taskmanager-1`; of a fault also several, with `, ` between them.
    pub target: String,
    /// Who did it, as in `scenario failover`.
    pub by: String,
    /// The process that did it and would undo it, for telling whether it still lives.
    pub owner: Owner,
    /// What the next command has to know of the job; nothing of a fault.
    #[serde(default)]
    pub job: NotedJob,
}

/// What a mark keeps of the job that it is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotedJob {
    /// Its name; none of a jar that was submitted and has not told its job's name yet.
    pub name: Option<String>,
    /// The trigger under which Flink was asked to stop it.
    pub trigger: Option<String>,
    /// Where its state is, once that is known.
    pub savepoint: Option<String>,
    /// Whether it was drained, and so is at its end: its last windows fired before they were full.
    pub drained: bool,
    /// What it runs, or ran, as; `None` where that could not be found out.
    pub run: Option<NotedRun>,
    /// The user's jars in the image of an application, each by its name with the hash of its content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jars: Vec<String>,
}

/// What a job was submitted as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedRun {
    /// The upload's id, or its file name.
    pub jar: String,
    /// The class whose `main` is run; none for the one that the jar's manifest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The ids of uploaded jars that it needs besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// Subtasks of each vertex.
    pub parallelism: u32,
    /// The arguments of its `main`.
    pub arguments: Vec<String>,
}

/// What a mark is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something broken on purpose, to be repaired.
    Fault,
    /// A job that is being stopped with a savepoint; written before Flink is asked.
    Stopping,
    /// A job that was stopped with a savepoint, to go on from it.
    Stopped,
    /// A job that is being submitted under an id of ours; written before Flink is asked.
    Starting,
    /// A job that was submitted by us and came up, with what it was submitted as: a job need not tell that itself.
    Running,
    /// The workload that the stack was made for: its name or its file's path, and its JSON as the target.
    Workload,
}

impl Kind {
    /// Whether it is of a job that is to go on.
    #[must_use]
    pub fn is_of_job(self) -> bool {
        !matches!(self, Self::Fault | Self::Workload)
    }

    /// Whether it says something of the data, and so stays as long as the volumes do.
    #[must_use]
    pub fn outlives_containers(self) -> bool {
        self != Self::Fault
    }
}

/// Remembers, in the platform.
#[allow(async_fn_in_trait, reason = "as for `Contract`")]
pub trait Journal {
    /// Makes a process the stack's only owner; returns the other one where there is one, and holds nothing then. Of two that
    /// ask in the same moment at most one gets it. What a process that has ended left of a lock is taken over; one that
    /// cannot be told alive or ended from here keeps it.
    async fn lock(&self, lock: &Lock) -> Result<Option<Lock>>;

    /// Releases the stack, and removes the locks of processes that have ended.
    async fn unlock(&self, lock: &Lock) -> Result<()>;

    /// How a user takes a lock away whose process cannot be told alive or ended from here, as a command line.
    fn lock_removal(&self, lock: &Lock) -> String;

    /// Writes a mark down, before what it is of is done, in place of an older one of that id. Only for the stack's owner.
    async fn mark(&self, mark: &Mark) -> Result<()>;

    /// Forgets a mark, after its fault was undone or its job runs again.
    async fn forget(&self, id: &str) -> Result<()>;

    /// How a user takes a mark away that no command is to act on, as a command line.
    fn mark_removal(&self, mark: &Mark) -> String;

    /// All marks of the project.
    async fn marks(&self) -> Result<Vec<Mark>>;
}
