//! What can be done to one instance, and undone.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{
    CreateContainerOptions, CreateContainerOptionsBuilder, KillContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptions,
};

use super::observe::Container;
use super::{Docker, MOMENT, Plain as _, container, is_missing, is_so_already, labels, words};
use crate::platform::State;
use crate::stack::Attachment;
use crate::wait::{Seen, until};

/// How long a killed process may take to be gone; the kernel may have gigabytes to give back.
const END: Duration = Duration::from_secs(30);

/// How long a busy container may take to freeze.
const FREEZE: Duration = Duration::from_secs(10);
/// What the engine's runtime says when it gave up.
const NOT_FROZEN: &str = "unable to freeze";

impl Docker {
    /// The container of an instance, by a name as in `taskmanager-1`.
    async fn find(&self, instance: &str) -> Result<Container> {
        let containers = self.containers().await?;
        let names: Vec<String> = containers.iter().filter(|one| !one.one_off).map(|one| one.instance.name()).collect();
        let found = containers.into_iter().find(|one| !one.one_off && one.instance.name() == instance);
        match found {
            Some(container) => Ok(container),
            None if names.is_empty() => {
                bail!("no {instance}: project {0} has no containers; playground -p {0} up starts it", self.project)
            }
            None => bail!("no {instance} in project {}; it has {}", self.project, names.join(", ")),
        }
    }

    pub(super) async fn kill_instance(&self, instance: &str) -> Result<()> {
        let id = self.find(instance).await?.instance.id;
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        match self.api.kill_container(&id, Some(options)).await {
            // It has ended already.
            Err(error) if is_so_already(&error) => {}
            done => done.plain().with_context(|| format!("kill {instance}"))?,
        }
        until(format!("kill {instance}"), END, MOMENT, async || {
            Ok(match self.container(&id).await? {
                Some(container) if container.instance.state == State::Running => Seen::NotYet("running".to_owned()),
                Some(container) if container.instance.state == State::Paused => Seen::NotYet("paused".to_owned()),
                _ => Seen::Done(()),
            })
        })
        .await
    }

    pub(super) async fn terminate_instance(&self, instance: &str) -> Result<()> {
        let id = self.find(instance).await?.instance.id;
        // The engine answers once it has ended.
        match self.api.stop_container(&id, None::<StopContainerOptions>).await {
            Err(error) if is_so_already(&error) => Ok(()),
            done => done.plain().with_context(|| format!("stop {instance}")),
        }
    }

    pub(super) async fn pause_instance(&self, instance: &str) -> Result<()> {
        let container = self.find(instance).await?;
        match container.instance.state {
            State::Paused => Ok(()),
            State::Running => {
                until(format!("pause {instance}"), FREEZE, MOMENT, async || {
                    match self.api.pause_container(&container.instance.id).await {
                        // A cgroup whose threads are all busy may not freeze at the first attempt.
                        Err(error) if words(&error).contains(NOT_FROZEN) => Ok(Seen::NotYet(words(&error))),
                        Err(error) if is_so_already(&error) => Ok(Seen::Done(())),
                        done => done.plain().map(Seen::Done).with_context(|| format!("pause {instance}")),
                    }
                })
                .await
            }
            state => bail!("pause {instance}: it is {state:?}; playground start {instance}"),
        }
    }

    pub(super) async fn disconnect_instance(&self, instance: &str) -> Result<()> {
        let container = self.find(instance).await?;
        for network in &container.networks {
            let request = NetworkDisconnectRequest { container: container.instance.id.clone(), force: Some(true) };
            match self.api.disconnect_network(network, request).await {
                Err(error) if is_missing(&error) => {}
                done => done.plain().with_context(|| format!("disconnect {instance} from {network}"))?,
            }
        }
        Ok(())
    }

    /// Unpauses, reconnects and starts, whichever it takes.
    pub(super) async fn make_reachable(&self, instance: &str) -> Result<()> {
        self.make_like_sibling(instance).await?;
        let container = self.find(instance).await?;
        let id = &container.instance.id;
        if container.instance.state == State::Paused {
            self.api.unpause_container(id).await.plain().with_context(|| format!("unpause {instance}"))?;
        }
        for attachment in container.attachments.iter().filter(|one| !container.networks.contains(&one.network)) {
            self.reconnect(&container, attachment).await.with_context(|| format!("reconnect {instance}"))?;
        }
        if matches!(container.instance.state, State::Created | State::Exited) {
            match self.api.start_container(id, None::<StartContainerOptions>).await {
                Err(error) if !is_so_already(&error) => return Err(self.port_error(&container, error).await),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes an instance that is not there like another of its service, if there is one.
    async fn make_like_sibling(&self, instance: &str) -> Result<()> {
        let containers = self.containers().await?;
        let services: Vec<&Container> = containers.iter().filter(|one| !one.one_off).collect();
        if services.iter().any(|one| one.instance.name() == instance) {
            return Ok(());
        }
        let Some((service, number)) = instance.rsplit_once('-') else { return Ok(()) };
        let sibling = services.iter().find(|one| one.instance.service == service);
        let (Some(sibling), Ok(number)) = (sibling, number.parse::<u32>()) else { return Ok(()) };
        let like = self.api.inspect_container(&sibling.instance.id, None).await.plain()?;
        let body = container::sibling(like, service, number);
        let name = labels::name(&self.project, service, number);
        let options: CreateContainerOptions = CreateContainerOptionsBuilder::new().name(&name).build();
        match self.api.create_container(Some(options), body).await {
            Err(error) if !is_so_already(&error) => Err(error).plain().with_context(|| format!("create {instance}")),
            _ => Ok(()),
        }
    }

    async fn reconnect(&self, container: &Container, attachment: &Attachment) -> Result<()> {
        let names = vec![container.instance.service.clone(), container.instance.name()];
        let request = NetworkConnectRequest {
            container: container.instance.id.clone(),
            endpoint_config: Some(container::endpoint(attachment, names)),
        };
        match self.api.connect_network(&attachment.network, request).await {
            Err(error) if is_so_already(&error) => Ok(()),
            done => done.plain().with_context(|| format!("connect to {}", attachment.network)),
        }
    }
}
