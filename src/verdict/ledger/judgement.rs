//! What a ledger comes to.

use serde::{Deserialize, Serialize};

use super::page::Window;
use crate::settings::Delivery;
use crate::verdict::Outcome;

/// What became of a page's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Emitted once, with the count that `input` has.
    Complete,
    /// Emitted more than once, each time with the count that `input` has.
    Duplicate,
    /// Emitted with a count that is too low: clicks were lost.
    Short,
    /// Emitted with a count that is too high: clicks were counted twice.
    Over,
    /// Emitted with different counts.
    Conflicting,
    /// Closed, and nothing was emitted: all its clicks were lost.
    Missing,
    /// Emitted, but `input` has no such window; or a record of `output` that is no count of a window at all.
    Unexpected,
    /// Nothing emitted yet, and the window may still be open.
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

    /// Whether it speaks against a pass.
    #[must_use]
    pub fn is_wrong(self, delivery: Delivery) -> bool {
        match self {
            Self::Complete | Self::Undecided => false,
            Self::Duplicate => delivery == Delivery::ExactlyOnce,
            Self::Short | Self::Over | Self::Conflicting | Self::Missing | Self::Unexpected => true,
        }
    }
}

/// How many windows (of one page each) are of each class; `unexpected` counts stray records as well.
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

    /// Windows of `input` that are decided, one way or the other.
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

    /// How many are against a pass.
    #[must_use]
    pub fn wrong(&self, delivery: Delivery) -> u64 {
        Class::ALL.into_iter().filter(|class| class.is_wrong(delivery)).map(|class| self.of(class)).sum()
    }

    /// Fail for anything wrong; unknown when nothing was decided.
    #[must_use]
    pub fn outcome(&self, delivery: Delivery) -> Outcome {
        if self.wrong(delivery) > 0 {
            Outcome::Fail
        } else if self.judged() == 0 {
            Outcome::Unknown
        } else {
            Outcome::Pass
        }
    }
}

/// Windows and clicks, added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) clicks_expected: u64,
    pub(super) clicks_lost: u64,
    pub(super) clicks_counted_twice: u64,
}

impl Tally {
    /// Adds a window, given whether it is closed. Returns its class.
    pub(super) fn add(&mut self, window: &Window, closed: bool) -> Class {
        let class = window.class(closed);
        *self.counts.of_mut(class) += 1;
        match class {
            Class::Undecided | Class::Unexpected => {}
            Class::Missing => {
                self.clicks_expected += window.clicks;
                self.clicks_lost += window.clicks;
            }
            _ => {
                self.clicks_expected += window.clicks;
                self.clicks_lost += window.clicks.saturating_sub(window.counted());
                self.clicks_counted_twice += window.counted().saturating_sub(window.clicks);
            }
        }
        class
    }

    /// Adds another tally.
    pub(super) fn include(&mut self, other: &Self) {
        for class in Class::ALL {
            *self.counts.of_mut(class) += other.counts.of(class);
        }
        self.clicks_expected += other.clicks_expected;
        self.clicks_lost += other.clicks_lost;
        self.clicks_counted_twice += other.clicks_counted_twice;
    }

    /// The same as a judgement.
    pub(super) fn judgement(self, delivery: Delivery, counterexamples: Vec<Counterexample>) -> Judgement {
        Judgement {
            outcome: self.counts.outcome(delivery),
            delivery,
            counts: self.counts,
            windows_judged: self.counts.judged(),
            clicks_expected: self.clicks_expected,
            clicks_lost: self.clicks_lost,
            clicks_counted_twice: self.clicks_counted_twice,
            counterexamples_total: self.counts.wrong(delivery),
            counterexamples,
        }
    }
}

/// A ledger, judged. Its fields are the documented JSON of `verify` and of `scenario`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Pass, fail or unknown.
    pub outcome: Outcome,
    /// What was allowed: at-least-once may emit a window again.
    pub delivery: Delivery,
    /// A count for each class.
    #[serde(flatten)]
    pub counts: Counts,
    /// Windows of `input` that are decided.
    pub windows_judged: u64,
    /// Clicks that `input` has in these windows.
    pub clicks_expected: u64,
    /// Clicks of `input` that the counts lack. Of conflicting counts the one in the newest record counts, as it would
    /// for a reader that overwrites.
    pub clicks_lost: u64,
    /// Clicks that the counts have beyond those of `input`; conflicting counts as above.
    pub clicks_counted_twice: u64,
    /// How many counterexamples there are.
    pub counterexamples_total: u64,
    /// The first of them in event time, then stray records.
    pub counterexamples: Vec<Counterexample>,
}

impl Judgement {
    /// Windows that are open at rest, of all pages: the one under way, those that the watermark has not passed, and
    /// those whose counts are on their way.
    const OPEN_AT_REST: u64 = 30;

    /// Whether more windows are open than there are while the job keeps up with its input.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.counts.undecided > Self::OPEN_AT_REST
    }

    /// The outcome for all that was clicked until now: a job that is far behind, or dead, has proved nothing of what it
    /// has not come to.
    #[must_use]
    pub fn outcome_until_now(&self) -> Outcome {
        if self.is_behind() { self.outcome.max(Outcome::Unknown) } else { self.outcome }
    }
}

/// Evidence against a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Counterexample {
    /// A window that is wrong.
    Window {
        /// In what way.
        class: Class,
        /// The page.
        page: String,
        /// First ms of the window, since the epoch of event time.
        window_start: i64,
        /// First ms after the window.
        window_end: i64,
        /// Clicks that `input` has in it.
        expected: u64,
        /// How often it was emitted.
        emitted: u64,
        /// The first records that say so, by offset; those of very old windows are not kept.
        records: Vec<Emission>,
    },
    /// A record of `output` that is no count of a window of this workload.
    Stray {
        /// [`Class::Unexpected`].
        class: Class,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        what: String,
    },
}

/// A record of `output` and the count that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Emission {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Clicks counted.
    pub count: u64,
}
