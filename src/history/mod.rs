//! Everything observed in a run, in time order, including the faults. A verdict is based on this and nothing else.
//!
//! Events speak of keys, windows, counts, checksums and offsets, never of one workload's own things: what a record means
//! is said by the workload, before it comes here.

use serde::{Deserialize, Serialize};

use crate::platform::Stage;
use crate::settings::{Delivery, JobVariant};
use crate::workload::model::Workload;
use answer::Answer;
use operated::Operated;
use seen::{JobFacts, JobSeen, PressureSeen, Read, Restored};
use traffic::{Emitted, Records, Sent, Stray, Topic};

pub mod answer;
pub mod chain;
pub mod clock;
pub mod operated;
pub mod recorded;
pub mod seen;
pub mod store;
pub mod texts;
pub mod traffic;
pub mod windowing;

/// What a fault is called that takes all off a node.
pub const DRAIN: &str = "drain";

/// Something that was done or seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in ms since the run began, by a clock that never jumps.
    pub at: i64,
    /// What happened.
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
    /// A step of the plan succeeded.
    Done {
        /// Its place in the plan.
        step: usize,
        /// What was seen.
        seen: String,
    },
    /// A step of the plan timed out, or can no longer succeed.
    GaveUp {
        /// Its place in the plan.
        step: usize,
        /// What was last seen.
        seen: String,
    },
    /// A fault was injected.
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
    /// An instance of the stack came, went, or changed its state.
    Instance {
        /// As in `taskmanager-1`.
        instance: String,
        /// As in `running`, `exited`; `gone` when the platform has it no more.
        state: String,
    },
    /// A pod of the stack came further on its way.
    Pod {
        /// The instance that it is, as in `taskmanager-1`.
        instance: String,
        /// How far.
        stage: Stage,
    },
    /// A job that the cluster knows, told when it is first seen.
    Found(JobFacts),
    /// The job's state.
    Job(JobSeen),
    /// The TaskManagers of the cluster.
    Cluster {
        /// Registered ones.
        taskmanagers: u32,
        /// Their slots.
        slots: u32,
    },
    /// Back pressure of the job.
    Pressure(PressureSeen),
    /// The newest checkpoint that was begun, complete or not.
    Triggered {
        /// As Flink numbers it.
        checkpoint: u64,
    },
    /// A checkpoint completed.
    Checkpoint {
        /// As Flink numbers it.
        id: u64,
        /// How long it took, in ms.
        took: i64,
        /// Size of its state, in bytes.
        size: u64,
        /// When it began by Flink's clock, ms since the epoch; 0 where that was not noted.
        #[serde(default)]
        begun: i64,
    },
    /// The job was restored from a checkpoint or a savepoint.
    Restored(Restored),
    /// The event time that every subtask of the job has passed.
    Watermark {
        /// In ms since the epoch of event time.
        watermark: i64,
        /// The newest checkpoint that was begun when this was asked: later ones hold what this watermark set off.
        triggered: u64,
    },
    /// A partition of the input was not read from its first record on, or some of its records were gone before they were read:
    /// windows that start before this may not be whole.
    Cut {
        /// The partition.
        partition: i32,
        /// In ms since the epoch of event time.
        whole_from: i64,
    },
    /// Records that came into the input, added up by key and window; more of the same may have been told before.
    Sent(Sent),
    /// A record of the output, as a reader sees it that the job promises something to.
    Emitted(Emitted),
    /// Records of either topic, where the workload's oracle judges each for itself.
    Records(Records),
    /// A job that reads a socket has connected: of the lines in this partition of the input, it is sent those behind here.
    Connected {
        /// The partition.
        partition: i32,
        /// Where in it.
        offset: i64,
        /// When, in ms since the epoch.
        at: i64,
    },
    /// Reading a partition of the input, whose records are judged one by one, begins here.
    Begins {
        /// The partition.
        partition: i32,
        /// The offset of the first record that is counted.
        from: i64,
    },
    /// A record of the output as a read-uncommitted reader sees it, in a run whose ledger reads what is committed.
    Written(Emitted),
    /// The same of records that are judged one by one.
    WrittenRecords(Records),
    /// A record of the output that is not a result of this workload.
    Stray(Stray),
    /// Records of the input so far that do not belong to the workload: the job skips them as well.
    Foreign {
        /// How many were read so far.
        records: u64,
        /// The first one, as in `input-3 @ 77: 'hello'`.
        first: String,
    },
    /// Both topics were read up to here, the input as far as anything in the output can come from.
    Read(Read),
    /// Records were deleted from a topic, by retention or by somebody.
    Gone {
        /// Which topic.
        topic: Topic,
        /// The partition.
        partition: i32,
        /// The first offset that is gone.
        from: i64,
        /// The oldest offset that is left.
        to: i64,
        /// Whether some of them were never read by this run.
        unread: bool,
    },
    /// Compaction had removed records from the middle of a partition's log before they were read.
    Compacted {
        /// Which topic.
        topic: Topic,
        /// The partition.
        partition: i32,
        /// How many offsets had no record any more. Where records were written in transactions, markers and aborted records
        /// that were removed as well are among them.
        records: u64,
        /// They were before this offset.
        to: i64,
    },
    /// A topic was deleted and recreated.
    Anew {
        /// Which topic.
        topic: Topic,
        /// The partition in which it was noticed.
        partition: i32,
    },
    /// From here on, only the results for what the input holds now are waited for.
    Settling,
    /// The workload's own program was asked, and this is its answer.
    Answered(Answer),
    /// The run was interrupted by its user.
    Interrupted,
    /// The run came to its end, and every event was recorded.
    Ended {
        /// How many events there are before this one.
        events: u64,
    },
}

/// What is known about a run when it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The scenario's name; `verify` for a stack that was only looked at.
    pub scenario: String,
    /// What it shows.
    pub purpose: String,
    /// The project whose stack it ran on.
    pub project: String,
    /// How many times as fast as real time event time runs.
    pub speed: f64,
    /// What runs, and what is right.
    pub workload: Box<Workload>,
    /// How the job runs.
    pub job: JobVariant,
    /// What must hold.
    #[serde(default)]
    pub holds: Holds,
    /// What of the past and the future is judged.
    #[serde(default)]
    pub scope: Scope,
    /// How many steps the plan has.
    #[serde(default)]
    pub steps: usize,
    /// When it began, ms since the epoch by the wall clock: for people, nothing is computed from it.
    #[serde(default)]
    pub began: i64,
    /// SHA-256 of `plan.json`, in hexadecimal digits; empty for a run that is not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan: String,
}

/// What of the past and the future a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// What a plan does, from its begin to its last step.
    #[default]
    Plan,
    /// All that the topics hold, counted by a job that runs.
    Present,
    /// So many windows that close after the run began, counted by a job that runs.
    Windows(u64),
    /// All that the topics hold, whether or not a job still counts.
    Past,
}

/// What must hold at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Every window counts what the input has, as often as the delivery allows.
    #[default]
    Exact,
    /// Records are lost, and nothing else goes wrong: a scenario that shows a loss has shown nothing when nothing is lost.
    Loss,
    /// The counts of windows differ, and together they are what was sent.
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
