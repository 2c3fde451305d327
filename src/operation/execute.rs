//! Carries out a plan: each part as planned, timed and reported. It decides nothing; the plan also says what to do if a
//! job that was started does not come up.

use anyhow::{Context as _, Error, Result, anyhow, bail};

use super::channel::{Answer, Order};
use super::come_up::CameUp;
use super::control::{Control, now, seconds};
use super::plan::{Act, JAR, Part, Plan, SAVEPOINT};
use super::resume::Resume;
use super::start::Submission;
use crate::failure::Failure;
use crate::flink::jar::{self, Run};
use crate::flink::request::{is_unavailable, refused};
use crate::history::operated::{Operated, OperationEnd};

/// How a part ended.
enum Carried {
    Out,
    /// A job that it started, or waited for, did not come up, and why.
    NotUp(Error),
}

/// What becomes known as parts are carried out.
#[derive(Default)]
struct Known {
    jar: Option<String>,
    savepoint: Option<String>,
    job: Option<String>,
    parallelism: Option<u32>,
    /// When the job was interrupted, ms since the epoch.
    down_from: Option<i64>,
    /// Since when every subtask processes records, ms since the epoch.
    up_since: Option<i64>,
    /// A job that is stopped, and not started again yet.
    stopped: Option<Resume>,
}

impl Known {
    /// A run with the placeholders replaced by what is known.
    fn filled(&self, run: &Run) -> Result<Run> {
        let mut run = run.clone();
        if run.jar == JAR {
            run.jar = self.jar.clone().context("no jar was uploaded")?;
        }
        if run.savepoint.as_deref() == Some(SAVEPOINT) {
            run.savepoint = Some(self.savepoint.clone().context("no savepoint was taken")?);
        }
        Ok(run)
    }
}

impl Control<'_> {
    /// Carries out a plan, and its roll-back if a job does not come up.
    ///
    /// # Errors
    /// Before the job is stopped, that it runs on as it was; after that, where its state is.
    pub(super) async fn execute(&self, plan: &Plan) -> Result<Operated> {
        let mut known = Known { job: plan.subject.as_ref().map(|job| job.id.clone()), ..Known::default() };
        let (end, reason) = match self.all(plan, &plan.parts, &mut known).await {
            Ok(Carried::Out) => (OperationEnd::Done, None),
            Ok(Carried::NotUp(why)) if plan.roll_back.is_empty() => return Err(self.left(&known, why).await?),
            Ok(Carried::NotUp(why)) => {
                let why = format!("{why:#}");
                self.back(plan, &mut known, &why).await.map_err(|error| located(&known, plan, error))?;
                (OperationEnd::RolledBack, Some(why))
            }
            Err(error) => return Err(located(&known, plan, error)),
        };
        let (parts, all_seconds) = self.take_parts();
        Ok(Operated {
            operation: plan.operation.to_owned(),
            outcome: end,
            reason,
            job: known.job,
            savepoint: known.savepoint,
            parallelism: known.parallelism,
            downtime: known.down_from.zip(known.up_since).map(|(from, to)| seconds(from, to)),
            seconds: all_seconds,
            parts,
        })
    }

    async fn all(&self, plan: &Plan, parts: &[Part], known: &mut Known) -> Result<Carried> {
        for part in parts {
            // Once the job is stopped it is started again first, whatever the user does.
            if known.stopped.is_none() && self.is_interrupted() {
                bail!(Failure::Interrupted(format!("interrupted before {}", part.name)));
            }
            if let Carried::NotUp(why) = self.carry_out(plan, part, known).await? {
                return Ok(Carried::NotUp(why));
            }
        }
        Ok(Carried::Out)
    }

    /// Carries out the roll-back, which Ctrl-C does not interrupt.
    async fn back(&self, plan: &Plan, known: &mut Known, why: &str) -> Result<()> {
        self.heed_no_interruption();
        let told = known.savepoint.as_ref().map_or_else(String::new, |savepoint| format!(", from {savepoint}"));
        self.part("roll back", None, async { Ok(((), format!("to the old job{told}"))) }).await?;
        let context = || format!("the new job did not come up: {why}");
        match self.all(plan, &plan.roll_back, known).await.with_context(context)? {
            Carried::Out => Ok(()),
            // Not ended: it may only be slow, or wait for slots.
            Carried::NotUp(also) => Err(also.context("the old job is not up yet").context(context())),
        }
    }

    async fn carry_out(&self, plan: &Plan, part: &Part, known: &mut Known) -> Result<Carried> {
        match &part.act {
            Act::Order(order) => return self.order(plan, part, order, known).await,
            Act::ComeUp { job, parallelism } => return self.await_up(job, *parallelism, known).await,
            Act::Upload { file, name } => known.jar = Some(self.upload(part, file, name).await?),
            Act::Check(run) => self.check(part, &known.filled(run)?).await?,
            Act::End { job } => self.end(job).await?,
            Act::Rescale { job, request, parallelism } => {
                let asked_at = now();
                let since =
                    self.part(part.name, part.line(self.via()), self.rescale(job, request, *parallelism)).await?;
                // A job that had the parallelism already was not interrupted.
                if since >= asked_at {
                    known.down_from = Some(self.down_from(job, asked_at).await?);
                    known.up_since = Some(since);
                }
                known.parallelism = Some(*parallelism);
            }
            Act::AwaitSlots { job, needed, advice } => {
                let waited = self.part(part.name, None, self.await_slots(job, *needed)).await;
                waited.with_context(|| advice.clone())?;
            }
            Act::Start { instances, taskmanagers } => {
                self.part(part.name, part.line(self.via()), self.start_workers(instances, *taskmanagers)).await?;
            }
            Act::Remove { instances, taskmanagers } => {
                self.part(part.name, part.line(self.via()), self.remove_workers(instances, *taskmanagers)).await?;
            }
            Act::RunOn(jobs) => self.part(part.name, None, self.run_on(jobs)).await?,
        }
        Ok(Carried::Out)
    }

    async fn order(&self, plan: &Plan, part: &Part, order: &Order, known: &mut Known) -> Result<Carried> {
        match order {
            Order::Savepoint { .. } => known.savepoint = Some(self.take(order).await?),
            Order::Stop { .. } => {
                let job = plan.subject.as_ref().context("there is no job to stop")?;
                let stopped = self.stop_by(job, order).await?;
                known.down_from = Some(stopped.asked_at);
                known.stopped = plan.goes_on_as().map(|run| Resume::of(&job.name, run).from(&stopped.savepoint));
                known.savepoint = Some(stopped.savepoint);
            }
            Order::Cancel { job } => {
                self.end(job).await?;
                self.marks().settled().await?;
            }
            Order::Dispose { path } => match self.ask(part.name, order).await? {
                Answer::Done(_) => known.savepoint = Some(path.clone()),
                Answer::Refused(error) | Answer::Lost(error) => return Err(error),
            },
            Order::Run { id, run } => {
                let run = known.filled(run)?;
                if let Submission::Refused(error) = self.submit(id, &run).await? {
                    return Ok(Carried::NotUp(error));
                }
                (known.job, known.parallelism) = (Some(id.clone()), Some(run.parallelism));
                known.savepoint = run.savepoint;
            }
        }
        Ok(Carried::Out)
    }

    async fn await_up(&self, job: &str, parallelism: u32, known: &mut Known) -> Result<Carried> {
        match self.comes_up(job, parallelism).await? {
            CameUp::Well { since, parallelism, .. } => {
                (known.up_since, known.stopped) = (Some(since), None);
                known.parallelism = Some(parallelism);
                self.marks().settled().await?;
                Ok(Carried::Out)
            }
            CameUp::Not(why) => Ok(Carried::NotUp(anyhow!(why))),
        }
    }

    /// Calls a job's `main` up to where it would submit.
    ///
    /// # Errors
    /// [`Failure::Usage`] with what it throws, or with what is wrong with its jar.
    async fn check(&self, part: &Part, run: &Run) -> Result<()> {
        let request = jar::plan(run);
        self.part(part.name, Some(request.to_string()), async {
            self.flink().plan(&request).await.map_err(|error| match refused(&error) {
                Some(refused) if !is_unavailable(&error) => {
                    anyhow!(Failure::Usage(format!("main() of the new job failed: {}", refused.reason)))
                }
                _ => error,
            })?;
            Ok(((), "main() of the new job returns a job graph".to_owned()))
        })
        .await
    }

    /// The error if a job did not come up and there is no roll-back.
    async fn left(&self, known: &Known, why: Error) -> Result<Error> {
        let Some(id) = &known.job else { return Ok(why) };
        // Flink has it, and nothing is on its way any more.
        self.marks().not_starting().await?;
        let advice = format!("playground job {id} shows its state; playground cancel {id} cancels it");
        if self.is_interrupted() {
            return Ok(anyhow!(Failure::Interrupted(format!("interrupted: job {id} was submitted\n  {advice}"))));
        }
        Ok(anyhow!("job {id} was submitted, but did not come up: {why:#}\n  {advice}"))
    }
}

/// Adds to an error where the job's state is, or that the job is still running as before.
fn located(known: &Known, plan: &Plan, error: Error) -> Error {
    if let Some(stopped) = &known.stopped {
        return error.context(stopped.whereabouts());
    }
    match (&plan.untouched, &known.savepoint) {
        (Some(untouched), Some(savepoint)) => {
            error.context(format!("{untouched}; there is also a savepoint, {savepoint}"))
        }
        (Some(untouched), None) => error.context(untouched.clone()),
        (None, _) => error,
    }
}
