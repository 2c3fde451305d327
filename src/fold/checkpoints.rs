//! Checkpoints, restores from them, and which part of the output a restore may emit again.

use std::collections::VecDeque;
use std::ops::Range;

use crate::history::What;
use crate::history::seen::{Read, Restored};

/// How many triggered checkpoints are remembered: more than a restore goes back by.
const REMEMBERED: usize = 256;

/// A complete checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// Flink's number; each job counts from 1.
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
    /// For each triggered checkpoint, where the output ended when it was first seen.
    begun: VecDeque<(u64, Vec<i64>)>,
    /// Restores seen in this run whose end of repeats is not known yet, by where the repeats may begin.
    open: Vec<Vec<i64>>,
}

impl Checkpoints {
    /// Adds what was seen at `at`, in ms since the run began. `read` says how far the topics had been read.
    pub fn add(&mut self, at: i64, what: &What, read: Option<&Read>) {
        match what {
            What::Triggered { checkpoint } => {
                let ends = read.map_or_else(Vec::new, |read| read.output.iter().map(|place| place.end).collect());
                remember(&mut self.begun, (*checkpoint, ends));
            }
            What::Checkpoint { id, took, size, .. } => {
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

    /// A job without checkpoints failed: it may emit records again from these output offsets on.
    pub fn restarted(&mut self, reach: Vec<i64>) {
        self.open.push(reach);
    }

    /// A fault was injected: only a later restore counts as the recovery from it.
    pub fn fault(&mut self) {
        self.restored = None;
    }

    /// The completed checkpoint with this id, if this run saw it complete.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<CheckpointSeen> {
        self.complete.iter().rev().find(|seen| seen.id == id).copied()
    }

    /// Both topics were read to their ends: repeats of the restores since the last time lie before these ends.
    pub fn read(&mut self, read: &Read) -> Vec<Vec<Range<i64>>> {
        let ends = || read.output.iter().map(|place| place.end);
        let span = |from: Vec<i64>| {
            let from = from.into_iter().chain(std::iter::repeat(0));
            ends().zip(from).map(|(end, from)| from..end).collect()
        };
        self.open.drain(..).map(span).collect()
    }

    /// For each partition, where the output ended before a checkpoint began; empty if that was not seen. What was
    /// written before is covered by the checkpoint and is not emitted again.
    fn reach(&self, checkpoint: u64) -> Vec<i64> {
        // REST answers lag behind: the end recorded with the checkpoint just before this one may already include
        // records written after this one began, so the one before that is used.
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
