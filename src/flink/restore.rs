//! Restores of a stack's jobs, as far as a JobManager knows them: they explain what was emitted again.
//!
//! It knows how often a job was restored, from which checkpoint the last time, and when it failed the times before. Of what was
//! before its own start it knows nothing.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Flink;
use super::checkpoint::Checkpoints;

/// A restore of which only the time is known reaches back by this many checkpoint intervals, plus this many ms: it was
/// from the newest checkpoint at that time.
const INTERVALS: i64 = 3;
const MORE_MS: i64 = 5_000;
/// A job that a new JobManager recovered was down for as long as the failover took.
const AWAY_MS: i64 = 60_000;
/// How many jobs are asked for their restores, the newest first.
const JOBS: usize = 32;

/// A restore, in ms since the epoch by Flink's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The checkpoint's id; 0 where only the failure is known.
    pub checkpoint: u64,
    /// Whether it was a savepoint.
    pub savepoint: bool,
    /// When its checkpoint began, or the earliest time at which it can have begun.
    pub from: i64,
    /// When the job was restored, or failed.
    pub until: i64,
}

/// A job from when a JobManager took it, submitted or recovered, with its restores since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The job's id, which it keeps when another JobManager recovers it.
    pub job: String,
    /// Its name.
    pub name: String,
    /// When that JobManager took it, in ms since the epoch.
    pub since: i64,
    /// Whether it can never run again: no restore is added.
    pub over: bool,
    /// The newest first.
    pub restores: Vec<Restore>,
}

impl Life {
    /// Whether both are of the same job, and known to the same JobManager.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.job, self.since) == (&other.job, other.since)
    }
}

impl Flink {
    /// The restores of the newest jobs. Jobs that are over are not asked again where `known` has them.
    pub async fn lives(&self, known: &[Life]) -> Result<Vec<Life>> {
        let mut lives = Vec::new();
        for job in self.jobs().await?.into_iter().take(JOBS) {
            let (since, over) = (job.start_time, job.is_over());
            let mut life = Life { job: job.id, name: job.name, since, over, restores: Vec::new() };
            let before = known.iter().find(|before| before.over && before.is_same(&life));
            life.restores = match before {
                Some(before) => before.restores.clone(),
                None => self.restores(&life.job).await,
            };
            lives.push(life);
        }
        Ok(lives)
    }

    /// The restores of a job. A job that Flink has forgotten explains nothing.
    async fn restores(&self, job: &str) -> Vec<Restore> {
        let Ok(checkpoints) = self.checkpoints(job).await else { return Vec::new() };
        let Ok(interval) = self.checkpoint_interval(job).await else { return Vec::new() };
        let failures = self.exceptions(job).await.unwrap_or_default();
        let begun = match &checkpoints.latest.restored {
            Some(restored) => self.checkpoint_triggered_at(job, restored.id).await.ok(),
            None => None,
        };
        let failures: Vec<i64> = failures.iter().map(|failure| failure.timestamp).collect();
        list(&checkpoints, interval, begun, &failures)
    }
}

fn list(checkpoints: &Checkpoints, interval: Option<i64>, begun: Option<i64>, failures: &[i64]) -> Vec<Restore> {
    let reach = interval.unwrap_or_default().saturating_mul(INTERVALS).saturating_add(MORE_MS);
    let failed = |failure: &i64| Restore { checkpoint: 0, savepoint: false, from: failure - reach, until: *failure };
    let Some(newest) = &checkpoints.latest.restored else {
        // A job without checkpoints resumes from the offsets that its group committed a moment before.
        return failures.iter().filter(|_| interval.is_none()).map(failed).collect();
    };
    let (checkpoint, savepoint, until) = (newest.id, newest.is_savepoint, newest.restore_timestamp);
    let from = begun.unwrap_or_else(|| until - reach - AWAY_MS);
    // The newest failure led to the newest restore, the one before it to the restore before that, and so on; but of several
    // failures in a row, some led to none. So the last one of each row comes first.
    let earlier: Vec<i64> = failures.iter().copied().filter(|failure| *failure < from).collect();
    let (last, more): (Vec<_>, Vec<_>) = (0..earlier.len()).partition(|place| ends_a_row(&earlier, *place, reach));
    let most = usize::try_from(checkpoints.counts.restored.saturating_sub(1)).unwrap_or(usize::MAX);
    let earlier = last
        .into_iter()
        .chain(more)
        .take(most)
        .map(|place| Restore { from: begin_of_row(&earlier, place, reach) - reach, ..failed(&earlier[place]) });
    std::iter::once(Restore { checkpoint, savepoint, from, until }).chain(earlier).collect()
}

/// Whether no failure followed within reach. They come with the newest first.
fn ends_a_row(failures: &[i64], place: usize, reach: i64) -> bool {
    place == 0 || failures[place - 1] - failures[place] > reach
}

/// The oldest failure of the row that one belongs to.
fn begin_of_row(failures: &[i64], place: usize, reach: i64) -> i64 {
    let row = failures[place..].windows(2).take_while(|pair| pair[0] - pair[1] <= reach);
    row.last().map_or(failures[place], |pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::checkpoint::{Counts, Latest, Restored as Seen};

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
    fn a_failure_that_led_to_no_restore_takes_no_other_ones_place() {
        // Two outages; in the newer one the job failed three times before it ran.
        let failures = [499_500, 305_000, 303_000, 300_000, 200_000];
        let found = list(&checkpoints(3), Some(1_000), Some(499_000), &failures);
        let spans: Vec<(i64, i64)> = found.iter().map(|past| (past.from, past.until)).collect();
        assert_eq!(spans, [(499_000, 500_000), (292_000, 305_000), (192_000, 200_000)]);
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
