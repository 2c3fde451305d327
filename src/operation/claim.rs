//! One operation on a project at a time, and what a killed one left: a mark in the platform, as for a fault.

use anyhow::{Context as _, Result, bail};

use super::savepoint::on_disk;
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::platform::{Journal as _, Kind, Mark, Owner, Platform};

/// One mark a project: two operations never run side by side.
const ID: &str = "operation";

/// Notes that an operation begins.
///
/// # Errors
/// Another one is under way: who, and on what.
pub async fn begin(platform: &Platform, operation: &str, job: &str) -> Result<()> {
    let own = Owner::current().context("find out this process's identity")?;
    let mark = Mark {
        id: ID.to_owned(),
        kind: Kind::Operation,
        what: operation.to_owned(),
        target: job.to_owned(),
        by: operation.to_owned(),
        owner: own,
    };
    loop {
        match platform.mark(&mark).await? {
            None => return Ok(()),
            Some(other) if other.owner.is_alive() => bail!(
                "{} is under way (process {}); wait for it: two operations at once would take the job from each other",
                other.what,
                other.owner.pid
            ),
            // Its process was killed; the commands before this one have told what it left.
            Some(_) => platform.forget(ID).await?,
        }
    }
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
    let Some(jobs) = jobs else {
        let stopped = Some("the JobManager does not answer; playground up starts it".to_owned());
        return Ok(Some(Left { mark, stopped }));
    };
    if jobs.iter().any(|job| !job.is_over()) {
        platform.forget(ID).await?;
        return Ok(Some(Left { mark, stopped: None }));
    }
    let stopped = Some(where_it_is(platform, &jobs, &mark.target).await);
    Ok(Some(Left { mark, stopped }))
}

async fn where_it_is(platform: &Platform, jobs: &[Summary], id: &str) -> String {
    let name = jobs.iter().find(|job| job.id == id).map_or("the job", |job| job.name.as_str());
    let found = on_disk(platform).await.map(|all| all.into_iter().find(|one| one.readable && one.is_of(id)));
    match found {
        Ok(Some(savepoint)) => format!(
            "{name} is stopped; its state is in {path}\n  playground submit --from-savepoint {path} goes on with it",
            path = savepoint.path
        ),
        Ok(None) => format!("{name} does not run, and has no savepoint; playground up submits it again"),
        Err(error) => format!("{name} does not run; its savepoints could not be read: {error:#}"),
    }
}
