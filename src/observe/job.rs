//! Watches the job and its cluster through the REST API.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Watch;
use crate::flink::Flink;
use crate::flink::checkpoint::Checkpoints;
use crate::flink::job::Summary;
use crate::history::What;
use crate::history::seen::{JobFacts, JobSeen, Restored};
use crate::settings::JobVariant;
use crate::workload::model::Workload;

/// As often as the server refreshes what it serves (`web.refresh-interval`).
const LOOK: Duration = Duration::from_millis(100);
/// As often as the server refreshes its metrics.
const METRICS: Duration = Duration::from_millis(500);

/// Polls until the run is over. A JobManager that does not answer is an observation, not an error.
pub(super) async fn watch(flink: Flink, workload: Workload, watch: Watch) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    let mut looker = Looker { flink, workload, found: None, has_these_topics: false, watermark: None };
    while watch.goes_on() {
        ticks.tick().await;
        let seen = looker.look().await.unwrap_or_else(|_| Look::unreachable());
        for what in told.news(seen) {
            watch.tell(what).await;
        }
    }
}

/// A job, as far as Flink can be asked about it.
#[derive(Debug, Clone)]
pub struct Known {
    /// What does not change while it exists.
    pub facts: JobFacts,
    /// The variant that its arguments choose.
    pub variant: JobVariant,
    /// Whether its parameters say that it reads and writes the watched topics. If not, its progress says nothing about
    /// them.
    pub has_these_topics: bool,
}

/// What Flink knows about a job.
pub async fn known(flink: &Flink, summary: &Summary, workload: &Workload) -> Result<Known> {
    let submitted = flink.submitted(&summary.id).await?;
    let interval = flink.checkpoint_interval(&summary.id).await?;
    let variant = JobVariant::from_arguments(&submitted.parameters);
    // A job that tells nothing of its topics is taken at its workload's word.
    let says = |name: &str, topic: &str| submitted.parameters.get(name).is_none_or(|said| said == topic);
    let facts = JobFacts {
        id: summary.id.clone(),
        name: summary.name.clone(),
        since: summary.start_time,
        delivery: submitted.parameters.contains_key("delivery").then_some(variant.delivery),
        checkpoint_interval: interval.and_then(|interval| u64::try_from(interval).ok()),
    };
    let has_these_topics = says("input-topic", &workload.input.topic) && says("output-topic", &workload.output.topic);
    Ok(Known { facts, variant, has_these_topics })
}

/// The result of one poll.
#[derive(Debug, Default)]
struct Look {
    facts: Option<JobFacts>,
    job: Option<JobSeen>,
    /// Registered TaskManagers and their slots.
    cluster: Option<(u32, u32)>,
    checkpoints: Option<Checkpoints>,
    watermark: Option<i64>,
}

impl Look {
    fn unreachable() -> Self {
        Self { job: Some(JobSeen::absent(JobSeen::UNREACHABLE)), ..Self::default() }
    }
}

/// Watches the newest job of a name that is not over, or else the newest.
struct Looker {
    flink: Flink,
    workload: Workload,
    /// The job whose facts were queried, and whether the watched topics are its own.
    found: Option<String>,
    has_these_topics: bool,
    /// When the watermark was last queried.
    watermark: Option<Instant>,
}

impl Looker {
    async fn look(&mut self) -> Result<Look> {
        let overview = self.flink.overview().await?;
        let cluster = Some((overview.taskmanagers, overview.slots_total));
        let jobs: Vec<Summary> =
            self.flink.jobs().await?.into_iter().filter(|job| job.name == self.workload.job.name).collect();
        let alive = jobs.iter().filter(|job| !job.is_over()).count();
        let Some(summary) = jobs.iter().find(|job| !job.is_over()).or(jobs.first()) else {
            return Ok(Look { cluster, job: Some(JobSeen::absent(JobSeen::NONE)), ..Look::default() });
        };
        let facts = self.facts(summary).await?;
        // Queried before the checkpoints: one triggered later covers the windows that this watermark fired.
        let job = self.flink.job(&summary.id).await?;
        let asks = self.has_these_topics && job.is_running() && self.is_due();
        let watermark = if asks { self.flink.watermark(&job).await? } else { None };
        let checkpoints = self.flink.checkpoints(&summary.id).await?;
        let cause = if job.is_running() { None } else { self.flink.newest_cause(&summary.id).await? };
        let (running, subtasks) = job.subtasks();
        let parallelism = job.parallelism();
        let alive = u32::try_from(alive).unwrap_or(u32::MAX);
        let job = JobSeen { id: Some(job.id), state: job.state, running, subtasks, parallelism, cause, alive };
        Ok(Look { facts, job: Some(job), cluster, checkpoints: Some(checkpoints), watermark })
    }

    async fn facts(&mut self, summary: &Summary) -> Result<Option<JobFacts>> {
        if self.found.as_ref() == Some(&summary.id) {
            return Ok(None);
        }
        let known = known(&self.flink, summary, &self.workload).await?;
        self.found = Some(summary.id.clone());
        self.has_these_topics = known.has_these_topics;
        Ok(Some(known.facts))
    }

    fn is_due(&mut self) -> bool {
        let due = self.watermark.is_none_or(|asked| asked.elapsed() >= METRICS);
        if due {
            self.watermark = Some(Instant::now());
        }
        due
    }
}

/// What was reported already, so that only changes are reported.
#[derive(Debug, Default)]
struct Told {
    job: Option<JobSeen>,
    cluster: Option<(u32, u32)>,
    begun: Option<u64>,
    checkpoint: Option<u64>,
    watermark: Watermarks,
    /// When the job was last restored, ms since the epoch; 0 for never. A restore that the first poll finds was before
    /// the run and does not count.
    restored: Option<i64>,
}

/// A restored job starts with the metrics of its previous attempt: the server refreshes them a moment later.
#[derive(Debug, Default)]
struct Watermarks {
    last: Option<i64>,
    /// How often the value has to change before it is trusted.
    doubtful: u8,
}

impl Watermarks {
    fn restored(&mut self) {
        self.doubtful = 2;
    }

    fn news(&mut self, watermark: i64) -> Option<i64> {
        if self.last.replace(watermark) == Some(watermark) {
            return None;
        }
        let believed = self.doubtful == 0;
        self.doubtful = self.doubtful.saturating_sub(1);
        believed.then_some(watermark)
    }
}

impl Told {
    fn news(&mut self, seen: Look) -> Vec<What> {
        let mut news = Vec::new();
        let unreachable = seen.job.as_ref().is_some_and(|job| job.state == JobSeen::UNREACHABLE);
        if unreachable {
            // What it says once it is back is reported, even if it is the same.
            self.cluster = None;
        }
        if let Some(cluster) = seen.cluster
            && self.cluster.replace(cluster) != Some(cluster)
        {
            news.push(What::Cluster { taskmanagers: cluster.0, slots: cluster.1 });
        }
        news.extend(seen.facts.map(What::Found));
        if let (Some(checkpoints), Some(job)) = (&seen.checkpoints, seen.job.as_ref().and_then(|job| job.id.clone())) {
            self.checkpoints(checkpoints, job, &mut news);
        }
        if let Some(job) = seen.job
            && self.job.as_ref() != Some(&job)
        {
            if !job.is_running() {
                self.watermark.restored();
            }
            news.push(What::Job(job.clone()));
            self.job = Some(job);
        }
        if let Some(watermark) = seen.watermark.and_then(|watermark| self.watermark.news(watermark)) {
            news.push(What::Watermark { watermark, triggered: self.begun.unwrap_or_default() });
        }
        news
    }

    fn checkpoints(&mut self, checkpoints: &Checkpoints, job: String, news: &mut Vec<What>) {
        let begun = checkpoints.newest_begun();
        if begun > 0 && self.begun.replace(begun) != Some(begun) {
            news.push(What::Triggered { checkpoint: begun });
        }
        if let Some(completed) = &checkpoints.latest.completed
            && self.checkpoint.replace(completed.id) != Some(completed.id)
        {
            let (id, took, size) = (completed.id, completed.end_to_end_duration, completed.state_size);
            news.push(What::Checkpoint { id, took, size, begun: completed.trigger_timestamp });
        }
        let restored = checkpoints.latest.restored.as_ref();
        let at = restored.map_or(0, |restored| restored.restore_timestamp);
        let before = self.restored.replace(at);
        if let (Some(restored), Some(before)) = (restored, before)
            && at != before
        {
            self.watermark.restored();
            let (checkpoint, savepoint) = (restored.id, restored.is_savepoint);
            news.push(What::Restored(Restored { job, checkpoint, savepoint, again: None }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::checkpoint::{Counts, Entry, Latest, Restored as Seen};

    fn restored(at: Option<i64>) -> Look {
        let counts = Counts { restored: 0, completed: 0, failed: 0, in_progress: 0 };
        let restored =
            at.map(|restore_timestamp| Seen { id: 41, restore_timestamp, is_savepoint: false, external_path: None });
        let entry = |id| Entry {
            id,
            status: "IN_PROGRESS".into(),
            is_savepoint: false,
            trigger_timestamp: 0,
            end_to_end_duration: 0,
            state_size: 0,
        };
        let latest = Latest { completed: None, restored };
        let job = JobSeen { id: Some("a".into()), running: 4, subtasks: 4, alive: 1, ..JobSeen::absent("RUNNING") };
        Look {
            job: Some(job),
            checkpoints: Some(Checkpoints { counts, latest, history: vec![entry(41), entry(42)] }),
            ..Look::default()
        }
    }

    fn is_restored(what: &What) -> bool {
        matches!(what, What::Restored(Restored { checkpoint: 41, again: None, .. }))
    }

    #[test]
    fn only_changes_are_told() {
        let mut told = Told::default();
        let look = || Look { cluster: Some((1, 2)), ..Look::default() };
        assert_eq!(told.news(look()), [What::Cluster { taskmanagers: 1, slots: 2 }]);
        assert_eq!(told.news(look()), []);
        assert_eq!(told.news(Look::unreachable()).len(), 1);
        assert_eq!(told.news(Look::unreachable()), []);
        assert_eq!(told.news(look()).len(), 1, "a JobManager that is back has its TaskManagers told again");
    }

    #[test]
    fn a_restore_before_the_run_is_not_told_and_one_in_it_is() {
        let mut told = Told::default();
        let first = told.news(restored(Some(5)));
        assert!(first.contains(&What::Triggered { checkpoint: 42 }) && !first.iter().any(is_restored), "{first:?}");
        assert_eq!(told.news(restored(Some(5))), []);
        assert!(told.news(restored(Some(9))).iter().all(is_restored));
        let mut told = Told::default();
        assert!(!told.news(restored(None)).iter().any(is_restored));
        assert!(told.news(restored(Some(9))).iter().any(is_restored));
    }

    #[test]
    fn a_watermark_of_the_job_before_its_restore_is_not_believed() {
        let mut told = Told::default();
        let look = |watermark| Look { watermark: Some(watermark), ..restored(Some(5)) };
        let watermark = |news: Vec<What>| news.iter().any(|what| matches!(what, What::Watermark { .. }));
        assert!(watermark(told.news(look(10))));
        assert!(!watermark(told.news(look(10))));
        assert!(!watermark(told.news(Look { watermark: Some(20), ..restored(Some(9)) })));
        let again = |watermark| Look { watermark: Some(watermark), ..restored(Some(9)) };
        assert!(!watermark(told.news(again(20))));
        assert!(!watermark(told.news(again(12))), "it may have been renewed in the moment of the failure");
        assert!(watermark(told.news(again(13))));
    }
}
