//! The windows of one key, in little memory: recent ones individually, older ones that are as they should be as runs.
//!
//! Folding a window into a run forgets only the offsets of its records: whatever comes later for such a window takes it
//! out of its run again. So the judgement is the same as without runs, and a topic of any length whose windows are
//! mostly alike takes next to no memory. Old windows that are wrong are kept as well, up to a limit; beyond it only
//! totals are kept.

use std::collections::BTreeMap;

use super::EachWindow;
use super::again::Again;
use super::cell::{Cell, Piece};
use super::judgement::Tally;
use crate::history::traffic::Window;

/// How much a key keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// How many recent windows are kept individually.
    pub(super) recent: usize,
    /// How many older windows are kept because they are wrong.
    pub(super) irregular: usize,
}

/// Consecutive windows of the same length that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    end: i64,
    length: i64,
    piece: Piece,
}

/// All windows of a key, by the first ms of each.
#[derive(Debug, Default, Clone)]
pub(super) struct Key {
    windows: BTreeMap<i64, (i64, Cell)>,
    /// Start of a run → the run.
    runs: BTreeMap<i64, Run>,
    /// Totals of wrong windows that are no longer kept, and the start of the last of them.
    dropped: Tally,
    dropped_until: i64,
    /// The number of windows at which to fold again.
    fold_at: usize,
    /// The first windows ever sent and emitted.
    first_sent: Option<i64>,
    first_emitted: Option<i64>,
    /// The newest window of the input that has been emitted.
    newest_emitted: Option<i64>,
    /// Of each partition of the output in which it was seen: its first record there, and the start of that one's window.
    heard: Vec<(i32, i64, i64)>,
}

impl Key {
    /// Calls `change` with the window, taken out of its run if it was in one.
    pub(super) fn cell(&mut self, window: Window, bounds: Bounds, again: &Again, change: impl FnOnce(&mut Cell)) {
        if !self.windows.contains_key(&window.start) {
            self.fold(bounds, again);
        }
        let runs = &mut self.runs;
        let make = || (window.end, take_out(runs, window.start).map_or_else(Cell::default, |(piece, _)| piece.cell()));
        let (_, cell) = self.windows.entry(window.start).or_insert_with(make);
        change(cell);
        let (sent, emitted) = (cell.sent > 0, cell.emitted > 0);
        note_first(&mut self.first_sent, window.start, sent);
        note_first(&mut self.first_emitted, window.start, emitted);
        if sent && emitted {
            self.newest_emitted = self.newest_emitted.max(Some(window.start));
        }
    }

    /// Start of the first window in the input, ms since the epoch.
    pub(super) fn first_sent(&self) -> Option<i64> {
        self.first_sent
    }

    /// Start of the first window that was emitted.
    pub(super) fn first_emitted(&self) -> Option<i64> {
        self.first_emitted
    }

    /// The output has a record of it at this place, of a window that starts then.
    pub(super) fn heard(&mut self, partition: i32, offset: i64, start: i64) {
        match self.heard.iter_mut().find(|(heard, ..)| *heard == partition) {
            Some(first) if first.1 <= offset => {}
            Some(first) => *first = (partition, offset, start),
            None => self.heard.push((partition, offset, start)),
        }
    }

    /// Start of the window that its first record in a partition of the output is of.
    pub(super) fn first_heard(&self, partition: i32) -> Option<i64> {
        self.heard.iter().find(|(heard, ..)| *heard == partition).map(|(_, _, start)| *start)
    }

    /// Start of its newest window.
    pub(super) fn newest(&self) -> Option<i64> {
        let run = self.runs.last_key_value().map(|(_, run)| run.end - run.length);
        self.windows.last_key_value().map(|(start, _)| *start).max(run)
    }

    /// Windows that end at or before this are closed: a later one was emitted, or the job has `passed` them.
    pub(super) fn passed(&self, passed: i64) -> i64 {
        // The start of the newest emitted window is the end of the one before it.
        self.newest_emitted.map_or(passed, |newest| newest.max(passed))
    }

    /// Totals of wrong windows that are no longer kept.
    pub(super) fn dropped(&self) -> &Tally {
        &self.dropped
    }

    /// Forgets windows that start before `start`.
    pub(super) fn forget_before(&mut self, start: i64) {
        self.windows = self.windows.split_off(&start);
        // A run that extends across the start is cut.
        let inside = take_out(&mut self.runs, start);
        self.runs = self.runs.split_off(&start);
        if let Some((piece, length)) = inside {
            put_in(&mut self.runs, Window { start, end: start + length }, piece);
        }
        if self.dropped_until < start {
            self.dropped = Tally::default();
        }
        for first in [&mut self.first_sent, &mut self.first_emitted] {
            *first = first.filter(|first| *first >= start);
        }
        self.newest_emitted = self.newest_emitted.filter(|newest| *newest >= start);
    }

    /// Records of the input before an offset were deleted. Returns how many windows that affects: those that the job
    /// had not reached yet. A window that it had passed without emitting was lost before.
    pub(super) fn gone(&mut self, partition: i32, before: i64) -> u64 {
        let from = self.newest_emitted.unwrap_or(i64::MIN);
        let open = self.windows.range_mut(from..);
        let lost = open.filter_map(|(_, (_, cell))| cell.lose(partition, before).then_some(1)).sum();
        // The offsets of old windows are forgotten, so all of those that were not emitted are in doubt.
        let silent = self.runs.range_mut(from..).map(|(_, run)| run);
        silent.filter(|run| run.piece.emitted == 0 && !run.piece.gone).fold(lost, |lost: u64, run| {
            run.piece.gone = true;
            lost + 1
        })
    }

    /// Calls `each` with every window, in no particular order.
    pub(super) fn each(&self, each: EachWindow<'_>) {
        for (&start, (end, cell)) in &self.windows {
            each(Window { start, end: *end }, cell, None);
        }
        for (&first, run) in &self.runs {
            let cell = run.piece.cell();
            let starts = std::iter::successors(Some(first), |start| start.checked_add(run.length));
            for start in starts.take_while(|start| *start < run.end) {
                each(Window { start, end: start + run.length }, &cell, Some(run.piece.unexplained));
            }
        }
    }

    /// Folds all but the most recent windows into runs, if they are alike.
    fn fold(&mut self, bounds: Bounds, again: &Again) {
        if self.windows.len() < self.fold_at.max(2 * bounds.recent) {
            return;
        }
        let keep = self.windows.keys().rev().nth(bounds.recent - 1).copied().unwrap_or(i64::MIN);
        let recent = self.windows.split_off(&keep);
        let mut irregular = 0;
        for (start, (end, cell)) in std::mem::replace(&mut self.windows, recent) {
            let unexplained = again.unexplained(cell.emitted, &cell.records);
            if let Some(piece) = cell.regular(unexplained) {
                put_in(&mut self.runs, Window { start, end }, piece);
            } else if irregular < bounds.irregular {
                irregular += 1;
                self.windows.insert(start, (end, cell));
            } else {
                self.dropped.add(&cell, cell.class(true), unexplained);
                self.dropped_until = start;
            }
        }
        self.fold_at = self.windows.len() + bounds.recent;
    }
}

fn note_first(first: &mut Option<i64>, start: i64, is_so: bool) {
    if is_so && first.is_none_or(|first| start < first) {
        *first = Some(start);
    }
}

/// Takes a window out of its run, which may leave one run before it and one after it. Also returns its length.
fn take_out(runs: &mut BTreeMap<i64, Run>, start: i64) -> Option<(Piece, i64)> {
    let (&first, &run) = runs.range(..=start).next_back()?;
    let is_inside = start < run.end && (start - first) % run.length == 0;
    if !is_inside {
        return None;
    }
    runs.remove(&first);
    for (start, end) in [(first, start), (start + run.length, run.end)] {
        if start < end {
            runs.insert(start, Run { end, ..run });
        }
    }
    Some((run.piece, run.length))
}

/// Adds a window to the runs: to the one before it, to the one after it, joining both, or as a new one.
fn put_in(runs: &mut BTreeMap<i64, Run>, window: Window, piece: Piece) {
    let length = window.length();
    let is_alike = |run: &Run| run.piece == piece && run.length == length;
    let (mut first, mut end) = (window.start, window.end);
    if let Some((&before, run)) = runs.range(..first).next_back()
        && run.end == first
        && is_alike(run)
    {
        first = before;
    }
    if let Some(run) = runs.get(&end).copied()
        && is_alike(&run)
    {
        runs.remove(&end);
        end = run.end;
    }
    runs.insert(first, Run { end, length, piece });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::traffic::Sent;
    use crate::ledger::{Class, Emission};

    const BOUNDS: Bounds = Bounds { recent: 4, irregular: 3 };

    fn window(number: i64) -> Window {
        Window { start: number * 15, end: number * 15 + 15 }
    }

    fn emit(key: &mut Key, number: i64, offset: i64, count: u64) {
        let emission = Emission { partition: 0, offset, count, checksum: None };
        key.cell(window(number), BOUNDS, &Again::default(), |cell| cell.emit(emission));
    }

    fn key(windows: i64, count: impl Fn(i64) -> u64) -> Key {
        let mut key = Key::default();
        for number in 0..windows {
            let (name, offsets) = (String::new(), (number, number));
            let sent =
                Sent { key: name, window: None, count: 1000, checksum: 1, partition: 0, offsets, under_way: false };
            key.cell(window(number), BOUNDS, &Again::default(), |cell| cell.send(&sent));
            emit(&mut key, number, number, count(number));
        }
        key
    }

    fn classes(key: &Key) -> BTreeMap<Class, u64> {
        let mut classes = BTreeMap::new();
        key.each(&mut |_, cell, _| *classes.entry(cell.class(true)).or_default() += 1);
        classes
    }

    #[test]
    fn a_long_topic_of_like_windows_is_one_run() {
        let key = key(10_000, |_| 1000);
        assert!(key.windows.len() <= 8, "{}", key.windows.len());
        assert_eq!(key.runs.len(), 1);
        assert_eq!(classes(&key), BTreeMap::from([(Class::Complete, 10_000)]));
    }

    #[test]
    fn a_late_record_takes_its_window_out_of_the_run() {
        let mut key = key(100, |_| 1000);
        emit(&mut key, 50, 100, 7);
        assert_eq!(key.runs.len(), 2);
        assert_eq!(key.windows[&750].1.class(true), Class::Conflicting);
        assert_eq!(key.windows[&750].1.emitted, 2);
    }

    #[test]
    fn a_topic_of_wrong_windows_is_bounded_too_and_none_is_forgotten() {
        let key = key(1000, |_| 999);
        assert!(key.windows.len() <= 12, "{}", key.windows.len());
        let kept = classes(&key).get(&Class::Short).copied().unwrap_or_default();
        assert_eq!(key.dropped.counts.short + kept, 1000);
        assert!(key.windows.contains_key(&0), "the first is kept as evidence");
    }

    #[test]
    fn what_lies_before_the_first_judged_window_is_forgotten_whatever_it_was() {
        for count in [1000, 999] {
            let mut key = key(1000, |_| count);
            key.forget_before(999 * 15);
            assert_eq!(classes(&key).values().sum::<u64>() + key.dropped.counts.short, 1, "{count}");
        }
    }
}
