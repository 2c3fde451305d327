//! Restores of a stack's jobs from before they were watched, as far as Flink or an earlier command knows them: they explain
//! what was emitted again.
//!
//! The broker knows where the output ended at those times, since records have timestamps.

use std::ops::Range;

use anyhow::Result;

use super::Watch;
use crate::flink::Flink;
use crate::flink::restore::{Life, Restore};
use crate::history::What;
use crate::history::seen::Restored;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::workload::model::Workload;

/// Reports all of them, those that were noted before first.
pub(super) async fn tell(
    flink: &Flink,
    noted: Vec<Life>,
    kafka: &str,
    workload: &Workload,
    watch: &Watch,
) -> Result<()> {
    // Without a JobManager there is nothing to ask; the job's own watcher reports that.
    let lives = together(noted, flink.lives(&[]).await.unwrap_or_default());
    let its = lives.into_iter().filter(|life| life.name == workload.job.name);
    let found =
        its.flat_map(|life| life.restores.into_iter().map(move |restore| (life.job.clone(), restore))).collect();
    let (kafka, topic) = (kafka.to_owned(), workload.output.topic.clone());
    let restored = tokio::task::spawn_blocking(move || written(&kafka, &topic, found)).await??;
    for restored in restored {
        watch.tell(What::Restored(restored)).await;
    }
    Ok(())
}

/// What a JobManager tells of a job's life now takes the place of what was noted of it.
fn together(noted: Vec<Life>, now: Vec<Life>) -> Vec<Life> {
    let is_past = |noted: &Life| !now.iter().any(|life| life.is_same(noted) && !life.restores.is_empty());
    let past: Vec<Life> = noted.into_iter().filter(is_past).collect();
    past.into_iter().chain(now).collect()
}

/// Reports the checkpoints that Flink still knows of from before, the oldest first: a state that a job goes on with has to
/// reach as far as they do.
pub(super) async fn tell_checkpoints(flink: &Flink, workload: &Workload, watch: &Watch) {
    let Ok(jobs) = flink.jobs().await else { return };
    let Some(job) = jobs.iter().find(|job| job.name == workload.job.name) else { return };
    // Of a job that has just been forgotten there is nothing to tell.
    let Ok(checkpoints) = flink.checkpoints(&job.id).await else { return };
    for entry in checkpoints.history.iter().rev().filter(|entry| entry.status == "COMPLETED") {
        let (took, size, begun) = (entry.end_to_end_duration, entry.state_size, entry.trigger_timestamp);
        watch.tell(What::Checkpoint { id: entry.id, took, size, begun }).await;
    }
}

/// The restores, each with the offsets of every output partition that were written in its time.
fn written(kafka: &str, topic: &str, found: Vec<(String, Restore)>) -> Result<Vec<Restored>> {
    let admin = Admin::new(kafka, Isolation::Uncommitted)?;
    let restored = |(job, restore): (String, Restore)| {
        let Restore { checkpoint, savepoint, from, until } = restore;
        let (from, until) = (admin.offsets_at(topic, from)?, admin.offsets_at(topic, until)?);
        let again: Vec<Range<i64>> = from.into_iter().zip(until).map(|(from, until)| from..until).collect();
        Ok(Restored { job, checkpoint, savepoint, again: Some(again) })
    };
    found.into_iter().map(restored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(since: i64, untils: &[i64]) -> Life {
        let restore = |until: &i64| Restore { checkpoint: 1, savepoint: false, from: until - 1, until: *until };
        let restores = untils.iter().map(restore).collect();
        Life { job: "a".into(), name: "clicks".into(), since, over: false, restores }
    }

    #[test]
    fn what_an_earlier_jobmanager_knew_is_added_to_what_this_one_knows() {
        let noted = vec![life(10, &[11]), life(20, &[21])];
        let now = vec![life(20, &[25, 21]), life(30, &[31])];
        assert_eq!(together(noted.clone(), now.clone()), [life(10, &[11]), life(20, &[25, 21]), life(30, &[31])]);
        assert_eq!(together(noted.clone(), vec![life(20, &[])]), [life(10, &[11]), life(20, &[21]), life(20, &[])]);
        assert_eq!(together(noted.clone(), Vec::new()), noted, "no JobManager answers");
    }
}
