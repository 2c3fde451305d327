//! What the events so far add up to: the state that a step's condition is asked about. Pure.

use crate::history::{Event, JobSeen, Progress, UsualLag, What};
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
        match &event.what {
            What::Began(head) => self.checkpointing = head.job.checkpointing,
            What::Step { .. } => self.newest_at_step = self.tally.newest_window(),
            What::Job(seen) => {
                self.detected |= self.fault_at.is_some() && seen.is_down();
                self.job = Some(seen.clone());
            }
            What::Cluster { slots, .. } => self.slots = *slots,
            What::Progress(progress) => {
                if self.fault_at.is_none() {
                    self.usual_lag.add(event.at, progress);
                }
                self.progress = Some(progress.clone());
            }
            What::Checkpoint { id, triggered, size } => {
                self.checkpoint = Some(CheckpointSeen { id: *id, triggered: *triggered, size: *size });
            }
            What::Restored { checkpoint } => self.restored = Some(*checkpoint),
            What::Fault { .. } => {
                self.fault_at = Some(event.at);
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
