//! Restores of a stack's jobs from before they were watched: they explain what was emitted again.
//!
//! The broker knows where the output ended at those times, since records have timestamps.

use std::ops::Range;

use anyhow::Result;

use super::Watch;
use crate::flink::Flink;
use crate::flink::restore::{Restore, Tenure};
use crate::history::What;
use crate::history::seen::Restored;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::workload::model::Workload;

/// Reports those of the workload's job, the oldest first.
pub(super) async fn tell(restores: Vec<Tenure>, kafka: &str, workload: &Workload, watch: &Watch) -> Result<()> {
    let its = restores.into_iter().filter(|tenure| tenure.name == workload.job.name);
    let found = its
        .flat_map(|tenure| tenure.restores.into_iter().rev().map(move |restore| (tenure.job.clone(), restore)))
        .collect();
    let (kafka, topic) = (kafka.to_owned(), workload.output.topic.clone());
    let events = tokio::task::spawn_blocking(move || written(&kafka, &topic, found)).await??;
    for restored in events {
        watch.tell(What::Restored(restored)).await;
    }
    Ok(())
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
