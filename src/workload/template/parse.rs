//! Templates as they are written by people, and what is said of those that are none.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{Record, Segment, Template};
use crate::meant::did_you_mean;
use crate::workload::excerpt::excerpt;

/// How late a record may be: a day.
const LATEST_MS: i64 = 24 * 60 * 60 * 1000;
/// Each placeholder, and how it is written.
const KNOWN: &[(&str, &str)] = &[
    ("seq", "{seq}"),
    ("event-time", "{event-time}, {event-time iso} or {event-time late 5000}"),
    ("choice", "{choice 100}"),
    ("uniform", "{uniform 1 100}"),
    ("each", "{each red green blue}"),
    ("text", "{text 20}"),
];
/// Numbers beyond this are not exact in every JSON parser.
const MOST: i64 = 1 << 53;
/// The longest record, in bytes: a broker takes no more than about a million, as it is delivered.
const LONGEST: usize = 900_000;
/// How many records are tried before a template is taken for one that makes JSON, or as many as `{each}` has words.
const TRIED: usize = 16;
/// And how many bytes of them.
const TRIED_BYTES: usize = 16 << 20;
/// An event time like any other.
const SOME_TIME: i64 = 1_604_280_262_000;

/// What a template consists of.
pub(super) fn segments(text: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut done = 0;
    let mut place = 0;
    for (open, _) in text.match_indices('{') {
        if open < done {
            continue;
        }
        let at = |what: String| format!("at character {}: {what}", text[..open].chars().count() + 1);
        let Some(inside) = inside(&text[open..]).map_err(at)? else { continue };
        push_literal(&mut segments, &text[done..open]);
        segments.push(placeholder(inside, &mut place).map_err(at)?);
        done = open + inside.len() + 2;
    }
    push_literal(&mut segments, &text[done..]);
    Ok(segments)
}

fn push_literal(segments: &mut Vec<Segment>, text: &str) {
    if !text.is_empty() {
        segments.push(Segment::Literal(text.as_bytes().into()));
    }
}

/// What stands within the braces of a placeholder that a text begins with. None when its brace is a letter like any other,
/// as most are in JSON: a placeholder begins with a lowercase letter, and its name is followed by a space or the end.
fn inside(text: &str) -> Result<Option<&str>, String> {
    let rest = &text[1..];
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let name = rest.len() - rest.trim_start_matches(is_of_name).len();
    if !rest.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return Ok(None);
    }
    match rest[name..].chars().next() {
        Some(next) if next != '}' && !next.is_whitespace() => Ok(None),
        _ => match rest.find('}') {
            Some(end) => Ok(Some(&rest[..end])),
            None => Err(format!("the placeholder {{{} has no closing brace", &rest[..name])),
        },
    }
}

/// Reads a placeholder. `place` counts the pseudo-random ones.
fn placeholder(inside: &str, place: &mut u64) -> Result<Segment, String> {
    let mut words = inside.split_whitespace();
    let name = words.next().unwrap_or_default();
    let arguments: Vec<&str> = words.collect();
    let segment = match (name, &*arguments) {
        ("seq", []) => Segment::Seq,
        ("event-time", []) => Segment::EventTime,
        ("event-time", ["iso"]) => Segment::EventTimeIso,
        ("event-time", ["late", most]) => {
            let most: i64 = number(most, &(1..=LATEST_MS))?;
            Segment::Late { place: next(place), most: most.unsigned_abs() }
        }
        ("choice", [count]) => {
            let count: i64 = number(count, &(1..=MOST))?;
            Segment::Number { place: next(place), low: 0, width: count.unsigned_abs() }
        }
        ("uniform", [low, high]) => uniform(low, high, place)?,
        ("each", [_, ..]) => Segment::Each(arguments.iter().map(|word| word.as_bytes().into()).collect()),
        ("text", [letters]) => Segment::Text { letters: number(letters, &(1..=LONGEST))?, place: next(place) },
        _ => return Err(unknown(name, inside)),
    };
    Ok(segment)
}

fn uniform(low: &str, high: &str, place: &mut u64) -> Result<Segment, String> {
    let (low, high) = (number(low, &(-MOST..=MOST))?, number(high, &(-MOST..=MOST))?);
    if low > high {
        return Err(format!("{{uniform {low} {high}}} begins above its end"));
    }
    Ok(Segment::Number { place: next(place), low, width: low.abs_diff(high) + 1 })
}

fn next(place: &mut u64) -> u64 {
    *place += 1;
    *place
}

fn number<T: FromStr + PartialOrd + std::fmt::Display>(text: &str, range: &RangeInclusive<T>) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("'{text}' is no whole number from {} to {}", range.start(), range.end()))
}

fn unknown(name: &str, inside: &str) -> String {
    if let Some((_, form)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return format!("{{{inside}}} is written {form}");
    }
    let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    let meant = did_you_mean(name, names.iter().copied());
    let list = if meant.is_empty() { format!("; there are {}", names.join(", ")) } else { meant };
    format!("there is no placeholder {{{name}}}{list}")
}

/// No record may be longer than a broker takes.
pub(super) fn check_size(segments: &[Segment]) -> Result<(), String> {
    let length = |segment: &Segment| match segment {
        Segment::Literal(bytes) => bytes.len(),
        Segment::Each(words) => words.iter().map(|word| word.len()).max().unwrap_or(0),
        Segment::Text { letters, .. } => *letters,
        Segment::Seq | Segment::EventTime | Segment::EventTimeIso | Segment::Late { .. } | Segment::Number { .. } => 24,
    };
    let longest: usize = segments.iter().map(length).sum();
    if longest <= LONGEST {
        return Ok(());
    }
    Err(format!("a record may have {longest} bytes, and a broker takes no more than {LONGEST}"))
}

/// What begins like JSON must be JSON.
pub(super) fn check_json(template: &Template) -> Result<(), String> {
    let words =
        template.segments.iter().map(|segment| if let Segment::Each(words) = segment { words.len() } else { 0 });
    let tried = words.max().unwrap_or(0).max(TRIED);
    let (mut record, mut bytes) = (Vec::new(), 0);
    for seq in 0..u64::try_from(tried).unwrap_or(0) {
        template.render(&mut record, 0, Record { seq, time: SOME_TIME });
        if !record.starts_with(b"{") || bytes > TRIED_BYTES {
            break;
        }
        bytes += record.len();
        serde_json::from_slice::<serde_json::Value>(&record)
            .map_err(|reason| format!("it makes no valid JSON: {reason} of {}", excerpt(&record)))?;
    }
    Ok(())
}
