//! More TaskManagers, or fewer.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::control::Control;
use crate::flink::job::Job;
use crate::platform::{Contract as _, Extent, Instance};
use crate::wait::Seen;

/// The service that can be scaled: the others hold data or publish a port.
pub const TASKMANAGER: &str = "taskmanager";

impl Control<'_> {
    /// Brings the number of TaskManagers to `replicas`: registered ones, and jobs that run again where they have the slots.
    /// With `force`, even below what the running jobs need.
    pub async fn scale(&self, replicas: u32, force: bool) -> Result<()> {
        let there = self.taskmanagers().await?;
        let surplus: Vec<String> = there.iter().filter(|one| one.number > replicas).map(Instance::name).collect();
        if surplus.is_empty() {
            return self.scale_up(replicas, "as asked").await;
        }
        if !force {
            self.must_fit(replicas).await?;
        }
        let running = self.running_jobs().await?;
        // What stays has to run before what goes is taken away.
        self.start_all(replicas).await?;
        self.part("scale down", None, async {
            try_join_all(surplus.iter().map(|name| self.platform().remove(Extent::Instance(name)))).await?;
            let left = self.registered(|registered| registered == replicas as usize).await?;
            Ok(((), format!("{} taken away, {left}", surplus.join(", "))))
        })
        .await?;
        if force {
            return Ok(());
        }
        self.part("running", None, async {
            for job in &running {
                self.until("running", format_args!("{} to run on what is left", job.name), async || {
                    let job = self.flink().job(&job.id).await?;
                    let (running, all) = job.subtasks();
                    let seen = format!("{running} of {all} subtasks RUNNING");
                    Ok(if job.is_running() { Seen::Done(()) } else { Seen::NotYet(seen) })
                })
                .await?;
            }
            Ok(((), running.iter().map(|job| job.name.as_str()).collect::<Vec<_>>().join(", ")))
        })
        .await
    }

    /// Starts TaskManagers until there are `replicas`; returns once they are registered.
    pub(super) async fn scale_up(&self, replicas: u32, why: &str) -> Result<()> {
        let before = self.taskmanagers().await?.len();
        self.part("scale up", None, async {
            self.start_all(replicas).await?;
            let there = self.registered(|registered| registered >= replicas as usize).await?;
            Ok(((), format!("{why}: {TASKMANAGER} {before} → {replicas}, {there}")))
        })
        .await
    }

    async fn start_all(&self, replicas: u32) -> Result<()> {
        let names = (1..=replicas).map(|number| format!("{TASKMANAGER}-{number}"));
        try_join_all(names.map(|name| async move { self.platform().start(&name).await })).await.map(drop)
    }

    async fn taskmanagers(&self) -> Result<Vec<Instance>> {
        let services = self.platform().services().await?;
        Ok(services.into_iter().filter(|one| one.service == TASKMANAGER).collect())
    }

    async fn running_jobs(&self) -> Result<Vec<Job>> {
        let mut running = Vec::new();
        for job in self.flink().jobs().await?.into_iter().filter(|job| !job.is_over()) {
            running.extend(Some(self.flink().job(&job.id).await?).filter(Job::is_running));
        }
        Ok(running)
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
