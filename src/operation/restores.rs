//! The note of what JobManagers knew of their jobs' restores. Each command that may end a JobManager writes down first what that one
//! knows, so that what a job emitted again before that can still be explained after it.

use anyhow::{Context as _, Result};

use super::reach;
use crate::flink::restore::Life;
use crate::platform::{Journal as _, Kind, Mark, NotedJob, Owner, Platform};

/// The id of the note: a stack has one.
const NOTE: &str = "restores";
/// How many lives of jobs are kept, the newest ones.
const KEPT: usize = 64;

/// What is noted of restores.
///
/// # Errors
/// A platform that does not tell. What another version wrote and this one cannot read is as if it were not there: a verdict
/// then says what it cannot explain.
pub async fn noted(platform: &Platform) -> Result<Vec<Life>> {
    let marks = platform.marks().await.context("read what is noted of restores")?;
    let note = marks.into_iter().find(|mark| mark.kind == Kind::Restores);
    Ok(note.and_then(|mark| serde_json::from_str(&mark.target).ok()).unwrap_or_default())
}

/// Adds what the JobManager that leads knows now. Only for the stack's owner.
///
/// # Errors
/// A platform that does not tell, or keeps no note. A JobManager that does not answer at once is none: it may be what is to be
/// mended.
pub async fn note(platform: &Platform, by: &str) -> Result<()> {
    let Some(flink) = reach::flink(platform).await? else { return Ok(()) };
    if flink.overview_within(reach::GLANCE).await.is_err() {
        return Ok(());
    }
    let before = noted(platform).await?;
    let Ok(now) = flink.lives(&before).await else { return Ok(()) };
    let kept = merged(before.clone(), now);
    if kept == before {
        return Ok(());
    }
    let target = serde_json::to_string(&kept).context("write the restores as JSON")?;
    let owner = Owner::current().context("find out this process's identity")?;
    let (id, what, by, job) = (NOTE.to_owned(), NOTE.to_owned(), by.to_owned(), NotedJob::default());
    platform.mark(&Mark { id, kind: Kind::Restores, what, target, by, owner, job }).await
}

/// The lives that are kept, the oldest first. One that never was restored has nothing to explain.
fn merged(before: Vec<Life>, now: Vec<Life>) -> Vec<Life> {
    let now: Vec<Life> = now.into_iter().filter(|life| !life.restores.is_empty()).collect();
    let is_past = |life: &Life| !now.iter().any(|one| one.is_same(life));
    let mut kept: Vec<Life> = before.into_iter().filter(is_past).collect();
    kept.extend(now);
    kept.sort_by_key(|life| life.since);
    let surplus = kept.len().saturating_sub(KEPT);
    kept.drain(..surplus);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::restore::Restore;

    fn life(since: i64, untils: &[i64]) -> Life {
        let restore = |until: &i64| Restore { checkpoint: 1, savepoint: false, from: until - 1, until: *until };
        let restores = untils.iter().map(restore).collect();
        Life { job: "a".into(), name: "clicks".into(), since, over: false, restores }
    }

    #[test]
    fn each_life_of_a_job_is_kept_as_it_was_told_last() {
        let kept = merged(vec![life(10, &[11]), life(20, &[21])], vec![life(30, &[31]), life(20, &[25, 21])]);
        assert_eq!(kept, [life(10, &[11]), life(20, &[25, 21]), life(30, &[31])]);
        assert_eq!(merged(kept.clone(), vec![life(40, &[])]), kept, "never restored");
        let many: Vec<Life> = (0..200).map(|since| life(since, &[since])).collect();
        let newest = merged(many, Vec::new());
        assert_eq!((newest.len(), newest[0].since), (KEPT, 136));
    }
}
