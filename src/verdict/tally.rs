//! From a run's events to its ledger: which windows a run saw whole, and which of them the job is past.

use std::collections::BTreeMap;

use super::ledger::{Counted, Judgement, Ledger, Stray};
use crate::history::{Event, Progress, What};
use crate::settings::Delivery;
use crate::workload::PAGES;

/// The ledger of a run, as far as its events were told.
#[derive(Debug)]
pub struct Tally {
    ledger: Ledger,
    /// For each page the windows whose clicks were told: start → offset of the last click.
    windows: Vec<BTreeMap<i64, i64>>,
    /// The newest told.
    progress: Option<Progress>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { ledger: Ledger::new(), windows: vec![BTreeMap::new(); PAGES.len()], progress: None }
    }
}

impl Tally {
    /// Takes an event in.
    pub fn add(&mut self, event: &Event) {
        match &event.what {
            What::Clicks { page, start, clicks, last_offset, .. } => {
                let Some(page) = page_index(page) else { return };
                self.ledger.clicked(page, *start, *clicks);
                self.windows[page].insert(*start, *last_offset);
                // The run began to read in the middle: it judges from the first window that it saw of every page.
                if let Some(begin) = self.first_window() {
                    self.ledger.begin_at(begin);
                }
            }
            What::Counted { page, start, count, partition, offset } => match page_index(page) {
                Some(page) => {
                    self.ledger.counted(Counted {
                        page,
                        start: *start,
                        count: *count,
                        partition: *partition,
                        offset: *offset,
                    });
                }
                None => self.stray(*partition, *offset, format!("unknown page {page}")),
            },
            What::Stray { partition, offset, what } => self.stray(*partition, *offset, what.clone()),
            What::Progress(progress) => self.progress = Some(progress.clone()),
            _ => {}
        }
    }

    fn stray(&mut self, partition: i32, offset: i64, what: String) {
        self.ledger.stray(Stray { partition, offset, what });
    }

    /// The judgement so far.
    #[must_use]
    pub fn judge(&self, delivery: Delivery) -> Judgement {
        // Before every page was seen nothing is whole, so nothing is judged.
        let nothing = self.first_window().is_none();
        let ledger = if nothing { &Ledger::new() } else { &self.ledger };
        ledger.judge(self.closed_before(), delivery)
    }

    /// The ledger so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
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
    /// the window after them. That one window of slack stands for the watermark's delay and for the moment between a
    /// checkpoint and the commit of its offsets.
    #[must_use]
    pub fn closed_before(&self) -> i64 {
        let covered = self.progress.as_ref().and_then(|progress| {
            let pages = self.windows.iter().zip(&progress.committed);
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
    use crate::verdict::Outcome;
    use crate::workload::WINDOW_MS;

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

    fn committed(offset: i64) -> Event {
        event(What::Progress(Progress { committed: vec![offset; 6], ends: vec![9999; 6] }))
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
        let missing = |offset| tally(events().chain([committed(offset)])).judge(Delivery::AtLeastOnce).counts.missing;
        assert_eq!(missing(3_999), 0, "the last click of window 3 is not covered yet");
        assert_eq!(missing(4_000), 6, "window 3 is covered, so window 2 should have been emitted");
    }
}
