//! The windows of one key, in little memory: recent ones individually, older ones that are as they should be as runs.
//!
//! Folding a window into a run forgets only the offsets of its records: whatever comes later for such a window takes it
//! out of its run again. So the judgement is the same as without runs, and a topic of any length whose windows are
//! mostly alike takes next to no memory. Old windows that are wrong are kept as well, up to a limit; beyond it only
//! totals are kept.

use std::collections::BTreeMap;

use super::EachWindow;
use super::Emission;
use super::again::Again;
use super::cell::{Cell, Piece};
use super::judgement::Tally;
use crate::history::traffic::{Sent, Window};
use crate::history::windowing::Windowing;

/// How much a key keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// How many recent windows are kept individually.
    pub(super) recent: usize,
    /// How many older windows are kept because they are wrong.
    pub(super) irregular: usize,
}

/// What a key has to know to keep its windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping<'a> {
    pub(super) bounds: Bounds,
    pub(super) windowing: &'a Windowing,
    pub(super) again: &'a Again,
}

/// Consecutive windows of the same length that are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    /// Where the next one would start.
    until: i64,
    /// From the start of one to the start of the next.
    step: i64,
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
    /// The newest window of the input that has been emitted: the start of the latest one, and the end.
    newest_emitted: Option<i64>,
    newest_end: Option<i64>,
    /// Of each partition of the output in which it was seen: its first record there, and the start of that one's window.
    heard: Vec<(i32, i64, i64)>,
}

impl Key {
    /// Adds records of the input. Sessions that they connect become one. What was deleted before this offset may have been
    /// among them.
    pub(super) fn send(&mut self, window: Window, sent: &Sent, gone: i64, keeping: Keeping<'_>) {
        let merges = keeping.windowing.assigner.merges();
        let window = if merges { self.joined(window) } else { window };
        self.cell(window, keeping, |cell| {
            cell.send(sent);
            if merges {
                cell.may_be_several(false);
            }
            // Read in time, but deleted before its window was reported.
            cell.lose(sent.partition, gone);
        });
    }

    /// Adds an emission; that of a session belongs to the one that it touches.
    pub(super) fn emit(&mut self, window: Window, emission: Emission, keeping: Keeping<'_>) {
        let meant = if keeping.windowing.assigner.merges() { self.touched(window) } else { window };
        self.cell(meant, keeping, |cell| cell.emit(window, emission, keeping.windowing));
    }

    /// Calls `change` with the window, taken out of its run if it was in one.
    fn cell(&mut self, window: Window, keeping: Keeping<'_>, change: impl FnOnce(&mut Cell)) {
        if !self.windows.contains_key(&window.start) {
            self.fold(keeping);
        }
        let runs = &mut self.runs;
        let make = || (window.end, take_out(runs, window.start).map_or_else(Cell::default, |piece| piece.cell(window)));
        let (_, cell) = self.windows.entry(window.start).or_insert_with(make);
        change(cell);
        let (sent, emitted) = (cell.sent > 0, cell.emitted > 0);
        note_first(&mut self.first_sent, window.start, sent);
        note_first(&mut self.first_emitted, window.start, emitted);
        if sent && emitted {
            self.newest_emitted = self.newest_emitted.max(Some(window.start));
            self.newest_end = self.newest_end.max(Some(window.end));
        }
    }

    /// Makes one session of all that touch this one, which it is then part of.
    fn joined(&mut self, window: Window) -> Window {
        let mut whole = window;
        let mut cell: Option<Cell> = None;
        while let Some((start, end)) = self.touching(whole) {
            let Some((_, other)) = self.windows.remove(&start) else { break };
            whole = Window { start: whole.start.min(start), end: whole.end.max(end) };
            // Those that only touch are one if the first had not been emitted by the time the second came.
            let touches = end == window.start || start == window.end;
            match &mut cell {
                None => cell = Some(other),
                Some(cell) => cell.absorb(other),
            }
            cell.iter_mut().for_each(|cell| cell.may_be_several(touches));
        }
        if let Some(cell) = cell {
            self.windows.insert(whole.start, (whole.end, cell));
        }
        whole
    }

    /// The first session that a window touches, or the window itself.
    fn touched(&self, window: Window) -> Window {
        self.touching(window).map_or(window, |(start, end)| Window { start, end })
    }

    /// The first session that a window touches: those that share only a boundary are one as well (`TimeWindow.intersects`).
    fn touching(&self, window: Window) -> Option<(i64, i64)> {
        let before = self.windows.range(..window.start).next_back().filter(|(_, (end, _))| *end >= window.start);
        let found = before.or_else(|| self.windows.range(window.start..=window.end).next());
        found.map(|(start, (end, _))| (*start, *end))
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
        let run = self.runs.last_key_value().map(|(_, run)| run.until - run.step);
        self.windows.last_key_value().map(|(start, _)| *start).max(run)
    }

    /// The event time that the job has passed, as far as this key shows: one that has emitted a window is past all that end
    /// before it.
    pub(super) fn passed(&self, passed: i64) -> i64 {
        self.newest_end.map_or(passed, |newest| passed.max(newest.saturating_sub(1)))
    }

    /// Totals of wrong windows that are no longer kept.
    pub(super) fn dropped(&self) -> &Tally {
        &self.dropped
    }

    /// Forgets windows that start before `start`.
    pub(super) fn forget_before(&mut self, start: i64) {
        self.windows = self.windows.split_off(&start);
        let across = self.runs.range(..start).next_back().map(|(first, run)| (*first, *run));
        self.runs = self.runs.split_off(&start);
        // A run that extends across the start is cut.
        if let Some((first, run)) = across {
            let begun = start + (first - start).rem_euclid(run.step);
            if begun < run.until {
                self.runs.insert(begun, run);
            }
        }
        if self.dropped_until < start {
            self.dropped = Tally::default();
        }
        for first in [&mut self.first_sent, &mut self.first_emitted] {
            *first = first.filter(|first| *first >= start);
        }
        self.newest_emitted = self.newest_emitted.filter(|newest| *newest >= start);
        self.newest_end = self.newest_end.filter(|_| self.newest_emitted.is_some());
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
            let starts = std::iter::successors(Some(first), |start| start.checked_add(run.step));
            for start in starts.take_while(|start| *start < run.until) {
                let window = Window { start, end: start + run.length };
                each(window, &run.piece.cell(window), Some(run.piece.unexplained));
            }
        }
    }

    /// Folds all but the most recent windows into runs, if they are alike.
    fn fold(&mut self, Keeping { bounds, windowing, again }: Keeping<'_>) {
        if self.windows.len() < self.fold_at.max(2 * bounds.recent) {
            return;
        }
        let keep = self.windows.keys().rev().nth(bounds.recent - 1).copied().unwrap_or(i64::MIN);
        let recent = self.windows.split_off(&keep);
        let mut irregular = 0;
        for (start, (end, cell)) in std::mem::replace(&mut self.windows, recent) {
            let window = Window { start, end };
            let unexplained = cell.unexplained(windowing, again);
            if let Some(piece) = cell.regular(window, unexplained) {
                put_in(&mut self.runs, window, windowing.assigner.step(window), piece);
            } else if irregular < bounds.irregular {
                irregular += 1;
                self.windows.insert(start, (end, cell));
            } else {
                self.dropped.add(window, &cell, cell.class(window, true, windowing), unexplained);
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

/// Takes a window out of its run, which may leave one run before it and one after it.
fn take_out(runs: &mut BTreeMap<i64, Run>, start: i64) -> Option<Piece> {
    let (&first, &run) = runs.range(..=start).next_back()?;
    let is_inside = start < run.until && (start - first) % run.step == 0;
    if !is_inside {
        return None;
    }
    runs.remove(&first);
    for (start, until) in [(first, start), (start + run.step, run.until)] {
        if start < until {
            runs.insert(start, Run { until, ..run });
        }
    }
    Some(run.piece)
}

/// Adds a window to the runs: to the one before it, to the one after it, joining both, or as a new one.
fn put_in(runs: &mut BTreeMap<i64, Run>, window: Window, step: i64, piece: Piece) {
    let length = window.length();
    let is_alike = |run: &Run| run.piece == piece && run.length == length && run.step == step;
    let (mut first, mut until) = (window.start, window.start + step);
    if let Some((&before, run)) = runs.range(..first).next_back()
        && run.until == first
        && is_alike(run)
    {
        first = before;
    }
    if let Some(run) = runs.get(&until).copied()
        && is_alike(&run)
    {
        runs.remove(&until);
        until = run.until;
    }
    runs.insert(first, Run { until, step, length, piece });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::traffic::Figures;
    use crate::history::windowing::Assigner;
    use crate::ledger::Class;

    const BOUNDS: Bounds = Bounds { recent: 4, irregular: 3 };

    fn window(number: i64) -> Window {
        Window { start: number * 15, end: number * 15 + 15 }
    }

    fn emit(key: &mut Key, number: i64, offset: i64, count: u64) {
        let (windowing, again) = (Windowing::tumbling(15), Again::default());
        let keeping = Keeping { bounds: BOUNDS, windowing: &windowing, again: &again };
        key.emit(window(number), Emission { count, ..Emission::at(0, offset) }, keeping);
    }

    fn key(windows: i64, count: impl Fn(i64) -> u64) -> Key {
        let mut key = Key::default();
        for number in 0..windows {
            let (name, offsets) = (String::new(), (number, number));
            let sent = Sent {
                key: name,
                window: Window::ALWAYS,
                count: 1000,
                figures: Figures::NONE,
                partition: 0,
                offsets,
                late: 0,
                under_way: false,
            };
            let (windowing, again) = (Windowing::tumbling(15), Again::default());
            let keeping = Keeping { bounds: BOUNDS, windowing: &windowing, again: &again };
            key.send(window(number), &sent, i64::MIN, keeping);
            emit(&mut key, number, number, count(number));
        }
        key
    }

    fn classes(key: &Key) -> BTreeMap<Class, u64> {
        let mut classes = BTreeMap::new();
        let class = |window, cell: &Cell| cell.class(window, true, &Windowing::tumbling(15));
        key.each(&mut |window, cell, _| *classes.entry(class(window, cell)).or_default() += 1);
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
        assert_eq!(key.windows[&750].1.class(window(50), true, &Windowing::tumbling(15)), Class::Conflicting);
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

    #[test]
    fn a_late_part_that_joins_a_session_leaves_it_open_how_many_there_were() {
        let windowing =
            Windowing { assigner: Assigner::Session { gap: 5 }, waits_ms: Some(0), ..Windowing::tumbling(0) };
        let again = Again::default();
        let keeping = Keeping { bounds: BOUNDS, windowing: &windowing, again: &again };
        let mut key = Key::default();
        for (start, late) in [(0, 0), (8, 0), (4, 1)] {
            let (name, offsets, figures) = (String::new(), (start, start), Figures::NONE);
            let sent = Sent {
                key: name,
                window: Window::ALWAYS,
                count: 1,
                late,
                figures,
                partition: 0,
                offsets,
                under_way: false,
            };
            key.send(Window { start, end: start + 5 }, &sent, i64::MIN, keeping);
        }
        // The job had emitted the first two when the one between them came.
        for (offset, start) in [(0, 0), (1, 8)] {
            key.emit(Window { start, end: start + 5 }, Emission::at(0, offset), keeping);
        }
        let mut seen = Vec::new();
        key.each(&mut |window, cell, _| seen.push((window.start, window.end, cell.class(window, true, &windowing))));
        assert_eq!(seen, [(0, 13, Class::Undecided)]);
    }
}
