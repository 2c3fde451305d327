//! `window`: records are counted by key in windows of event time, with figures next to the count if the job gives some.

use serde::{Deserialize, Serialize};

use super::place::Fields;
use super::{ByRecord, Reader, Rule};
use crate::history::windowing::{Assigner, Windowing};

mod read;

/// What is added up where a file says so instead of naming a field.
const TIME_IN_WINDOW: &str = "time-in-window";
/// How many windows a record may belong to.
const MOST_WINDOWS: i64 = 1000;
/// How many decimals a sum may have: more than money has.
const MOST_DECIMALS: u32 = 6;
/// How long a window may be, in ms.
const LONGEST: i64 = 100 * 366 * 24 * 60 * 60 * 1000;

/// Counts by key and window of event time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// How long a window is, in ms of event time; each starts at a multiple of it, unless windows slide. None of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_ms: Option<i64>,
    /// From the start of one window to the start of the next, where they overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slide_ms: Option<i64>,
    /// Of sessions: how long no record of a key comes until its session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<i64>,
    /// How far the watermark stays behind the newest event time. With it, or with allowed lateness, a record that comes later
    /// may be left out; without, every record is to be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_orderness_ms: Option<i64>,
    /// How long after its end a window still takes records, and is emitted anew with each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_lateness_ms: Option<i64>,
    /// How many decimals the added numbers have; none for whole numbers. The sum that the job emits is rounded to them, since
    /// floating-point sums are slightly off, in whatever order they were added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
    /// Where a record of the input has what it is counted by.
    pub input: Counted,
    /// Where a record of the output has its result.
    pub output: Count,
}

/// What a record of the input is counted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Counted {
    /// The key.
    pub key: Fields,
    /// What type the key must have; a record with another is none of the workload, and skipped by the job as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<FieldType>,
    /// The event time.
    pub time: String,
    /// What type the event time must have, as `key-type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_type: Option<FieldType>,
    /// What is added up next to the count: a number, or `time-in-window`, how far the record falls into its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// The number whose least is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The number whose greatest is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The result for a key and a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Count {
    /// The key.
    pub key: Fields,
    /// The window's first ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The first ms after it; one of both is enough, but for sessions, and both must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How many records the job counted.
    pub count: String,
    /// What it added up next to the count; a record may leave it out, as all that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    /// JSON text.
    Text,
    /// A whole number.
    Number,
}

impl Rule for Window {
    fn name(&self) -> &'static str {
        "window"
    }

    fn check(&self) -> Result<(), String> {
        self.assigner()?;
        let waits =
            [("out-of-orderness-ms", self.out_of_orderness_ms), ("allowed-lateness-ms", self.allowed_lateness_ms)];
        for (name, ms) in waits {
            if let Some(ms) = ms.filter(|ms| *ms < 0) {
                return Err(format!("{name} is {ms}, and has to be at least 0"));
            }
        }
        let Self { input, output, .. } = self;
        if output.start.is_none() && output.end.is_none() {
            return Err(
                "output needs start or end, the place of the window's first ms, or of the first ms after it".to_owned()
            );
        }
        if self.gap_ms.is_some() && (output.start.is_none() || output.end.is_none()) {
            return Err("output needs start and end: a session may be of any length".to_owned());
        }
        let figures =
            [("sum", &input.sum, &output.sum), ("min", &input.min, &output.min), ("max", &input.max, &output.max)];
        for (name, asked, given) in figures {
            if asked.is_some() != given.is_some() {
                return Err(format!("{name} is given for one of input and output, and has to be for both or for none"));
            }
        }
        if self.adds_up_times() && (self.slide_ms.is_some() || self.gap_ms.is_some()) {
            return Err(format!("sum = \"{TIME_IN_WINDOW}\" is for windows that do not overlap: name a field"));
        }
        if let Some(decimals) = self.decimals.filter(|decimals| *decimals > MOST_DECIMALS) {
            return Err(format!("decimals is {decimals}, and has to be at most {MOST_DECIMALS}"));
        }
        if self.decimals.is_some() && (input.sum.is_none() || self.adds_up_times()) {
            return Err("decimals is for the numbers of a field that are added up, and sum names none".to_owned());
        }
        self.keys()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        Ok(Box::new(read::Windows::of(self)?))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        None
    }

    fn says(&self) -> String {
        let Self { input: Counted { key, time, .. }, length_ms, slide_ms, gap_ms, .. } = self;
        let windows = match (length_ms, slide_ms, gap_ms) {
            (_, _, Some(gap)) => format!("sessions with a gap of {gap} ms"),
            (Some(length), Some(slide), _) => format!("windows of {length} ms every {slide} ms"),
            (length, ..) => format!("windows of {} ms", length.unwrap_or_default()),
        };
        format!("counts of {key} in {windows}, by {time}")
    }
}

impl Window {
    /// Whether what it adds up is no field, but how far records fall into their windows: a checksum.
    #[must_use]
    pub fn adds_up_times(&self) -> bool {
        self.input.sum.as_deref() == Some(TIME_IN_WINDOW)
    }

    /// How its windows lie, and what it does with late records.
    #[must_use]
    pub fn windowing(&self) -> Windowing {
        let allowed_lateness_ms = self.allowed_lateness_ms.unwrap_or_default();
        let waits = self.out_of_orderness_ms.or(self.allowed_lateness_ms.map(|_| 0));
        Windowing {
            assigner: self.assigner().unwrap_or(Assigner::Tumbling { length: 1 }),
            waits_ms: waits.map(|ms| ms.saturating_add(allowed_lateness_ms)),
            allowed_lateness_ms,
        }
    }

    fn assigner(&self) -> Result<Assigner, String> {
        let Self { length_ms, slide_ms, gap_ms, .. } = *self;
        let given = [("length-ms", length_ms), ("slide-ms", slide_ms), ("gap-ms", gap_ms)];
        if let Some((name, Some(ms))) = given.into_iter().find(|(_, ms)| ms.is_some_and(|ms| ms < 1)) {
            return Err(format!("{name} is {ms}, and has to be at least 1"));
        }
        if let Some((name, Some(ms))) = given.into_iter().find(|(_, ms)| ms.is_some_and(|ms| ms > LONGEST)) {
            return Err(format!("{name} is {ms}, and has to be at most {LONGEST}, a hundred years"));
        }
        match (length_ms, slide_ms, gap_ms) {
            (None, None, Some(gap)) => Ok(Assigner::Session { gap }),
            (Some(length), None, None) => Ok(Assigner::Tumbling { length }),
            (Some(length), Some(slide), None) if slide > length => {
                Err(format!("slide-ms is {slide}, longer than a window of {length}: some records would belong to none"))
            }
            (Some(length), Some(slide), None) if length / slide > MOST_WINDOWS => Err(format!(
                "slide-ms is {slide}: each record would belong to {} windows; {MOST_WINDOWS} are supported",
                length / slide
            )),
            (Some(length), Some(slide), None) => Ok(Assigner::Sliding { length, slide }),
            (_, _, Some(_)) => Err("gap-ms is for sessions, which have no length-ms and no slide-ms".to_owned()),
            (None, ..) => Err("length-ms is missing: how long a window is; sessions have gap-ms instead".to_owned()),
        }
    }

    /// Both sides have to name a key by as many parts.
    fn keys(&self) -> Result<(), String> {
        Fields::check_both(&self.input.key, &self.output.key).map_err(|error| format!("key: {error}"))?;
        if self.input.key_type.is_some() && self.input.key.all().len() > 1 {
            return Err("key-type is for a key of a single part".to_owned());
        }
        Ok(())
    }
}
