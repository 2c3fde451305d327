//! Stopping a job with a savepoint, whatever happens to the JobManager meanwhile.
//!
//! The trigger of the request lives in the JobManager's memory. One that was only slow still knows it. When it is lost, what
//! became of the job tells what to do: one that high availability brought back was not stopped, and is asked again; one that
//! is over has left its savepoint on disk, where it is found by the job's id.

use std::time::Instant;

use anyhow::{Context as _, Error, Result, anyhow, bail};

use super::channel::{Answer, Order, Via, came_during_a_restart, rest};
use super::control::Control;
use super::origin::noted;
use super::plan::{Ids, Part, Plan};
use super::savepoint::on_disk;
use super::subject::Subject;
use crate::flink::id;
use crate::flink::job::Summary;
use crate::flink::savepoint::Triggered;
use crate::platform::{NotedJob, NotedRun};
use crate::wait::Seen;

/// A job that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Where its state is.
    pub savepoint: String,
    /// When it was asked to stop, ms since the epoch by Flink's clock.
    pub asked_at: i64,
    /// What it ran as, as far as it told.
    pub run: Option<NotedRun>,
}

/// A job that is about to be stopped, as it is noted.
pub(super) struct About {
    /// By Flink's clock, ms since the epoch.
    asked_at: i64,
    run: Option<NotedRun>,
}

/// What came of asking a job to stop.
pub(super) enum StopEnd {
    /// It is stopped, which is not noted yet.
    Stopped(Stopped),
    /// Flink refused, and the job runs on; why.
    Refused(Error),
}

/// What became of a job that was asked to stop, where the answer was lost.
enum Aftermath {
    Runs,
    Stopped(String),
    Refused(Error),
}

/// The part that operations call this.
pub(super) const PART: &str = "stop";
/// The part that finds out what became of a request.
pub(super) const LOST: &str = "answer lost";

/// The parts of stopping a job.
pub(super) fn plan(subject: &Subject, drain: bool, ids: &Ids) -> Result<Plan> {
    subject.must_run()?;
    let cause = if drain { "all windows fire, then a savepoint is taken" } else { "a savepoint is taken as it stops" };
    Ok(Plan {
        operation: "stop",
        subject: Some(subject.summary.clone()),
        parts: vec![part(subject, cause, drain, ids)],
        roll_back: Vec::new(),
        starts: None,
        untouched: None,
    })
}

/// The part that stops a job.
pub(super) fn part(subject: &Subject, cause: &str, drain: bool, ids: &Ids) -> Part {
    Part::order(PART, cause, Order::Stop { job: subject.id(), drain, trigger: ids.trigger.clone() })
}

impl Control<'_> {
    /// Stops a job with a savepoint, for one that goes on.
    ///
    /// # Errors
    /// Where its state is, whenever the job may have been stopped.
    pub async fn stop(&self, job: &Summary) -> Result<Stopped> {
        Subject::observe(self, Some(&job.id)).await?.must_run()?;
        // The same one each time: a JobManager that was only slow takes no second savepoint.
        let order = Order::Stop { job: job.id.clone(), drain: false, trigger: id::fresh() };
        let about = self.about_to_stop(job, &order).await?;
        match self.stop_by(job, &order, about).await? {
            StopEnd::Refused(error) => Err(error),
            StopEnd::Stopped(stopped) => {
                let noted = self.note_stopped(job, &order, &stopped).await;
                noted.with_context(|| format!("{} is stopped, with its state in {}", job.name, stopped.savepoint))?;
                Ok(stopped)
            }
        }
    }

    /// Notes that a job is about to be stopped, so that whichever command comes next knows of it, should this one be killed.
    pub(super) async fn about_to_stop(&self, job: &Summary, order: &Order) -> Result<About> {
        let Order::Stop { drain, trigger, .. } = order else { bail!("only a stop stops a job") };
        let (detail, submitted) = tokio::try_join!(self.flink().job(&job.id), self.flink().submitted(&job.id))?;
        let run = noted(self.platform(), &submitted, &detail).await?;
        let note = NotedJob {
            trigger: Some(trigger.clone()).filter(|_| self.via() == Via::Rest),
            drained: *drain,
            run: run.clone(),
            ..NotedJob::default()
        };
        self.marks(Some(&job.name)).stopping(&job.id, note).await?;
        Ok(About { asked_at: detail.now, run })
    }

    /// Gives the order to stop, until it is known what came of it.
    pub(super) async fn stop_by(&self, job: &Summary, order: &Order, mut about: About) -> Result<StopEnd> {
        Ok(match self.ask_until_stopped(job, order, &mut about).await? {
            Ok(savepoint) => StopEnd::Stopped(Stopped { savepoint, asked_at: about.asked_at, run: about.run }),
            Err(refused) => StopEnd::Refused(refused),
        })
    }

    /// Notes that a job is stopped, and from where it goes on.
    pub(super) async fn note_stopped(&self, job: &Summary, order: &Order, stopped: &Stopped) -> Result<()> {
        let drained = matches!(order, Order::Stop { drain: true, .. });
        let (savepoint, run) = (Some(stopped.savepoint.clone()), stopped.run.clone());
        let note = NotedJob { savepoint, drained, run, ..NotedJob::default() };
        self.marks(Some(&job.name)).stopped(&job.id, note).await
    }

    /// The savepoint, or why Flink refused.
    async fn ask_until_stopped(
        &self,
        job: &Summary,
        order: &Order,
        about: &mut About,
    ) -> Result<Result<String, Error>> {
        let (begun, mut order) = (Instant::now(), order.clone());
        loop {
            let lost = match self.ask(PART, &order).await? {
                Answer::Done(Some(savepoint)) => return Ok(Ok(savepoint)),
                Answer::Done(None) => anyhow!("Flink returned no savepoint path"),
                Answer::Refused(cause) if came_during_a_restart(&cause) && begun.elapsed() < self.limit() => {
                    // Until it is asked again, it is as it was.
                    self.marks(Some(&job.name)).runs_on(&job.id).await?;
                    let restarted = self.await_restart(&job.id).await;
                    restarted.with_context(|| format!("{} was not stopped: {cause:#}", job.name))?;
                    order = order.anew();
                    *about = self.about_to_stop(job, &order).await?;
                    continue;
                }
                Answer::Refused(cause) => return Ok(Err(self.not_stopped(job, &cause).await?)),
                Answer::Lost(error) => error,
            };
            if begun.elapsed() > self.limit() {
                return Err(lost.context(
                    self.whereabouts(job, "the answer to the stop was lost, and the timeout has expired").await,
                ));
            }
            match self.part(LOST, None, self.aftermath(job, &order, about.asked_at)).await {
                Ok(Aftermath::Stopped(savepoint)) => return Ok(Ok(savepoint)),
                Ok(Aftermath::Refused(cause)) => return Ok(Err(self.not_stopped(job, &cause).await?)),
                Ok(Aftermath::Runs) => {}
                Err(error) => return Err(error.context(self.whereabouts(job, "the answer to the stop was lost").await)),
            }
        }
    }

    /// What became of the job, once a JobManager tells.
    async fn aftermath(&self, job: &Summary, order: &Order, asked_at: i64) -> Result<(Aftermath, String)> {
        let found = self.settle(LOST, "the outcome of the stop", async || {
            if self.via() == Via::Rest {
                match rest::remembered(self, order).await? {
                    Some(Triggered::Done(Some(savepoint))) => return Ok(Seen::Done(Aftermath::Stopped(savepoint))),
                    Some(Triggered::Failed(cause)) => return Ok(Seen::Done(Aftermath::Refused(anyhow!("{cause}")))),
                    Some(Triggered::UnderWay) => return Ok(Seen::NotYet("the savepoint is under way".to_owned())),
                    Some(Triggered::Done(None)) | None => {}
                }
            }
            self.job_tells(job, asked_at).await
        });
        let found = found.await?;
        let seen = match &found {
            Aftermath::Stopped(savepoint) => format!("the job is stopped; its savepoint is {savepoint}"),
            Aftermath::Refused(cause) => format!("refused: {cause:#}"),
            Aftermath::Runs => "the job is still running; asking it again".to_owned(),
        };
        Ok((found, seen))
    }

    /// The savepoint of a job that is over; none of one that runs in every subtask.
    async fn job_tells(&self, job: &Summary, asked_at: i64) -> Result<Seen<Aftermath>> {
        let found = self.flink().jobs().await?.into_iter().find(|one| one.id == job.id);
        if let Some(live) = found.as_ref().filter(|found| !found.is_over()) {
            let detail = self.flink().job(&job.id).await?;
            if !detail.is_running() {
                let (running, all) = detail.subtasks();
                return Ok(Seen::NotYet(format!("{}, {running} of {all} subtasks RUNNING", live.state)));
            }
            // One that is being brought back has no checkpoints to tell of yet.
            let under_way = self.flink().is_savepoint_under_way(&job.id).await?;
            let seen = "a savepoint is under way".to_owned();
            return Ok(if under_way { Seen::NotYet(seen) } else { Seen::Done(Aftermath::Runs) });
        }
        let its_own = |time: Option<i64>| time.is_some_and(|time| time >= asked_at);
        let mut savepoints = on_disk(self.platform()).await?.into_iter();
        if let Some(found) = savepoints.find(|one| one.readable && one.is_of(&job.id) && its_own(one.time_ms)) {
            return Ok(Seen::Done(Aftermath::Stopped(found.path)));
        }
        let state = found.map_or_else(|| "unknown to the JobManager".to_owned(), |found| found.state);
        bail!("{} is {state}, and left no savepoint", job.name)
    }

    /// The error of a stop that Flink refused; what was noted of it is forgotten.
    async fn not_stopped(&self, job: &Summary, cause: &Error) -> Result<Error> {
        self.marks(Some(&job.name)).runs_on(&job.id).await?;
        Ok(anyhow!("{} was not stopped and is still running: {cause:#}\n  playground job shows its state", job.name))
    }

    /// Where a job's state is, for an error's message.
    async fn whereabouts(&self, job: &Summary, why: &str) -> String {
        let name = &job.name;
        let found = match on_disk(self.platform()).await {
            Ok(savepoints) => savepoints.into_iter().find(|one| one.readable && one.is_of(&job.id)).map_or_else(
                || {
                    "it has no savepoint; its checkpoints are retained, and high availability resumes from the latest"
                        .to_owned()
                },
                |savepoint| format!("its latest savepoint is {}", savepoint.path),
            ),
            Err(error) => format!("its savepoints are in /flink-data/savepoints, but could not be read: {error:#}"),
        };
        format!(
            "{name} may or may not have stopped: {why}\n  {found}\n  playground start jobmanager brings the JobManager back, and the job with it if it was not stopped"
        )
    }
}
