//! Starting a job under an id that is given with it, so that a lost answer never leads to a second one: Flink has at most
//! one job of an id, and is asked whether it has it until that is known.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, anyhow, bail};

use super::channel::{Answer, Order};
use super::control::Control;
use super::stop::LOST;
use crate::flink::jar::Run;
use crate::platform::{Journal as _, Kind, NotedJob, NotedRun};
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

/// A submission of the same job by a command that was cut off.
pub(super) enum Earlier {
    /// There is none, or it has come and gone.
    None,
    /// It may be on its way, or was never sent. Its id is used again, because Flink takes a job of one id only once.
    OnItsWay(String),
    /// It has come, and the job of this id lives.
    Runs(String),
}

impl Control<'_> {
    /// Looks for an earlier submission of the job of a name or, where nobody knows it, of a jar.
    pub(super) async fn earlier(&self, name: Option<&str>, jar: &str) -> Result<Earlier> {
        let marks = self.platform().marks().await.context("look for a submission that was cut off")?;
        let is_it = |job: &NotedJob| match (name, &job.name) {
            (Some(name), Some(noted)) => name == noted,
            (None, None) => job.run.as_ref().is_some_and(|run| is_same_file(&run.jar, jar)),
            _ => false,
        };
        let Some(mark) = marks.into_iter().find(|mark| mark.kind == Kind::Starting && is_it(&mark.job)) else {
            return Ok(Earlier::None);
        };
        let found = self.flink().jobs().await?.into_iter().find(|job| job.id == mark.target);
        Ok(match found {
            Some(come) if !come.is_over() => Earlier::Runs(come.id),
            Some(_) => Earlier::None,
            None => Earlier::OnItsWay(mark.target),
        })
    }

    /// Submits the job of a name, if that is known, under an id, until it is known whether Flink has it.
    ///
    /// # Errors
    /// It is not known: the job may run, now or in a moment.
    pub(super) async fn submit(&self, name: Option<&str>, id: &str, run: &Run) -> Result<Submission> {
        let (order, begun) = (Order::Run { id: id.to_owned(), run: run.clone() }, Instant::now());
        let Run { jar, entry_class, libraries, parallelism, arguments, .. } = run.clone();
        let noted = NotedRun { jar, entry_class, libraries, parallelism, arguments };
        let note = NotedJob { savepoint: run.savepoint.clone(), run: Some(noted), ..NotedJob::default() };
        self.marks(name).starting(id, note).await?;
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
                    self.marks(name).not_starting(id).await?;
                    return Ok(Submission::Refused(explained(error, run)));
                }
                Answer::Lost(error) => error,
            };
            if self.part(LOST, None, self.shows_up(id)).await.with_context(|| unknown(id))? {
                return Ok(Submission::Taken);
            }
            if begun.elapsed() > self.limit() {
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
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            Ok(if waited > SHOWS_UP { Seen::Done(false) } else { Seen::NotYet(format!("no job {id} yet")) })
        });
        let is_there = is_there.await?;
        let found = if is_there { "found" } else { "not found; submitting it again under the same id" };
        Ok((is_there, format!("job {id}: {found}")))
    }
}

/// An upload's id ends with the name of its file.
fn is_same_file(one: &str, other: &str) -> bool {
    one.ends_with(other) || other.ends_with(one)
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
