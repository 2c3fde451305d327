//! Adds up records of the input by key and window, so that ten million of them become some thousand events.
//!
//! A window is reported when a later one of its partition has begun, or at once when the output has a result for it.
//! Records that come for it afterwards are reported in addition.

use std::collections::{BTreeMap, HashMap};

use crate::history::traffic::{Sent, Window};
use crate::oracle::Meaning;

/// Sums that were not reported yet, of all partitions.
#[derive(Debug, Default)]
pub(super) struct Sums {
    partitions: Vec<Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    /// The sum that the last record was added to: the next one usually belongs to it, too.
    current: Option<Sum>,
    /// The others, by key and start of the window.
    others: HashMap<Box<str>, BTreeMap<i64, Sum>>,
    waiting: usize,
    newest: Option<i64>,
}

#[derive(Debug)]
struct Sum {
    key: Box<str>,
    window: Option<Window>,
    count: u64,
    checksum: u64,
    offsets: (i64, i64),
}

/// How many sums of a partition are held back at most.
const MOST: usize = 4096;

impl Sums {
    /// Adds a record.
    pub(super) fn add(&mut self, partition: usize, offset: i64, record: &Meaning<'_>, tell: &mut impl FnMut(Sent)) {
        if self.partitions.len() <= partition {
            self.partitions.resize_with(partition + 1, Partition::default);
        }
        let sums = &mut self.partitions[partition];
        sums.add(offset, record);
        if sums.waiting > MOST {
            sums.tell_if(partition, tell, |_| true);
        }
    }

    /// Reports all windows that are followed by a later one in their partition.
    pub(super) fn tell_old(&mut self, tell: &mut impl FnMut(Sent)) {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let newest = partition.newest;
            partition.tell_if(number, tell, |sum| Some(sum.start()) < newest);
        }
    }

    /// Reports the windows in progress as well, marked as such: more may follow for them.
    pub(super) fn tell_under_way(&mut self, tell: &mut impl FnMut(Sent)) {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let others = partition.others.values_mut().flat_map(BTreeMap::values_mut);
            for sum in partition.current.iter_mut().chain(others).filter(|sum| sum.count > 0) {
                tell(sum.so_far(number));
            }
        }
    }

    /// Reports what a key has up to a window, because a result for it was seen.
    pub(super) fn tell_of(&mut self, key: &str, until: i64, tell: &mut impl FnMut(Sent)) {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let has_it = partition.current.as_ref().is_some_and(|sum| &*sum.key == key && sum.start() <= until);
            if has_it || partition.others.get(key).is_some_and(|sums| sums.range(..=until).next().is_some()) {
                partition.tell_if(number, tell, |sum| &*sum.key == key && sum.start() <= until);
            }
        }
    }
}

impl Sum {
    fn start(&self) -> i64 {
        self.window.unwrap_or(Window::ALWAYS).start
    }

    fn is_of(&self, record: &Meaning<'_>) -> bool {
        self.window == record.window && *self.key == *record.key
    }

    fn sent(self, partition: usize) -> Sent {
        let Self { key, window, count, checksum, offsets } = self;
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        Sent { key: key.into(), window, count, checksum, partition, offsets, under_way: false }
    }

    /// Takes what was added up so far; from here on it adds up what comes after that.
    fn so_far(&mut self, partition: usize) -> Sent {
        let (count, checksum) = (std::mem::take(&mut self.count), std::mem::take(&mut self.checksum));
        let (key, partition) = (self.key.to_string(), i32::try_from(partition).unwrap_or(i32::MAX));
        let Self { window, offsets, .. } = *self;
        Sent { key, window, count, checksum, partition, offsets, under_way: true }
    }
}

impl Partition {
    fn add(&mut self, offset: i64, record: &Meaning<'_>) {
        if !self.current.as_ref().is_some_and(|sum| sum.is_of(record)) {
            self.change_to(offset, record);
        }
        if let Some(sum) = &mut self.current {
            sum.count += 1;
            sum.checksum = sum.checksum.wrapping_add(record.checksum);
            sum.offsets.1 = offset;
        }
    }

    fn change_to(&mut self, offset: i64, record: &Meaning<'_>) {
        if let Some(sum) = self.current.take() {
            self.put_aside(sum);
        }
        let start = record.window.unwrap_or(Window::ALWAYS).start;
        let known = self.others.get_mut(record.key.as_ref()).and_then(|sums| sums.remove(&start));
        self.waiting -= usize::from(known.is_some());
        self.newest = self.newest.max(Some(start));
        self.current = Some(known.unwrap_or_else(|| Sum {
            key: record.key.as_ref().into(),
            window: record.window,
            count: 0,
            checksum: 0,
            offsets: (offset, offset),
        }));
    }

    fn put_aside(&mut self, sum: Sum) {
        self.waiting += 1;
        self.others.entry(sum.key.clone()).or_default().insert(sum.start(), sum);
    }

    /// Reports the selected sums, in the order of their offsets.
    fn tell_if(&mut self, number: usize, tell: &mut impl FnMut(Sent), is_meant: impl Fn(&Sum) -> bool) {
        let mut told: Vec<Sum> = self.current.take_if(|sum| is_meant(sum)).into_iter().collect();
        for sums in self.others.values_mut() {
            told.extend(sums.extract_if(.., |_, sum| is_meant(sum)).map(|(_, sum)| sum));
        }
        self.others.retain(|_, sums| !sums.is_empty());
        self.waiting = self.others.values().map(BTreeMap::len).sum();
        told.sort_by_key(|sum| sum.offsets.0);
        for sum in told {
            tell(sum.sent(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(key: &str, window: i64) -> Meaning<'_> {
        let window = Some(Window { start: window * 15, end: window * 15 + 15 });
        Meaning { key: key.into(), time: 0, window, checksum: 3 }
    }

    #[test]
    fn a_window_is_told_when_the_next_one_begins_and_what_is_late_as_more_of_it() {
        let (mut sums, mut told) = (Sums::default(), Vec::new());
        for (offset, window) in (0..).zip([0, 0, 1, 0, 1, 2]) {
            sums.add(3, offset, &record("a", window), &mut |sent| told.push(sent));
            sums.tell_old(&mut |sent| told.push(sent));
        }
        let told: Vec<_> = told.iter().map(|sent| (sent.count, sent.checksum, sent.partition, sent.offsets)).collect();
        assert_eq!(told, [(2, 6, 3, (0, 1)), (1, 3, 3, (3, 3)), (2, 6, 3, (2, 4))]);
    }

    #[test]
    fn what_a_result_is_seen_of_is_told_before_it_though_its_window_is_under_way() {
        let (mut sums, mut told) = (Sums::default(), Vec::new());
        sums.add(0, 0, &record("a", 1), &mut |sent| told.push(sent));
        sums.add(1, 0, &record("b", 1), &mut |sent| told.push(sent));
        sums.tell_of("a", 0, &mut |sent| told.push(sent));
        assert!(told.is_empty());
        sums.tell_of("a", 15, &mut |sent| told.push(sent));
        assert_eq!(told.iter().map(|sent| sent.key.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_told_twice(records in prop::collection::vec((0_usize..3, 0_usize..4, 0_i64..6), 0..300)) {
            const KEYS: [&str; 4] = ["a", "b", "c", "d"];
            let (mut sums, mut told) = (Sums::default(), BTreeMap::<(String, i64), u64>::new());
            let mut tell = |sent: Sent| *told.entry((sent.key, sent.window.unwrap().start)).or_default() += sent.count;
            let mut expected = BTreeMap::<(String, i64), u64>::new();
            for (offset, (partition, key, window)) in (0..).zip(&records) {
                sums.add(*partition, offset, &record(KEYS[*key], *window), &mut tell);
                *expected.entry((KEYS[*key].to_owned(), window * 15)).or_default() += 1;
                if offset % 7 == 0 {
                    sums.tell_old(&mut tell);
                }
                if offset % 11 == 0 {
                    sums.tell_under_way(&mut tell);
                }
            }
            KEYS.iter().for_each(|key| sums.tell_of(key, i64::MAX, &mut tell));
            prop_assert_eq!(told, expected);
        }
    }
}
