//! For each key and window: what the job should have counted against what it emitted.
//!
//! What is expected is recounted from the input itself, so it does not depend on the producer. A ledger takes what was
//! read, in any order, and can be judged at any time; the order never changes the judgement. A window is *closed*, and
//! a loss if it was not emitted, once a later window of its key was emitted (where the output has an order), or once the job is
//! known to have passed it.
//!
//! What was deleted from a topic before it was read is unknown, never right and never lost: a window whose count may have been among
//! the oldest records of the output, which were deleted, is undecided; so is one that may have had more records in the input,
//! unless it is wrong whatever they were.
//!
//! Read the input at least as far as the output: a count whose records were not read yet is unexpected. Memory per key
//! is bounded, whatever the length of the topics; see [`key`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::history::traffic::{Emitted, Figures, Sent, Stray, Window};
use crate::history::windowing::Windowing;
use crate::settings::Delivery;

pub(crate) use again::Again;
use cell::Cell;
use judgement::Judge;
pub(crate) use judgement::SHOWN;
pub use judgement::{Class, Counterexample, Counts, Emission, Judgement, Span, Words};
use key::{Bounds, Keeping, Key};
pub use outcome::Outcome;

mod again;
mod cell;
mod judgement;
mod key;
#[cfg(test)]
mod laws;
mod outcome;

/// 17 hours of 15 s windows individually, and some 3 MiB per key in the worst case.
const BOUNDS: Bounds = Bounds { recent: 4096, irregular: 8192 };

/// How a ledger is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The delivery guarantee that the job is held to.
    pub delivery: Delivery,
    /// Windows that end at or before this (ms since the epoch) are closed: the job has passed them. `i64::MIN` if
    /// nothing is known about the job.
    pub passed: i64,
    /// Windows that start at or after this are not judged; records that the input does not explain are judged anyway.
    pub until: i64,
}

impl Terms {
    /// Judges everything in the topics, with nothing known about the job.
    #[must_use]
    pub fn of(delivery: Delivery) -> Self {
        Self { delivery, passed: i64::MIN, until: i64::MAX }
    }
}

/// Everything that was read from a job's input and output.
#[derive(Debug, Clone)]
pub struct Ledger {
    keys: BTreeMap<Box<str>, Key>,
    /// The first stray records, and how many there are.
    strays: BTreeSet<Stray>,
    stray_records: u64,
    /// Whether the output has any record at all.
    heard: bool,
    begin: i64,
    output_cut: OutputCut,
    input_cut: InputCut,
    again: Again,
    /// For each partition of the input, the offset before which records were deleted.
    gone: BTreeMap<i32, i64>,
    bounds: Bounds,
    windowing: Windowing,
    /// Whether a window closes those of its key that end before it.
    in_order: bool,
    /// The figures that any record has, of the input and of the output.
    asked: Figures,
    given: Figures,
}

/// What the output lost before it was read.
#[derive(Debug, Clone)]
struct OutputCut {
    /// The partitions whose oldest records are gone.
    partitions: BTreeSet<i32>,
    /// Start of the newest window that the input had by then: those after it cannot have been emitted before.
    newest: i64,
}

/// What the input lost before it was read.
#[derive(Debug, Clone)]
struct InputCut {
    /// Partitions that lost records, while it is not known yet from which window on they are whole. One that has had no
    /// record since never tells.
    open: BTreeSet<i32>,
    /// Windows that start before this may have had more records.
    whole_from: i64,
}

impl InputCut {
    /// Whether a window may have had more records than were read.
    fn concerns(&self, window: Window) -> bool {
        !self.open.is_empty() || window.start < self.whole_from
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::of(Windowing::tumbling(0))
    }
}

impl Ledger {
    /// Of a job with such windows.
    #[must_use]
    pub fn of(windowing: Windowing) -> Self {
        Self::within(BOUNDS, windowing)
    }

    fn within(bounds: Bounds, windowing: Windowing) -> Self {
        Self {
            keys: BTreeMap::new(),
            strays: BTreeSet::new(),
            stray_records: 0,
            heard: false,
            begin: i64::MIN,
            output_cut: OutputCut { partitions: BTreeSet::new(), newest: i64::MIN },
            input_cut: InputCut { open: BTreeSet::new(), whole_from: i64::MIN },
            again: Again::default(),
            gone: BTreeMap::new(),
            bounds,
            windowing,
            in_order: true,
            asked: Figures::NONE,
            given: Figures::NONE,
        }
    }

    /// Whether what a key emitted was written, and seen, in the order of its windows. It is not while a job writes to several
    /// partitions: what is on its way to one of them may be seen after what came later in another.
    pub fn set_in_order(&mut self, in_order: bool) {
        self.in_order = in_order;
    }

    fn passed(&self, key: &Key, passed: i64) -> i64 {
        if self.in_order { key.passed(passed) } else { passed }
    }

    /// Windows that start before this (ms since the epoch) are not judged: for a reader that began in the middle.
    pub fn begin_at(&mut self, window_start: i64) {
        if window_start <= self.begin {
            return;
        }
        self.begin = window_start;
        // What began before may be part of a session that goes on.
        if !self.windowing.assigner.merges() {
            self.keys.values_mut().for_each(|key| key.forget_before(window_start));
        }
    }

    /// Start of the first window that is judged, ms since the epoch.
    #[must_use]
    pub fn begin(&self) -> i64 {
        self.begin
    }

    /// The oldest records of a partition of the output are gone: what a key emitted before its first one that is left there
    /// cannot be known. To be told when the input was read as far as those can have come from.
    pub fn output_is_cut(&mut self, partition: i32) {
        self.output_cut.partitions.insert(partition);
        let newest = self.keys.values().filter_map(Key::newest).max();
        self.output_cut.newest = self.output_cut.newest.max(newest.unwrap_or(i64::MIN));
    }

    /// Records of a partition of the input were gone before they were read: what windows had of them cannot be known.
    pub fn input_is_cut(&mut self, partition: i32) {
        self.input_cut.open.insert(partition);
    }

    /// A partition of the input is whole from this window on (ms since the epoch). Where it is known that it lost records,
    /// older windows are judged by what is left; otherwise the reader began in the middle of it, and of the output as well.
    pub fn input_is_whole_from(&mut self, partition: i32, window_start: i64) {
        if self.input_cut.open.remove(&partition) {
            self.input_cut.whole_from = self.input_cut.whole_from.max(window_start);
        } else {
            self.begin_at(window_start);
        }
    }

    /// Adds records of the input for a key and window.
    pub fn sent(&mut self, sent: &Sent) {
        let window = sent.window;
        if !self.takes(window) {
            return;
        }
        self.asked.add(&sent.figures);
        let gone = self.gone.get(&sent.partition).copied().unwrap_or(i64::MIN);
        let keeping = Keeping { bounds: self.bounds, windowing: &self.windowing, again: &self.again };
        change(&mut self.keys, &sent.key, |key| key.send(window, sent, gone, keeping));
    }

    /// Adds a result in the output.
    pub fn emitted(&mut self, emitted: &Emitted) {
        self.heard = true;
        self.given.add(&emitted.figures);
        let window = emitted.window;
        let takes = self.takes(window);
        let keeping = Keeping { bounds: self.bounds, windowing: &self.windowing, again: &self.again };
        change(&mut self.keys, &emitted.key, |key| {
            key.heard(emitted.partition, emitted.offset, window.start);
            if takes {
                key.emit(window, Emission::of(emitted), keeping);
            }
        });
    }

    /// Whether a window matters: those before the begin are not judged, but may be part of a session that is.
    fn takes(&self, window: Window) -> bool {
        window.start >= self.begin || self.windowing.assigner.merges()
    }

    /// The figures that records of the input have and no result: a job that gives none is not judged by them.
    #[must_use]
    pub fn not_given(&self) -> Vec<&'static str> {
        let Self { asked, given, .. } = self;
        let figures = [
            ("sum", asked.checksum.is_some() && given.checksum.is_none()),
            ("minimum", asked.min.is_some() && given.min.is_none()),
            ("maximum", asked.max.is_some() && given.max.is_none()),
        ];
        let is_missing = |(name, is_missing): (&'static str, bool)| is_missing.then_some(name);
        if self.heard { figures.into_iter().filter_map(is_missing).collect() } else { Vec::new() }
    }

    /// Adds a record of the output that is not a result.
    pub fn stray(&mut self, stray: Stray) {
        self.heard = true;
        self.stray_records += 1;
        self.strays.insert(stray);
        if self.strays.len() > SHOWN {
            self.strays.pop_last();
        }
    }

    /// The job was restored: what it wrote at these offsets of each partition of the output may be emitted once more.
    pub fn restored(&mut self, written_since: Vec<Range<i64>>) {
        self.again.add(written_since);
    }

    /// Records of the input before an offset were deleted: a window with some of them that was not emitted yet may
    /// never be counted completely, through no fault of the job. Returns how many windows that affects.
    pub fn gone(&mut self, partition: i32, before: i64) -> u64 {
        self.gone.insert(partition, before);
        self.keys.values_mut().map(|key| key.gone(partition, before)).sum()
    }

    /// How many windows that start at or before `last` are not decided yet.
    #[must_use]
    pub fn open_until(&self, last: i64, passed: i64) -> usize {
        let passed = if self.heard { passed } else { i64::MIN };
        let open = |key: &Key| {
            let passed = self.passed(key, passed);
            let unheard = self.unheard(key);
            let mut open = 0;
            key.each(&mut |window, cell, _| {
                let is_meant =
                    window.start <= last && window.start >= self.begin && !cell.is_gone() && !unheard(window);
                let closed = self.windowing.is_closed(window, passed);
                let is_open = cell.class(window, closed, &self.windowing) == Class::Undecided;
                open += usize::from(is_meant && is_open && !cell.stays_undecided(closed));
            });
            open
        };
        self.keys.values().map(open).sum()
    }

    /// How many keys the input has in the judged windows.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.values().filter(|key| key.first_sent().is_some()).count()
    }

    /// How many records of the output are not results.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.stray_records
    }

    /// The most records in any window of the input, of any key.
    #[must_use]
    pub fn most_sent(&self) -> u64 {
        let mut most = 0;
        self.keys.values().for_each(|key| key.each(&mut |_, cell, _| most = cell.sent.max(most)));
        most
    }

    /// Start of the first window in the input, of any key; ms since the epoch.
    #[must_use]
    pub fn first_sent(&self) -> Option<i64> {
        self.keys.values().filter_map(Key::first_sent).min()
    }

    /// Judges what was read. Seeing nothing proves nothing: if the output has no record at all, it may be the wrong
    /// topic or may have been wiped, so no window is called missing.
    #[must_use]
    pub fn judge(&self, terms: &Terms) -> Judgement {
        let passed = if self.heard { terms.passed } else { i64::MIN };
        let mut judge = Judge::new(terms.delivery);
        for (name, key) in &self.keys {
            self.judge_key(name, key, &Terms { passed: self.passed(key, passed), ..*terms }, &mut judge);
        }
        judge.strays(self.stray_records, &self.strays);
        judge.judgement()
    }

    fn judge_key(&self, name: &str, key: &Key, terms: &Terms, judge: &mut Judge) {
        let unheard = self.unheard(key);
        let first_sent = key.first_sent();
        // The job counted windows that the input no longer has, so the first one left may not be complete.
        let lost_its_past = first_sent.is_some_and(|first| key.first_emitted().is_some_and(|emitted| emitted < first));
        key.each(&mut |window, cell, unexplained| {
            if window.start < self.begin {
                return;
            }
            let may_have_had_more = self.input_cut.concerns(window);
            let closed = self.windowing.is_closed(window, terms.passed);
            let class = match cell.class(window, closed, &self.windowing) {
                // As if it were before the begin: there is nothing that it could be held against.
                Class::Unexpected if may_have_had_more => return,
                Class::Unexpected if first_sent.is_some_and(|first| window.start < first) => {
                    judge.before_input();
                    Class::Unexpected
                }
                Class::Unexpected => Class::Unexpected,
                _ if window.start >= terms.until => return,
                Class::Missing | Class::Undecided if cell.emitted == 0 && unheard(window) => {
                    judge.before_output();
                    Class::Undecided
                }
                class if may_have_had_more && !cell.is_wrong_anyway(class) => Class::Undecided,
                Class::Over if lost_its_past && Some(window.start) == first_sent => Class::Undecided,
                class => class,
            };
            let unexplained = unexplained.unwrap_or_else(|| cell.unexplained(&self.windowing, &self.again));
            judge.add(name, window, cell, class, unexplained);
        });
        judge.include(key.dropped());
    }

    /// Whether what a key emitted of a window may be among the records that the output has lost. A key's windows come in
    /// order, also those that it repeats: so one that was emitted there for the last time lies before the key's first
    /// record that is left in the same partition, or the key has none left there.
    fn unheard(&self, key: &Key) -> impl Fn(Window) -> bool + use<> {
        let OutputCut { partitions, newest } = &self.output_cut;
        let first = partitions.iter().map(|partition| key.first_heard(*partition).unwrap_or(i64::MAX)).max();
        let newest = *newest;
        // What came late was emitted out of turn.
        let first = if self.windowing.fires_again() { first.map(|_| i64::MAX) } else { first };
        move |window| first.is_some_and(|first| window.start < first) && window.start <= newest
    }
}

/// Changes the key of a name. An existing one is found without cloning its name.
fn change(keys: &mut BTreeMap<Box<str>, Key>, name: &str, change: impl FnOnce(&mut Key)) {
    match keys.get_mut(name) {
        Some(key) => change(key),
        None => change(keys.entry(name.into()).or_default()),
    }
}

/// Called with each window of a key; old ones come with how many of their repeats nothing explains, since their records
/// are forgotten.
type EachWindow<'a> = &'a mut dyn FnMut(Window, &Cell, Option<u64>);
