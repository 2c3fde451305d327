//! Carries out a plan: each part as planned, timed and reported. It decides nothing; the plan also says what to do if a
//! job that was started does not come up.

use std::collections::BTreeMap;

use anyhow::{Context as _, Error, Result, anyhow, bail};

use super::channel::Order;
use super::come_up::CameUp;
use super::control::{Control, seconds};
use super::marks::Noted;
use super::origin::noted;
use super::plan::{Act, Part, Plan, SAVEPOINT};
use super::resume::Resume;
use super::start::Submission;
use super::stop::StopEnd;
use super::take::not_disposed_of;
use crate::failure::Failure;
use crate::flink::jar::{self, Run};
use crate::flink::request::{is_unavailable, refused};
use crate::history::operated::{Operated, OperationEnd};
use crate::platform::{NotedJob, NotedRun};
use crate::workload::model::Workload;

/// How a part ended.
enum Carried {
    Out,
    /// A job that it started, or waited for, did not come up, and why.
    NotUp(Error),
}

/// What becomes known as parts are carried out.
#[derive(Default)]
struct Known {
    /// The ids of jars, by what stands for them in the plan.
    uploaded: BTreeMap<String, String>,
    savepoint: Option<String>,
    job: Option<String>,
    parallelism: Option<u32>,
    /// When the job was interrupted, ms since the epoch.
    down_from: Option<i64>,
    /// Since when every subtask processes records, ms since the epoch.
    up_since: Option<i64>,
    /// How far the job has come.
    stage: Stage,
}

/// How far the job of a plan has come: what an error says of it.
#[derive(Default)]
enum Stage {
    /// It is as it was.
    #[default]
    Untouched,
    /// Flink was asked to stop it, and it is not known whether it did. The error says so itself.
    Asked,
    /// It is stopped, and is to be started again.
    Stopped(Resume),
    /// It is stopped, which is what was asked for.
    AtItsEnd(String),
    /// It is up, as this job.
    Up(String),
}

/// What state Flink knows of a job.
enum Has {
    /// It has taken no checkpoint, and began from nothing.
    Nothing,
    /// Its newest, and what it runs as.
    State(String, Option<NotedRun>),
    Unknown,
}

impl Known {
    /// A run with the placeholders replaced by what is known.
    fn filled(&self, run: &Run) -> Result<Run> {
        let mut run = run.clone();
        for jar in std::iter::once(&mut run.jar).chain(&mut run.libraries) {
            if jar.starts_with(':') {
                *jar = self.uploaded.get(jar).cloned().with_context(|| format!("{jar} was not uploaded"))?;
            }
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
                self.back(plan, &mut known, &why)
                    .await
                    .map_err(|error| located(&known, plan, error, self.workload()))?;
                (OperationEnd::RolledBack, Some(why))
            }
            Err(error) => return Err(located(&known, plan, error, self.workload())),
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
            if !matches!(known.stage, Stage::Stopped(_)) && self.is_interrupted() {
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
            Act::ComeUp { job, parallelism } => return self.await_up(plan, job, *parallelism, known).await,
            Act::Upload { id, file, name } => {
                known.uploaded.insert(id.clone(), self.upload(part, file, name).await?);
            }
            Act::Check(run) => self.check(part, &known.filled(run)?).await?,
            Act::End { job } => self.end(job).await?,
            Act::Rescale { job, request, parallelism } => {
                let asked_at = self.flink().job(job).await?.now;
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
            Order::Stop { .. } => self.stop_as_planned(plan, order, known).await?,
            Order::Cancel { .. } => self.cancel_as_planned(plan).await?,
            Order::Dispose { path } => match not_disposed_of(path, self.ask(part.name, order).await?) {
                None => known.savepoint = Some(path.clone()),
                Some(error) => return Err(error),
            },
            Order::Run { id, run } => {
                let run = known.filled(run)?;
                if let Submission::Refused(error) = self.submit(plan.starts.as_deref(), id, &run).await? {
                    return Ok(Carried::NotUp(error));
                }
                (known.job, known.parallelism) = (Some(id.clone()), Some(run.parallelism));
                known.savepoint = run.savepoint;
            }
        }
        Ok(Carried::Out)
    }

    /// Once Flink was asked, an error never says that the job runs on; once it stopped it, where its state is, even if that
    /// could not be noted.
    async fn stop_as_planned(&self, plan: &Plan, order: &Order, known: &mut Known) -> Result<()> {
        let job = plan.subject.as_ref().context("a stop of no job")?;
        let about = self.about_to_stop(job, order).await?;
        known.stage = Stage::Asked;
        let stopped = match self.stop_by(job, order, about).await? {
            StopEnd::Stopped(stopped) => stopped,
            StopEnd::Refused(error) => {
                known.stage = Stage::Untouched;
                return Err(error);
            }
        };
        known.stage = match plan.goes_on_as() {
            Some(run) => Stage::Stopped(Resume::of(&job.name, run).from(&stopped.savepoint)),
            None => Stage::AtItsEnd(format!("{} is stopped, with its state in {}", job.name, stopped.savepoint)),
        };
        (known.down_from, known.savepoint) = (Some(stopped.asked_at), Some(stopped.savepoint.clone()));
        self.note_stopped(job, order, &stopped).await
    }

    /// What it had is in its newest checkpoint, which outlives it: that is noted first. Where it had none, what was noted before
    /// it came still holds.
    async fn cancel_as_planned(&self, plan: &Plan) -> Result<()> {
        let job = plan.subject.as_ref().context("there is no job to cancel")?;
        let marks = self.marks(Some(&job.name));
        let noted = Noted::read(self.platform(), &job.name).await?;
        let before = self.what_it_has(&job.id).await;
        let note = match &before {
            Has::Nothing => None,
            Has::State(state, run) => Some((Some(state.clone()), run.clone())),
            // What it came from is better than nothing.
            Has::Unknown if noted.stopped.is_some() => None,
            Has::Unknown => Some((None, None)),
        };
        if let Some((savepoint, run)) = note {
            marks.stopped(&job.id, NotedJob { savepoint, run, ..NotedJob::default() }).await?;
        }
        self.end(&job.id).await?;
        // One more checkpoint may have been complete meanwhile.
        match (self.what_it_has(&job.id).await, before) {
            (Has::State(savepoint, run), _) => {
                marks.stopped(&job.id, NotedJob { savepoint: Some(savepoint), run, ..NotedJob::default() }).await
            }
            (_, Has::Nothing) => marks.cancelled(&job.id).await,
            _ => Ok(()),
        }
    }

    /// What state Flink knows of a job now. Whatever it answers, a job can be cancelled.
    async fn what_it_has(&self, id: &str) -> Has {
        let flink = self.flink();
        match tokio::try_join!(flink.newest_state(id), flink.job(id), flink.submitted(id)) {
            Ok((Some(state), job, submitted)) => {
                let run = noted(self.platform(), &submitted, &job).await;
                Has::State(state, run.unwrap_or_default())
            }
            // Of one that waits for slots under the adaptive scheduler, Flink tells nothing.
            Ok((None, job, _)) if job.has_subtasks() => Has::Nothing,
            Ok(_) | Err(_) => Has::Unknown,
        }
    }

    async fn await_up(&self, plan: &Plan, job: &str, parallelism: u32, known: &mut Known) -> Result<Carried> {
        match self.comes_up(job, parallelism).await? {
            CameUp::Well { name, since, parallelism, .. } => {
                (known.up_since, known.parallelism) = (Some(since), Some(parallelism));
                known.stage = Stage::Up(job.to_owned());
                self.settled(plan.starts.as_deref(), job, &name).await?;
                Ok(Carried::Out)
            }
            CameUp::Not(why) => Ok(Carried::NotUp(anyhow!(why))),
        }
    }

    /// Forgets what was noted of a job that is up, under the name that was expected and under the one that it has.
    pub(super) async fn settled(&self, expected: Option<&str>, id: &str, name: &str) -> Result<()> {
        self.marks(expected).settled(id).await?;
        if expected == Some(name) { Ok(()) } else { self.marks(Some(name)).settled(id).await }
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
        self.marks(None).accepted(id).await?;
        let advice = format!("{}playground job {id} shows its state; playground cancel {id} cancels it", missing(&why));
        if self.is_interrupted() {
            return Ok(anyhow!(Failure::Interrupted(format!("interrupted: job {id} was submitted\n  {advice}"))));
        }
        Ok(anyhow!("job {id} was submitted, but did not come up: {why:#}\n  {advice}"))
    }
}

/// What a job lacks that did not come up, where that can be told from why it did not.
fn missing(why: &Error) -> &'static str {
    let why = format!("{why:#}");
    if why.contains("UnknownTopicOrPartition") {
        "its topics have to be there first: playground generate --topic NAME --partitions N creates one and writes to it\n  "
    } else if why.contains("waiting for slots") {
        "playground scale taskmanager=N adds slots\n  "
    } else {
        ""
    }
}

/// Adds to an error where the job's state is, or that the job is still running as before.
fn located(known: &Known, plan: &Plan, error: Error, workload: &Workload) -> Error {
    match (&known.stage, &plan.untouched, &known.savepoint) {
        (Stage::Stopped(stopped), ..) => error.context(stopped.whereabouts(workload)),
        (Stage::AtItsEnd(stopped), ..) => error.context(stopped.clone()),
        (Stage::Up(id), ..) => error.context(format!("job {id} is up, but what follows was not done")),
        (Stage::Untouched, Some(untouched), Some(savepoint)) => {
            error.context(format!("{untouched}; there is also a savepoint, {savepoint}"))
        }
        (Stage::Untouched, Some(untouched), None) => error.context(untouched.clone()),
        (Stage::Untouched, None, _) | (Stage::Asked, ..) => error,
    }
}
