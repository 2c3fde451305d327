//! Brings a stack up, and returns when it works: the job runs in every vertex and its first checkpoint is complete.
//!
//! All parts are waited for side by side, so that each is told the moment it is there.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::observe::Endpoints;
use crate::platform::{Contract as _, Health, LogRange, Platform, Progress, State};
use crate::settings::StackSettings;
use crate::stack::Stack;
use crate::wait::{Seen, until};
use crate::workload::{INPUT, JOB, OUTPUT};

/// How much longer each part is waited for than the one before it.
const HEAD_START: Duration = Duration::from_millis(500);
/// How many lines of a service's log are shown when it does not come up; fewer than the channel for them holds.
const LAST_WORDS: u32 = 8;
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
    Platform(Progress),
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

/// Waits for parts, once the containers begin to start.
struct Waiter<'a> {
    up: Up<'a>,
    flink: Flink,
    news: mpsc::UnboundedSender<News>,
    /// When bringing up began, ms since the epoch: what failed before is no matter.
    since: i64,
    /// When the images were there.
    begun: watch::Receiver<Option<Instant>>,
}

impl Up<'_> {
    /// Where the stack will be reached.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let host = "127.0.0.1".to_owned();
        let kafka = format!("{host}:{}", self.settings.kafka_port);
        Endpoints { rest: (host, self.settings.rest_port), kafka }
    }

    /// Brings it up, and tells what happens; `stop` ends it early, with what it made still there.
    ///
    /// # Errors
    /// The first part that cannot come up, by name, with the reason that its own log or Flink gives.
    pub async fn run(&self, stop: Pin<&mut dyn Future<Output = ()>>, mut tell: impl FnMut(News)) -> Result<Ended> {
        let (sender, mut news) = mpsc::unbounded_channel();
        // Boxed: the states of all its waits side by side are large.
        // While a job is stopped that has to be started again, nothing is cut off.
        let stopped = Cell::new(false);
        let mut work = Box::pin(self.work(sender, &stopped));
        let mut stop = stop;
        let ended = loop {
            tokio::select! {
                biased;
                Some(news) = news.recv() => tell(news),
                () = stop.as_mut(), if !stopped.get() => break Ok(Ended::Interrupted),
                done = &mut work => break done.map(|()| Ended::Well),
            }
        };
        // What was told in the very moment of the end.
        while let Ok(news) = news.try_recv() {
            tell(news);
        }
        ended
    }

    async fn work(&self, news: mpsc::UnboundedSender<News>, stopped: &Cell<bool>) -> Result<()> {
        let (started, begun) = watch::channel(None);
        let flink = Flink::at("127.0.0.1", self.settings.rest_port)?;
        let since = jiff::Timestamp::now().as_millisecond();
        let waiter = Waiter { up: *self, flink, news: news.clone(), since, begun };
        let containers = async {
            let (progress, seen) = mpsc::unbounded_channel();
            let applied = self.apply(&waiter.flink, progress, &news, stopped);
            let (applied, ()) = tokio::join!(applied, relay(seen, &news, &started));
            start(&started);
            applied
        };
        tokio::try_join!(containers, waiter.all())?;
        Ok(())
    }
}

/// Whether a job is the workload's and may still run.
pub(super) fn is_ours(job: &Summary) -> bool {
    job.name == JOB && !job.is_over()
}

/// An error is not the end of a wait, but what was last seen.
pub(super) fn seen<T>(answer: Result<T>) -> Seen<T> {
    answer.map_or_else(|error| Seen::NotYet(format!("{error:#}")), Seen::Done)
}

/// Passes the platform's progress on, and notes when the first container is made or started: the images are there then, and
/// what was in the way is gone.
async fn relay(
    mut progress: mpsc::UnboundedReceiver<Progress>,
    news: &mpsc::UnboundedSender<News>,
    started: &watch::Sender<Option<Instant>>,
) {
    while let Some(progress) = progress.recv().await {
        // What is in the way goes first: until then, a service that has ended is about to be made anew.
        let clears = matches!(progress, Progress::Operation { verb: "replace" | "remove", .. });
        if matches!(progress, Progress::Operation { .. }) && !clears {
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

impl Waiter<'_> {
    async fn all(&self) -> Result<()> {
        // A file of the user's own may do without.
        let zookeeper = async {
            let is_there = self.up.stack.service(Part::Zookeeper.name()).is_some();
            if is_there { self.part(Part::Zookeeper).await } else { Ok(()) }
        };
        let checkpoint =
            async { if self.up.settings.job.checkpointing { self.part(Part::Checkpoint).await } else { Ok(()) } };
        tokio::try_join!(
            zookeeper,
            self.part(Part::Kafka),
            self.part(Part::Jobmanager),
            self.part(Part::Taskmanager),
            self.part(Part::Job),
            checkpoint,
        )?;
        Ok(())
    }

    async fn part(&self, part: Part) -> Result<()> {
        let begun = self
            .begun
            .clone()
            .wait_for(Option::is_some)
            .await
            .context("the platform gave up")?
            .unwrap_or_else(Instant::now);
        // What comes first is given up first: it is why the others are not there.
        let limit = self.up.limit + HEAD_START * (part as u32);
        let told = until(part.name(), limit, LOOK, async || {
            let look = self.look(part).await?;
            if let Seen::NotYet(last) = &look {
                let _ = self.news.send(News::Waiting(part, last.clone()));
            }
            Ok(look)
        })
        .await;
        let told = match told {
            Ok(told) => told,
            Err(error) => return Err(error.context(self.last_words(part).await)),
        };
        let reached = Reached { part, seen: told, seconds: begun.elapsed().as_secs_f64() };
        let _ = self.news.send(News::Reached(reached));
        Ok(())
    }

    /// The last words of the service that a part depends on: its container may be gone when the user looks.
    async fn last_words(&self, part: Part) -> String {
        let service = match part {
            Part::Job | Part::Checkpoint => "jobmanager",
            service => service.name(),
        };
        let (sender, mut lines) = mpsc::channel(64);
        let range = LogRange { follow: false, tail: Some(LAST_WORDS) };
        let told = self.up.platform.logs(Some(service), range, sender).await;
        let mut words = format!("{} did not come up; the last words of {service}:", part.name());
        while let Ok(line) = lines.try_recv() {
            words.push_str("\n    ");
            words.push_str(&line.text);
        }
        match told {
            Ok(()) => words,
            Err(error) => format!("{words} not to be had: {error:#}"),
        }
    }

    async fn look(&self, part: Part) -> Result<Seen<String>> {
        match part {
            Part::Zookeeper => self.healthy("zookeeper").await,
            Part::Kafka => self.kafka().await,
            Part::Jobmanager => Ok(self.jobmanager().await),
            Part::Taskmanager => Ok(self.taskmanagers().await),
            Part::Job => self.job().await,
            Part::Checkpoint => Ok(self.checkpoint().await),
        }
    }

    /// A service is there when its health check says so; one whose process has ended will never be.
    async fn healthy(&self, service: &str) -> Result<Seen<String>> {
        let instances = self.up.platform.services().await?;
        let Some(instance) = instances.into_iter().find(|instance| instance.service == service) else {
            return Ok(Seen::NotYet("no container yet".to_owned()));
        };
        Ok(match (instance.state, instance.health) {
            (State::Running, Some(Health::Healthy) | None) => Seen::Done("ready".to_owned()),
            (State::Exited, _) => {
                bail!("{} ended with exit code {}", instance.name(), instance.exit_code.unwrap_or_default())
            }
            (state, None) => Seen::NotYet(format!("{state:?}").to_lowercase()),
            (state, Some(health)) => Seen::NotYet(format!("{state:?}, {health:?}").to_lowercase()),
        })
    }

    async fn kafka(&self) -> Result<Seen<String>> {
        if let Seen::NotYet(last) = self.healthy("kafka").await? {
            return Ok(Seen::NotYet(last));
        }
        let kafka = self.up.endpoints().kafka;
        let topics = tokio::task::spawn_blocking(move || Admin::new(&kafka, Isolation::Uncommitted)?.topics()).await?;
        Ok(match topics {
            Ok(topics) if topics.contains_key(INPUT) && topics.contains_key(OUTPUT) => {
                Seen::Done(format!("ready, topics {INPUT} and {OUTPUT}"))
            }
            Ok(_) => Seen::NotYet("ready, topics not made yet".to_owned()),
            Err(error) => Seen::NotYet(format!("{error:#}")),
        })
    }

    async fn jobmanager(&self) -> Seen<String> {
        match seen(self.flink.overview().await) {
            Seen::Done(_) => Seen::Done("leader".to_owned()),
            Seen::NotYet(last) => Seen::NotYet(last),
        }
    }

    async fn taskmanagers(&self) -> Seen<String> {
        let wanted = self.up.settings.taskmanagers(1);
        match seen(self.flink.overview().await) {
            Seen::Done(overview) => {
                let text = format!("{} of {wanted}, {} slots", overview.taskmanagers, overview.slots_total);
                // A TaskManager is registered a moment before its slots are.
                let is_there = overview.taskmanagers >= wanted && overview.slots_total > 0;
                if is_there { Seen::Done(text) } else { Seen::NotYet(text) }
            }
            Seen::NotYet(last) => Seen::NotYet(last),
        }
    }

    async fn job(&self) -> Result<Seen<String>> {
        // The newest of its name; those before it are over, or about to be replaced.
        let Ok(jobs) = self.flink.jobs().await else { return Ok(Seen::NotYet("no JobManager yet".to_owned())) };
        let Some(summary) =
            jobs.into_iter().find(|job| job.name == JOB && !matches!(job.state.as_str(), "CANCELED" | "FINISHED"))
        else {
            return Ok(Seen::NotYet("not submitted yet".to_owned()));
        };
        if summary.state == "FAILED" && summary.start_time >= self.since {
            bail!("the job failed: {}", self.cause(&summary.id).await?);
        }
        let look = async {
            anyhow::Ok((self.up.is_as_asked(&self.flink, &summary.id).await?, self.flink.job(&summary.id).await?))
        };
        let job = match seen(look.await) {
            Seen::Done((true, job)) => job,
            Seen::Done((false, _)) => return Ok(Seen::NotYet("one with other arguments is replaced".to_owned())),
            Seen::NotYet(last) => return Ok(Seen::NotYet(last)),
        };
        let (running, all) = job.subtasks();
        let text = format!("{JOB}, {running} of {all} subtasks RUNNING");
        if job.is_running() {
            return Ok(Seen::Done(text));
        }
        let cause = self.cause(&job.id).await.unwrap_or_default();
        Ok(Seen::NotYet(if cause.is_empty() { text } else { format!("{text}; {cause}") }))
    }

    /// The root cause of a job's newest exception; empty when it has none.
    async fn cause(&self, id: &str) -> Result<String> {
        let exceptions = self.flink.exceptions(id).await?;
        Ok(exceptions.first().map(|exception| exception.root().to_owned()).unwrap_or_default())
    }

    async fn checkpoint(&self) -> Seen<String> {
        let look = async {
            let job = self.flink.jobs().await?.into_iter().find(is_ours).context("no job yet")?;
            let is_as_asked = self.up.is_as_asked(&self.flink, &job.id).await?;
            anyhow::Ok(if is_as_asked { self.flink.checkpoints(&job.id).await?.counts.completed } else { 0 })
        };
        match seen(look.await) {
            Seen::Done(0) => Seen::NotYet("none complete".to_owned()),
            Seen::Done(complete) => Seen::Done(format!("{complete} complete")),
            Seen::NotYet(last) => Seen::NotYet(last),
        }
    }
}
