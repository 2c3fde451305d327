//! Everything observed in a run, in time order, faults included; what a verdict is made from, and nothing else.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::settings::{Delivery, JobVariant};
use operated::Operated;

pub mod operated;
pub mod store;

/// Something that was done or seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in ms since the epoch, by the clock of this machine.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What was done or seen. States are told when they change, not each time they are looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The run begins.
    Began(Head),
    /// A step of the plan begins.
    Step {
        /// Its place in the plan, from 0.
        step: usize,
        /// What it does or waits for.
        title: String,
    },
    /// A step of the plan ended well.
    Done {
        /// Its place in the plan.
        step: usize,
        /// What was seen.
        seen: String,
    },
    /// A step of the plan did not end within its time limit, or cannot end well any more.
    GaveUp {
        /// Its place in the plan.
        step: usize,
        /// What was last seen.
        seen: String,
    },
    /// A fault was done.
    Fault {
        /// As in `kill`.
        fault: String,
        /// As in `taskmanager-1`.
        target: String,
    },
    /// A fault is about to be undone.
    Undoing {
        /// As in `kill`.
        fault: String,
        /// As in `taskmanager-1`.
        target: String,
    },
    /// A fault was undone.
    Undone {
        /// As in `kill`.
        fault: String,
        /// As in `taskmanager-1`.
        target: String,
    },
    /// An operation begins.
    Operating {
        /// As in `upgrade`.
        operation: String,
    },
    /// An operation came to an end.
    Operated(Operated),
    /// The job's state.
    Job(JobSeen),
    /// The cluster's TaskManagers.
    Cluster {
        /// Registered ones.
        taskmanagers: u32,
        /// Their slots.
        slots: u32,
    },
    /// How the vertices of the job wait for each other.
    Pressure(PressureSeen),
    /// A checkpoint completed.
    Checkpoint {
        /// Its id.
        id: u64,
        /// When it began, ms since the epoch, by Flink's clock.
        triggered: i64,
        /// Bytes.
        size: u64,
    },
    /// The job was restored from a checkpoint.
    Restored {
        /// Its id.
        checkpoint: u64,
    },
    /// How far the job's checkpoints got in `input`.
    Progress(Progress),
    /// Clicks counted in `input`, beyond those told before for the same page and window.
    Clicks {
        /// The page.
        page: String,
        /// The window's start, ms since the epoch.
        start: i64,
        /// How many.
        clicks: u64,
        /// Where they lie.
        partition: i32,
        /// The last one's offset.
        last_offset: i64,
    },
    /// A record of `output`.
    Counted {
        /// The page.
        page: String,
        /// The window's start, ms since the epoch.
        start: i64,
        /// The job's count.
        count: u64,
        /// Where it lies.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// A record of `output` as a read-uncommitted reader sees it, in a run whose ledger reads what is committed.
    Uncommitted {
        /// The page.
        page: String,
        /// The window's start, ms since the epoch.
        start: i64,
        /// The job's count.
        count: u64,
        /// Where it lies.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// A record of `output` that is no count of this workload.
    Stray {
        /// Where it lies.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The run was interrupted by its user.
    Interrupted,
}

/// What a run is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The scenario's name.
    pub scenario: String,
    /// What it shows.
    pub purpose: String,
    /// The stack.
    pub project: String,
    /// How fast event time runs against the clock.
    pub speed: f64,
    /// How the job runs.
    pub job: JobVariant,
    /// What must hold.
    #[serde(default)]
    pub holds: Holds,
}

/// What must hold at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Every window counts what `input` has, as often as the delivery allows.
    #[default]
    Exact,
    /// Clicks are lost: a scenario that shows what goes wrong has shown nothing when nothing did.
    Loss,
    /// The counts of windows differ, where each has as many clicks.
    Spread,
    /// As exact, though a transaction of the sink was cut off: records that were written were never committed.
    ExactlyOnce,
}

impl Head {
    /// What the ledger allows.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.job.delivery
    }
}

/// A job as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSeen {
    /// As Flink names it, or `UNREACHABLE` when the `JobManager` does not answer.
    pub state: String,
    /// Subtasks that process records.
    pub running: u32,
    /// All subtasks.
    pub subtasks: u32,
    /// Subtasks of its widest vertex, which is how many slots it needs.
    #[serde(default)]
    pub parallelism: u32,
    /// The root cause of its newest exception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl JobSeen {
    /// The state of a job whose JobManager does not answer.
    pub const UNREACHABLE: &'static str = "UNREACHABLE";

    /// Whether Flink itself says that not every subtask processes records. No answer says nothing of the job.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.state != Self::UNREACHABLE && !self.is_running()
    }

    /// Whether every subtask processes records.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "RUNNING" && self.running == self.subtasks && self.subtasks > 0
    }
}

/// How the source waits for what comes behind it, as it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PressureSeen {
    /// The share of time, 0 to 1, that the source was back-pressured: the mean of its subtasks.
    pub source: f64,
    /// The vertex that the others wait for, if any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<String>,
    /// Whether the clock's minute was even, in which the job's throttle works, all the time that was measured.
    pub even_minute: Option<bool>,
}

/// How far the job's checkpoints got in `input`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The next offset of each partition that the job's group committed; 0 where it has not yet.
    pub committed: Vec<i64>,
    /// The end offset of each partition.
    pub ends: Vec<i64>,
}

impl Progress {
    /// Records that are in `input` and in no checkpoint yet.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.ends.iter().zip(&self.committed).map(|(end, committed)| (end - committed).max(0)).sum()
    }
}

/// The lag of the last moments, which is what a later lag is held against: the highest of two checkpoints' time, since it
/// rises and falls with each of them.
#[derive(Debug, Clone)]
pub struct UsualLag {
    seen: VecDeque<(i64, i64)>,
    /// How long, in ms, a lag is remembered.
    moments: i64,
}

impl Default for UsualLag {
    fn default() -> Self {
        Self { seen: VecDeque::new(), moments: Self::MOMENTS_MS }
    }
}

impl UsualLag {
    /// How long, in ms, a lag is remembered at least.
    const MOMENTS_MS: i64 = 3_000;

    /// Of a job that checkpoints so often.
    #[must_use]
    pub fn of(job: &JobVariant) -> Self {
        let interval = i64::try_from(job.checkpoint_interval_ms).unwrap_or(Self::MOMENTS_MS);
        Self { moments: Self::MOMENTS_MS.max(2 * interval), ..Self::default() }
    }

    /// Takes in what was seen at a time, ms since the epoch.
    pub fn add(&mut self, at: i64, progress: &Progress) {
        self.seen.push_back((at, progress.lag()));
        self.seen.retain(|(seen_at, _)| seen_at + self.moments >= at);
    }

    /// The highest of the last moments; 0 when nothing was seen.
    #[must_use]
    pub fn records(&self) -> i64 {
        self.seen.iter().map(|(_, lag)| *lag).max().unwrap_or(0)
    }
}

/// A run's events, in time order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
}

impl History {
    /// What the run is about, if it has begun.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.events.iter().find_map(|event| match &event.what {
            What::Began(head) => Some(head),
            _ => None,
        })
    }
}

impl Event {
    /// Something that is done or seen now.
    #[must_use]
    pub fn now(what: What) -> Self {
        Self { at: jiff::Timestamp::now().as_millisecond(), what }
    }
}
