//! What the events so far add up to: the one state from which conditions are answered, the ledger is judged and the
//! recovery is split. Pure: the same events always give the same state.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::history::operated::Operated;
use crate::history::seen::{JobSeen, Read};
use crate::history::traffic::{Records, Topic};
use crate::history::{DRAIN, Event, Head, Holds, Scope, What};
use crate::ledger::{Judgement, Ledger, Outcome, Terms, Words};
use crate::oracle::{ByRecord, Decided};
use crate::platform::is_instance_of;
use crate::settings::Delivery;
use crate::stack::JOBMANAGER;

use checkpoints::Checkpoints;
use faults::Faults;
use frontier::Frontier;
use job::Job;
use lag::UsualLag;
use losses::Losses;
use recovery::{Hit, Recoveries};
use restarts::Restarts;
use spread::SpreadSeen;
use steps::Steps;
use transactions::Transactions;

pub mod checkpoints;
pub mod faults;
pub mod frontier;
pub mod job;
pub mod lag;
pub mod losses;
pub mod pressure;
pub mod recovery;
pub mod restarts;
pub mod spread;
pub mod steps;
pub mod transactions;

/// The state of a run after the events so far.
#[derive(Debug, Default)]
pub struct Fold {
    /// What the run is about, once it has begun.
    pub head: Option<Head>,
    /// The time of the newest event, in ms since the run began.
    pub now: i64,
    /// How far the plan has come.
    pub steps: Steps,
    /// Windows: expected against emitted.
    pub ledger: Ledger,
    /// The ledger of a workload whose records are judged one by one, and not by window.
    pub by_record: Option<Box<dyn ByRecord>>,
    /// How far both topics were read, and what the job's group committed.
    pub read: Option<Read>,
    /// How often both topics have been read to their ends.
    pub reads: u64,
    /// How many records of the input do not belong to the workload, and the first of them.
    pub foreign: Option<(u64, String)>,
    /// Records that were deleted from the topics.
    pub losses: Losses,
    /// The job and its cluster.
    pub job: Job,
    /// Its checkpoints and restores.
    pub checkpoints: Checkpoints,
    /// The faults, and what each did.
    pub faults: Faults,
    /// How the job came back from them.
    pub recoveries: Recoveries,
    /// The lag before anything was done to the stack: the usual one.
    pub usual_lag: UsualLag,
    /// The longest time without a record in the output since the first operation began, in ms.
    pub operation_gap: Option<i64>,
    /// The operations that have ended, in order.
    pub operations: Vec<Operated>,
    /// Back pressure, once it was measured.
    pub pressure: pressure::Pressure,
    /// What a read-uncommitted reader saw, for an exactly-once job.
    pub transactions: Transactions,
    /// Each count, in a run that is meant to show a spread.
    pub spread: SpreadSeen,
    /// For each key, the starts of the windows that were emitted since the current step began.
    pub emitted: BTreeMap<String, BTreeSet<i64>>,
    /// Start of the newest window in the input when the current step, or settling, began; ms since the epoch.
    pub due: Option<i64>,
    /// How many windows were wrong when the first fault was injected.
    pub wrong_before_fault: u64,
    /// For each partition of the input, the start and length of its newest window.
    newest: BTreeMap<i32, (i64, i64)>,
    frontier: Frontier,
    restarts: Restarts,
    last_emitted: Option<i64>,
    operating: bool,
    /// Whether anything was done to the stack since the run began.
    disturbed: bool,
}

/// A partition whose newest window is this many windows behind the newest of all is not waited for: its keys are rare.
const RARE: i64 = 5;

/// Records are judged one by one where there are no windows; those that arrive in so many seconds stand in for one.
const STAND_IN_S: f64 = 3.0;

impl Fold {
    /// Adds up these events.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut fold = Self::default();
        events.into_iter().for_each(|event| fold.add(event));
        fold
    }

    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        let at = self.now;
        self.steps.add(&event.what);
        self.faults.add(at, &event.what);
        self.pressure.add(&event.what);
        self.transactions.add(at, &event.what);
        match &event.what {
            What::Began(head) => self.began(head),
            What::Step { .. } => {
                self.is_due_now();
                self.emitted.clear();
            }
            What::Settling => self.is_due_now(),
            What::Operating { .. } => {
                self.disturbed = true;
                self.operating = true;
                self.recoveries.operating();
            }
            What::Operated(operated) => self.operations.push(operated.clone()),
            What::Fault { fault, target } => self.fault(at, fault, target),
            What::Undoing { .. } => self.recoveries.undoing(at),
            What::Pod { stage, .. } => self.recoveries.pod(at, *stage),
            What::Found(_) | What::Job(_) | What::Cluster { .. } => self.cluster(at, &event.what),
            What::Triggered { .. } | What::Checkpoint { .. } | What::Restored(_) | What::Watermark { .. } => {
                self.checkpoint(at, &event.what);
            }
            What::Cut { .. } | What::Sent(_) | What::Emitted(_) | What::Records(_) | What::Stray(_) => {
                self.record(at, &event.what);
            }
            What::Foreign { records, first } => self.foreign = Some((*records, first.clone())),
            What::Read(read) => self.read(at, read),
            What::Gone { .. } | What::Compacted { .. } | What::Anew { .. } => self.lost(&event.what),
            _ => {}
        }
        if let Some(ledger) = &mut self.by_record {
            ledger.add(&event.what);
        }
    }

    fn began(&mut self, head: &Head) {
        self.usual_lag = UsualLag::of(&head.job);
        self.by_record = head.workload.oracle.rule().ledger();
        if let Some(window) = head.workload.oracle.window() {
            self.ledger = Ledger::of(window.windowing());
        }
        self.head = Some(head.clone());
    }

    fn fault(&mut self, at: i64, fault: &str, target: &str) {
        if self.faults.len() == 1 {
            self.wrong_before_fault = self.judge().counts.wrong(self.delivery());
        }
        self.disturbed = true;
        let checkpoints = self.head.as_ref().is_none_or(|head| head.job.checkpointing);
        let jobmanager = is_instance_of(target, JOBMANAGER);
        let node = fault == DRAIN;
        let (slots, usual) = (self.job.slots, &self.usual_lag);
        self.recoveries.fault(at, &Hit { jobmanager, node, checkpoints, slots, usual });
        self.checkpoints.fault();
    }

    fn cluster(&mut self, at: i64, what: &What) {
        let before = self.job.id().map(str::to_owned);
        self.job.add(at, what);
        match what {
            What::Found(facts) => self.usual_lag.found(facts.checkpoint_interval),
            What::Cluster { slots, .. } => self.recoveries.slots(at, *slots),
            What::Job(seen) => {
                self.recoveries.job(at, seen);
                self.may_have_caught_up(at);
                let takes_none = self.job.facts().is_some_and(|facts| facts.checkpoint_interval.is_none());
                if let Some(reach) = self.restarts.job(seen).filter(|_| takes_none) {
                    self.checkpoints.restarted(reach);
                }
            }
            _ => {}
        }
        if !self.job.is_running() || before.as_deref() != self.job.id() {
            self.frontier.disturbed();
        }
        self.note_order();
    }

    fn checkpoint(&mut self, at: i64, what: &What) {
        match what {
            What::Restored(restored) => {
                self.frontier.disturbed();
                if let Some(again) = &restored.again {
                    self.may_repeat(again.clone());
                }
            }
            What::Watermark { watermark, triggered } if self.job.is_running() => {
                self.frontier.watermark(*watermark, *triggered);
            }
            What::Checkpoint { id, .. } => {
                self.frontier.checkpoint(*id);
                self.recoveries.checkpoint(at);
                self.may_have_caught_up(at);
            }
            _ => {}
        }
        self.checkpoints.add(at, what, self.read.as_ref());
    }

    /// A job that runs, or a checkpoint, may be the last thing that a recovery waits for: the lag was seen before.
    fn may_have_caught_up(&mut self, at: i64) {
        if let Some(read) = &self.read {
            self.recoveries.read(at, read, self.job.is_running());
        }
    }

    fn record(&mut self, at: i64, what: &What) {
        match what {
            What::Cut { partition, whole_from } => self.ledger.input_is_whole_from(*partition, *whole_from),
            What::Sent(sent) => {
                if !sent.under_way {
                    let window = sent.window;
                    let newest = self.newest.entry(sent.partition).or_insert((window.start, window.length()));
                    newest.0 = newest.0.max(window.start);
                }
                self.ledger.sent(sent);
            }
            What::Emitted(emitted) => {
                self.emission(at);
                // Only the steps of a plan need it; `verify --follow` would accumulate it for days.
                if self.scope() == Scope::Plan {
                    self.emitted.entry(emitted.key.clone()).or_default().insert(emitted.window.start);
                }
                if self.holds() == Holds::Spread {
                    self.spread.emitted(at, emitted);
                }
                self.ledger.emitted(emitted);
            }
            What::Stray(stray) => {
                self.emission(at);
                if self.by_record.is_none() {
                    self.ledger.stray(stray.clone());
                }
            }
            What::Records(Records { topic: Topic::Output, .. }) => self.emission(at),
            _ => {}
        }
    }

    /// What the input holds now is waited for from here on.
    fn is_due_now(&mut self) {
        self.due = self.newest_window();
    }

    fn may_repeat(&mut self, again: Vec<Range<i64>>) {
        match &mut self.by_record {
            Some(ledger) => ledger.may_repeat(again),
            None => self.ledger.restored(again),
        }
    }

    fn emission(&mut self, at: i64) {
        if let Some(last) = self.last_emitted.replace(at) {
            self.recoveries.gap(at, at - last);
            if self.operating {
                self.operation_gap = self.operation_gap.max(Some(at - last));
            }
        }
    }

    fn read(&mut self, at: i64, read: &Read) {
        if self.reads == 0 && self.scope_has_a_past() {
            for (partition, place) in (0..).zip(&read.output).filter(|(_, place)| place.start > 0) {
                self.losses.output_begins_at(partition, place.start);
                self.ledger.output_is_cut(partition);
                self.by_record.iter_mut().for_each(|ledger| ledger.output_is_cut());
            }
        }
        self.reads += 1;
        if !self.disturbed {
            self.usual_lag.add(at, read);
        }
        if self.holds() == Holds::Spread {
            self.spread.read(at, read);
        }
        self.frontier.read(&read.output);
        self.restarts.read(read);
        for again in self.checkpoints.read(read) {
            self.may_repeat(again);
        }
        self.recoveries.read(at, read, self.job.is_running());
        self.read = Some(read.clone());
        self.note_order();
    }

    /// What topics hold is all there, whichever partition it is in; what a job writes now is not, and what one may write again
    /// when it is back.
    fn note_order(&mut self) {
        let partitions = self.read.as_ref().map_or(0, |read| read.output.len());
        // What lies in an open transaction is not read yet.
        let is_read = self.read.as_ref().is_some_and(|read| read.output.iter().all(|place| place.read >= place.end));
        let is_at_rest = is_read
            && match self.scope() {
                Scope::Past => true,
                Scope::Present => self.job.seen.as_ref().is_some_and(JobSeen::is_over),
                Scope::Plan | Scope::Windows(_) => false,
            };
        self.ledger.set_in_order(partitions <= 1 || is_at_rest);
    }

    /// After a topic was recreated, or the output lost records before they were read, the windows that were in progress
    /// cannot be judged any more.
    fn lost(&mut self, what: &What) {
        self.losses.add(what, &mut self.ledger);
        let is_deaf = matches!(what, What::Anew { .. } | What::Gone { topic: Topic::Output, unread: true, .. });
        let newest = self.newest.values().map(|(start, length)| start.saturating_add(length.saturating_mul(2))).max();
        if let (true, Some(after)) = (is_deaf, newest) {
            self.ledger.begin_at(after);
        }
    }

    /// What must hold at the end of the run.
    #[must_use]
    pub fn holds(&self) -> Holds {
        self.head.as_ref().map(|head| head.holds).unwrap_or_default()
    }

    /// Whether past or future windows are judged.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.head.as_ref().map(|head| head.scope).unwrap_or_default()
    }

    fn scope_has_a_past(&self) -> bool {
        matches!(self.scope(), Scope::Present | Scope::Past)
    }

    /// The delivery guarantee that the job is held to.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.head.as_ref().map_or(Delivery::AtLeastOnce, Head::delivery)
    }

    /// The judgement of the ledger so far.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        let judgement = match &self.by_record {
            Some(ledger) => ledger.judge(self.delivery()),
            None => self.ledger.judge(&Terms { delivery: self.delivery(), passed: self.passed(), until: self.until() }),
        };
        Judgement { words: self.words(), ..judgement }
    }

    /// What the workload calls what is judged.
    fn words(&self) -> Words {
        let Some(Head { workload, .. }) = &self.head else { return Words::default() };
        let (input, output) = (workload.input.topic.clone(), workload.output.place().to_owned());
        let rule = workload.oracle.rule();
        let (passes, unexpected) = (rule.passes(), rule.unexpected().map(str::to_owned));
        Words { record: workload.record.clone(), unit: self.unit().to_owned(), input, output, passes, unexpected }
    }

    /// Windows that end at or before this (ms since the epoch) are closed, because the job has passed them.
    #[must_use]
    pub fn passed(&self) -> i64 {
        self.frontier.passed()
    }

    /// Where a verdict on this many windows ends; ms since the epoch.
    #[must_use]
    pub fn until(&self) -> i64 {
        let Scope::Windows(windows) = self.scope() else { return i64::MAX };
        let windows = i64::try_from(windows).unwrap_or(i64::MAX);
        self.ledger
            .first_sent()
            .map_or(i64::MAX, |first| first.saturating_add(windows.saturating_mul(self.window_step())))
    }

    /// From the start of one window to the start of the next, in ms of event time; 0 before one was seen.
    fn window_step(&self) -> i64 {
        let slide = self.head.as_ref().and_then(|head| head.workload.oracle.window()?.slide_ms);
        slide.or(self.window_length()).unwrap_or_default()
    }

    /// The length of a window, in ms of event time, once one was seen.
    #[must_use]
    pub fn window_length(&self) -> Option<i64> {
        self.newest.values().map(|(_, length)| *length).max()
    }

    /// Start of the newest window that is complete in all partitions of the input, ignoring those that rarely get
    /// records.
    #[must_use]
    pub fn newest_window(&self) -> Option<i64> {
        let newest = self.newest.values().map(|(start, _)| *start).max()?;
        let rare = newest.saturating_sub(RARE.saturating_mul(self.window_length()?));
        self.newest.values().map(|(start, _)| *start).filter(|start| *start >= rare).min()
    }

    /// How many windows that start at `last` or before are not decided yet; ms since the epoch.
    #[must_use]
    pub fn open_until(&self, last: i64) -> usize {
        self.ledger.open_until(last, self.passed())
    }

    /// Whether all windows of a verdict on this many windows have ended in the input and are decided.
    #[must_use]
    pub fn has_judged_all(&self) -> bool {
        let until = self.until();
        let last = until.saturating_sub(self.window_step());
        // The newest window is reported only once it is complete.
        let is_told = until != i64::MAX && self.newest_window().is_some_and(|newest| newest >= last);
        is_told && self.open_until(last) == 0
    }

    /// How many results for what the input held when the current step, or settling, began are not decided yet.
    #[must_use]
    pub fn open_due(&self) -> u64 {
        match &self.by_record {
            Some(ledger) => ledger.due(),
            None => self.due.map_or(0, |due| self.open_until(due) as u64),
        }
    }

    /// Of a workload whose oracle decides nothing before the end: how many records the job has passed since this was watched.
    #[must_use]
    pub fn passed_records(&self) -> Option<u64> {
        self.by_record.as_ref().and_then(|ledger| ledger.passed())
    }

    /// For each partition of the input, the offset before which the job's checkpoints cover it, as far as the oracle asks.
    #[must_use]
    pub fn covered(&self) -> BTreeMap<i32, i64> {
        self.by_record.as_ref().map(|ledger| ledger.covered()).unwrap_or_default()
    }

    /// What it takes until a record of the input is decided.
    #[must_use]
    pub fn decided(&self) -> Decided {
        self.head.as_ref().map_or(Decided::WhenEmitted, |head| head.workload.oracle.rule().decided())
    }

    /// What is decided and counted in the ledger, in the singular: `window`, or the workload's word for a record.
    #[must_use]
    pub fn unit(&self) -> &str {
        match (&self.by_record, &self.head) {
            (Some(_), Some(head)) => &head.workload.record,
            _ => "window",
        }
    }

    /// How many results a window of all keys has; of records that are judged one by one, how many stand in for it. None before
    /// that is known.
    #[must_use]
    pub fn a_window(&self) -> Option<u64> {
        let results = if self.by_record.is_some() { self.records_of_a_window() } else { self.ledger.keys() as u64 };
        Some(results).filter(|results| *results > 0)
    }

    /// How many records a window of all keys has; of records that are judged one by one, those of [`STAND_IN_S`]. 0 before that
    /// is known.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of records")]
    pub fn records_of_a_window(&self) -> u64 {
        if self.by_record.is_some() {
            return self.usual_lag.rate().map_or(0, |rate| (rate * STAND_IN_S).ceil() as u64);
        }
        self.ledger.most_sent().saturating_mul(self.ledger.keys() as u64)
    }

    /// Records in the input that no checkpoint covers, as last seen.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.read.as_ref().map_or(0, Read::lag)
    }

    /// Whether the counts are right so far.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.judge().outcome == Outcome::Fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::traffic::{Emitted, Figures, Sent, Window};

    fn window(number: i64) -> Window {
        Window { start: number * 15, end: number * 15 + 15 }
    }

    fn sent(number: i64) -> What {
        let (key, window) = ("a".to_owned(), window(number));
        What::Sent(Sent {
            key,
            window,
            count: 10,
            figures: Figures::NONE,
            partition: 0,
            offsets: (number * 10, number * 10 + 9),
            late: 0,
            under_way: false,
        })
    }

    fn emitted(number: i64, count: u64) -> What {
        let (key, window) = ("a".to_owned(), window(number));
        What::Emitted(Emitted { key, window, count, figures: Figures::NONE, partition: 0, offset: number })
    }

    fn counts(events: Vec<What>) -> (u64, u64, usize) {
        let fold = Fold::of(&events.into_iter().map(|what| Event { at: 0, what }).collect::<Vec<_>>());
        let counts = fold.judge().counts;
        (counts.wrong(Delivery::AtLeastOnce), counts.complete, fold.losses.doubts.len())
    }

    #[test]
    fn a_topic_that_is_made_anew_leaves_a_doubt_and_blames_nobody() {
        for topic in [Topic::Input, Topic::Output] {
            let anew = What::Anew { topic, partition: 0 };
            let events = vec![
                sent(1),
                emitted(1, 10),
                sent(2),
                anew,
                emitted(2, 4),
                sent(3),
                emitted(3, 6),
                sent(4),
                emitted(4, 10),
            ];
            assert_eq!(counts(events), (0, 1, 1), "{topic:?}");
        }
        assert_eq!(counts(vec![sent(1), emitted(1, 10), sent(2), emitted(2, 4)]), (1, 1, 0));
    }

    #[test]
    fn records_of_the_output_that_nobody_read_are_not_held_against_the_job() {
        let gone = |unread| What::Gone { topic: Topic::Output, partition: 0, from: 2, to: 4, unread };
        let events = |unread| vec![sent(1), emitted(1, 10), sent(2), sent(3), gone(unread), sent(5), emitted(5, 10)];
        assert_eq!(counts(events(true)), (0, 1, 1));
        assert_eq!(counts(events(false)).0, 2, "they had been read before");
    }
}
