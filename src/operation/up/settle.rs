//! What a command that was cut off had asked Flink for, and Flink is still at: a job that is being stopped with a savepoint
//! looks like one that runs, until it ends a moment later.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::containers::Bringing;
use super::{LOOK, News, Part};
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::flink::request::is_undecided;
use crate::operation::marks::{Marks, Noted, Stop, became};
use crate::platform::{Mark, NotedJob};
use crate::wait::{Seen, until};

/// How long a request that was sent in the last moment may take to be heard of.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

impl Bringing<'_> {
    /// Waits for the end of what is under way, and notes what came of it.
    pub(super) async fn settle(&self, flink: &Flink) -> Result<()> {
        let noted = Noted::read(self.up.platform, self.up.job()).await?;
        if let Some(stopping) = &noted.stopping {
            return self.settle_stop(flink, stopping).await;
        }
        // Somebody else's, as of `flink stop`: there is no trigger to ask for.
        let jobs = self.jobs(flink).await?;
        let Some(job) = jobs.iter().find(|job| self.up.is_ours(job)) else { return Ok(()) };
        self.until_settled("the savepoint in progress", async || {
            let under_way = flink.is_savepoint_under_way(&job.id).await?;
            Ok(if under_way { not_yet() } else { Seen::Done(()) })
        })
        .await
    }

    async fn settle_stop(&self, flink: &Flink, stopping: &Mark) -> Result<()> {
        let marks = Marks::by(self.up.platform, &stopping.by, Some(self.up.job()));
        let begun = Instant::now();
        let savepoint = self
            .until_settled("the savepoint in progress", async || {
                Ok(match became(flink, stopping).await? {
                    Stop::Done(savepoint) => Seen::Done(Some(savepoint)),
                    Stop::Not if begun.elapsed() > ON_ITS_WAY => Seen::Done(None),
                    Stop::Not | Stop::UnderWay => not_yet(),
                })
            })
            .await?;
        let Some(savepoint) = savepoint else {
            // One that is over was stopped all the same; its savepoint is looked for on disk.
            let runs = self.jobs(flink).await?.iter().any(|job| job.id == stopping.target && !job.is_over());
            return if runs { marks.runs_on(&stopping.target).await } else { Ok(()) };
        };
        self.until_settled("the end of the job that is being stopped", async || {
            let jobs = flink.jobs().await?;
            let runs = jobs.iter().any(|job| job.id == stopping.target && !job.is_over());
            Ok(if runs { not_yet() } else { Seen::Done(()) })
        })
        .await?;
        let note = NotedJob { savepoint: Some(savepoint), trigger: None, ..stopping.job.clone() };
        marks.stopped(&stopping.target, note).await
    }

    /// The jobs, once a JobManager leads: one that is just losing its lead, or has not got it yet, answers with an error.
    pub(super) async fn jobs(&self, flink: &Flink) -> Result<Vec<Summary>> {
        self.until_settled("a JobManager that leads", async || Ok(Seen::Done(flink.jobs().await?))).await
    }

    /// A JobManager that is lost meanwhile is brought back first; what it was at is settled when it answers again.
    pub(super) async fn until_settled<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        until(what, self.up.limit, LOOK, async || {
            let seen = match look().await {
                Err(error) if is_undecided(&error) => Seen::NotYet("the JobManager does not answer".to_owned()),
                seen => seen?,
            };
            if let Seen::NotYet(last) = &seen {
                let _ = self.news.send(News::Waiting(Part::Job, last.clone()));
            }
            Ok(seen)
        })
        .await
    }
}

fn not_yet<T>() -> Seen<T> {
    Seen::NotYet("the job is stopping; its savepoint is in progress".to_owned())
}
