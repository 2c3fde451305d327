//! Labels, annotations and names of what the playground makes in a cluster.

use std::collections::BTreeMap;

use kube::ResourceExt;

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
/// What a Job was made from: it cannot be changed, but made anew.
pub(super) const HASH: &str = "io.playground.hash";
/// The key under which a `ConfigMap` has its JSON.
pub(super) const JSON: &str = "json";

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

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
