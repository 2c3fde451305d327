//! The moments of each recovery: from a fault, or several overlapping ones, to the usual lag.
//!
//! ```text
//! fault ─ detect ─▶ job down ─ outage ─▶ undo ─ restart ─▶ slots back ─ restore ─▶ all RUNNING ─ catch up ─▶ usual lag
//! ```
//!
//! With a JobManager among what broke, there are two more: before the slots, that a JobManager answers again, and after
//! the job runs, that its checkpoints complete again.
//!
//! ```text
//! fault ─ detect ─▶ REST gone ─ outage ─▶ undo ─▶ REST back ─▶ slots back ─▶ all RUNNING ─▶ checkpoint ─▶ usual lag
//! ```
//!
//! Where another JobManager takes over before the undo, there is no outage: what passes until it answers is Flink's own.

use std::collections::BTreeMap;

use super::lag::UsualLag;
use crate::history::seen::{JobSeen, Read};
use crate::platform::Stage;

/// The moments of one recovery, in ms since the run began; none for a moment that was not seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// The first fault.
    pub fault: i64,
    /// Whether a JobManager is among what broke.
    pub jobmanager: bool,
    /// The job's first state other than all subtasks running. A JobManager that does not answer counts as one.
    pub detected: Option<i64>,
    /// When the last undo began.
    pub undone: Option<i64>,
    /// A JobManager answered again, and went on answering; none where no JobManager broke.
    pub rest_back: Option<i64>,
    /// As many slots registered as before the fault, after the undo or under another JobManager, and did not fall below that
    /// again.
    pub registered: Option<i64>,
    /// Every subtask was running again, and kept running.
    pub running: Option<i64>,
    /// The first checkpoint after that; none where no JobManager broke.
    pub checkpointed: Option<i64>,
    /// A lag no higher than before the fault.
    pub caught_up: Option<i64>,
    /// The longest gap between records of the output for a consumer, in ms.
    pub output_gap: Option<i64>,
    /// Records per second that arrived in the input before the fault.
    pub usual_rate: Option<f64>,
    /// Records per second that the job read while it caught up.
    pub catch_up_rate: Option<f64>,
    /// When the last pod came as far as each stage after the undo, in a cluster.
    pub pods: BTreeMap<Stage, i64>,
    /// Whether a node is among what broke.
    node: bool,
    /// Whether the job takes checkpoints.
    checkpoints: bool,
    slots_before: u32,
    usual_lag: i64,
    /// The sum of the job's committed offsets when it was first seen running again, and when that was.
    committed: Option<(i64, i64)>,
}

/// What a fault hits.
#[derive(Debug)]
pub struct Hit<'a> {
    /// Whether it is a JobManager.
    pub jobmanager: bool,
    /// Whether it is a node, which may have a JobManager on it.
    pub node: bool,
    /// Whether the job takes checkpoints.
    pub checkpoints: bool,
    /// How many slots there are before it.
    pub slots: u32,
    /// The lag before anything was done.
    pub usual: &'a UsualLag,
}

/// The recoveries of a run, in order.
#[derive(Debug, Default)]
pub struct Recoveries {
    /// A fault injected before the job has recovered from the previous one belongs to that recovery.
    pub all: Vec<Recovery>,
    /// Whether something other than a fault was done to the job since: what it does then is not of the recovery.
    operated: bool,
}

impl Recoveries {
    /// A fault was injected.
    pub fn fault(&mut self, at: i64, hit: &Hit<'_>) {
        let open = match self.all.pop_if(|last| last.caught_up.is_none()) {
            Some(open) => Recovery {
                pods: BTreeMap::new(),
                undone: None,
                registered: None,
                running: None,
                checkpointed: None,
                ..open
            },
            None => Recovery {
                fault: at,
                slots_before: hit.slots,
                usual_lag: hit.usual.records(),
                usual_rate: hit.usual.rate(),
                ..Recovery::default()
            },
        };
        let (jobmanager, node) = (open.jobmanager || hit.jobmanager, open.node || hit.node);
        self.all.push(Recovery { jobmanager, node, checkpoints: hit.checkpoints, ..open });
        self.operated = false;
    }

    /// How many slots there were before the first fault of the newest recovery; 0 without a fault.
    #[must_use]
    pub fn slots_before(&self) -> u32 {
        self.all.last().map_or(0, |last| last.slots_before)
    }

    /// Whether the job is not back before one of its checkpoints has completed under a JobManager that is.
    #[must_use]
    pub fn awaits_checkpoint(&self) -> bool {
        self.all.last().is_some_and(Recovery::awaits_checkpoint)
    }

    /// A fault is about to be undone.
    pub fn undoing(&mut self, at: i64) {
        self.open(|open| open.undone = Some(at));
    }

    /// A pod came as far as a stage, and so as all before it.
    pub fn pod(&mut self, at: i64, stage: Stage) {
        self.open(|open| {
            let came = open.undone.is_some() && open.registered.is_none();
            let stages = [Stage::Scheduled, Stage::ImageThere, Stage::Started, Stage::Ready];
            for one in stages.into_iter().filter(|one| came && *one <= stage) {
                let moment = open.pods.entry(one).or_insert(at);
                // One that was seen at an earlier stage before did not wait for this look.
                if one == stage {
                    *moment = at;
                }
            }
        });
    }

    /// An operation begins.
    pub fn operating(&mut self) {
        self.operated = true;
    }

    /// The JobManager has this many slots.
    pub fn slots(&mut self, at: i64, slots: u32) {
        self.open(|open| {
            // Slots that were never lost are not back; whoever finds them under another JobManager has waited for them.
            let awaited = open.undone.is_some() || (open.jobmanager && open.detected.is_some());
            let enough = awaited && slots >= open.slots_before;
            open.registered = enough.then(|| open.registered.unwrap_or(at));
        });
    }

    /// The job was seen, or that no JobManager answers.
    pub fn job(&mut self, at: i64, seen: &JobSeen) {
        if !seen.is_running() {
            self.reopen();
        }
        let answers = seen.state != JobSeen::UNREACHABLE;
        self.open(|open| {
            open.jobmanager |= open.node && !answers;
            if seen.is_running() {
                open.running = open.running.or(open.detected.and(Some(at)));
            } else {
                open.detected = open.detected.or(Some(at));
                open.down();
            }
            if open.jobmanager && !answers {
                (open.rest_back, open.registered) = (None, None);
            } else if open.jobmanager && open.detected.is_some() {
                open.rest_back = open.rest_back.or(Some(at));
            }
        });
    }

    /// A checkpoint completed.
    pub fn checkpoint(&mut self, at: i64) {
        self.open(|open| {
            if open.jobmanager && open.running.is_some() {
                open.checkpointed = open.checkpointed.or(Some(at));
            }
        });
    }

    /// A JobManager that is back may lose its leadership once more, and the job with it: then it was not back. Seen: after
    /// ZooKeeper and JobManager were lost together, 9 s after the job ran again.
    fn reopen(&mut self) {
        let last = self.all.last_mut().filter(|last| last.jobmanager && !self.operated);
        if let Some(last) = last {
            (last.caught_up, last.catch_up_rate) = (None, None);
        }
    }

    /// A consumer of the output has waited this long, in ms, until now.
    pub fn gap(&mut self, at: i64, gap: i64) {
        if let Some(last) = self.all.last_mut().filter(|last| last.fault < at) {
            last.output_gap = last.output_gap.max(Some(gap));
        }
    }

    /// Both topics were read.
    pub fn read(&mut self, at: i64, read: &Read, is_running: bool) {
        self.open(|open| {
            if open.running.is_none() || !is_running {
                return;
            }
            let committed: i64 = read.committed.iter().flatten().sum();
            let (first, since) = *open.committed.get_or_insert((committed, at));
            if read.lag() <= open.usual_lag && !open.awaits_checkpoint() {
                open.caught_up = Some(at);
                open.catch_up_rate = rate(committed - first, at - since);
            }
        });
    }

    fn open(&mut self, change: impl FnOnce(&mut Recovery)) {
        if let Some(open) = self.all.last_mut().filter(|last| last.caught_up.is_none()) {
            change(open);
        }
    }
}

/// Records per second.
#[allow(clippy::cast_precision_loss, reason = "offsets of a run are far below 2^52")]
fn rate(records: i64, milliseconds: i64) -> Option<f64> {
    let rate = records as f64 * 1000.0 / milliseconds as f64;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

impl Recovery {
    fn awaits_checkpoint(&self) -> bool {
        self.jobmanager && self.checkpoints && self.checkpointed.is_none()
    }

    /// The job is not running.
    fn down(&mut self) {
        (self.running, self.checkpointed, self.committed) = (None, None, None);
    }

    /// The same with each moment no earlier than the one before it, so that no part of the recovery is negative: a job that
    /// comes back on other slots does so before the undo, and one that another JobManager takes over waits for that one alone.
    #[must_use]
    pub fn in_order(&self) -> Self {
        let mut ordered = self.clone();
        let taken_over = self.rest_back.is_some_and(|back| self.undone.is_none_or(|undone| back < undone));
        ordered.undone = if taken_over { self.detected } else { earlier(self.undone, self.running) };
        ordered.registered = earlier(self.registered, self.running);
        let moments = [
            &mut ordered.detected,
            &mut ordered.undone,
            &mut ordered.rest_back,
            &mut ordered.registered,
            &mut ordered.running,
            &mut ordered.checkpointed,
            &mut ordered.caught_up,
        ];
        let mut latest = self.fault;
        for moment in moments.into_iter().flatten() {
            latest = latest.max(*moment);
            *moment = latest;
        }
        ordered
    }
}

/// A moment, or an end that came before it.
fn earlier(moment: Option<i64>, end: Option<i64>) -> Option<i64> {
    moment.map(|moment| end.map_or(moment, |end| moment.min(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::Place;

    fn read(committed: i64, end: i64) -> Read {
        let input = vec![Place { start: 0, read: end, end }];
        Read { committed: vec![Some(committed)], input, output: Vec::new() }
    }

    fn faulty() -> Recoveries {
        faulty_of(false)
    }

    fn job(state: &str) -> JobSeen {
        JobSeen { running: 4, subtasks: 4, ..JobSeen::absent(state) }
    }

    fn hit(jobmanager: bool, slots: u32, usual: &UsualLag) -> Hit<'_> {
        Hit { jobmanager, node: false, checkpoints: true, slots, usual }
    }

    fn faulty_of(jobmanager: bool) -> Recoveries {
        let mut usual = UsualLag::default();
        usual.add(0, &read(0, 400));
        usual.add(1_000, &read(400, 800));
        let mut recoveries = Recoveries::default();
        recoveries.fault(3_000, &hit(jobmanager, 2, &usual));
        recoveries
    }

    /// Those of the first recovery, in their order.
    fn moments(recoveries: &Recoveries) -> String {
        let one = recoveries.all[0].in_order();
        let before = [Some(one.fault), one.detected, one.undone, one.rest_back];
        let after = [one.registered, one.running, one.checkpointed, one.caught_up];
        let moment = |moment: Option<i64>| moment.map_or_else(|| "-".to_owned(), |moment| moment.to_string());
        before.into_iter().chain(after).map(moment).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_job_that_comes_back_on_other_slots_did_not_wait_for_the_undo() {
        let mut recoveries = faulty();
        recoveries.job(4_000, &job("RESTARTING"));
        recoveries.job(5_000, &job("RUNNING"));
        recoveries.undoing(9_000);
        recoveries.slots(9_500, 2);
        recoveries.read(9_600, &read(800, 900), true);
        assert_eq!(moments(&recoveries), "3000 4000 5000 - 5000 5000 - 9600");
    }

    #[test]
    fn an_undo_before_the_fault_is_noticed_takes_nothing_away() {
        let mut recoveries = faulty();
        recoveries.undoing(3_500);
        recoveries.job(4_500, &job("RESTARTING"));
        recoveries.slots(6_000, 2);
        recoveries.job(6_500, &job("RUNNING"));
        recoveries.read(7_000, &read(800, 900), true);
        assert_eq!(moments(&recoveries), "3000 4500 4500 - 6000 6500 - 7000");
    }

    #[test]
    fn the_last_pod_to_come_as_far_counts_and_none_that_came_before_the_undo() {
        let mut recoveries = faulty();
        recoveries.pod(3_200, Stage::Ready);
        recoveries.job(4_000, &job("RESTARTING"));
        recoveries.undoing(5_000);
        recoveries.pod(5_100, Stage::Scheduled);
        recoveries.pod(5_300, Stage::Started);
        recoveries.pod(5_600, Stage::Started);
        recoveries.slots(9_000, 2);
        recoveries.pod(9_900, Stage::Ready);
        let pods: Vec<i64> = recoveries.all[0].pods.values().copied().collect();
        assert_eq!(pods, [5_100, 5_300, 5_600]);
    }

    #[test]
    fn faults_that_come_together_are_one_recovery_and_later_ones_are_another() {
        let mut recoveries = faulty();
        recoveries.job(4_000, &job("RESTARTING"));
        recoveries.undoing(5_000);
        recoveries.fault(5_500, &hit(false, 0, &UsualLag::default()));
        assert_eq!((recoveries.all.len(), recoveries.all[0].undone), (1, None));
        recoveries.undoing(6_000);
        recoveries.slots(7_000, 2);
        recoveries.job(7_500, &job("RUNNING"));
        recoveries.read(7_600, &read(400, 5_000), true);
        assert_eq!(recoveries.all[0].caught_up, None);
        recoveries.read(8_600, &read(4_400, 5_400), true);
        assert_eq!(recoveries.all[0].caught_up, None, "1000 records are more than usual");
        recoveries.read(9_600, &read(5_400, 5_800), true);
        assert_eq!((recoveries.all[0].caught_up, recoveries.all[0].catch_up_rate), (Some(9_600), Some(2_500.0)));
        recoveries.fault(20_000, &hit(false, 2, &UsualLag::default()));
        assert_eq!((recoveries.all.len(), recoveries.all[1].fault), (2, 20_000));
    }

    #[test]
    fn a_job_that_falls_down_again_is_not_running_yet() {
        let mut recoveries = faulty();
        recoveries.job(4_000, &job("RESTARTING"));
        recoveries.job(5_000, &job("RUNNING"));
        recoveries.job(5_100, &job("RESTARTING"));
        recoveries.job(8_000, &job("RUNNING"));
        assert_eq!((recoveries.all[0].detected, recoveries.all[0].running), (Some(4_000), Some(8_000)));
    }

    /// A JobManager that was lost and started again, up to the usual lag at 12 000.
    fn back() -> Recoveries {
        let mut recoveries = faulty_of(true);
        recoveries.job(3_100, &job(JobSeen::UNREACHABLE));
        recoveries.undoing(5_000);
        recoveries.slots(9_000, 0);
        recoveries.job(9_000, &job("INITIALIZING"));
        recoveries.slots(9_500, 2);
        recoveries.job(10_000, &job("RUNNING"));
        recoveries.read(10_500, &read(800, 900), true);
        recoveries.checkpoint(11_000);
        recoveries.read(12_000, &read(900, 1_000), true);
        recoveries
    }

    #[test]
    fn a_jobmanager_is_back_when_it_answers_and_the_job_when_a_checkpoint_completes() {
        assert_eq!(moments(&back()), "3000 3100 5000 9000 9500 10000 11000 12000");
    }

    #[test]
    fn a_jobmanager_that_goes_away_once_more_was_not_back() {
        let mut recoveries = back();
        recoveries.job(19_000, &job(JobSeen::UNREACHABLE));
        assert_eq!(moments(&recoveries), "3000 3100 5000 - - - - -");
        recoveries.slots(20_000, 2);
        recoveries.job(20_000, &job("RUNNING"));
        recoveries.checkpoint(21_000);
        recoveries.read(22_000, &read(900, 1_000), true);
        assert_eq!(moments(&recoveries), "3000 3100 5000 20000 20000 20000 21000 22000");
        let mut upgraded = back();
        upgraded.operating();
        upgraded.job(19_000, &job("FINISHED"));
        assert_eq!(upgraded.all[0].caught_up, Some(12_000), "an operation did that");
    }

    #[test]
    fn a_job_that_another_jobmanager_takes_over_did_not_wait_for_the_undo() {
        let mut recoveries = faulty_of(true);
        recoveries.job(3_100, &job(JobSeen::UNREACHABLE));
        recoveries.slots(6_000, 0);
        recoveries.job(6_000, &job("INITIALIZING"));
        recoveries.slots(6_500, 2);
        recoveries.job(7_000, &job("RUNNING"));
        recoveries.checkpoint(8_000);
        recoveries.undoing(9_000);
        assert_eq!(moments(&recoveries), "3000 3100 3100 6000 6500 7000 8000 -");
        recoveries.read(9_500, &read(800, 900), true);
        assert_eq!(moments(&recoveries), "3000 3100 3100 6000 6500 7000 8000 9500");
    }
}
