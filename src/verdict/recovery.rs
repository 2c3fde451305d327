//! The recovery time, split by what happened in it. From the history alone.
//!
//! ```text
//! fault ─ detect ─▶ job down ─ outage ─▶ undo ─ restart ─▶ slots back ─ restore ─▶ all RUNNING ─ catch up ─▶ usual lag
//! ```
//!
//! The outage is the scenario's own: how long it left the target broken. The other parts are Flink's.

use serde::Serialize;

use crate::history::{Event, JobSeen, Progress, UsualLag, What};

/// The parts of a recovery, in seconds; `None` where the end of a part was not seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// From the fault to the job's first state other than all running.
    pub detect: Option<f64>,
    /// From there to the undo: the scenario's own part.
    pub outage: Option<f64>,
    /// From the undo to as many slots as before.
    pub restart: Option<f64>,
    /// From there to every subtask running.
    pub restore: Option<f64>,
    /// From there to a lag no higher than before the fault.
    pub catch_up: Option<f64>,
    /// From the fault to caught up.
    pub total: Option<f64>,
    /// The longest time without a record in `output` that a reader saw from the fault on.
    pub output_gap: Option<f64>,
    /// Records a second that the job took from `input` while it caught up, as a multiple of the usual.
    pub catch_up_speed: Option<f64>,
}

/// The moments between the parts, ms since the epoch.
#[derive(Debug, Default)]
struct Moments {
    fault: Option<i64>,
    detected: Option<i64>,
    undone: Option<i64>,
    registered: Option<i64>,
    running: Option<i64>,
    caught_up: Option<i64>,
}

/// The recovery from the first fault of a history; `None` without one.
#[must_use]
pub fn split(events: &[Event]) -> Option<Recovery> {
    let moments = moments(events);
    let fault = moments.fault?;
    Some(Recovery {
        detect: seconds(moments.fault, moments.detected),
        outage: seconds(moments.detected, moments.undone),
        restart: seconds(moments.undone, moments.registered),
        restore: seconds(moments.registered, moments.running),
        catch_up: seconds(moments.running, moments.caught_up),
        total: seconds(moments.fault, moments.caught_up),
        output_gap: output_gap(events, fault),
        catch_up_speed: catch_up_speed(events, &moments),
    })
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^52")]
fn seconds(from: Option<i64>, to: Option<i64>) -> Option<f64> {
    Some((to? - from?) as f64 / 1000.0)
}

/// Each moment is looked for only after the one before it was seen.
fn moments(events: &[Event]) -> Moments {
    let mut moments = Moments::default();
    let (mut slots_before, mut usual_lag) = (0, UsualLag::default());
    for event in events {
        let at = Some(event.at);
        match &event.what {
            What::Began(head) => usual_lag = UsualLag::of(&head.job),
            What::Fault { .. } if moments.fault.is_none() => moments.fault = at,
            What::Undoing { .. } if moments.fault.is_some() && moments.undone.is_none() => moments.undone = at,
            What::Cluster { slots, .. } if moments.fault.is_none() => slots_before = *slots,
            What::Cluster { slots, .. } if moments.undone.is_some() && moments.registered.is_none() => {
                moments.registered = at.filter(|_| *slots >= slots_before);
            }
            What::Progress(seen) if moments.fault.is_none() => usual_lag.add(event.at, seen),
            What::Progress(seen) if moments.running.is_some() && moments.caught_up.is_none() => {
                moments.caught_up = at.filter(|_| seen.lag() <= usual_lag.records());
            }
            What::Job(seen) => job(&mut moments, event.at, seen),
            _ => {}
        }
    }
    moments
}

fn job(moments: &mut Moments, at: i64, seen: &JobSeen) {
    if moments.fault.is_some() && moments.detected.is_none() && seen.is_down() {
        moments.detected = Some(at);
    }
    if moments.registered.is_some() && moments.running.is_none() && seen.is_running() {
        moments.running = Some(at);
    }
}

/// The longest pause between records of `output`, of those that end after the fault.
pub(super) fn output_gap(events: &[Event], fault: i64) -> Option<f64> {
    let records: Vec<i64> =
        events.iter().filter(|event| matches!(event.what, What::Counted { .. })).map(|event| event.at).collect();
    let gaps = records.windows(2).filter(|pair| pair[1] > fault).map(|pair| pair[1] - pair[0]);
    seconds(Some(0), gaps.max())
}

/// How fast the job read while it caught up against how fast `input` grew before the fault.
fn catch_up_speed(events: &[Event], moments: &Moments) -> Option<f64> {
    let usual = rate(events, i64::MIN, moments.fault?, |seen| &seen.ends)?;
    let catching_up = rate(events, moments.running?, moments.caught_up?, |seen| &seen.committed)?;
    Some(catching_up / usual)
}

/// Records a second between the first and the last progress seen in a time span.
#[allow(clippy::cast_precision_loss, reason = "offsets of a run are far below 2^52")]
fn rate(events: &[Event], from: i64, to: i64, offsets: impl Fn(&Progress) -> &Vec<i64>) -> Option<f64> {
    let mut seen =
        events.iter().filter(|event| (from..=to).contains(&event.at)).filter_map(|event| match &event.what {
            What::Progress(progress) => Some((event.at, offsets(progress).iter().sum::<i64>())),
            _ => None,
        });
    let (first_at, first) = seen.next()?;
    let (last_at, last) = seen.last()?;
    let rate = (last - first) as f64 / seconds(Some(first_at), Some(last_at))?;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(running: u32) -> What {
        let state = if running == 4 { "RUNNING" } else { "RESTARTING" };
        What::Job(JobSeen { state: state.into(), running, subtasks: 4, parallelism: 2, cause: None })
    }

    fn slots(slots: u32) -> What {
        What::Cluster { taskmanagers: 1, slots }
    }

    fn progress(committed: i64, end: i64) -> What {
        What::Progress(Progress { committed: vec![committed], ends: vec![end] })
    }

    fn counted() -> What {
        What::Counted { page: "/shop".into(), start: 0, count: 1000, partition: 0, offset: 0 }
    }

    fn fault(of: fn(String, String) -> What) -> What {
        of("kill".into(), "taskmanager-1".into())
    }

    fn history() -> Vec<Event> {
        let events = [
            (0, slots(2)),
            (0, job(4)),
            (1_000, progress(0, 400)),
            (2_000, progress(400, 800)),
            (2_500, counted()),
            (3_000, fault(|fault, target| What::Fault { fault, target })),
            (4_600, job(0)),
            (5_000, slots(0)),
            (6_000, progress(400, 2_400)),
            (13_000, fault(|fault, target| What::Undoing { fault, target })),
            (13_200, fault(|fault, target| What::Undone { fault, target })),
            (17_000, slots(2)),
            (17_600, job(4)),
            (17_700, progress(400, 7_000)),
            (18_500, counted()),
            (19_700, progress(6_800, 7_200)),
        ];
        events.into_iter().map(|(at, what)| Event { at, what }).collect()
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let recovery = split(&history()).unwrap();
        assert_eq!(
            recovery,
            Recovery {
                detect: Some(1.6),
                outage: Some(8.4),
                restart: Some(4.0),
                restore: Some(0.6),
                catch_up: Some(2.1),
                total: Some(16.7),
                output_gap: Some(16.0),
                catch_up_speed: Some(8.0),
            }
        );
    }

    #[test]
    fn a_part_whose_end_was_not_seen_is_unknown() {
        let events: Vec<Event> = history().into_iter().filter(|event| event.at < 17_600).collect();
        let recovery = split(&events).unwrap();
        assert_eq!(
            (recovery.restart, recovery.restore, recovery.catch_up, recovery.total),
            (Some(4.0), None, None, None)
        );
    }

    #[test]
    fn without_a_fault_there_is_no_recovery() {
        assert_eq!(split(&[]), None);
    }
}
