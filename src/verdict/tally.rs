//! From a run's events to its ledger: which windows a run saw whole, and which of them the job is past.
//!
//! Clicks and counts are read side by side, so either may be told first. A count waits here until the clicks of its
//! window were told, and a checkpoint closes windows only when what it covers has had time to be read.

use std::collections::{BTreeMap, VecDeque};

use super::ledger::{Counted, Judgement, Ledger, Stray};
use crate::history::{Event, What};
use crate::settings::Delivery;
use crate::workload::{PAGES, WINDOW_MS};

/// How long, in ms, after a commit of offsets its windows' counts may take until they are told: the sink commits by the
/// same stroke, but not in the same moment, and the reader polls.
const STROKE_MS: i64 = 3_000;

/// A count whose window is further ahead of all clicks than this many windows is of another run, not early.
const EARLY_WINDOWS: i64 = 20;

/// The ledger of a run, as far as its events were told.
#[derive(Debug)]
pub struct Tally {
    ledger: Ledger,
    /// For each page the windows whose clicks were told: start → offset of the last click.
    windows: Vec<BTreeMap<i64, i64>>,
    /// Counts of windows whose clicks were not told yet.
    early: Vec<Counted>,
    /// Committed offsets by when they were seen, those of the last moments.
    committed: VecDeque<(i64, Vec<i64>)>,
    /// Whether committed offsets are those of checkpoints. Without checkpoints they say what was fetched, not counted.
    checkpointing: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            ledger: Ledger::new(),
            windows: vec![BTreeMap::new(); PAGES.len()],
            early: Vec::new(),
            committed: VecDeque::new(),
            checkpointing: true,
        }
    }
}

impl Tally {
    /// Takes an event in.
    pub fn add(&mut self, event: &Event) {
        match &event.what {
            What::Began(head) => self.checkpointing = head.job.checkpointing,
            What::Clicks { page, start, clicks, last_offset, .. } => {
                let Some(page) = page_index(page) else { return };
                self.clicked(page, *start, *clicks, *last_offset);
            }
            What::Counted { page, start, count, partition, offset } => {
                let (partition, offset) = (*partition, *offset);
                match page_index(page) {
                    Some(page) => self.counted(Counted { page, start: *start, count: *count, partition, offset }),
                    None => self.ledger.stray(Stray { partition, offset, what: format!("unknown page {page}") }),
                }
            }
            What::Stray { partition, offset, what } => {
                self.ledger.stray(Stray { partition: *partition, offset: *offset, what: what.clone() });
            }
            What::Progress(progress) => {
                self.committed.push_back((event.at, progress.committed.clone()));
                // The newest one that is old enough is all that is needed of those.
                while self.committed.get(1).is_some_and(|(at, _)| at + STROKE_MS <= event.at) {
                    self.committed.pop_front();
                }
            }
            _ => {}
        }
    }

    fn clicked(&mut self, page: usize, start: i64, clicks: u64, last_offset: i64) {
        self.ledger.clicked(page, start, clicks);
        self.windows[page].insert(start, last_offset);
        // The run began to read in the middle: it judges from the first window that it saw of every page.
        if let Some(begin) = self.first_window() {
            self.ledger.begin_at(begin);
        }
        for counted in std::mem::take(&mut self.early) {
            self.counted(counted);
        }
    }

    fn counted(&mut self, counted: Counted) {
        let newest = self.windows[counted.page].keys().next_back().copied();
        let is_early = |newest: i64| (1..=EARLY_WINDOWS).contains(&((counted.start - newest) / WINDOW_MS));
        // Before any clicks of a page were told, nothing can be said of its counts.
        if newest.is_none_or(is_early) {
            self.early.push(counted);
        } else {
            self.ledger.counted(counted);
        }
    }

    /// The judgement so far.
    #[must_use]
    pub fn judge(&self, delivery: Delivery) -> Judgement {
        // Before every page was seen nothing is whole, so nothing is judged.
        let nothing = self.first_window().is_none();
        let ledger = if nothing { &Ledger::new() } else { &self.ledger };
        ledger.judge(self.closed_before(), delivery)
    }

    /// How many windows that start at `last` or before are not decided yet.
    #[must_use]
    pub fn open_until(&self, last: i64) -> usize {
        self.ledger.open_until(last, self.closed_before())
    }

    /// Start of the first window that was seen of every page.
    fn first_window(&self) -> Option<i64> {
        self.each_page(|windows| windows.keys().next().copied()).map(|starts| starts.into_iter().max())?
    }

    /// Start of the newest window whose clicks were told of every page.
    #[must_use]
    pub fn newest_window(&self) -> Option<i64> {
        self.each_page(|windows| windows.keys().next_back().copied()).map(|starts| starts.into_iter().min())?
    }

    /// Windows that end at or before this are closed: a checkpoint of the job covers all their clicks, and all clicks of
    /// the window after them. That one window of slack stands for the watermark's delay.
    fn closed_before(&self) -> i64 {
        let newest = self.committed.back().map_or(i64::MIN, |(at, _)| *at);
        let settled = self.committed.front().filter(|(at, _)| self.checkpointing && at + STROKE_MS <= newest);
        let covered = settled.and_then(|(_, committed)| {
            let pages = self.windows.iter().zip(committed);
            pages.map(|(windows, committed)| newest_covered(windows, *committed)).collect::<Option<Vec<i64>>>()
        });
        // A window's start is the end of the one before it.
        covered.and_then(|starts| starts.into_iter().min()).unwrap_or(i64::MIN)
    }

    fn each_page(&self, of: impl Fn(&BTreeMap<i64, i64>) -> Option<i64>) -> Option<Vec<i64>> {
        self.windows.iter().map(of).collect()
    }
}

fn page_index(page: &str) -> Option<usize> {
    PAGES.iter().position(|known| *known == page)
}

/// Start of the newest window whose last click lies before a committed offset.
fn newest_covered(windows: &BTreeMap<i64, i64>, committed: i64) -> Option<i64> {
    windows.iter().rev().find(|(_, last_offset)| **last_offset < committed).map(|(start, _)| *start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Progress;
    use crate::verdict::Outcome;

    fn event(what: What) -> Event {
        Event { at: 0, what }
    }

    fn clicks(page: usize, window: i64) -> Event {
        event(What::Clicks {
            page: PAGES[page].into(),
            start: window * WINDOW_MS,
            clicks: 1000,
            partition: i32::try_from(page).unwrap(),
            last_offset: window * 1000 + 999,
        })
    }

    fn counted(page: usize, window: i64) -> Event {
        event(What::Counted {
            page: PAGES[page].into(),
            start: window * WINDOW_MS,
            count: 1000,
            partition: 0,
            offset: window * 6 + i64::try_from(page).unwrap(),
        })
    }

    /// Seen, and old enough for its counts to have been read.
    fn committed(offset: i64) -> [Event; 2] {
        let seen =
            |at| Event { at, what: What::Progress(Progress { committed: vec![offset; 6], ends: vec![9999; 6] }) };
        [seen(0), seen(STROKE_MS)]
    }

    fn tally(events: impl IntoIterator<Item = Event>) -> Tally {
        let mut tally = Tally::default();
        events.into_iter().for_each(|event| tally.add(&event));
        tally
    }

    #[test]
    fn nothing_is_judged_before_every_page_was_seen() {
        let tally = tally([clicks(0, 1), counted(0, 1), counted(0, 2)]);
        assert_eq!(tally.judge(Delivery::AtLeastOnce).outcome, Outcome::Unknown);
    }

    #[test]
    fn windows_before_the_first_whole_one_are_not_judged() {
        let mut events: Vec<Event> =
            (0..6).flat_map(|page| [clicks(page, 1), clicks(page, 2), counted(page, 2)]).collect();
        // One page was seen from window 2 on, and window 1 was never emitted.
        events.remove(0);
        events.extend((0..6).map(|page| counted(page, 3)));
        let judgement = tally(events).judge(Delivery::AtLeastOnce);
        assert_eq!((judgement.counts.complete, judgement.counts.missing), (6, 0));
    }

    #[test]
    fn a_silent_window_is_missing_once_a_checkpoint_covers_the_one_after_it() {
        let events = || {
            (0..6)
                .flat_map(|page| [clicks(page, 1), clicks(page, 2), counted(page, 1)])
                .chain((0..6).map(|page| clicks(page, 3)))
        };
        let missing = |offset| tally(events().chain(committed(offset))).judge(Delivery::AtLeastOnce).counts.missing;
        assert_eq!(missing(3_999), 0, "the last click of window 3 is not covered yet");
        assert_eq!(missing(4_000), 6, "window 3 is covered, so window 2 should have been emitted");
    }

    #[test]
    fn a_checkpoint_closes_nothing_before_its_counts_can_have_been_read() {
        let events = (0..6).flat_map(|page| [clicks(page, 1), clicks(page, 2), counted(page, 1), clicks(page, 3)]);
        let [seen, _] = committed(4_000);
        assert_eq!(tally(events.chain([seen])).judge(Delivery::AtLeastOnce).counts.missing, 0);
    }

    #[test]
    fn a_count_that_is_told_before_its_clicks_is_not_unexpected() {
        let early = || (0..6).flat_map(|page| [clicks(page, 1), counted(page, 1), counted(page, 2)]);
        let judge = |tally: Tally| tally.judge(Delivery::AtLeastOnce).counts;
        let before = judge(tally(early()));
        assert_eq!((before.complete, before.unexpected), (6, 0));
        let after = judge(tally(early().chain((0..6).map(|page| clicks(page, 2)))));
        assert_eq!((after.complete, after.unexpected), (12, 0));
    }

    #[test]
    fn a_count_far_from_all_clicks_is_unexpected() {
        let events = (0..6).flat_map(|page| [clicks(page, 1), counted(page, 1)]).chain([counted(2, 99)]);
        assert_eq!(tally(events).judge(Delivery::AtLeastOnce).counts.unexpected, 1);
    }
}
