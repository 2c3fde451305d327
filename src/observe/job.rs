//! The job and its cluster, seen through the REST API.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval};

use super::Watch;
use crate::flink::Flink;
use crate::flink::checkpoint::Checkpoints;
use crate::history::{JobSeen, What};
use crate::workload::JOB;

/// As often as the server renews what it says.
const LOOK: Duration = Duration::from_millis(100);

/// Looks until the run is over. A JobManager that does not answer is something seen, not an error.
pub(super) async fn watch(flink: Flink, watch: Watch) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    while watch.goes_on() {
        ticks.tick().await;
        let seen = look(&flink).await.unwrap_or_else(|_| Look::unreachable());
        for what in told.news(seen) {
            watch.tell(what);
        }
    }
}

/// What one look found.
#[derive(Debug, Default)]
struct Look {
    job: Option<JobSeen>,
    /// Registered TaskManagers and their slots.
    cluster: Option<(u32, u32)>,
    checkpoints: Option<Checkpoints>,
}

impl Look {
    fn unreachable() -> Self {
        let job =
            JobSeen { state: JobSeen::UNREACHABLE.to_owned(), running: 0, subtasks: 0, parallelism: 0, cause: None };
        Self { job: Some(job), cluster: None, checkpoints: None }
    }
}

async fn look(flink: &Flink) -> Result<Look> {
    let overview = flink.overview().await?;
    let cluster = Some((overview.taskmanagers, overview.slots_total));
    // The newest of that name: an earlier one may have been cancelled for it.
    let Some(summary) = flink.jobs().await?.into_iter().find(|job| job.name == JOB) else {
        return Ok(Look { cluster, ..Look::default() });
    };
    let (job, checkpoints) = tokio::try_join!(flink.job(&summary.id), flink.checkpoints(&summary.id))?;
    let cause = if job.is_running() { None } else { flink.newest_cause(&summary.id).await? };
    let (running, subtasks) = job.subtasks();
    let parallelism = job.parallelism();
    Ok(Look {
        job: Some(JobSeen { state: job.state, running, subtasks, parallelism, cause }),
        cluster,
        checkpoints: Some(checkpoints),
    })
}

/// What was told already, so that only changes are.
#[derive(Debug, Default)]
struct Told {
    job: Option<JobSeen>,
    cluster: Option<(u32, u32)>,
    checkpoint: Option<u64>,
    /// When the job was last restored, ms since the epoch; 0 for never. The first look tells of restores before the
    /// run, which are none of it.
    restored: Option<i64>,
}

impl Told {
    fn news(&mut self, seen: Look) -> Vec<What> {
        let mut news = Vec::new();
        if let Some(cluster) = seen.cluster
            && self.cluster.replace(cluster) != Some(cluster)
        {
            news.push(What::Cluster { taskmanagers: cluster.0, slots: cluster.1 });
        }
        if let Some(checkpoints) = seen.checkpoints {
            self.checkpoints(&checkpoints, &mut news);
        }
        if let Some(job) = seen.job
            && self.job.as_ref() != Some(&job)
        {
            news.push(What::Job(job.clone()));
            self.job = Some(job);
        }
        news
    }

    fn checkpoints(&mut self, checkpoints: &Checkpoints, news: &mut Vec<What>) {
        if let Some(completed) = &checkpoints.latest.completed
            && self.checkpoint.replace(completed.id) != Some(completed.id)
        {
            let (id, triggered, size) = (completed.id, completed.trigger_timestamp, completed.state_size);
            news.push(What::Checkpoint { id, triggered, size });
        }
        let restored = checkpoints.latest.restored.as_ref();
        let at = restored.map_or(0, |restored| restored.restore_timestamp);
        let before = self.restored.replace(at);
        if let (Some(restored), Some(before)) = (restored, before)
            && at != before
        {
            news.push(What::Restored { checkpoint: restored.id });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::checkpoint::{Counts, Latest, Restored};

    fn restored(at: Option<i64>) -> Look {
        let counts = Counts { restored: 0, completed: 0, failed: 0, in_progress: 0 };
        let restored = at.map(|restore_timestamp| Restored {
            id: 41,
            restore_timestamp,
            is_savepoint: false,
            external_path: None,
        });
        Look {
            checkpoints: Some(Checkpoints { counts, latest: Latest { completed: None, restored } }),
            ..Look::default()
        }
    }

    #[test]
    fn only_changes_are_told() {
        let mut told = Told::default();
        let look = || Look { cluster: Some((1, 2)), ..Look::default() };
        assert_eq!(told.news(look()), [What::Cluster { taskmanagers: 1, slots: 2 }]);
        assert_eq!(told.news(look()), []);
        assert_eq!(told.news(Look::unreachable()).len(), 1);
        assert_eq!(told.news(Look::unreachable()), []);
    }

    #[test]
    fn a_restore_before_the_run_is_not_told_and_one_in_it_is() {
        let mut told = Told::default();
        assert_eq!(told.news(restored(Some(5))), []);
        assert_eq!(told.news(restored(Some(5))), []);
        assert_eq!(told.news(restored(Some(9))), [What::Restored { checkpoint: 41 }]);
        let mut told = Told::default();
        assert_eq!(told.news(restored(None)), []);
        assert_eq!(told.news(restored(Some(9))), [What::Restored { checkpoint: 41 }]);
    }
}
