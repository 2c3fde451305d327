//! More TaskManagers, or fewer.

use anyhow::{Result, bail};
use futures_util::future::try_join_all;

use super::control::Control;
use super::plan::{Act, Part, Plan};
use super::slots::Room;
use crate::failure::Failure;
use crate::flink::job::{Job, Summary};
use crate::platform::{Contract as _, Extent, Instance, State, instance_name};
use crate::stack::TASKMANAGER;
use crate::wait::Seen;

/// The TaskManagers of a stack, as the platform has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workers(Vec<Instance>);

impl Workers {
    pub(super) async fn observe(control: &Control<'_>) -> Result<Self> {
        let services = control.in_time("list the stack's services", control.platform().services()).await?;
        Ok(Self(services.into_iter().filter(|one| one.service == TASKMANAGER).collect()))
    }

    /// Of a stack that is not there yet.
    pub(super) fn expected(taskmanagers: u32) -> Self {
        let instance = |number| Instance {
            service: TASKMANAGER.to_owned(),
            number,
            id: String::new(),
            host: String::new(),
            state: State::Running,
            health: None,
            exit_code: None,
            ports: Vec::new(),
            connected: true,
            stage: None,
        };
        Self((1..=taskmanagers).map(instance).collect())
    }

    /// The part that starts those that are missing until there are `replicas`.
    pub(super) fn start(&self, replicas: u32, cause: &str) -> Part {
        let runs =
            |number: u32| self.0.iter().any(|one| one.number == number && one.state == State::Running && one.connected);
        let missing = (1..=replicas).filter(|number| !runs(*number));
        let instances = missing.map(|number| instance_name(TASKMANAGER, number)).collect();
        let cause = format!("{cause}: {TASKMANAGER} {} → {replicas}", self.0.len());
        Part::new("scale up", cause, Act::Start { instances, taskmanagers: replicas })
    }

    fn surplus(&self, replicas: u32) -> Vec<String> {
        self.0.iter().filter(|one| one.number > replicas).map(Instance::name).collect()
    }
}

/// What scaling depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    pub(super) workers: Workers,
    pub(super) room: Room,
    /// Those that are not over.
    pub(super) jobs: Vec<(Summary, Job)>,
}

impl Observed {
    pub(super) async fn observe(control: &Control<'_>) -> Result<Self> {
        let (workers, room) = tokio::try_join!(Workers::observe(control), control.room(None))?;
        let mut jobs = Vec::new();
        for summary in control.flink().jobs().await?.into_iter().filter(|job| !job.is_over()) {
            let job = control.flink().job(&summary.id).await?;
            jobs.push((summary, job));
        }
        Ok(Self { workers, room, jobs })
    }
}

/// The parts of bringing the number of TaskManagers to `replicas`: registered ones, and jobs that run again where they have
/// the slots. With `force`, even below what the running jobs need.
///
/// # Errors
/// [`Failure::Usage`], where the running jobs need more slots than would be left.
pub(super) fn plan(replicas: u32, force: bool, observed: &Observed) -> Result<Plan> {
    let surplus = observed.workers.surplus(replicas);
    // The TaskManagers that stay have to be running before the others are removed.
    let mut parts = vec![observed.workers.start(replicas, "as requested")];
    if !surplus.is_empty() {
        if !force {
            must_fit(replicas, observed)?;
        }
        let act = Act::Remove { instances: surplus, taskmanagers: replicas };
        parts.push(Part::new("scale down", format!("to {replicas}, as requested"), act));
        let running = observed.jobs.iter().filter(|(_, job)| job.is_running());
        let running: Vec<Summary> = running.map(|(summary, _)| summary.clone()).collect();
        if !force && !running.is_empty() {
            parts.push(Part::new("running", "jobs restart on the remaining slots", Act::RunOn(running)));
        }
    }
    Ok(Plan { operation: "scale", subject: None, parts, roll_back: Vec::new(), starts: None, untouched: None })
}

/// Refuses a number of TaskManagers that leaves the cluster's slots short.
fn must_fit(replicas: u32, observed: &Observed) -> Result<()> {
    let (each, left) = (observed.room.each, replicas * observed.room.each);
    let needed: u32 = observed.jobs.iter().map(|(_, job)| job.parallelism()).sum();
    if needed > left {
        bail!(Failure::Usage(format!(
            "the running jobs need {needed} slots, and {replicas} TaskManagers with {each} slots each have {left}\n  \
             playground upgrade --parallelism {left} makes the job fit first; --force scales down anyway"
        )));
    }
    Ok(())
}

impl Control<'_> {
    /// Starts TaskManagers; returns once as many are registered as there are to be.
    pub(super) async fn start_workers(&self, instances: &[String], taskmanagers: u32) -> Result<((), String)> {
        let start = try_join_all(instances.iter().map(|name| self.platform().start(name)));
        self.in_time("start TaskManagers", start).await?;
        Ok(((), self.registered(|registered| registered >= taskmanagers as usize).await?))
    }

    /// Removes TaskManagers; returns once Flink has noticed.
    pub(super) async fn remove_workers(&self, instances: &[String], taskmanagers: u32) -> Result<((), String)> {
        let remove = try_join_all(instances.iter().map(|name| self.platform().remove(Extent::Instance(name))));
        self.in_time("remove TaskManagers", remove).await?;
        let left = self.registered(|registered| registered == taskmanagers as usize).await?;
        Ok(((), format!("{} removed, {left}", instances.join(", "))))
    }

    /// Waits until jobs run in every subtask.
    pub(super) async fn run_on(&self, jobs: &[Summary]) -> Result<((), String)> {
        for job in jobs {
            self.until("running", format_args!("{} to run on the remaining slots", job.name), async || {
                let job = self.flink().job(&job.id).await?;
                let (running, all) = job.subtasks();
                let seen = format!("{running} of {all} subtasks RUNNING");
                Ok(if job.is_running() { Seen::Done(()) } else { Seen::NotYet(seen) })
            })
            .await?;
        }
        Ok(((), jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>().join(", ")))
    }

    async fn registered(&self, enough: impl Fn(usize) -> bool) -> Result<String> {
        self.until("scale", "the TaskManagers", async || {
            // A TaskManager is registered a moment before its slots are.
            let all = self.flink().taskmanagers().await?;
            let ready = all.iter().filter(|one| one.slots > 0).count();
            let slots: u32 = all.iter().map(|one| one.slots).sum();
            let seen = format!("{} registered, {slots} slots", all.len());
            Ok(if ready == all.len() && enough(ready) { Seen::Done(seen) } else { Seen::NotYet(seen) })
        })
        .await
    }
}
