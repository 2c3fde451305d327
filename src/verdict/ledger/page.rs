//! One page's windows, in little memory: the recent ones each by itself, older ones that are as they should be as runs.
//!
//! Nothing is forgotten by folding a window into a run but the offsets of its records: whatever comes later for such a
//! window takes it out of its run again. So the judgement is the same as without runs, and a topic of any length whose
//! windows are mostly alike takes next to nothing. Old windows that are wrong are kept as well, up to a bound; beyond it
//! they become plain numbers.

use std::collections::BTreeMap;

use super::judgement::{Class, Emission, Tally};
use crate::workload::WINDOW_MS;

/// How many records of a window are kept for showing.
const RECORDS_SHOWN: usize = 8;

/// How much a page keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Windows that are kept each by itself, however regular.
    pub(super) recent: usize,
    /// Older windows that are kept because they are wrong.
    pub(super) irregular: usize,
}

/// A window of one page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Clicks in `input`.
    pub(super) clicks: u64,
    /// How often it was emitted, and the least and the most that was counted.
    pub(super) emitted: u64,
    least: u64,
    most: u64,
    newest: Option<Emission>,
    /// The first records by offset.
    pub(super) records: Vec<Emission>,
}

impl Window {
    fn count(&mut self, emission: Emission) {
        let first = self.emitted == 0;
        self.least = if first { emission.count } else { self.least.min(emission.count) };
        self.most = self.most.max(emission.count);
        self.emitted += 1;
        self.newest = self.newest.max(Some(emission));
        let place = self.records.partition_point(|kept| *kept <= emission);
        if place < RECORDS_SHOWN {
            self.records.truncate(RECORDS_SHOWN - 1);
            // Nearly every window is emitted once: room for four, as a vector would take, adds up.
            self.records.reserve_exact(1);
            self.records.insert(place, emission);
        }
    }

    /// The class, given whether the window is closed.
    pub(super) fn class(&self, closed: bool) -> Class {
        match (self.emitted, self.clicks) {
            (0, _) if closed => Class::Missing,
            (0, _) => Class::Undecided,
            (_, 0) => Class::Unexpected,
            _ if self.least != self.most => Class::Conflicting,
            _ if self.most < self.clicks => Class::Short,
            _ if self.most > self.clicks => Class::Over,
            (1, _) => Class::Complete,
            _ => Class::Duplicate,
        }
    }

    /// What a reader that overwrites ends up with.
    pub(super) fn counted(&self) -> u64 {
        self.newest.map_or(self.most, |emission| emission.count)
    }

    /// The window as a piece of a run, where that says it all.
    fn regular(&self) -> Option<Piece> {
        let as_expected = self.emitted == 0 || (self.least == self.clicks && self.most == self.clicks);
        as_expected.then_some(Piece { clicks: self.clicks, emitted: self.emitted })
    }
}

/// What all windows of a run have in common: so many clicks, and so often emitted with just that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    clicks: u64,
    emitted: u64,
}

impl Piece {
    fn window(self) -> Window {
        let count = if self.emitted == 0 { 0 } else { self.clicks };
        Window { clicks: self.clicks, emitted: self.emitted, least: count, most: count, ..Window::default() }
    }
}

/// All windows of a page, by the first ms of each.
#[derive(Debug, Default, Clone)]
pub(super) struct Page {
    windows: BTreeMap<i64, Window>,
    /// Start of a run → its end and what its windows are like.
    runs: BTreeMap<i64, (i64, Piece)>,
    /// Windows that were wrong and are no longer kept.
    pub(super) dropped: Tally,
    /// At how many windows to fold again.
    fold_at: usize,
}

impl Page {
    /// So many more clicks of `input` fall into the window.
    pub(super) fn clicked(&mut self, start: i64, clicks: u64, bounds: Bounds) {
        self.window(start, bounds).clicks += clicks;
    }

    /// The window was emitted.
    pub(super) fn counted(&mut self, start: i64, emission: Emission, bounds: Bounds) {
        self.window(start, bounds).count(emission);
    }

    /// The window by itself, taken out of its run where it was in one.
    fn window(&mut self, start: i64, bounds: Bounds) -> &mut Window {
        if !self.windows.contains_key(&start) {
            self.fold(bounds);
        }
        let runs = &mut self.runs;
        self.windows.entry(start).or_insert_with(|| take_out(runs, start).map_or_else(Window::default, Piece::window))
    }

    /// Calls `each` with the start of every window and the window, in no particular order.
    pub(super) fn each(&self, mut each: impl FnMut(i64, &Window)) {
        for (&start, window) in &self.windows {
            each(start, window);
        }
        for (&run, &(end, piece)) in &self.runs {
            let window = piece.window();
            for start in starts(run, end) {
                each(start, &window);
            }
        }
    }

    /// The newest window of `input` that was emitted: those before it are closed.
    fn newest_emitted(&self) -> Option<i64> {
        let seen = |window: &Window| window.emitted > 0 && window.clicks > 0;
        let window = self.windows.iter().rev().find(|(_, window)| seen(window)).map(|(start, _)| *start);
        let run = self.runs.values().rev().find(|(_, piece)| seen(&piece.window())).map(|(end, _)| end - WINDOW_MS);
        window.max(run)
    }

    /// Windows that end at or before this are closed: a later one was emitted, or a checkpoint covers them.
    pub(super) fn closed_before(&self, covered: i64) -> i64 {
        // The start of the newest emitted window is the end of the one before it.
        self.newest_emitted().map_or(covered, |newest| newest.max(covered))
    }

    /// Puts all but the most recent windows into runs, where they are regular.
    fn fold(&mut self, bounds: Bounds) {
        if self.windows.len() < self.fold_at.max(2 * bounds.recent) {
            return;
        }
        let keep = self.windows.keys().rev().nth(bounds.recent - 1).copied().unwrap_or(i64::MIN);
        let recent = self.windows.split_off(&keep);
        let mut irregular = 0;
        for (start, window) in std::mem::replace(&mut self.windows, recent) {
            if let Some(piece) = window.regular() {
                put_in(&mut self.runs, start, piece);
            } else if irregular < bounds.irregular {
                irregular += 1;
                self.windows.insert(start, window);
            } else {
                self.dropped.add(&window, true);
            }
        }
        self.fold_at = self.windows.len() + bounds.recent;
    }
}

/// Takes a window out of its run, which may leave one run before it and one after it.
fn take_out(runs: &mut BTreeMap<i64, (i64, Piece)>, start: i64) -> Option<Piece> {
    let (&run, &(end, piece)) = runs.range(..=start).next_back()?;
    if start >= end {
        return None;
    }
    runs.remove(&run);
    for (start, end) in [(run, start), (start + WINDOW_MS, end)] {
        if start < end {
            runs.insert(start, (end, piece));
        }
    }
    Some(piece)
}

/// Adds a window to the runs: to the one before it, the one after it, both, or as a new one.
fn put_in(runs: &mut BTreeMap<i64, (i64, Piece)>, start: i64, piece: Piece) {
    let mut run = start;
    let mut end = start + WINDOW_MS;
    if let Some((&before, &(joint, alike))) = runs.range(..start).next_back()
        && joint == start
        && alike == piece
    {
        run = before;
    }
    if let Some(&(after, alike)) = runs.get(&end)
        && alike == piece
    {
        runs.remove(&end);
        end = after;
    }
    runs.insert(run, (end, piece));
}

/// The starts of the windows from `start` up to `end`.
fn starts(start: i64, end: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(start), |start| Some(start + WINDOW_MS)).take_while(move |start| *start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { recent: 4, irregular: 3 };

    fn emission(offset: i64, count: u64) -> Emission {
        Emission { partition: 0, offset, count }
    }

    fn page(windows: i64, count: impl Fn(i64) -> u64) -> Page {
        let mut page = Page::default();
        for number in 0..windows {
            page.clicked(number * WINDOW_MS, 1000, BOUNDS);
            page.counted(number * WINDOW_MS, emission(number, count(number)), BOUNDS);
        }
        page
    }

    #[test]
    fn a_long_topic_of_like_windows_is_one_run() {
        let page = page(10_000, |_| 1000);
        assert!(page.windows.len() <= 8, "{}", page.windows.len());
        assert_eq!(page.runs.len(), 1);
        let mut windows = 0;
        page.each(|_, window| {
            assert_eq!(window.class(true), Class::Complete);
            windows += 1;
        });
        assert_eq!(windows, 10_000);
    }

    #[test]
    fn a_late_record_takes_its_window_out_of_the_run() {
        let mut page = page(100, |_| 1000);
        page.counted(50 * WINDOW_MS, emission(100, 7), BOUNDS);
        assert_eq!(page.runs.len(), 2);
        assert_eq!(page.windows[&(50 * WINDOW_MS)].class(true), Class::Conflicting);
        assert_eq!(page.windows[&(50 * WINDOW_MS)].emitted, 2);
    }

    #[test]
    fn a_topic_of_wrong_windows_is_bounded_too_and_none_is_forgotten() {
        let page = page(1000, |_| 999);
        assert!(page.windows.len() <= 12, "{}", page.windows.len());
        let mut short = page.dropped.counts.short;
        page.each(|_, window| short += u64::from(window.class(true) == Class::Short));
        assert_eq!(short, 1000);
        assert!(page.windows.contains_key(&0), "the first is kept as evidence");
    }

    #[test]
    fn the_first_records_of_a_window_are_kept() {
        let mut window = Window::default();
        for offset in (0..100).rev() {
            window.count(emission(offset, 1000));
        }
        assert_eq!(window.emitted, 100);
        assert_eq!(window.records.iter().map(|record| record.offset).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }
}
