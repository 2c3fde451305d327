//! Waits for the parts of a stack that is coming up, concurrently, so that each is reported the moment it is ready.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::sync::{mpsc, watch};

use super::job::tells;
use super::{LOOK, News, Part, Reached, Up};
use crate::flink::Flink;
use crate::flink::job::Summary;
use crate::flink::request::is_unavailable;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::operation::reach;
use crate::platform::{Contract as _, Health, Instance, Journal as _, Kind, LogRange, Mark, State};
use crate::stack::JOBMANAGER;
use crate::stack::TASKMANAGER;
use crate::wait::{Seen, until};
use crate::workload::model::Mode;

/// How much longer each part is waited for than the one it depends on.
const HEAD_START: Duration = Duration::from_millis(500);
/// How many lines of a service's log are shown when it does not come up; fewer than the channel for them holds.
const LAST_WORDS: u32 = 8;

/// The parts of one stack.
pub(super) struct Parts<'a> {
    up: Up<'a>,
    /// As it answered last.
    flink: RefCell<Option<Flink>>,
    news: mpsc::UnboundedSender<News>,
    /// The jobs that had failed when Flink was first asked: what failed before is no matter.
    failed: RefCell<Option<Vec<String>>>,
    /// When the images were there.
    begun: watch::Receiver<Option<Instant>>,
}

impl<'a> Parts<'a> {
    /// The parts of a stack that comes up from now on. `begun` tells when the images are there.
    pub(super) fn new(up: Up<'a>, news: mpsc::UnboundedSender<News>, begun: watch::Receiver<Option<Instant>>) -> Self {
        Self { up, flink: RefCell::default(), news, failed: RefCell::default(), begun }
    }

    /// Waits for all of them.
    pub(super) async fn all(&self) -> Result<()> {
        // A file of the user's own may do without.
        let zookeeper = async {
            let is_there = self.up.stack.service(Part::Zookeeper.name()).is_some();
            if is_there { self.part(Part::Zookeeper).await } else { Ok(()) }
        };
        let comes_up = self.up.workload.job.comes_up();
        let job = async { if comes_up { self.part(Part::Job).await } else { Ok(()) } };
        let takes_checkpoints = comes_up && self.up.settings.job.checkpointing;
        let checkpoint = async { if takes_checkpoints { self.part(Part::Checkpoint).await } else { Ok(()) } };
        tokio::try_join!(
            zookeeper,
            self.part(Part::Kafka),
            self.part(Part::Jobmanager),
            self.part(Part::Taskmanager),
            job,
            checkpoint,
        )?;
        Ok(())
    }

    /// Flink's REST API, as the stack's own JobManager publishes it.
    async fn flink(&self) -> Result<Flink> {
        if let Some(flink) = self.flink.borrow().clone() {
            return Ok(flink);
        }
        let flink = reach::flink(self.up.platform).await?.context("no JobManager yet")?;
        self.flink.replace(Some(flink.clone()));
        Ok(flink)
    }

    /// Looks through REST. Where nobody answers, the JobManager may be another container next time, at another port.
    async fn ask(&self, look: impl AsyncFnOnce(&Flink) -> Result<Seen<String>>) -> Seen<String> {
        let looked = async { look(&self.flink().await?).await };
        looked.await.unwrap_or_else(|error| {
            if is_unavailable(&error) {
                self.flink.take();
            }
            Seen::NotYet(if is_unavailable(&error) {
                "no JobManager answers yet".to_owned()
            } else {
                format!("{error:#}")
            })
        })
    }

    async fn part(&self, part: Part) -> Result<()> {
        let begun = self
            .begun
            .clone()
            .wait_for(Option::is_some)
            .await
            .context("the platform gave up")?
            .unwrap_or_else(Instant::now);
        // What comes first is given up first: it is why the others are not there. The platform is the first of all: it says why.
        let limit = self.up.limit + HEAD_START * (part as u32 + 2);
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
            Err(error) => {
                return Err(anyhow!("{} did not come up: {error:#}\n  {}", part.name(), self.last_words(part).await));
            }
        };
        let reached = Reached { part, seen: told, seconds: begun.elapsed().as_secs_f64() };
        let _ = self.news.send(News::Reached(reached));
        Ok(())
    }

    /// The last words of the service that a part depends on: its container may be gone when the user looks.
    async fn last_words(&self, part: Part) -> String {
        let service = match part {
            Part::Job | Part::Checkpoint => JOBMANAGER,
            service => service.name(),
        };
        let (sender, mut lines) = mpsc::channel(64);
        let range = LogRange { follow: false, tail: Some(LAST_WORDS) };
        let told = self.up.platform.logs(Some(service), range, sender).await;
        let mut words = format!("the last log lines of {service}:");
        while let Ok(Ok(line)) = lines.try_recv() {
            words.push_str("\n    ");
            words.push_str(&line.text);
        }
        match told {
            Ok(()) => words,
            Err(error) => format!("{words} not available: {error:#}"),
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
            (State::Exited, _) => match instance.exit_code {
                Some(code) => bail!("{} exited with code {code}", instance.name()),
                None => bail!("{} has ended", instance.name()),
            },
            (state, None) => Seen::NotYet(format!("{state:?}").to_lowercase()),
            (state, Some(health)) => Seen::NotYet(format!("{state:?}, {health:?}").to_lowercase()),
        })
    }

    async fn kafka(&self) -> Result<Seen<String>> {
        if let Seen::NotYet(last) = self.healthy(reach::KAFKA).await? {
            return Ok(Seen::NotYet(last));
        }
        let Some(kafka) = reach::kafka(self.up.platform).await? else {
            return Ok(Seen::NotYet("ready, its port not published yet".to_owned()));
        };
        let workload = self.up.workload;
        let wanted: Vec<&str> = std::iter::once(workload.input.topic.as_str())
            .chain(workload.output.topic().map(|(topic, _)| topic))
            .collect();
        let topics = move || Admin::new(&kafka.to_string(), Isolation::Uncommitted)?.topics();
        Ok(match tokio::task::spawn_blocking(topics).await? {
            Ok(topics) if wanted.iter().all(|topic| topics.contains_key(*topic)) => {
                let s = if wanted.len() == 1 { "" } else { "s" };
                Seen::Done(format!("ready, topic{s} {}", wanted.join(" and ")))
            }
            Ok(_) => Seen::NotYet("ready, topics not created yet".to_owned()),
            Err(error) => Seen::NotYet(format!("{error:#}")),
        })
    }

    async fn jobmanager(&self) -> Seen<String> {
        let led = self.ask(async |flink| flink.overview().await.map(|_| Seen::Done("leader".to_owned()))).await;
        match (led, self.up.settings.jobmanagers) {
            (Seen::Done(_), all @ 2..) => {
                self.standby(all).await.unwrap_or_else(|error| Seen::NotYet(format!("{error:#}")))
            }
            (led, _) => led,
        }
    }

    /// Which of several JobManagers leads, once the others are there to take over.
    async fn standby(&self, all: u32) -> Result<Seen<String>> {
        let services = self.up.platform.services().await?;
        let is_ready =
            |one: &Instance| matches!((one.state, one.health), (State::Running, Some(Health::Healthy) | None));
        let ready = services.iter().filter(|one| one.service == JOBMANAGER && is_ready(one)).count();
        if ready < usize::try_from(all)? {
            return Ok(Seen::NotYet(format!("leader; {ready} of {all} ready")));
        }
        // Not every image can tell.
        let leader = reach::leader(self.up.platform).await.ok().flatten();
        let leads = leader.map_or_else(|| "leader".to_owned(), |name| format!("{name} leads"));
        Ok(Seen::Done(format!("{leads}, {} on standby", all - 1)))
    }

    async fn taskmanagers(&self) -> Seen<String> {
        self.ask(async |flink| {
            let wanted = self.taskmanagers_wanted().await?;
            // A TaskManager is registered a moment before its slots are.
            let registered = flink.taskmanagers().await?.into_iter().filter(|one| one.slots > 0);
            let slots: Vec<u32> = registered.map(|one| one.slots).collect();
            let text = format!("{} of {wanted}, {} slots", slots.len(), slots.iter().sum::<u32>());
            Ok(if slots.len() >= wanted { Seen::Done(text) } else { Seen::NotYet(text) })
        })
        .await
    }

    /// As many as are asked for, or else as there are.
    async fn taskmanagers_wanted(&self) -> Result<usize> {
        let services = self.up.platform.services().await?;
        let there = services.iter().filter(|one| one.service == TASKMANAGER).count();
        Ok(usize::try_from(self.up.settings.taskmanagers(u32::try_from(there)?))?)
    }

    /// A job that failed is the end of the wait: it will not run by itself.
    async fn job(&self) -> Result<Seen<String>> {
        let mut failed = None;
        let seen = self
            .ask(async |flink| {
                self.had_failed(flink, "").await?;
                let Some(job) = self.newest(flink).await? else {
                    failed = self.misnamed(flink).await?;
                    return Ok(Seen::NotYet(self.others(flink).await?));
                };
                if job.state == "FAILED" && !self.had_failed(flink, &job.id).await? {
                    failed = Some(format!("the job failed: {}", cause(flink, &job.id).await?));
                    return Ok(Seen::NotYet(job.state));
                }
                self.running(flink, &job.id).await
            })
            .await;
        match failed {
            Some(cause) => bail!(cause),
            None => Ok(seen),
        }
    }

    /// Whether a job had failed before: the first look comes before anything is submitted.
    async fn had_failed(&self, flink: &Flink, id: &str) -> Result<bool> {
        if self.failed.borrow().is_none() {
            let failed =
                flink.jobs().await?.into_iter().filter(|job| job.state == "FAILED").map(|job| job.id).collect();
            self.failed.replace(Some(failed));
        }
        Ok(self.failed.borrow().iter().flatten().any(|failed| failed == id))
    }

    /// The newest of its name; those before it are over, or about to be replaced.
    async fn newest(&self, flink: &Flink) -> Result<Option<Summary>> {
        let is_one =
            |job: &Summary| job.name == self.up.job() && !matches!(job.state.as_str(), "CANCELED" | "FINISHED");
        Ok(flink.jobs().await?.into_iter().find(is_one))
    }

    /// What is wrong if the job that was submitted calls itself by another name than its file does: it will never be there.
    async fn misnamed(&self, flink: &Flink) -> Result<Option<String>> {
        let alive: Vec<Summary> = flink.jobs().await?.into_iter().filter(|job| !job.is_over()).collect();
        let submitted: Vec<String> = if alive.is_empty() {
            Vec::new()
        } else {
            let marks = self.up.platform.marks().await?.into_iter();
            let is_its = |mark: &Mark| mark.job.name.as_deref() == Some(self.up.job());
            marks
                .filter(|mark| matches!(mark.kind, Kind::Running | Kind::Starting) && is_its(mark))
                .map(|mark| mark.target)
                .collect()
        };
        let is_application = self.up.workload.job.mode == Mode::Application;
        let its = alive.iter().find(|job| job.name != self.up.job() && (is_application || submitted.contains(&job.id)));
        Ok(its.map(|job| {
            format!("the job calls itself '{}', and job.name of the workload is '{}'", job.name, self.up.job())
        }))
    }

    /// What there is instead of the job: its file may have another name for it than its `main` has.
    async fn others(&self, flink: &Flink) -> Result<String> {
        let jobs = flink.jobs().await?;
        let alive: Vec<&str> = jobs.iter().filter(|job| !job.is_over()).map(|job| job.name.as_str()).collect();
        Ok(match alive[..] {
            [] => "not submitted yet".to_owned(),
            _ => format!("no job '{}' yet; there is {}", self.up.job(), alive.join(", ")),
        })
    }

    async fn running(&self, flink: &Flink, id: &str) -> Result<Seen<String>> {
        if tells(flink, id).await? && !self.up.is_as_asked(flink, id).await? {
            return Ok(Seen::NotYet("replacing the one that does not run as asked".to_owned()));
        }
        let job = flink.job(id).await?;
        let (running, all) = job.subtasks();
        let text = format!("{}, {running} of {all} subtasks RUNNING", self.up.job());
        if job.is_running() {
            return Ok(Seen::Done(text));
        }
        let cause = cause(flink, id).await.unwrap_or_default();
        Ok(Seen::NotYet(if cause.is_empty() { text } else { format!("{text}; {cause}") }))
    }

    async fn checkpoint(&self) -> Seen<String> {
        self.ask(async |flink| {
            let job = flink.jobs().await?.into_iter().find(|job| self.up.is_ours(job)).context("no job yet")?;
            let is_as_asked = self.up.is_as_asked(flink, &job.id).await?;
            let complete = if is_as_asked { flink.checkpoints(&job.id).await?.counts.completed } else { 0 };
            Ok(match complete {
                0 => Seen::NotYet("none complete".to_owned()),
                complete => Seen::Done(format!("{complete} complete")),
            })
        })
        .await
    }
}

/// The root cause of a job's newest exception; empty when it has none.
async fn cause(flink: &Flink, id: &str) -> Result<String> {
    let exceptions = flink.exceptions(id).await?;
    Ok(exceptions.first().map(|exception| exception.root().to_owned()).unwrap_or_default())
}
