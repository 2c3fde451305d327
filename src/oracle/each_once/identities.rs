//! Each record of the input under its identity: whether it appeared in the output, and how often.
//!
//! What did not appear is lost once it is *closed*: see [`closing`](crate::oracle::closing).
//!
//! Memory: 17 bytes an identity, in a table that is filled by half at least; ten million take some 280 MiB. A number is its own
//! identity there. Any other text is told apart by 63 bits of its hash, which two of ten million share with a probability of
//! 1 in 200 000; its name is kept for the first hundred thousand that have not appeared, and for what is wrong.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use super::kept::{Contents, Order};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::What;
use crate::history::traffic::{Records, Stray, Topic};
use crate::ledger::{Again, Class, Counterexample, Counts, Emission, Judgement, SHOWN};
use crate::oracle::ByRecord;
use crate::oracle::closing::Closing;
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
pub(super) struct Identities {
    shards: Vec<FxHashMap<u64, State>>,
    names: HashMap<u64, Box<str>>,
    /// Sent, and not seen in the output yet.
    open: u64,
    /// Seen in the output once or more often.
    appeared: u64,
    /// Sent more than once under one identity: it is not known then which of them appeared, nor what of them may be lost,
    /// changed or out of order.
    ambiguous: FxHashSet<u64>,
    sent_twice: u64,
    repeats: BTreeMap<u64, Vec<Emission>>,
    repeats_more: u64,
    /// Where those that are not kept appeared for the first time: the first and the last offset in each partition.
    more: BTreeMap<i32, (i64, i64)>,
    contents: Contents,
    order: Order,
    /// Those that were changed on their way, or came out of order.
    changed: BTreeMap<u64, Counterexample>,
    changed_more: u64,
    unexpected: Vec<Counterexample>,
    unexpected_total: u64,
    stray_total: u64,
    closing: Closing,
    again: Again,
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

impl ByRecord for Identities {
    fn add(&mut self, what: &What) {
        self.closing.add(what);
        match what {
            What::Records(records) => self.records(records),
            What::Stray(stray) => {
                self.stray(Counterexample::of(stray));
                self.wrong_itself(stray);
            }
            _ => {}
        }
    }

    fn may_repeat(&mut self, written_since: Vec<Range<i64>>) {
        self.again.add(written_since);
    }

    fn output_is_cut(&mut self) {
        self.closing.output_is_cut();
    }

    fn due(&self) -> u64 {
        if !self.closing.waits() || self.open == 0 {
            return 0;
        }
        let is_due = |state: State| self.closing.is_due(state.partition(), state.offset());
        self.not_appeared().filter(|(_, state)| is_due(*state)).count() as u64
    }

    fn judge(&self, delivery: Delivery) -> Judgement {
        let (missing, first) = self.missing();
        let conflicting = self.changed.len() as u64 + self.changed_more;
        let repeated = self.repeats.keys().filter(|key| !self.changed.contains_key(key)).count();
        let duplicate = repeated as u64 + self.repeats_more;
        let counts = Counts {
            complete: self.appeared.saturating_sub(duplicate + conflicting),
            duplicate,
            conflicting,
            missing,
            unexpected: self.stray_total + self.unexpected_total,
            undecided: self.open - missing,
            ..Counts::default()
        };
        let mut counterexamples = first;
        counterexamples.extend(self.changed.values().take(SHOWN).cloned());
        if Class::Duplicate.is_wrong(delivery) {
            counterexamples.extend(self.repeats.iter().take(SHOWN).map(|(key, places)| self.repeat(*key, places)));
        }
        counterexamples.extend(self.unexpected.iter().cloned());
        let unexplained =
            |places: &Vec<Emission>| self.again.unexplained((places.len() as u64).saturating_sub(1), places);
        Judgement {
            records_lost: missing,
            duplicates_unexplained: self.repeats.values().map(unexplained).sum::<u64>() + self.unexplained_more(),
            ..Judgement::by_record(delivery, counts, counterexamples)
        }
    }

    fn passed_over(&self) -> u64 {
        let is_passed = |state: &State| self.closing.is_committed(state.partition(), state.offset());
        self.not_appeared().filter(|(key, state)| is_passed(state) && !self.ambiguous.contains(key)).count() as u64
    }

    fn doubts(&self, record: &str) -> Vec<String> {
        let times = self.sent_twice;
        let twice = || {
            format!(
                "{times} {record}s in the input have an identity that was sent before: it is not known which of them was emitted"
            )
        };
        (times > 0).then(twice).into_iter().collect()
    }
}

impl Identities {
    fn records(&mut self, records: &Records) {
        for ((number, id), offset) in records.keys.iter().enumerate().zip(records.from..) {
            let content = records.contents.get(number);
            match records.topic {
                Topic::Input => self.sent(id, content, records.partition, offset),
                Topic::Output => {
                    let kept = (content, records.ordered_by.get(number));
                    self.emitted(id, kept, records.partition, offset);
                }
            }
        }
    }

    fn sent(&mut self, id: &str, content: Option<&str>, partition: i32, offset: i64) {
        let (key, state) = (key(id), State::new(false, partition, offset));
        match self.shard(key).entry(key) {
            Entry::Vacant(free) => free.insert(state),
            Entry::Occupied(_) => {
                self.sent_twice += 1;
                self.ambiguous.insert(key);
                return;
            }
        };
        if let Some(content) = content {
            self.contents.sent(key, content);
        }
        self.open += 1;
        if !is_number(key) && self.names.len() < NAMES {
            self.names.insert(key, id.into());
        }
    }

    fn emitted(&mut self, id: &str, kept: (Option<&str>, Option<&str>), partition: i32, offset: i64) {
        let key = key(id);
        let known = self.shard(key).get_mut(&key);
        let before = known.map(|state| {
            let before = *state;
            if !before.appeared() {
                *state = State::new(true, partition, offset);
            }
            before
        });
        if let Some(state) = before.filter(|_| !self.ambiguous.contains(&key))
            && let Some(what) = self.wrong(key, state, kept, partition)
        {
            self.changed(key, id, state, Emission::at(partition, offset), what);
        }
        match before {
            Some(state) if !state.appeared() => {
                if !is_number(key) {
                    self.names.remove(&key);
                }
                self.open -= 1;
                self.appeared += 1;
            }
            // It may be the one that was sent after it.
            Some(_) if self.ambiguous.contains(&key) => {}
            Some(state) => self.repeated(key, id, state, Emission::at(partition, offset)),
            None if self.closing.knows_all() => self.unexpected(id, partition, offset),
            None => {}
        }
    }

    fn repeated(&mut self, key: u64, id: &str, first: State, again: Emission) {
        let first = Emission::at(first.partition(), first.offset());
        if self.repeats.len() >= REPEATS && !self.repeats.contains_key(&key) {
            self.repeats_more += 1;
            let (least, most) = self.more.entry(first.partition).or_insert((first.offset, first.offset));
            (*least, *most) = (first.offset.min(*least), first.offset.max(*most));
            return;
        }
        let places = self.repeats.entry(key).or_insert_with(|| vec![first]);
        places.push(again);
        if !is_number(key) {
            self.names.insert(key, id.into());
        }
    }

    /// What is wrong with a record of the output that was sent: with what it holds, or with when it comes.
    fn wrong(
        &mut self,
        key: u64,
        state: State,
        (content, by): (Option<&str>, Option<&str>),
        partition: i32,
    ) -> Option<String> {
        if let Some(content) = content.filter(|content| self.contents.differs(key, content)) {
            return Some(format!("it was changed, to {content}"));
        }
        let by = by.filter(|_| !state.appeared())?;
        let before = self.order.appears(by, partition, (state.partition(), state.offset()))?;
        Some(format!("it comes after the one of {by} at offset {before}, which was sent after it"))
    }

    fn changed(&mut self, key: u64, id: &str, state: State, emission: Emission, what: String) {
        if self.changed.contains_key(&key) {
            return;
        }
        if self.changed.len() >= REPEATS {
            self.changed_more += 1;
            return;
        }
        let sent = (!state.appeared()).then(|| (state.partition(), state.offset()));
        let (class, identity, emitted) = (Class::Conflicting, id.to_owned(), vec![emission]);
        let counterexample = Counterexample::Identity { class, identity, sent, emitted, what: Some(what) };
        self.changed.insert(key, counterexample);
    }

    fn unexpected(&mut self, id: &str, partition: i32, offset: i64) {
        self.unexpected_total += 1;
        if self.unexpected.len() < SHOWN {
            let emitted = vec![Emission::at(partition, offset)];
            let (class, identity, sent) = (Class::Unexpected, id.to_owned(), None);
            self.unexpected.push(Counterexample::Identity { class, identity, sent, emitted, what: None });
        }
    }

    /// A record of the output that has no identity.
    fn stray(&mut self, example: Counterexample) {
        self.stray_total += 1;
        if self.unexpected.len() < SHOWN {
            self.unexpected.push(example);
        }
    }

    /// It is wrong, but its identity has appeared; and that nobody sent it as well is told only once.
    fn wrong_itself(&mut self, stray: &Stray) {
        let Some(id) = &stray.key else { return };
        let key = key(id);
        if self.shard(key).contains_key(&key) {
            self.emitted(id, (None, None), stray.partition, stray.offset);
        }
    }

    /// How many of the repeats that are not kept no restore explains: none, if one reaches back to all of them.
    fn unexplained_more(&self) -> u64 {
        let ends = self.more.iter().flat_map(|(partition, (least, most))| [(*partition, *least), (*partition, *most)]);
        let ends: Vec<Emission> = ends.map(|(partition, offset)| Emission::at(partition, offset)).collect();
        if self.again.reaches_all(&ends) { 0 } else { self.repeats_more }
    }

    fn not_appeared(&self) -> impl Iterator<Item = (u64, State)> + '_ {
        let all = self.shards.iter().flat_map(|shard| shard.iter().map(|(key, state)| (*key, *state)));
        all.filter(|(_, state)| !state.appeared())
    }

    /// How many are lost, and the first of them by their places.
    fn missing(&self) -> (u64, Vec<Counterexample>) {
        let is_lost = |state: &State| self.closing.is_closed(state.partition(), state.offset());
        let may_be = self.open > 0 && self.closing.has_closed_any();
        let mut lost: Vec<(i64, i32, u64)> = if may_be {
            let may_be_told = |key: &u64| !self.ambiguous.contains(key);
            let found = self.not_appeared().filter(|(key, state)| is_lost(state) && may_be_told(key));
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
            what: None,
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
            what: None,
        }
    }

    fn name(&self, key: u64) -> Option<String> {
        if is_number(key) { Some((key & !TEXT).to_string()) } else { self.names.get(&key).map(ToString::to_string) }
    }

    fn shard(&mut self, key: u64) -> &mut FxHashMap<u64, State> {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, FxHashMap::default);
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
    use crate::history::seen::{Place, Read};
    use crate::ledger::Outcome;
    use proptest::prelude::*;

    fn batch(topic: Topic, from: i64, ids: &[&str]) -> What {
        let keys = ids.iter().collect();
        What::Records(Records { topic, partition: 0, from, keys, ..Records::default() })
    }

    fn checkpoint() -> What {
        What::Checkpoint { id: 1, took: 1, size: 1, begun: 0 }
    }

    fn begins(from: i64) -> What {
        What::Begins { partition: 0, from }
    }

    fn read(identities: &mut Identities, input: i64, committed: i64) {
        let place = |end| Place { start: 0, read: end, end };
        identities.add(&What::Read(Read {
            committed: vec![Some(committed)],
            input: vec![place(input)],
            output: vec![place(99)],
        }));
    }

    /// Two checkpoints pass, with this committed.
    fn close(identities: &mut Identities, committed: i64) {
        for _ in 0..2 {
            identities.add(&checkpoint());
            read(identities, committed, committed);
        }
    }

    fn sent(ids: &[&str]) -> Identities {
        let mut identities = Identities::default();
        identities.add(&begins(0));
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
        identities.add(&checkpoint());
        read(&mut identities, 3, 3);
        assert_eq!(
            identities.judge(Delivery::AtLeastOnce).counts.missing,
            0,
            "it may be committed after its checkpoint"
        );
        identities.add(&checkpoint());
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
        identities.may_repeat(vec![0..2]);
        assert_eq!(identities.judge(Delivery::AtLeastOnce).duplicates_unexplained, 0);
    }

    fn kept(topic: Topic, ids: &[&str], contents: &[&str], ordered_by: &[&str]) -> What {
        let (keys, contents, ordered_by) =
            (ids.iter().collect(), contents.iter().collect(), ordered_by.iter().collect());
        What::Records(Records { topic, keys, contents, ordered_by, ..Records::default() })
    }

    #[test]
    fn an_identity_that_was_sent_twice_is_a_doubt_and_no_fault_of_the_job() {
        let mut identities = sent(&["7"]);
        identities.add(&batch(Topic::Output, 0, &["7"]));
        identities.add(&batch(Topic::Input, 1, &["7", "8"]));
        identities.add(&batch(Topic::Output, 1, &["7"]));
        close(&mut identities, 2);
        let judgement = identities.judge(Delivery::ExactlyOnce);
        assert_eq!(judgement.counts, Counts { complete: 1, undecided: 1, ..Counts::default() });
        assert_eq!(identities.doubts("order").len(), 1);

        let mut changed = Identities::default();
        changed.add(&begins(0));
        changed.add(&kept(Topic::Input, &["1", "1"], &["a", "b"], &[]));
        changed.add(&kept(Topic::Output, &["1", "1"], &["a", "b"], &[]));
        assert_eq!(changed.judge(Delivery::AtLeastOnce).counts.conflicting, 0);
    }

    #[test]
    fn what_was_changed_or_comes_out_of_order_is_conflicting_and_says_how() {
        let mut identities = Identities::default();
        identities.add(&begins(0));
        identities.add(&kept(Topic::Input, &["1", "2", "3"], &["x", "y", "z"], &[]));
        identities.add(&kept(Topic::Output, &["2", "1", "3"], &["y", "x", "Z"], &["u", "u", "u"]));
        let judgement = identities.judge(Delivery::AtLeastOnce);
        assert_eq!(judgement.counts, Counts { complete: 1, conflicting: 2, ..Counts::default() });
        let what = |counterexample: &Counterexample| match counterexample {
            Counterexample::Identity { identity, sent, what, .. } => format!("{identity} {sent:?} {what:?}"),
            other => panic!("{other:?}"),
        };
        insta::assert_snapshot!(judgement.counterexamples.iter().map(what).collect::<Vec<_>>().join("\n"), @r#"
        1 Some((0, 0)) Some("it comes after the one of u at offset 1, which was sent after it")
        3 Some((0, 2)) Some("it was changed, to Z")
        "#);
    }

    #[test]
    fn what_is_committed_and_did_not_appear_is_passed_over_though_nothing_is_closed() {
        let mut identities = sent(&["1", "2", "3"]);
        identities.add(&batch(Topic::Output, 0, &["1"]));
        read(&mut identities, 3, 2);
        assert_eq!((identities.judge(Delivery::AtLeastOnce).counts.missing, identities.passed_over()), (0, 1));
    }

    #[test]
    fn what_nobody_sent_is_unexpected_once_all_that_was_sent_is_known() {
        let mut identities = sent(&["1"]);
        identities.add(&batch(Topic::Output, 0, &["9"]));
        assert_eq!(identities.judge(Delivery::AtLeastOnce).counts.unexpected, 1);

        let mut cut = sent(&["1"]);
        cut.add(&What::Gone { topic: Topic::Input, partition: 0, from: 1, to: 3, unread: true });
        cut.add(&batch(Topic::Output, 0, &["9"]));
        assert_eq!(cut.judge(Delivery::AtLeastOnce).counts.unexpected, 0, "it may be of what was deleted");

        let mut later = Identities::default();
        later.add(&begins(100));
        later.add(&batch(Topic::Input, 100, &["100"]));
        later.add(&batch(Topic::Output, 7, &["99"]));
        assert_eq!(later.judge(Delivery::AtLeastOnce).counts.unexpected, 0, "it may have been sent before");
        close(&mut later, 101);
        later.add(&batch(Topic::Output, 8, &["98"]));
        assert_eq!(later.judge(Delivery::AtLeastOnce).counts.unexpected, 1);
    }

    #[test]
    fn what_must_never_be_emitted_is_told_once_and_is_not_lost_besides() {
        let stray = |key: &str, offset| {
            let what = "must never be emitted".to_owned();
            What::Stray(Stray { partition: 0, offset, what, key: Some(key.to_owned()) })
        };
        let mut identities = sent(&["1", "2"]);
        identities.add(&stray("1", 0));
        identities.add(&stray("77", 1));
        identities.add(&batch(Topic::Output, 2, &["2"]));
        close(&mut identities, 2);
        let judgement = identities.judge(Delivery::AtLeastOnce);
        assert_eq!(judgement.counts, Counts { complete: 2, unexpected: 2, ..Counts::default() });
        assert_eq!((judgement.outcome, judgement.counterexamples.len()), (Outcome::Fail, 2));
    }

    #[test]
    fn what_was_deleted_from_the_input_is_not_lost_by_the_job() {
        let mut identities = sent(&["1", "2"]);
        identities.add(&What::Gone { topic: Topic::Input, partition: 0, from: 0, to: 1, unread: false });
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
        identities.add(&What::Settling);
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
        identities.add(&What::Settling);
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
