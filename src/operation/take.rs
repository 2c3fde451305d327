//! Taking a savepoint while the job runs on, and disposing of one.

use anyhow::{Context as _, Result, anyhow};

use super::channel::{Answer, Order};
use super::control::{Control, now, seconds};
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
        untouched: Some(format!("no savepoint of {}; the job was left as it is", subject.name())),
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
        untouched: Some(format!("{path} was not disposed of\n  playground savepoint list shows what there is")),
    }
}

impl Control<'_> {
    /// Gives the order to take a savepoint, until it is known what came of it; returns its path. Sent again with the same
    /// trigger, it takes no second one.
    pub(super) async fn take(&self, order: &Order) -> Result<String> {
        let begun = now();
        loop {
            let lost = match self.ask(PART, order).await? {
                Answer::Done(path) => return path.context("Flink returned no savepoint path"),
                Answer::Refused(cause) => return Err(cause),
                Answer::Lost(error) => error,
            };
            if seconds(begun, now()) > self.limit().as_secs_f64() {
                return Err(anyhow!("{lost:#}")
                    .context("it is not known whether one was taken; playground savepoint list shows"));
            }
            self.until(PART, "the JobManager", async || Ok(crate::wait::Seen::Done(self.flink().overview().await?)))
                .await?;
        }
    }
}
