//! One operation on a project at a time, and what a killed one left: a mark in the platform, as for a fault.

use anyhow::{Context as _, Result, anyhow};

use super::savepoint::on_disk;
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::platform::{Journal as _, Kind, Mark, Owner, Platform};
use crate::workload::JOB;

/// One mark a project: two operations never run side by side.
const ID: &str = "operation";
/// One mark a project: the job that was stopped last.
const STOPPED: &str = "stopped";

/// Notes that an operation begins.
///
/// # Errors
/// Another one is under way: who, and on what.
pub async fn begin(platform: &Platform, operation: &str, job: &str) -> Result<()> {
    let mark = mark(ID, Kind::Operation, operation, job)?;
    loop {
        match platform.mark(&mark).await? {
            None => return Ok(()),
            Some(other) if other.owner.is_alive() => return Err(under_way(&other)),
            // Its process was killed; the commands before this one have told what it left.
            Some(_) => platform.forget(ID).await?,
        }
    }
}

fn mark(id: &str, kind: Kind, operation: &str, job: &str) -> Result<Mark> {
    let owner = Owner::current().context("find out this process's identity")?;
    let (id, what, by) = (id.to_owned(), operation.to_owned(), operation.to_owned());
    Ok(Mark { id, kind, what, target: job.to_owned(), by, owner, savepoint: None })
}

/// Notes that a job was stopped, and where its state is: the stack may be taken down before it goes on.
pub(super) async fn stopped(platform: &Platform, job: &str, savepoint: &str) -> Result<()> {
    let mark = Mark { savepoint: Some(savepoint.to_owned()), ..mark(STOPPED, Kind::Stopped, "stop", job)? };
    // The note of an earlier stop, and of an earlier job.
    platform.forget(STOPPED).await?;
    platform.mark(&mark).await.map(drop)
}

/// Forgets what is noted of a stopped job: one runs again, or is to begin from nothing.
pub(super) async fn goes_on(platform: &Platform) -> Result<()> {
    platform.forget(STOPPED).await
}

/// The job that was stopped last, with its savepoint, if none was started since.
pub(super) async fn last_stopped(platform: &Platform) -> Result<Option<Mark>> {
    Ok(platform.marks().await?.into_iter().find(|mark| mark.kind == Kind::Stopped))
}

/// Refuses while another process is at an operation.
pub(super) async fn must_be_free(platform: &Platform) -> Result<()> {
    let own = Owner::current()?;
    let is_anothers = |mark: &Mark| mark.kind == Kind::Operation && mark.owner.is_alive() && mark.owner != own;
    match platform.marks().await?.into_iter().find(is_anothers) {
        Some(other) => Err(under_way(&other)),
        None => Ok(()),
    }
}

fn under_way(other: &Mark) -> anyhow::Error {
    anyhow!(
        "{} is under way (process {}); wait for it: two operations at once would take the job from each other",
        other.what,
        other.owner.pid
    )
}

/// Notes that it ended.
pub async fn end(platform: &Platform) -> Result<()> {
    platform.forget(ID).await
}

/// What an operation left whose process was killed.
#[derive(Debug)]
pub struct Left {
    /// Its mark.
    pub mark: Mark,
    /// How its job is, in a sentence; `None` when a job runs, and all is well.
    pub stopped: Option<String>,
}

/// Looks for an operation whose process was killed. Its mark is kept until a job runs again, so that every command tells.
pub async fn left_behind(platform: &Platform, flink: Option<&Flink>) -> Result<Option<Left>> {
    let marks = platform.marks().await?;
    let is_left = |mark: &Mark| mark.kind == Kind::Operation && !mark.owner.is_alive();
    let Some(mark) = marks.into_iter().find(is_left) else { return Ok(None) };
    let jobs = match flink {
        Some(flink) => flink.jobs().await.ok(),
        None => None,
    };
    let (Some(flink), Some(jobs)) = (flink, jobs) else {
        let stopped = "the JobManager does not answer; playground up brings it back, and the job with it".to_owned();
        return Ok(Some(Left { mark, stopped: Some(stopped) }));
    };
    let stopped = match successor(&jobs, &mark.target) {
        Some(job) if flink.is_savepoint_under_way(&job.id).await? => {
            Some(format!("{} runs, and a savepoint is under way that may stop it; look again in a moment", job.name))
        }
        Some(job) if flink.job(&job.id).await?.is_running() => None,
        Some(job) => {
            Some(format!("{} ({}) is {}, and does not run yet; playground job shows more", job.name, job.id, job.state))
        }
        None => Some(where_it_is(platform, &jobs, &mark.target).await),
    };
    if stopped.is_none() {
        platform.forget(ID).await?;
    }
    Ok(Some(Left { mark, stopped }))
}

/// The job that an operation was on, or one of its name that was started since; none when it is stopped.
fn successor<'a>(jobs: &'a [Summary], id: &str) -> Option<&'a Summary> {
    let mut live = jobs.iter().filter(|job| !job.is_over());
    match jobs.iter().find(|job| job.id == id) {
        Some(job) if !job.is_over() => Some(job),
        Some(job) => live.find(|one| one.name == job.name),
        // Forgotten: the JobManager was started again since.
        None => live.next(),
    }
}

/// The job that may have been stopped by an operation whose process was killed.
pub(super) async fn orphan(platform: &Platform) -> Result<Option<String>> {
    let is_left = |mark: &Mark| mark.kind == Kind::Operation && !mark.owner.is_alive();
    // Of an operation on no job in particular the target is the job's name; one that was to be cancelled is not to go on.
    let has_state = |mark: &Mark| mark.target != JOB && mark.what != "cancel";
    Ok(platform.marks().await?.into_iter().find(|mark| is_left(mark) && has_state(mark)).map(|mark| mark.target))
}

async fn where_it_is(platform: &Platform, jobs: &[Summary], id: &str) -> String {
    let name = jobs.iter().find(|job| job.id == id).map_or("the job", |job| job.name.as_str());
    let found = on_disk(platform).await.map(|all| all.into_iter().find(|one| one.readable && one.is_of(id)));
    match found {
        Ok(Some(savepoint)) => format!(
            "{name} is stopped; its state is in {path}\n  playground submit --from-savepoint {path} goes on with it",
            path = savepoint.path
        ),
        Ok(None) => format!("{name} does not run, and has no savepoint; playground up --fresh starts it from nothing"),
        Err(error) => format!("{name} does not run; its savepoints could not be read: {error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_goes_on_in_itself_or_in_a_later_one_of_its_name() {
        let job = |id: &str, name: &str, state: &str| Summary {
            id: id.into(),
            name: name.into(),
            state: state.into(),
            start_time: 0,
            duration: 0,
        };
        let found = |jobs: &[Summary]| successor(jobs, "a").map(|job| job.id.clone());
        assert_eq!(found(&[job("a", "Click", "RUNNING")]).as_deref(), Some("a"));
        let stopped = job("a", "Click", "FINISHED");
        assert_eq!(found(&[job("b", "Click", "RUNNING"), stopped.clone()]).as_deref(), Some("b"));
        assert_eq!(found(&[job("b", "Other", "RUNNING"), stopped.clone()]), None);
        assert_eq!(found(&[stopped]), None);
    }
}
