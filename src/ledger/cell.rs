//! One window of one key: what the input holds, and what was emitted.

use std::cmp::Ordering;

use super::{Again, Class, Emission};
use crate::history::traffic::{Figures, Sent, Window};
use crate::history::windowing::Windowing;

/// How many records of a window are kept as evidence.
const RECORDS_SHOWN: usize = 8;
/// How many different counts of a window are told apart.
const COUNTS: usize = 1024;

/// A window of one key.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Cell {
    /// Records in the input, and their figures.
    pub(super) sent: u64,
    pub(super) figures: Figures,
    /// How many of them came so late that the job may have left them out.
    late: u64,
    /// In which partitions they are, and from which offset on.
    lies: Vec<(i32, i64)>,
    /// How often it was emitted, and the lowest and the highest count.
    pub(super) emitted: u64,
    least: u64,
    pub(super) most: u64,
    /// The newest emission.
    newest: Option<Emission>,
    /// What was emitted with the highest count.
    told: Told,
    /// The different counts, of windows that are emitted anew with what comes late.
    counts: Vec<u64>,
    /// The first records of the output for it, by offset.
    pub(super) records: Vec<Emission>,
    /// Whether some of its records were deleted before it was emitted.
    gone: bool,
    /// Whether it is a session that the job may have taken for several.
    several: bool,
}

/// What emissions say of their window besides its count.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Told {
    /// There was none.
    #[default]
    None,
    /// All said this: of which window, and with which figures.
    One(Window, Figures),
    /// They differ.
    Many,
}

impl Told {
    fn add(self, other: Self) -> Self {
        match (self, other) {
            (known, Self::None) => known,
            (Self::None, other) => other,
            (Self::One(window, figures), Self::One(again, others))
                if window == again && !figures.contradict(&others) =>
            {
                let mut all = figures;
                all.checksum = all.checksum.or(others.checksum);
                (all.min, all.max) = (all.min.or(others.min), all.max.or(others.max));
                Self::One(window, all)
            }
            _ => Self::Many,
        }
    }

    /// Whether it is something else than what the input has.
    fn contradicts(self, window: Window, figures: &Figures) -> bool {
        match self {
            Self::None => false,
            Self::One(emitted, told) => emitted != window || told.contradict(figures),
            Self::Many => true,
        }
    }
}

impl Cell {
    pub(super) fn send(&mut self, sent: &Sent) {
        self.sent += sent.count;
        self.late += sent.late;
        self.figures.add(&sent.figures);
        self.lie(sent.partition, sent.offsets.0);
    }

    /// A session that was put together of parts that touch, or has a record that came late, may be several.
    pub(super) fn may_be_several(&mut self, touches: bool) {
        self.several |= touches || self.late > 0;
    }

    fn lie(&mut self, partition: i32, offset: i64) {
        if let Some((_, first)) = self.lies.iter_mut().find(|(lies, _)| *lies == partition) {
            *first = offset.min(*first);
        } else {
            self.lies.reserve_exact(1);
            self.lies.push((partition, offset));
        }
    }

    /// Adds an emission, which says that it is of this window.
    pub(super) fn emit(&mut self, window: Window, emission: Emission, windowing: &Windowing) {
        let told = Told::One(window, emission.figures);
        let counts = if windowing.fires_again() { vec![emission.count] } else { Vec::new() };
        let (emitted, count) = (1, emission.count);
        self.emitted(&Self {
            emitted,
            least: count,
            most: count,
            newest: Some(emission),
            told,
            counts,
            ..Self::default()
        });
        self.keep(emission);
    }

    /// Adds the emissions of another one, but for the records.
    fn emitted(&mut self, other: &Self) {
        if other.emitted == 0 {
            return;
        }
        let first = self.emitted == 0;
        self.told = match self.most.cmp(&other.most) {
            _ if first => other.told,
            Ordering::Less => other.told,
            Ordering::Equal => self.told.add(other.told),
            Ordering::Greater => self.told,
        };
        self.least = if first { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.emitted += other.emitted;
        self.newest = [self.newest, other.newest].into_iter().flatten().max_by_key(Emission::place);
        for count in &other.counts {
            if let (Err(place), true) = (self.counts.binary_search(count), self.counts.len() < COUNTS) {
                self.counts.insert(place, *count);
            }
        }
    }

    fn keep(&mut self, emission: Emission) {
        let place = self.records.partition_point(|kept| kept.place() <= emission.place());
        if place < RECORDS_SHOWN {
            self.records.truncate(RECORDS_SHOWN - 1);
            // Nearly every window is emitted once; the room for four that a vector would allocate adds up.
            self.records.reserve_exact(1);
            self.records.insert(place, emission);
        }
    }

    /// Takes in another one, because both are the same session.
    pub(super) fn absorb(&mut self, other: Self) {
        self.sent += other.sent;
        self.late += other.late;
        self.figures.add(&other.figures);
        other.lies.iter().for_each(|(partition, offset)| self.lie(*partition, *offset));
        self.emitted(&other);
        self.gone |= other.gone;
        self.several |= other.several;
        other.records.into_iter().for_each(|record| self.keep(record));
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

    /// How many records the job counted in any case.
    pub(super) fn sure(&self) -> u64 {
        self.sent - self.late
    }

    /// The class, given the window and whether it is closed.
    pub(super) fn class(&self, window: Window, closed: bool, windowing: &Windowing) -> Class {
        let final_count = if windowing.fires_again() { self.counted() } else { self.most };
        match (self.emitted, self.sent) {
            (0, _) if closed && !self.gone && self.sure() > 0 => Class::Missing,
            (0, _) => Class::Undecided,
            (_, 0) => Class::Unexpected,
            // The deleted records may or may not have been counted, so a count that is too low proves nothing.
            _ if self.gone && self.most <= self.sent && self.least < self.sent => Class::Undecided,
            // So it may have been counted in parts.
            _ if self.several
                && self.most <= self.sent
                && (self.least < self.sent || self.told.contradicts(window, &self.figures)) =>
            {
                Class::Undecided
            }
            // Each time, other late records may have been counted, unless it ends with all of them.
            _ if self.late > 0
                && self.least != self.most
                && self.least >= self.sure()
                && self.most <= self.sent
                && !(final_count == self.sent && windowing.fires_again()) =>
            {
                Class::Undecided
            }
            _ if self.least != self.most && !windowing.fires_again() => Class::Conflicting,
            _ if self.most > self.sent => Class::Over,
            // What came late is still to be counted, and the window to be emitted anew.
            _ if final_count < self.sure() && windowing.fires_again() && !closed => Class::Undecided,
            _ if final_count < self.sure() => Class::Short,
            // Which of the late ones were counted is not known.
            _ if final_count < self.sent => Class::Undecided,
            // The right number of records, but not the same ones.
            _ if self.told.contradicts(window, &self.figures) => Class::Conflicting,
            _ if self.repeats(windowing) == 0 => Class::Complete,
            _ => Class::Duplicate,
        }
    }

    /// Whether a window that is undecided stays so, whatever comes: which of the late records were counted is not known.
    pub(super) fn stays_undecided(&self, closed: bool) -> bool {
        closed && (self.late > 0 || self.several) && (self.emitted > 0 || self.sure() == 0)
    }

    /// How many of its emissions are no news.
    pub(super) fn repeats(&self, windowing: &Windowing) -> u64 {
        match self.counts.len() {
            _ if !windowing.fires_again() => self.emitted.saturating_sub(1),
            // There may have been more of them.
            COUNTS => 0,
            news => self.emitted.saturating_sub(news as u64),
        }
    }

    /// How many of them no restore explains.
    pub(super) fn unexplained(&self, windowing: &Windowing, again: &Again) -> u64 {
        // A restore repeats as many emissions of a window as there were, and not all of their places are kept.
        if windowing.fires_again() && again.reaches_past(self.records.first()) {
            return 0;
        }
        again.unexplained(self.repeats(windowing), &self.records)
    }

    /// Whether it is wrong, being of this class, however many more records the input had in it.
    pub(super) fn is_wrong_anyway(&self, class: Class) -> bool {
        let contradicts_itself = self.least != self.most || self.told == Told::Many;
        let contradicts_itself = contradicts_itself && self.late == 0;
        matches!(class, Class::Missing | Class::Short) || (class == Class::Conflicting && contradicts_itself)
    }

    /// The count that a consumer ends up with if it lets later records overwrite earlier ones; the highest where they lie in
    /// several partitions, whose order is not known.
    pub(super) fn counted(&self) -> u64 {
        let of = |record: &Emission| record.partition;
        let in_one = self.records.iter().all(|record| Some(of(record)) == self.newest.as_ref().map(of));
        self.newest.filter(|_| in_one).map_or(self.most, |emission| emission.count)
    }

    /// Whether every count is right and only what is said besides shows that other records were counted.
    pub(super) fn is_swapped(&self, window: Window) -> bool {
        self.emitted > 0
            && self.least == self.sent
            && self.most == self.sent
            && self.told.contradicts(window, &self.figures)
    }

    /// What is kept of the window once it is old, if that describes it completely.
    pub(super) fn regular(&self, window: Window, unexplained: u64) -> Option<Piece> {
        let right = self.least == self.sent && self.most == self.sent && !self.told.contradicts(window, &self.figures);
        let regular = self.sent > 0 && !self.several && (self.emitted == 0 || right);
        let Self { sent, late, figures, emitted, gone, .. } = *self;
        regular.then_some(Piece { sent, late, figures, emitted, unexplained, gone })
    }
}

/// What all windows of a run have in common: their number of records, and how often each was emitted with that count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    sent: u64,
    late: u64,
    figures: Figures,
    pub(super) emitted: u64,
    pub(super) unexplained: u64,
    pub(super) gone: bool,
}

impl Piece {
    /// A window of the run; the offsets of its records are forgotten.
    pub(super) fn cell(self, window: Window) -> Cell {
        let Self { sent, late, figures, emitted, gone, .. } = self;
        let (most, told) = if emitted == 0 { (0, Told::None) } else { (sent, Told::One(window, figures)) };
        let counts = if emitted == 0 { Vec::new() } else { vec![sent] };
        Cell { sent, late, figures, emitted, least: most, most, told, counts, gone, ..Cell::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { start: 0, end: 15 };

    fn emission(offset: i64, count: u64, checksum: u64) -> Emission {
        Emission { partition: 0, offset, count, figures: Figures::sum(checksum) }
    }

    fn class(cell: &Cell) -> Class {
        cell.class(WINDOW, true, &Windowing::tumbling(15))
    }

    fn emit(cell: &mut Cell, emission: Emission) {
        cell.emit(WINDOW, emission, &Windowing::tumbling(15));
    }

    fn cell(emissions: &[(u64, u64)]) -> Cell {
        let mut cell = Cell::default();
        let (key, window) = (String::new(), WINDOW);
        cell.send(&Sent {
            key,
            window,
            count: 10,
            figures: Figures::sum(45),
            partition: 3,
            offsets: (7, 16),
            late: 0,
            under_way: false,
        });
        for (offset, (count, checksum)) in (0..).zip(emissions) {
            emit(&mut cell, emission(offset, *count, *checksum));
        }
        cell
    }

    #[test]
    fn one_lost_and_another_counted_twice_is_seen_by_the_checksum() {
        assert_eq!(class(&cell(&[(10, 45)])), Class::Complete);
        assert_eq!(class(&cell(&[(10, 44)])), Class::Conflicting);
        assert!(cell(&[(10, 44)]).is_swapped(WINDOW));
        assert_eq!(class(&cell(&[(10, 45), (10, 44)])), Class::Conflicting);
        assert_eq!(class(&cell(&[(9, 44)])), Class::Short);
    }

    #[test]
    fn what_was_deleted_before_it_was_counted_is_nobodys_loss() {
        let lost = |before, emissions: &[(u64, u64)]| {
            let mut lost = cell(&[]);
            lost.lose(3, before);
            emissions.iter().for_each(|(count, checksum)| emit(&mut lost, emission(0, *count, *checksum)));
            class(&lost)
        };
        assert_eq!(lost(7, &[]), Class::Missing, "deleted up to its first record only");
        assert_eq!(lost(8, &[]), Class::Undecided);
        assert_eq!(lost(8, &[(4, 9)]), Class::Undecided);
        assert_eq!(lost(8, &[(10, 45)]), Class::Complete);
        assert_eq!(lost(8, &[(11, 50)]), Class::Over);
        let mut counted = cell(&[(9, 44)]);
        assert!(!counted.lose(3, 100), "it was emitted before");
        assert_eq!(class(&counted), Class::Short);
    }

    #[test]
    fn the_first_records_of_a_window_are_kept() {
        let mut cell = Cell::default();
        for offset in (0..100).rev() {
            emit(&mut cell, emission(offset, 1000, 0));
        }
        assert_eq!(cell.emitted, 100);
        assert_eq!(cell.records.iter().map(|record| record.offset).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_minimum_of_other_records_is_seen_and_a_figure_that_nobody_gives_is_not_missed() {
        let figures = Figures { checksum: None, min: Some(2.5), max: Some(7.0) };
        let told = |min| {
            let mut cell = cell(&[]);
            cell.figures = figures;
            let figures = Figures { min, max: None, ..figures };
            emit(&mut cell, Emission { figures, ..emission(0, 10, 45) });
            class(&cell)
        };
        assert_eq!(told(Some(2.5)), Class::Complete);
        assert_eq!(told(Some(2.0)), Class::Conflicting);
        assert_eq!(told(None), Class::Complete);
    }

    #[test]
    fn what_came_too_late_may_be_counted_or_not() {
        let told = |count| {
            let mut late = Cell { late: 3, ..cell(&[]) };
            emit(&mut late, Emission { figures: Figures::NONE, ..emission(0, count, 0) });
            class(&late)
        };
        assert_eq!(
            [6, 7, 9, 10, 11].map(told),
            [Class::Short, Class::Undecided, Class::Undecided, Class::Complete, Class::Over]
        );
        let all_late = Cell { late: 10, ..cell(&[]) };
        assert_eq!((class(&all_late), class(&cell(&[]))), (Class::Undecided, Class::Missing));
    }

    #[test]
    fn other_late_records_may_be_counted_when_a_window_is_repeated() {
        let told = |counts: &[u64]| {
            let mut late = Cell { late: 3, ..cell(&[]) };
            for (offset, count) in (0..).zip(counts) {
                emit(&mut late, Emission { figures: Figures::NONE, ..emission(offset, *count, 0) });
            }
            (class(&late), late.stays_undecided(true))
        };
        assert_eq!(told(&[7, 8]), (Class::Undecided, true));
        assert_eq!(told(&[6, 8]).0, Class::Conflicting);
        assert_eq!(told(&[8, 11]).0, Class::Conflicting);
        assert!(!cell(&[]).stays_undecided(true), "a window without late records is decided some time");
    }

    #[test]
    fn a_session_that_may_be_several_is_not_judged_by_its_parts() {
        let told = |counts: &[u64]| {
            let mut several = Cell { several: true, ..cell(&[]) };
            for (offset, count) in (0..).zip(counts) {
                emit(&mut several, Emission { figures: Figures::NONE, ..emission(offset, *count, 0) });
            }
            class(&several)
        };
        assert_eq!(told(&[4, 6]), Class::Undecided);
        assert_eq!(told(&[10]), Class::Complete);
        assert_eq!(told(&[11]), Class::Over);
        assert_eq!(told(&[]), Class::Missing);
    }

    #[test]
    fn a_window_that_is_emitted_anew_is_judged_by_what_it_ends_with() {
        let windowing = Windowing { allowed_lateness_ms: 60, waits_ms: Some(60), ..Windowing::tumbling(15) };
        let told = |closed, counts: &[u64]| {
            let mut cell = cell(&[]);
            for (offset, count) in (0..).zip(counts) {
                cell.emit(WINDOW, Emission { figures: Figures::NONE, ..emission(offset, *count, 0) }, &windowing);
            }
            (cell.class(WINDOW, closed, &windowing), cell.repeats(&windowing))
        };
        assert_eq!(told(true, &[8, 9, 10]), (Class::Complete, 0));
        assert_eq!(told(false, &[8, 9]), (Class::Undecided, 0), "the last one may still come");
        assert_eq!(told(true, &[8, 9]), (Class::Short, 0));
        assert_eq!(told(true, &[8, 11]), (Class::Over, 0));
        assert_eq!(told(true, &[8, 9, 10, 9, 10]), (Class::Duplicate, 2));
        assert_eq!(told(true, &[8, 9, 10, 8]), (Class::Short, 1), "a consumer ends up with the last one");
    }

    #[test]
    fn a_window_that_ends_with_all_of_its_late_records_is_judged_as_any_other() {
        let windowing = Windowing { allowed_lateness_ms: 60, waits_ms: Some(60), ..Windowing::tumbling(15) };
        let class = |emissions: &[(u64, u64)]| {
            let mut cell = cell(&[]);
            cell.late = 1;
            for (offset, (count, sum)) in (0..).zip(emissions) {
                cell.emit(WINDOW, Emission { figures: Figures::sum(*sum), ..emission(offset, *count, 0) }, &windowing);
            }
            cell.class(WINDOW, true, &windowing)
        };
        assert_eq!(class(&[(9, 40), (10, 45)]), Class::Complete);
        assert_eq!(class(&[(9, 40), (10, 45), (10, 45)]), Class::Duplicate);
        assert_eq!(class(&[(9, 40), (10, 44)]), Class::Conflicting, "one lost, another counted twice");
        assert_eq!(class(&[(9, 40)]), Class::Undecided);
    }
}
