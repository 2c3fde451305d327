//! Rescaling in place: other resource requirements, and the adaptive scheduler restarts the job from its newest state
//! without a savepoint.

use anyhow::{Result, bail};

use super::channel::Via;
use super::control::Control;
use super::plan::{Act, Part, Plan};
use super::scale::Workers;
use super::slots::{Room, make_room};
use super::subject::Subject;
use crate::failure::Failure;
use crate::flink::job::Job;
use crate::flink::request::{Request, refused};
use crate::flink::requirements::{set, wanted};
use crate::wait::Seen;

/// What rescaling depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    pub(super) subject: Subject,
    pub(super) room: Room,
    pub(super) workers: Workers,
    pub(super) scheduler: Scheduler,
}

/// Which scheduler a job runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheduler {
    Default,
    Adaptive,
}

impl Observed {
    pub(super) async fn observe(control: &Control<'_>, job: Option<&str>) -> Result<Self> {
        let subject = Subject::observe(control, job).await?;
        let (room, workers) = tokio::try_join!(control.room(Some(&subject)), Workers::observe(control))?;
        let scheduler = scheduler(control, &subject).await?;
        Ok(Self { subject, room, workers, scheduler })
    }
}

/// The default scheduler has no resource requirements to tell.
async fn scheduler(control: &Control<'_>, subject: &Subject) -> Result<Scheduler> {
    match control.flink().requirements(&subject.summary.id).await {
        Err(error) if refused(&error).is_some_and(|refused| refused.reason.contains("UnsupportedOperation")) => {
            Ok(Scheduler::Default)
        }
        answer => answer.map(|()| Scheduler::Adaptive),
    }
}

/// The parts of rescaling a job in place.
///
/// # Errors
/// [`Failure::Usage`] for a job under the default scheduler, and for Flink's command line, with what to do.
pub(super) fn plan(parallelism: u32, scale: bool, via: Via, observed: &Observed) -> Result<Plan> {
    let subject = &observed.subject;
    if via == Via::Cli {
        bail!(Failure::Usage("Flink's command line cannot rescale in place; leave out --via cli".to_owned()));
    }
    subject.must_run()?;
    if observed.scheduler == Scheduler::Default {
        bail!(Failure::Usage(format!(
            "{} runs under the default scheduler, which cannot rescale in place\n  \
             playground up --scheduler adaptive switches to the one that can;\n  \
             playground upgrade --parallelism N rescales through a savepoint under any scheduler",
            subject.name()
        )));
    }
    let mut parts: Vec<Part> =
        make_room(subject, (observed.room, &observed.workers), parallelism, scale)?.into_iter().collect();
    let request = set(&subject.job, parallelism);
    let cause = format!("parallelism {} → {parallelism}, from the latest state", subject.job.parallelism());
    parts.push(Part::new("rescale", cause, Act::Rescale { job: subject.id(), request, parallelism }));
    Ok(Plan {
        operation: "rescale",
        subject: Some(subject.summary.clone()),
        parts,
        roll_back: Vec::new(),
        starts: None,
        untouched: None,
    })
}

impl Control<'_> {
    /// Sets resource requirements; returns since when every subtask runs at the new parallelism, ms since the epoch. Setting
    /// the same again changes nothing, so a lost answer is no matter: the job itself tells.
    pub(super) async fn rescale(&self, job: &str, request: &Request, parallelism: u32) -> Result<(i64, String)> {
        let mut sent = false;
        self.until("rescale", format_args!("parallelism {parallelism} in every vertex"), async || {
            if !sent {
                self.flink().order(request).await?;
                sent = true;
            }
            let job = self.flink().job(job).await?;
            let seen = describe(&job);
            let since = self.flink().running_since(&job).await?.filter(|_| job.is_running());
            Ok(match since {
                Some(since) if is_at(&job, parallelism) => Seen::Done((since, seen)),
                _ => Seen::NotYet(seen),
            })
        })
        .await
    }

    /// When a job that was rescaled went down. The scheduler lets it run on until its next checkpoint is complete, and
    /// restarts it from there; a job that takes none goes down when it is asked.
    pub(super) async fn down_from(&self, job: &str, asked_at: i64) -> Result<i64> {
        let restored = self.flink().checkpoints(job).await?.latest.restored;
        match restored.filter(|restored| restored.restore_timestamp >= asked_at) {
            Some(restored) => Ok(self.flink().checkpoint_completed_at(job, restored.id).await?.max(asked_at)),
            None => Ok(asked_at),
        }
    }
}

fn is_at(job: &Job, parallelism: u32) -> bool {
    job.vertices.iter().all(|vertex| vertex.parallelism == wanted(parallelism, vertex.max_parallelism))
}

fn describe(job: &Job) -> String {
    let (running, all) = job.subtasks();
    let parallelism: Vec<String> = job.vertices.iter().map(|vertex| vertex.parallelism.to_string()).collect();
    format!("{running} of {all} subtasks RUNNING, parallelism {}", parallelism.join(" and "))
}
