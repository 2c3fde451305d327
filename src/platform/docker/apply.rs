//! Carries out a plan. It decides nothing: the plan says what, in which order, and why.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bollard::models::{NetworkConnectRequest, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, StartContainerOptions};
use bollard::query_parameters::{CreateContainerOptionsBuilder, StopContainerOptions};
use futures_util::future::try_join_all;
use tokio::sync::mpsc::UnboundedSender;

use super::observe::Observed;
use super::reconcile::{Plan, Removal, Renewal, Steps, Verb, container_name, reconcile};
use super::remove::{RELEASE, settled};
use super::strangers::strangers;
use super::{Docker, MOMENT, Plain as _, container, is_missing, is_so_already, labels};
use crate::image::{Machine, pinned};
use crate::platform::{PlatformNews, instance_name};
use crate::stack::{Network, Stack, Volume};
use crate::wait::{Seen, until};

impl Docker {
    pub(super) async fn bring_in_line(
        &self,
        stack: &Stack,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let (stack, plan) = self.plan(stack, progress).await?;
        self.carry_out(&stack, plan, limit, progress).await
    }

    /// All that can fail before anything of the project is changed. Returns the stack with images that go by what is in them.
    pub(super) async fn plan(&self, stack: &Stack, progress: &UnboundedSender<PlatformNews>) -> Result<(Stack, Plan)> {
        self.check_here()?;
        let machine = Machine::this();
        let all = self.own_images(stack, &machine, progress).await?;
        let stack = pinned(stack, &all);
        // Told before minutes are spent on building images.
        let observed = self.observe().await?;
        self.check_owner(&observed)?;
        self.check_names(&stack, &observed).await?;
        let early = reconcile(&stack, &BTreeMap::new(), &observed);
        self.check_volumes(&early)?;
        self.check_ports(&early, &observed).await?;
        let images = self.ensure_images(&stack, &all, &machine, progress).await?;
        let observed = self.observe().await?;
        let plan = reconcile(&stack, &images, &observed);
        self.check_ports(&plan, &observed).await?;
        Ok((stack, plan))
    }

    /// What bears the project's name and is not ours would be in the way, or be taken for ours.
    fn check_owner(&self, observed: &Observed) -> Result<()> {
        if observed.foreign.is_empty() {
            return Ok(());
        }
        bail!(
            "project {} belongs to somebody else: the playground did not create {}\n  \
             Nothing was changed. Use another project name: playground -p NAME up",
            self.project,
            observed.foreign.join(", ")
        )
    }

    /// The engine would give out what bears a name that the stack needs, whoever made it.
    async fn check_names(&self, stack: &Stack, observed: &Observed) -> Result<()> {
        let taken = strangers(stack, observed, &self.everybodys().await?);
        if taken.is_empty() {
            return Ok(());
        }
        let (told, removals): (Vec<_>, Vec<_>) = taken.iter().map(|one| (one.to_string(), one.removal())).unzip();
        bail!(
            "project {} needs names that are already taken by what was not created for it: {}\n  \
             Nothing was changed. Use another project name (playground -p NAME up) or, if nobody needs them: {}",
            self.project,
            told.join(", "),
            removals.join("; ")
        )
    }

    /// A volume is not recreated unless the user asks for it: its data would be lost.
    fn check_volumes(&self, plan: &Plan) -> Result<()> {
        if plan.changed_volumes.is_empty() {
            return Ok(());
        }
        bail!(
            "the compose file no longer matches these volumes:\n  {}\n  \
             Nothing was changed. To recreate them, which deletes their data: playground -p {} down --volumes",
            plan.changed_volumes.join("\n  "),
            self.project
        )
    }

    /// What it asked for and was not answered yet when it is dropped, or when it fails, the engine may still do.
    pub(super) async fn carry_out(
        &self,
        stack: &Stack,
        plan: Plan,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        self.cut_off.store(true, Ordering::Relaxed);
        try_join_all(plan.networks.iter().map(|network| self.make_network(network))).await?;
        try_join_all(plan.volumes.iter().map(|volume| self.make_volume(volume))).await?;
        try_join_all(plan.removals.iter().map(|removal| self.take_away(removal, progress))).await?;
        try_join_all(plan.renewals.iter().map(|renewal| self.renew(renewal, progress))).await?;
        // The first that fails ends the others: they may wait for it. What they asked for is found by its labels.
        let instances = plan.instances.iter().map(|steps| self.instance(stack, steps, limit, progress));
        try_join_all(instances).await?;
        self.cut_off.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn instance(
        &self,
        stack: &Stack,
        steps: &Steps,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let object = instance_name(&steps.service.name, steps.number);
        for operation in &steps.operations {
            if operation.verb == Verb::Start {
                let dependencies = steps.service.depends_on.iter();
                try_join_all(dependencies.map(|one| self.wait_for(stack, &one.service, one.condition, limit))).await?;
            }
            let begun = Instant::now();
            self.operate(stack, steps, &operation.verb).await?;
            told(progress, operation.verb.name(), &object, &operation.cause, begun);
        }
        let begun = Instant::now();
        self.wait_for_promise(&steps.service, steps.number, limit).await?;
        if !steps.operations.is_empty() {
            told(progress, "ready", &object, if steps.service.one_shot { "done" } else { "healthy" }, begun);
        }
        Ok(())
    }

    async fn operate(&self, stack: &Stack, steps: &Steps, verb: &Verb) -> Result<()> {
        let name = container_name(&self.project, steps);
        let what = || format!("{} {}", verb.name(), instance_name(&steps.service.name, steps.number));
        match verb {
            Verb::Create => {
                let body = container::instance(stack, &steps.service, steps.number);
                let options: CreateContainerOptions = CreateContainerOptionsBuilder::new().name(&name).build();
                let _alone = self.making.lock().await;
                self.api.create_container(Some(options), body).await.map(drop).plain().with_context(what)
            }
            Verb::Connect(network) => self.connect_to(steps, &name, network).await.with_context(what),
            Verb::Start => match self.api.start_container(&name, None::<StartContainerOptions>).await {
                Err(error) => Err(self.start_error(&steps.service, steps.number, error).await),
                Ok(()) => Ok(()),
            },
            Verb::Unpause => self.api.unpause_container(&name).await.plain().with_context(what),
        }
    }

    /// Puts a container on a network, under the names that its siblings know it by.
    async fn connect_to(&self, steps: &Steps, name: &str, network: &str) -> Result<()> {
        let Some(attachment) = steps.service.networks.iter().find(|one| one.network == network) else { return Ok(()) };
        let aliases = vec![steps.service.name.clone(), instance_name(&steps.service.name, steps.number)];
        let request = NetworkConnectRequest {
            container: name.to_owned(),
            endpoint_config: Some(container::endpoint(attachment, aliases)),
        };
        self.api.connect_network(network, request).await.plain()
    }

    async fn make_network(&self, network: &Network) -> Result<()> {
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            internal: Some(network.internal),
            labels: Some(labels::network(&self.project, network)),
            ..NetworkCreateRequest::default()
        };
        match self.api.create_network(request).await {
            // What a command that was cut off asked for came in between. Somebody else's is an error.
            Err(error) if is_so_already(&error) && self.is_own_network(&network.name).await? => Ok(()),
            done => done.map(drop).plain().with_context(|| format!("create network {}", network.name)),
        }
    }

    /// Recreates a network; the engine may take a moment to release it.
    async fn renew(&self, renewal: &Renewal, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let (begun, name) = (Instant::now(), &renewal.network.name);
        let what = format!("remove network {name}");
        until(&what, RELEASE, MOMENT, async || {
            let settled = settled(self.api.remove_network(name).await, &what)?;
            Ok(settled.map_or(Seen::Done(()), Seen::NotYet))
        })
        .await?;
        self.make_network(&renewal.network).await?;
        told(progress, "replace", &format!("network {name}"), &renewal.cause, begun);
        Ok(())
    }

    async fn make_volume(&self, volume: &Volume) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            labels: Some(labels::volume(&self.project, volume)),
            driver_opts: Some(volume.options.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let what = || format!("create volume {}", volume.name);
        let made = self.api.create_volume(request).await.plain().with_context(what)?;
        // The engine answers with the one that is there already, whoever made it.
        if !labels::are_of(&self.project, &made.labels) {
            return Err(anyhow!("somebody else has just created it; run playground up again")).with_context(what);
        }
        Ok(())
    }

    async fn take_away(&self, removal: &Removal, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let begun = Instant::now();
        self.stop_and_remove(&removal.id).await.with_context(|| format!("remove {}", removal.object))?;
        told(progress, removal.verb, &removal.object, &removal.cause, begun);
        Ok(())
    }

    /// Stops a container in its own time, as what replaces it goes on from its data.
    pub(super) async fn stop_and_remove(&self, id: &str) -> Result<()> {
        match self.api.stop_container(id, None::<StopContainerOptions>).await {
            Err(error) if !is_missing(&error) && !is_so_already(&error) => Err(error).plain(),
            _ => self.remove_container(id).await,
        }
    }

    /// Removes a container, running or not, with its nameless volumes. One that is gone is gone.
    pub(super) async fn remove_container(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        match self.api.remove_container(id, Some(options)).await {
            Err(error) if !is_missing(&error) && !is_so_already(&error) => Err(error).plain(),
            _ => Ok(()),
        }
    }
}

/// Nobody listening is no reason to stop.
fn told(progress: &UnboundedSender<PlatformNews>, verb: &'static str, object: &str, cause: &str, begun: Instant) {
    let (object, cause, took) = (object.to_owned(), cause.to_owned(), begun.elapsed());
    let _ = progress.send(PlatformNews::Operation { verb, object, cause, took });
}
