//! Brings a stack up, and returns once it works: every subtask of the job is running and its first checkpoint is
//! complete.
//!
//! All parts are waited for concurrently, so that each is reported the moment it is ready.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::marks::Marks;
use super::reach;
use crate::failure::together;
use crate::flink::job::Summary;
use crate::flink::request::is_undecided;
use crate::platform::{Platform, PlatformNews};
use crate::settings::StackSettings;
use crate::stack::Stack;
use crate::wait::Seen;
use crate::work::{Heard, Telling};
use crate::workload::model::Workload;

mod containers;
mod job;
mod lead;
mod parts;
mod settle;

use containers::Bringing;
use parts::Parts;

/// The command, in notes.
const UP: &str = "up";
/// How often to look at a part that is not there yet.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// A part of the stack that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The coordinator of the JobManagers.
    Zookeeper,
    /// The broker and its topics.
    Kafka,
    /// The one that leads.
    Jobmanager,
    /// All of them.
    Taskmanager,
    /// Running in every vertex.
    Job,
    /// The first complete one.
    Checkpoint,
}

impl Part {
    /// As the services are called, in the order in which they are there as a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zookeeper => "zookeeper",
            Self::Kafka => "kafka",
            Self::Jobmanager => "jobmanager",
            Self::Taskmanager => "taskmanager",
            Self::Job => "job",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// Something to tell while a stack comes up.
#[derive(Debug, Clone)]
pub enum News {
    /// From the platform: images and containers.
    Platform(PlatformNews),
    /// The job that was there is not as asked, and what is done about it.
    Job(String),
    /// A part is there.
    Reached(Reached),
    /// A part is not there yet; what was seen of it last.
    Waiting(Part, String),
}

/// A part that is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reached {
    /// Which.
    pub part: Part,
    /// What was seen, as in `1 of 1, 2 slots`.
    pub seen: String,
    /// Seconds since the images were there.
    pub seconds: f64,
}

/// A stack to bring up.
#[derive(Clone, Copy)]
pub struct Up<'a> {
    /// Where.
    pub platform: &'a Platform,
    /// What.
    pub stack: &'a Stack,
    /// The job, with what it reads and writes.
    pub workload: &'a Workload,
    /// As it was asked for.
    pub settings: &'a StackSettings,
    /// From where the job is to go on.
    pub beginning: Beginning,
    /// How long it may take once the images are there.
    pub limit: Duration,
}

/// From where the job of a stack that comes up goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// From its savepoint or its newest checkpoint, where there is one.
    State,
    /// From nothing, whatever there is.
    Fresh,
}

/// How bringing a stack up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All parts are there.
    Well,
    /// It was told to stop.
    Interrupted,
}

impl Up<'_> {
    /// Brings it up, and tells what happens; `stop` ends it early, with what it made still there.
    ///
    /// # Errors
    /// The first part that cannot come up, by name, with the reason that its own log or Flink gives.
    pub async fn run(&self, stop: Pin<&mut dyn Future<Output = ()>>, mut tell: impl FnMut(News)) -> Result<Ended> {
        let (sender, news) = mpsc::unbounded_channel();
        // While a job is stopped that has to be started again, nothing is cut off.
        let stopped = Cell::new(false);
        let mut work = Telling::new(news, self.work(sender, &stopped));
        let (mut stop, mut told_to_stop) = (stop, false);
        // A job may have been stopped since it was last looked, and is started again before the end.
        while !told_to_stop || stopped.get() {
            tokio::select! {
                biased;
                heard = work.next() => match heard {
                    Heard::News(news) => tell(news),
                    Heard::Done(done) => return done.map(|()| Ended::Well),
                },
                () = stop.as_mut(), if !told_to_stop => told_to_stop = true,
            }
        }
        Ok(Ended::Interrupted)
    }

    /// Notes what the job that runs was submitted as; from where one would go on is of no use any more.
    async fn settled(&self) -> Result<()> {
        let marks = Marks::by(self.platform, UP, Some(self.job()));
        let Some(flink) = reach::flink(self.platform).await? else { return Ok(()) };
        // Where no JobManager answers, or the job has just ended, what is noted stays: it may be all that says where its state is.
        let jobs = match flink.jobs().await {
            Err(error) if is_undecided(&error) => return Ok(()),
            jobs => jobs?,
        };
        match jobs.iter().find(|job| self.is_ours(job)) {
            Some(job) => marks.settled(&job.id).await,
            None => Ok(()),
        }
    }

    /// The job's name.
    pub(super) fn job(&self) -> &str {
        &self.workload.job.name
    }

    /// Whether a job is the workload's and may still run.
    pub(super) fn is_ours(&self, job: &Summary) -> bool {
        job.name == self.job() && !job.is_over()
    }

    async fn work(&self, news: mpsc::UnboundedSender<News>, stopped: &Cell<bool>) -> Result<()> {
        let (started, begun) = watch::channel(None);
        let parts = Parts::new(*self, news.clone(), begun);
        let containers = async {
            let (progress, seen) = mpsc::unbounded_channel();
            let applied = Bringing { up: *self, news: &news, progress, stopped }.all();
            let (applied, ()) = tokio::join!(applied, relay(seen, &news, &started));
            start(&started);
            applied
        };
        let done = Box::pin(both(containers, parts.all(), stopped)).await;
        if stopped.get() {
            return done.context(match self.beginning {
                Beginning::State => "the job is stopped; playground up resumes from its savepoint",
                Beginning::Fresh => "the job is stopped; playground up --fresh starts it with empty state",
            });
        }
        done?;
        self.settled().await
    }
}

/// Does both, and gives up at the first error; but a job that is stopped is started again before that.
async fn both(
    containers: impl Future<Output = Result<()>>,
    parts: impl Future<Output = Result<()>>,
    stopped: &Cell<bool>,
) -> Result<()> {
    let (mut containers, mut parts) = (pin!(containers), pin!(parts));
    tokio::select! {
        done = &mut containers => {
            done?;
            parts.await
        }
        reached = &mut parts => match reached {
            Err(error) if !stopped.get() => Err(error),
            reached => {
                let brought = containers.await;
                together([reached, brought])
            }
        }
    }
}

/// An error is not the end of a wait, but what was last seen.
pub(super) fn seen<T>(answer: Result<T>) -> Seen<T> {
    answer.map_or_else(|error| Seen::NotYet(format!("{error:#}")), Seen::Done)
}

/// Passes the platform's progress on, and notes when the first container is made or started: the images are there then, and
/// what was in the way is gone.
async fn relay(
    mut progress: mpsc::UnboundedReceiver<PlatformNews>,
    news: &mpsc::UnboundedSender<News>,
    started: &watch::Sender<Option<Instant>>,
) {
    while let Some(progress) = progress.recv().await {
        // What is in the way goes first: until then, a service that has ended is about to be recreated.
        let clears = matches!(progress, PlatformNews::Operation { verb: "replace" | "remove", .. });
        if matches!(progress, PlatformNews::Operation { .. }) && !clears {
            start(started);
        }
        // Who does not listen does not want to know.
        let _ = news.send(News::Platform(progress));
    }
}

/// Notes the time, unless it is noted already.
fn start(started: &watch::Sender<Option<Instant>>) {
    started.send_if_modified(|at| at.replace(at.unwrap_or_else(Instant::now)).is_none());
}
