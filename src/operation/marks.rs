//! Notes on a job that must not stay stopped: written before Flink is asked, so that the next command knows about it,
//! even after a crash of this one and after `down`.
//!
//! There are at most three notes a job that is on its way, one a stage: it is being stopped, it is stopped and its state is here,
//! it is being submitted again under this id. When it runs they give way to one that says what it was submitted as. A job is told apart by its name, as it has another id each
//! time that it is submitted; what is noted of one says nothing of another.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::savepoint::latest;
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::flink::request::refused;
use crate::flink::savepoint::{self as api, Triggered};
use crate::platform::{Journal as _, Kind, Life, Mark, NotedJob, NotedRun, Owner, Platform};

/// Writes the notes of one command, of one job.
#[derive(Clone, Copy)]
pub struct Marks<'a> {
    platform: &'a Platform,
    /// The command, as in `upgrade` or `scenario failover`.
    by: &'a str,
    /// The job's name; none of a jar whose job's name nobody knows before it runs.
    name: Option<&'a str>,
}

impl<'a> Marks<'a> {
    /// The notes of a command, of the job of this name.
    #[must_use]
    pub fn by(platform: &'a Platform, by: &'a str, name: Option<&'a str>) -> Self {
        Self { platform, by, name }
    }

    /// Notes that Flink is about to be asked to stop a job, under the trigger in `job` where it takes one.
    pub async fn stopping(self, id: &str, job: NotedJob) -> Result<()> {
        self.note(Kind::Stopping, id, job).await
    }

    /// Notes that a job is stopped, and from where it goes on.
    pub async fn stopped(self, id: &str, job: NotedJob) -> Result<()> {
        self.note(Kind::Stopped, id, job).await
    }

    /// Notes that a job is about to be submitted under this id, and from where it begins. What was noted of it before stays:
    /// it says where the job's state is should this not come up.
    pub async fn starting(self, id: &str, job: NotedJob) -> Result<()> {
        let mark = self.mark(Kind::Starting, id, job)?;
        self.platform.mark(&mark).await?;
        self.forget(|old| old.kind == Kind::Starting && old.id != mark.id && self.is_of_it(old)).await
    }

    /// Forgets that a job was about to be submitted under this id: Flink did not take it.
    pub async fn not_starting(self, id: &str) -> Result<()> {
        self.forget(|mark| mark.kind == Kind::Starting && mark.target == id).await
    }

    /// Forgets that Flink was asked to stop the job of this id: it refused, and the job runs on.
    pub async fn runs_on(self, id: &str) -> Result<()> {
        self.forget(|mark| mark.kind == Kind::Stopping && mark.target == id).await
    }

    /// Forgets what is noted of a job of this id, which was cancelled. Where it had not come up, its state is where it was.
    pub async fn cancelled(self, id: &str) -> Result<()> {
        self.forget(|mark| mark.target == id).await
    }

    /// Notes that the job runs under this id, as what it was submitted; all else that is noted of it is over.
    pub async fn settled(self, id: &str) -> Result<()> {
        self.is_there(id).await?;
        let runs = |mark: &Mark| mark.kind == Kind::Running && mark.target == id;
        self.forget(|mark| !runs(mark) && (mark.target == id || self.is_of_it(mark))).await
    }

    /// Flink has the job of this id, which is not waited for: what it was submitted as is known from now on, and what is noted of
    /// the job before stays until it runs.
    pub async fn accepted(self, id: &str) -> Result<()> {
        self.is_there(id).await?;
        self.not_starting(id).await
    }

    /// Notes what a job was submitted as, if it was noted to be about to be submitted.
    async fn is_there(self, id: &str) -> Result<()> {
        let marks = self.platform.marks().await.context("read what is noted of the job")?;
        let submitted = marks.into_iter().find(|mark| mark.kind == Kind::Starting && mark.target == id);
        let Some(submitted) = submitted else { return Ok(()) };
        self.platform.mark(&self.mark(Kind::Running, id, submitted.job)?).await
    }

    /// Forgets from where the job goes on: it runs, or is to begin from nothing.
    pub async fn given_up(self) -> Result<()> {
        self.forget(|mark| mark.kind != Kind::Running && self.is_of_it(mark)).await
    }

    /// Writes a note; what was noted of the job before is over.
    async fn note(self, kind: Kind, id: &str, job: NotedJob) -> Result<()> {
        let mark = self.mark(kind, id, job)?;
        self.platform.mark(&mark).await?;
        self.forget(|old| old.id != mark.id && old.kind != Kind::Running && self.is_of_it(old)).await
    }

    fn is_of_it(&self, mark: &Mark) -> bool {
        self.name.is_some() && mark.job.name.as_deref() == self.name
    }

    async fn forget(self, is_over: impl Fn(&Mark) -> bool) -> Result<()> {
        let marks = self.platform.marks().await.context("read what is noted of the job")?;
        for mark in marks.iter().filter(|mark| mark.kind.is_of_job() && is_over(mark)) {
            self.platform.forget(&mark.id).await?;
        }
        Ok(())
    }

    fn mark(self, kind: Kind, id: &str, job: NotedJob) -> Result<Mark> {
        let owner = Owner::current().context("find out this process's identity")?;
        let (what, by) = (self.by.to_owned(), self.by.to_owned());
        let job = NotedJob { name: self.name.map(str::to_owned).or(job.name), ..job };
        Ok(Mark { id: format!("{}-{id}", stage(kind)), kind, what, target: id.to_owned(), by, owner, job })
    }
}

/// What the ids of marks begin with.
fn stage(kind: Kind) -> &'static str {
    match kind {
        Kind::Stopping => "stopping",
        Kind::Stopped => "stopped",
        Kind::Starting => "starting",
        Kind::Running => "running",
        Kind::Workload => "workload",
        Kind::Fault => "fault",
    }
}

/// What is noted of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// It is being stopped.
    pub stopping: Option<Mark>,
    /// It is stopped.
    pub stopped: Option<Mark>,
    /// It is being submitted again.
    pub starting: Option<Mark>,
    /// What it was submitted as, under each id.
    pub running: Vec<Mark>,
}

/// From where a job that is not running resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whence {
    /// From a savepoint; with what it ran as, where that is noted.
    Savepoint(String, Option<NotedRun>),
    /// From the savepoint of the job with this id, which has to be looked for.
    Job(String),
    /// From the newest checkpoint of this job, which was cancelled or failed.
    Ended(Summary),
    /// From nothing: it was cancelled or drained, or there never was one.
    Nothing,
}

impl Noted {
    /// What is noted now of the job of a name.
    pub async fn read(platform: &Platform, name: &str) -> Result<Self> {
        let marks = platform.marks().await.context("read what is noted of the job")?;
        Ok(Self::of(marks.into_iter().filter(|mark| mark.job.name.as_deref() == Some(name))))
    }

    fn of(marks: impl Iterator<Item = Mark>) -> Self {
        let mut noted = Self::default();
        for mark in marks {
            match mark.kind {
                Kind::Stopping => noted.stopping = Some(mark),
                Kind::Stopped => noted.stopped = Some(mark),
                Kind::Starting => noted.starting = Some(mark),
                Kind::Running => noted.running.push(mark),
                Kind::Fault | Kind::Workload => {}
            }
        }
        noted
    }

    /// What it ran as when it was noted last.
    #[must_use]
    pub fn run(&self) -> Option<&NotedRun> {
        [&self.stopping, &self.stopped, &self.starting].into_iter().flatten().find_map(|mark| mark.job.run.as_ref())
    }

    /// From where the job goes on, with `last`, the newest of its name that Flink knows, where no job runs.
    #[must_use]
    pub fn whence(&self, last: Option<&Summary>) -> Whence {
        let savepoint = |mark: &Mark| match (&mark.job.savepoint, mark.kind) {
            _ if mark.job.drained => Whence::Nothing,
            (Some(path), _) => Whence::Savepoint(path.clone(), mark.job.run.clone()),
            // It had state, and Flink did not tell where.
            (None, Kind::Stopped) => Whence::Job(mark.target.clone()),
            (None, _) => Whence::Nothing,
        };
        // It was submitted after it was stopped, and has ended since.
        let is_newer = |last: &&Summary| {
            let is_noted = self.running.iter().any(|mark| mark.target == last.id);
            is_noted && self.stopped.as_ref().is_some_and(|stopped| stopped.target != last.id)
        };
        match (&self.stopping, &self.stopped, &self.starting) {
            (None, Some(_), None) if last.is_some_and(|last| is_newer(&last)) => ended(last),
            // The newest note there is: what is noted of other jobs is older.
            (Some(stopping), Some(stopped), _) if stopping.target == stopped.target => savepoint(stopped),
            (Some(stopping), ..) if stopping.job.drained => Whence::Nothing,
            (Some(stopping), ..) => Whence::Job(stopping.target.clone()),
            (None, Some(noted), _) | (None, None, Some(noted)) => savepoint(noted),
            // Stopped with a savepoint by somebody else, as by `flink stop`, or ended in Flink's own UI.
            (None, None, None) => ended(last),
        }
    }
}

/// From where a job goes on that has ended: one that FINISHED was stopped with a savepoint.
fn ended(last: Option<&Summary>) -> Whence {
    match last {
        Some(last) if last.state == "FINISHED" => Whence::Job(last.id.clone()),
        Some(last) => Whence::Ended(last.clone()),
        None => Whence::Nothing,
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
    let Some(trigger) = &stopping.job.trigger else {
        return match flink.is_savepoint_under_way(&stopping.target).await {
            Ok(true) => Ok(Stop::UnderWay),
            Ok(false) => Ok(Stop::Not),
            // A JobManager that was started since knows nothing of it.
            Err(error) if refused(&error).is_some_and(|refused| refused.status == 404) => Ok(Stop::Not),
            Err(error) => Err(error),
        };
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
    /// How the job is, and what to do; `None` when it runs, and all is well.
    pub advice: Option<String>,
    /// The id under which a job of its name runs.
    pub runs: Option<String>,
}

/// Whether a mark tells of something that a killed command left, or may have left. A job that somebody stopped, and no more,
/// is as it is to be.
#[must_use]
pub fn is_left(mark: &Mark) -> bool {
    if matches!(mark.kind, Kind::Running | Kind::Workload) {
        return false;
    }
    match mark.owner.life() {
        Life::Ended => !(mark.kind == Kind::Stopped && MEANT.contains(&mark.by.as_str())),
        // Nothing is undone on suspicion, but a fault that may be nobody's any more is told.
        Life::Unknown => mark.kind == Kind::Fault,
        Life::Alive => false,
    }
}

/// Looks for jobs that killed commands left stopped, or on their way there.
pub async fn left_behind(platform: &Platform, flink: Option<&Flink>, ours: &str) -> Result<Vec<Left>> {
    let mut jobs: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for mark in platform.marks().await?.into_iter().filter(|mark| mark.kind.is_of_job()) {
        jobs.entry(mark.job.name.clone().unwrap_or_else(|| mark.target.clone())).or_default().push(mark);
    }
    let mut left = Vec::new();
    for (name, marks) in jobs {
        let noted = Noted::of(marks.into_iter());
        let newest: Vec<&Mark> = [&noted.starting, &noted.stopping, &noted.stopped].into_iter().flatten().collect();
        if let Some(mark) = newest.iter().find(|mark| is_left(mark)) {
            // A JobManager that is lost while it is asked must not keep `up` from bringing it back.
            let advice = advice((platform, flink), &name, &noted, ours).await;
            let advice = advice.unwrap_or_else(|error| Some(format!("the state of the job is not known: {error:#}")));
            let runs = match flink {
                Some(flink) if advice.is_none() => running(flink, &name).await.unwrap_or_default(),
                _ => None,
            };
            left.push(Left { mark: (*mark).clone(), advice, runs });
            continue;
        }
        // Somebody else may have started since what was to stay stopped, and then nothing is noted of it any more.
        let ended = newest.first().filter(|mark| mark.owner.has_ended());
        if let (Some(mark), Some(flink)) = (ended, flink)
            && let Ok(Some(id)) = running(flink, &name).await
        {
            left.push(Left { mark: (*mark).clone(), advice: None, runs: Some(id) });
        }
    }
    Ok(left)
}

/// The id of the job of a name, or an id, that runs.
async fn running(flink: &Flink, name: &str) -> Result<Option<String>> {
    let is_it = |job: &Summary| (job.name == name || job.id == name) && !job.is_over();
    let Some(job) = flink.jobs().await?.into_iter().find(is_it) else { return Ok(None) };
    Ok(flink.job(&job.id).await?.is_running().then_some(job.id))
}

/// The commands whose purpose is a job that does not run.
const MEANT: [&str; 2] = ["stop", "cancel"];

/// `name` is the job's, or its id where nobody knows its name yet.
async fn advice(
    (platform, flink): (&Platform, Option<&Flink>),
    name: &str,
    noted: &Noted,
    ours: &str,
) -> Result<Option<String>> {
    let jobs = match flink {
        Some(flink) => flink.jobs().await.ok(),
        None => None,
    };
    let (Some(flink), Some(jobs)) = (flink, jobs) else {
        let with_it = if name == ours { ", and the job with it" } else { "" };
        return Ok(Some(format!("the JobManager does not answer; playground up brings it back{with_it}")));
    };
    let is_it = |job: &&Summary| job.name == name || job.id == name;
    if let Some(job) = jobs.iter().find(|job| is_it(job) && !job.is_over()) {
        if let Some(stopping) = noted.stopping.as_ref().filter(|mark| mark.target == job.id)
            && became(flink, stopping).await? != Stop::Not
        {
            return Ok(Some(being_stopped(&job.name, ours)));
        }
        if flink.job(&job.id).await?.is_running() {
            return Ok(None);
        }
        let text = format!("{} ({}) is {} and not running yet; playground job shows more", job.name, job.id, job.state);
        return Ok(Some(text));
    }
    let state = match noted.whence(jobs.iter().find(is_it)) {
        Whence::Savepoint(path, _) => path,
        Whence::Ended(last) => {
            flink.newest_state(&last.id).await?.unwrap_or_else(|| "no checkpoint that Flink knows of".to_owned())
        }
        Whence::Job(id) => latest(platform, Some(&id))
            .await
            .map_or_else(|error| format!("a savepoint that was not found ({error:#})"), |savepoint| savepoint.path),
        Whence::Nothing => {
            let text = if name == ours {
                "no job is running, and there is no state to resume from; playground up starts the job"
            } else {
                "it is not running, and had no state to resume from; playground submit starts it again"
            };
            return Ok(Some(text.to_owned()));
        }
    };
    Ok(Some(format!("the job is stopped, with its state in {state}\n  {}", goes_on_with(name, &state, ours))))
}

/// The command that goes on with a stopped job; `up` knows only `ours`, the job of the stack's workload.
pub(super) fn goes_on_with(name: &str, path: &str, ours: &str) -> String {
    if name == ours {
        return "playground up resumes from it".to_owned();
    }
    format!("playground submit --jar FILE --from-savepoint {path} resumes from it")
}

fn being_stopped(name: &str, ours: &str) -> String {
    if name == ours {
        return format!("{name} is being stopped; playground up waits for the savepoint and resumes from it");
    }
    format!("{name} is being stopped; playground savepoint list shows where its state is once it has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: Kind, id: &str, savepoint: Option<&str>) -> Mark {
        let owner = Owner::current().unwrap();
        let (what, by) = ("upgrade".to_owned(), "upgrade".to_owned());
        let job = NotedJob { savepoint: savepoint.map(str::to_owned), ..NotedJob::default() };
        Mark { id: format!("{}-{id}", stage(kind)), kind, what, target: id.to_owned(), by, owner, job }
    }

    #[test]
    fn a_job_that_was_submitted_after_it_was_stopped_goes_on_from_its_own_state() {
        let stopped = Some(mark(Kind::Stopped, "a", Some("/s")));
        let noted = Noted { stopped, running: vec![mark(Kind::Running, "b", None)], ..Noted::default() };
        let failed = job("b", "FAILED");
        assert_eq!(noted.whence(Some(&failed)), Whence::Ended(failed.clone()));
        assert_eq!(noted.whence(Some(&job("b", "FINISHED"))), Whence::Job("b".into()));
        let savepoint = Whence::Savepoint("/s".into(), None);
        assert_eq!(noted.whence(Some(&job("c", "FAILED"))), savepoint, "nothing is noted of that one");
        assert_eq!(noted.whence(None), savepoint);
    }

    fn job(id: &str, state: &str) -> Summary {
        Summary { id: id.into(), name: "Click".into(), state: state.into(), start_time: 0, duration: 0 }
    }

    fn savepoint(path: &str) -> Whence {
        Whence::Savepoint(path.to_owned(), None)
    }

    #[test]
    fn a_stopped_job_goes_on_from_its_savepoint_however_far_it_had_come() {
        let stopped = Some(mark(Kind::Stopped, "a", Some("/a")));
        let noted = Noted { stopped: stopped.clone(), ..Noted::default() };
        assert_eq!(noted.whence(None), savepoint("/a"));
        // Its successor was submitted, did not come up, and was cancelled.
        let noted = Noted { starting: Some(mark(Kind::Starting, "b", Some("/a"))), ..noted };
        assert_eq!(noted.whence(Some(&job("b", "CANCELED"))), savepoint("/a"));
        // Its stop is noted twice: the process was killed between the two notes.
        let noted = Noted { stopping: Some(mark(Kind::Stopping, "a", None)), stopped, ..Noted::default() };
        assert_eq!(noted.whence(None), savepoint("/a"));
    }

    #[test]
    fn a_job_that_was_being_stopped_is_looked_for_and_what_is_noted_of_others_is_older() {
        let noted = Noted {
            stopping: Some(mark(Kind::Stopping, "b", None)),
            stopped: Some(mark(Kind::Stopped, "a", Some("/a"))),
            starting: Some(mark(Kind::Starting, "b", Some("/a"))),
            running: Vec::new(),
        };
        assert_eq!(noted.whence(None), Whence::Job("b".into()));
    }

    #[test]
    fn a_job_that_was_drained_is_at_its_end_wherever_its_command_was_cut_off() {
        let drained = |kind| {
            let mut mark = mark(kind, "a", Some("/a"));
            mark.job.drained = true;
            mark
        };
        let last = job("a", "FINISHED");
        let noted = Noted { stopped: Some(drained(Kind::Stopped)), ..Noted::default() };
        assert_eq!(noted.whence(Some(&last)), Whence::Nothing);
        let noted = Noted { stopping: Some(drained(Kind::Stopping)), ..Noted::default() };
        assert_eq!(noted.whence(Some(&last)), Whence::Nothing);
    }

    #[test]
    fn without_a_note_a_job_that_was_stopped_goes_on_and_one_that_ended_has_to_be_looked_into() {
        let whence = |last: Option<Summary>| Noted::default().whence(last.as_ref());
        assert_eq!(whence(Some(job("a", "FINISHED"))), Whence::Job("a".into()));
        assert_eq!(whence(Some(job("a", "FAILED"))), Whence::Ended(job("a", "FAILED")));
        assert_eq!(whence(Some(job("a", "CANCELED"))), Whence::Ended(job("a", "CANCELED")));
        assert_eq!(whence(None), Whence::Nothing);
        let fresh = Noted { starting: Some(mark(Kind::Starting, "a", None)), ..Noted::default() };
        assert_eq!(fresh.whence(None), Whence::Nothing);
    }
}
