//! The totals of all keys.
//!
//! What a total has to be follows from the records before it, in their order: a record of a key has one partition. Kafka gives
//! records again after a restore, and so the totals of them are told again; those of records that the job's checkpoints cover
//! and that were never told are missing.
//!
//! A socket gives nothing again. A job that comes back goes on with the state of its checkpoint, and with the first record
//! that its new connection is sent: those in between are *not resent*, through no fault of the job. How far the state reached is
//! told by the first total of each key. It has to reach as far as the checkpoint did: what was printed before that checkpoint
//! began is lost if the state lacks it. And it has to be one state: of two keys, the one cannot reach further than
//! the other in what was sent.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

use super::key::{Adopted, Answer, Key, Line, State, Step, Told};
use crate::history::seen::Read;
use crate::history::traffic::{Records, Topic};
use crate::history::{Scope, What};
use crate::ledger::{Again, Class, Counterexample, Counts, Emission, Judgement, SHOWN};
use crate::oracle::ByRecord;
use crate::oracle::closing::Closing;
use crate::settings::Delivery;

/// How many totals that were told again are kept with their places.
const REPEATS: usize = 100_000;

/// How many checkpoints are remembered.
const CHECKPOINTS: usize = 100;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    keys: BTreeMap<Box<str>, Key>,
    connections: Vec<Connection>,
    checkpoints: VecDeque<Checkpoint>,
    /// Whether the job was restored from a savepoint since it last connected.
    from_savepoint: bool,
    /// From which offset on each partition of the input is judged: what a plan found there is none of its doing.
    begins: BTreeMap<i32, i64>,
    /// Whether the topics were not read to their ends yet, in a run that judges what it does itself.
    past: bool,
    /// Whether records of either topic were gone before they were read.
    cut: bool,
    closing: Closing,
    again: Again,
    /// Totals that were right, each told for the first time.
    right: u64,
    repeats: HashMap<(Box<str>, u64), Vec<Emission>>,
    repeats_more: u64,
    /// What is wrong so far, but for what is lost with a state or not told at all.
    wrong: Counts,
    lost: u64,
    counted_twice: u64,
    /// Totals of an older connection that were read after those of a newer one: nothing is known to compare them with.
    late: u64,
    examples: Vec<Counterexample>,
}

/// A connection that a job made, and what became of its state.
#[derive(Debug, Clone, Default)]
struct Connection {
    /// Records behind this are sent on it.
    offset: i64,
    /// When it was made, in ms since the epoch.
    at: i64,
    /// Whether somebody chose a savepoint to begin from: how far back it goes is not known.
    from_savepoint: bool,
    /// Whether it was made before what is judged.
    past: bool,
    /// Records that were told before, and that the state has not any more.
    rolled: Vec<(Box<str>, Line, i64)>,
    /// Records of before that never were told.
    unsent: u64,
    /// Keys whose state on it follows from nothing that was seen.
    unseen: u64,
    /// The key that reaches furthest, and how far; and the one that reaches least far, with the first record it lacks.
    reaches: Option<(i64, Box<str>)>,
    lacks: Option<(i64, Box<str>)>,
}

/// A checkpoint that completed; in ms since the epoch.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    begun: i64,
    complete: i64,
}

impl Connection {
    fn take(&mut self, key: &str, adopted: Adopted) -> Answer {
        let is_told = |step: &&Step| step.told.is_some();
        let told = adopted.rolled.iter().filter(is_told).count();
        self.unsent += adopted.unsent + (adopted.rolled.len() - told) as u64;
        self.unseen += u64::from(adopted.unseen);
        self.rolled.extend(adopted.rolled.iter().filter_map(|step| Some((key.into(), step.line, step.told?.at))));
        if let Some((reaches, lacks)) = adopted.cut {
            self.reaches = self.reaches.take().max(Some((reaches, key.into())));
            let least = self.lacks.take().filter(|(least, _)| *least <= lacks);
            self.lacks = least.or_else(|| Some((lacks, key.into())));
        }
        adopted.answer
    }

    /// The key whose state is older than that of another.
    fn torn(&self) -> Option<Counterexample> {
        let ((reaches, first), (lacks, second)) = (self.reaches.as_ref()?, self.lacks.as_ref()?);
        (reaches >= lacks).then(|| Counterexample::Total {
            class: Class::Conflicting,
            key: second.to_string(),
            what: format!("its state is older than that of {first}, which has a later record"),
            sent: Some((0, *lacks)),
            emitted: Vec::new(),
        })
    }
}

impl ByRecord for Totals {
    fn add(&mut self, what: &What) {
        self.closing.add(what);
        match what {
            What::Began(head) => self.past = head.scope == Scope::Plan,
            What::Connected { offset, at, .. } => {
                self.connections.push(Connection {
                    offset: *offset,
                    at: *at,
                    past: self.past,
                    from_savepoint: std::mem::take(&mut self.from_savepoint),
                    ..Connection::default()
                });
            }
            What::Checkpoint { begun, took, .. } if *begun > 0 => {
                self.checkpoints.push_back(Checkpoint { begun: *begun, complete: begun + took });
                self.checkpoints.drain(..self.checkpoints.len().saturating_sub(CHECKPOINTS));
            }
            // It is told before or after the connection that the job makes then.
            What::Restored(restored) if restored.savepoint && restored.again.is_none() => {
                self.connections.iter_mut().rev().take(1).for_each(|last| last.from_savepoint = true);
                self.from_savepoint = true;
            }
            What::Gone { unread: true, .. } | What::Anew { .. } => self.cut = true,
            What::Read(read) if self.past => self.begin(read),
            What::Records(records) if records.topic == Topic::Input => self.sent(records),
            What::Records(records) => self.told(records),
            What::Stray(stray) => {
                self.wrong.unexpected += 1;
                self.show(Counterexample::of(stray));
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
        let newest = self.connections.last().map(|connection| connection.offset);
        let is_due = |line: &Line| match newest {
            Some(newest) => line.place.1 > newest && self.closing.was_there(line.place.0, line.place.1),
            None => self.closing.is_due(line.place.0, line.place.1),
        };
        self.unanswered().filter(|(_, line)| is_due(line)).count() as u64
    }

    fn judge(&self, delivery: Delivery) -> Judgement {
        if self.past {
            // What there was before is still being read, and is not what is judged.
            return Judgement::by_record(delivery, Counts::default(), Vec::new());
        }
        let missing = self.missing();
        let rolled: Vec<_> = self.rolled().collect();
        let lost: Vec<_> =
            rolled.iter().filter(|(_, is_lost)| *is_lost == Some(true)).map(|(rolled, _)| rolled).collect();
        let judged = || self.connections.iter().filter(|connection| !connection.past);
        let torn: Vec<Counterexample> = judged().filter_map(Connection::torn).collect();
        let unsent: u64 = judged().map(|connection| connection.unsent).sum();
        let was_right = rolled.iter().filter(|((_, line, _), _)| self.is_judged(line)).count();
        let duplicate = self.repeats.len() as u64 + self.repeats_more;
        let kept = self.right.saturating_sub(was_right as u64);
        let counts = Counts {
            complete: kept.saturating_sub(duplicate),
            duplicate: duplicate.min(kept),
            missing: self.wrong.missing + (missing.len() + lost.len()) as u64,
            conflicting: self.wrong.conflicting + torn.len() as u64,
            undecided: (self.unanswered().count() - missing.len()) as u64,
            ..self.wrong
        };
        // A total holds what was deleted before it was read as well, so none of those that are left follows from what is there; and
        // of totals that nobody read it cannot be told what they were.
        if self.cut {
            let wrong = counts.missing + counts.short + counts.over + counts.conflicting + counts.unexpected;
            let (complete, duplicate, undecided) = (counts.complete, counts.duplicate, counts.undecided + wrong);
            let counts = Counts { complete, duplicate, undecided, ..Counts::default() };
            return Judgement::by_record(delivery, counts, Vec::new());
        }
        let was = "lost: the restored checkpoint had it, and the state has not";
        let lost_ones = lost.iter().map(|(key, line, _)| missed(key, was, *line));
        let never = missing.iter().map(|(key, line)| missed(key, "no total was emitted for it", *line));
        let mut examples: Vec<Counterexample> = lost_ones.chain(never).take(SHOWN).collect();
        examples.extend(torn);
        examples.extend(self.examples.iter().cloned());
        let unexplained =
            |places: &Vec<Emission>| self.again.unexplained((places.len() as u64).saturating_sub(1), places);
        Judgement {
            records_lost: self.lost + (missing.len() + lost.len()) as u64,
            records_counted_twice: self.counted_twice,
            records_not_resent: unsent + (rolled.len() - lost.len()) as u64,
            duplicates_unexplained: self.repeats.values().map(unexplained).sum::<u64>() + self.repeats_more,
            ..Judgement::by_record(delivery, counts, examples)
        }
    }

    fn doubts(&self, record: &str) -> Vec<String> {
        let records = self.rolled().filter(|(_, is_lost)| is_lost.is_none()).count();
        let doubt = || {
            format!(
                "{records} {record}s were counted and are missing from the state since the job connected anew: whether its checkpoint had \
                 them is not known, as it was not seen to begin"
            )
        };
        let judged = self.connections.iter().filter(|connection| !connection.past);
        let keys: u64 = judged.map(|connection| connection.unseen).sum();
        let gap = || {
            format!(
                "the totals of {keys} keys go on from others that are not in the log: those of a connection in between are gone, \
                 as with the log of an instance that was removed"
            )
        };
        let late = || {
            format!("{} totals came so late that the job had connected anew before: they were not judged", self.late)
        };
        let told = [(records > 0).then(doubt), (keys > 0).then(gap), (self.late > 0).then(late)];
        told.into_iter().flatten().collect()
    }
}

impl Totals {
    /// What there was before the plan did anything is no matter of its own.
    fn begin(&mut self, read: &Read) {
        self.past = false;
        self.begins = (0..).zip(read.input.iter().map(|place| place.read)).collect();
        (self.right, self.repeats_more, self.lost, self.counted_twice) = (0, 0, 0, 0);
        self.wrong = Counts::default();
        self.repeats.clear();
        self.examples.clear();
    }

    fn is_judged(&self, line: &Line) -> bool {
        self.begins.get(&line.place.0).is_none_or(|begin| line.place.1 >= *begin)
    }

    /// When the checkpoint began that the state of a connection goes back to at most, in ms since the epoch: the newest one that
    /// was complete by then. None where none was seen.
    fn floor(&self, connection: &Connection) -> Option<i64> {
        let complete = self.checkpoints.iter().filter(|checkpoint| checkpoint.complete < connection.at);
        complete.map(|checkpoint| checkpoint.begun).max().filter(|_| !connection.from_savepoint)
    }

    /// Records that were told before a connection that is judged, and whether its state has lost them: none where that is not
    /// known.
    fn rolled(&self) -> impl Iterator<Item = (&(Box<str>, Line, i64), Option<bool>)> {
        let judged = self.connections.iter().filter(|connection| !connection.past);
        judged.flat_map(|connection| {
            let floor = self.floor(connection);
            connection.rolled.iter().map(move |rolled| (rolled, floor.map(|floor| rolled.2 < floor)))
        })
    }

    fn sent(&mut self, records: &Records) {
        let connections = self.connections.len();
        for (offset, key, numbers, _) in records.each() {
            let line = Line { place: (records.partition, offset), value: numbers.first().copied().unwrap_or_default() };
            match self.keys.get_mut(key) {
                Some(known) => known.send(line, connections),
                None => self.keys.entry(key.into()).or_default().send(line, connections),
            }
        }
    }

    fn told(&mut self, records: &Records) {
        for (offset, key, numbers, at) in records.each() {
            let &[count, ..] = numbers else { continue };
            let total = State { count: whole(count), sum: numbers.get(1).copied().unwrap_or_default() };
            let emission = Emission { count: total.count, ..Emission::at(records.partition, offset) };
            self.total(key, total, at, emission);
        }
    }

    fn total(&mut self, name: &str, total: State, at: Option<i64>, emission: Emission) {
        let Some(key) = self.keys.get_mut(name) else {
            self.wrong.unexpected += 1;
            let what = format!("{} emitted, and nothing was sent of it", text(total));
            return self.show(told(Class::Unexpected, name, what, emission));
        };
        let told = Told { at: at.unwrap_or(i64::MAX), place: (emission.partition, emission.offset) };
        let is_made = |connection: &Connection| connection.at <= told.at;
        let connection = self.connections.iter().rposition(is_made).map_or(0, |last| last + 1);
        let answer = match connection.cmp(&key.connection) {
            Ordering::Greater => {
                let until = self.connections.get(connection).map_or(i64::MAX, |next| next.offset);
                let made = &mut self.connections[connection - 1];
                let adopted = key.adopt(connection, (made.offset, until), total, told);
                made.take(name, adopted)
            }
            Ordering::Equal => key.tell(total, told),
            // What was printed before the job connected anew is read after what was printed since, as from a node that was away.
            Ordering::Less => {
                self.late += 1;
                Answer::Unknown
            }
        };
        self.answered(name, total, answer, emission);
    }

    fn answered(&mut self, name: &str, total: State, answer: Answer, emission: Emission) {
        match answer {
            Answer::Right => self.right += 1,
            Answer::Unknown => {}
            Answer::Again(first) => self.repeated(name, first, emission),
            Answer::LeftOut(lines) => {
                self.right += 1;
                self.wrong.missing += lines.len() as u64;
                self.lost += lines.len() as u64;
                for line in lines {
                    self.show(missed(name, "never counted", line));
                }
            }
            Answer::Wrong(class, expected) => {
                self.lost += expected.count.saturating_sub(total.count);
                self.counted_twice += total.count.saturating_sub(expected.count);
                let number = match class {
                    Class::Short => &mut self.wrong.short,
                    Class::Over => &mut self.wrong.over,
                    _ => &mut self.wrong.conflicting,
                };
                *number += 1;
                let what = format!("{} emitted, {} expected", text(total), text(expected));
                self.show(told(class, name, what, emission));
            }
        }
    }

    fn repeated(&mut self, name: &str, first: Option<(i32, i64)>, emission: Emission) {
        let key = (name.into(), emission.count);
        if self.repeats.len() >= REPEATS && !self.repeats.contains_key(&key) {
            self.repeats_more += 1;
            return;
        }
        let first = first.map_or(emission, |(partition, offset)| Emission { partition, offset, ..emission });
        self.repeats.entry(key).or_insert_with(|| vec![first]).push(emission);
    }

    fn show(&mut self, example: Counterexample) {
        if self.examples.len() < SHOWN {
            self.examples.push(example);
        }
    }

    /// Records without a total so far.
    fn unanswered(&self) -> impl Iterator<Item = (&str, Line)> {
        self.keys.iter().flat_map(|(name, key)| {
            let steps = key.steps.iter().filter(|step| step.told.is_none()).map(|step| step.line);
            let lines = steps.chain(key.waiting.iter().copied()).filter(|line| self.is_judged(line));
            lines.map(move |line| (&**name, line))
        })
    }

    /// Those of them that the job's checkpoints cover. A socket's are not known to be covered.
    fn missing(&self) -> Vec<(&str, Line)> {
        if !self.connections.is_empty() || !self.closing.has_closed_any() {
            return Vec::new();
        }
        let is_lost = |(_, line): &(&str, Line)| self.closing.is_closed(line.place.0, line.place.1);
        self.unanswered().filter(is_lost).collect()
    }
}

fn told(class: Class, key: &str, what: String, emission: Emission) -> Counterexample {
    Counterexample::Total { class, key: key.to_owned(), what, sent: None, emitted: vec![emission] }
}

fn missed(key: &str, what: &str, line: Line) -> Counterexample {
    let (class, key, what) = (Class::Missing, key.to_owned(), what.to_owned());
    Counterexample::Total { class, key, what, sent: Some(line.place), emitted: Vec::new() }
}

/// As in `count 3, sum 6.5`.
fn text(State { count, sum }: State) -> String {
    if sum == 0.0 { format!("count {count}") } else { format!("count {count}, sum {sum}") }
}

/// A count out of a record, which JSON may have given as any number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is no count is none that is expected")]
fn whole(count: f64) -> u64 {
    if count.fract() == 0.0 { count as u64 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::Place;
    use crate::history::texts::Texts;
    use crate::ledger::Outcome;

    fn sent(from: i64, lines: &[(&str, f64)]) -> What {
        let keys = lines.iter().map(|(key, _)| (*key).to_owned()).collect();
        let numbers = lines.iter().map(|(_, value)| *value).collect();
        What::Records(Records { topic: Topic::Input, from, keys, numbers, ..Records::default() })
    }

    /// Totals that were printed at this time.
    fn told(at: i64, totals: &[(&str, f64, f64)]) -> What {
        let keys: Texts = totals.iter().map(|(key, ..)| *key).collect();
        let numbers = totals.iter().flat_map(|(_, count, sum)| [*count, *sum]).collect();
        What::Records(Records {
            topic: Topic::Output,
            partition: 1,
            from: at,
            at: vec![at; keys.len()],
            keys,
            numbers,
            ..Records::default()
        })
    }

    fn connected(offset: i64, at: i64) -> What {
        What::Connected { partition: 0, offset, at }
    }

    fn checkpoint(begun: i64) -> What {
        What::Checkpoint { id: 1, took: 5, size: 1, begun }
    }

    fn totals(events: &[What]) -> Totals {
        let mut totals = Totals::default();
        totals.add(&What::Begins { partition: 0, from: 0 });
        events.iter().for_each(|event| totals.add(event));
        totals
    }

    fn judged(events: &[What]) -> Judgement {
        totals(events).judge(Delivery::AtLeastOnce)
    }

    /// Three lines that are counted, a checkpoint after the second total, and two more lines that nobody counts any more.
    fn broken() -> Vec<What> {
        vec![
            connected(0, 10),
            sent(1, &[("a", 1.0), ("b", 2.0), ("a", 3.0)]),
            told(20, &[("a", 1.0, 1.0), ("b", 1.0, 2.0)]),
            checkpoint(30),
            told(40, &[("a", 2.0, 4.0)]),
            sent(4, &[("a", 5.0), ("b", 6.0)]),
        ]
    }

    /// With what comes after it on the next connection.
    fn back(more: &[What]) -> Judgement {
        let begin = [connected(6, 50), sent(7, &[("a", 7.0), ("b", 8.0)])];
        judged(&[&broken()[..], &begin, more].concat())
    }

    #[test]
    fn each_line_has_its_total() {
        let judgement = judged(&broken());
        assert_eq!((judgement.outcome, judgement.counts.complete, judgement.counts.undecided), (Outcome::Pass, 3, 2));
    }

    #[test]
    fn what_a_socket_does_not_give_again_is_no_loss() {
        let judgement = back(&[told(60, &[("a", 2.0, 8.0), ("b", 2.0, 10.0)])]);
        let of = (judgement.outcome, judgement.records_not_resent, judgement.records_lost);
        assert_eq!(of, (Outcome::Pass, 3, 0), "{judgement:?}");
        assert_eq!((judgement.counts.complete, judgement.counts.undecided), (4, 0));
    }

    #[test]
    fn a_state_that_lacks_what_its_checkpoint_had_has_lost_it() {
        let judgement = back(&[told(60, &[("a", 1.0, 7.0), ("b", 2.0, 10.0)])]);
        assert_eq!((judgement.outcome, judgement.records_lost), (Outcome::Fail, 1), "{judgement:?}");
        let Counterexample::Total { class, key, sent, .. } = &judgement.counterexamples[0] else { panic!() };
        assert_eq!((*class, key.as_str(), *sent), (Class::Missing, "a", Some((0, 1))));
    }

    #[test]
    fn without_a_checkpoint_that_was_seen_the_loss_is_a_doubt() {
        let begin = [connected(6, 50), sent(7, &[("a", 7.0)]), told(60, &[("a", 1.0, 7.0)])];
        let without: Vec<What> =
            broken().into_iter().filter(|what| !matches!(what, What::Checkpoint { .. })).chain(begin).collect();
        let totals = totals(&without);
        assert_eq!(totals.judge(Delivery::AtLeastOnce).records_lost, 0);
        assert_eq!(totals.doubts("line").len(), 1);
        // It may be told only after the connection that the restored job made.
        let late = [without, vec![checkpoint(30)]].concat();
        assert_eq!(judged(&late).records_lost, 1);
    }

    #[test]
    fn the_states_of_two_keys_are_of_one_moment() {
        // The one of a has its line 3; that of b lacks its line 2.
        let judgement = back(&[told(60, &[("a", 3.0, 11.0), ("b", 1.0, 8.0)])]);
        assert_eq!((judgement.outcome, judgement.counts.conflicting), (Outcome::Fail, 1), "{judgement:?}");
    }

    #[test]
    fn a_line_that_was_left_out_is_named() {
        let lines = sent(1, &[("a", 1.0), ("a", 2.0), ("a", 4.0), ("a", 8.0)]);
        let judgement = judged(&[lines, told(9, &[("a", 1.0, 1.0), ("a", 2.0, 5.0), ("a", 3.0, 13.0)])]);
        assert_eq!((judgement.counts.missing, judgement.records_lost, judgement.counts.complete), (1, 1, 3));
        let Counterexample::Total { sent, what, .. } = &judgement.counterexamples[0] else { panic!() };
        assert_eq!((*sent, what.as_str()), (Some((0, 2)), "never counted"));
    }

    #[test]
    fn a_wrong_total_is_told_once_and_what_follows_from_it_is_right() {
        let lines = sent(1, &[("a", 1.0), ("a", 2.0), ("a", 4.0), ("a", 8.0)]);
        let judgement = judged(&[lines, told(9, &[("a", 1.0, 1.0), ("a", 3.0, 4.0), ("a", 4.0, 8.0)])]);
        assert_eq!((judgement.counts.over, judgement.records_counted_twice, judgement.counts.complete), (1, 1, 2));
        let Counterexample::Total { what, .. } = &judgement.counterexamples[0] else { panic!() };
        assert_eq!(what, "count 3, sum 4 emitted, count 2, sum 3 expected");
    }

    #[test]
    fn totals_are_told_again_where_the_input_is_read_again() {
        let lines = sent(0, &[("a", 1.0), ("a", 2.0)]);
        let again = [lines, told(9, &[("a", 1.0, 1.0)]), told(11, &[("a", 1.0, 1.0), ("a", 2.0, 3.0)])];
        let mut totals = totals(&again);
        let judgement = totals.judge(Delivery::AtLeastOnce);
        assert_eq!(
            (judgement.outcome, judgement.counts.duplicate, judgement.duplicates_unexplained),
            (Outcome::Pass, 1, 1)
        );
        totals.may_repeat(vec![0..0, 9..10]);
        assert_eq!(totals.judge(Delivery::AtLeastOnce).duplicates_unexplained, 0);
        assert_eq!(totals.judge(Delivery::ExactlyOnce).outcome, Outcome::Fail);
    }

    #[test]
    fn what_checkpoints_cover_and_has_no_total_is_lost() {
        let place = |end| Place { start: 0, read: end, end };
        let read = || What::Read(Read { committed: vec![Some(2)], input: vec![place(2)], output: vec![place(9)] });
        let mut events = vec![sent(0, &[("a", 1.0), ("b", 2.0)]), told(9, &[("a", 1.0, 1.0)]), read()];
        assert_eq!(judged(&events).counts.undecided, 1);
        events.extend([checkpoint(1), read(), checkpoint(2), read()]);
        assert_eq!((judged(&events).counts.missing, judged(&events).outcome), (1, Outcome::Fail));
    }

    #[test]
    fn whoever_begins_in_the_middle_finds_its_place() {
        let values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.0];
        let lines: Vec<(&str, f64)> = values.iter().map(|value| ("a", *value)).collect();
        // The log begins with the total of the third line, of which there were seven in all by then.
        let seen = told(9, &[("a", 7.0, 40.0), ("a", 8.0, 41.5), ("a", 9.0, 50.5)]);
        let judgement = judged(&[connected(0, 1), sent(1, &lines), seen, told(10, &[("a", 10.0, 52.5)])]);
        assert_eq!(judgement.counts.wrong(Delivery::AtLeastOnce), 0, "{judgement:?}");
        let wrong = judged(&[connected(0, 1), sent(1, &lines), told(9, &[("a", 7.0, 40.0), ("a", 8.0, 77.0)])]);
        assert_eq!(wrong.outcome, Outcome::Fail);
    }

    #[test]
    fn totals_whose_log_is_gone_are_a_doubt_and_no_mistake() {
        let gone = [connected(6, 50), sent(7, &[("a", 7.0), ("a", 9.0)]), connected(9, 70), sent(10, &[("a", 1.0)])];
        // The state has both lines of the connection in between, of which nothing was seen.
        let events = [&broken()[..], &gone, &[told(80, &[("a", 5.0, 21.0)])]].concat();
        assert_eq!(judged(&events).counts.wrong(Delivery::AtLeastOnce), 0, "{:?}", judged(&events));
        assert_eq!(totals(&events).doubts("line").len(), 1);
        let next = [&events[..], &[sent(11, &[("a", 2.0)]), told(90, &[("a", 6.0, 23.0)])]].concat();
        assert_eq!(judged(&next).counts.complete, judged(&events).counts.complete + 1);
    }

    #[test]
    fn what_a_plan_finds_is_no_matter_of_its_own() {
        let place = |end| Place { start: 0, read: end, end };
        let read = What::Read(Read { committed: vec![None], input: vec![place(6)], output: vec![] });
        let wrong = told(40, &[("a", 7.0, 4.0)]);
        let mut totals = Totals { past: true, ..Totals::default() };
        broken().iter().chain([&wrong]).for_each(|event| totals.add(event));
        assert_eq!(totals.judge(Delivery::AtLeastOnce).outcome, Outcome::Unknown);
        totals.add(&read);
        assert_eq!(totals.judge(Delivery::AtLeastOnce).counts, Counts::default());
    }

    #[test]
    fn what_is_due_is_what_the_connection_is_sent() {
        let place = |end| Place { start: 0, read: end, end };
        let read = What::Read(Read { committed: vec![None], input: vec![place(9)], output: vec![] });
        let events =
            [&broken()[..], &[connected(6, 50), sent(7, &[("a", 7.0), ("b", 8.0)]), read, What::Settling]].concat();
        assert_eq!(totals(&events).due(), 2);
        let answered = [&events[..], &[told(60, &[("a", 2.0, 8.0)])]].concat();
        assert_eq!(totals(&answered).due(), 1);
    }

    #[test]
    fn nobody_sent_what_a_total_speaks_of() {
        assert_eq!(judged(&[sent(0, &[("a", 1.0)]), told(9, &[("z", 1.0, 1.0)])]).counts.unexpected, 1);
    }

    #[test]
    fn of_an_input_that_lost_its_beginning_no_total_is_wrong() {
        let whole = [sent(2, &[("a", 4.0)]), told(9, &[("a", 1.0, 1.0), ("a", 3.0, 7.0)])];
        assert_eq!(judged(&whole).outcome, Outcome::Fail);
        let gone = What::Gone { topic: Topic::Input, partition: 0, from: 0, to: 2, unread: true };
        let cut = judged(&[&[gone][..], &whole].concat());
        assert_eq!((cut.outcome == Outcome::Fail, cut.counterexamples.len()), (false, 0));
    }
}
