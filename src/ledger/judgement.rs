//! A judged ledger: a class for each window, totals, and counterexamples.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::cell::Cell;
use crate::history::answer::Answer;
use crate::history::traffic::{Emitted, Figures, Stray, Window};
use crate::settings::Delivery;

/// How many counterexamples a judgement shows.
pub(crate) const SHOWN: usize = 20;

/// What became of one window of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Emitted once, with the correct count.
    Complete,
    /// Emitted more than once, each time with the correct count.
    Duplicate,
    /// Emitted with a count that is too low: records were lost.
    Short,
    /// Emitted with a count that is too high: records were counted twice.
    Over,
    /// Emitted with different counts, or with the right count of other records, as the figures next to it or the window show.
    Conflicting,
    /// Closed, and nothing was emitted: all its records were lost.
    Missing,
    /// Emitted, but the input has no such window; or a record of the output that is not a result.
    Unexpected,
    /// Nothing emitted yet, and the window may still be open; or its records were deleted before they were counted; or its
    /// count may have been deleted from the output before it was read.
    Undecided,
}

impl Class {
    /// All classes, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Complete,
        Self::Duplicate,
        Self::Short,
        Self::Over,
        Self::Conflicting,
        Self::Missing,
        Self::Unexpected,
        Self::Undecided,
    ];

    /// Whether it rules out a pass under this delivery guarantee.
    #[must_use]
    pub fn is_wrong(self, delivery: Delivery) -> bool {
        match self {
            Self::Complete | Self::Undecided => false,
            Self::Duplicate => delivery == Delivery::ExactlyOnce,
            Self::Short | Self::Over | Self::Conflicting | Self::Missing | Self::Unexpected => true,
        }
    }
}

/// How many windows (of one key each) are of each class; `unexpected` counts stray records as well.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// See [`Class::Complete`].
    pub complete: u64,
    /// See [`Class::Duplicate`].
    pub duplicate: u64,
    /// See [`Class::Short`].
    pub short: u64,
    /// See [`Class::Over`].
    pub over: u64,
    /// See [`Class::Conflicting`].
    pub conflicting: u64,
    /// See [`Class::Missing`].
    pub missing: u64,
    /// See [`Class::Unexpected`].
    pub unexpected: u64,
    /// See [`Class::Undecided`].
    pub undecided: u64,
}

impl Counts {
    fn of_mut(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Complete => &mut self.complete,
            Class::Duplicate => &mut self.duplicate,
            Class::Short => &mut self.short,
            Class::Over => &mut self.over,
            Class::Conflicting => &mut self.conflicting,
            Class::Missing => &mut self.missing,
            Class::Unexpected => &mut self.unexpected,
            Class::Undecided => &mut self.undecided,
        }
    }

    /// Windows of the input that are decided, right or wrong.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.complete + self.duplicate + self.short + self.over + self.conflicting + self.missing
    }

    fn of(&self, class: Class) -> u64 {
        match class {
            Class::Complete => self.complete,
            Class::Duplicate => self.duplicate,
            Class::Short => self.short,
            Class::Over => self.over,
            Class::Conflicting => self.conflicting,
            Class::Missing => self.missing,
            Class::Unexpected => self.unexpected,
            Class::Undecided => self.undecided,
        }
    }

    /// How many rule out a pass.
    #[must_use]
    pub fn wrong(&self, delivery: Delivery) -> u64 {
        Class::ALL.into_iter().filter(|class| class.is_wrong(delivery)).map(|class| self.of(class)).sum()
    }
}

/// Totals over windows and their records.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    expected: u64,
    lost: u64,
    counted_twice: u64,
    unexplained: u64,
}

impl Tally {
    /// Adds a window of a class; no restore explains `unexplained` of its repeated emissions.
    pub(super) fn add(&mut self, window: Window, cell: &Cell, class: Class, unexplained: u64) {
        *self.counts.of_mut(class) += 1;
        self.unexplained += unexplained;
        let counted = match class {
            Class::Undecided | Class::Unexpected => return,
            Class::Missing => 0,
            _ => cell.counted(),
        };
        // The right number, but not the same records: at least one lost and one counted twice.
        let swapped = u64::from(class == Class::Conflicting && cell.is_swapped(window));
        self.expected += cell.sent;
        self.lost += cell.sure().saturating_sub(counted) + swapped;
        let most = if class == Class::Missing { 0 } else { cell.most };
        self.counted_twice += most.saturating_sub(cell.sent) + swapped;
    }

    fn include(&mut self, other: &Self) {
        for class in Class::ALL {
            *self.counts.of_mut(class) += other.counts.of(class);
        }
        self.expected += other.expected;
        self.lost += other.lost;
        self.counted_twice += other.counted_twice;
        self.unexplained += other.unexplained;
    }
}

/// A ledger being judged: totals so far, and evidence.
pub(super) struct Judge {
    delivery: Delivery,
    tally: Tally,
    before_input: u64,
    before_output: u64,
    span: Option<Span>,
    evidence: BTreeMap<(i64, String), Counterexample>,
    strays: Vec<Counterexample>,
}

impl Judge {
    pub(super) fn new(delivery: Delivery) -> Self {
        let (tally, before_input, before_output, span, evidence, strays) = Default::default();
        Self { delivery, tally, before_input, before_output, span, evidence, strays }
    }

    /// A window was emitted that is older than everything the input holds for its key.
    pub(super) fn before_input(&mut self) {
        self.before_input += 1;
    }

    /// A window that nothing is seen of may have been emitted before all that the output still has.
    pub(super) fn before_output(&mut self) {
        self.before_output += 1;
    }

    pub(super) fn add(&mut self, key: &str, window: Window, cell: &Cell, class: Class, unexplained: u64) {
        self.tally.add(window, cell, class, unexplained);
        if !matches!(class, Class::Undecided | Class::Unexpected) {
            let span = self.span.get_or_insert(Span { from: window.start, to: window.end });
            (span.from, span.to) = (span.from.min(window.start), span.to.max(window.end));
        }
        if class.is_wrong(self.delivery) {
            self.exhibit(key, window, cell, class);
        }
    }

    /// Adds windows that are no longer kept.
    pub(super) fn include(&mut self, dropped: &Tally) {
        self.tally.include(dropped);
    }

    pub(super) fn strays(&mut self, records: u64, first: &BTreeSet<Stray>) {
        self.tally.counts.unexpected += records;
        self.strays = first.iter().map(Counterexample::of).collect();
    }

    /// Keeps a counterexample if it is among the first.
    fn exhibit(&mut self, key: &str, window: Window, cell: &Cell, class: Class) {
        let place = (window.start, key.to_owned());
        if self.evidence.len() == SHOWN && self.evidence.last_key_value().is_some_and(|(last, _)| *last < place) {
            return;
        }
        let counterexample = Counterexample::Window {
            class,
            key: key.to_owned(),
            window_start: window.start,
            window_end: window.end,
            expected: cell.sent,
            expected_figures: cell.figures,
            emitted: cell.emitted,
            records: cell.records.clone(),
        };
        self.evidence.insert(place, counterexample);
        if self.evidence.len() > SHOWN {
            self.evidence.pop_last();
        }
    }

    pub(super) fn judgement(self) -> Judgement {
        let Tally { counts, expected, lost, counted_twice, unexplained } = self.tally;
        let wrong = counts.wrong(self.delivery);
        let outcome = if wrong > self.before_input {
            Outcome::Fail
        } else if counts.judged() == 0 || self.before_input > 0 {
            Outcome::Unknown
        } else {
            Outcome::Pass
        };
        let mut counterexamples: Vec<_> = self.evidence.into_values().chain(self.strays).collect();
        counterexamples.truncate(SHOWN);
        Judgement {
            outcome,
            delivery: self.delivery,
            words: Words::default(),
            counts,
            judged: counts.judged(),
            span: self.span,
            records_expected: expected,
            records_lost: lost,
            records_counted_twice: counted_twice,
            records_not_resent: 0,
            duplicates_unexplained: unexplained,
            before_input: self.before_input,
            before_output: self.before_output,
            counterexamples_total: wrong,
            counterexamples,
            answer: None,
        }
    }
}

/// The event time that a judgement covers, in ms since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Start of the first decided window.
    pub from: i64,
    /// End of the last one.
    pub to: i64,
}

/// What a judgement speaks of, in the singular.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// A record of the input, as in `click`.
    pub record: String,
    /// What is decided and counted: a `window` of a key, or each record.
    pub unit: String,
    /// The topic that the job reads.
    pub input: String,
    /// The topic that it writes.
    pub output: String,
    /// What a pass proves, where not that nothing was lost or counted twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<String>,
    /// What is wrong with records that are unexpected, where not that the input does not explain them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexpected: Option<String>,
}

impl Default for Words {
    fn default() -> Self {
        let [record, unit, input, output] = ["record", "window", "input", "output"].map(str::to_owned);
        Self { record, unit, input, output, passes: None, unexpected: None }
    }
}

/// A ledger, judged. Its fields are the documented JSON of `verify`, `scenario` and `judge`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Pass, fail or unknown, from the counts alone.
    pub outcome: Outcome,
    /// The delivery guarantee: at-least-once may emit a window again.
    pub delivery: Delivery,
    /// What is judged, in the workload's words.
    #[serde(default)]
    pub words: Words,
    /// A count for each class.
    #[serde(flatten)]
    pub counts: Counts,
    /// Windows of the input that are decided.
    pub judged: u64,
    /// The event time that it covers; none if nothing was decided.
    pub span: Option<Span>,
    /// Records of the input in these windows.
    pub records_expected: u64,
    /// Records of the input missing from the counts. Where counts conflict, the newest one is used, as by a consumer
    /// that lets later records overwrite earlier ones.
    pub records_lost: u64,
    /// Records counted beyond those of the input. Where counts conflict, the highest one is used: no later one takes it
    /// back.
    pub records_counted_twice: u64,
    /// Records that a socket carried after the restored checkpoint and before the job connected anew: nobody sends them again,
    /// so that they are missing from what is counted through no fault of the job.
    #[serde(default)]
    pub records_not_resent: u64,
    /// Emissions after a window's first that no restore of the job explains.
    pub duplicates_unexplained: u64,
    /// Unexpected windows that are older than everything the input holds for their key: it may have held them once.
    pub before_input: u64,
    /// Of the undecided windows, those whose counts may have been among the oldest records of the output, which were deleted.
    #[serde(default)]
    pub before_output: u64,
    /// How many counterexamples there are.
    pub counterexamples_total: u64,
    /// The first of them by event time, then stray records.
    pub counterexamples: Vec<Counterexample>,
    /// The answer of the workload's own program, where one judges; its counterexamples are those above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

impl Judgement {
    /// That of records which were judged one by one: what is counted is decided, and nothing else is wrong with them.
    #[must_use]
    pub fn by_record(delivery: Delivery, counts: Counts, mut counterexamples: Vec<Counterexample>) -> Self {
        counterexamples.truncate(SHOWN);
        let (judged, wrong) = (counts.judged(), counts.wrong(delivery));
        let outcome = match (wrong, judged) {
            (1.., _) => Outcome::Fail,
            (0, 0) => Outcome::Unknown,
            (0, _) => Outcome::Pass,
        };
        Self {
            outcome,
            delivery,
            words: Words::default(),
            counts,
            judged,
            span: None,
            records_expected: judged,
            records_lost: 0,
            records_counted_twice: 0,
            records_not_resent: 0,
            duplicates_unexplained: 0,
            before_input: 0,
            before_output: 0,
            counterexamples_total: wrong,
            counterexamples,
            answer: None,
        }
    }
}

/// Evidence against a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Counterexample {
    /// A window that is wrong.
    Window {
        /// In what way.
        class: Class,
        /// The key that was counted.
        key: String,
        /// First ms of the window, since the epoch of event time.
        window_start: i64,
        /// First ms after the window.
        window_end: i64,
        /// How many records of the input it has.
        expected: u64,
        /// Their figures, where the job gives some.
        #[serde(default, skip_serializing_if = "Figures::is_none")]
        expected_figures: Figures,
        /// How often it was emitted.
        emitted: u64,
        /// The first records of the output for it, by offset; those of very old windows are not kept.
        records: Vec<Emission>,
    },
    /// A record that is lost, appeared again, or that nobody sent.
    Identity {
        /// In what way it is wrong.
        class: Class,
        /// Its identity; empty where only its place is known.
        identity: String,
        /// The partition of the input and the offset where it lies; null where it is not known, or was not sent.
        sent: Option<(i32, i64)>,
        /// The first records of the output with it.
        emitted: Vec<Emission>,
        /// What is wrong with it besides, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
    },
    /// A total that is wrong, or that was not emitted.
    Total {
        /// In what way.
        class: Class,
        /// The key that was added up.
        key: String,
        /// What is wrong with it, for people.
        what: String,
        /// The partition of the input and the offset of the record that it is about; null where it is about none.
        sent: Option<(i32, i64)>,
        /// The record of the output that says so.
        emitted: Vec<Emission>,
    },
    /// A record of the output that is not a result of this workload.
    Stray {
        /// [`Class::Unexpected`].
        class: Class,
        /// The partition of the output.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        what: String,
    },
    /// What the workload's own program found wrong.
    Said {
        /// What it is about; null where it does not say.
        key: Option<String>,
        /// What is wrong, in its own words.
        what: String,
    },
}

impl Counterexample {
    /// A record of the output that is no result.
    #[must_use]
    pub fn of(stray: &Stray) -> Self {
        let Stray { partition, offset, what, .. } = stray.clone();
        Self::Stray { class: Class::Unexpected, partition, offset, what }
    }
}

/// A record of the output and the count that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Emission {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Records counted.
    pub count: u64,
    /// The figures over them, where the job gives some.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Emission {
    /// The emission that a record of the output is.
    #[must_use]
    pub fn of(emitted: &Emitted) -> Self {
        let Emitted { partition, offset, count, figures, .. } = *emitted;
        Self { partition, offset, count, figures }
    }

    /// A record that is one, and says no more.
    #[must_use]
    pub fn at(partition: i32, offset: i64) -> Self {
        Self { partition, offset, count: 1, figures: Figures::NONE }
    }

    /// Where it lies.
    #[must_use]
    pub fn place(&self) -> (i32, i64) {
        (self.partition, self.offset)
    }
}
