//! What the events so far add up to: the state that a step's condition is asked about. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Await;
use crate::history::{Event, JobSeen, PressureSeen, Progress, UsualLag, What};
use crate::verdict::tally::Tally;

/// The state of a run, as far as it was told.
#[derive(Debug, Default)]
pub struct Picture {
    /// Windows: expected against emitted.
    pub tally: Tally,
    /// The job, once it was seen.
    pub job: Option<JobSeen>,
    /// How far the job's checkpoints got, once it was seen.
    pub progress: Option<Progress>,
    /// Slots of the registered TaskManagers.
    pub slots: u32,
    /// Slots just before the newest fault.
    pub slots_before_fault: u32,
    /// The lag before the first fault: what is usual.
    pub usual_lag: UsualLag,
    /// The newest complete checkpoint.
    pub checkpoint: Option<CheckpointSeen>,
    /// The checkpoint restored from since the newest fault.
    pub restored: Option<u64>,
    /// When the newest fault was done, ms since the epoch.
    pub fault_at: Option<i64>,
    /// Whether the job was seen not running since the newest fault.
    pub detected: bool,
    /// Whether the job was asked to checkpoint.
    pub checkpointing: bool,
    /// Start of the newest window with clicks when the current step began; ms since the epoch.
    pub newest_at_step: Option<i64>,
    /// When the newest event was, ms since the epoch.
    pub now: i64,
    /// The windows of each page that were emitted since the current step began, by their start.
    pub emitted: BTreeMap<String, BTreeSet<i64>>,
    /// Records that a read-uncommitted reader saw and no checkpoint covers, by partition and offset, with when they were seen.
    pub uncommitted: BTreeMap<(i32, i64), i64>,
    /// How the vertices wait for each other, once it was measured.
    pub pressure: Option<PressureSeen>,
    /// Whether anything was done to the stack since it was steady.
    disturbed: bool,
    /// The time between two checkpoints, in ms.
    pub checkpoint_interval: i64,
}

/// A complete checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// Its id.
    pub id: u64,
    /// When it began, ms since the epoch.
    pub triggered: i64,
    /// Bytes.
    pub size: u64,
}

impl Picture {
    /// Takes an event in.
    pub fn add(&mut self, event: &Event) {
        self.tally.add(event);
        self.now = event.at;
        match &event.what {
            What::Began(head) => {
                self.checkpointing = head.job.checkpointing;
                self.checkpoint_interval = i64::try_from(head.job.checkpoint_interval_ms).unwrap_or(i64::MAX);
                self.usual_lag = UsualLag::of(&head.job);
            }
            What::Step { title, .. } => {
                self.newest_at_step = self.tally.newest_window();
                self.emitted.clear();
                // What lies between the steady state and its disturbance is not usual: an operator may throttle there.
                self.disturbed |= title == Await::BackPressured.title();
            }
            What::Operating { .. } => self.disturbed = true,
            What::Counted { page, start, partition, offset, .. } => {
                self.emitted.entry(page.clone()).or_default().insert(*start);
                self.uncommitted.remove(&(*partition, *offset));
            }
            What::Uncommitted { partition, offset, .. } => {
                self.uncommitted.insert((*partition, *offset), event.at);
            }
            What::Pressure(seen) => self.pressure = Some(seen.clone()),
            What::Job(seen) => {
                self.detected |= self.fault_at.is_some() && seen.is_down();
                self.job = Some(seen.clone());
            }
            What::Cluster { slots, .. } => self.slots = *slots,
            What::Progress(progress) => {
                if !self.disturbed {
                    self.usual_lag.add(event.at, progress);
                }
                self.progress = Some(progress.clone());
            }
            What::Checkpoint { id, triggered, size } => {
                // It commits what was written before it.
                self.uncommitted.retain(|_, seen| *seen > *triggered);
                self.checkpoint = Some(CheckpointSeen { id: *id, triggered: *triggered, size: *size });
            }
            What::Restored { checkpoint } => self.restored = Some(*checkpoint),
            What::Fault { .. } => {
                self.disturbed = true;
                self.fault_at = Some(event.at);
                // Of the transactions that were open, the restored job ends some without their records.
                self.uncommitted.clear();
                self.slots_before_fault = self.slots;
                self.detected = false;
                self.restored = None;
            }
            _ => {}
        }
    }

    /// Whether every subtask was running when last seen.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.job.as_ref().is_some_and(JobSeen::is_running)
    }

    /// Records in `input` that no checkpoint covers, when last seen.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.progress.as_ref().map_or(0, Progress::lag)
    }
}
