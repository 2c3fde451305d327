//! How many records of the input a job has passed: all that came of them is in the output, and was read. For oracles that judge
//! the output, where silence may be right: see [`closing`](super::closing) for what proves it.

use std::collections::BTreeMap;

use super::closing::Closing;
use crate::history::What;
use crate::history::traffic::Topic;

/// The input as far as it was read, and as far as the job has passed it. Records are counted by their offsets.
#[derive(Debug, Clone, Default)]
pub(super) struct Passing {
    closing: Closing,
    /// Where each partition of the input ended when both topics were read for the first time.
    first: Option<Vec<i64>>,
    /// How far each was read.
    read: Vec<i64>,
    /// The oldest record of each that counts.
    begin: BTreeMap<i32, i64>,
}

impl Passing {
    /// Adds what was seen of the input and of checkpoints.
    pub(super) fn add(&mut self, what: &What) {
        self.closing.add(what);
        match what {
            What::Begins { partition, from: begin }
            | What::Gone { topic: Topic::Input, partition, to: begin, unread: true, .. } => {
                let known = self.begin.entry(*partition).or_default();
                *known = (*known).max(*begin);
            }
            What::Read(read) => {
                self.read = read.input.iter().map(|place| place.read).collect();
                self.first.get_or_insert_with(|| self.read.clone());
            }
            _ => {}
        }
    }

    /// Records of the output were gone before they were read: from here on, nothing is known to be passed.
    pub(super) fn output_is_cut(&mut self) {
        self.closing.output_is_cut();
    }

    /// The offset before which all records of a partition are passed.
    pub(super) fn until(&self, partition: i32) -> i64 {
        self.closing.closed(partition)
    }

    /// The same of each partition.
    pub(super) fn all_until(&self) -> BTreeMap<i32, i64> {
        (0..).zip(&self.read).map(|(partition, _)| (partition, self.until(partition))).collect()
    }

    /// How many records are passed.
    pub(super) fn passed(&self) -> u64 {
        self.count(|partition, _| (self.begin(partition), self.until(partition)))
    }

    /// Those of them that came after both topics had been read for the first time: what a job did before is no sign of how it is
    /// now.
    pub(super) fn passed_since(&self) -> u64 {
        let first = |place: usize| self.first.as_ref().and_then(|first| first.get(place).copied());
        self.count(|partition, place| {
            let first = first(place).unwrap_or_default();
            (first.max(self.begin(partition)), self.until(partition))
        })
    }

    /// How many records were read, and are not passed.
    pub(super) fn open(&self) -> u64 {
        self.count(|partition, place| (self.until(partition).max(self.begin(partition)), self.read[place]))
    }

    /// How many of those that the input held when the current step, or settling, began are not passed.
    pub(super) fn due(&self) -> u64 {
        self.count(|partition, _| self.closing.due(partition))
    }

    fn begin(&self, partition: i32) -> i64 {
        self.begin.get(&partition).copied().unwrap_or_default()
    }

    /// Adds up spans of offsets, one a partition.
    fn count(&self, span: impl Fn(i32, usize) -> (i64, i64)) -> u64 {
        let length = |(partition, place)| {
            let (from, to) = span(partition, place);
            u64::try_from(to - from).unwrap_or_default()
        };
        (0..).zip(0..self.read.len()).map(length).sum()
    }
}

#[cfg(test)]
pub(super) mod testing {
    use crate::history::What;
    use crate::history::seen::{Place, Read};

    /// A checkpoint completed.
    pub(in crate::oracle) fn checkpoint() -> What {
        What::Checkpoint { id: 1, took: 1, size: 1, begun: 0 }
    }

    /// One partition of the input was read to `input`, of which `committed` is committed.
    pub(in crate::oracle) fn read(input: i64, committed: i64) -> What {
        let place = |end| Place { start: 0, read: end, end };
        What::Read(Read { committed: vec![Some(committed)], input: vec![place(input)], output: vec![place(9)] })
    }

    /// Two checkpoints pass, with this committed of as much.
    pub(in crate::oracle) fn pass(to: i64) -> Vec<What> {
        vec![checkpoint(), read(to, to), checkpoint(), read(to, to)]
    }

    pub(in crate::oracle) fn begins(from: i64) -> What {
        What::Begins { partition: 0, from }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{begins, checkpoint, pass, read};
    use super::*;

    fn passing(events: &[What]) -> Passing {
        let mut passing = Passing::default();
        events.iter().for_each(|event| passing.add(event));
        passing
    }

    #[test]
    fn a_record_is_passed_once_checkpoints_cover_it() {
        let mut events = vec![begins(0), read(5, 5)];
        assert_eq!((passing(&events).passed(), passing(&events).open()), (0, 5));
        events.extend([checkpoint(), read(5, 5)]);
        assert_eq!(passing(&events).passed(), 0, "its output may come after its checkpoint");
        events.extend([checkpoint(), read(7, 5)]);
        let passing = passing(&events);
        assert_eq!((passing.passed(), passing.open(), passing.until(0)), (5, 2, 5));
    }

    #[test]
    fn what_was_there_before_counts_but_is_no_sign_of_the_present() {
        let events = [vec![begins(0), read(5, 5)], pass(5), pass(8)].concat();
        assert_eq!((passing(&events).passed(), passing(&events).passed_since()), (8, 3));
    }

    #[test]
    fn what_was_not_read_does_not_count() {
        let events = [vec![begins(100), read(105, 50)], pass(105)].concat();
        assert_eq!((passing(&events).passed(), passing(&events).open()), (5, 0));
        let gone = What::Gone { topic: Topic::Input, partition: 0, from: 0, to: 3, unread: true };
        assert_eq!(passing(&[vec![begins(0), gone], pass(5)].concat()).passed(), 2);
    }

    #[test]
    fn what_is_due_is_what_the_input_held_then() {
        let mut events = vec![begins(0), read(5, 0), What::Settling, read(9, 0)];
        assert_eq!(passing(&events).due(), 5);
        events.extend(pass(5));
        assert_eq!(passing(&events).due(), 0);
    }

    #[test]
    fn what_was_deleted_from_the_output_may_have_been_anything() {
        let mut passing = passing(&[begins(0), read(5, 0), What::Settling]);
        passing.output_is_cut();
        pass(5).iter().for_each(|event| passing.add(event));
        assert_eq!((passing.passed(), passing.due()), (0, 5));
    }
}
