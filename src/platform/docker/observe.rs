//! What of a project is on the engine, found by labels alone.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum as Status, HealthStatusEnum, PortBinding, PortMap,
};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use futures_util::future::try_join_all;

use super::definition::{Definition, Definitions};
use super::{Docker, Plain as _, is_missing, labels};
use crate::platform::{Endpoint, Health, Instance, Port, State};
use crate::stack::Attachment;

/// A container of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub(super) struct Container {
    /// As the contract has it.
    pub instance: Instance,
    /// Its name on the engine.
    pub name: String,
    /// Whether the playground made it, or Compose from the playground's file.
    pub ours: bool,
    /// Whether it runs a single command.
    pub one_off: bool,
    /// Whose command, where it is a one-off.
    pub owner: Option<String>,
    /// What it was made from.
    pub hash: String,
    /// The id of the image it was made from.
    pub image: String,
    /// The networks that it is on.
    pub networks: BTreeSet<String>,
    /// The networks that it is to be on.
    pub attachments: Vec<Attachment>,
    /// The last line that its health check printed.
    pub health_said: String,
}

/// All of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Observed {
    /// In the order of service name and number.
    pub containers: Vec<Container>,
    /// As they were made.
    pub networks: Definitions,
    /// As they were made.
    pub volumes: Definitions,
    /// What bears the project's name but is not the playground's, as in `container playground-web-1`.
    pub foreign: Vec<String>,
}

/// A network or a volume of the project.
struct Resource {
    name: String,
    ours: bool,
    definition: Definition,
}

impl Docker {
    pub(super) async fn observe(&self) -> Result<Observed> {
        let (containers, networks, volumes) =
            tokio::try_join!(self.all_containers(), self.networks(), self.all_volumes())?;
        let (containers, others): (Vec<_>, Vec<_>) = containers.into_iter().partition(|one| one.ours);
        let mut foreign: Vec<String> = others.into_iter().map(|one| format!("container {}", one.name)).collect();
        let mut own = |kind: &str, all: Vec<Resource>| {
            let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.ours);
            foreign.extend(others.into_iter().map(|one| format!("{kind} {}", one.name)));
            own.into_iter().map(|one| (one.name, one.definition)).collect()
        };
        let (networks, volumes) = (own("network", networks), own("volume", volumes));
        Ok(Observed { containers, networks, volumes, foreign })
    }

    /// Our own ones, one-off containers included.
    pub(super) async fn containers(&self) -> Result<Vec<Container>> {
        let mut containers = self.all_containers().await?;
        containers.retain(|one| one.ours);
        Ok(containers)
    }

    /// Where a port of a service is published, by containers of our own that run.
    pub(super) async fn published(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        self.check_here()?;
        let containers = self.containers().await?;
        let runs = |one: &&Container| {
            !one.one_off
                && one.instance.service == service
                && matches!(one.instance.state, State::Running | State::Paused)
        };
        let endpoint = |one: &Container| {
            let found = one.instance.ports.iter().find(|one| one.target == port)?;
            Some(Endpoint { instance: one.instance.name(), host: found.host.clone(), port: found.published })
        };
        Ok(containers.iter().filter(runs).filter_map(endpoint).collect())
    }

    async fn all_containers(&self) -> Result<Vec<Container>> {
        let filters = labels::filter(labels::PROJECT, &self.project);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.api.list_containers(Some(options)).await.plain().context("list containers")?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let found = try_join_all(ids.map(|id| async move { self.container(&id).await })).await?;
        let mut containers: Vec<Container> = found.into_iter().flatten().collect();
        containers
            .sort_by(|a, b| (&a.instance.service, a.instance.number).cmp(&(&b.instance.service, b.instance.number)));
        Ok(containers)
    }

    /// One container by id or name; `None` when it is not there (any more).
    pub(super) async fn container(&self, id: &str) -> Result<Option<Container>> {
        match self.api.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(Some(container(found))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error).plain().with_context(|| format!("inspect container {id}")),
        }
    }

    async fn networks(&self) -> Result<Vec<Resource>> {
        let filters = labels::filter(labels::PROJECT, &self.project);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_networks(Some(options)).await.plain().context("list networks")?;
        let is_ours = |labels: &HashMap<String, String>| labels.contains_key(labels::OURS);
        let resource = |network: bollard::models::Network| {
            let ours = network.labels.as_ref().is_some_and(is_ours);
            Some(Resource { ours, definition: Definition::of_made_network(&network), name: network.name? })
        };
        Ok(listed.into_iter().filter_map(resource).collect())
    }

    /// Whether a network of the project's own is there.
    pub(super) async fn is_own_network(&self, name: &str) -> Result<bool> {
        Ok(self.networks().await?.iter().any(|one| one.ours && one.name == name))
    }

    /// Names of our own ones.
    pub(super) async fn volume_names(&self) -> Result<Vec<String>> {
        Ok(self.all_volumes().await?.into_iter().filter(|one| one.ours).map(|one| one.name).collect())
    }

    async fn all_volumes(&self) -> Result<Vec<Resource>> {
        let filters = labels::filter(labels::PROJECT, &self.project);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.plain().context("list volumes")?;
        let resource = |volume: bollard::models::Volume| Resource {
            ours: volume.labels.contains_key(labels::OURS),
            definition: Definition::of_made_volume(&volume),
            name: volume.name,
        };
        Ok(listed.volumes.unwrap_or_default().into_iter().map(resource).collect())
    }
}

fn container(found: ContainerInspectResponse) -> Container {
    let config = found.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned();
    let state = found.state.unwrap_or_default();
    let network = found.network_settings.unwrap_or_default();
    let networks = network.networks.unwrap_or_default();
    let status = status(state.status);
    let host = found.host_config.unwrap_or_default();
    Container {
        health_said: state.health.as_ref().map(said).unwrap_or_default(),
        attachments: attachments(label(labels::NETWORKS), host.network_mode),
        instance: Instance {
            service: label(labels::SERVICE).unwrap_or_default(),
            number: label(labels::NUMBER).and_then(|number| number.parse().ok()).unwrap_or_default(),
            id: found.id.unwrap_or_default(),
            host: String::new(),
            state: status,
            health: state.health.filter(|_| status == State::Running).and_then(|health| health_of(health.status)),
            exit_code: state.exit_code.filter(|_| status == State::Exited),
            ports: ports(host.port_bindings, &network.ports.unwrap_or_default()),
            connected: !networks.is_empty(),
            stage: None,
        },
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        ours: labels.contains_key(labels::OURS),
        one_off: label(labels::ONE_OFF).as_deref() == Some("True"),
        owner: label(labels::OWNER),
        hash: label(labels::HASH).unwrap_or_default(),
        image: found.image.unwrap_or_default(),
        networks: networks.into_keys().collect(),
    }
}

fn said(health: &bollard::models::Health) -> String {
    let output = health.log.iter().flatten().next_back().and_then(|check| check.output.as_deref());
    output.and_then(|output| output.trim_end().lines().next_back()).unwrap_or("nothing printed").to_owned()
}

/// Containers that docker-compose made have no such label: they are on the network that they were made on.
fn attachments(label: Option<String>, made_on: Option<String>) -> Vec<Attachment> {
    let noted = label.and_then(|json| serde_json::from_str(&json).ok());
    let made_on = made_on.map(|network| vec![Attachment { network, aliases: Vec::new() }]);
    noted.or(made_on).unwrap_or_default()
}

fn status(status: Option<Status>) -> State {
    match status {
        Some(Status::RUNNING | Status::RESTARTING) => State::Running,
        Some(Status::PAUSED) => State::Paused,
        Some(Status::CREATED) => State::Created,
        _ => State::Exited,
    }
}

fn health_of(status: Option<HealthStatusEnum>) -> Option<Health> {
    match status? {
        HealthStatusEnum::STARTING => Some(Health::Starting),
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
    }
}

/// What is to be published, told from the container's configuration: the engine shows actual ports of running ones only. Those
/// are where one is found that the engine has chosen.
fn ports(configured: Option<PortMap>, actual: &PortMap) -> Vec<Port> {
    let mut ports = Vec::new();
    for (target, bindings) in configured.unwrap_or_default() {
        let chosen = || actual.get(&target)?.iter().flatten().find_map(published);
        let number = target.split('/').next().and_then(|number| number.parse().ok());
        for binding in bindings.unwrap_or_default() {
            if let (Some(target), Some(published)) = (number, published(&binding).or_else(chosen)) {
                ports.push(Port { host: binding.host_ip.unwrap_or_default(), published, target });
            }
        }
    }
    ports.sort_by_key(|port| (port.target, port.published));
    ports
}

/// The port on the host; none where the engine is to choose it.
fn published(binding: &PortBinding) -> Option<u16> {
    binding.host_port.as_deref()?.parse().ok().filter(|port| *port != 0)
}
