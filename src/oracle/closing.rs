//! How far a job is known to have come in its input, from the offsets that its group committed: what lies before that and did
//! not appear in the output never will.
//!
//! A record is *closed* once the job's checkpoints cover it: its group has committed an offset behind it, a later checkpoint
//! has completed since, and the output was read to where it ended then. What a reader that began in the middle of the topics
//! has not seen sent is no evidence until the job's checkpoints are past that beginning.

use std::collections::BTreeMap;

use crate::history::What;
use crate::history::seen::Read;
use crate::history::traffic::Topic;

/// The partitions of the input, and how far the job has come in each.
#[derive(Debug, Clone, Default)]
pub(super) struct Closing {
    partitions: BTreeMap<i32, Partition>,
    /// Whether records of the input were gone before they were read: what appeared may have come from them.
    input_cut: bool,
    /// Whether records of the output were gone before they were read: what did not appear may have been among them.
    output_cut: bool,
    /// Whether a checkpoint completed since the topics were last read.
    checkpointed: bool,
    /// Where each partition of the output ended when a checkpoint had completed: what is held is closed when it was read to
    /// there, past every transaction that was open then.
    ends: Option<Vec<i64>>,
}

/// How far the job is known to have come in a partition of the input. Offsets are those of the next record.
#[derive(Debug, Clone, Copy, Default)]
struct Partition {
    /// The first record that was counted.
    begin: i64,
    /// The end when what is waited for was noted.
    due: i64,
    /// Committed by the job's group.
    committed: i64,
    /// Committed when a checkpoint was last seen complete, and its output read.
    held: i64,
    /// Committed when the one before it was: all before is closed.
    closed: i64,
    /// Deleted before this.
    gone: i64,
    end: i64,
}

impl Closing {
    /// Adds what was seen of the input and of checkpoints.
    pub(super) fn add(&mut self, what: &What) {
        match what {
            What::Begins { partition, from } => self.of(*partition).begin = *from,
            What::Checkpoint { .. } => self.checkpointed = true,
            What::Gone { topic: Topic::Input, partition, to, unread, .. } => {
                let known = self.of(*partition);
                known.gone = known.gone.max(*to);
                self.input_cut |= *unread;
            }
            What::Gone { topic: Topic::Output, unread: true, .. } | What::Anew { .. } => self.output_is_cut(),
            What::Step { .. } | What::Settling => {
                self.partitions.values_mut().for_each(|partition| partition.due = partition.end);
            }
            What::Read(read) => self.read(read),
            _ => {}
        }
    }

    fn of(&mut self, partition: i32) -> &mut Partition {
        self.partitions.entry(partition).or_default()
    }

    /// Records of the output were gone before they were read: from here on, nothing is known to be lost.
    pub(super) fn output_is_cut(&mut self) {
        self.output_cut = true;
    }

    /// Both topics were read. What was committed by then is closed when the next checkpoint has completed and the output was
    /// read to where it ended then: an exactly-once sink commits its output after its checkpoint, and before the next one.
    fn read(&mut self, read: &Read) {
        for ((number, place), committed) in (0..).zip(&read.input).zip(&read.committed) {
            let partition = self.of(number);
            partition.end = place.read;
            partition.committed = committed.unwrap_or_default();
        }
        if std::mem::take(&mut self.checkpointed) && self.ends.is_none() {
            self.ends = Some(read.output.iter().map(|place| place.end).collect());
        }
        let is_read = |ends: &Vec<i64>| read.output.iter().zip(ends).all(|(place, end)| place.read >= *end);
        if self.ends.take_if(|ends| is_read(ends)).is_some() {
            for partition in self.partitions.values_mut() {
                partition.closed = partition.closed.max(partition.held);
                partition.held = partition.committed;
            }
        }
    }

    /// Whether all that can appear was seen being sent: reading began with the first record, or the job's checkpoints are
    /// past where it began.
    pub(super) fn knows_all(&self) -> bool {
        !self.input_cut
            && !self.partitions.is_empty()
            && self.partitions.values().all(|partition| partition.begin == 0 || partition.closed >= partition.begin)
    }

    /// Whether anything can be closed yet.
    pub(super) fn has_closed_any(&self) -> bool {
        !self.output_cut && self.partitions.values().any(|partition| partition.closed > partition.begin)
    }

    /// Whether the job's group has committed an offset behind a record that is still there.
    pub(super) fn is_committed(&self, partition: i32, offset: i64) -> bool {
        let of = self.partitions.get(&partition);
        !self.output_cut && of.is_some_and(|of| offset < of.committed && offset >= of.gone)
    }

    /// Whether a record that did not appear is lost.
    pub(super) fn is_closed(&self, partition: i32, offset: i64) -> bool {
        let of = self.partitions.get(&partition);
        !self.output_cut && of.is_some_and(|of| offset < of.closed && offset >= of.gone)
    }

    /// The offset before which all of a partition is closed.
    pub(super) fn closed(&self, partition: i32) -> i64 {
        let of = self.partitions.get(&partition).filter(|_| !self.output_cut);
        of.map_or(0, |of| of.closed)
    }

    /// From which to which offset of a partition records are waited for.
    pub(super) fn due(&self, partition: i32) -> (i64, i64) {
        let closed = self.closed(partition);
        self.partitions.get(&partition).map_or((0, 0), |of| (closed.max(of.gone).max(of.begin), of.due))
    }

    /// Whether some records that are waited for may be neither there nor closed.
    pub(super) fn waits(&self) -> bool {
        let behind = |partition: &Partition| partition.closed < partition.due.max(partition.begin);
        self.output_cut || self.partitions.values().any(behind)
    }

    /// Whether a record that did not appear yet is waited for.
    pub(super) fn is_due(&self, partition: i32, offset: i64) -> bool {
        self.partitions.get(&partition).is_some_and(|of| {
            let closed = if self.output_cut { 0 } else { of.closed };
            offset < of.due && offset >= closed.max(of.gone)
        })
    }

    /// Whether a record was in the input when what is waited for was noted.
    pub(super) fn was_there(&self, partition: i32, offset: i64) -> bool {
        self.partitions.get(&partition).is_some_and(|of| offset < of.due)
    }
}
