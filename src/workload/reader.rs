//! Reads a workload's records in the terms in which everything else speaks of them: key, window, count and sum, or identity.

use std::borrow::Cow;

use super::excerpt::excerpt;
use super::json::{Places, Scalar, Values};
use super::model::{Condition, Count, Counted, EachOnce, KeyType, Oracle, Workload};
use crate::history::traffic::Window;

/// Times beyond this, before or after 1970, are of no workload: JSON's numbers are exact up to here only, and near the end of
/// an `i64` a window would have no end.
const LATEST: u64 = 1 << 53;
/// What is added up where a file says so instead of naming a field.
const TIME_IN_WINDOW: &str = "time-in-window";

/// Reads the records of one workload.
#[derive(Debug, Clone)]
pub struct Reader {
    input: Places,
    output: Places,
    /// As the places were asked for.
    wanted: Vec<String>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Window(Windows),
    EachOnce(Vec<Check>),
}

/// How windows are read, and at which of the values.
#[derive(Debug, Clone)]
struct Windows {
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

/// What a value must be for its record to count.
#[derive(Debug, Clone)]
struct Check {
    slot: usize,
    condition: Condition,
}

/// What a record of the input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent<'a> {
    /// One of those that are counted by key and window.
    Counted(Meaning<'a>),
    /// One that has to appear in the output under this identity.
    Each(Cow<'a, str>),
    /// One that must not appear there.
    Never,
}

/// A record that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning<'a> {
    /// The key that the job groups it by.
    pub key: Cow<'a, str>,
    /// Its event time, in ms since the epoch.
    pub time: i64,
    /// The window that it falls into.
    pub window: Option<Window>,
    /// What it adds to the window's sum, with wrap-around.
    pub checksum: u64,
}

/// What a record of the output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emitted {
    /// A count.
    Count(Outcome),
    /// That the record of this identity was processed.
    Each(String),
}

/// The result for a key and a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The key that the job groups it by.
    pub key: String,
    /// The window that it counts in.
    pub window: Option<Window>,
    /// The job's count.
    pub count: u64,
    /// The job's sum, where it gives one.
    pub checksum: Option<u64>,
}

impl Reader {
    /// A reader of a workload's records.
    ///
    /// # Errors
    /// What is wrong with a place that the workload names.
    pub fn of(workload: &Workload) -> Result<Self, String> {
        match &workload.oracle {
            Oracle::Window(window) => Self::of_windows(window.length_ms, &window.input, &window.output),
            Oracle::EachOnce(each) => Self::of_identities(each),
        }
        .map_err(|error| format!("oracle.{}: {error}", workload.oracle.name()))
    }

    fn of_windows(length: i64, input: &Counted, output: &Count) -> Result<Self, String> {
        let mut sent = vec![input.key.as_str(), input.time.as_str()];
        let adds = match input.sum.as_deref() {
            None => Adds::Nothing,
            Some(TIME_IN_WINDOW) => Adds::TimeInWindow,
            Some(field) => Adds::Field(place(&mut sent, field)),
        };
        let mut emitted = vec![output.key.as_str(), output.count.as_str()];
        let [start, end, sum] = [&output.start, &output.end, &output.sum]
            .map(|field| field.as_deref().map(|field| place(&mut emitted, field)));
        let windows = Windows { length, key_type: input.key_type, adds, start, end, sum };
        Ok(Self {
            input: Places::of(&sent)?,
            output: Places::of(&emitted)?,
            wanted: sent.into_iter().map(str::to_owned).collect(),
            kind: Kind::Window(windows),
        })
    }

    fn of_identities(each: &EachOnce) -> Result<Self, String> {
        let mut sent = vec![each.input.as_str()];
        let mut checks = Vec::new();
        for condition in &each.only {
            let known = sent.iter().position(|known| *known == condition.field);
            let slot = known.unwrap_or_else(|| place(&mut sent, &condition.field));
            checks.push(Check { slot, condition: condition.clone() });
        }
        Ok(Self {
            input: Places::of(&sent)?,
            output: Places::of(&[&each.output])?,
            wanted: sent.into_iter().map(str::to_owned).collect(),
            kind: Kind::EachOnce(checks),
        })
    }

    /// What a record of the input needs, for a message.
    #[must_use]
    pub fn wanted(&self) -> String {
        let fields = self.wanted.join(", ");
        match &self.kind {
            Kind::Window(_) => format!("it needs a key, an event time in ms and what is added up, at {fields}"),
            Kind::EachOnce(_) => format!("it needs an identity, and what is asked of it, at {fields}"),
        }
    }

    /// Reads a record of the input; none when it is none of the workload.
    #[must_use]
    pub fn sent<'a>(&self, payload: &'a [u8]) -> Option<Sent<'a>> {
        let mut values = self.input.read(payload)?;
        match &self.kind {
            Kind::Window(windows) => windows.sent(&mut values).map(Sent::Counted),
            Kind::EachOnce(checks) => {
                let counts = checks.iter().map(|check| check.holds(&values)).collect::<Option<Vec<bool>>>()?;
                let identity = text(values[0].take()?)?;
                Some(if counts.into_iter().all(|holds| holds) { Sent::Each(identity) } else { Sent::Never })
            }
        }
    }

    /// Reads a record of the output.
    ///
    /// # Errors
    /// What is wrong with one that is no result of the workload.
    pub fn emitted(&self, payload: &[u8]) -> Result<Emitted, String> {
        let values = self.output.read(payload);
        match &self.kind {
            Kind::Window(windows) => {
                let count = values.as_ref().and_then(|values| windows.count(values));
                let (key, start, end, count, checksum) =
                    count.ok_or_else(|| format!("{} is not a window count", excerpt(payload)))?;
                let window = windows.window(start, end)?;
                Ok(Emitted::Count(Outcome { key, window: Some(window), count, checksum }))
            }
            Kind::EachOnce(_) => {
                let identity = values.and_then(|mut values| text(values[0].take()?).map(Cow::into_owned));
                identity.map(Emitted::Each).ok_or_else(|| format!("{} has no identity", excerpt(payload)))
            }
        }
    }
}

/// The place of a field among those that are asked for.
fn place<'a>(fields: &mut Vec<&'a str>, field: &'a str) -> usize {
    fields.push(field);
    fields.len() - 1
}

/// A value as a key or an identity; none of null.
fn text(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    match value {
        Scalar::Text(text) => Some(text),
        other => other.as_text().map(|text| Cow::Owned(text.into_owned())),
    }
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
    fn sent<'a>(&self, values: &mut Values<'a>) -> Option<Meaning<'a>> {
        let time = time(values[1].as_ref())?;
        let start = time - time.rem_euclid(self.length);
        let checksum = match self.adds {
            Adds::Nothing => 0,
            Adds::TimeInWindow => (time - start).unsigned_abs(),
            Adds::Field(slot) => sum(values[slot].as_ref())?,
        };
        let key = text(values[0].take().filter(|key| self.takes(key))?)?;
        Some(Meaning { key, time, window: Some(Window { start, end: start + self.length }), checksum })
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

    fn window(&self, start: Option<i64>, end: Option<i64>) -> Result<Window, String> {
        let length = self.length;
        let first = start.or(end.map(|end| end - length)).unwrap_or_default();
        let after = end.unwrap_or(first + length);
        if first.rem_euclid(length) == 0 && first + length == after {
            Ok(Window { start: first, end: after })
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

impl Check {
    /// Whether the record has to appear; none where it lacks the field.
    fn holds(&self, values: &Values<'_>) -> Option<bool> {
        let value = values[self.slot].as_ref()?;
        let Condition { above, below, is, is_not, .. } = &self.condition;
        let number = match value {
            #[allow(clippy::cast_precision_loss, reason = "compared with a number of a file")]
            Scalar::Integer(number) => Some(*number as f64),
            Scalar::Number(number) => Some(*number),
            _ => None,
        };
        let text = value.as_text();
        let text = text.as_deref().unwrap_or("null");
        let holds_above = above.is_none_or(|above| number.is_some_and(|number| number > above));
        let holds_below = below.is_none_or(|below| number.is_some_and(|number| number < below));
        let holds_is = is.as_ref().is_none_or(|is| text == is);
        let holds_is_not = is_not.as_ref().is_none_or(|is_not| text != is_not);
        Some(holds_above && holds_below && holds_is && holds_is_not)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{catalog, parse};

    fn clicks() -> Reader {
        Reader::of(&catalog::find(catalog::USUAL).unwrap()).unwrap()
    }

    fn orders(only: &str) -> Reader {
        let text = format!(
            "name = \"orders\"\npurpose = \"x\"\njob = {{ name = \"Orders\" }}\ninput = {{ topic = \"orders\" }}\n\
             output = {{ topic = \"accepted\" }}\n[oracle.each-once]\ninput = \"/id\"\noutput = \"/order/id\"\nwhere = [{only}]\n"
        );
        Reader::of(&parse::workload("orders.toml", &text).unwrap()).unwrap()
    }

    #[test]
    fn a_click_is_its_page_its_window_and_its_place_in_it() {
        let Some(Sent::Counted(click)) = clicks().sent(br#"{"timestamp":15015,"page":"/cart"}"#) else { panic!() };
        assert_eq!((click.key.as_ref(), click.checksum), ("/cart", 15));
        assert_eq!(click.window, Some(Window { start: 15_000, end: 30_000 }));
        assert_eq!(clicks().sent(b"hello"), None);
    }

    #[test]
    fn a_count_may_come_without_a_sum() {
        let read = |json: &str| match clicks().emitted(json.as_bytes()).unwrap() {
            Emitted::Count(outcome) => outcome,
            Emitted::Each(_) => panic!("no count"),
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

    #[test]
    fn what_must_appear_and_what_must_not_is_told_apart() {
        let reader = orders("{ field = \"/amount\", above = 0 }, { field = \"/state\", is-not = \"void\" }");
        let sent = |json: &'static str| reader.sent(json.as_bytes());
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"open"}"#), Some(Sent::Each("17".into())));
        assert_eq!(sent(r#"{"id":17,"amount":0,"state":"open"}"#), Some(Sent::Never));
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"void"}"#), Some(Sent::Never));
        assert_eq!(sent(r#"{"id":17,"state":"open"}"#), None, "what is asked of it is not there");
        assert_eq!(sent(r#"{"id":null,"amount":1,"state":"open"}"#), None);
        assert_eq!(reader.emitted(br#"{"order":{"id":"a-7"}}"#), Ok(Emitted::Each("a-7".to_owned())));
        assert!(reader.emitted(b"{}").unwrap_err().ends_with("has no identity"));
    }

    /// Time and key of a click.
    fn click(payload: &[u8]) -> Option<(i64, String)> {
        match clicks().sent(payload)? {
            Sent::Counted(record) => Some((record.time, record.key.into_owned())),
            Sent::Each(_) | Sent::Never => None,
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
