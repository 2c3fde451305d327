//! Adds up records of the input by key and window, so that ten million of them become some thousand events.
//!
//! A window is reported when nothing of it is to be expected any more, as a later one of its partition has begun; when nothing
//! has come for a while; or at once when the output has a result for it. Records that come for it afterwards are reported in addition. A session may be reported
//! in parts that touch; who knows all partitions puts them together.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::history::traffic::{Figures, Sent, Window};
use crate::history::windowing::Windowing;
use crate::oracle::Meaning;

/// Sums that were not reported yet, of all partitions.
#[derive(Debug)]
pub(super) struct Sums {
    windowing: Windowing,
    partitions: Vec<Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    /// The sum that the last record was added to: the next one usually belongs to it, too.
    current: Option<Sum>,
    /// The others, by key and start of the window.
    others: HashMap<Box<str>, BTreeMap<i64, Sum>>,
    waiting: usize,
    /// Start of the newest window.
    newest: Option<i64>,
    /// The newest event time.
    newest_time: Option<i64>,
}

#[derive(Debug)]
struct Sum {
    key: Box<str>,
    window: Window,
    count: u64,
    late: u64,
    figures: Figures,
    offsets: (i64, i64),
    /// For how many rounds of reading nothing was added.
    quiet: u32,
}

/// After so many rounds without a record, what a partition has of a window is reported: it may be all that ever comes.
const QUIET: u32 = 20;
/// How many sums of a partition are held back at most.
const MOST: usize = 4096;

impl Sums {
    /// Of a job with such windows.
    pub(super) fn of(windowing: Windowing) -> Self {
        Self { windowing, partitions: Vec::new() }
    }

    /// The event time from which on windows are whole, where reading began in this one.
    pub(super) fn whole_after(&self, window: Window) -> i64 {
        self.windowing.whole_after(window)
    }

    /// Adds a record.
    pub(super) fn add(&mut self, partition: usize, offset: i64, record: &Meaning<'_>, tell: &mut impl FnMut(Sent)) {
        if self.partitions.len() <= partition {
            self.partitions.resize_with(partition + 1, Partition::default);
        }
        let sums = &mut self.partitions[partition];
        for window in self.windowing.assigner.windows(record.window, record.time) {
            sums.add(offset, record, window, &self.windowing);
        }
        sums.newest_time = sums.newest_time.max(Some(record.time));
        if sums.waiting > MOST {
            sums.tell_if(partition, tell, |_| true);
        }
    }

    /// A round of reading is over: reports all windows that are followed by one in their partition that shares nothing with them,
    /// and what is quiet.
    pub(super) fn tell_old(&mut self, tell: &mut impl FnMut(Sent)) {
        let assigner = self.windowing.assigner;
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let newest = partition.newest;
            partition.tell_if(number, tell, |sum| Some(assigner.apart_from(sum.window)) <= newest);
            for sum in partition.all() {
                sum.quiet = sum.quiet.saturating_add(1);
                if sum.quiet == QUIET && sum.count > 0 {
                    tell(sum.so_far(number));
                }
            }
        }
    }

    /// Whether windows in progress are to be told as well, where that is not asked for: what one partition has of a session is only
    /// understood with what the others have, which may connect it to another.
    pub(super) fn needs_all(&self) -> bool {
        self.windowing.assigner.merges()
    }

    /// Reports the windows in progress as well, marked as such: more may follow for them.
    pub(super) fn tell_under_way(&mut self, tell: &mut impl FnMut(Sent)) {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            for sum in partition.all().filter(|sum| sum.count > 0) {
                tell(sum.so_far(number));
            }
        }
    }

    /// Reports what a key has up to a window, because a result for it was seen.
    pub(super) fn tell_of(&mut self, key: &str, window: Window, tell: &mut impl FnMut(Sent)) {
        let until = if self.windowing.assigner.merges() { window.end } else { window.start };
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let has_it = partition.current.as_ref().is_some_and(|sum| &*sum.key == key && sum.window.start <= until);
            if has_it || partition.others.get(key).is_some_and(|sums| sums.range(..=until).next().is_some()) {
                partition.tell_if(number, tell, |sum| &*sum.key == key && sum.window.start <= until);
            }
        }
    }
}

impl Sum {
    /// Whether a record with this window is part of it.
    fn takes(&self, key: &str, window: Window, merges: bool) -> bool {
        let fits = if merges {
            // Those that only touch may be two for the job.
            self.window.start < window.end && window.start < self.window.end
        } else {
            self.window.start == window.start
        };
        fits && *self.key == *key
    }

    fn absorb(&mut self, other: &Self) {
        self.window.end = self.window.end.max(other.window.end);
        self.count += other.count;
        self.late += other.late;
        self.figures.add(&other.figures);
        self.offsets = (self.offsets.0.min(other.offsets.0), self.offsets.1.max(other.offsets.1));
    }

    fn sent(self, partition: usize) -> Sent {
        let Self { key, window, count, late, figures, offsets, .. } = self;
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        Sent { key: key.into(), window, count, late, figures, partition, offsets, under_way: false }
    }

    /// Takes what was added up so far; from here on it adds up what comes after that.
    fn so_far(&mut self, partition: usize) -> Sent {
        let (count, late) = (std::mem::take(&mut self.count), std::mem::take(&mut self.late));
        let figures = std::mem::take(&mut self.figures);
        let (key, partition) = (self.key.to_string(), i32::try_from(partition).unwrap_or(i32::MAX));
        let Self { window, offsets, .. } = *self;
        Sent { key, window, count, late, figures, partition, offsets, under_way: true }
    }
}

impl Partition {
    /// All of its sums.
    fn all(&mut self) -> impl Iterator<Item = &mut Sum> {
        self.current.iter_mut().chain(self.others.values_mut().flat_map(BTreeMap::values_mut))
    }

    fn add(&mut self, offset: i64, record: &Meaning<'_>, window: Window, windowing: &Windowing) {
        let merges = windowing.assigner.merges();
        if !self.current.as_ref().is_some_and(|sum| sum.takes(&record.key, window, merges)) {
            self.change_to(offset, &record.key, window, merges);
        }
        let late = windowing.may_be_late(window, self.newest_time);
        if let Some(sum) = &mut self.current {
            sum.count += 1;
            sum.quiet = 0;
            sum.late += u64::from(late);
            sum.figures.add(&record.figures);
            sum.offsets.1 = offset;
            if merges {
                (sum.window.start, sum.window.end) =
                    (sum.window.start.min(window.start), sum.window.end.max(window.end));
            }
        }
        self.newest = self.newest.max(Some(window.start));
    }

    fn change_to(&mut self, offset: i64, key: &str, window: Window, merges: bool) {
        if let Some(sum) = self.current.take() {
            self.put_aside(sum);
        }
        let known = self.others.get_mut(key).and_then(|sums| {
            let until = if merges { window.end } else { window.start };
            let near = sums.range(..=until).next_back().filter(|(_, sum)| sum.takes(key, window, merges));
            let start = near.map(|(start, _)| *start)?;
            sums.remove(&start)
        });
        self.waiting -= usize::from(known.is_some());
        self.current = Some(known.unwrap_or_else(|| Sum {
            key: key.into(),
            window,
            count: 0,
            late: 0,
            figures: Figures::NONE,
            offsets: (offset, offset),
            quiet: 0,
        }));
    }

    fn put_aside(&mut self, sum: Sum) {
        let sums = self.others.entry(sum.key.clone()).or_default();
        match sums.entry(sum.window.start) {
            Entry::Vacant(free) => {
                free.insert(sum);
                self.waiting += 1;
            }
            // A session that has grown to where another one began.
            Entry::Occupied(mut known) => known.get_mut().absorb(&sum),
        }
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
    use crate::history::traffic::Emitted;
    use crate::history::windowing::Assigner;
    use crate::ledger::{Ledger, Outcome, Terms};
    use crate::settings::Delivery;
    use proptest::prelude::*;

    /// Behind all that any test has.
    const LAST: Window = Window { start: i64::MAX, end: i64::MAX };

    fn record(key: &str, window: i64) -> Meaning<'_> {
        at(key, window * 15, Assigner::Tumbling { length: 15 })
    }

    fn at(key: &str, time: i64, assigner: Assigner) -> Meaning<'_> {
        Meaning { key: key.into(), time, window: assigner.last(time), figures: Figures::sum(3) }
    }

    fn sums() -> Sums {
        Sums::of(Windowing::tumbling(15))
    }

    #[test]
    fn a_window_is_told_when_the_next_one_begins_and_what_is_late_as_more_of_it() {
        let (mut sums, mut told) = (sums(), Vec::new());
        for (offset, window) in (0..).zip([0, 0, 1, 0, 1, 2]) {
            sums.add(3, offset, &record("a", window), &mut |sent| told.push(sent));
            sums.tell_old(&mut |sent| told.push(sent));
        }
        let told: Vec<_> =
            told.iter().map(|sent| (sent.count, sent.figures.checksum, sent.partition, sent.offsets)).collect();
        assert_eq!(told, [(2, Some(6), 3, (0, 1)), (1, Some(3), 3, (3, 3)), (2, Some(6), 3, (2, 4))]);
    }

    #[test]
    fn what_a_result_is_seen_of_is_told_before_it_though_its_window_is_under_way() {
        let (mut sums, mut told) = (sums(), Vec::new());
        sums.add(0, 0, &record("a", 1), &mut |sent| told.push(sent));
        sums.add(1, 0, &record("b", 1), &mut |sent| told.push(sent));
        sums.tell_of("a", Window { start: 0, end: 15 }, &mut |sent| told.push(sent));
        assert!(told.is_empty());
        sums.tell_of("a", Window { start: 15, end: 30 }, &mut |sent| told.push(sent));
        assert_eq!(told.iter().map(|sent| sent.key.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_record_counts_in_each_window_that_slides_over_it_and_none_is_told_while_one_may_take_more() {
        let assigner = Assigner::Sliding { length: 10, slide: 5 };
        let (mut sums, mut told) = (Sums::of(Windowing { assigner, ..Windowing::tumbling(0) }), Vec::new());
        for (offset, time) in (0..).zip([3, 7, 12, 16, 21]) {
            sums.add(0, offset, &at("a", time, assigner), &mut |sent| told.push(sent));
            sums.tell_old(&mut |sent| told.push(sent));
        }
        let told: Vec<_> = told.iter().map(|sent| (sent.window.start, sent.count)).collect();
        assert_eq!(told, [(-5, 1), (0, 2), (5, 2), (10, 2)]);
    }

    #[test]
    fn what_a_partition_has_last_is_told_though_nothing_follows() {
        let (mut sums, mut told) = (sums(), Vec::new());
        sums.add(0, 0, &record("a", 0), &mut |_| ());
        (0..2 * QUIET).for_each(|_| sums.tell_old(&mut |sent| told.push((sent.count, sent.under_way))));
        sums.add(0, 1, &record("a", 0), &mut |_| ());
        (0..2 * QUIET).for_each(|_| sums.tell_old(&mut |sent| told.push((sent.count, sent.under_way))));
        assert_eq!(told, [(1, true), (1, true)]);
    }

    #[test]
    fn what_comes_later_than_the_job_waits_is_told_as_late() {
        let windowing = Windowing { waits_ms: Some(10), ..Windowing::tumbling(15) };
        let (mut sums, mut told) = (Sums::of(windowing), Vec::new());
        for (offset, time) in (0..).zip([0, 23, 1, 24, 2]) {
            let record = Meaning { time, ..record("a", time / 15) };
            sums.add(0, offset, &record, &mut |_| ());
        }
        sums.tell_of("a", Window { start: 0, end: 15 }, &mut |sent| told.push(sent));
        assert_eq!(told.iter().map(|sent| (sent.count, sent.late)).collect::<Vec<_>>(), [(3, 1)]);
    }

    #[test]
    fn a_session_that_goes_on_in_another_partition_is_not_taken_for_one_that_is_over() {
        let assigner = Assigner::Session { gap: 5 };
        let windowing = Windowing { assigner, ..Windowing::tumbling(0) };
        let (mut sums, mut ledger) = (Sums::of(windowing), Ledger::of(windowing));
        for (offset, (partition, time)) in (0..).zip([(0, 1), (1, 6), (0, 20), (1, 9)]) {
            sums.add(partition, offset, &at("a", time, assigner), &mut |sent| ledger.sent(&sent));
        }
        sums.tell_old(&mut |sent| ledger.sent(&sent));
        assert!(sums.needs_all());
        sums.tell_under_way(&mut |sent| ledger.sent(&sent));
        let other = Emitted { key: "b".into(), ..emitted(Window { start: 0, end: 1 }, 1) };
        ledger.emitted(&other);
        // The job has passed 8: what it had of the session by then is not over.
        assert_eq!(ledger.judge(&Terms { passed: 8, ..Terms::of(Delivery::ExactlyOnce) }).counts.missing, 0);
        assert_eq!(ledger.judge(&Terms { passed: 14, ..Terms::of(Delivery::ExactlyOnce) }).counts.missing, 1);
    }

    fn emitted(window: Window, count: u64) -> Emitted {
        let figures = Figures::sum(3 * count);
        Emitted { key: "a".into(), window, count, figures, partition: 0, offset: window.start }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_told_twice(records in prop::collection::vec((0_usize..3, 0_usize..4, 0_i64..6), 0..300)) {
            const KEYS: [&str; 4] = ["a", "b", "c", "d"];
            let (mut sums, mut told) = (sums(), BTreeMap::<(String, i64), u64>::new());
            let mut tell = |sent: Sent| *told.entry((sent.key, sent.window.start)).or_default() += sent.count;
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
            KEYS.iter().for_each(|key| sums.tell_of(key, LAST, &mut tell));
            told.retain(|_, count| *count > 0);
            prop_assert_eq!(told, expected);
        }

        /// However a session is told in parts, they touch, and the ledger finds the sessions that there are.
        #[test]
        fn parts_of_sessions_are_put_together(records in prop::collection::vec((0_usize..2, 0_i64..120), 1..60)) {
            let assigner = Assigner::Session { gap: 5 };
            let windowing = Windowing { assigner, ..Windowing::tumbling(0) };
            let (mut sums, mut ledger) = (Sums::of(windowing), Ledger::of(windowing));
            let mut tell = |sent: Sent| ledger.sent(&sent);
            for (offset, (partition, time)) in (0..).zip(&records) {
                sums.add(*partition, offset, &at("a", *time, assigner), &mut tell);
                if offset % 3 == 0 {
                    sums.tell_old(&mut tell);
                }
                if offset % 5 == 0 {
                    sums.tell_under_way(&mut tell);
                }
            }
            sums.tell_of("a", LAST, &mut tell);
            let mut times: Vec<i64> = records.iter().map(|(_, time)| *time).collect();
            times.sort_unstable();
            let sessions = times.chunk_by(|time, next| next - time <= 5);
            for (number, session) in (0..).zip(sessions) {
                let window = Window { start: session[0], end: session[session.len() - 1] + 5 };
                ledger.emitted(&Emitted { offset: number, ..emitted(window, session.len() as u64) });
            }
            let judgement = ledger.judge(&Terms::of(Delivery::ExactlyOnce));
            prop_assert_eq!(judgement.outcome, Outcome::Pass);
            prop_assert_eq!(judgement.records_expected, records.len() as u64);
        }
    }
}
