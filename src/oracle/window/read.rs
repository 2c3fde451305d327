//! Reads the records of a job that counts by window.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{FieldType, TIME_IN_WINDOW, Window};
use crate::history::traffic::{Figures, Window as Span};
use crate::history::windowing::Assigner;
use crate::kafka::record::Record;
use crate::oracle::place::{Key, Places, Scalar, Values, slot};
use crate::oracle::{Emitted, Meaning, Outcome, Reader, Sent};
use crate::workload::excerpt::excerpt;

/// Times beyond this, before or after 1970, are of no workload: JSON's numbers are exact up to here only, and near the end of
/// an `i64` a window would have no end.
const LATEST: u64 = 1 << 53;
/// A number with decimals is taken up to here, in units of its last one: 2^46.
const MOST_UNITS: f64 = 70_368_744_177_664.0;

/// How windows are read, and at which of the values.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    assigner: Assigner,
    key_type: Option<FieldType>,
    time_type: Option<FieldType>,
    /// Of what is added up.
    decimals: u32,
    /// The places of the input, as they were asked for.
    wanted: String,
    input: Input,
    output: Output,
}

#[derive(Debug, Clone)]
struct Input {
    places: Places,
    key: Key,
    time: usize,
    adds: Adds,
    min: Option<usize>,
    max: Option<usize>,
}

#[derive(Debug, Clone)]
struct Output {
    places: Places,
    key: Key,
    start: Option<usize>,
    end: Option<usize>,
    count: usize,
    sum: Option<usize>,
    min: Option<usize>,
    max: Option<usize>,
}

/// What a record adds to its window's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adds {
    Nothing,
    TimeInWindow,
    /// The value at this place.
    Field(usize),
}

impl Windows {
    /// Of a rule.
    pub(super) fn of(rule: &Window) -> Result<Self, String> {
        let mut asked = Vec::new();
        let (key, time) = (rule.input.key.key(&mut asked), slot(&mut asked, &rule.input.time));
        let adds = match rule.input.sum.as_deref() {
            None => Adds::Nothing,
            Some(TIME_IN_WINDOW) => Adds::TimeInWindow,
            Some(field) => Adds::Field(slot(&mut asked, field)),
        };
        let [min, max] =
            [&rule.input.min, &rule.input.max].map(|field| field.as_deref().map(|it| slot(&mut asked, it)));
        let wanted = asked.join(", ");
        let input = Input { places: Places::of(&asked)?, key, time, adds, min, max };
        let (given, mut asked) = (&rule.output, Vec::new());
        let (key, count) = (given.key.key(&mut asked), slot(&mut asked, &given.count));
        let [start, end, sum, min, max] = [&given.start, &given.end, &given.sum, &given.min, &given.max]
            .map(|field| field.as_deref().map(|it| slot(&mut asked, it)));
        let output = Output { places: Places::of(&asked)?, key, start, end, count, sum, min, max };
        let (key_type, time_type) = (rule.input.key_type, rule.input.time_type);
        let decimals = rule.decimals.unwrap_or_default();
        Ok(Self { assigner: rule.assigner()?, key_type, time_type, decimals, wanted, input, output })
    }

    fn meaning<'a>(&self, values: &Values<'a>) -> Option<Meaning<'a>> {
        let Input { key, time: at, adds, min, max, .. } = &self.input;
        let time = values[*at].as_ref().filter(|time| is_of(self.time_type, time));
        let time = self::time(time)?;
        let window = self.assigner.last(time);
        let checksum = match adds {
            Adds::Nothing => None,
            Adds::TimeInWindow => Some((time - window.start).unsigned_abs()),
            // Of null, SQL counts the record and adds nothing.
            Adds::Field(slot) if matches!(values[*slot], Some(Scalar::Null)) => None,
            Adds::Field(slot) => Some(self.added(values[*slot].as_ref()?)?),
        };
        let number = |slot: &Option<usize>| match slot.map(|slot| &values[slot]) {
            None | Some(Some(Scalar::Null)) => Ok(None),
            Some(value) => number(value.as_ref()).ok_or(()).map(Some),
        };
        let figures = Figures { checksum, min: number(min).ok()?, max: number(max).ok()? };
        Some(Meaning { key: self.takes(key, values).then(|| key.text(values))??, time, window, figures })
    }

    fn takes(&self, key: &Key, values: &Values<'_>) -> bool {
        self.key_type.is_none() || key.scalar(values).is_some_and(|key| is_of(self.key_type, key))
    }

    /// A result, with the start and the end of its window as far as they are given.
    fn count(&self, values: &Values<'_>) -> Option<(Outcome, Option<i64>, Option<i64>)> {
        let Output { key, start, end, count: counted, sum: added, min, max, .. } = &self.output;
        let at = |slot: &Option<usize>| slot.map(|slot| time(values[slot].as_ref()).ok_or(())).transpose().ok();
        let (start, end) = (at(start)?, at(end)?);
        // Other jobs may leave figures out.
        let given = |slot: &Option<usize>| {
            slot.and_then(|slot| values[slot].as_ref()).filter(|value| !matches!(value, Scalar::Null))
        };
        let number = |slot: &Option<usize>| given(slot).map(|value| number(Some(value)).ok_or(())).transpose().ok();
        let checksum = given(added).map(|value| self.sum(value).ok_or(())).transpose().ok()?;
        let figures = Figures { checksum, min: number(min)?, max: number(max)? };
        let key = self.takes(key, values).then(|| key.text(values))??.into_owned();
        let count = count(values[*counted].as_ref())?;
        Some((Outcome { key, window: Span::ALWAYS, count, figures }, start, end))
    }

    /// What a record adds to the sum, in units of its last decimal. A sum wraps around, so a negative number is as good as any.
    fn added(&self, value: &Scalar<'_>) -> Option<u64> {
        if self.decimals == 0 {
            return whole(value).map(i64::cast_unsigned);
        }
        // What is nearest to a number with so many decimals is that much nearer than one with more of them. Beyond this, a
        // floating-point number no longer tells.
        let exact = self.in_units(value).filter(|exact| exact.abs() < MOST_UNITS)?;
        let is_one = (exact - exact.round()).abs() <= exact.abs().max(1.0) * 4.0 * f64::EPSILON;
        whole(&Scalar::Number(exact.round())).filter(|_| is_one).map(i64::cast_unsigned)
    }

    /// The sum that a job gives, in the same units.
    fn sum(&self, value: &Scalar<'_>) -> Option<u64> {
        if self.decimals == 0 {
            return self.added(value);
        }
        whole(&Scalar::Number(self.in_units(value)?.round())).map(i64::cast_unsigned)
    }

    fn in_units(&self, value: &Scalar<'_>) -> Option<f64> {
        number(Some(value)).map(|number| number * 10_f64.powi(self.decimals.cast_signed()))
    }

    fn window(&self, start: Option<i64>, end: Option<i64>) -> Result<Span, String> {
        let (length, which) = match self.assigner {
            Assigner::Tumbling { length } => (length, format!("window of {}", seconds(length))),
            Assigner::Sliding { length, slide } => {
                (length, format!("window of {} that starts at a multiple of {}", seconds(length), seconds(slide)))
            }
            Assigner::Session { gap } => (gap, format!("session with a gap of {}", seconds(gap))),
        };
        let start = start.or(end.map(|end| end - length)).unwrap_or_default();
        let end = end.unwrap_or(start + length);
        let window = Span { start, end };
        if self.assigner.is_one(window) { Ok(window) } else { Err(format!("not a {which}: from {start} to {end} ms")) }
    }
}

impl Reader for Windows {
    fn wanted(&self) -> String {
        format!("it needs a key, an event time in ms and what is added up, at {}", self.wanted)
    }

    fn sent<'a>(&self, record: &Record<'a>) -> Option<Sent<'a>> {
        let mut values = Values::default();
        self.input.places.read(record, &mut values)?;
        self.meaning(&values).map(Sent::Counted)
    }

    fn emitted(&self, record: &Record<'_>) -> Result<Emitted, String> {
        let mut values = Values::default();
        let read = self.output.places.read(record, &mut values).and_then(|()| self.count(&values));
        let (outcome, start, end) = read.ok_or_else(|| format!("{} is not a window count", excerpt(record.payload)))?;
        Ok(Emitted::Count(Outcome { window: self.window(start, end)?, ..outcome }))
    }
}

fn is_of(asked: Option<FieldType>, value: &Scalar<'_>) -> bool {
    match asked {
        None => true,
        Some(FieldType::Text) => matches!(value, Scalar::Text(_)),
        Some(FieldType::Number) => matches!(value, Scalar::Integer(_)),
    }
}

/// A time in ms since the epoch: as a number, or as SQL and ISO 8601 write it, in UTC where no zone is given.
fn time(value: Option<&Scalar<'_>>) -> Option<i64> {
    let time = match value? {
        Scalar::Integer(time) => *time,
        Scalar::Text(text) => written(text)?,
        Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null => return None,
    };
    (time.unsigned_abs() < LATEST).then_some(time)
}

fn written(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let local: DateTime = text.parse().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp().as_millisecond())
}

fn count(value: Option<&Scalar<'_>>) -> Option<u64> {
    u64::try_from(whole(value?)?).ok()
}

/// A whole number, also where it is written as `45.0`, as SQL writes those that it has as DOUBLE.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "whole, and exact up to 2^53")]
fn whole(value: &Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Integer(number) => Some(*number),
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() < LATEST as f64 => Some(*number as i64),
        _ => None,
    }
}

fn number(value: Option<&Scalar<'_>>) -> Option<f64> {
    value?.as_number().filter(|number| number.is_finite())
}

/// As in `15 s` or `250 ms`.
fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Rule as _;
    use crate::workload::catalog;

    fn clicks() -> Box<dyn Reader> {
        catalog::usual().unwrap().oracle.reader().unwrap()
    }

    #[test]
    fn a_click_is_its_page_its_window_and_its_place_in_it() {
        let Some(Sent::Counted(click)) = clicks().sent(&Record::of(br#"{"timestamp":15015,"page":"/cart"}"#)) else {
            panic!()
        };
        assert_eq!((click.key.as_ref(), click.figures), ("/cart", Figures::sum(15)));
        assert_eq!(click.window, Span { start: 15_000, end: 30_000 });
        assert_eq!(clicks().sent(&Record::of(b"hello")), None);
    }

    #[test]
    fn a_count_may_come_without_a_sum() {
        let read = |json: &str| match clicks().emitted(&Record::of(json.as_bytes())).unwrap() {
            Emitted::Count(outcome) => outcome,
            Emitted::Record(_) | Emitted::Forbidden { .. } => panic!("no count"),
        };
        let plain = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7}"#);
        assert_eq!((plain.count, plain.figures), (7, Figures::NONE));
        let summed = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7,"checksum":99}"#);
        assert_eq!(summed.figures, Figures::sum(99));
    }

    #[test]
    fn a_record_that_is_no_count_says_why() {
        let why = |payload: &str| clicks().emitted(&Record::of(payload.as_bytes())).unwrap_err();
        assert_eq!(why("{oops"), "'{oops' is not a window count");
        assert!(why(r#"[0,15000,"/help",1,0]"#).ends_with("is not a window count"));
        let no_window = "not a window of 15 s: from 5 to 15005 ms";
        assert_eq!(why(r#"{"windowStart":5,"windowEnd":15005,"page":"/help","count":1}"#), no_window);
        let far = r#"{"windowStart":9223372036854765000,"windowEnd":0,"page":"/help","count":1}"#;
        assert!(why(far).ends_with("is not a window count"), "{}", why(far));
    }

    fn rule(oracle: &str) -> Result<Windows, String> {
        let rule: Window = toml::from_str(oracle).map_err(|error| error.message().to_owned())?;
        rule.check()?;
        Windows::of(&rule)
    }

    const SALES: &str = r#"
        length-ms = 60000
        slide-ms = 10000
        input = { key = ["/shop", "/item"], time = "/at", sum = "/pieces", min = "/price", max = "/price" }
        output = { key = ["/s", "/i"], start = "/from", count = "/n", sum = "/pieces", min = "/low", max = "/high" }
    "#;

    #[test]
    fn a_key_may_have_parts_a_window_slide_and_a_time_be_written_as_sql_does() {
        let sales = rule(SALES).unwrap();
        let sale = br#"{"shop":"a,b","item":7,"at":"2020-11-02 01:31:05.250","pieces":3,"price":2.5}"#;
        let Some(Sent::Counted(sale)) = sales.sent(&Record::of(sale)) else { panic!() };
        assert_eq!((sale.key.as_ref(), sale.time), (r"a\,b,7", 1_604_280_665_250));
        assert_eq!(sale.window, Span { start: 1_604_280_660_000, end: 1_604_280_720_000 });
        assert_eq!(sale.figures, Figures { checksum: Some(3), min: Some(2.5), max: Some(2.5) });
        let told = br#"{"s":"a,b","i":7,"from":"2020-11-02T01:31:00Z","n":1,"pieces":3,"low":2.5,"high":null}"#;
        let Ok(Emitted::Count(told)) = sales.emitted(&Record::of(told)) else { panic!() };
        assert_eq!((told.key.as_str(), told.window), (r"a\,b,7", sale.window));
        assert_eq!(told.figures, Figures { checksum: Some(3), min: Some(2.5), max: None });
        let odd = br#"{"s":"a","i":7,"from":1604280661000,"n":1}"#;
        insta::assert_snapshot!(sales.emitted(&Record::of(odd)).unwrap_err(), @"not a window of 60 s that starts at a multiple of 10 s: from 1604280661000 to 1604280721000 ms");
    }

    #[test]
    fn decimals_are_added_up_exactly_and_what_a_job_gives_is_rounded_to_them() {
        let money = |decimals: u32| rule(&format!("decimals = {decimals}\n{SALES}")).unwrap();
        let of = |decimals, sum: &str| {
            let sale = format!(r#"{{"shop":"a","item":7,"at":5,"pieces":{sum},"price":1}}"#);
            match money(decimals).sent(&Record::of(sale.as_bytes())) {
                Some(Sent::Counted(sale)) => sale.figures.checksum,
                _ => None,
            }
        };
        let given = |sum: &str| {
            let told = format!(r#"{{"s":"a","i":7,"from":0,"n":1,"pieces":{sum}}}"#);
            match money(2).emitted(&Record::of(told.as_bytes())) {
                Ok(Emitted::Count(told)) => told.figures.checksum,
                _ => None,
            }
        };
        assert_eq!(
            (of(2, "0.29"), of(2, "12.3"), of(2, "7"), of(6, "0.123457")),
            (Some(29), Some(1230), Some(700), Some(123_457))
        );
        assert_eq!((of(2, "0.295"), of(2, "1e300"), of(2, "\"7\"")), (None, None, None), "more decimals, or no number");
        assert_eq!((of(6, "70368744.1"), of(6, "70368744.2")), (Some(70_368_744_100_000), None), "beyond 2^46");
        assert_eq!(of(2, "-0.01").map(|units| units.wrapping_add(1)), Some(0));
        assert_eq!(
            (given("1234.4999999999998"), given("1234.5"), given("1234.51")),
            (Some(123_450), Some(123_450), Some(123_451))
        );
    }

    #[test]
    fn a_session_is_as_long_as_its_records_come() {
        let text = "gap-ms = 5000\ninput = { key = \"/u\", time = \"timestamp\" }\noutput = { key = \"/u\", start = \"/a\", end = \"/b\", count = \"/n\" }";
        let visits = rule(text).unwrap();
        let visit = Record { timestamp: 1000, ..Record::of(br#"{"u":1}"#) };
        let Some(Sent::Counted(visit)) = visits.sent(&visit) else { panic!() };
        assert_eq!(visit.window, Span { start: 1000, end: 6000 });
        let Ok(Emitted::Count(told)) = visits.emitted(&Record::of(br#"{"u":1,"a":1000,"b":9000,"n":4}"#)) else {
            panic!()
        };
        assert_eq!(told.window, Span { start: 1000, end: 9000 });
        let short = visits.emitted(&Record::of(br#"{"u":1,"a":1000,"b":2000,"n":4}"#)).unwrap_err();
        assert_eq!(short, "not a session with a gap of 5 s: from 1000 to 2000 ms");
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let changed = [
            ("length-ms = 60000", ""),
            ("slide-ms = 10000", "slide-ms = 90000"),
            ("slide-ms = 10000", "slide-ms = 1"),
            ("slide-ms = 10000", "gap-ms = 10000"),
            ("slide-ms = 10000", "allowed-lateness-ms = -1"),
            ("sum = \"/pieces\", min = \"/price\"", "sum = \"time-in-window\", min = \"/price\""),
            ("slide-ms = 10000", "decimals = 7"),
            ("min = \"/low\", ", ""),
            ("key = [\"/s\", \"/i\"]", "key = \"/s\""),
            ("key = [\"/s\", \"/i\"]", "key = 7"),
            ("key = [\"/s\", \"/i\"]", "key = []"),
            ("[\"/shop\", \"/item\"]", "[\"shop\", \"/item\"]"),
        ];
        let why = |(old, new): &(&str, &str)| {
            assert!(SALES.contains(old), "{old}");
            rule(&SALES.replace(old, new)).unwrap_err()
        };
        insta::assert_snapshot!(changed.iter().map(why).collect::<Vec<_>>().join("\n"), @r#"
        length-ms is missing: how long a window is; sessions have gap-ms instead
        slide-ms is 90000, longer than a window of 60000: some records would belong to none
        slide-ms is 1: each record would belong to 60000 windows; 1000 are supported
        gap-ms is for sessions, which have no length-ms and no slide-ms
        allowed-lateness-ms is -1, and has to be at least 0
        sum = "time-in-window" is for windows that do not overlap: name a field
        decimals is 7, and has to be at most 6
        min is given for one of input and output, and has to be for both or for none
        key: it has 2 parts in input and 1 in output
        a place in a record, as in "/user/id", or a list of such places
        key: a list of places is empty: at least one is needed
        'shop' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        "#);
    }

    /// Time and key of a click.
    fn click(payload: &[u8]) -> Option<(i64, String)> {
        match clicks().sent(&Record::of(payload))? {
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
        let table = include_str!("../../../docker/flink/job/src/test/resources/clicks.tsv");
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
