//! What to do so that what is there becomes what is wanted. Pure: the executor decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use super::labels;
use super::observe::{Container, Observed};
use crate::platform::State;
use crate::stack::{Network, Service, Stack, Volume};

/// What to do, in three stages: resources and what is in the way, then each instance on its own, side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    /// Networks that are missing.
    pub networks: Vec<Network>,
    /// Networks whose definition changed: recreated once none of our containers is on them.
    pub renewals: Vec<Renewal>,
    /// Volumes that are missing.
    pub volumes: Vec<Volume>,
    /// Volumes whose definition changed, and how. There is data in them, so nothing is done with such a plan.
    pub changed_volumes: Vec<String>,
    /// Containers that are in the way.
    pub removals: Vec<Removal>,
    /// The operations on each instance, in order.
    pub instances: Vec<Steps>,
}

/// A network to recreate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renewal {
    /// As it is to be.
    pub network: Network,
    /// What of its definition changed, for the user.
    pub cause: String,
}

/// A container to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removal {
    /// Its id.
    pub id: String,
    /// `replace` when another one takes its place, else `remove`.
    pub verb: &'static str,
    /// As people call it.
    pub object: String,
    /// What makes it be in the way, for the user.
    pub cause: String,
}

/// What to do with one instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    /// Its service, which says how to make it and what to wait for before it starts.
    pub service: Service,
    /// Counts from 1.
    pub number: u32,
    /// Each begins when the one before it is done; none where the instance is as it is to be.
    pub operations: Vec<Operation>,
}

/// One thing to do with an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// What the executor asks the engine for.
    pub verb: Verb,
    /// What was found that it mends, as in `ended with exit code 137`, for the user.
    pub cause: String,
}

/// What can be done with an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    /// Make its container.
    Create,
    /// Put it on a network of its service's.
    Connect(String),
    /// Wait for what it depends on, then run its process.
    Start,
    /// Unfreeze its process.
    Unpause,
}

impl Verb {
    /// What progress calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Connect(_) => "connect",
            Self::Start => "start",
            Self::Unpause => "unpause",
        }
    }
}

impl Operation {
    fn new(verb: Verb, cause: impl Into<String>) -> Self {
        Self { verb, cause: cause.into() }
    }
}

/// Compares; `images` tells the id that each image's name stands for now.
pub(super) fn reconcile(stack: &Stack, images: &BTreeMap<String, String>, observed: &Observed) -> Plan {
    let mut plan = Plan {
        networks: stack.networks.iter().filter(|one| !observed.networks.contains_key(&one.name)).cloned().collect(),
        renewals: renewals(stack, observed),
        volumes: stack.volumes.iter().filter(|one| !observed.volumes.contains_key(&one.name)).cloned().collect(),
        changed_volumes: changed_volumes(stack, observed),
        ..Plan::default()
    };
    for container in observed.containers.iter().filter(|container| !container.one_off) {
        if let Some(cause) = surplus(stack, container) {
            plan.removals.push(removal(container, "remove", cause));
        }
    }
    for service in &stack.services {
        for number in 1..=service.replicas {
            let found = find(observed, service, number);
            let cause = found.and_then(|container| {
                outdated(service, images, container).or_else(|| off_network(container, &plan.renewals))
            });
            let kept = found.filter(|_| cause.is_none());
            if let (Some(container), Some(cause)) = (found, &cause) {
                plan.removals.push(removal(container, "replace", cause.clone()));
            }
            let operations = match kept {
                None => from_nothing(service, cause.unwrap_or_else(|| "missing".to_owned())),
                Some(container) => from_what_is_there(service, container),
            };
            plan.instances.push(Steps { service: service.clone(), number, operations });
        }
    }
    plan
}

fn renewals(stack: &Stack, observed: &Observed) -> Vec<Renewal> {
    let renewal = |network: &Network| {
        let cause = observed.networks.get(&network.name)?.change_to(&Definition::of_network(network))?;
        Some(Renewal { network: network.clone(), cause })
    };
    stack.networks.iter().filter_map(renewal).collect()
}

fn changed_volumes(stack: &Stack, observed: &Observed) -> Vec<String> {
    let change = |volume: &Volume| {
        let change = observed.volumes.get(&volume.name)?.change_to(&Definition::of_volume(volume))?;
        Some(format!("{}: {change}", volume.name))
    };
    stack.volumes.iter().filter_map(change).collect()
}

fn find<'a>(observed: &'a Observed, service: &Service, number: u32) -> Option<&'a Container> {
    observed
        .containers
        .iter()
        .find(|one| !one.one_off && one.instance.service == service.name && one.instance.number == number)
}

fn removal(container: &Container, verb: &'static str, cause: String) -> Removal {
    Removal { id: container.instance.id.clone(), verb, object: container.instance.name(), cause }
}

/// Why a container has no place in the stack.
fn surplus(stack: &Stack, container: &Container) -> Option<String> {
    match stack.service(&container.instance.service) {
        None => Some("no such service in the compose file".to_owned()),
        Some(service) if container.instance.number == 0 || container.instance.number > service.replicas => {
            Some(format!("only {} wanted", service.replicas))
        }
        Some(_) => None,
    }
}

/// Why a container is not what would be made now.
fn outdated(service: &Service, images: &BTreeMap<String, String>, container: &Container) -> Option<String> {
    if container.hash != service.hash() {
        Some("its configuration changed".to_owned())
    } else if images.get(&service.image).is_some_and(|id| *id != container.image) {
        Some("its image changed".to_owned())
    } else {
        None
    }
}

/// Why a container has to go although it is what would be made: a network goes only when nothing is on it.
fn off_network(container: &Container, renewals: &[Renewal]) -> Option<String> {
    let is_on = |name: &String| {
        container.networks.contains(name) || container.attachments.iter().any(|one| one.network == *name)
    };
    let gone = renewals.iter().find(|renewal| is_on(&renewal.network.name))?;
    Some(format!("its network {} changed", gone.network.name))
}

fn from_nothing(service: &Service, cause: String) -> Vec<Operation> {
    // A container is made with its first network; the engine takes no more than one.
    let others = service.networks.iter().skip(1).map(|one| connect(&one.network));
    let create = Operation::new(Verb::Create, cause);
    [create].into_iter().chain(others).chain([Operation::new(Verb::Start, "new")]).collect()
}

fn from_what_is_there(service: &Service, container: &Container) -> Vec<Operation> {
    let mut operations: Vec<Operation> =
        missing(service, &container.networks).into_iter().map(|network| connect(&network)).collect();
    match (container.instance.state, container.instance.exit_code) {
        (State::Running, _) => {}
        (State::Paused, _) => operations.push(Operation::new(Verb::Unpause, "paused")),
        (State::Created, _) => operations.push(Operation::new(Verb::Start, "never started")),
        (State::Exited, Some(0)) if service.one_shot => operations.clear(),
        (State::Exited, code) => {
            let cause = code.map_or_else(|| "ended".to_owned(), |code| format!("exited with code {code}"));
            operations.push(Operation::new(Verb::Start, cause));
        }
    }
    operations
}

fn connect(network: &str) -> Operation {
    Operation::new(Verb::Connect(network.to_owned()), "not on it")
}

/// The networks of its service's that a container is not on.
pub(super) fn missing(service: &Service, on: &BTreeSet<String>) -> Vec<String> {
    service.networks.iter().map(|one| one.network.clone()).filter(|network| !on.contains(network)).collect()
}

/// The name of an instance's container.
pub(super) fn container_name(project: &str, steps: &Steps) -> String {
    labels::name(project, &steps.service.name, steps.number)
}

#[cfg(test)]
mod tests;
