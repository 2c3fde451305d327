//! Labels and names: Compose's own, so that its commands find what the playground makes, and the playground's.

use std::collections::{BTreeMap, HashMap};

use crate::platform::instance_name;
use crate::stack::{Network, Service, Volume};

/// The project that something belongs to.
pub(super) const PROJECT: &str = "com.docker.compose.project";
/// The service that a container belongs to.
pub(super) const SERVICE: &str = "com.docker.compose.service";
/// Counts a service's containers from 1.
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
/// `True` for a container of a single command.
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";
/// What a container was made from.
pub(super) const HASH: &str = "com.docker.compose.config-hash";
/// docker-compose 1 reads it to tell its old naming scheme.
const VERSION: &str = "com.docker.compose.version";
/// A network's name in the compose file.
const NETWORK: &str = "com.docker.compose.network";
/// A volume's name in the compose file.
const VOLUME: &str = "com.docker.compose.volume";
/// On all that the playground makes, and on all that Compose makes from the playground's file: without it, it is somebody
/// else's, whatever its project is called.
pub(super) const OURS: &str = "io.playground.stack";
/// The process that runs a one-off container's command, so that a later process can tell whether it was left behind.
pub(super) const OWNER: &str = "io.playground.owner";
/// The networks that a container is to be on, as JSON: one that is cut off has no other record of its names there.
pub(super) const NETWORKS: &str = "io.playground.networks";
/// A mark's project; a mark is no volume of Compose's.
pub(super) const MARK_PROJECT: &str = "io.playground.project";
/// A lock's project; a lock is no volume of Compose's either.
pub(super) const LOCK_PROJECT: &str = "io.playground.lock.project";
/// A lock, as JSON.
pub(super) const LOCK: &str = "io.playground.lock";
/// A mark, as JSON.
pub(super) const MARK: &str = "io.playground.mark";
/// What an image was made from.
pub(super) const CONTENT: &str = "io.playground.content";
/// An image's name without its content, as in `playground/flink:2.2.1`.
pub(super) const IMAGE: &str = "io.playground.image";

/// Labels by name.
pub(super) type Labels = HashMap<String, String>;

fn with_project<const N: usize>(project: &str, more: [(&str, &str); N]) -> Labels {
    let own = [(PROJECT, project), (VERSION, "2.0.0"), (OURS, "")];
    own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A service's container.
pub(super) fn instance(project: &str, service: &Service, number: u32) -> Labels {
    let hash = service.hash();
    let more =
        [(SERVICE, service.name.as_str()), (NUMBER, &number.to_string()), (ONE_OFF, "False"), (HASH, hash.as_str())];
    let mut labels: Labels = service.labels.clone().into_iter().collect();
    labels.extend(with_project(project, more));
    labels.insert(NETWORKS.to_owned(), serde_json::to_string(&service.networks).unwrap_or_default());
    labels
}

/// A container of a single command.
pub(super) fn one_off(project: &str, service: &str, owner: &str) -> Labels {
    with_project(project, [(SERVICE, service), (ONE_OFF, "True"), (OWNER, owner)])
}

/// A network.
pub(super) fn network(project: &str, network: &Network) -> Labels {
    more(&network.labels, with_project(project, [(NETWORK, &network.key)]))
}

/// A volume.
pub(super) fn volume(project: &str, volume: &Volume) -> Labels {
    more(&volume.labels, with_project(project, [(VOLUME, &volume.key)]))
}

/// The file's own labels, under those that say what it is.
fn more(given: &BTreeMap<String, String>, own: Labels) -> Labels {
    given.clone().into_iter().chain(own).collect()
}

/// Whether something that bears these labels is a project's, and the playground's.
pub(super) fn are_of(project: &str, labels: &Labels) -> bool {
    labels.contains_key(OURS) && labels.get(PROJECT).is_some_and(|of| of == project)
}

/// A service's container's name.
pub(super) fn name(project: &str, service: &str, number: u32) -> String {
    format!("{project}-{}", instance_name(service, number))
}

/// The filter for what carries a label.
pub(super) fn filter(label: &str, value: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])])
}
