//! `window`: records are counted by key in tumbling windows of event time, with a sum next to the count if the job gives one.

use serde::{Deserialize, Serialize};

use super::json::{Places, Scalar, Values};
use super::{ByRecord, Emitted, Meaning, Outcome, Reader, Rule, Sent};
use crate::history::traffic::Window as Span;
use crate::workload::excerpt::excerpt;

/// Times beyond this, before or after 1970, are of no workload: JSON's numbers are exact up to here only, and near the end of
/// an `i64` a window would have no end.
const LATEST: u64 = 1 << 53;
/// What is added up where a file says so instead of naming a field.
const TIME_IN_WINDOW: &str = "time-in-window";

/// Counts by key and tumbling window of event time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// How long a window is, in ms of event time; each starts at a multiple of it.
    pub length_ms: i64,
    /// Where a record of the input has what it is counted by.
    pub input: Counted,
    /// Where a record of the output has its result.
    pub output: Count,
}

/// What a record of the input is counted by. Places are JSON pointers into its value, as in `/user/id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Counted {
    /// The key.
    pub key: String,
    /// What type the key must have; a record with another is none of the workload, and skipped by the job as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<KeyType>,
    /// The event time, in ms since the epoch.
    pub time: String,
    /// What is added up next to the count: a whole number, or `time-in-window`, how far the record falls into its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// The result for a key and a window. Places are JSON pointers into its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Count {
    /// The key.
    pub key: String,
    /// The window's first ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The first ms after it; one of both is enough, and both must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How many records the job counted.
    pub count: String,
    /// What it added up next to the count; a record may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// The type of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
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
        if self.length_ms < 1 {
            return Err(format!("length-ms is {}, and has to be at least 1", self.length_ms));
        }
        if self.output.start.is_none() && self.output.end.is_none() {
            return Err(
                "output needs start or end, the place of the window's first ms, or of the first ms after it".to_owned()
            );
        }
        if self.input.sum.is_some() != self.output.sum.is_some() {
            return Err("sum is given for one of input and output, and has to be for both or for none".to_owned());
        }
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        let (input, output) = (&self.input, &self.output);
        let mut sent = vec![input.key.as_str(), input.time.as_str()];
        let adds = match input.sum.as_deref() {
            None => Adds::Nothing,
            Some(TIME_IN_WINDOW) => Adds::TimeInWindow,
            Some(field) => Adds::Field(place(&mut sent, field)),
        };
        let mut emitted = vec![output.key.as_str(), output.count.as_str()];
        let [start, end, sum] = [&output.start, &output.end, &output.sum]
            .map(|field| field.as_deref().map(|field| place(&mut emitted, field)));
        let wanted = sent.join(", ");
        let (input_places, output_places) = (Places::of(&sent)?, Places::of(&emitted)?);
        let (length, key_type) = (self.length_ms, input.key_type);
        Ok(Box::new(Windows {
            input: input_places,
            output: output_places,
            wanted,
            length,
            key_type,
            adds,
            start,
            end,
            sum,
        }))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        None
    }

    fn says(&self) -> String {
        format!("counts of {} in windows of {} ms, by {}", self.input.key, self.length_ms, self.input.time)
    }
}

/// How windows are read, and at which of the values.
#[derive(Debug, Clone)]
struct Windows {
    input: Places,
    output: Places,
    /// The places of the input, as they were asked for.
    wanted: String,
    length: i64,
    key_type: Option<KeyType>,
    adds: Adds,
    start: Option<usize>,
    end: Option<usize>,
    sum: Option<usize>,
}

/// What a record adds to its window's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adds {
    Nothing,
    TimeInWindow,
    /// The value at this place.
    Field(usize),
}

impl Reader for Windows {
    fn wanted(&self) -> String {
        format!("it needs a key, an event time in ms and what is added up, at {}", self.wanted)
    }

    fn sent<'a>(&self, payload: &'a [u8]) -> Option<Sent<'a>> {
        let mut values = self.input.read(payload)?;
        self.meaning(&mut values).map(Sent::Counted)
    }

    fn emitted(&self, payload: &[u8]) -> Result<Emitted, String> {
        let values = self.output.read(payload);
        let count = values.as_ref().and_then(|values| self.count(values));
        let (key, start, end, count, checksum) =
            count.ok_or_else(|| format!("{} is not a window count", excerpt(payload)))?;
        let window = self.window(start, end)?;
        Ok(Emitted::Count(Outcome { key, window: Some(window), count, checksum }))
    }
}

/// The place of a field among those that are asked for.
fn place<'a>(fields: &mut Vec<&'a str>, field: &'a str) -> usize {
    fields.push(field);
    fields.len() - 1
}

fn time(value: Option<&Scalar<'_>>) -> Option<i64> {
    match value? {
        Scalar::Integer(time) if time.unsigned_abs() < LATEST => Some(*time),
        _ => None,
    }
}

fn count(value: Option<&Scalar<'_>>) -> Option<u64> {
    match value? {
        Scalar::Integer(count) => u64::try_from(*count).ok(),
        _ => None,
    }
}

/// What is added up wraps around, so a negative number is as good as any.
fn sum(value: Option<&Scalar<'_>>) -> Option<u64> {
    match value? {
        Scalar::Integer(sum) => Some(sum.cast_unsigned()),
        _ => None,
    }
}

impl Windows {
    fn meaning<'a>(&self, values: &mut Values<'a>) -> Option<Meaning<'a>> {
        let time = time(values[1].as_ref())?;
        let start = time - time.rem_euclid(self.length);
        let checksum = match self.adds {
            Adds::Nothing => 0,
            Adds::TimeInWindow => (time - start).unsigned_abs(),
            Adds::Field(slot) => sum(values[slot].as_ref())?,
        };
        let key = values[0].take().filter(|key| self.takes(key))?.into_text()?;
        Some(Meaning { key, time, window: Some(Span { start, end: start + self.length }), checksum })
    }

    fn takes(&self, key: &Scalar<'_>) -> bool {
        match self.key_type {
            None => true,
            Some(KeyType::Text) => matches!(key, Scalar::Text(_)),
            Some(KeyType::Number) => matches!(key, Scalar::Integer(_)),
        }
    }

    /// Key, start, end, count and sum of a record of the output.
    #[allow(clippy::type_complexity, reason = "taken apart where it is made")]
    fn count(&self, values: &Values<'_>) -> Option<(String, Option<i64>, Option<i64>, u64, Option<u64>)> {
        let at = |slot: Option<usize>| slot.map(|slot| time(values[slot].as_ref()).ok_or(()));
        let (start, end) = (at(self.start).transpose().ok()?, at(self.end).transpose().ok()?);
        let key = values[0].as_ref().filter(|key| self.takes(key))?.as_text()?.into_owned();
        // Other jobs may leave it out.
        let checksum = match self.sum.and_then(|slot| values[slot].as_ref()) {
            None | Some(Scalar::Null) => None,
            given => Some(sum(given)?),
        };
        Some((key, start, end, count(values[1].as_ref())?, checksum))
    }

    fn window(&self, start: Option<i64>, end: Option<i64>) -> Result<Span, String> {
        let length = self.length;
        let first = start.or(end.map(|end| end - length)).unwrap_or_default();
        let after = end.unwrap_or(first + length);
        if first.rem_euclid(length) == 0 && first + length == after {
            Ok(Span { start: first, end: after })
        } else {
            let length = seconds(length);
            Err(format!("not a window of {length}: from {first} to {after} ms"))
        }
    }
}

/// As in `15 s` or `250 ms`.
fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::catalog;

    fn clicks() -> Box<dyn Reader> {
        catalog::usual().unwrap().oracle.reader().unwrap()
    }

    #[test]
    fn a_click_is_its_page_its_window_and_its_place_in_it() {
        let Some(Sent::Counted(click)) = clicks().sent(br#"{"timestamp":15015,"page":"/cart"}"#) else { panic!() };
        assert_eq!((click.key.as_ref(), click.checksum), ("/cart", 15));
        assert_eq!(click.window, Some(Span { start: 15_000, end: 30_000 }));
        assert_eq!(clicks().sent(b"hello"), None);
    }

    #[test]
    fn a_count_may_come_without_a_sum() {
        let read = |json: &str| match clicks().emitted(json.as_bytes()).unwrap() {
            Emitted::Count(outcome) => outcome,
            Emitted::Record(_) | Emitted::Forbidden { .. } => panic!("no count"),
        };
        let plain = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7}"#);
        assert_eq!((plain.count, plain.checksum), (7, None));
        let summed = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7,"checksum":99}"#);
        assert_eq!(summed.checksum, Some(99));
    }

    #[test]
    fn a_record_that_is_no_count_says_why() {
        let why = |payload: &str| clicks().emitted(payload.as_bytes()).unwrap_err();
        assert_eq!(why("{oops"), "'{oops' is not a window count");
        assert!(why(r#"[0,15000,"/help",1,0]"#).ends_with("is not a window count"));
        let no_window = "not a window of 15 s: from 5 to 15005 ms";
        assert_eq!(why(r#"{"windowStart":5,"windowEnd":15005,"page":"/help","count":1}"#), no_window);
        let far = r#"{"windowStart":9223372036854765000,"windowEnd":0,"page":"/help","count":1}"#;
        assert!(why(far).ends_with("is not a window count"), "{}", why(far));
    }

    /// Time and key of a click.
    fn click(payload: &[u8]) -> Option<(i64, String)> {
        match clicks().sent(payload)? {
            Sent::Counted(record) => Some((record.time, record.key.into_owned())),
            Sent::Record(_) | Sent::Nothing => None,
        }
    }

    /// A byte that a line of text cannot hold is written as % and its two digits.
    fn bytes(text: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((&first, more)) = rest.split_first() {
            rest = more;
            if first == b'%' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            } else {
                bytes.push(first);
            }
        }
        bytes
    }

    #[test]
    fn what_is_a_click_is_said_in_the_table_that_the_job_is_held_to() {
        let table = include_str!("../../docker/flink/job/src/test/resources/clicks.tsv");
        let rows: Vec<_> = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(rows.len() > 80);
        for row in rows {
            let (expected, payload) = row.split_once('\t').unwrap();
            let read = click(&bytes(payload)).map_or("-".to_owned(), |(time, page)| format!("{time} {page}"));
            assert_eq!(read.as_bytes(), bytes(expected), "{row}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_limited() {
        let fields = [
            format!(r#""x":{}"#, "1".repeat(2000)),
            format!(r#""x":{}{}"#, "[".repeat(2000), "]".repeat(2000)),
            format!(r#""x":"{}""#, "x".repeat(100_000)),
            format!(r#""{}":1"#, "x".repeat(100_000)),
        ];
        for field in fields {
            let json = format!(r#"{{"timestamp":15,{field},"page":"/shop"}}"#);
            assert_eq!(click(json.as_bytes()), Some((15, "/shop".to_owned())));
        }
    }
}
