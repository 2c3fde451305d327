//! One window of one key: what the input holds, and what was emitted.

use super::{Class, Emission};
use crate::history::traffic::Sent;

/// How many records of a window are kept as evidence.
const RECORDS_SHOWN: usize = 8;

/// A window of one key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    /// Records in the input, and their checksum.
    pub(super) sent: u64,
    checksum: u64,
    /// In which partitions they are, and from which offset on.
    lies: Vec<(i32, i64)>,
    /// How often it was emitted, and the lowest and the highest count.
    pub(super) emitted: u64,
    least: u64,
    pub(super) most: u64,
    /// The newest emission.
    newest: Option<Emission>,
    /// The checksums of all emissions.
    checksums: Checksums,
    /// The first records of the output for it, by offset.
    pub(super) records: Vec<Emission>,
    /// Whether some of its records were deleted before it was emitted.
    gone: bool,
}

/// The checksums of a window's emissions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Checksums {
    /// There was none.
    #[default]
    None,
    /// All were this one.
    One(u64),
    /// They differ.
    Many,
}

impl Checksums {
    fn add(self, checksum: Option<u64>) -> Self {
        match (self, checksum) {
            (_, None) => self,
            (Self::None, Some(checksum)) => Self::One(checksum),
            (Self::One(known), Some(checksum)) if known == checksum => self,
            _ => Self::Many,
        }
    }

    fn contradict(self, checksum: u64) -> bool {
        match self {
            Self::None => false,
            Self::One(emitted) => emitted != checksum,
            Self::Many => true,
        }
    }
}

impl Cell {
    pub(super) fn send(&mut self, sent: &Sent) {
        self.sent += sent.count;
        self.checksum = self.checksum.wrapping_add(sent.checksum);
        if let Some((_, first)) = self.lies.iter_mut().find(|(partition, _)| *partition == sent.partition) {
            *first = sent.offsets.0.min(*first);
        } else {
            self.lies.reserve_exact(1);
            self.lies.push((sent.partition, sent.offsets.0));
        }
    }

    pub(super) fn emit(&mut self, emission: Emission) {
        let first = self.emitted == 0;
        self.least = if first { emission.count } else { self.least.min(emission.count) };
        self.most = self.most.max(emission.count);
        self.checksums = self.checksums.add(emission.checksum);
        self.emitted += 1;
        self.newest = self.newest.max(Some(emission));
        let place = self.records.partition_point(|kept| *kept <= emission);
        if place < RECORDS_SHOWN {
            self.records.truncate(RECORDS_SHOWN - 1);
            // Nearly every window is emitted once; the room for four that a vector would allocate adds up.
            self.records.reserve_exact(1);
            self.records.insert(place, emission);
        }
    }

    /// Records before an offset were deleted. Returns whether that affects this window, because it was not emitted yet.
    pub(super) fn lose(&mut self, partition: i32, before: i64) -> bool {
        let has = self.lies.iter().any(|(lies, first)| *lies == partition && *first < before);
        let newly = has && self.emitted == 0 && !self.gone;
        self.gone |= newly;
        newly
    }

    /// Whether some of its records were deleted before it was emitted.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// The class, given whether the window is closed.
    pub(super) fn class(&self, closed: bool) -> Class {
        match (self.emitted, self.sent) {
            (0, _) if closed && !self.gone => Class::Missing,
            (0, _) => Class::Undecided,
            (_, 0) => Class::Unexpected,
            // The deleted records may or may not have been counted, so a count that is too low proves nothing.
            _ if self.gone && self.most <= self.sent && self.least < self.sent => Class::Undecided,
            _ if self.least != self.most => Class::Conflicting,
            _ if self.most < self.sent => Class::Short,
            _ if self.most > self.sent => Class::Over,
            // The right number of records, but not the same ones.
            _ if self.checksums.contradict(self.checksum) => Class::Conflicting,
            (1, _) => Class::Complete,
            _ => Class::Duplicate,
        }
    }

    /// Whether it is wrong, being of this class, however many more records the input had in it.
    pub(super) fn is_wrong_anyway(&self, class: Class) -> bool {
        let contradicts_itself = self.least != self.most || self.checksums == Checksums::Many;
        matches!(class, Class::Missing | Class::Short) || (class == Class::Conflicting && contradicts_itself)
    }

    /// The count that a consumer ends up with if it lets later records overwrite earlier ones.
    pub(super) fn counted(&self) -> u64 {
        self.newest.map_or(self.most, |emission| emission.count)
    }

    /// Whether every count is right and only the checksum shows that other records were counted.
    pub(super) fn is_swapped(&self) -> bool {
        self.emitted > 0
            && self.least == self.sent
            && self.most == self.sent
            && self.checksums.contradict(self.checksum)
    }

    /// What is kept of the window once it is old, if that describes it completely.
    pub(super) fn regular(&self, unexplained: u64) -> Option<Piece> {
        let right = self.least == self.sent && self.most == self.sent && !self.checksums.contradict(self.checksum);
        let regular = self.sent > 0 && (self.emitted == 0 || right);
        let Self { sent, checksum, emitted, gone, .. } = *self;
        regular.then_some(Piece { sent, checksum, emitted, unexplained, gone })
    }
}

/// What all windows of a run have in common: their number of records, and how often each was emitted with that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    sent: u64,
    checksum: u64,
    pub(super) emitted: u64,
    pub(super) unexplained: u64,
    pub(super) gone: bool,
}

impl Piece {
    /// A window of the run; the offsets of its records are forgotten.
    pub(super) fn cell(self) -> Cell {
        let count = if self.emitted == 0 { 0 } else { self.sent };
        let checksums = if self.emitted == 0 { Checksums::None } else { Checksums::One(self.checksum) };
        let Self { sent, checksum, emitted, gone, .. } = self;
        Cell { sent, checksum, emitted, least: count, most: count, checksums, gone, ..Cell::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emission(offset: i64, count: u64, checksum: u64) -> Emission {
        Emission { partition: 0, offset, count, checksum: Some(checksum) }
    }

    fn cell(emissions: &[(u64, u64)]) -> Cell {
        let mut cell = Cell::default();
        let (key, window) = (String::new(), None);
        cell.send(&Sent { key, window, count: 10, checksum: 45, partition: 3, offsets: (7, 16), under_way: false });
        for (offset, (count, checksum)) in (0..).zip(emissions) {
            cell.emit(emission(offset, *count, *checksum));
        }
        cell
    }

    #[test]
    fn one_lost_and_another_counted_twice_is_seen_by_the_checksum() {
        assert_eq!(cell(&[(10, 45)]).class(true), Class::Complete);
        assert_eq!(cell(&[(10, 44)]).class(true), Class::Conflicting);
        assert!(cell(&[(10, 44)]).is_swapped());
        assert_eq!(cell(&[(10, 45), (10, 44)]).class(true), Class::Conflicting);
        assert_eq!(cell(&[(9, 44)]).class(true), Class::Short);
    }

    #[test]
    fn what_was_deleted_before_it_was_counted_is_nobodys_loss() {
        let lost = |before, emissions: &[(u64, u64)]| {
            let mut lost = cell(&[]);
            lost.lose(3, before);
            emissions.iter().for_each(|(count, checksum)| lost.emit(emission(0, *count, *checksum)));
            lost.class(true)
        };
        assert_eq!(lost(7, &[]), Class::Missing, "deleted up to its first record only");
        assert_eq!(lost(8, &[]), Class::Undecided);
        assert_eq!(lost(8, &[(4, 9)]), Class::Undecided);
        assert_eq!(lost(8, &[(10, 45)]), Class::Complete);
        assert_eq!(lost(8, &[(11, 50)]), Class::Over);
        let mut counted = cell(&[(9, 44)]);
        assert!(!counted.lose(3, 100), "it was emitted before");
        assert_eq!(counted.class(true), Class::Short);
    }

    #[test]
    fn the_first_records_of_a_window_are_kept() {
        let mut cell = Cell::default();
        for offset in (0..100).rev() {
            cell.emit(emission(offset, 1000, 0));
        }
        assert_eq!(cell.emitted, 100);
        assert_eq!(cell.records.iter().map(|record| record.offset).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }
}
