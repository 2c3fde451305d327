//! A record as text with placeholders: read once, then written millions of times.
//!
//! What stands at a place follows from the feed's seed, the record's number and its event time alone. So a record can be
//! written again at any time, and whether a topic's last record is one of a feed is a comparison of bytes.

mod instant;
mod parse;
mod random;

use instant::push_instant;
pub use instant::{EARLIEST, LATEST};

/// What a record is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its number in the feed, from 0.
    pub seq: u64,
    /// Its event time, in ms since the epoch.
    pub time: i64,
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// A part of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// The same in every record.
    Literal(Box<[u8]>),
    /// The record's number.
    Seq,
    /// Its event time in ms.
    EventTime,
    /// Its event time as ISO 8601 has it.
    EventTimeIso,
    /// Its event time in ms, up to so many earlier: a record that comes late.
    Late { place: u64, most: u64 },
    /// One of `width` whole numbers, of which `low` is the first.
    Number { place: u64, low: i64, width: u64 },
    /// The word whose turn it is.
    Each(Vec<Box<[u8]>>),
    /// So many letters.
    Text { place: u64, letters: usize },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, and at which of its characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        let template = Self { segments: parse::segments(text)? };
        parse::check_size(&template.segments)?;
        parse::check_json(&template)?;
        Ok(template)
    }

    /// Writes a record into `buffer`, in place of what was there. The seed decides what the pseudo-random places get.
    pub fn render(&self, buffer: &mut Vec<u8>, seed: u64, record: Record) {
        buffer.clear();
        for segment in &self.segments {
            segment.push(buffer, seed, record);
        }
    }

    /// Whether records tell their event time.
    #[must_use]
    pub fn tells_time(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment, Segment::EventTime | Segment::EventTimeIso | Segment::Late { .. }))
    }

    /// Whether records tell their number.
    #[must_use]
    pub fn tells_seq(&self) -> bool {
        self.segments.contains(&Segment::Seq)
    }

    /// Whether it can be told from a record which one it is.
    ///
    /// # Errors
    /// Why not.
    pub fn is_readable(&self) -> Result<(), String> {
        if !self.tells_seq() && !self.tells_time() {
            return Err("it has neither {seq} nor {event-time}, so a generator that starts again could not tell \
                        where the records end: add one of them"
                .to_owned());
        }
        let is_late = |segment: &Segment| matches!(segment, Segment::Late { .. });
        if !self.tells_seq() && self.segments.iter().any(is_late) {
            return Err(
                "{event-time late N} needs {seq} beside it, so that a generator that starts again can tell which \
                        record it is"
                    .to_owned(),
            );
        }
        for pair in self.segments.windows(2) {
            if pair[0].ends_with_digit() && pair[1].begins_with_digit() {
                let told = pair.iter().find_map(|segment| match segment {
                    Segment::Seq => Some("{seq}"),
                    Segment::EventTime | Segment::Late { .. } => Some("{event-time}"),
                    _ => None,
                });
                if let Some(told) = told {
                    return Err(format!(
                        "{told} stands next to other digits, so where it ends could not be told: put something between them"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The event time with which record `seq` has exactly this text; none when it has it with no event time. (0 when
    /// records do not tell it.)
    #[must_use]
    pub fn time_in(&self, text: &[u8], seed: u64, seq: u64) -> Option<i64> {
        let mut buffer = Vec::with_capacity(text.len());
        let mut time = 0;
        for segment in &self.segments {
            let read = match segment {
                Segment::EventTime => Some(first_number(text.strip_prefix(&*buffer)?)?),
                Segment::EventTimeIso => Some(instant::read(text.strip_prefix(&*buffer)?)?),
                Segment::Late { place, most } => {
                    Some(first_number(text.strip_prefix(&*buffer)?)?.saturating_add(lateness(seed, seq, *place, *most)))
                }
                _ => None,
            };
            if let Some(read) = read {
                time = read;
                break;
            }
            segment.push(&mut buffer, seed, Record { seq, time });
        }
        self.render(&mut buffer, seed, Record { seq, time });
        (buffer == text).then_some(time)
    }
}

/// The whole numbers in a text, as far as they can be a record's.
pub fn numbers<T: std::str::FromStr>(text: &[u8]) -> impl Iterator<Item = T> {
    let runs = text.split(|byte| !byte.is_ascii_digit());
    runs.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
}

/// The number that a text begins with.
fn first_number(text: &[u8]) -> Option<i64> {
    if text.first()?.is_ascii_digit() { numbers(text).next() } else { None }
}

impl Segment {
    fn push(&self, buffer: &mut Vec<u8>, seed: u64, record: Record) {
        match self {
            Self::Literal(bytes) => buffer.extend_from_slice(bytes),
            Self::Seq => push_number(buffer, false, record.seq),
            Self::EventTime => push_signed(buffer, record.time),
            Self::EventTimeIso => push_instant(buffer, record.time),
            Self::Late { place, most } => {
                push_signed(buffer, record.time.saturating_sub(lateness(seed, record.seq, *place, *most)));
            }
            Self::Number { place, low, width } => {
                let number = random::below(*width, random::at(seed, record.seq, *place));
                push_signed(buffer, low.saturating_add_unsigned(number));
            }
            Self::Each(words) => buffer.extend_from_slice(turn(words, record.seq)),
            Self::Text { place, letters } => {
                random::push_letters(buffer, *letters, random::at(seed, record.seq, *place));
            }
        }
    }

    fn begins_with_digit(&self) -> bool {
        match self {
            Self::Literal(bytes) => bytes.first().is_some_and(u8::is_ascii_digit),
            Self::Each(words) => words.iter().any(|word| word.first().is_some_and(u8::is_ascii_digit)),
            Self::Seq | Self::EventTime | Self::EventTimeIso | Self::Late { .. } | Self::Number { .. } => true,
            Self::Text { .. } => false,
        }
    }

    fn ends_with_digit(&self) -> bool {
        match self {
            Self::Literal(bytes) => bytes.last().is_some_and(u8::is_ascii_digit),
            Self::Each(words) => words.iter().any(|word| word.last().is_some_and(u8::is_ascii_digit)),
            Self::Seq | Self::EventTime | Self::Late { .. } | Self::Number { .. } => true,
            Self::EventTimeIso | Self::Text { .. } => false,
        }
    }
}

/// How late a record is, in ms.
fn lateness(seed: u64, seq: u64, place: u64, most: u64) -> i64 {
    i64::try_from(random::below(most + 1, random::at(seed, seq, place))).unwrap_or_default()
}

/// The word whose turn it is for a record.
fn turn(words: &[Box<[u8]>], seq: u64) -> &[u8] {
    let place = usize::try_from(seq % words.len().max(1) as u64).unwrap_or(0);
    words.get(place).map_or(&[], |word| word)
}

fn push_signed(buffer: &mut Vec<u8>, number: i64) {
    push_number(buffer, number < 0, number.unsigned_abs());
}

/// `00` to `99`: two digits at a time take half as many divisions.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0_u8;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

fn push_number(buffer: &mut Vec<u8>, is_negative: bool, mut rest: u64) {
    // 20 digits and a sign.
    let mut text = [b'-'; 21];
    let mut place = text.len();
    while rest >= 10 {
        place -= 2;
        text[place..place + 2].copy_from_slice(&PAIRS[usize::try_from(rest % 100).unwrap_or(0)]);
        rest /= 100;
    }
    // The last pair may begin with a zero that is none of the number's digits.
    if rest > 0 || place == text.len() {
        place -= 1;
        text[place] = b'0' + u8::try_from(rest).unwrap_or(0);
    }
    buffer.extend_from_slice(&text[place - usize::from(is_negative)..]);
}

#[cfg(test)]
mod tests;
