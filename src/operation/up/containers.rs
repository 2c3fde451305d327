//! The order in which containers and the job are brought in line.
//!
//! All that can be refused is refused first. A job that is not as asked is stopped while it still has all it needs; one that
//! was stopped goes on before the client is there, which would submit it from nothing.

use std::cell::Cell;
use std::time::Instant;

use anyhow::{Context as _, Error, Result, bail};
use tokio::sync::mpsc;

use super::job::{RECOVERY, Servers, tells as job_tells};
use super::{Beginning, LOOK, News, Up, seen};
use crate::failure::Failure;
use crate::flink::Flink;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::operation::marks::{Noted, Whence};
use crate::operation::reach;
use crate::operation::resume::Resume;
use crate::platform::{Contract as _, PlatformNews};
use crate::settings::{MAX_TASKMANAGERS, PARALLELISM};
use crate::stack::Stack;
use crate::stack::TASKMANAGER;
use crate::wait::{Seen, until};
use crate::workload::model::{Mode, Workload};

/// The service that submits the job.
pub(super) const CLIENT: &str = "client";

/// Bringing a stack in line, with whom to tell.
pub(super) struct Bringing<'a> {
    pub(super) up: Up<'a>,
    pub(super) news: &'a mpsc::UnboundedSender<News>,
    /// From the platform.
    pub(super) progress: mpsc::UnboundedSender<PlatformNews>,
    /// Whether a job is stopped now that has to be started again.
    pub(super) stopped: &'a Cell<bool>,
}

/// The job as it is found, before its servers are brought in line.
#[derive(Debug, PartialEq)]
enum There {
    /// It runs as asked, or there is none that would go on.
    NoneOrAsAsked,
    /// It was not as asked, and is stopped now.
    Retired(Resume),
    /// It is to go on from where it was stopped; or it may be, as the JobManager does not answer.
    Stopped,
}

impl There {
    /// An error with where the state is of a job that was stopped before.
    fn located(&self, error: Error, workload: &Workload) -> Error {
        match self {
            Self::Retired(retired) => error.context(retired.whereabouts(workload)),
            Self::NoneOrAsAsked | Self::Stopped => error,
        }
    }
}

impl Bringing<'_> {
    /// Brings the containers in line, and the job.
    pub(super) async fn all(self) -> Result<()> {
        let (platform, stack) = (self.up.platform, self.scaled().await?);
        if self.up.workload.job.mode == Mode::Application {
            return self.application(&stack).await;
        }
        if !self.up.workload.job.comes_up() {
            return self.without_job(&stack).await;
        }
        platform.prepare(&stack, self.progress.clone()).await?;
        self.revive().await?;
        let there = self.before().await?;
        if there != There::NoneOrAsAsked || self.is_fresh() {
            let servers = stack.clone().without(CLIENT);
            let applied = platform.apply(&servers, self.up.limit, self.progress.clone()).await;
            applied.map_err(|error| there.located(error, self.up.workload))?;
            let flink = self.leader().await?;
            match there {
                There::Retired(retired) => self.go_on(&flink, &retired).await?,
                _ if self.is_fresh() => self.end_what_came_back(&flink).await?,
                There::Stopped | There::NoneOrAsAsked => {
                    self.settle(&flink).await?;
                    self.bring_back(&flink).await?;
                }
            }
        }
        platform.apply(&stack, self.up.limit, self.progress.clone()).await?;
        self.after().await
    }

    /// An application comes with its cluster: as it is asked for, it is when its containers are, and it goes on from its newest
    /// checkpoint, which high availability knows.
    async fn application(&self, stack: &Stack) -> Result<()> {
        if self.is_fresh() {
            bail!(Failure::Usage(format!(
                "--fresh: {} runs in application mode, so its state goes with its cluster\n  playground down --volumes removes both",
                self.up.job()
            )));
        }
        let kept = self.parallelism_of_application().await?;
        let stack = match kept {
            Some(kept) => {
                let takes = kept.div_ceil(self.up.settings.slots.max(1)).min(MAX_TASKMANAGERS);
                let asked = stack.service(TASKMANAGER).map_or(0, |service| service.replicas);
                stack.clone().with_application_parallelism(kept).with_replicas(TASKMANAGER, asked.max(takes))?
            }
            None => stack.clone(),
        };
        self.up.platform.prepare(&stack, self.progress.clone()).await?;
        self.revive().await?;
        self.up.platform.apply(&stack, self.up.limit, self.progress.clone()).await
    }

    /// The stack for a job that somebody else submits: it finds the topics there.
    async fn without_job(&self, stack: &Stack) -> Result<()> {
        self.up.platform.prepare(stack, self.progress.clone()).await?;
        self.revive().await?;
        self.up.platform.apply(stack, self.up.limit, self.progress.clone()).await?;
        self.told("is submitted by somebody else, under this name: its file names no jar".to_owned());
        self.make_topics().await
    }

    /// The parallelism of an application that runs already, if it is not the one that is asked for.
    async fn parallelism_of_application(&self) -> Result<Option<u32>> {
        let Some(flink) = reach::flink(self.up.platform).await? else { return Ok(None) };
        let Ok(jobs) = flink.jobs().await else { return Ok(None) };
        let Some(job) = jobs.into_iter().find(|job| self.up.is_ours(job)) else { return Ok(None) };
        let there = flink.job(&job.id).await?.parallelism();
        let asked = self.up.settings.parallelism.unwrap_or(PARALLELISM);
        if there == 0 || there == asked {
            return Ok(None);
        }
        self.told(format!("keeps its parallelism of {there}: an application goes on as it was begun"));
        Ok(Some(there))
    }

    /// Stops a job that runs and is not as asked, or finds out whether one that does not run goes on.
    async fn before(&self) -> Result<There> {
        let Some(flink) = reach::flink(self.up.platform).await? else {
            // Without a JobManager, what is noted has to do.
            let noted = Noted::read(self.up.platform, self.up.job()).await?;
            return Ok(if noted.whence(None) == Whence::Nothing { There::NoneOrAsAsked } else { There::Stopped });
        };
        if flink.jobs().await.is_err() {
            // It is asked when it answers, before the client could submit a job from nothing.
            return Ok(There::Stopped);
        }
        if !self.is_fresh() {
            self.settle(&flink).await?;
        }
        if let Some(retired) = self.retire(&flink, Servers::AsFound).await? {
            return Ok(There::Retired(retired));
        }
        let jobs = self.jobs(&flink).await?;
        if self.is_fresh() || jobs.iter().any(|job| self.up.is_ours(job)) {
            return Ok(There::NoneOrAsAsked);
        }
        // What was noted may have become clear meanwhile.
        let noted = Noted::read(self.up.platform, self.up.job()).await?;
        let whence = noted.whence(jobs.iter().find(|job| job.name == self.up.job()));
        Ok(if whence == Whence::Nothing { There::NoneOrAsAsked } else { There::Stopped })
    }

    /// Sees to it that a job runs as asked: high availability may have brought one back as what it was.
    async fn after(&self) -> Result<()> {
        let flink = self.leader().await?;
        if !self.is_fresh() {
            // A JobManager that did not answer before may be in the middle of a stop.
            self.settle(&flink).await?;
            self.tells(&flink).await?;
            self.make_room(&flink).await?;
            if let Some(retired) = self.retire(&flink, Servers::InLine).await? {
                return self.go_on(&flink, &retired).await;
            }
            self.bring_back(&flink).await?;
        }
        if self.jobs(&flink).await?.iter().any(|job| self.up.is_ours(job)) {
            return Ok(());
        }
        let Some(service) = &self.up.workload.job.submitted_by else { return self.submit(&flink).await };
        let services = self.up.platform.services().await?;
        let client = services.iter().find(|one| one.service == *service);
        let client = client.with_context(|| format!("no {service} to submit the job"))?;
        self.up.platform.start(&client.name()).await.context("submit the job again")
    }

    /// Submits a job that no service of the stack submits. Its topics come first: one that begins without them fails in a loop.
    async fn submit(&self, flink: &Flink) -> Result<()> {
        self.make_topics().await?;
        let run = self.as_asked(flink, None).await?;
        let first = Resume::of(self.up.job(), &run);
        self.control(flink, async |control| first.begin(control).await).await.map(drop)
    }

    /// Makes the topics that are missing.
    async fn make_topics(&self) -> Result<()> {
        let Workload { input, output, .. } = self.up.workload;
        let input = (input.topic.clone(), usize::try_from(self.up.workload.input_partitions())?);
        let output = output.topic().map(|(topic, partitions)| (topic.to_owned(), partitions as usize));
        until("the topics", self.up.limit, LOOK, async || {
            let Some(kafka) = reach::kafka(self.up.platform).await? else {
                return Ok(Seen::NotYet("the broker's port is not published yet".to_owned()));
            };
            let (input, output) = (input.clone(), output.clone());
            let make = move || {
                let admin = Admin::new(&kafka.to_string(), Isolation::Uncommitted)?;
                let there = admin.topics()?;
                let missing = |(topic, _): &(&str, usize)| !there.contains_key(*topic);
                // One that is there is as its user made it.
                let wanted =
                    std::iter::once((&*input.0, input.1)).chain(output.iter().map(|(topic, of)| (&**topic, *of)));
                let wanted: Vec<(&str, usize)> = wanted.filter(missing).collect();
                admin.ensure_topics(&wanted)
            };
            Ok(seen(tokio::task::spawn_blocking(make).await?))
        })
        .await
    }

    /// Adds the TaskManagers that a job lacks which high availability brings back after `down`: seen, an upgraded job that
    /// waited for its third slot until `up` gave up.
    async fn make_room(&self, flink: &Flink) -> Result<()> {
        let settings = self.up.settings;
        let Some(job) = self.jobs(flink).await?.into_iter().find(|job| self.up.is_ours(job)) else { return Ok(()) };
        if settings.parallelism.is_some() || settings.taskmanagers.is_some() {
            return Ok(());
        }
        let takes = flink.job(&job.id).await?.parallelism().div_ceil(settings.slots.max(1)).min(MAX_TASKMANAGERS);
        let services = self.up.platform.services().await?;
        let there = services.iter().filter(|one| one.service == TASKMANAGER).count();
        if usize::try_from(takes)? <= there {
            return Ok(());
        }
        let stack = self.up.stack.clone().with_replicas(TASKMANAGER, takes)?;
        self.up.platform.apply(&stack, self.up.limit, self.progress.clone()).await
    }

    /// Waits a while until a job that is being brought back tells what it was submitted as: then only is it known to be as
    /// asked. One that goes on to tell nothing is waited for with the other parts, which say what it lacks.
    async fn tells(&self, flink: &Flink) -> Result<()> {
        let Some(job) = self.jobs(flink).await?.into_iter().find(|job| self.up.is_ours(job)) else { return Ok(()) };
        let begun = Instant::now();
        self.until_settled("what the job was submitted as", async || {
            let told = begun.elapsed() > RECOVERY || job_tells(flink, &job.id).await?;
            let state = async || Ok::<_, Error>(format!("{} is {}", job.name, flink.job(&job.id).await?.state));
            Ok(if told { Seen::Done(()) } else { Seen::NotYet(state().await?) })
        })
        .await
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

    /// The stack with as many TaskManagers as are asked for, or else as there are; as many as it takes for a job that goes on
    /// with the parallelism that it had.
    async fn scaled(&self) -> Result<Stack> {
        let (settings, services) = (self.up.settings, self.up.platform.services().await?);
        let there = services.iter().filter(|one| one.service == TASKMANAGER).map(|one| one.number).max();
        let noted = Noted::read(self.up.platform, self.up.job()).await?;
        let had = noted.run().map(|run| run.parallelism).filter(|_| settings.parallelism.is_none() && !self.is_fresh());
        let takes = had.unwrap_or_default().div_ceil(settings.slots.max(1)).min(MAX_TASKMANAGERS);
        self.up.stack.clone().with_replicas(TASKMANAGER, settings.taskmanagers(there.unwrap_or_default().max(takes)))
    }
}
