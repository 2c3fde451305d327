//! Draining nodes, and letting them take pods again. A node belongs to all: nothing is evicted from it but what the project runs there,
//! and one that somebody else has cordoned is left alone.
//!
//! Which instance's node was drained is noted at the instance's Deployment, and for whom it was at the node: so a node is found
//! again when the Deployment is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{EvictParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Kubernetes, Plain as _, has_code, is_missing, labels, wait_of};
use crate::stack::hex;
use crate::wait::Seen;

/// How long those who say how many of their pods may be away may refuse an eviction.
const REFUSED: Duration = Duration::from_mins(1);
/// The most characters of a label's value.
const LONGEST: usize = 63;
/// How many digits of a hash tell one from another.
const HASHED: usize = 40;

impl Kubernetes {
    /// Cordons the nodes of instances, and evicts the project's pods from them. What is done is noted first.
    pub(super) async fn drain_nodes_of(&self, instances: &[String]) -> Result<()> {
        let observed = self.observe().await?;
        let mut nodes = BTreeSet::new();
        // All of them before anything is evicted: a pod that takes the place of one that was is on another node, or on none.
        for instance in instances {
            let (deployment, number) = self.deployment_of(instance).await?;
            let numbered = observed.numbered(&deployment);
            let pod = numbered.get(&number).with_context(|| format!("{instance} is not running"))?;
            let node = node_of(pod).with_context(|| format!("{instance} is on no node"))?.to_owned();
            let mut drained = drained(&deployment);
            drained.insert(number, node.clone());
            self.note_drained(&deployment, &drained).await?;
            nodes.insert(node);
        }
        for node in &nodes {
            self.cordon(node).await?;
        }
        let is_there = |pod: &&Pod| node_of(pod).is_some_and(|node| nodes.contains(node)) && !is_over(pod);
        let names: Vec<String> = observed.pods.iter().filter(is_there).map(kube::ResourceExt::name_any).collect();
        try_join_all(names.iter().map(|pod| self.evict(pod))).await?;
        try_join_all(names.iter().map(|pod| self.is_gone(pod))).await.map(drop)
    }

    /// Lets the node that was drained of an instance take pods again, unless it was drained of another one as well.
    pub(super) async fn uncordon_for(&self, deployment: &Deployment, number: u32) -> Result<()> {
        let mut drained = drained(deployment);
        let Some(node) = drained.remove(&number) else { return Ok(()) };
        let others =
            self.observe().await?.deployments.into_iter().filter(|one| one.name_any() != deployment.name_any());
        let is_still = drained.values().cloned().chain(others.flat_map(|one| self::drained(&one).into_values()));
        if !is_still.collect::<BTreeSet<_>>().contains(&node) {
            self.uncordon(&node).await?;
        }
        self.note_drained(deployment, &drained).await
    }

    /// Lets all nodes that were drained for the project take pods again. Whoever may not look at nodes has drained none; what somebody
    /// else drained for the project is noted at its Deployments.
    pub(super) async fn uncordon_all(&self) -> Result<()> {
        let ours = ListParams::default().labels(&format!("{}={}", labels::DRAINED, self.whom()));
        let nodes = match self.nodes().list(&ours).await {
            Err(error) if has_code(&error, 403) => {
                let noted: BTreeSet<String> =
                    self.observe().await?.deployments.iter().flat_map(|one| drained(one).into_values()).collect();
                if noted.is_empty() {
                    return Ok(());
                }
                let names = Vec::from_iter(noted).join(" ");
                return Err(error).plain().with_context(|| {
                    format!(
                        "uncordon {names}, which this project has drained; kubectl uncordon {names} does it as well"
                    )
                });
            }
            nodes => nodes.plain().context("look for drained nodes")?,
        };
        for node in nodes {
            self.set(&node, false).await?;
        }
        Ok(())
    }

    async fn note_drained(&self, deployment: &Deployment, nodes: &BTreeMap<u32, String>) -> Result<()> {
        let name = deployment.name_any();
        let noted: Vec<String> = nodes.iter().map(|(number, node)| format!("{number}={node}")).collect();
        let noted = (!noted.is_empty()).then(|| noted.join(","));
        let patch = json!({"metadata": {"annotations": {labels::DRAINED: noted}}});
        let patched = self.api::<Deployment>().patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(drop).plain().with_context(|| format!("note at {name} which nodes are drained"))
    }

    /// For whom a node was drained.
    fn whom(&self) -> String {
        whom(&self.namespace, &self.project)
    }

    fn is_ours(&self, node: &Node) -> bool {
        node.labels().get(labels::DRAINED) == Some(&self.whom())
    }

    async fn cordon(&self, name: &str) -> Result<()> {
        let node = self.nodes().get(name).await.plain().with_context(|| format!("look at node {name}"))?;
        let is_cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        if is_cordoned && !self.is_ours(&node) {
            bail!(
                "node {name} is cordoned already, and not by this project; kubectl uncordon {name} lets it take pods again"
            );
        }
        self.set(&node, true).await
    }

    /// Only one that was cordoned by this project.
    async fn uncordon(&self, name: &str) -> Result<()> {
        match self.nodes().get_opt(name).await.plain().with_context(|| format!("look at node {name}"))? {
            Some(node) if self.is_ours(&node) => self.set(&node, false).await,
            _ => Ok(()),
        }
    }

    /// Refused where somebody has cordoned the node, or uncordoned it, since it was looked at: a JSON patch tests that first.
    async fn set(&self, node: &Node, cordoned: bool) -> Result<()> {
        let name = node.name_any();
        let label = format!("/metadata/labels/{}", labels::DRAINED.replace('~', "~0").replace('/', "~1"));
        let patch = if cordoned {
            let was = node.spec.as_ref().and_then(|spec| spec.unschedulable);
            json!([
                {"op": "test", "path": "/spec/unschedulable", "value": was},
                {"op": "add", "path": label, "value": self.whom()},
                {"op": "add", "path": "/spec/unschedulable", "value": true},
            ])
        } else {
            json!([
                {"op": "test", "path": label, "value": self.whom()},
                {"op": "remove", "path": label},
                {"op": "add", "path": "/spec/unschedulable", "value": false},
            ])
        };
        let patch = serde_json::from_value(patch).context("write a patch")?;
        let patched = self.nodes().patch(&name, &PatchParams::default(), &Patch::<Node>::Json(patch)).await;
        let verb = if cordoned { "cordon" } else { "uncordon" };
        patched.map(drop).plain().with_context(|| format!("{verb} node {name}"))
    }

    /// A budget may let few pods be away at once: it is asked again.
    async fn evict(&self, pod: &str) -> Result<()> {
        let pods = self.open::<Pod>();
        wait_of(format!("evict {pod}"), REFUSED, || {
            let (pods, pod) = (pods.clone(), pod.to_owned());
            async move {
                match pods.evict(&pod, &EvictParams::default()).await {
                    Err(error) if is_missing(&error) => Ok(Seen::Done(())),
                    Err(error) if has_code(&error, 429) => Ok(Seen::NotYet(format!("{error}"))),
                    done => done.map(|_| Seen::Done(())).plain().with_context(|| format!("evict {pod}")),
                }
            }
        })
        .await
    }

    fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }
}

/// A project in a namespace, whose name has no dot, as the value of a label. One that would be too long is a hash.
fn whom(namespace: &str, project: &str) -> String {
    let whom = format!("{namespace}.{project}");
    if whom.len() <= LONGEST { whom } else { hex(&Sha256::digest(whom))[..HASHED].to_owned() }
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// Whether it has ended by itself: nothing is left of it but its log.
fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The nodes that were drained of a Deployment's instances, by their numbers.
fn drained(deployment: &Deployment) -> BTreeMap<u32, String> {
    let noted = deployment.annotations().get(labels::DRAINED).map(String::as_str).unwrap_or_default();
    let one = |one: &str| {
        let (number, node) = one.split_once('=')?;
        Some((number.parse().ok()?, node.to_owned()))
    };
    noted.split(',').filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_names_a_label_can_say_for_whom_a_node_was_drained() {
        assert_eq!(whom("flink", "playground"), "flink.playground");
        let (long, other) = (whom(&"n".repeat(60), "one"), whom(&"n".repeat(60), "two"));
        assert!(long.len() <= LONGEST && long != other, "{long} {other}");
    }

    #[test]
    fn a_deployment_tells_which_of_its_instances_nodes_were_drained() {
        let noted = |text: &str| {
            let metadata = json!({"name": "t", "annotations": {labels::DRAINED: text}});
            drained(&serde_json::from_value(json!({ "metadata": metadata })).unwrap())
        };
        assert_eq!(noted("1=a,2=b"), BTreeMap::from([(1, "a".to_owned()), (2, "b".to_owned())]));
        assert_eq!(noted(""), BTreeMap::new());
    }
}
