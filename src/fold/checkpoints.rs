//! Checkpoints as they come, restores from them, and what of the output a restore may repeat.

use std::collections::VecDeque;
use std::ops::Range;

use crate::history::What;
use crate::history::seen::{Read, Restored};

/// So many begun checkpoints are remembered: more than a job falls back by.
const REMEMBERED: usize = 256;

/// A complete checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// As Flink numbers it, from 1 on for each job.
    pub id: u64,
    /// When it began, in ms since the run began.
    pub begun: i64,
    /// Size of the checkpointed state, in bytes.
    pub size: u64,
}

/// The checkpoints of a run.
#[derive(Debug, Default)]
pub struct Checkpoints {
    /// The newest complete one.
    pub newest: Option<CheckpointSeen>,
    /// The newest restore since the newest fault.
    pub restored: Option<Restored>,
    /// How often the job was restored in this run.
    pub restores: u64,
    complete: VecDeque<CheckpointSeen>,
    /// The newest checkpoint that had begun, and where the output ended at that time.
    begun: VecDeque<(u64, Vec<i64>)>,
    /// Restores that this run saw, until it is known where the output ended then: where their repeats may begin.
    open: Vec<Vec<i64>>,
}

impl Checkpoints {
    /// Takes in what was seen at a time, in ms since the run began, and how far the topics were read.
    pub fn add(&mut self, at: i64, what: &What, read: Option<&Read>) {
        match what {
            What::Triggered { checkpoint } => {
                let ends = read.map_or_else(Vec::new, |read| read.output.iter().map(|place| place.end).collect());
                remember(&mut self.begun, (*checkpoint, ends));
            }
            What::Checkpoint { id, took, size } => {
                let seen = CheckpointSeen { id: *id, begun: at - took, size: *size };
                self.newest = Some(seen);
                remember(&mut self.complete, seen);
            }
            What::Restored(restored) => {
                self.restored = Some(restored.clone());
                self.restores += u64::from(restored.again.is_none());
                if restored.again.is_none() {
                    self.open.push(self.reach(restored.checkpoint));
                }
            }
            _ => {}
        }
    }

    /// A job without checkpoints failed: from these offsets of the output on it may emit again.
    pub fn restarted(&mut self, reach: Vec<i64>) {
        self.open.push(reach);
    }

    /// A fault was done: the restore that is waited for comes after it.
    pub fn fault(&mut self) {
        self.restored = None;
    }

    /// The complete checkpoint of an id, if this run saw it.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<CheckpointSeen> {
        self.complete.iter().rev().find(|seen| seen.id == id).copied()
    }

    /// Both topics were read: what the restores since the last time may repeat ends here.
    pub fn read(&mut self, read: &Read) -> Vec<Vec<Range<i64>>> {
        let ends = || read.output.iter().map(|place| place.end);
        let span = |from: Vec<i64>| {
            let from = from.into_iter().chain(std::iter::repeat(0));
            ends().zip(from).map(|(end, from)| from..end).collect()
        };
        self.open.drain(..).map(span).collect()
    }

    /// Where the output ended before a checkpoint began, in each partition; nothing where that was not seen. What was
    /// written before is in the checkpoint, and is not repeated.
    fn reach(&self, checkpoint: u64) -> Vec<i64> {
        // What REST tells is some time old: the end that was known with the newest checkpoint before it may already hold
        // what was written after it began, so the one before that is taken.
        let before = self.begun.iter().rev().filter(|(begun, _)| *begun < checkpoint);
        before.map(|(_, ends)| ends.clone()).nth(1).unwrap_or_default()
    }
}

fn remember<T>(list: &mut VecDeque<T>, new: T) {
    list.push_back(new);
    if list.len() > REMEMBERED {
        list.pop_front();
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one partition")]
mod tests {
    use super::*;
    use crate::history::seen::Place;

    fn read(end: i64) -> Read {
        Read { output: vec![Place { start: 0, read: end, end }], ..Read::default() }
    }

    #[test]
    fn a_restore_may_repeat_what_was_written_since_its_checkpoint_began() {
        let mut seen = Checkpoints::default();
        for (checkpoint, end) in [(4, 10), (5, 20), (6, 30), (7, 40)] {
            seen.add(0, &What::Triggered { checkpoint }, Some(&read(end)));
        }
        let restored =
            |checkpoint, again| What::Restored(Restored { job: "a".into(), checkpoint, savepoint: false, again });
        seen.add(0, &restored(6, None), None);
        seen.add(0, &restored(9, Some(vec![0..1])), None);
        assert_eq!(seen.read(&read(55)), [vec![10..55]]);
        assert!(seen.read(&read(60)).is_empty());
        seen.add(0, &restored(2, None), None);
        assert_eq!(seen.read(&read(60)), [vec![0..60]], "from before the run");
        assert_eq!(seen.restores, 2);
    }
}
