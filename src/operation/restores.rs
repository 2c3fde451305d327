//! What JobManagers knew of the restores of their jobs, kept in notes: each command that owns the stack writes down first what the
//! JobManager that leads knows, so that what a job emitted again before that can be explained when that JobManager is gone.
//!
//! The notes are records of a topic on the stack's broker: beside the output that they explain, and gone when that is.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::reach;
use crate::flink::restore::{Tenure, together};
use crate::flink::{Flink, REQUEST};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::produce::Producer;
use crate::kafka::tail;
use crate::platform::Platform;

/// How many tenures are kept, the newest ones.
const KEPT: usize = 64;
/// The topic of the notes; whoever lists topics leaves out those that begin like this. Each record has the whole, so only the
/// last one counts, and compaction keeps that however old it is.
const TOPIC: &str = "__playground-restores";
/// The key of each of its records.
const KEY: &[u8] = b"tenures";
/// How long the broker may take to answer at all: it may be what is to be mended.
const ANSWER: Duration = Duration::from_secs(3);

/// What was noted of restores, with what the JobManager that leads knows now.
///
/// # Errors
/// A broker that does not tell its notes.
pub async fn known(kafka: &str, flink: Option<&Flink>) -> Result<Vec<Tenure>> {
    let noted = read(kafka).await?.with_context(|| format!("the broker at {kafka} does not answer"))?;
    let now = match flink {
        // What does not answer now is told by whoever watches the job.
        Some(flink) => flink.tenures(&noted).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(together(noted, now))
}

/// Adds what the JobManager that leads knows now to what is noted. Only for the stack's owner. A JobManager or a broker that
/// does not answer in time may be what is to be mended, and is not waited for.
///
/// # Errors
/// A broker that does not tell its notes, or keeps none.
pub async fn note(platform: &Platform) -> Result<()> {
    let Some(flink) = reach::flink(platform).await? else { return Ok(()) };
    if flink.overview_within(reach::GLANCE).await.is_err() {
        return Ok(());
    }
    // Without a broker there is no output to explain.
    let Some(kafka) = reach::kafka(platform).await? else { return Ok(()) };
    let kafka = kafka.to_string();
    let Some(noted) = read(&kafka).await? else { return Ok(()) };
    let Ok(Ok(now)) = timeout(REQUEST, flink.tenures(&noted)).await else { return Ok(()) };
    let kept = kept(together(noted.clone(), now));
    if kept == noted {
        return Ok(());
    }
    let note = serde_json::to_vec(&kept).context("write the restores as JSON")?;
    spawn_blocking(move || write(&kafka, &note)).await.context("note the restores")?
}

/// `None` where the broker does not answer.
async fn read(kafka: &str) -> Result<Option<Vec<Tenure>>> {
    let kafka = kafka.to_owned();
    spawn_blocking(move || {
        let admin = Admin::new(&kafka, Isolation::Uncommitted)?;
        admin.wait(ANSWER, |_| Ok(())).ok().map(|()| newest(&kafka, &admin)).transpose()
    })
    .await
    .context("read what is noted of restores")?
}

/// A note that this version cannot read is as good as none: a verdict says what it cannot explain.
fn newest(kafka: &str, admin: &Admin) -> Result<Vec<Tenure>> {
    if !admin.topics()?.contains_key(TOPIC) {
        return Ok(Vec::new());
    }
    let ends = admin.ends(TOPIC)?;
    let last: Vec<_> = ends.into_iter().map(|ends| ends.start.max(ends.end - 1)..ends.end).collect();
    let mut tenures = Vec::new();
    tail::read(kafka, TOPIC, Isolation::Uncommitted, &last, |record| {
        tenures = serde_json::from_slice(record.payload).unwrap_or_default();
        Ok(())
    })?;
    Ok(tenures)
}

fn write(kafka: &str, note: &[u8]) -> Result<()> {
    Admin::new(kafka, Isolation::Uncommitted)?.ensure_compacted(TOPIC)?;
    let mut producer = Producer::new(kafka, TOPIC)?;
    producer.send(0, Timestamp::now().as_millisecond(), Some(KEY), note)?;
    let missing = producer.flush(ANSWER);
    let why = producer.last_error().unwrap_or_else(|| "it did not answer".to_owned());
    ensure!(
        missing == 0,
        "the broker at {kafka} did not take the note of the restores within {} s: {why}",
        ANSWER.as_secs()
    );
    Ok(())
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
}
