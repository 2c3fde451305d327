//! What a generator writes, as a value, and the records that come of it. The click feed is one value of it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::sequence::Sequence;
use super::template::{EARLIEST, LATEST, Record, Template};
use super::{PAGES, STEP_MS, WINDOW_MS};

/// How many partitions a feed may have.
pub const PARTITIONS: RangeInclusive<u32> = 1..=128;
/// How many ms may lie between two records of a partition, and between two beginnings: up to a leap year.
pub const SPAN_MS: RangeInclusive<i64> = 1..=366 * 86_400_000;

/// What the generator writes into the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Feed {
    /// A record's value, with placeholders: see [`Template`].
    pub template: String,
    /// How many partitions the topic has. Record `n` of the feed is in partition `n` modulo this.
    #[serde(default = "one")]
    pub partitions: u32,
    /// From one record of a partition to its next, in ms of event time.
    pub every_ms: i64,
    /// The first record's event time is a multiple of this, in ms, so that a first window is whole.
    #[serde(default = "one")]
    pub align_ms: i64,
    /// Decides what the pseudo-random placeholders get.
    #[serde(default)]
    pub seed: u64,
    /// The template of a record's key; records have none without it. Its first pseudo-random placeholder draws the same as
    /// the first one of the value, and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

fn one<T: From<u8>>() -> T {
    T::from(1)
}

impl Feed {
    /// Clicks on six pages, each in a partition of its own.
    #[must_use]
    pub fn clicks() -> Self {
        let pages = PAGES.join(" ");
        Self {
            template: format!(r#"{{"timestamp":{{event-time}},"page":"{{each {pages}}}"}}"#),
            partitions: u32::try_from(PAGES.len()).unwrap_or(u32::MAX),
            every_ms: STEP_MS,
            align_ms: WINDOW_MS,
            seed: 0,
            key: None,
        }
    }

    /// Whether a generator can write it.
    ///
    /// # Errors
    /// Why not, in words for whoever wrote it.
    pub fn check(&self) -> Result<(), String> {
        Records::of(self).map(drop)
    }

    /// Records of all partitions in a second of event time.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "at most a leap year")]
    pub fn per_second(&self) -> f64 {
        f64::from(self.partitions) * 1000.0 / self.every_ms as f64
    }
}

/// The records of a feed, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    pub(super) value: Template,
    key: Option<Template>,
    pub(super) partitions: u32,
    pub(super) every_ms: i64,
    pub(super) align_ms: i64,
    pub(super) seed: u64,
}

impl Records {
    /// Those of a feed.
    ///
    /// # Errors
    /// What is wrong with the feed, in words for whoever wrote it.
    pub fn of(feed: &Feed) -> Result<Self, String> {
        within("partitions", &feed.partitions, &PARTITIONS)?;
        within("every", &feed.every_ms, &SPAN_MS)?;
        within("align", &feed.align_ms, &SPAN_MS)?;
        let value = Template::parse(&feed.template).map_err(|what| format!("template: {what}"))?;
        value.is_readable().map_err(|what| format!("template: {what}"))?;
        let key = feed.key.as_deref().map(Template::parse).transpose().map_err(|what| format!("key: {what}"))?;
        if key.as_ref().is_some_and(Template::tells_time) && !value.tells_time() {
            return Err(
                "key: it has {event-time}, but the template has not: a generator that starts again could not tell \
                        how far it was"
                    .to_owned(),
            );
        }
        let &Feed { partitions, every_ms, align_ms, seed, .. } = feed;
        Ok(Self { value, key, partitions, every_ms, align_ms, seed })
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> usize {
        usize::try_from(self.partitions).unwrap_or(usize::MAX)
    }

    /// Writes a record's value into `buffer`, in place of what was there.
    pub fn value(&self, buffer: &mut Vec<u8>, record: Record) {
        self.value.render(buffer, self.seed, record);
    }

    /// Writes a record's key into `buffer`, in place of what was there, and returns it; none when records have none.
    pub fn key<'a>(&self, buffer: &'a mut Vec<u8>, record: Record) -> Option<&'a [u8]> {
        let key = self.key.as_ref()?;
        key.render(buffer, self.seed, record);
        Some(buffer)
    }

    /// All of them, for an empty topic: they begin at `now` (ms since the epoch), or a little before for the alignment.
    #[must_use]
    pub fn fresh(&self, now: i64) -> Sequence {
        Sequence::new(self.begin(now), self.every_ms, vec![0; self.partitions()])
    }

    /// Where a feed that begins about now has its first event time.
    pub(super) fn begin(&self, now: i64) -> i64 {
        let now = now.clamp(EARLIEST, LATEST);
        now - now % self.align_ms
    }

    /// The number in the feed of a partition's record `number`; none beyond all numbers.
    pub(super) fn seq(&self, partition: usize, number: u64) -> Option<u64> {
        number.checked_mul(self.partitions.into())?.checked_add(u64::try_from(partition).ok()?)
    }
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, number: &T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(number) {
        return Ok(());
    }
    Err(format!("{name}: {number} is not in {}..={}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(template: &str) -> Feed {
        Feed { template: template.to_owned(), ..Feed::clicks() }
    }

    #[test]
    fn the_clicks_are_a_feed() {
        let clicks = Feed::clicks();
        let written = r#"{"timestamp":{event-time},"page":"{each /help /index /shop /jobs /about /news}"}"#;
        assert_eq!((clicks.template.as_str(), clicks.check()), (written, Ok(())));
        assert!((clicks.per_second() - 400.0).abs() < f64::EPSILON);
        let mut value = Vec::new();
        for (seq, page) in (60..).zip(PAGES) {
            Records::of(&clicks).unwrap().value(&mut value, Record { seq, time: 15 });
            assert_eq!(String::from_utf8_lossy(&value), format!(r#"{{"timestamp":15,"page":"{page}"}}"#));
        }
    }

    #[test]
    fn a_file_gives_the_template_and_the_step_and_may_leave_out_the_rest() {
        let feed: Feed = toml::from_str("template = '{seq}'\nevery-ms = 10").unwrap();
        let whole = Feed { template: "{seq}".into(), partitions: 1, every_ms: 10, align_ms: 1, seed: 0, key: None };
        assert_eq!(feed, whole);
        let feed = Feed { key: Some("{choice 7}".into()), seed: 3, ..whole };
        assert_eq!(toml::from_str::<Feed>(&toml::to_string(&feed).unwrap()).unwrap(), feed);
        assert!(toml::from_str::<Feed>("template = ''\nevery-ms = 10\nevery = 10").is_err());
    }

    #[test]
    fn what_no_generator_can_write_is_said() {
        let wrong = |feed: Feed| feed.check().unwrap_err();
        insta::assert_snapshot!(wrong(Feed { partitions: 0, ..Feed::clicks() }), @"partitions: 0 is not in 1..=128");
        insta::assert_snapshot!(wrong(Feed { every_ms: 0, ..Feed::clicks() }), @"every: 0 is not in 1..=31622400000");
        insta::assert_snapshot!(wrong(Feed { align_ms: -1, ..Feed::clicks() }), @"align: -1 is not in 1..=31622400000");
        insta::assert_snapshot!(wrong(feed("{choice 5}")), @"template: it has neither {seq} nor {event-time}, so a generator that starts again could not tell where the records end: add one of them");
        insta::assert_snapshot!(wrong(Feed { key: Some("{sqe}".into()), ..feed("{seq}") }), @"key: at character 1: there is no placeholder {sqe}; did you mean 'seq'?");
        insta::assert_snapshot!(wrong(Feed { key: Some("{event-time}".into()), ..feed("{seq}") }), @"key: it has {event-time}, but the template has not: a generator that starts again could not tell how far it was");
        assert_eq!(Feed { key: Some("{event-time}".into()), ..Feed::clicks() }.check(), Ok(()));
    }
}
