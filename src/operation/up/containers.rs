//! The order in which containers and the job are brought in line.
//!
//! All that can be refused is refused first. A job that is not as asked is stopped while it still has all it needs; one that
//! was stopped goes on before the client is there, which would submit it from nothing.

use std::cell::Cell;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use super::{Beginning, LOOK, News, Up, is_ours, seen};
use crate::flink::Flink;
use crate::operation::marks::{Noted, Whence};
use crate::operation::reach;
use crate::operation::resume::Resume;
use crate::operation::scale::TASKMANAGER;
use crate::platform::{Contract as _, Progress};
use crate::stack::Stack;
use crate::wait::until;
use crate::workload::JOB;

/// The service that submits the job.
pub(super) const CLIENT: &str = "client";

/// Bringing a stack in line, with whom to tell.
pub(super) struct Bringing<'a> {
    pub(super) up: Up<'a>,
    pub(super) news: &'a mpsc::UnboundedSender<News>,
    /// From the platform.
    pub(super) progress: mpsc::UnboundedSender<Progress>,
    /// Whether a job is stopped now that has to be started again.
    pub(super) stopped: &'a Cell<bool>,
}

impl Bringing<'_> {
    /// Brings the containers in line, and the job.
    pub(super) async fn all(self) -> Result<()> {
        let (platform, stack) = (self.up.platform, self.scaled().await?);
        platform.prepare(&stack, self.progress.clone()).await?;
        let (retired, whence) = self.before().await?;
        if retired.is_some() || whence != Whence::Nothing || self.is_fresh() {
            let servers = stack.clone().without(CLIENT);
            let applied = platform.apply(&servers, self.progress.clone()).await;
            applied.with_context(|| retired.as_ref().map_or_else(String::new, Resume::whereabouts))?;
            let flink = self.leader().await?;
            match retired {
                Some(retired) => self.go_on(&flink, &retired).await?,
                None if self.is_fresh() => self.end_what_came_back(&flink).await?,
                None => self.bring_back(&flink, whence).await?,
            }
        }
        platform.apply(&stack, self.progress.clone()).await?;
        self.after().await
    }

    /// Stops a job that runs and is not as asked, or finds out from where one that does not run goes on.
    async fn before(&self) -> Result<(Option<Resume>, Whence)> {
        let noted = Noted::read(self.up.platform).await?;
        let own = reach::flink(self.up.platform).await?;
        // Without a JobManager, what is noted has to do.
        let mut jobs = Vec::new();
        if let Some(flink) = &own
            && flink.jobs().await.is_ok()
        {
            self.settle(flink, &noted).await?;
            if let Some(retired) = self.retire(flink).await? {
                return Ok((Some(retired), Whence::Nothing));
            }
            jobs = flink.jobs().await?;
        }
        if self.is_fresh() || jobs.iter().any(is_ours) {
            return Ok((None, Whence::Nothing));
        }
        // What was noted may have become clear meanwhile.
        let noted = Noted::read(self.up.platform).await?;
        Ok((None, noted.whence(jobs.iter().find(|job| job.name == JOB))))
    }

    /// Sees to it that a job runs as asked: high availability may have brought one back as what it was.
    async fn after(&self) -> Result<()> {
        let flink = self.leader().await?;
        if !self.is_fresh()
            && let Some(retired) = self.retire(&flink).await?
        {
            return self.go_on(&flink, &retired).await;
        }
        if flink.jobs().await?.iter().any(is_ours) {
            return Ok(());
        }
        let services = self.up.platform.services().await?;
        let client = services.iter().find(|one| one.service == CLIENT).context("no client to submit the job")?;
        self.up.platform.start(&client.name()).await.context("submit the job again")
    }

    /// Flink's REST API, once a JobManager leads and has recovered its jobs.
    async fn leader(&self) -> Result<Flink> {
        until("the JobManager", self.up.limit, LOOK, async || {
            let answer = async {
                let flink = reach::flink(self.up.platform).await?.context("no JobManager is running")?;
                flink.jobs().await.map(|_| flink)
            };
            Ok(seen(answer.await))
        })
        .await
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.up.beginning == Beginning::Fresh
    }

    pub(super) fn told(&self, text: String) {
        // Who does not listen does not want to know.
        let _ = self.news.send(News::Job(text));
    }

    /// The stack with as many TaskManagers as are asked for, or else as there are.
    async fn scaled(&self) -> Result<Stack> {
        let services = self.up.platform.services().await?;
        let there = services.iter().filter(|one| one.service == TASKMANAGER).map(|one| one.number).max();
        self.up.stack.clone().with_replicas(TASKMANAGER, self.up.settings.taskmanagers(there.unwrap_or_default()))
    }
}
