//! The total of one key: the records that it should hold, in their order, and what the job said of it.

use std::collections::VecDeque;

use crate::ledger::Class;

/// How many steps are kept at most: those that were told and lie further back can no longer be checked again.
const KEPT: usize = 16_384;
/// How many records are looked at, at most, for one that a total left out.
const LOOKED_AT: usize = 64;
/// The totals by which it is found out with which record a reader began that has not seen the beginning.
const FIRST: usize = 64;

/// A total: how many records there were, and what they add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct State {
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl State {
    fn plus(self, value: f64) -> Self {
        Self { count: self.count + 1, sum: self.sum + value }
    }
}

/// A record of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) place: (i32, i64),
    pub(super) value: f64,
}

/// A record of the input, with the total that it makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) line: Line,
    state: State,
    /// Its total in the output; none where it was not seen yet.
    pub(super) told: Option<Told>,
}

/// A total in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// When it was printed, in ms since the epoch.
    pub(super) at: i64,
    /// Its partition and its offset.
    pub(super) place: (i32, i64),
}

/// What a total that was told is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The one of a record that had none yet.
    Right,
    /// One that was told before; there, where that is known still.
    Again(Option<(i32, i64)>),
    /// A right one, if these records are left out.
    LeftOut(Vec<Line>),
    /// None that is right; this one was expected.
    Wrong(Class, State),
    /// One that nothing is known to compare with.
    Unknown,
}

/// What became of the old state when the job was seen on a new connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adopted {
    pub(super) answer: Answer,
    /// Records that the old state had, or was sent, and the new one has not.
    pub(super) rolled: Vec<Step>,
    /// Records that were sent before the connection, and to none on which the key was seen.
    pub(super) unsent: u64,
    /// The last record that the state has from before, and the first one that it has not; none where that is not known.
    pub(super) cut: Option<(i64, i64)>,
    /// Whether the job went on from a state that nothing is known of: it was connected in between, and of that no total was seen.
    pub(super) unseen: bool,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    /// The total before the first step.
    base: State,
    pub(super) steps: VecDeque<Step>,
    /// Records behind a connection on which the key was not seen yet.
    pub(super) waiting: VecDeque<Line>,
    /// The number of the connection that its steps were sent on; 0 for none.
    pub(super) connection: usize,
    /// Whether any total was told yet.
    heard: bool,
    /// While it is not certain with which record the totals begin: the first of them.
    first: Vec<State>,
}

impl Key {
    /// A record was sent, with so many connections made by then.
    pub(super) fn send(&mut self, line: Line, connections: usize) {
        if self.connection < connections {
            self.waiting.push_back(line);
        } else {
            self.push(line);
        }
    }

    fn push(&mut self, line: Line) {
        let state = self.last().plus(line.value);
        self.steps.push_back(Step { line, state, told: None });
        let is_done = |step: &Step| step.told.is_some();
        while self.steps.len() > KEPT && self.steps.front().is_some_and(is_done) {
            self.base = self.steps.pop_front().map_or(self.base, |step| step.state);
        }
    }

    fn last(&self) -> State {
        self.steps.back().map_or(self.base, |step| step.state)
    }

    /// The place of the step after which there are so many records.
    fn step(&self, count: u64) -> Option<usize> {
        usize::try_from(count.checked_sub(self.base.count)?.checked_sub(1)?).ok()
    }

    /// The total that the job should tell next.
    fn expected(&self) -> State {
        self.steps.iter().find(|step| step.told.is_none()).map_or_else(|| self.last(), |step| step.state)
    }

    /// The job told a total.
    pub(super) fn tell(&mut self, total: State, told: Told) -> Answer {
        let heard = std::mem::replace(&mut self.heard, true);
        match self.first.len() {
            0 => {}
            FIRST => self.first.clear(),
            _ => self.first.push(total),
        }
        let Some(step) = self.step(total.count) else {
            // One of before the first step was checked when it was told first.
            return if heard { Answer::Again(None) } else { self.begin_with(total) };
        };
        match self.steps.get_mut(step) {
            Some(known) if known.state == total => {
                if let Some(first) = known.told {
                    Answer::Again(Some(first.place))
                } else {
                    known.told = Some(told);
                    Answer::Right
                }
            }
            _ if !heard => self.begin_with(total),
            _ => self.wrong(step, total, told),
        }
    }

    /// Nothing was told before, and this is not the first total: what was before it is not known, nor, for certain, of which
    /// record it is. It is taken for that of the first one.
    fn begin_with(&mut self, total: State) -> Answer {
        self.steps.pop_front();
        self.base = total;
        self.first = vec![total];
        self.add_up();
        Answer::Unknown
    }

    fn wrong(&mut self, step: usize, total: State, told: Told) -> Answer {
        if self.begin_elsewhere(told) {
            return Answer::Unknown;
        }
        if let Some(left_out) = self.left_out(step, total, told) {
            return Answer::LeftOut(left_out);
        }
        let expected = self.expected();
        let class = match total.count.cmp(&expected.count) {
            std::cmp::Ordering::Less => Class::Short,
            std::cmp::Ordering::Equal => Class::Conflicting,
            std::cmp::Ordering::Greater => Class::Over,
        };
        self.go_on_from(total);
        Answer::Wrong(class, expected)
    }

    /// From here on it is right what follows from a wrong total: each mistake is told once.
    fn go_on_from(&mut self, total: State) {
        let told = self.steps.iter().rposition(|step| step.told.is_some()).map_or(0, |last| last + 1);
        self.steps.drain(..(told + 1).min(self.steps.len()));
        self.base = total;
        self.first.clear();
        self.add_up();
    }

    /// The records without which the total would be right, where there are some: it is right without them from here on.
    fn left_out(&mut self, step: usize, total: State, told: Told) -> Option<Vec<Line>> {
        let before = if step == 0 { self.base } else { self.steps.get(step - 1)?.state };
        let is_it = |later: &Step| before.plus(later.line.value) == total;
        let found = self.steps.iter().skip(step).take(LOOKED_AT).position(is_it).filter(|found| *found > 0)?;
        if self.steps.iter().skip(step).take(found).any(|step| step.told.is_some()) {
            return None;
        }
        let left_out = self.steps.drain(step..step + found).map(|step| step.line).collect();
        self.add_up();
        self.steps.get_mut(step)?.told = Some(told);
        Some(left_out)
    }

    /// Whether the first totals are those of later records than was thought, all of them.
    fn begin_elsewhere(&mut self, last: Told) -> bool {
        let followed = self.first.len().saturating_sub(1);
        let fits = |shift: &usize| {
            let pairs = self.first.windows(2).zip(self.steps.iter().skip(*shift));
            self.steps.len() >= shift + followed
                && pairs.into_iter().all(|(pair, step)| pair[0].plus(step.line.value) == pair[1])
        };
        let Some(shift) = (1..self.steps.len()).find(fits).filter(|_| followed > 0) else { return false };
        self.steps.drain(..shift);
        self.steps.iter_mut().take(followed).for_each(|step| step.told = Some(last));
        self.add_up();
        true
    }

    /// Makes the steps' totals follow from the base.
    fn add_up(&mut self) {
        let mut state = self.base;
        for step in &mut self.steps {
            state = state.plus(step.line.value);
            step.state = state;
        }
    }

    /// The job told a total on a new connection, which is sent the records from `from` up to, and without, `until`.
    pub(super) fn adopt(&mut self, connection: usize, (from, until): (i64, i64), total: State, told: Told) -> Adopted {
        let before_that = std::mem::replace(&mut self.connection, connection);
        let unsent = self.sent_before(from).len() as u64;
        let fresh = self.sent_before(until);
        let value = fresh.first().map_or(0.0, |line| line.value);
        let before = total.count.checked_sub(1).and_then(|before| self.kept(before));
        let fits = before.and_then(|kept| (self.after(kept).plus(value) == total).then_some(kept));
        let Some(kept) = fits.filter(|_| !fresh.is_empty()) else {
            return if self.heard && connection > before_that + 1 {
                self.adopt_unseen(fresh, total)
            } else {
                self.adopt_unfit(fresh, unsent, total, told)
            };
        };
        let rolled: Vec<Step> = self.steps.drain(kept..).collect();
        let low = self.steps.back().map_or(-1, |step| step.line.place.1);
        let high = rolled.first().map_or(from, |step| step.line.place.1);
        fresh.into_iter().for_each(|line| self.push(line));
        // What was told before the first step is not known to have been of these records.
        let cut = (kept > 0 || self.base.count == 0).then_some((low, high));
        Adopted { answer: self.tell(total, told), rolled, unsent, cut, unseen: false }
    }

    /// The state may be one of a connection in between, whose totals are in a log that is gone.
    fn adopt_unseen(&mut self, fresh: Vec<Line>, total: State) -> Adopted {
        self.steps.clear();
        fresh.into_iter().for_each(|line| self.push(line));
        Adopted { answer: self.begin_with(total), rolled: Vec::new(), unsent: 0, cut: None, unseen: true }
    }

    /// Takes the waiting records before this offset.
    fn sent_before(&mut self, offset: i64) -> Vec<Line> {
        let before = self.waiting.iter().take_while(|line| line.place.1 < offset).count();
        self.waiting.drain(..before).collect()
    }

    /// How many steps there are up to so many records; none where that is not known.
    fn kept(&self, count: u64) -> Option<usize> {
        let kept = usize::try_from(count.checked_sub(self.base.count)?).ok()?;
        (kept <= self.steps.len()).then_some(kept)
    }

    fn after(&self, kept: usize) -> State {
        if kept == 0 { self.base } else { self.steps[kept - 1].state }
    }

    /// The state does not follow from any that the job had.
    fn adopt_unfit(&mut self, fresh: Vec<Line>, unsent: u64, total: State, told: Told) -> Adopted {
        let (heard, expected) = (self.heard, self.expected());
        let rolled: Vec<Step> = self.steps.drain(..).filter(|_| heard).collect();
        (self.base, self.heard) = (State::default(), false);
        self.first.clear();
        fresh.into_iter().for_each(|line| self.push(line));
        let answer = self.tell(total, told);
        self.heard = true;
        let answer = match (heard, total.count.cmp(&expected.count)) {
            (false, _) => answer,
            (true, std::cmp::Ordering::Less) => Answer::Wrong(Class::Short, expected),
            (true, std::cmp::Ordering::Equal) => Answer::Wrong(Class::Conflicting, expected),
            (true, std::cmp::Ordering::Greater) => Answer::Wrong(Class::Over, expected),
        };
        Adopted { answer, rolled, unsent, cut: None, unseen: false }
    }
}
