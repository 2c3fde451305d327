//! The judgement of a run, from what was observed alone: pass, fail or unknown, the worst wins.

use serde::{Deserialize, Serialize};

use crate::failure::Status;
use crate::history::{Head, History, What};
use crate::settings::Delivery;
use ledger::Judgement;
use recovery::Recovery;
use tally::Tally;

pub mod ledger;
pub mod recovery;
pub mod tally;

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
    /// How long the recovery took; without a fault there is none.
    pub recovery: Option<Recovery>,
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
    let unfinished = unfinished(history);
    let outcome = if unfinished.is_empty() { ledger.outcome } else { ledger.outcome.max(Outcome::Unknown) };
    let mut reasons = unfinished;
    if ledger.outcome == Outcome::Fail {
        reasons.extend(suspects(history));
    }
    Verdict { outcome, ledger, recovery: recovery::split(&history.events), reasons }
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
    history.events.iter().filter_map(|event| sentence(&event.what)).collect()
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
