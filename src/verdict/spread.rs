//! How far the counts of windows lie apart, and whether together they are what was sent: for a job with processing
//! time windows.

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::fold::Fold;
use crate::fold::spread::{Counted, Progress};

/// The counts that the output told in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Pass when counts were far off and none was lost, unknown when too few were seen.
    pub outcome: Outcome,
    /// Why it is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many counts there were.
    pub counts: usize,
    /// What each would be, were it exact: event time runs so much faster than the clock that the windows follow.
    pub expected: u64,
    /// How many were exactly that.
    pub exact: usize,
    /// How many of those after the first fault were off by more than a twentieth.
    pub far_off: usize,
    /// The lowest count of a window.
    pub least: u64,
    /// The highest.
    pub most: u64,
    /// All windows between the first and the last that were emitted, added up.
    pub sum: Option<u64>,
    /// How many records the job had read in that time, at least and at most: its checkpoints tell it to within one interval.
    pub read: Option<(u64, u64)>,
}

/// The windows of the clock end on it; a result is seen this many ms later, at the most, and offsets that a checkpoint
/// covers as much again.
const LATE_MS: i64 = 2_000;

/// The spread of a run's counts.
#[must_use]
pub fn spread(fold: &Fold) -> Spread {
    let keys = &fold.spread.counts;
    let counts: Vec<Counted> = keys.values().flatten().copied().collect();
    let expected = expected(fold);
    // A count is off by a few even at rest; what an outage does to it is another matter.
    let fault = fold.faults.first().map_or(i64::MIN, |fault| fault.at);
    let after: Vec<u64> = counts.iter().filter(|counted| counted.at > fault).map(|counted| counted.count).collect();
    let far_off = after.iter().filter(|count| count.abs_diff(expected) > expected / 20).count();
    let (sum, read) = conserved(fold).unzip();
    let strays = fold.ledger.strays();
    let (outcome, reason) = match (sum, read) {
        _ if strays > 0 => (Outcome::Fail, Some(format!("{strays} records in the output are not counts"))),
        _ if after.len() < 2 * keys.len().max(1) => {
            (Outcome::Unknown, Some("too few counts were seen after the fault".to_owned()))
        }
        _ if far_off == 0 => {
            (Outcome::Fail, Some("no count was far off after the fault, where some were expected to be".to_owned()))
        }
        (Some(sum), Some((least, most))) if !(least..=most).contains(&sum) => {
            let text = format!("the counts add up to {sum}, and the job read {least} to {most} records in that time");
            (Outcome::Fail, Some(text))
        }
        (None, _) | (_, None) => (Outcome::Unknown, Some("too little was seen to add up the counts".to_owned())),
        _ => (Outcome::Pass, None),
    };
    let values = || counts.iter().map(|counted| counted.count);
    Spread {
        outcome,
        reason,
        counts: counts.len(),
        expected,
        exact: values().filter(|count| *count == expected).count(),
        far_off,
        least: values().min().unwrap_or_default(),
        most: values().max().unwrap_or_default(),
        sum,
        read,
    }
}

/// Records of a key in a window of the clock, were they spread evenly.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a count")]
fn expected(fold: &Fold) -> u64 {
    let speed = fold.head.as_ref().map_or(1.0, |head| head.speed);
    (fold.ledger.most_sent() as f64 * speed).round() as u64
}

/// The sum of all windows after the first that every key emitted, up to the last, and between which bounds the number of
/// records lies that the job read in that time. Of a window that was emitted again the last count holds.
fn conserved(fold: &Fold) -> Option<(u64, (u64, u64))> {
    let keys = &fold.spread.counts;
    let first = keys.values().map(|counts| counts.iter().map(|counted| counted.start).min()).max()??;
    let last = keys.values().map(|counts| counts.iter().map(|counted| counted.start).max()).min()??;
    let mut sum = 0;
    for counts in keys.values() {
        let newest: std::collections::BTreeMap<i64, u64> =
            counts.iter().map(|counted| (counted.start, counted.count)).collect();
        sum += newest.range(first + 1..=last).map(|(_, count)| count).sum::<u64>();
    }
    let seen_first =
        |start: i64| keys.values().flatten().filter(|counted| counted.start == start).map(|counted| counted.at).min();
    let (begin, end) = (bounds(fold, seen_first(first)?)?, bounds(fold, seen_first(last)?)?);
    let between = |from: i64, to: i64| u64::try_from(to - from).unwrap_or_default();
    (last > first).then(|| (sum, (between(begin.1, end.0), between(begin.0, end.1))))
}

/// How many records the job had read, at least and at most, when the windows ended that were first seen at a time.
fn bounds(fold: &Fold, seen: i64) -> Option<(i64, i64)> {
    let progress = &fold.spread.progress;
    let interval =
        fold.head.as_ref().map_or(0, |head| i64::try_from(head.job.checkpoint_interval_ms).unwrap_or_default());
    let least = progress.iter().take_while(|progress| progress.at <= seen - LATE_MS).last()?.committed;
    let later = progress.iter().find(|progress| progress.at >= seen + LATE_MS + 2 * interval);
    let most = later.map(|progress| progress.committed).or_else(|| progress.last().map(|last: &Progress| last.ends))?;
    Some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::{Place, Read};
    use crate::history::traffic::{Emitted, Figures, Sent, Window};
    use crate::history::{Event, Head, Holds, Scope, What};
    use crate::settings::JobVariant;

    /// Ten windows of the clock, 15 s each, of a key that gets 1000 records in 15 s at five times the speed; the fault after
    /// the third.
    fn run(counts: [u64; 10]) -> Spread {
        let (scenario, purpose, project, plan) = Default::default();
        let (holds, scope, job) = (Holds::Spread, Scope::Plan, JobVariant::default());
        let head = Head {
            scenario,
            purpose,
            project,
            speed: 5.0,
            workload: Box::new(crate::workload::catalog::usual().unwrap()),
            job,
            holds,
            scope,
            steps: 0,
            began: 0,
            plan,
        };
        let window = |number: i64| Window { start: number * 15_000, end: number * 15_000 + 15_000 };
        let sent = Sent {
            key: "a".into(),
            window: window(0),
            count: 1000,
            figures: Figures::NONE,
            partition: 0,
            offsets: (0, 999),
            late: 0,
            under_way: false,
        };
        let mut events = vec![Event { at: 0, what: What::Began(head) }, Event { at: 0, what: What::Sent(sent) }];
        for second in 0..160 {
            let read = second * 5000 / 15;
            let place = Place { start: 0, read, end: read };
            let read = Read { committed: vec![Some(read)], input: vec![place], output: Vec::new() };
            events.push(Event { at: second * 1000, what: What::Read(read) });
            if second == 50 {
                let fault = What::Fault { fault: "kill".into(), target: "taskmanager-1".into() };
                events.push(Event { at: second * 1000, what: fault });
            }
            if second % 15 == 0 && second > 0 {
                let number = second / 15 - 1;
                let count = counts[usize::try_from(number).unwrap()];
                let (figures, partition) = (Figures::NONE, 0);
                let emitted =
                    Emitted { key: "a".into(), window: window(number), count, figures, partition, offset: number };
                events.push(Event { at: second * 1000, what: What::Emitted(emitted) });
            }
        }
        spread(&Fold::of(&events))
    }

    #[test]
    fn counts_that_differ_and_add_up_pass() {
        let seen = run([5000, 5000, 5000, 2000, 8000, 5000, 5000, 5000, 5000, 5000]);
        assert_eq!((seen.outcome, seen.expected, seen.far_off), (Outcome::Pass, 5000, 2), "{seen:?}");
        assert_eq!((seen.least, seen.most, seen.exact), (2000, 8000, 8));
    }

    #[test]
    fn counts_that_do_not_add_up_fail() {
        let seen = run([5000, 5000, 5000, 2000, 5000, 2000, 5000, 5000, 5000, 5000]);
        assert_eq!(seen.outcome, Outcome::Fail, "{seen:?}");
        assert_eq!(run([5000, 5000, 5000, 8000, 8000, 5000, 5000, 5000, 5000, 5000]).outcome, Outcome::Fail);
    }

    #[test]
    fn counts_that_are_nearly_exact_show_no_spread() {
        assert_eq!(run([5021; 10]).outcome, Outcome::Fail);
    }
}
