//! What JobManagers knew of the restores of their jobs, kept in notes: each command that owns the stack writes down first what the
//! JobManager that leads knows, so that what a job emitted again before that can be explained when that JobManager is gone.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tokio::time::timeout;

use super::reach;
use crate::flink::restore::{Tenure, together};
use crate::flink::{Flink, REQUEST};
use crate::platform::{Journal as _, Kind, Mark, NotedJob, Owner, Platform};

/// How many tenures are kept, the newest ones.
const KEPT: usize = 64;

/// What was noted of restores, with what the JobManager that leads knows now.
///
/// # Errors
/// A platform that does not tell its notes.
pub async fn known(platform: Option<&Platform>, flink: Option<&Flink>) -> Result<Vec<Tenure>> {
    let noted = match platform {
        Some(platform) => read(platform).await?.tenures,
        None => Vec::new(),
    };
    let now = match flink {
        // What does not answer now is told by whoever watches the job.
        Some(flink) => flink.tenures(&noted).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(together(noted, now))
}

/// Adds what the JobManager that leads knows now to what is noted. Only for the stack's owner. A JobManager that does not
/// answer in time may be what is to be mended, and is not waited for.
///
/// # Errors
/// A platform that does not tell its notes, or keeps none.
pub async fn note(platform: &Platform, by: &str) -> Result<()> {
    let Some(flink) = reach::flink(platform).await? else { return Ok(()) };
    if flink.overview_within(reach::GLANCE).await.is_err() {
        return Ok(());
    }
    let Notes { ids, tenures } = read(platform).await?;
    let Ok(Ok(now)) = timeout(REQUEST, flink.tenures(&tenures)).await else { return Ok(()) };
    let kept = kept(together(tenures.clone(), now));
    if kept == tenures {
        return Ok(());
    }
    let target = serde_json::to_string(&kept).context("write the restores as JSON")?;
    let owner = Owner::current().context("find out this process's identity")?;
    let id = format!("restores-{}", Timestamp::now().as_millisecond());
    let (what, by, job) = ("restores".to_owned(), by.to_owned(), NotedJob::default());
    platform.mark(&Mark { id: id.clone(), kind: Kind::Restores, what, target, by, owner, job }).await?;
    // The new one first: between the two, a command that is killed leaves both.
    for old in ids.iter().filter(|old| **old != id) {
        platform.forget(old).await?;
    }
    Ok(())
}

/// The notes' ids, and what they hold together.
struct Notes {
    ids: Vec<String>,
    tenures: Vec<Tenure>,
}

/// A note that this version cannot read is as good as none: a verdict says what it cannot explain.
async fn read(platform: &Platform) -> Result<Notes> {
    let mut notes = Notes { ids: Vec::new(), tenures: Vec::new() };
    let marks = platform.marks().await.context("read what is noted of restores")?;
    for mark in marks.into_iter().filter(|mark| mark.kind == Kind::Restores) {
        let tenures = serde_json::from_str(&mark.target).unwrap_or_default();
        notes.tenures = together(notes.tenures, tenures);
        notes.ids.push(mark.id);
    }
    Ok(notes)
}

/// The newest ones. A job that is over and never was restored has nothing to explain.
fn kept(mut tenures: Vec<Tenure>) -> Vec<Tenure> {
    tenures.retain(|tenure| !tenure.over || !tenure.restores.is_empty());
    let surplus = tenures.len().saturating_sub(KEPT);
    tenures.drain(..surplus);
    tenures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::fake::Fake;

    fn tenure(since: i64, over: bool) -> Tenure {
        let (job, name) = ("a".to_owned(), "clicks".to_owned());
        Tenure { job, name, since, over, count: 0, newest: None, restores: Vec::new() }
    }

    #[test]
    fn the_newest_are_kept_and_those_that_have_nothing_to_explain_are_not() {
        let newest = kept((0..200).map(|since| tenure(since, false)).collect());
        assert_eq!((newest.len(), newest[0].since), (KEPT, 136));
        assert_eq!(kept(vec![tenure(1, true), tenure(2, false)]), [tenure(2, false)]);
    }

    #[tokio::test]
    async fn several_notes_count_together_and_one_that_cannot_be_read_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let platform = Platform::Fake(Fake::open(folder.path(), "p").unwrap());
        let owner = Owner::current().unwrap();
        for (id, target) in [
            ("restores-1", serde_json::to_string(&[tenure(1, false)]).unwrap()),
            ("restores-2", serde_json::to_string(&[tenure(2, false)]).unwrap()),
            ("restores-3", "?".to_owned()),
        ] {
            let (what, by, job) = ("restores".to_owned(), "up".to_owned(), NotedJob::default());
            let mark = Mark { id: id.to_owned(), kind: Kind::Restores, what, target, by, owner: owner.clone(), job };
            platform.mark(&mark).await.unwrap();
        }
        assert_eq!(known(Some(&platform), None).await.unwrap(), [tenure(1, false), tenure(2, false)]);
        note(&platform, "up").await.unwrap();
        assert_eq!(read(&platform).await.unwrap().ids.len(), 3, "no JobManager answers");
    }
}
