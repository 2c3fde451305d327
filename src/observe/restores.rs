//! Restores of a stack's jobs from before they were watched, as far as Flink still knows them: they explain what was
//! emitted again.
//!
//! Flink knows how often a job was restored, from which checkpoint the last time, and when it failed the times before.
//! The broker knows where the output ended at those times, since records have timestamps.

use std::ops::Range;

use anyhow::Result;

use super::Watch;
use crate::flink::Flink;
use crate::flink::checkpoint::Checkpoints;
use crate::flink::job::Summary;
use crate::history::What;
use crate::history::seen::Restored;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::workload::model::Workload;

/// A restore of which only the time is known reaches back by this many checkpoint intervals, plus this many ms: it was
/// from the newest checkpoint at that time.
const INTERVALS: i64 = 3;
const MORE_MS: i64 = 5_000;
/// A job that a new JobManager recovered was down for as long as the failover took.
const AWAY_MS: i64 = 60_000;

/// A restore, in ms since the epoch by Flink's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Past {
    checkpoint: u64,
    savepoint: bool,
    /// When its checkpoint began, or the earliest time at which it can have begun.
    from: i64,
    /// When the job was restored, or failed.
    until: i64,
}

/// How many jobs are asked for their restores, the newest first.
const JOBS: usize = 32;

/// Reports all of them.
pub(super) async fn tell(flink: &Flink, kafka: &str, workload: &Workload, watch: &Watch) -> Result<()> {
    // Without a JobManager there is nothing to ask; the job's own watcher reports that.
    let Ok(jobs) = flink.jobs().await else { return Ok(()) };
    let mut found = Vec::new();
    for job in jobs.into_iter().filter(|job| job.name == workload.job.name).take(JOBS) {
        found.extend(of_job(flink, &job).await.into_iter().map(|past| (job.id.clone(), past)));
    }
    let (kafka, topic) = (kafka.to_owned(), workload.output.topic.clone());
    let restored = tokio::task::spawn_blocking(move || written(&kafka, &topic, found)).await??;
    for restored in restored {
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
fn written(kafka: &str, topic: &str, found: Vec<(String, Past)>) -> Result<Vec<Restored>> {
    let admin = Admin::new(kafka, Isolation::Uncommitted)?;
    let restored = |(job, past): (String, Past)| {
        let Past { checkpoint, savepoint, from, until } = past;
        let (from, until) = (admin.offsets_at(topic, from)?, admin.offsets_at(topic, until)?);
        let again: Vec<Range<i64>> = from.into_iter().zip(until).map(|(from, until)| from..until).collect();
        Ok(Restored { job, checkpoint, savepoint, again: Some(again) })
    };
    found.into_iter().map(restored).collect()
}

/// The restores of a job. A job that Flink has forgotten explains nothing.
async fn of_job(flink: &Flink, job: &Summary) -> Vec<Past> {
    let Ok(checkpoints) = flink.checkpoints(&job.id).await else { return Vec::new() };
    let Ok(interval) = flink.checkpoint_interval(&job.id).await else { return Vec::new() };
    let failures = flink.exceptions(&job.id).await.unwrap_or_default();
    let begun = match &checkpoints.latest.restored {
        Some(restored) => flink.checkpoint_triggered_at(&job.id, restored.id).await.ok(),
        None => None,
    };
    let failures: Vec<i64> = failures.iter().map(|failure| failure.timestamp).collect();
    list(&checkpoints, interval, begun, &failures)
}

fn list(checkpoints: &Checkpoints, interval: Option<i64>, begun: Option<i64>, failures: &[i64]) -> Vec<Past> {
    let reach = interval.unwrap_or_default().saturating_mul(INTERVALS).saturating_add(MORE_MS);
    let failed = |failure: &i64| Past { checkpoint: 0, savepoint: false, from: failure - reach, until: *failure };
    let Some(newest) = &checkpoints.latest.restored else {
        // A job without checkpoints resumes from the offsets that its group committed a moment before.
        return failures.iter().filter(|_| interval.is_none()).map(failed).collect();
    };
    let (checkpoint, savepoint, until) = (newest.id, newest.is_savepoint, newest.restore_timestamp);
    let from = begun.unwrap_or_else(|| until - reach - AWAY_MS);
    // The newest failure led to the newest restore, the one before it to the restore before that, and so on.
    let earlier = failures.iter().map(failed).filter(|past| past.until < from);
    let most = usize::try_from(checkpoints.counts.restored.saturating_sub(1)).unwrap_or(usize::MAX);
    std::iter::once(Past { checkpoint, savepoint, from, until }).chain(earlier.take(most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::checkpoint::Restored as Seen;
    use crate::flink::checkpoint::{Counts, Latest};

    fn checkpoints(restored: u64) -> Checkpoints {
        let counts = Counts { restored, completed: 0, failed: 0, in_progress: 0 };
        let seen = Seen { id: 41, restore_timestamp: 500_000, is_savepoint: false, external_path: None };
        let restored = (restored > 0).then_some(seen);
        Checkpoints { counts, latest: Latest { completed: None, restored }, history: Vec::new() }
    }

    #[test]
    fn the_newest_is_known_exactly_and_those_before_by_their_failures() {
        let past = |restored| {
            let found = list(&checkpoints(restored), Some(1_000), Some(499_000), &[499_500, 300_000, 200_000]);
            found.iter().map(|past| (past.checkpoint, past.from, past.until)).collect::<Vec<_>>()
        };
        assert_eq!(past(0), []);
        assert_eq!(past(1), [(41, 499_000, 500_000)]);
        assert_eq!(past(2), [(41, 499_000, 500_000), (0, 292_000, 300_000)]);
        assert_eq!(past(9).len(), 3, "no more than Flink knows of");
    }

    #[test]
    fn a_job_without_checkpoints_repeats_a_moment_for_each_failure() {
        let failures = [300_000, 200_000];
        let past = list(&checkpoints(0), None, None, &failures);
        assert_eq!(past.iter().map(|past| past.from).collect::<Vec<_>>(), [295_000, 195_000]);
        assert_eq!(list(&checkpoints(0), Some(1_000), None, &failures), [], "it began anew each time");
    }

    #[test]
    fn a_checkpoint_that_flink_has_forgotten_reaches_back_as_far_as_a_jobmanager_may_be_away() {
        assert_eq!(list(&checkpoints(1), Some(1_000), None, &[])[0].from, 432_000);
    }
}
