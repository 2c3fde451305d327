//! Each record of the input under its identity: whether it appeared in the output, and how often.
//!
//! A record is *closed*, and lost if it did not appear, once the job's checkpoints cover it: its group has committed an offset
//! behind it, a later checkpoint has completed since, and the output was read to where it ended then. What a reader that began
//! in the middle of the topics has not seen sent is no evidence until the job's checkpoints are past that beginning.
//!
//! Memory: 17 bytes an identity, in a table that is filled by half at least; ten million take some 280 MiB. A number is its own
//! identity there. Any other text is told apart by 63 bits of its hash, which two of ten million share with a probability of
//! 1 in 200 000; its name is kept for the first hundred thousand that have not appeared, and for what is wrong.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use super::again::Again;
use super::judgement::{Class, Counterexample, Counts, Emission, Judgement, SHOWN, Words};
use super::outcome::Outcome;
use crate::history::seen::Read;
use crate::history::traffic::{Identities as Batch, Topic};
use crate::settings::Delivery;

/// The table in so many parts, so that it never grows all at once.
const SHARDS: usize = 64;
/// How many names of records are kept that have not appeared yet.
const NAMES: usize = 100_000;
/// How many records that appeared again are kept with their places.
const REPEATS: usize = 100_000;
/// How many places of one identity are kept as evidence.
const PLACES: usize = 8;

/// All identities of a run.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    shards: Vec<HashMap<u64, State>>,
    names: HashMap<u64, Box<str>>,
    /// Sent, and not seen in the output yet.
    open: u64,
    /// Seen in the output once or more often.
    appeared: u64,
    /// Sent more than once under one identity: it is not known then which of them appeared.
    sent_twice: u64,
    repeats: BTreeMap<u64, Vec<Emission>>,
    repeats_more: u64,
    unexpected: Vec<Counterexample>,
    unexpected_total: u64,
    stray_total: u64,
    partitions: BTreeMap<i32, Partition>,
    again: Again,
    /// Whether records of the output were gone before they were read: what did not appear may have been among them.
    output_cut: bool,
    /// Whether a checkpoint completed since the topics were last read.
    checkpointed: bool,
    /// Where each partition of the output ended when a checkpoint had completed: what is held is closed when it was read to
    /// there, past every transaction that was open then.
    closing: Option<Vec<i64>>,
}

/// An identity, packed: whether it appeared, and the partition and the offset where it lies in the input or, once it appeared,
/// in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const APPEARED: u64 = 1 << 63;
    const OFFSET_BITS: u32 = 48;

    fn new(appeared: bool, partition: i32, offset: i64) -> Self {
        let place = (u64::from(partition.unsigned_abs() & 0x7fff) << Self::OFFSET_BITS)
            | (offset.unsigned_abs() & ((1 << Self::OFFSET_BITS) - 1));
        Self(place | if appeared { Self::APPEARED } else { 0 })
    }

    fn appeared(self) -> bool {
        self.0 & Self::APPEARED != 0
    }

    fn partition(self) -> i32 {
        i32::try_from((self.0 & !Self::APPEARED) >> Self::OFFSET_BITS).unwrap_or_default()
    }

    fn offset(self) -> i64 {
        (self.0 & ((1 << Self::OFFSET_BITS) - 1)).cast_signed()
    }
}

/// How far the job is known to have come in a partition of the input. Offsets are those of the next record.
#[derive(Debug, Clone, Copy, Default)]
struct Partition {
    /// The first record that was counted.
    begin: i64,
    /// The end when what is waited for was noted.
    due: i64,
    /// Committed by the job's group.
    committed: i64,
    /// Committed when a checkpoint was last seen complete, and its output read.
    held: i64,
    /// Committed when the one before it was: all before is closed.
    closed: i64,
    /// Deleted before this.
    gone: i64,
    end: i64,
}

impl Identities {
    /// Reading a partition of the input begins with the record at this offset.
    pub fn begins(&mut self, partition: i32, offset: i64) {
        self.partitions.entry(partition).or_default().begin = offset;
    }

    /// Adds records of either topic.
    pub fn add(&mut self, batch: &Batch) {
        for (id, offset) in batch.ids.iter().zip(batch.from..) {
            match batch.topic {
                Topic::Input => self.sent(id, batch.partition, offset),
                Topic::Output => self.emitted(id, batch.partition, offset),
            }
        }
    }

    fn sent(&mut self, id: &str, partition: i32, offset: i64) {
        let (key, state) = (key(id), State::new(false, partition, offset));
        if self.shard(key).insert(key, state).is_some() {
            self.sent_twice += 1;
            return;
        }
        self.open += 1;
        if self.names.len() < NAMES && !is_number(key) {
            self.names.insert(key, id.into());
        }
    }

    fn emitted(&mut self, id: &str, partition: i32, offset: i64) {
        let key = key(id);
        match self.shard(key).get(&key).copied() {
            Some(state) if !state.appeared() => {
                self.shard(key).insert(key, State::new(true, partition, offset));
                self.names.remove(&key);
                self.open -= 1;
                self.appeared += 1;
            }
            Some(state) => self.repeated(key, id, state, Emission { partition, offset, count: 1, checksum: None }),
            None if self.knows_all() => self.unexpected(id, partition, offset),
            None => {}
        }
    }

    fn repeated(&mut self, key: u64, id: &str, first: State, again: Emission) {
        if self.repeats.len() >= REPEATS && !self.repeats.contains_key(&key) {
            self.repeats_more += 1;
            return;
        }
        let first = Emission { partition: first.partition(), offset: first.offset(), count: 1, checksum: None };
        let places = self.repeats.entry(key).or_insert_with(|| vec![first]);
        places.push(again);
        if !is_number(key) {
            self.names.insert(key, id.into());
        }
    }

    fn unexpected(&mut self, id: &str, partition: i32, offset: i64) {
        self.unexpected_total += 1;
        if self.unexpected.len() < SHOWN {
            let emitted = vec![Emission { partition, offset, count: 1, checksum: None }];
            let (class, identity, sent) = (Class::Unexpected, id.to_owned(), None);
            self.unexpected.push(Counterexample::Identity { class, identity, sent, emitted });
        }
    }

    /// Adds a record of the output that has no identity.
    pub fn stray(&mut self, example: Counterexample) {
        self.stray_total += 1;
        if self.unexpected.len() < SHOWN {
            self.unexpected.push(example);
        }
    }

    /// Whether whatever appears was seen being sent: reading began with the first record, or the job's checkpoints are past
    /// where it began.
    fn knows_all(&self) -> bool {
        !self.partitions.is_empty()
            && self.partitions.values().all(|partition| partition.begin == 0 || partition.closed >= partition.begin)
    }

    /// The job was restored: what it wrote at these offsets of each partition of the output may appear once more.
    pub fn restored(&mut self, written_since: Vec<Range<i64>>) {
        self.again.add(written_since);
    }

    /// Records of the input before this offset were deleted: those that did not appear yet may never do.
    pub fn gone(&mut self, partition: i32, before: i64) {
        let known = self.partitions.entry(partition).or_default();
        known.gone = known.gone.max(before);
    }

    /// Records of the output were gone before they were read: from here on, nothing is known to be lost.
    pub fn output_is_cut(&mut self) {
        self.output_cut = true;
    }

    /// A checkpoint completed.
    pub fn checkpoint(&mut self) {
        self.checkpointed = true;
    }

    /// Both topics were read. What was committed by then is closed when the next checkpoint has completed and the output was
    /// read to where it ended then: an exactly-once sink commits its output after its checkpoint, and before the next one.
    pub fn read(&mut self, read: &Read) {
        for ((number, place), committed) in (0..).zip(&read.input).zip(&read.committed) {
            let partition = self.partitions.entry(number).or_default();
            partition.end = place.read;
            partition.committed = committed.unwrap_or_default();
        }
        if std::mem::take(&mut self.checkpointed) && self.closing.is_none() {
            self.closing = Some(read.output.iter().map(|place| place.end).collect());
        }
        let is_read = |ends: &Vec<i64>| read.output.iter().zip(ends).all(|(place, end)| place.read >= *end);
        if self.closing.take_if(|ends| is_read(ends)).is_some() {
            for partition in self.partitions.values_mut() {
                partition.closed = partition.closed.max(partition.held);
                partition.held = partition.committed;
            }
        }
    }

    /// From here on, what the input holds now is waited for.
    pub fn due_now(&mut self) {
        self.partitions.values_mut().for_each(|partition| partition.due = partition.end);
    }

    /// How many of those that are waited for are neither there nor known to be lost.
    #[must_use]
    pub fn due(&self) -> u64 {
        let behind = self.output_cut
            || self.partitions.values().any(|partition| partition.closed < partition.due.max(partition.begin));
        if !behind || self.open == 0 {
            return 0;
        }
        let is_due = |state: State| {
            self.partitions.get(&state.partition()).is_some_and(|partition| {
                let decided = if self.output_cut { 0 } else { partition.closed };
                state.offset() < partition.due && state.offset() >= decided.max(partition.gone)
            })
        };
        self.not_appeared().filter(|(_, state)| is_due(*state)).count() as u64
    }

    /// How many records appeared.
    #[must_use]
    pub fn appeared(&self) -> u64 {
        self.appeared
    }

    /// How many records of the output are not expected.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.stray_total + self.unexpected_total
    }

    fn not_appeared(&self) -> impl Iterator<Item = (u64, State)> + '_ {
        let all = self.shards.iter().flat_map(|shard| shard.iter().map(|(key, state)| (*key, *state)));
        all.filter(|(_, state)| !state.appeared())
    }

    /// How many identities were sent more than once.
    #[must_use]
    pub fn sent_twice(&self) -> u64 {
        self.sent_twice
    }

    /// Judges what was read.
    #[must_use]
    pub fn judge(&self, delivery: Delivery) -> Judgement {
        let (missing, first) = self.missing();
        let duplicate = self.repeats.len() as u64 + self.repeats_more;
        let counts = Counts {
            complete: self.appeared.saturating_sub(duplicate),
            duplicate,
            missing,
            unexpected: self.strays(),
            undecided: self.open - missing,
            ..Counts::default()
        };
        let outcome = match (counts.wrong(delivery), counts.judged()) {
            (1.., _) => Outcome::Fail,
            (0, 0) => Outcome::Unknown,
            (0, _) => Outcome::Pass,
        };
        let mut counterexamples = first;
        if Class::Duplicate.is_wrong(delivery) {
            counterexamples.extend(self.repeats.iter().take(SHOWN).map(|(key, places)| self.repeat(*key, places)));
        }
        counterexamples.extend(self.unexpected.iter().cloned());
        counterexamples.truncate(SHOWN);
        let unexplained = |places: &Vec<Emission>| self.again.unexplained(places.len() as u64, places);
        Judgement {
            outcome,
            delivery,
            words: Words::default(),
            counts,
            judged: counts.judged(),
            span: None,
            records_expected: counts.judged(),
            records_lost: missing,
            records_counted_twice: 0,
            duplicates_unexplained: self.repeats.values().map(unexplained).sum::<u64>() + self.repeats_more,
            before_input: 0,
            before_output: 0,
            counterexamples_total: counts.wrong(delivery),
            counterexamples,
        }
    }

    /// How many are lost, and the first of them by their places.
    fn missing(&self) -> (u64, Vec<Counterexample>) {
        let is_lost = |state: &State| {
            self.partitions
                .get(&state.partition())
                .is_some_and(|partition| state.offset() < partition.closed && state.offset() >= partition.gone)
        };
        let may_be = self.open > 0
            && !self.output_cut
            && self.partitions.values().any(|partition| partition.closed > partition.begin);
        let mut lost: Vec<(i64, i32, u64)> = if may_be {
            let found = self.not_appeared().filter(|(_, state)| is_lost(state));
            found.map(|(key, state)| (state.offset(), state.partition(), key)).collect()
        } else {
            Vec::new()
        };
        lost.sort_unstable();
        let example = |(offset, partition, key): &(i64, i32, u64)| Counterexample::Identity {
            class: Class::Missing,
            identity: self.name(*key).unwrap_or_default(),
            sent: Some((*partition, *offset)),
            emitted: Vec::new(),
        };
        (lost.len() as u64, lost.iter().take(SHOWN).map(example).collect())
    }

    fn repeat(&self, key: u64, places: &[Emission]) -> Counterexample {
        let emitted = places.iter().take(PLACES).copied().collect();
        Counterexample::Identity {
            class: Class::Duplicate,
            identity: self.name(key).unwrap_or_default(),
            sent: None,
            emitted,
        }
    }

    fn name(&self, key: u64) -> Option<String> {
        if is_number(key) { Some((key & !TEXT).to_string()) } else { self.names.get(&key).map(ToString::to_string) }
    }

    fn shard(&mut self, key: u64) -> &mut HashMap<u64, State> {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, HashMap::new);
        }
        &mut self.shards[usize::try_from(key % SHARDS as u64).unwrap_or_default()]
    }
}

/// The bit of a key that is a hash, and no number itself.
const TEXT: u64 = 1 << 63;

fn is_number(key: u64) -> bool {
    key & TEXT == 0
}

/// A number's own value, if it is written as one would write it; otherwise a hash.
fn key(id: &str) -> u64 {
    let is_plain = id.len() <= 18
        && !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_digit())
        && (id == "0" || !id.starts_with('0'));
    if let (true, Ok(number)) = (is_plain, id.parse()) {
        return number;
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish() | TEXT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::Place;
    use proptest::prelude::*;

    fn batch(topic: Topic, from: i64, ids: &[&str]) -> Batch {
        Batch { topic, partition: 0, from, ids: ids.iter().map(|id| (*id).to_owned()).collect() }
    }

    fn read(identities: &mut Identities, input: i64, committed: i64) {
        let place = |end| Place { start: 0, read: end, end };
        identities.read(&Read { committed: vec![Some(committed)], input: vec![place(input)], output: vec![place(99)] });
    }

    /// Two checkpoints pass, with this committed.
    fn close(identities: &mut Identities, committed: i64) {
        for _ in 0..2 {
            identities.checkpoint();
            read(identities, committed, committed);
        }
    }

    fn sent(ids: &[&str]) -> Identities {
        let mut identities = Identities::default();
        identities.begins(0, 0);
        identities.add(&batch(Topic::Input, 0, ids));
        identities
    }

    #[test]
    fn what_checkpoints_cover_and_did_not_appear_is_lost() {
        let mut identities = sent(&["1", "b", "c"]);
        identities.add(&batch(Topic::Output, 0, &["1"]));
        read(&mut identities, 3, 3);
        assert_eq!(
            identities.judge(Delivery::AtLeastOnce).counts,
            Counts { complete: 1, undecided: 2, ..Counts::default() }
        );
        identities.checkpoint();
        read(&mut identities, 3, 3);
        assert_eq!(
            identities.judge(Delivery::AtLeastOnce).counts.missing,
            0,
            "it may be committed after its checkpoint"
        );
        identities.checkpoint();
        read(&mut identities, 3, 3);
        let judgement = identities.judge(Delivery::AtLeastOnce);
        assert_eq!((judgement.outcome, judgement.counts.missing, judgement.records_lost), (Outcome::Fail, 2, 2));
        let Counterexample::Identity { identity, sent, .. } = &judgement.counterexamples[0] else { panic!() };
        assert_eq!((identity.as_str(), *sent), ("b", Some((0, 1))));
    }

    #[test]
    fn what_appears_again_is_allowed_by_at_least_once_and_explained_by_a_restore() {
        let mut identities = sent(&["1", "2"]);
        identities.add(&batch(Topic::Output, 0, &["1", "2", "1"]));
        let allowed = identities.judge(Delivery::AtLeastOnce);
        assert_eq!((allowed.outcome, allowed.counts.duplicate, allowed.duplicates_unexplained), (Outcome::Pass, 1, 1));
        let exactly = identities.judge(Delivery::ExactlyOnce);
        assert_eq!((exactly.outcome, exactly.counterexamples_total), (Outcome::Fail, 1));
        #[allow(clippy::single_range_in_vec_init, reason = "one partition")]
        identities.restored(vec![0..2]);
        assert_eq!(identities.judge(Delivery::AtLeastOnce).duplicates_unexplained, 0);
    }

    #[test]
    fn what_nobody_sent_is_unexpected_once_all_that_was_sent_is_known() {
        let mut identities = sent(&["1"]);
        identities.add(&batch(Topic::Output, 0, &["9"]));
        assert_eq!(identities.judge(Delivery::AtLeastOnce).counts.unexpected, 1);

        let mut later = Identities::default();
        later.begins(0, 100);
        later.add(&batch(Topic::Input, 100, &["100"]));
        later.add(&batch(Topic::Output, 7, &["99"]));
        assert_eq!(later.judge(Delivery::AtLeastOnce).counts.unexpected, 0, "it may have been sent before");
        close(&mut later, 101);
        later.add(&batch(Topic::Output, 8, &["98"]));
        assert_eq!(later.judge(Delivery::AtLeastOnce).counts.unexpected, 1);
    }

    #[test]
    fn what_was_deleted_from_the_input_is_not_lost_by_the_job() {
        let mut identities = sent(&["1", "2"]);
        identities.gone(0, 1);
        close(&mut identities, 2);
        assert_eq!(
            identities.judge(Delivery::AtLeastOnce).counts,
            Counts { missing: 1, undecided: 1, ..Counts::default() }
        );
    }

    #[test]
    fn what_was_deleted_from_the_output_is_neither_right_nor_lost() {
        let mut identities = sent(&["1", "2"]);
        read(&mut identities, 2, 0);
        identities.due_now();
        identities.output_is_cut();
        close(&mut identities, 2);
        let judgement = identities.judge(Delivery::AtLeastOnce);
        assert_eq!((judgement.outcome, judgement.counts.undecided), (Outcome::Unknown, 2));
        assert_eq!(identities.due(), 2);
    }

    #[test]
    fn what_is_due_is_what_the_input_held_then() {
        let mut identities = sent(&["1", "2"]);
        read(&mut identities, 2, 0);
        identities.due_now();
        identities.add(&batch(Topic::Input, 2, &["3"]));
        assert_eq!(identities.due(), 2);
        identities.add(&batch(Topic::Output, 0, &["1"]));
        assert_eq!(identities.due(), 1);
        close(&mut identities, 2);
        assert_eq!(identities.due(), 0, "it is decided, though it is lost");
    }

    proptest! {
        #[test]
        fn every_record_is_of_one_class(
            ids in prop::collection::hash_set("[a-z0-9]{1,6}", 1..60),
            fates in prop::collection::vec(0_usize..4, 60),
        ) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut identities = sent(&ids);
            let mut offset = 0;
            let mut expected = Counts::default();
            for (id, fate) in ids.iter().zip(&fates) {
                for _ in 0..*fate {
                    identities.add(&batch(Topic::Output, offset, &[id]));
                    offset += 1;
                }
                match fate {
                    0 => expected.missing += 1,
                    1 => expected.complete += 1,
                    _ => expected.duplicate += 1,
                }
            }
            close(&mut identities, i64::try_from(ids.len()).unwrap());
            prop_assert_eq!(identities.judge(Delivery::AtLeastOnce).counts, expected);
        }

        #[test]
        fn a_number_is_its_own_key_and_no_text_is(number in 0_u64..999_999_999_999_999_999, text in "[a-z]{1,9}") {
            prop_assert_eq!(key(&number.to_string()), number);
            prop_assert!(!is_number(key(&text)));
            let with_zero = format!("0{number}");
            prop_assert!(!is_number(key(&with_zero)));
        }
    }
}
