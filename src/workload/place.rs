//! Which record of a feed a topic's last records are, so that its sequence goes on behind them: pure.
//!
//! A record is one of the feed when the feed makes exactly these bytes of a number and an event time. Which number, it may
//! tell itself. Otherwise it is the offset: a partition's first record is number 0. Where somebody else wrote into the
//! topic too, or made it anew, it is the nearest number that makes this record.

use std::collections::HashSet;

use super::feed::Records;
use super::sequence::Sequence;
use super::template::{EARLIEST, Record, numbers};

/// How many records of others between its own a feed without `{seq}` bears in a partition.
const REACH: u64 = 10_000;

/// How far the number of a record may be from its offset where the one before it is looked for.
const NEAR: u64 = 1_000;

/// The last record of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its offset.
    pub offset: i64,
    /// Its value.
    pub value: Vec<u8>,
}

/// Where a record stands in its feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Its number in its partition.
    number: u64,
    /// The event time of the feed's first record. 0 when records do not tell event time.
    epoch: i64,
}

impl Records {
    /// Those that follow the last record of each partition; a partition without one begins with its first. At `now` (ms
    /// since the epoch) goes on what tells no event time.
    ///
    /// # Errors
    /// A partition whose last record is not of this feed.
    pub fn resumed(&self, last: &[Option<Last>], now: i64) -> Result<Sequence, usize> {
        let mut epochs = Vec::new();
        for (partition, last) in last.iter().enumerate() {
            if let Some(last) = last {
                epochs.push(self.place(partition, last, None).ok_or(partition)?.epoch);
            }
        }
        // Records of others make an offset too high and an epoch too early, so the latest is the likeliest.
        epochs.sort_unstable_by(|one, other| other.cmp(one));
        epochs.dedup();
        let mut stranger = 0;
        for epoch in epochs {
            match self.counts(last, epoch) {
                Ok(counts) => return Ok(self.after(counts, epoch, now)),
                Err(partition) => stranger = partition,
            }
        }
        Err(stranger)
    }

    /// The newest of a partition's records that is one of these, or else the newest at all; they come in that order. One that
    /// somebody wrote by hand may look like one of these: the one before it is there as well where there are more.
    pub(super) fn newest(&self, partition: usize, seen: &[Last]) -> Option<Last> {
        let values: HashSet<&[u8]> = seen.iter().map(|last| last.value.as_slice()).collect();
        let own = seen.iter().find(|last| self.follows(partition, last, &values));
        let alike = || seen.iter().find(|last| !last.value.is_empty() && self.place(partition, last, None).is_some());
        own.or_else(alike).or(seen.first()).cloned()
    }

    /// Whether a record is one of these, and the one before it in the feed is there as well.
    fn follows(&self, partition: usize, last: &Last, values: &HashSet<&[u8]>) -> bool {
        let offset = last.offset.unsigned_abs();
        let mut before = Vec::new();
        (offset.saturating_sub(NEAR)..=offset.saturating_add(NEAR)).rev().any(|number| {
            let Some(place) = self.place_as(partition, last, number).filter(|_| number > 0) else { return false };
            let Some(seq) = self.seq(partition, number - 1) else { return false };
            let passed = i64::try_from(number - 1).unwrap_or(i64::MAX).saturating_mul(self.every_ms);
            self.value(&mut before, Record { seq, time: place.epoch.saturating_add(passed) });
            values.contains(before.as_slice())
        })
    }

    /// How many records each partition has of a feed that began then, or the first one that ends with something else.
    fn counts(&self, last: &[Option<Last>], epoch: i64) -> Result<Vec<u64>, usize> {
        let count = |(partition, last): (usize, &Option<Last>)| match last {
            None => Ok(0),
            Some(last) => self.place(partition, last, Some(epoch)).map(|place| place.number + 1).ok_or(partition),
        };
        last.iter().enumerate().map(count).collect()
    }

    fn after(&self, counts: Vec<u64>, epoch: i64, now: i64) -> Sequence {
        if self.value.tells_time() {
            return Sequence::new(epoch, self.every_ms, counts);
        }
        let furthest = counts.iter().max().copied().unwrap_or(0);
        let passed = i64::try_from(furthest).unwrap_or(i64::MAX).saturating_mul(self.every_ms);
        Sequence::new(self.begin(now).saturating_sub(passed), self.every_ms, counts)
    }

    /// Where a partition's record stands, in a feed that began then if that is known.
    fn place(&self, partition: usize, last: &Last, epoch: Option<i64>) -> Option<Place> {
        let fits = |number: u64| {
            self.place_as(partition, last, number).filter(|place| epoch.is_none_or(|is| is == place.epoch))
        };
        if self.value.tells_seq() {
            let told = numbers::<u64>(&last.value).filter(|seq| seq % u64::from(self.partitions) == partition as u64);
            return told.map(|seq| seq / u64::from(self.partitions)).find_map(fits);
        }
        let offset = last.offset.unsigned_abs();
        let near = |off: u64| [offset.checked_sub(off), offset.checked_add(off)].into_iter().flatten();
        (0..=REACH).flat_map(near).find_map(fits)
    }

    /// Where it stands if it is this one of its partition; none if it is not.
    fn place_as(&self, partition: usize, last: &Last, number: u64) -> Option<Place> {
        let seq = self.seq(partition, number)?;
        let time = self.value.time_in(&last.value, self.seed, seq)?;
        if !self.value.tells_time() {
            return Some(Place { number, epoch: 0 });
        }
        let epoch = time.checked_sub(i64::try_from(number).ok()?.checked_mul(self.every_ms)?)?;
        (epoch >= EARLIEST && epoch % self.align_ms == 0).then_some(Place { number, epoch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::feed::Feed;
    use proptest::prelude::*;

    const EPOCH: i64 = 1_604_280_255_000;
    const NOW: i64 = EPOCH + 777_777;

    fn feed(template: &str, partitions: u32) -> Feed {
        Feed { template: template.to_owned(), partitions, every_ms: 10, align_ms: 1, seed: 3, key: None }
    }

    /// A topic of which each partition has so many records, at the offset that `shift` makes of the last one's number.
    fn topic(feed: &Feed, counts: &[u64], shift: impl Fn(usize, i64) -> i64) -> Vec<Option<Last>> {
        let records = Records::of(feed).unwrap();
        let last = |(partition, count): (usize, &u64)| {
            let number = count.checked_sub(1)?;
            let time = EPOCH + i64::try_from(number).unwrap() * feed.every_ms;
            let mut value = Vec::new();
            records.value(&mut value, Record { seq: records.seq(partition, number).unwrap(), time });
            Some(Last { offset: shift(partition, i64::try_from(number).unwrap()), value })
        };
        counts.iter().enumerate().map(last).collect()
    }

    fn resumed(feed: &Feed, last: &[Option<Last>]) -> Result<Sequence, usize> {
        Records::of(feed).unwrap().resumed(last, NOW)
    }

    fn sequence(feed: &Feed, counts: &[u64]) -> Sequence {
        Sequence::new(EPOCH, feed.every_ms, counts.to_vec())
    }

    fn as_it_is(_: usize, number: i64) -> i64 {
        number
    }

    const TEMPLATES: [&str; 6] = [
        r#"{"id": {seq}, "user": {choice 100}, "amount": {uniform 1 100}, "ts": {event-time}}"#,
        "{event-time}",
        "{choice 100} {event-time iso} {text 3}",
        "{each a b c} {choice 9} {seq} {choice 9} {event-time}",
        "{uniform -9 9} {event-time} {seq} {event-time iso}",
        r#"{"timestamp":{event-time},"page":"{each /help /index /shop /jobs /about /news}"}"#,
    ];

    #[test]
    fn what_others_wrote_behind_the_last_record_is_passed_over() {
        let feed = feed("event-{choice 3} {uniform 1 9}.0 {event-time}", 1);
        let own = topic(&feed, &[40], as_it_is)[0].clone().unwrap();
        let before = topic(&feed, &[39], as_it_is)[0].clone().unwrap();
        let other = |offset, value: &str| Last { offset, value: value.as_bytes().to_vec() };
        let seen = [other(41, ""), other(40, "event-1 1.0 1604280262000"), own.clone(), before, other(37, "x")];
        let records = Records::of(&feed).unwrap();
        assert_eq!(records.newest(0, &seen), Some(own.clone()));
        assert_eq!(records.newest(0, &[other(7, "x"), other(6, "y")]), Some(other(7, "x")), "none is its own");
        assert_eq!(resumed(&feed, &[Some(own)]), Ok(sequence(&feed, &[40])));
    }

    #[test]
    fn without_event_time_it_goes_on_about_now() {
        let feed = Feed { align_ms: 1000, ..feed("{seq}", 2) };
        let sequence = resumed(&feed, &topic(&feed, &[7, 5], as_it_is)).unwrap();
        assert_eq!(sequence, Sequence::new(NOW - NOW % 1000 - 70, 10, vec![7, 5]));
    }

    #[test]
    fn another_feed_is_a_stranger() {
        let orders = feed(TEMPLATES[0], 3);
        let last = topic(&orders, &[7, 5, 0], as_it_is);
        assert!(resumed(&orders, &last).is_ok());
        assert_eq!(resumed(&Feed { seed: 4, ..orders.clone() }, &last), Err(0));
        assert_eq!(resumed(&Feed { every_ms: 11, ..orders.clone() }, &last), Err(1), "they began at different times");
        assert_eq!(resumed(&Feed { align_ms: 1 << 20, ..orders.clone() }, &last), Err(0));
        assert_eq!(resumed(&feed("{seq}", 3), &last), Err(0));
        let moved = vec![last[0].clone(), last[0].clone(), None];
        assert_eq!(resumed(&orders, &moved), Err(1), "a record of another partition");
        let hello = Last { offset: 5, value: b"hello".to_vec() };
        assert_eq!(resumed(&crate::workload::clicks::feed(), &[None, None, None, Some(hello), None, None]), Err(3));
    }

    #[test]
    fn numbers_tell_a_record_wherever_it_lies() {
        let feed = feed(TEMPLATES[0], 2);
        let last = topic(&feed, &[900_000, 900_003], |_, _| 4);
        assert_eq!(resumed(&feed, &last), Ok(sequence(&feed, &[900_000, 900_003])));
    }

    #[test]
    fn clicks_go_on_in_a_topic_made_anew() {
        let clicks = crate::workload::clicks::feed();
        let last = topic(&clicks, &[5000, 5001, 5000, 4000, 5000, 5000], |_, number| number - 3990);
        let sequence = resumed(&clicks, &last).unwrap();
        assert_eq!((sequence.nearest(), sequence.furthest()), (EPOCH + 4000 * 15, EPOCH + 5001 * 15));
    }

    proptest! {
        #[test]
        fn it_goes_on_behind_the_last_records(
            template in prop::sample::select(&TEMPLATES[..]), counts in prop::collection::vec(0_u64..300, 1..7),
            seed: u64, every_ms in 1_i64..5000,
        ) {
            prop_assume!(counts.iter().any(|count| *count > 0));
            let partitions = u32::try_from(counts.len()).unwrap();
            let feed = Feed { every_ms, seed, ..feed(template, partitions) };
            prop_assert_eq!(resumed(&feed, &topic(&feed, &counts, as_it_is)), Ok(sequence(&feed, &counts)));
        }

        // What somebody else wrote makes offsets too high.
        #[test]
        fn records_of_others_in_between_are_passed_over(
            kind in 0_usize..2, counts in prop::array::uniform6(1_u64..300), others in prop::array::uniform6(0_i64..400),
        ) {
            let feed = [crate::workload::clicks::feed(), feed(TEMPLATES[0], 6)][kind].clone();
            let last = topic(&feed, &counts, |partition, number| number + others[partition]);
            prop_assert_eq!(resumed(&feed, &last), Ok(sequence(&feed, &counts)));
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_record_makes_it_panic(template in prop::sample::select(&TEMPLATES[..]), value: Vec<u8>, digits in "[0-9]{1,25}", offset in 0_i64..i64::MAX) {
            let feed = feed(template, 1);
            let _ = resumed(&feed, &[Some(Last { offset, value })]);
            let value = TEMPLATES[5].replace("{event-time}", &digits).into_bytes();
            let _ = resumed(&feed, &[Some(Last { offset, value })]);
            let _ = resumed(&feed, &[Some(Last { offset, value: digits.into_bytes() })]);
        }
    }
}
