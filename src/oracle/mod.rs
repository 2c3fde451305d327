//! Oracles: what is right of a job's output, given its input. Each has a file of its own, with what a workload's file says of
//! it, how records are read for it, and how they are judged; and a line in the list below.
//!
//! There are two kinds. [`window`] adds records up while they are read, as a topic may hold millions for each result, and
//! is judged by the [`ledger`](crate::ledger). All others are told each record, as
//! [`Records`](crate::history::traffic::Records), and keep a ledger of their own ([`ByRecord`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::history::What;
use crate::history::traffic::{Figures, Window};
use crate::kafka::record::Record;
use crate::ledger::Judgement;
use crate::settings::Delivery;

pub mod closing;
pub mod command;
pub mod condition;
pub mod each_once;
pub mod forbidden;
mod json;
pub mod line;
pub mod never;
mod passing;
mod place;
pub mod total;
pub mod window;

/// Makes [`Oracle`] of a list of variants and the modules that have them.
macro_rules! oracles {
    ($($(#[$doc:meta])* $variant:ident($rule:path)),+ $(,)?) => {
        /// What is right: how the output follows from the input.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[allow(clippy::large_enum_variant, reason = "a workload has one")]
        pub enum Oracle {
            $($(#[$doc])* $variant($rule),)+
        }

        impl Oracle {
            /// The rule that it is.
            #[must_use]
            pub fn rule(&self) -> &dyn Rule {
                match self {
                    $(Self::$variant(rule) => rule,)+
                }
            }
        }
    };
}

oracles! {
    /// Records are counted by key in windows of event time.
    Window(window::Window),
    /// Each record of the input appears in the output.
    EachOnce(each_once::EachOnce),
    /// Each record of the input adds to a total of its key, and the new total is emitted.
    Total(total::Total),
    /// Some records must not be emitted, whatever was sent.
    Never(never::Never),
    /// A program of the user's says what is right.
    Command(command::Command),
}

impl Oracle {
    /// As in a workload's file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    /// The window of one that has windows.
    #[must_use]
    pub fn window(&self) -> Option<&window::Window> {
        match self {
            Self::Window(window) => Some(window),
            _ => None,
        }
    }

    /// The command of one that asks a program.
    #[must_use]
    pub fn command(&self) -> Option<&command::Command> {
        match self {
            Self::Command(command) => Some(command),
            _ => None,
        }
    }

    /// The workload's file lies in this folder, which is what paths in it are relative to.
    pub fn lies_in(&mut self, folder: &Path) {
        if let Self::Command(command) = self {
            command.lies_in(folder);
        }
    }

    /// Whether what its file says can be meant.
    ///
    /// # Errors
    /// What cannot, in words for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        self.rule().check().and_then(|()| self.rule().reader().map(drop)).map_err(|error| self.about(&error))
    }

    /// A reader of the workload's records.
    ///
    /// # Errors
    /// What is wrong with a place that the workload names.
    pub fn reader(&self) -> Result<Box<dyn Reader>, String> {
        self.rule().reader().map_err(|error| self.about(&error))
    }

    fn about(&self, error: &str) -> String {
        format!("oracle.{}: {error}", self.name())
    }
}

/// What an oracle is, as a workload's file has it.
pub trait Rule {
    /// As in a workload's file.
    fn name(&self) -> &'static str;

    /// Whether what the file says can be meant.
    ///
    /// # Errors
    /// What cannot, in words for whoever wrote it.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// A reader of the workload's records.
    ///
    /// # Errors
    /// What is wrong with a place that the workload names.
    fn reader(&self) -> Result<Box<dyn Reader>, String>;

    /// An empty ledger for what the reader reads; none for what is added up by window.
    fn ledger(&self) -> Option<Box<dyn ByRecord>>;

    /// Whether its ledger cannot begin in the middle of the topics.
    fn needs_the_past(&self) -> bool {
        false
    }

    /// What it takes until a record of the input is decided.
    fn decided(&self) -> Decided {
        Decided::WhenEmitted
    }

    /// What it holds the output to, in a line for people.
    fn says(&self) -> String;

    /// What a pass proves, where not that no record was lost or counted twice.
    fn passes(&self) -> Option<String> {
        None
    }

    /// What is wrong with records of the output that are unexpected, where not that the input does not explain them.
    fn unexpected(&self) -> Option<&'static str> {
        None
    }
}

/// Reads a workload's records in the terms in which everything else speaks of them.
pub trait Reader: Debug + Send {
    /// What a record of the input needs, for a message.
    fn wanted(&self) -> String;

    /// Reads a record of the input; none when it is none of the workload.
    fn sent<'a>(&self, record: &Record<'a>) -> Option<Sent<'a>>;

    /// Reads a record of the output.
    ///
    /// # Errors
    /// What is wrong with one that is no result of the workload.
    fn emitted(&self, record: &Record<'_>) -> Result<Emitted, String>;
}

/// What a record of the input is.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent<'a> {
    /// One of those that are counted by key and window.
    Counted(Meaning<'a>),
    /// One that is judged for itself.
    Record(Entry<'a>),
    /// One of which nothing may come.
    Nothing,
}

/// A record that is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning<'a> {
    /// The key that the job groups it by.
    pub key: Cow<'a, str>,
    /// Its event time, in ms since the epoch.
    pub time: i64,
    /// The window that it falls into; of several, the last one; of a session, what it is alone.
    pub window: Window,
    /// What it is to the figures next to the count.
    pub figures: Figures,
}

/// A record that is judged for itself: what its oracle needs of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry<'a> {
    /// Its identity, or its key.
    pub key: Cow<'a, str>,
    /// The numbers of it that are judged; of every record equally many.
    pub numbers: Vec<f64>,
    /// What of it has to be the same in the input and in the output, where something has.
    pub content: Option<Cow<'a, str>>,
    /// The key whose records have to keep their order, where they have to.
    pub ordered_by: Option<Cow<'a, str>>,
}

/// What a record of the output says.
#[derive(Debug, Clone, PartialEq)]
pub enum Emitted {
    /// A count of a window.
    Count(Outcome),
    /// Anything else.
    Record(Entry<'static>),
    /// A record that must never be emitted.
    Forbidden {
        /// Its identity, where records have one.
        key: Option<String>,
        /// What is wrong with it.
        what: String,
    },
}

/// The result for a key and a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The key that the job groups it by.
    pub key: String,
    /// The window that it counts in.
    pub window: Window,
    /// The job's count.
    pub count: u64,
    /// The job's figures next to it, where it gives some.
    pub figures: Figures,
}

/// What it takes until a record of the input is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// What it leads to was emitted.
    WhenEmitted,
    /// The job's checkpoints cover it, whether or not anything was emitted: so the offsets have to be known that the job's
    /// consumer group commits, and what was lost on the way is not counted.
    ByCheckpoint,
}

/// A ledger that is told each record: its own books, over its own keys.
pub trait ByRecord: Debug + Send {
    /// Adds what was seen: what of it matters, only the ledger knows.
    fn add(&mut self, what: &What);

    /// The job was restored: what it wrote at these offsets of each partition of the output may appear once more.
    fn may_repeat(&mut self, written_since: Vec<Range<i64>>) {
        drop(written_since);
    }

    /// Records of the output were gone before they were read: from here on, nothing is known to be lost.
    fn output_is_cut(&mut self);

    /// How many records that the input held when the current step, or settling, began are neither answered nor known to be lost.
    fn due(&self) -> u64;

    /// Of one that decides nothing before its end: how many records the job has passed since both topics were read for the first
    /// time.
    fn passed(&self) -> Option<u64> {
        None
    }

    /// For each partition of the input, the offset before which the job's checkpoints cover it, as far as the ledger knows.
    fn covered(&self) -> BTreeMap<i32, i64> {
        BTreeMap::new()
    }

    /// How many records of the input did not appear, though the job's group has committed an offset behind them: of topics that
    /// are looked at without their job, that proves nothing, but is no sign that all is well.
    fn passed_over(&self) -> u64 {
        0
    }

    /// Judges what was read.
    fn judge(&self, delivery: Delivery) -> Judgement;

    /// Why what was read may not prove what it seems to, one sentence each; `record` is the workload's word for a record.
    fn doubts(&self, record: &str) -> Vec<String> {
        let _ = record;
        Vec::new()
    }
}
