//! The moments of each recovery: from a fault, or several overlapping ones, to the usual lag.
//!
//! ```text
//! fault ─ detect ─▶ job down ─ outage ─▶ undo ─ restart ─▶ slots back ─ restore ─▶ all RUNNING ─ catch up ─▶ usual lag
//! ```

use super::lag::UsualLag;
use crate::history::seen::Read;

/// The moments of one recovery, in ms since the run began; none for a moment that was not seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// The first fault.
    pub fault: i64,
    /// The job's first state other than all subtasks running. A JobManager that does not answer counts as one.
    pub detected: Option<i64>,
    /// When the last undo began.
    pub undone: Option<i64>,
    /// As many slots registered as before the fault.
    pub registered: Option<i64>,
    /// Every subtask was running again, and kept running.
    pub running: Option<i64>,
    /// A lag no higher than before the fault.
    pub caught_up: Option<i64>,
    /// The longest gap between records of the output for a consumer, in ms.
    pub output_gap: Option<i64>,
    /// Records per second that arrived in the input before the fault.
    pub usual_rate: Option<f64>,
    /// Records per second that the job read while it caught up.
    pub catch_up_rate: Option<f64>,
    slots_before: u32,
    usual_lag: i64,
    /// The sum of the job's committed offsets when it was first seen running again, and when that was.
    committed: Option<(i64, i64)>,
}

/// The recoveries of a run, in order.
#[derive(Debug, Default)]
pub struct Recoveries {
    /// A fault injected before the job has recovered from the previous one belongs to that recovery.
    pub all: Vec<Recovery>,
}

impl Recoveries {
    /// A fault was injected.
    pub fn fault(&mut self, at: i64, slots: u32, usual: &UsualLag) {
        match self.all.last_mut().filter(|last| last.caught_up.is_none()) {
            Some(open) => (open.undone, open.registered, open.running) = (None, None, None),
            None => self.all.push(Recovery {
                fault: at,
                slots_before: slots,
                usual_lag: usual.records(),
                usual_rate: usual.rate(),
                ..Recovery::default()
            }),
        }
    }

    /// How many slots there were before the first fault of the newest recovery; 0 without a fault.
    #[must_use]
    pub fn slots_before(&self) -> u32 {
        self.all.last().map_or(0, |last| last.slots_before)
    }

    /// A fault is about to be undone.
    pub fn undoing(&mut self, at: i64) {
        self.open(|open| open.undone = Some(at));
    }

    /// The JobManager has this many slots.
    pub fn slots(&mut self, at: i64, slots: u32) {
        self.open(|open| {
            if open.undone.is_some() && slots >= open.slots_before {
                open.registered = open.registered.or(Some(at));
            }
        });
    }

    /// The job was seen running, or not running.
    pub fn job(&mut self, at: i64, is_running: bool) {
        self.open(|open| match (is_running, open.detected) {
            (false, _) => {
                open.detected = open.detected.or(Some(at));
                (open.running, open.committed) = (None, None);
            }
            (true, Some(_)) => open.running = open.running.or(Some(at)),
            (true, None) => {}
        });
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
            if read.lag() <= open.usual_lag {
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
    /// The moments from `fault` on, each no earlier than the one before it, so that no part of the recovery is
    /// negative: a job that comes back on other slots does so before the undo.
    #[must_use]
    pub fn in_order(&self) -> [Option<i64>; 6] {
        let before_running = |moment: Option<i64>| match (moment, self.running) {
            (Some(moment), Some(running)) => Some(moment.min(running)),
            (moment, _) => moment,
        };
        let moments = [
            Some(self.fault),
            self.detected,
            before_running(self.undone),
            before_running(self.registered),
            self.running,
            self.caught_up,
        ];
        let mut latest = self.fault;
        moments.map(|moment| {
            latest = moment?.max(latest);
            Some(latest)
        })
    }
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
        let mut usual = UsualLag::default();
        usual.add(0, &read(0, 400));
        usual.add(1_000, &read(400, 800));
        let mut recoveries = Recoveries::default();
        recoveries.fault(3_000, 2, &usual);
        recoveries
    }

    #[test]
    fn a_job_that_comes_back_on_other_slots_did_not_wait_for_the_undo() {
        let mut recoveries = faulty();
        recoveries.job(4_000, false);
        recoveries.job(5_000, true);
        recoveries.undoing(9_000);
        recoveries.slots(9_500, 2);
        recoveries.read(9_600, &read(800, 900), true);
        let moments = recoveries.all[0].in_order();
        assert_eq!(moments, [3_000, 4_000, 5_000, 5_000, 5_000, 9_600].map(Some));
    }

    #[test]
    fn an_undo_before_the_fault_is_noticed_takes_nothing_away() {
        let mut recoveries = faulty();
        recoveries.undoing(3_500);
        recoveries.job(4_500, false);
        recoveries.slots(6_000, 2);
        recoveries.job(6_500, true);
        recoveries.read(7_000, &read(800, 900), true);
        assert_eq!(recoveries.all[0].in_order(), [3_000, 4_500, 4_500, 6_000, 6_500, 7_000].map(Some));
    }

    #[test]
    fn faults_that_come_together_are_one_recovery_and_later_ones_are_another() {
        let mut recoveries = faulty();
        recoveries.job(4_000, false);
        recoveries.undoing(5_000);
        recoveries.fault(5_500, 0, &UsualLag::default());
        assert_eq!((recoveries.all.len(), recoveries.all[0].undone), (1, None));
        recoveries.undoing(6_000);
        recoveries.slots(7_000, 2);
        recoveries.job(7_500, true);
        recoveries.read(7_600, &read(400, 5_000), true);
        assert_eq!(recoveries.all[0].caught_up, None);
        recoveries.read(8_600, &read(4_400, 5_400), true);
        assert_eq!(recoveries.all[0].caught_up, None, "1000 records are more than usual");
        recoveries.read(9_600, &read(5_400, 5_800), true);
        assert_eq!((recoveries.all[0].caught_up, recoveries.all[0].catch_up_rate), (Some(9_600), Some(2_500.0)));
        recoveries.fault(20_000, 2, &UsualLag::default());
        assert_eq!((recoveries.all.len(), recoveries.all[1].fault), (2, 20_000));
    }

    #[test]
    fn a_job_that_falls_down_again_is_not_running_yet() {
        let mut recoveries = faulty();
        recoveries.job(4_000, false);
        recoveries.job(5_000, true);
        recoveries.job(5_100, false);
        recoveries.job(8_000, true);
        assert_eq!((recoveries.all[0].detected, recoveries.all[0].running), (Some(4_000), Some(8_000)));
    }
}
