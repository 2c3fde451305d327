//! Starting a job under an id that is given with it, so that a lost answer never leads to a second one: Flink has at most
//! one job of an id, and is asked whether it has it until that is known.

use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};

use super::channel::{Answer, Order};
use super::control::{Control, now, seconds};
use super::marks::Noted;
use super::stop::LOST;
use crate::flink::id;
use crate::flink::jar::Run;
use crate::wait::Seen;

/// The part that operations call this.
pub(super) const PART: &str = "run";
/// How long a job may take to show up whose submission's answer was lost, before it is submitted again under its id.
const SHOWS_UP: Duration = Duration::from_secs(3);

/// What came of a submission.
pub(super) enum Submission {
    /// Flink has the job. It may wait for slots, or fail later.
    Taken,
    /// Flink has no such job that lives; why.
    Refused(Error),
}

/// The id of the job that is submitted next.
pub(super) enum Next {
    /// One that Flink has no job of.
    Submit(String),
    /// A job that a command submitted which was cut off, and that lives.
    Runs(String),
}

impl Control<'_> {
    /// The id for the next submission. A job that was being submitted when its command was cut off may be on its way, or has
    /// just come: its id is used again, because Flink takes a job of one id only once.
    pub(super) async fn next(&self) -> Result<Next> {
        let noted = Noted::read(self.platform()).await?.starting.map(|mark| mark.target);
        let jobs = self.flink().jobs().await?;
        let found = jobs.into_iter().find(|job| noted.as_ref() == Some(&job.id));
        Ok(match found {
            Some(come) if !come.is_over() => Next::Runs(come.id),
            Some(_) => Next::Submit(id::fresh()),
            None => Next::Submit(noted.unwrap_or_else(id::fresh)),
        })
    }

    /// Submits a job under an id, until it is known whether Flink has it.
    ///
    /// # Errors
    /// It is not known: the job may run, now or in a moment.
    pub(super) async fn submit(&self, id: &str, run: &Run) -> Result<Submission> {
        let (order, begun) = (Order::Run { id: id.to_owned(), run: run.clone() }, now());
        self.marks().starting(id, run.savepoint.as_deref()).await?;
        loop {
            let lost = match self.ask(PART, &order).await? {
                Answer::Done(Some(told)) if told != id => {
                    bail!("Flink runs it as job {told}, not as {id}\n  playground cancel {told} cancels it")
                }
                Answer::Done(_) => return Ok(Submission::Taken),
                // Asked twice, Flink refuses the second: it has the job.
                Answer::Refused(_) if self.lives(id).await.with_context(|| unknown(id))? => {
                    return Ok(Submission::Taken);
                }
                Answer::Refused(error) => {
                    self.marks().not_starting().await?;
                    return Ok(Submission::Refused(explained(error, run)));
                }
                Answer::Lost(error) => error,
            };
            if self.part(LOST, None, self.shows_up(id)).await.with_context(|| unknown(id))? {
                return Ok(Submission::Taken);
            }
            if seconds(begun, now()) > self.limit().as_secs_f64() {
                return Err(anyhow!("{lost:#}").context(unknown(id)));
            }
        }
    }

    /// Whether a job is there, once a JobManager answers: at once, or a moment later.
    async fn shows_up(&self, id: &str) -> Result<(bool, String)> {
        let mut since = None;
        let what = format!("job {id}");
        let is_there = self.settle(LOST, what, async || {
            let jobs = self.flink().jobs().await?;
            if jobs.iter().any(|job| job.id == id) {
                return Ok(Seen::Done(true));
            }
            let waited = seconds(*since.get_or_insert_with(now), now());
            let seen = format!("no job {id} yet");
            Ok(if waited > SHOWS_UP.as_secs_f64() { Seen::Done(false) } else { Seen::NotYet(seen) })
        });
        let is_there = is_there.await?;
        let found = if is_there { "found" } else { "not found; submitting it again under the same id" };
        Ok((is_there, format!("job {id}: {found}")))
    }
}

fn unknown(id: &str) -> String {
    format!("it is not known whether job {id} was submitted; playground jobs shows it if it was")
}

/// What Flink says when it does not take a job, with what to do about it.
fn explained(error: Error, run: &Run) -> Error {
    let said = format!("{error:#}");
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let advice = if says(&["Cannot find checkpoint or savepoint", "Cannot find meta data file"]) {
        "playground savepoint list shows what there is"
    } else if says(&["allowNonRestoredState"]) {
        "it belongs to another job, or to another version of it; --allow-non-restored-state drops the state that does not fit"
    } else if says(&["max parallelism", "maximum parallelism"]) {
        "a savepoint fixes the maximum parallelism; use a smaller --parallelism"
    } else if says(&["Could not deserialize", "Corrupt", "corrupt", "EOFException"]) {
        "it is damaged; playground savepoint list shows which ones are readable"
    } else {
        return error.context("Flink did not accept the job");
    };
    let about = run.savepoint.as_ref().map_or_else(String::new, |savepoint| format!(" from {savepoint}"));
    error.context(format!("Flink did not accept the job{about}\n  {advice}"))
}
