//! When a step has seen what it awaits. Pure: a question to the picture.

use std::collections::BTreeSet;

use super::Await;
use super::picture::Picture;
use crate::settings::Delivery;
use crate::verdict::Outcome;
use crate::verdict::ledger::Judgement;
use crate::workload::{CLICKS_PER_WINDOW, PAGES, WINDOW_MS};

/// What a step's condition says of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds; the text says what was seen.
    Holds(String),
    /// It does not yet; the text says what was seen instead.
    NotYet(String),
    /// It cannot hold any more; the text says why.
    Never(String),
}

/// Asks whether what a step awaits was seen.
#[must_use]
pub fn ask(what: Await, picture: &Picture, delivery: Delivery) -> Answer {
    match what {
        Await::SteadyState { windows } => steady_state(windows, picture, delivery),
        Await::Detected => detected(picture),
        Await::Backlog { windows } => backlog(windows, picture),
        Await::Registered => registered(picture),
        Await::Restored => restored(picture),
        Await::Running => running(picture),
        Await::WaitingForSlots => waiting_for_slots(picture),
        Await::Emitted { windows } => emitted(windows, picture),
        Await::InTransaction => in_transaction(picture),
        Await::BackPressured => pressure(picture, |share| share >= SEVERE, true),
        Await::Relieved => pressure(picture, |share| share <= NONE, false),
        Await::CaughtUp => caught_up(picture),
        Await::Judged => judged(picture, delivery),
    }
}

fn either(holds: bool, text: String) -> Answer {
    if holds { Answer::Holds(text) } else { Answer::NotYet(text) }
}

fn steady_state(windows: u64, picture: &Picture, delivery: Delivery) -> Answer {
    let judgement = picture.tally.judge(delivery);
    if judgement.outcome == Outcome::Fail {
        return Answer::Never("windows were wrong before any fault".to_owned());
    }
    let exact = exact(&judgement);
    let lag = picture
        .progress
        .as_ref()
        .map_or_else(|| "lag unknown".to_owned(), |seen| format!("lag {} records", seen.lag()));
    let holds = exact >= windows * PAGES.len() as u64 && picture.is_running() && picture.progress.is_some();
    either(holds, format!("{exact} windows exact, {lag}"))
}

fn exact(judgement: &Judgement) -> u64 {
    judgement.counts.complete + judgement.counts.duplicate
}

fn detected(picture: &Picture) -> Answer {
    match (&picture.job, picture.detected) {
        (Some(job), true) => Answer::Holds(match &job.cause {
            Some(cause) => format!("job {}: {}", job.state, short(cause)),
            None => format!("job {}, {} of {} subtasks", job.state, job.running, job.subtasks),
        }),
        (Some(job), false) => {
            Answer::NotYet(format!("job {}, {} of {} subtasks", job.state, job.running, job.subtasks))
        }
        (None, _) => Answer::NotYet("the job was not seen yet".to_owned()),
    }
}

/// A root cause without its package, and without what its first sentence leads to.
fn short(cause: &str) -> String {
    let (class, message) = cause.split_once(": ").unwrap_or((cause, ""));
    let class = class.rsplit('.').next().unwrap_or(class);
    let sentence = message.split(". ").next().unwrap_or(message).trim_end_matches('.');
    if sentence.is_empty() { class.to_owned() } else { without_id(sentence) }
}

/// Without the `with id 172.18.0.5:36123-1f2e3d` that Flink gives every TaskManager: the user knows it by another name.
fn without_id(sentence: &str) -> String {
    match sentence.split_once(" with id ") {
        Some((before, rest)) => format!("{before}{}", rest.find(' ').map_or("", |end| &rest[end..])),
        None => sentence.to_owned(),
    }
}

fn backlog(windows: u64, picture: &Picture) -> Answer {
    let wanted = windows * CLICKS_PER_WINDOW * PAGES.len() as u64;
    let lag = picture.lag();
    either(u64::try_from(lag).is_ok_and(|lag| lag >= wanted), format!("{lag} of {wanted} records wait in input"))
}

fn registered(picture: &Picture) -> Answer {
    let (now, before) = (picture.slots, picture.slots_before_fault);
    either(now >= before, format!("{now} of {before} slots"))
}

fn restored(picture: &Picture) -> Answer {
    match (picture.restored, picture.checkpoint) {
        (Some(id), Some(seen)) if seen.id == id => {
            let age = picture.fault_at.map_or(0, |fault| fault - seen.triggered);
            Answer::Holds(format!("checkpoint {id}, {} old at the fault, {}", seconds(age), bytes(seen.size)))
        }
        (Some(id), _) => Answer::Holds(format!("checkpoint {id}")),
        (None, _) if !picture.checkpointing && picture.detected && picture.is_running() => {
            Answer::Holds("no checkpoint: the job started again without its state".to_owned())
        }
        (None, _) => Answer::NotYet("no restore yet".to_owned()),
    }
}

fn seconds(ms: i64) -> String {
    // One digit after the point says what a human wants to know of an age.
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

fn bytes(size: u64) -> String {
    if size < 1024 { format!("{size} B") } else { format!("{} KiB", size / 1024) }
}

fn running(picture: &Picture) -> Answer {
    match &picture.job {
        Some(job) => either(job.is_running(), format!("{} of {} subtasks", job.running, job.subtasks)),
        None => Answer::NotYet("the job was not seen yet".to_owned()),
    }
}

fn waiting_for_slots(picture: &Picture) -> Answer {
    match &picture.job {
        Some(job) => {
            let (needed, there) = (job.parallelism, picture.slots);
            let text = format!("{needed} slots needed, {there} there; {} of {} subtasks", job.running, job.subtasks);
            either(job.is_down() && needed > there, text)
        }
        None => Answer::NotYet("the job was not seen yet".to_owned()),
    }
}

fn emitted(windows: u64, picture: &Picture) -> Answer {
    let least = PAGES.iter().map(|page| picture.emitted.get(*page).map_or(0, BTreeSet::len)).min();
    let least = least.unwrap_or_default() as u64;
    either(least >= windows, format!("{least} of {windows} windows of every page"))
}

/// Open for long enough that a fault done now falls into it: records are in it, and the next checkpoint, which commits it,
/// is not near.
fn in_transaction(picture: &Picture) -> Answer {
    let records = picture.uncommitted.len();
    let age = picture.checkpoint.map_or(i64::MAX, |seen| picture.now - seen.triggered);
    let is_far = age < picture.checkpoint_interval / 2;
    let age = if age == i64::MAX { "no checkpoint yet".to_owned() } else { format!("checkpoint {} ago", seconds(age)) };
    either(records > 0 && is_far, format!("{records} records written and not committed, {age}"))
}

/// Shares of time that a source waits: a lot, and hardly ever. Flink's own levels, in the web UI, are HIGH above 0.5 and OK
/// up to 0.1.
const SEVERE: f64 = 0.5;
const NONE: f64 = 0.1;

fn pressure(picture: &Picture, is_so: impl Fn(f64) -> bool, even_minute: bool) -> Answer {
    let Some(seen) = &picture.pressure else { return Answer::NotYet("not measured yet".to_owned()) };
    let minute = if even_minute { "even" } else { "odd" };
    let slow = seen.slow.as_ref().map_or_else(|| "nothing waits".to_owned(), |vertex| format!("{vertex} is slow"));
    let text = format!("source back-pressured {:.0} %, {slow}, lag {} records", seen.source * 100.0, picture.lag());
    match seen.even_minute {
        Some(even) if even == even_minute => either(is_so(seen.source), format!("{text}, in an {minute} minute")),
        _ => Answer::NotYet(format!("{text}; an {minute} minute is awaited")),
    }
}

fn caught_up(picture: &Picture) -> Answer {
    let (lag, usual) = (picture.lag(), picture.usual_lag.records());
    let holds = picture.progress.is_some() && picture.is_running() && lag <= usual;
    either(holds, format!("lag {lag} records, {usual} at most at rest"))
}

fn judged(picture: &Picture, delivery: Delivery) -> Answer {
    // The window that was under way then may hold clicks of the outage as well.
    let Some(last) = picture.newest_at_step.map(|newest| newest + WINDOW_MS) else {
        return Answer::NotYet("no whole window in input yet".to_owned());
    };
    let windows = picture.tally.judge(delivery).windows_judged;
    if picture.tally.newest_window().is_none_or(|newest| newest < last) {
        return Answer::NotYet(format!("{windows} windows decided, the last one is not over in input"));
    }
    let open = picture.tally.open_until(last);
    either(open == 0, format!("{windows} windows decided, {open} still open"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Event, Head, Holds, JobSeen, PressureSeen, Progress, What};
    use crate::settings::JobVariant;

    fn picture(events: impl IntoIterator<Item = What>) -> Picture {
        let mut picture = Picture::default();
        for (at, what) in (0..).zip(events) {
            picture.add(&Event { at, what });
        }
        picture
    }

    fn job(state: &str, running: u32) -> What {
        What::Job(JobSeen { state: state.into(), running, subtasks: 4, parallelism: 2, cause: None })
    }

    fn kill() -> What {
        What::Fault { fault: "kill".into(), target: "taskmanager-1".into() }
    }

    fn lag(records: i64) -> What {
        What::Progress(Progress { committed: vec![0; 6], ends: vec![records, 0, 0, 0, 0, 0] })
    }

    fn answer(what: Await, events: impl IntoIterator<Item = What>) -> Answer {
        ask(what, &picture(events), Delivery::AtLeastOnce)
    }

    #[test]
    fn a_job_that_was_down_before_the_fault_has_not_noticed_it() {
        assert!(matches!(answer(Await::Detected, [job("RESTARTING", 0), kill()]), Answer::NotYet(_)));
        assert!(matches!(answer(Await::Detected, [kill(), job("RESTARTING", 0)]), Answer::Holds(_)));
    }

    #[test]
    fn slots_are_awaited_up_to_what_there_was_before_the_fault() {
        let slots = |slots| What::Cluster { taskmanagers: 1, slots };
        assert_eq!(answer(Await::Registered, [slots(2), kill(), slots(0)]), Answer::NotYet("0 of 2 slots".into()));
        assert_eq!(
            answer(Await::Registered, [slots(2), kill(), slots(0), slots(2)]),
            Answer::Holds("2 of 2 slots".into())
        );
    }

    #[test]
    fn running_means_every_subtask() {
        assert_eq!(answer(Await::Running, [job("RUNNING", 3)]), Answer::NotYet("3 of 4 subtasks".into()));
        assert_eq!(answer(Await::Running, [job("RUNNING", 4)]), Answer::Holds("4 of 4 subtasks".into()));
    }

    #[test]
    fn a_job_waits_for_slots_when_it_needs_more_than_there_are() {
        let slots = |slots| What::Cluster { taskmanagers: 1, slots };
        assert!(matches!(answer(Await::WaitingForSlots, [slots(2), job("RUNNING", 2)]), Answer::NotYet(_)));
        assert!(matches!(answer(Await::WaitingForSlots, [slots(1), job("RUNNING", 0)]), Answer::Holds(_)));
    }

    #[test]
    fn a_transaction_is_open_when_records_wait_and_the_next_checkpoint_is_far() {
        let uncommitted = || What::Uncommitted { page: "/shop".into(), start: 0, count: 1, partition: 0, offset: 7 };
        let counted = || What::Counted { page: "/shop".into(), start: 0, count: 1, partition: 0, offset: 7 };
        let checkpoint = || What::Checkpoint { id: 1, triggered: 0, size: 1 };
        let began = || {
            let (scenario, purpose, project) = Default::default();
            let job = JobVariant::default();
            What::Began(Head { scenario, purpose, project, speed: 1.0, job, holds: Holds::Exact })
        };
        assert!(matches!(answer(Await::InTransaction, [began(), uncommitted()]), Answer::NotYet(_)));
        assert!(matches!(answer(Await::InTransaction, [began(), checkpoint(), uncommitted()]), Answer::Holds(_)));
        let committed = [began(), checkpoint(), uncommitted(), counted()];
        assert!(matches!(answer(Await::InTransaction, committed), Answer::NotYet(_)));
    }

    #[test]
    fn pressure_counts_in_the_minute_that_is_meant() {
        let seen = |source, even_minute| What::Pressure(PressureSeen { source, slow: None, even_minute });
        assert!(matches!(answer(Await::BackPressured, [seen(0.9, Some(true))]), Answer::Holds(_)));
        assert!(matches!(answer(Await::BackPressured, [seen(0.9, None)]), Answer::NotYet(_)));
        assert!(matches!(answer(Await::BackPressured, [seen(0.9, Some(false))]), Answer::NotYet(_)));
        assert!(matches!(answer(Await::Relieved, [seen(0.0, Some(false))]), Answer::Holds(_)));
        assert!(matches!(answer(Await::Relieved, [seen(0.9, Some(false))]), Answer::NotYet(_)));
    }

    #[test]
    fn windows_are_emitted_when_every_page_has_so_many() {
        let counted = |page: &str| What::Counted { page: page.into(), start: 0, count: 1, partition: 0, offset: 7 };
        let all = PAGES.map(counted);
        assert!(matches!(answer(Await::Emitted { windows: 1 }, all.clone()), Answer::Holds(_)));
        assert!(matches!(answer(Await::Emitted { windows: 2 }, all.clone()), Answer::NotYet(_)));
        assert!(matches!(answer(Await::Emitted { windows: 1 }, all.into_iter().skip(1)), Answer::NotYet(_)));
    }

    #[test]
    fn caught_up_is_measured_against_the_lag_before_the_fault() {
        let before = [job("RUNNING", 4), lag(40), lag(11), kill()];
        let with = |records| answer(Await::CaughtUp, before.clone().into_iter().chain([lag(records)]));
        assert!(matches!(with(41), Answer::NotYet(_)));
        assert!(matches!(with(40), Answer::Holds(_)));
    }

    #[test]
    fn a_restart_without_a_checkpoint_is_said_so() {
        let begin = |checkpointing| {
            let job = JobVariant { checkpointing, ..JobVariant::default() };
            let (scenario, purpose, project) = Default::default();
            What::Began(Head { scenario, purpose, project, speed: 1.0, job, holds: Holds::Exact })
        };
        let events = |checkpointing| [begin(checkpointing), kill(), job("RESTARTING", 0), job("RUNNING", 4)];
        let expected = "no checkpoint: the job started again without its state";
        assert_eq!(answer(Await::Restored, events(false)), Answer::Holds(expected.into()));
        assert_eq!(answer(Await::Restored, events(true)), Answer::NotYet("no restore yet".into()));
    }

    #[test]
    fn a_cause_is_told_without_package_id_and_follow_up() {
        let cause = "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id x timed out. See a.b";
        assert_eq!(short(cause), "Heartbeat of TaskManager timed out");
        assert_eq!(short("a.b.SomeException"), "SomeException");
    }
}
