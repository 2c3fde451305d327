//! Restores of a stack's jobs, as far as JobManagers know them: they explain what was emitted again.
//!
//! A JobManager knows how often a job was restored, from which checkpoint the last time, and when it failed the times before.
//! Of what was before its own start it knows nothing.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Flink;
use super::checkpoint::Checkpoints;
use super::job::Summary;

/// A restore of which only the time is known reaches back by this many checkpoint intervals, plus this many ms: it was
/// from the newest checkpoint at that time.
const INTERVALS: i64 = 3;
const MORE_MS: i64 = 5_000;
/// A job that a new JobManager recovered was down for as long as the failover took.
const AWAY_MS: i64 = 60_000;
/// How many jobs are asked for their restores: first those that may still run, then those that were submitted last.
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

/// When a checkpoint began, in ms since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its id. A job's checkpoints go on counting where those of the job that it resumes had come to.
    pub checkpoint: u64,
    /// When it began.
    pub at: i64,
}

/// A job under one JobManager, from when that took it over: submitted or recovered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The job's id, which it keeps when another JobManager recovers it.
    pub job: String,
    /// The job's name.
    pub name: String,
    /// When the JobManager took it over, in ms since the epoch.
    pub since: i64,
    /// Whether it can never run again, so that no restore is added.
    pub over: bool,
    /// How often the JobManager has restored it. It may not tell of each.
    pub count: u64,
    /// The newest complete checkpoint.
    pub newest: Option<Begun>,
    /// Those that are known, the newest first.
    pub restores: Vec<Restore>,
}

impl Tenure {
    fn is_same(&self, other: &Self) -> bool {
        (&self.job, self.since) == (&other.job, other.since)
    }

    /// What the JobManager tells now takes the place of what it told before. Restores that it told then and does not any more
    /// are kept, as far as it counts that many.
    fn told_again(&mut self, mut now: Self) {
        let oldest = now.restores.iter().map(|restore| restore.until).min();
        let untold = usize::try_from(now.count).unwrap_or(usize::MAX).saturating_sub(now.restores.len());
        let is_older = |restore: &&Restore| oldest.is_none_or(|oldest| restore.until < oldest);
        now.restores.extend(self.restores.iter().filter(is_older).take(untold));
        *self = now;
    }
}

/// What was noted of earlier tenures, with what the JobManager that leads tells now; in the order of time.
#[must_use]
pub fn together(noted: Vec<Tenure>, now: Vec<Tenure>) -> Vec<Tenure> {
    let mut all = noted;
    for tenure in now {
        match all.iter_mut().find(|one| one.is_same(&tenure)) {
            Some(before) => before.told_again(tenure),
            None => all.push(tenure),
        }
    }
    all.sort_by_key(|tenure| tenure.since);
    for place in 1..all.len() {
        let (before, rest) = all.split_at_mut(place);
        if let [tenure, ..] = rest {
            narrow(before, tenure);
        }
    }
    all
}

/// A JobManager does not know when a checkpoint began that was taken under another one: not before an earlier one of the same job.
fn narrow(before: &[Tenure], tenure: &mut Tenure) {
    let earlier: Vec<Begun> =
        before.iter().filter(|one| one.name == tenure.name).filter_map(|one| one.newest).collect();
    for restore in &mut tenure.restores {
        let is_earlier = |begun: &&Begun| begun.checkpoint <= restore.checkpoint && begun.at <= restore.until;
        let newest = earlier.iter().filter(is_earlier).map(|begun| begun.at).max();
        restore.from = newest.map_or(restore.from, |at| restore.from.max(at));
    }
}

impl Flink {
    /// The newest jobs with their restores. A job that is over is not asked again where `known` has it. One that does not answer
    /// in full is left out.
    ///
    /// # Errors
    /// A JobManager that does not tell its jobs.
    pub async fn tenures(&self, known: &[Tenure]) -> Result<Vec<Tenure>> {
        let (over, running): (Vec<_>, Vec<_>) = self.jobs().await?.into_iter().partition(Summary::is_over);
        let mut tenures = Vec::new();
        for job in running.into_iter().chain(over).take(JOBS) {
            let is_it = |one: &&Tenure| one.over && (&one.job, one.since) == (&job.id, job.start_time);
            match known.iter().find(is_it) {
                Some(known) => tenures.push(known.clone()),
                None => tenures.extend(self.tenure(&job).await),
            }
        }
        Ok(tenures)
    }

    async fn tenure(&self, job: &Summary) -> Result<Tenure> {
        let checkpoints = self.checkpoints(&job.id).await?;
        let interval = self.checkpoint_interval(&job.id).await?;
        let failures: Vec<i64> = self.exceptions(&job.id).await?.iter().map(|failure| failure.timestamp).collect();
        let begun = match &checkpoints.latest.restored {
            Some(restored) => self.checkpoint_triggered_at(&job.id, restored.id).await.ok(),
            None => None,
        };
        let newest = checkpoints.latest.completed.as_ref();
        Ok(Tenure {
            job: job.id.clone(),
            name: job.name.clone(),
            since: job.start_time,
            over: job.is_over(),
            count: checkpoints.counts.restored,
            newest: newest.map(|newest| Begun { checkpoint: newest.id, at: newest.trigger_timestamp }),
            restores: list(&checkpoints, interval, begun, &failures),
        })
    }
}

/// The restores that a JobManager's answers tell of.
fn list(checkpoints: &Checkpoints, interval: Option<i64>, begun: Option<i64>, failures: &[i64]) -> Vec<Restore> {
    let reach = interval.unwrap_or_default().saturating_mul(INTERVALS).saturating_add(MORE_MS);
    let failed = |failure: &i64| Restore { checkpoint: 0, savepoint: false, from: failure - reach, until: *failure };
    let Some(newest) = &checkpoints.latest.restored else {
        // A job without checkpoints resumes from the offsets that its group committed a moment before.
        return failures.iter().filter(|_| interval.is_none()).map(failed).collect();
    };
    let (checkpoint, savepoint, until) = (newest.id, newest.is_savepoint, newest.restore_timestamp);
    let earliest = until - reach - AWAY_MS;
    // Flink keeps what it knows of a checkpoint by its id alone, and may tell that of another job's.
    let from = begun.filter(|begun| (earliest..=until).contains(begun)).unwrap_or(earliest);
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

    #[test]
    fn a_checkpoint_of_another_job_with_the_same_id_is_not_believed() {
        assert_eq!(list(&checkpoints(1), Some(1_000), Some(41_000), &[])[0].from, 432_000);
        assert_eq!(list(&checkpoints(1), Some(1_000), Some(501_000), &[])[0].from, 432_000);
    }

    fn tenure(since: i64, count: u64, untils: &[i64]) -> Tenure {
        let restore = |until: &i64| Restore { checkpoint: 9, savepoint: false, from: until - 5, until: *until };
        let restores = untils.iter().map(restore).collect();
        let (job, name) = ("a".to_owned(), "clicks".to_owned());
        Tenure { job, name, since, over: false, count, newest: None, restores }
    }

    #[test]
    fn what_an_earlier_jobmanager_knew_is_added_to_what_this_one_knows() {
        let noted = vec![tenure(10, 1, &[11]), tenure(20, 1, &[21])];
        let now = vec![tenure(30, 1, &[31]), tenure(20, 2, &[25, 21])];
        assert_eq!(
            together(noted.clone(), now),
            [tenure(10, 1, &[11]), tenure(20, 2, &[25, 21]), tenure(30, 1, &[31])]
        );
        assert_eq!(together(noted.clone(), Vec::new()), noted, "no JobManager answers");
    }

    #[test]
    fn a_restore_that_was_told_once_is_kept_and_none_is_counted_twice() {
        let before = || vec![tenure(10, 1, &[21])];
        assert_eq!(
            together(before(), vec![tenure(10, 2, &[31])]),
            [tenure(10, 2, &[31, 21])],
            "its failure is forgotten"
        );
        assert_eq!(
            together(before(), vec![tenure(10, 2, &[31, 20])]),
            [tenure(10, 2, &[31, 20])],
            "known by its failure"
        );
        assert_eq!(together(before(), vec![tenure(10, 1, &[31])]), [tenure(10, 1, &[31])]);
    }

    #[test]
    fn a_checkpoint_began_after_the_one_before_it() {
        let from = |checkpoint, at| {
            let before = Tenure { newest: Some(Begun { checkpoint, at }), ..tenure(10, 0, &[]) };
            together(vec![before], vec![tenure(90, 1, &[100])])[1].restores[0].from
        };
        assert_eq!(from(8, 98), 98);
        assert_eq!(from(8, 20), 95, "long before");
        assert_eq!(from(10, 98), 95, "a later one");
        assert_eq!(from(8, 101), 95, "of a job that is none of its past");
    }
}
