//! The judgement of a run, from what was observed alone: pass, fail or unknown, the worst wins.

use serde::{Deserialize, Serialize};

use crate::failure::Status;
use crate::history::operated::Operated;
use crate::history::{Event, Head, History, Holds, What};
use crate::settings::Delivery;
use ledger::Judgement;
use pressure::{Pressure, pressure};
use recovery::Recovery;
use spread::{Spread, spread};
use tally::Tally;
use uncommitted::{Uncommitted, uncommitted};

pub mod ledger;
pub mod pressure;
pub mod recovery;
pub mod spread;
pub mod tally;
pub mod uncommitted;

/// Three-valued; of several the worst wins: fail over unknown over pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Seen, and right.
    Pass,
    /// Not enough was seen.
    Unknown,
    /// Seen, and wrong.
    Fail,
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Unknown => Self::Unknown,
            Outcome::Fail => Self::Fail,
        }
    }
}

/// What a run proved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The worst of all that was judged.
    pub outcome: Outcome,
    /// Each page and window.
    pub ledger: Judgement,
    /// What had to hold.
    pub holds: Holds,
    /// How long the recovery took; without a fault there is none.
    pub recovery: Option<Recovery>,
    /// The operations, in order.
    pub operations: Vec<Operated>,
    /// The longest time without a record in `output` that a reader saw from the first operation on, in seconds.
    pub output_gap: Option<f64>,
    /// How far the counts lie apart, where that is what had to hold.
    pub spread: Option<Spread>,
    /// What a read-uncommitted reader saw, of an exactly-once job.
    pub uncommitted: Option<Uncommitted>,
    /// How the source waited, of a job that throttles.
    pub pressure: Option<Pressure>,
    /// Why, where it is not pass: one sentence each.
    pub reasons: Vec<String>,
}

/// Judges a history. Judging it again gives the same.
#[must_use]
pub fn judge(history: &History) -> Verdict {
    let delivery = history.head().map_or(Delivery::AtLeastOnce, Head::delivery);
    let mut tally = Tally::default();
    history.events.iter().for_each(|event| tally.add(event));
    let ledger = tally.judge(delivery);
    let holds = history.head().map(|head| head.holds).unwrap_or_default();
    let events = &history.events;
    let spread = (holds == Holds::Spread).then(|| spread(events, history.head().map_or(1.0, |head| head.speed)));
    let uncommitted = uncommitted(events);
    let held = match (holds, &spread) {
        (Holds::Loss, _) => loss(&ledger),
        (Holds::Spread, Some(spread)) => spread.outcome,
        (Holds::ExactlyOnce, _) if cut_off(uncommitted.as_ref()) == 0 => ledger.outcome.max(Outcome::Unknown),
        _ => ledger.outcome,
    };
    let mut reasons = unfinished(history);
    let outcome = if reasons.is_empty() { held } else { held.max(Outcome::Unknown) };
    match (holds, held) {
        (Holds::ExactlyOnce, Outcome::Unknown) if cut_off(uncommitted.as_ref()) == 0 => {
            reasons.push("no transaction was cut off: every record that was written was committed".to_owned());
        }
        (Holds::Exact | Holds::ExactlyOnce, Outcome::Fail) => reasons.extend(suspects(history)),
        (Holds::Loss, Outcome::Fail) => reasons.push("no click was lost, where this is to show a loss".to_owned()),
        (Holds::Spread, Outcome::Fail) => {
            reasons.push("no count was far off after the fault, where they were to differ".to_owned());
        }
        _ => {}
    }
    let operated = |event: &Event| matches!(event.what, What::Operating { .. });
    Verdict {
        outcome,
        ledger,
        holds,
        recovery: recovery::split(events),
        operations: operations(events),
        output_gap: events
            .iter()
            .find(|event| operated(event))
            .and_then(|event| recovery::output_gap(events, event.at)),
        spread,
        uncommitted,
        pressure: pressure(events),
        reasons,
    }
}

/// Records of transactions that were cut off.
fn cut_off(seen: Option<&Uncommitted>) -> usize {
    seen.map_or(0, |seen| seen.aborted)
}

/// A loss that was to be shown: seen or not.
fn loss(ledger: &Judgement) -> Outcome {
    match (ledger.clicks_lost, ledger.windows_judged) {
        (1.., _) => Outcome::Pass,
        (0, 0) => Outcome::Unknown,
        (0, _) => Outcome::Fail,
    }
}

fn operations(events: &[Event]) -> Vec<Operated> {
    let operated = |event: &Event| match &event.what {
        What::Operated(operated) => Some(operated.clone()),
        _ => None,
    };
    events.iter().filter_map(operated).collect()
}

/// Steps that did not come to their end: a run that stopped half-way has proved nothing of the other half.
fn unfinished(history: &History) -> Vec<String> {
    let title = |wanted: usize| {
        history.events.iter().find_map(|event| match &event.what {
            What::Step { step, title } if *step == wanted => Some(title.as_str()),
            _ => None,
        })
    };
    let sentence = |what: &What| match what {
        What::GaveUp { step, seen } => Some(format!("{}: {seen}", title(*step).unwrap_or("a step"))),
        What::Interrupted => Some("the run was interrupted".to_owned()),
        _ => None,
    };
    let mut unfinished: Vec<String> = history.events.iter().filter_map(|event| sentence(&event.what)).collect();
    let last = history.events.iter().rev().find_map(|event| match &event.what {
        What::Step { title, .. } => Some(Some(title)),
        What::Done { .. } | What::GaveUp { .. } | What::Interrupted => Some(None),
        _ => None,
    });
    if let Some(Some(title)) = last {
        unfinished.push(format!("{title}: the run was cut off"));
    }
    unfinished
}

/// What the history itself says of why clicks were lost.
fn suspects(history: &History) -> Vec<String> {
    let fault = history.events.iter().any(|event| matches!(event.what, What::Fault { .. }));
    let restored = history.events.iter().any(|event| matches!(event.what, What::Restored { .. }));
    match history.head() {
        Some(head) if !head.job.checkpointing && fault => {
            vec!["the job restarted without a checkpoint: checkpointing is off".to_owned()]
        }
        Some(head) if !head.job.event_time => {
            vec!["windows follow the clock, not the clicks: event time is off".to_owned()]
        }
        _ if fault && !restored => vec!["the job was not seen to restore a checkpoint after the fault".to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::JobVariant;
    use crate::workload::{PAGES, WINDOW_MS};

    fn began(holds: Holds) -> What {
        let (scenario, purpose, project) = Default::default();
        What::Began(Head { scenario, purpose, project, speed: 1.0, job: JobVariant::default(), holds })
    }

    /// A window of every page, counted as the function says; and one after it, so that the first is closed.
    fn windows(count: impl Fn(usize) -> u64) -> Vec<What> {
        let starts = [0, WINDOW_MS];
        let of = |start: i64| {
            PAGES.iter().zip(0..).flat_map(move |(page, partition)| {
                let (page, offset) = (page.to_string(), start);
                [
                    What::Clicks { page: page.clone(), start, clicks: 1000, partition, last_offset: offset },
                    What::Counted { page, start, count: 1000, partition: 0, offset: offset + i64::from(partition) },
                ]
            })
        };
        let mut events: Vec<What> = starts.into_iter().flat_map(of).collect();
        let mut number = 0;
        for event in &mut events {
            if let What::Counted { count: told, .. } = event {
                *told = count(number);
                number += 1;
            }
        }
        events
    }

    fn outcome(holds: Holds, more: Vec<What>) -> (Outcome, Vec<String>) {
        let events = std::iter::once(began(holds)).chain(more);
        let verdict = judge(&History { events: events.map(|what| Event { at: 0, what }).collect() });
        (verdict.outcome, verdict.reasons)
    }

    #[test]
    fn a_loss_passes_only_where_one_was_to_be_shown() {
        let (exact, short) = (|_| 1000, |number| if number == 3 { 900 } else { 1000 });
        assert_eq!(outcome(Holds::Exact, windows(exact)).0, Outcome::Pass);
        assert_eq!(outcome(Holds::Exact, windows(short)).0, Outcome::Fail);
        assert_eq!(outcome(Holds::Loss, windows(short)).0, Outcome::Pass);
        assert_eq!(outcome(Holds::Loss, windows(exact)).0, Outcome::Fail);
        assert_eq!(outcome(Holds::Loss, Vec::new()).0, Outcome::Unknown);
    }

    #[test]
    fn exactly_once_is_not_proved_before_a_transaction_was_cut_off() {
        let (found, reasons) = outcome(Holds::ExactlyOnce, windows(|_| 1000));
        assert_eq!(found, Outcome::Unknown);
        assert!(reasons[0].starts_with("no transaction was cut off"), "{reasons:?}");
        let (page, start, count, partition) = ("/shop".to_owned(), 0, 1000, 0);
        let cut_off = What::Uncommitted { page, start, count, partition, offset: -1 };
        let more = std::iter::once(cut_off).chain(windows(|_| 1000)).collect();
        assert_eq!(outcome(Holds::ExactlyOnce, more).0, Outcome::Pass);
    }

    #[test]
    fn a_run_that_was_cut_off_in_a_step_has_proved_nothing_of_it() {
        let step = What::Step { step: 0, title: "steady state".into() };
        let more = windows(|_| 1000).into_iter().chain([step]).collect();
        let (found, reasons) = outcome(Holds::Exact, more);
        assert_eq!((found, reasons), (Outcome::Unknown, vec!["steady state: the run was cut off".to_owned()]));
    }
}
