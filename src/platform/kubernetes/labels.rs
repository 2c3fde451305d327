//! Labels, annotations and names of what the playground makes in a cluster.

use std::collections::BTreeMap;

use kube::ResourceExt;
use sha2::{Digest as _, Sha256};

use crate::stack::hex;

/// How many digits of a hash tell one project from another.
const HASHED: usize = 8;

/// On all that the playground makes, as on Docker: without it, it is somebody else's.
pub(super) const STACK: &str = "io.playground.stack";
/// The project that something belongs to.
pub(super) const PROJECT: &str = "io.playground.project";
/// The service that a pod belongs to.
pub(super) const SERVICE: &str = "app.kubernetes.io/name";
/// Counts a service's pods from 1: a pod's own name says nothing.
pub(super) const NUMBER: &str = "io.playground.number";
/// A `ConfigMap` that holds a mark.
pub(super) const MARK: &str = "io.playground.mark";
/// A `ConfigMap` that holds a lock.
pub(super) const LOCK: &str = "io.playground.lock";
/// A pod of a single command; the annotation of the same name has the process that runs it.
pub(super) const OWNER: &str = "io.playground.owner";
/// How many instances a Deployment is to have, those that were killed included.
pub(super) const INSTANCES: &str = "io.playground.instances";
/// The numbers of those that were killed, as in `1,3`.
pub(super) const ENDED: &str = "io.playground.ended";
/// Of a Deployment, the nodes that were drained of its instances, as in `1=node-a,2=node-b`; of a node, for whom it was.
pub(super) const DRAINED: &str = "io.playground.drained";
/// Of the `JobManager`'s Deployment, the registry that all images are taken from: none where they are on the nodes.
pub(super) const REGISTRY: &str = "io.playground.registry";
/// Of the data's claim, where high availability keeps the jobs that the data is of.
pub(super) const HA: &str = "io.playground.ha";
/// Of a Deployment's pods, what the `ConfigMaps` that they read say: pods of an older one are replaced.
pub(super) const CONFIG: &str = "io.playground.config";
/// What a Job was made from: it cannot be changed, but made anew.
pub(super) const HASH: &str = "io.playground.hash";
/// The key under which a `ConfigMap` has its JSON.
pub(super) const JSON: &str = "json";

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// A project as part of an object's name, which takes no underscore: one that has some is told from the one that has a hyphen there.
pub(super) fn name_of(project: &str) -> String {
    let plain = project.replace('_', "-");
    if plain == project { plain } else { format!("{plain}-{}", &hex(&Sha256::digest(project))[..HASHED]) }
}

/// The labels of whatever belongs to a project.
pub(super) fn own(project: &str) -> Labels {
    [(STACK, ""), (PROJECT, project)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Selects what belongs to a project.
pub(super) fn of(project: &str) -> String {
    format!("{STACK},{PROJECT}={project}")
}

/// Whether an object is a project's, and the playground's.
pub(super) fn are_of(project: &str, object: &impl ResourceExt) -> bool {
    let labels = object.labels();
    labels.contains_key(STACK) && labels.get(PROJECT).is_some_and(|of| of == project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_projects_have_objects_of_the_same_name() {
        assert_eq!(name_of("a-b"), "a-b");
        assert!(name_of("a_b").starts_with("a-b-") && name_of("a_b") != name_of("a-b_"), "{}", name_of("a_b"));
    }
}
