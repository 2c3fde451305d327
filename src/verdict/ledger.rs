//! For each page and window: what the job should have counted against what it emitted.
//!
//! What is expected is recounted from `input` itself, so it holds whatever became of the generator. A ledger is told what
//! was read, in any order, and judged at any time; the order never changes the judgement. A window is *closed*, and its
//! silence a loss, once a later window of its page was emitted, or once a checkpoint of the job covers all its clicks.
//!
//! Read `input` at least as far as `output`: a count whose clicks were not read yet is unexpected. Memory is bounded
//! whatever the length of the topics; see [`page`].

use std::collections::{BTreeMap, BTreeSet};

use crate::settings::Delivery;
use crate::workload::{PAGES, WINDOW_MS, encoding};

use judgement::Tally;
pub use judgement::{Class, Counterexample, Counts, Emission, Judgement};
use page::{Bounds, Page, Window};

mod judgement;
#[cfg(test)]
mod laws;
mod page;

/// How many counterexamples a judgement shows.
const SHOWN: usize = 20;
/// 17 hours of event time in detail, and some 20 MiB in the worst case.
const BOUNDS: Bounds = Bounds { recent: 4096, irregular: 8192 };

/// A record of `output` that counts a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The page's place in [`PAGES`].
    pub page: usize,
    /// First ms of the window.
    pub start: i64,
    /// Clicks counted.
    pub count: u64,
    /// The record's partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
}

/// A record of `output` that is no count of a window of this workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it.
    pub what: String,
}

/// What was read of `input` and `output`.
#[derive(Debug, Clone)]
pub struct Ledger {
    pages: [Page; PAGES.len()],
    /// The first stray records, and how many there are.
    strays: BTreeSet<Stray>,
    stray_records: u64,
    /// Whether `output` has any record at all.
    heard: bool,
    begin: i64,
    bounds: Bounds,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::within(BOUNDS)
    }

    fn within(bounds: Bounds) -> Self {
        Self {
            pages: Default::default(),
            strays: BTreeSet::new(),
            stray_records: 0,
            heard: false,
            begin: i64::MIN,
            bounds,
        }
    }

    /// Windows that start before this one (ms since the epoch) are not judged: for a reader that began in the middle.
    pub fn begin_at(&mut self, window_start: i64) {
        self.begin = self.begin.max(window_start);
    }

    /// `input` has so many more clicks of the page (its place in [`PAGES`]) in this window.
    pub fn clicked(&mut self, page: usize, window_start: i64, clicks: u64) {
        self.pages[page].clicked(window_start, clicks, self.bounds);
    }

    /// `output` has a count.
    pub fn counted(&mut self, counted: Counted) {
        let Counted { page, start, count, partition, offset } = counted;
        self.heard = true;
        self.pages[page].counted(start, Emission { partition, offset, count }, self.bounds);
    }

    /// `output` has a record that is no count.
    pub fn stray(&mut self, stray: Stray) {
        self.heard = true;
        self.stray_records += 1;
        self.strays.insert(stray);
        if self.strays.len() > SHOWN {
            self.strays.pop_last();
        }
    }

    /// `output` has a record with this payload. Returns the page and the start of the window that it counts, if it does.
    pub fn emitted(&mut self, partition: i32, offset: i64, payload: &[u8]) -> Option<(usize, i64)> {
        match encoding::decode_count(payload) {
            Ok((page, start, count)) => {
                self.counted(Counted { page, start, count, partition, offset });
                Some((page, start))
            }
            Err(what) => {
                self.stray(Stray { partition, offset, what });
                None
            }
        }
    }

    /// How many windows that start at `last` or before are not decided yet.
    #[must_use]
    pub fn open_until(&self, last: i64, closed_before: i64) -> usize {
        let open = |page: &Page| {
            let closed_before = page.closed_before(closed_before);
            let mut open = 0;
            page.each(|start, window| {
                let is_judged = (self.begin..=last).contains(&start);
                let class = window.class(start + WINDOW_MS <= closed_before);
                open += usize::from(is_judged && class == Class::Undecided);
            });
            open
        };
        self.pages.iter().map(open).sum()
    }

    /// Judges what was read. A window that ends at or before `closed_before` (ms since the epoch; `i64::MIN` when nothing
    /// is known of the job) is closed, too, unless `output` has no record at all: it may be the wrong topic, or wiped.
    /// Nothing seen proves nothing.
    #[must_use]
    pub fn judge(&self, closed_before: i64, delivery: Delivery) -> Judgement {
        let closed_before = if self.heard { closed_before } else { i64::MIN };
        let mut tally = Tally::default();
        let mut evidence = BTreeMap::new();
        for (number, page) in self.pages.iter().enumerate() {
            let closed_before = page.closed_before(closed_before);
            page.each(|start, window| {
                if start >= self.begin {
                    let closed = start + WINDOW_MS <= closed_before;
                    let class = tally.add(window, closed);
                    if class.is_wrong(delivery) {
                        exhibit(&mut evidence, (start, number), || counterexample(class, number, start, window));
                    }
                }
            });
            tally.include(&page.dropped);
        }
        tally.counts.unexpected += self.stray_records;
        let mut counterexamples: Vec<_> = evidence.into_values().chain(self.strays.iter().map(stray)).collect();
        counterexamples.truncate(SHOWN);
        tally.judgement(delivery, counterexamples)
    }
}

/// Keeps a counterexample when it is among the first.
fn exhibit(
    evidence: &mut BTreeMap<(i64, usize), Counterexample>,
    place: (i64, usize),
    make: impl FnOnce() -> Counterexample,
) {
    if evidence.len() == SHOWN && evidence.last_key_value().is_some_and(|(last, _)| *last < place) {
        return;
    }
    evidence.insert(place, make());
    if evidence.len() > SHOWN {
        evidence.pop_last();
    }
}

fn counterexample(class: Class, page: usize, start: i64, window: &Window) -> Counterexample {
    Counterexample::Window {
        class,
        page: PAGES[page].to_owned(),
        window_start: start,
        window_end: start + WINDOW_MS,
        expected: window.clicks,
        emitted: window.emitted,
        records: window.records.clone(),
    }
}

fn stray(stray: &Stray) -> Counterexample {
    let Stray { partition, offset, what } = stray.clone();
    Counterexample::Stray { class: Class::Unexpected, partition, offset, what }
}
