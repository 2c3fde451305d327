//! Names that a stack needs and that others have: the engine would hand such a volume or network out as if it were ours.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context as _, Result};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions};

use super::observe::Observed;
use super::{Docker, Plain as _, labels};
use crate::stack::Stack;

/// A kind of thing that has a name on the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Network,
    Volume,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// Something that has a name on the engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    kind: Kind,
    name: String,
    /// The project that made it by its label, the playground's or not.
    project: Option<String>,
}

/// As in `volume shop_data (project shop)`.
impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.name(), self.name)?;
        match &self.project {
            Some(project) => write!(formatter, " (project {project})"),
            None => Ok(()),
        }
    }
}

impl Named {
    /// How a user takes it away, as a command line.
    pub(super) fn removal(&self) -> String {
        format!("docker {} rm {}", self.kind.name(), self.name)
    }

    fn of(kind: Kind, name: &str, labels: &HashMap<String, String>) -> Self {
        Self { kind, name: name.trim_start_matches('/').to_owned(), project: labels.get(labels::PROJECT).cloned() }
    }
}

/// What bears a name that the stack needs, and is none of what was observed of the project.
pub(super) fn strangers(stack: &Stack, observed: &Observed, everybodys: &[Named]) -> Vec<Named> {
    let is_needed = |one: &&Named| match one.kind {
        Kind::Container => containers(stack).any(|name| name == one.name),
        Kind::Network => stack.networks.iter().any(|network| network.name == one.name),
        Kind::Volume => stack.volumes.iter().any(|volume| volume.name == one.name),
    };
    let is_own = |one: &&Named| match one.kind {
        Kind::Container => observed.containers.iter().any(|container| container.name == one.name),
        Kind::Network => observed.networks.contains_key(&one.name),
        Kind::Volume => observed.volumes.contains_key(&one.name),
    };
    everybodys.iter().filter(is_needed).filter(|one| !is_own(one)).cloned().collect()
}

fn containers(stack: &Stack) -> impl Iterator<Item = String> {
    let names = |service: &crate::stack::Service| {
        let (project, service, replicas) = (stack.project.clone(), service.name.clone(), service.replicas);
        (1..=replicas).map(move |number| labels::name(&project, &service, number))
    };
    stack.services.iter().flat_map(names)
}

impl Docker {
    /// All that has a name on the engine, whoever made it.
    pub(super) async fn everybodys(&self) -> Result<Vec<Named>> {
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let containers = async { self.api.list_containers(Some(all)).await.plain().context("list containers") };
        let networks =
            async { self.api.list_networks(None::<ListNetworksOptions>).await.plain().context("list networks") };
        let volumes = async { self.api.list_volumes(None::<ListVolumesOptions>).await.plain().context("list volumes") };
        let (containers, networks, volumes) = tokio::try_join!(containers, networks, volumes)?;
        let containers = containers.iter().flat_map(|one| {
            let labels = one.labels.clone().unwrap_or_default();
            one.names.iter().flatten().map(move |name| Named::of(Kind::Container, name, &labels))
        });
        let networks = networks.iter().filter_map(|one| {
            Some(Named::of(Kind::Network, one.name.as_ref()?, &one.labels.clone().unwrap_or_default()))
        });
        let volumes = volumes.volumes.iter().flatten().map(|one| Named::of(Kind::Volume, &one.name, &one.labels));
        let mut all: Vec<Named> = containers.chain(networks).chain(volumes).collect();
        all.sort();
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::docker::definition::Definition;
    use crate::stack::{Source, Variables};

    fn stack() -> Stack {
        let text = "services: {a: {image: b, scale: 2, volumes: ['data:/d', 'other:/o']}}\n\
            volumes: {data: , other: {name: shared}}";
        let source = Source { name: "f", folder: std::path::Path::new("/"), text };
        Stack::parse(&source, "p", &Variables::new()).unwrap()
    }

    fn named(kind: Kind, name: &str, project: Option<&str>) -> Named {
        Named { kind, name: name.to_owned(), project: project.map(str::to_owned) }
    }

    #[test]
    fn what_has_a_name_that_is_needed_and_is_not_ours_is_told_with_whose_it_is() {
        let everybodys = [
            named(Kind::Container, "p-a-2", None),
            named(Kind::Container, "p-a-3", None),
            named(Kind::Network, "bridge", None),
            named(Kind::Network, "p_default", None),
            named(Kind::Volume, "p_data", None),
            // Another kind of thing may have the name.
            named(Kind::Container, "p_data", None),
            named(Kind::Volume, "shared", Some("shop")),
        ];
        let found = strangers(&stack(), &Observed::default(), &everybodys);
        let told: Vec<String> = found.iter().map(Named::to_string).collect();
        assert_eq!(told, ["container p-a-2", "network p_default", "volume p_data", "volume shared (project shop)"]);
        assert_eq!(found[2].removal(), "docker volume rm p_data");
    }

    #[test]
    fn what_is_ours_is_none() {
        let definition = |name: &str| (name.to_owned(), Definition::default());
        let observed = Observed {
            networks: [definition("p_default")].into(),
            volumes: [definition("p_data")].into(),
            ..Observed::default()
        };
        let everybodys = [named(Kind::Network, "p_default", Some("p")), named(Kind::Volume, "p_data", Some("p"))];
        assert_eq!(strangers(&stack(), &observed, &everybodys), []);
    }
}
