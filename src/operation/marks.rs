//! Notes on a job that must not stay stopped: written before Flink is asked, so that the next command knows about it,
//! even after a crash of this one and after `down`.
//!
//! There are at most three notes a project, one a stage: the job is being stopped, it is stopped and its state is here, it is
//! being submitted again under this id. They are forgotten when a job runs.

use anyhow::{Context as _, Result};

use super::savepoint::latest;
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::flink::request::refused;
use crate::flink::savepoint::{self as api, Triggered};
use crate::platform::{Journal as _, Kind, Mark, Owner, Platform};

/// Writes the notes of one command.
#[derive(Clone, Copy)]
pub struct Marks<'a> {
    platform: &'a Platform,
    /// The command, as in `upgrade` or `scenario failover`.
    by: &'a str,
}

impl<'a> Marks<'a> {
    /// The notes of a command.
    #[must_use]
    pub fn by(platform: &'a Platform, by: &'a str) -> Self {
        Self { platform, by }
    }

    /// Notes that Flink is about to be asked to stop a job, under a trigger where it takes one.
    pub async fn stopping(self, job: &str, trigger: Option<&str>) -> Result<()> {
        let mark = Mark { trigger: trigger.map(str::to_owned), ..self.mark(Kind::Stopping, job)? };
        self.platform.mark(&mark).await?;
        // What was noted of an earlier job is over: this one runs, until it is stopped.
        self.forget_all(&[Kind::Stopped, Kind::Starting]).await
    }

    /// Notes that a job is stopped, and from where it goes on; `None` for one that was drained, and is at its end.
    pub async fn stopped(self, job: &str, savepoint: Option<&str>) -> Result<()> {
        let mark = Mark { savepoint: savepoint.map(str::to_owned), ..self.mark(Kind::Stopped, job)? };
        self.platform.mark(&mark).await?;
        self.forget_all(&[Kind::Stopping]).await
    }

    /// Notes that a job is about to be submitted under this id, and from where it begins.
    pub async fn starting(self, job: &str, savepoint: Option<&str>) -> Result<()> {
        let mark = Mark { savepoint: savepoint.map(str::to_owned), ..self.mark(Kind::Starting, job)? };
        self.platform.mark(&mark).await
    }

    /// Forgets that a job was about to be submitted: Flink did not take it, or has it to keep.
    pub async fn not_starting(self) -> Result<()> {
        self.forget_all(&[Kind::Starting]).await
    }

    /// Forgets that Flink was asked to stop a job: it refused, and the job runs on.
    pub async fn runs_on(self) -> Result<()> {
        self.forget_all(&[Kind::Stopping]).await
    }

    /// Forgets all: a job runs, or none is to.
    pub async fn settled(self) -> Result<()> {
        self.forget_all(&[Kind::Stopping, Kind::Stopped, Kind::Starting]).await
    }

    async fn forget_all(self, kinds: &[Kind]) -> Result<()> {
        for kind in kinds {
            self.platform.forget(id(*kind)).await?;
        }
        Ok(())
    }

    fn mark(self, kind: Kind, job: &str) -> Result<Mark> {
        let owner = Owner::current().context("find out this process's identity")?;
        let (id, target, by) = (id(kind).to_owned(), job.to_owned(), self.by.to_owned());
        Ok(Mark { id, kind, what: by.clone(), target, by, owner, trigger: None, savepoint: None })
    }
}

/// The one mark of a kind that a project has.
fn id(kind: Kind) -> &'static str {
    match kind {
        Kind::Stopping => "stopping",
        Kind::Stopped => "stopped",
        Kind::Starting => "starting",
        Kind::Fault => "fault",
    }
}

/// What is noted of a project's job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// It is being stopped.
    pub stopping: Option<Mark>,
    /// It is stopped.
    pub stopped: Option<Mark>,
    /// It is being submitted again.
    pub starting: Option<Mark>,
}

/// From where a job that is not running resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whence {
    /// From a savepoint.
    Savepoint(String),
    /// From the savepoint of the job with this id, which has to be looked for.
    Job(String),
    /// With empty state: it was cancelled, or there never was one.
    Nothing,
}

impl Noted {
    /// What is noted now.
    pub async fn read(platform: &Platform) -> Result<Self> {
        let mut noted = Self::default();
        for mark in platform.marks().await.context("read what is noted of the job")? {
            match mark.kind {
                Kind::Stopping => noted.stopping = Some(mark),
                Kind::Stopped => noted.stopped = Some(mark),
                Kind::Starting => noted.starting = Some(mark),
                Kind::Fault => {}
            }
        }
        Ok(noted)
    }

    /// Whether a job is meant to resume.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.stopping.is_some() || self.stopped.is_some() || self.starting.is_some()
    }

    /// From where the job goes on, with `last`, the newest of its name that Flink knows, where no job runs.
    #[must_use]
    pub fn whence(&self, last: Option<&Summary>) -> Whence {
        let savepoint = |mark: &Mark| mark.savepoint.clone().map_or(Whence::Nothing, Whence::Savepoint);
        match (&self.stopping, &self.stopped, &self.starting) {
            // The newest note there is: what is noted of other jobs is older.
            (Some(stopping), Some(stopped), _) if stopping.target == stopped.target => savepoint(stopped),
            (Some(stopping), ..) => Whence::Job(stopping.target.clone()),
            (None, Some(noted), _) | (None, None, Some(noted)) => savepoint(noted),
            // Stopped with a savepoint by somebody else, as by `flink stop`. One that was cancelled is not to go on.
            (None, None, None) => match last {
                Some(last) if last.state == "FINISHED" => Whence::Job(last.id.clone()),
                _ => Whence::Nothing,
            },
        }
    }
}

/// What became of a stop that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It is in progress.
    UnderWay,
    /// The job is stopped, or about to end.
    Done(String),
    /// Flink refused or never received it: the job keeps running.
    Not,
}

/// Asks Flink what became of the stop of a note.
pub async fn became(flink: &Flink, stopping: &Mark) -> Result<Stop> {
    let Some(trigger) = &stopping.trigger else {
        let under_way = flink.is_savepoint_under_way(&stopping.target).await?;
        return Ok(if under_way { Stop::UnderWay } else { Stop::Not });
    };
    match flink.triggered(&api::status(&stopping.target, trigger)).await {
        Ok(Triggered::UnderWay) => Ok(Stop::UnderWay),
        Ok(Triggered::Done(Some(savepoint))) => Ok(Stop::Done(savepoint)),
        Ok(Triggered::Done(None) | Triggered::Failed(_)) => Ok(Stop::Not),
        Err(error) if refused(&error).is_some_and(|refused| refused.status == 404) => Ok(Stop::Not),
        Err(error) => Err(error),
    }
}

/// A job that a killed command left stopped or stopping.
#[derive(Debug)]
pub struct Left {
    /// The newest note.
    pub mark: Mark,
    /// The state of the job, and what to do; `None` if a job is running and all is well.
    pub advice: Option<String>,
}

/// Looks for a job that a killed command left stopped, or on its way there. A job that somebody stopped, and no more, is as
/// it is to be.
pub async fn left_behind(platform: &Platform, flink: Option<&Flink>) -> Result<Option<Left>> {
    let noted = Noted::read(platform).await?;
    let newest = [&noted.starting, &noted.stopping, &noted.stopped].into_iter().flatten();
    let is_meant = |mark: &&Mark| mark.kind == Kind::Stopped && mark.by == STOP;
    let Some(mark) = newest.into_iter().find(|mark| mark.owner.has_ended() && !is_meant(mark)) else { return Ok(None) };
    let advice = advice(platform, flink, &noted).await?;
    Ok(Some(Left { mark: mark.clone(), advice }))
}

/// The command whose purpose is a job that is stopped.
const STOP: &str = "stop";

async fn advice(platform: &Platform, flink: Option<&Flink>, noted: &Noted) -> Result<Option<String>> {
    let jobs = match flink {
        Some(flink) => flink.jobs().await.ok(),
        None => None,
    };
    let (Some(flink), Some(jobs)) = (flink, jobs) else {
        let text = "the JobManager does not answer; playground up brings it back, and the job with it";
        return Ok(Some(text.to_owned()));
    };
    if let Some(job) = jobs.iter().find(|job| super::up::is_ours(job)) {
        if let Some(stopping) = noted.stopping.as_ref().filter(|mark| mark.target == job.id)
            && became(flink, stopping).await? != Stop::Not
        {
            let name = &job.name;
            return Ok(Some(format!(
                "{name} is being stopped; playground up waits for the savepoint and resumes from it"
            )));
        }
        if flink.job(&job.id).await?.is_running() {
            return Ok(None);
        }
        let text = format!("{} ({}) is {} and not running yet; playground job shows more", job.name, job.id, job.state);
        return Ok(Some(text));
    }
    let last = jobs.iter().find(|job| job.name == crate::workload::JOB);
    let state = match noted.whence(last) {
        Whence::Savepoint(path) => path,
        Whence::Job(id) => latest(platform, Some(&id))
            .await
            .map_or_else(|error| format!("a savepoint that was not found ({error:#})"), |savepoint| savepoint.path),
        Whence::Nothing => {
            return Ok(Some(
                "no job is running, and there was no state to resume from; playground up starts the job".to_owned(),
            ));
        }
    };
    Ok(Some(format!("the job is stopped, with its state in {state}\n  playground up resumes from it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: Kind, job: &str, savepoint: Option<&str>) -> Mark {
        let owner = Owner::current().unwrap();
        let (id, target) = (id(kind).to_owned(), job.to_owned());
        let (what, by) = ("upgrade".to_owned(), "upgrade".to_owned());
        Mark { id, kind, what, target, by, owner, trigger: None, savepoint: savepoint.map(str::to_owned) }
    }

    fn job(id: &str, state: &str) -> Summary {
        Summary { id: id.into(), name: "Click".into(), state: state.into(), start_time: 0, duration: 0 }
    }

    #[test]
    fn a_stopped_job_goes_on_from_its_savepoint_however_far_it_had_come() {
        let stopped = Some(mark(Kind::Stopped, "a", Some("/a")));
        let noted = Noted { stopped: stopped.clone(), ..Noted::default() };
        assert_eq!(noted.whence(None), Whence::Savepoint("/a".into()));
        // Its successor was submitted, did not come up, and was cancelled.
        let noted = Noted { starting: Some(mark(Kind::Starting, "b", Some("/a"))), ..noted };
        assert_eq!(noted.whence(Some(&job("b", "CANCELED"))), Whence::Savepoint("/a".into()));
        // Its stop is noted twice: the process was killed between the two notes.
        let noted = Noted { stopping: Some(mark(Kind::Stopping, "a", None)), stopped, starting: None };
        assert_eq!(noted.whence(None), Whence::Savepoint("/a".into()));
    }

    #[test]
    fn a_job_that_was_being_stopped_is_looked_for_and_what_is_noted_of_others_is_older() {
        let noted = Noted {
            stopping: Some(mark(Kind::Stopping, "b", None)),
            stopped: Some(mark(Kind::Stopped, "a", Some("/a"))),
            starting: Some(mark(Kind::Starting, "b", Some("/a"))),
        };
        assert_eq!(noted.whence(None), Whence::Job("b".into()));
    }

    #[test]
    fn a_job_that_was_drained_is_at_its_end() {
        let noted = Noted { stopped: Some(mark(Kind::Stopped, "a", None)), ..Noted::default() };
        assert_eq!(noted.whence(Some(&job("a", "FINISHED"))), Whence::Nothing);
    }

    #[test]
    fn without_a_note_only_a_job_that_was_stopped_goes_on() {
        let whence = |last: Option<Summary>| Noted::default().whence(last.as_ref());
        assert_eq!(whence(Some(job("a", "FINISHED"))), Whence::Job("a".into()));
        assert_eq!(whence(Some(job("a", "CANCELED"))), Whence::Nothing);
        assert_eq!(whence(None), Whence::Nothing);
        let fresh = Noted { starting: Some(mark(Kind::Starting, "a", None)), ..Noted::default() };
        assert_eq!(fresh.whence(None), Whence::Nothing);
    }
}
