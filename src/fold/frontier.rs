//! The event time that the job is certain to have passed: a window before it that was not emitted is lost.
//!
//! A watermark that every subtask has passed has fired all windows that end before it. Their results are in the output
//! once a checkpoint that was triggered later has completed, because the sink flushes or commits with it. A reader has
//! seen them once it has read up to where the output ended after that. All this holds only while the job keeps running:
//! one that fails or stops in between may still hold the windows in its state.

use std::collections::VecDeque;

use crate::history::seen::Place;

/// Watermarks on their way to becoming the frontier, and the frontier itself.
#[derive(Debug)]
pub struct Frontier {
    /// Watermarks, each with the newest checkpoint that had been triggered when it was queried.
    asked: VecDeque<(u64, i64)>,
    /// Watermarks whose windows are written but not read yet: the one being waited for, and the next.
    written: Option<Written>,
    next: Option<i64>,
    passed: i64,
}

#[derive(Debug)]
struct Written {
    watermark: i64,
    /// How often the topics were read since. The first of these reads may have begun before.
    reads: u8,
    /// The ends of the output, taken after the windows were certainly written.
    ends: Vec<i64>,
}

impl Default for Frontier {
    fn default() -> Self {
        Self { asked: VecDeque::new(), written: None, next: None, passed: i64::MIN }
    }
}

impl Frontier {
    /// Windows that end at or before this, in ms since the epoch, were fired, written and read.
    #[must_use]
    pub fn passed(&self) -> i64 {
        self.passed
    }

    /// Every subtask has passed this watermark; checkpoints with a higher number than `triggered` begin after that.
    pub fn watermark(&mut self, watermark: i64, triggered: u64) {
        match self.asked.back_mut() {
            Some((newest, known)) if *newest == triggered => *known = watermark.max(*known),
            _ => self.asked.push_back((triggered, watermark)),
        }
    }

    /// A checkpoint completed.
    pub fn checkpoint(&mut self, id: u64) {
        while let Some((triggered, watermark)) = self.asked.front().copied()
            && triggered < id
        {
            self.asked.pop_front();
            self.next = self.next.max(Some(watermark));
        }
        self.promote();
    }

    fn promote(&mut self) {
        if self.written.is_none() {
            self.written = self.next.take().map(|watermark| Written { watermark, reads: 0, ends: Vec::new() });
        }
    }

    /// The job is not running, was restored, or was replaced: what was not read yet may still be in its state.
    pub fn disturbed(&mut self) {
        self.asked.clear();
        self.written = None;
        self.next = None;
    }

    /// Both topics were read.
    pub fn read(&mut self, output: &[Place]) {
        let Some(written) = &mut self.written else { return };
        written.reads = written.reads.saturating_add(1);
        if written.reads == 2 {
            written.ends = output.iter().map(|place| place.end).collect();
        }
        let is_read = output.len() == written.ends.len();
        let is_read = is_read && output.iter().zip(&written.ends).all(|(place, end)| place.read >= *end);
        if written.reads >= 2 && is_read {
            // A window fires at its last millisecond.
            self.passed = self.passed.max(written.watermark.saturating_add(1));
            self.written = None;
            self.promote();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frontier: &mut Frontier, read: i64, end: i64) {
        frontier.read(&[Place { start: 0, read, end }]);
    }

    fn written() -> Frontier {
        let mut frontier = Frontier::default();
        frontier.watermark(14_999, 7);
        frontier.checkpoint(7);
        assert!(frontier.written.is_none(), "checkpoint 7 had begun before");
        frontier.checkpoint(8);
        frontier
    }

    #[test]
    fn a_window_is_passed_when_a_later_checkpoint_is_complete_and_the_output_read() {
        let mut frontier = written();
        read(&mut frontier, 5, 5);
        assert_eq!(frontier.passed(), i64::MIN, "this reading may have begun before the checkpoint");
        read(&mut frontier, 6, 6);
        assert_eq!(frontier.passed(), 15_000);
    }

    #[test]
    fn a_transaction_that_is_open_hides_what_was_written() {
        let mut frontier = written();
        (0..9).for_each(|_| read(&mut frontier, 5, 8));
        assert_eq!(frontier.passed(), i64::MIN);
        read(&mut frontier, 8, 12);
        assert_eq!(frontier.passed(), 15_000, "what had been written by then is committed");
    }

    #[test]
    fn a_job_that_fails_before_it_was_read_has_proved_nothing() {
        let mut frontier = written();
        frontier.disturbed();
        (0..9).for_each(|_| read(&mut frontier, 9, 9));
        assert_eq!(frontier.passed(), i64::MIN);
    }

    #[test]
    fn the_next_watermark_is_not_forgotten_while_one_is_read() {
        let mut frontier = written();
        read(&mut frontier, 5, 5);
        frontier.watermark(29_999, 8);
        frontier.checkpoint(9);
        (0..3).for_each(|_| read(&mut frontier, 7, 7));
        assert_eq!(frontier.passed(), 30_000);
    }
}
