//! Taking a savepoint while the job runs on, and disposing of one.

use std::time::Instant;

use anyhow::{Context as _, Error, Result, anyhow};

use super::channel::{Answer, Order, came_during_a_restart};
use super::control::Control;
use super::plan::{Ids, Part, Plan};
use super::subject::Subject;

/// The part that operations call this.
pub(super) const PART: &str = "savepoint";

/// The parts of taking a savepoint.
pub(super) fn plan(subject: &Subject, ids: &Ids) -> Result<Plan> {
    subject.must_run()?;
    Ok(Plan {
        operation: "savepoint",
        subject: Some(subject.summary.clone()),
        parts: vec![part(subject, "the job keeps running", &ids.trigger)],
        roll_back: Vec::new(),
        starts: None,
        untouched: None,
    })
}

/// The part that takes a savepoint.
pub(super) fn part(subject: &Subject, cause: &str, trigger: &str) -> Part {
    Part::order(PART, cause, Order::Savepoint { job: subject.id(), trigger: trigger.to_owned() })
}

/// The parts of disposing of a savepoint.
pub(super) fn dispose(path: &str) -> Plan {
    Plan {
        operation: "dispose",
        subject: None,
        parts: vec![Part::order("dispose", "its files are deleted", Order::Dispose { path: path.to_owned() })],
        roll_back: Vec::new(),
        starts: None,
        untouched: None,
    }
}

impl Control<'_> {
    /// Gives the order to take a savepoint, until it is known what came of it; returns its path. Sent again with the same
    /// trigger, it takes no second one.
    pub(super) async fn take(&self, order: &Order) -> Result<String> {
        let (begun, mut order) = (Instant::now(), order.clone());
        loop {
            let lost = match self.ask(PART, &order).await? {
                Answer::Done(path) => return path.context("Flink returned no savepoint path"),
                Answer::Refused(cause) if came_during_a_restart(&cause) && begun.elapsed() < self.limit() => {
                    if let Order::Savepoint { job, .. } = &order {
                        let restarted = self.await_restart(job).await;
                        restarted.with_context(|| format!("no savepoint was taken: {cause:#}"))?;
                    }
                    order = order.anew();
                    continue;
                }
                Answer::Refused(cause) => return Err(cause.context("no savepoint was taken; the job is still running")),
                Answer::Lost(error) => error,
            };
            if begun.elapsed() > self.limit() {
                let unknown =
                    "it is not known whether a savepoint was taken; playground savepoint list shows it if it was";
                return Err(anyhow!("{lost:#}").context(unknown));
            }
            self.until(PART, "the JobManager", async || Ok(crate::wait::Seen::Done(self.flink().overview().await?)))
                .await?;
        }
    }
}

/// The error of a savepoint that was not disposed of, or about which that is not known.
pub(super) fn not_disposed_of(path: &str, answer: Answer) -> Option<Error> {
    let advice = "playground savepoint list shows what there is";
    match answer {
        Answer::Done(_) => None,
        Answer::Refused(cause) => Some(cause.context(format!("{path} was not disposed of\n  {advice}"))),
        Answer::Lost(error) => {
            Some(error.context(format!("it is not known whether {path} was disposed of\n  {advice}")))
        }
    }
}
