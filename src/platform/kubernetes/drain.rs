//! Draining a node, and letting it take pods again. A node belongs to all: nothing is evicted from it but what the project runs there,
//! and one that somebody else has cordoned is left alone.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{EvictParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{Kubernetes, MOMENT, Plain as _, has_code, is_missing, labels};
use crate::wait::{Seen, until_of};

/// How long those who say how many of their pods may be away may refuse an eviction.
const REFUSED: Duration = Duration::from_mins(1);

impl Kubernetes {
    /// Cordons the node of an instance, and evicts the project's pods from it. What was done is noted first, at the instance's
    /// Deployment.
    pub(super) async fn drain_node_of(&self, instance: &str) -> Result<()> {
        let (deployment, number) = self.deployment_of(instance).await?;
        let observed = self.observe().await?;
        let numbered = observed.numbered(&deployment);
        let pod = numbered.get(&number).with_context(|| format!("{instance} is not running"))?;
        let node = node_of(pod).with_context(|| format!("{instance} is on no node"))?;
        let mut drained = drained(&deployment);
        drained.insert(node.to_owned());
        self.note_drained(&deployment, &drained).await?;
        self.cordon(node).await?;
        let there = observed.pods.iter().filter(|pod| node_of(pod) == Some(node) && !is_over(pod));
        let names: Vec<String> = there.map(kube::ResourceExt::name_any).collect();
        for pod in &names {
            self.evict(pod).await?;
        }
        for pod in &names {
            self.is_gone(pod).await?;
        }
        Ok(())
    }

    /// Lets the nodes that were drained for a Deployment's instances take pods again.
    pub(super) async fn uncordon_for(&self, deployment: &Deployment) -> Result<()> {
        let drained = drained(deployment);
        if drained.is_empty() {
            return Ok(());
        }
        for node in &drained {
            self.uncordon(node).await?;
        }
        self.note_drained(deployment, &BTreeSet::new()).await
    }

    async fn note_drained(&self, deployment: &Deployment, nodes: &BTreeSet<String>) -> Result<()> {
        let name = deployment.name_any();
        let noted = (!nodes.is_empty()).then(|| nodes.iter().map(String::as_str).collect::<Vec<_>>().join(","));
        let patch = json!({"metadata": {"annotations": {labels::DRAINED: noted}}});
        let patched = self.api::<Deployment>().patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(drop).plain().with_context(|| format!("note at {name} which nodes are drained"))
    }

    /// For whom a node was drained.
    fn whom(&self) -> String {
        format!("{}/{}", self.namespace, self.project)
    }

    async fn cordon(&self, name: &str) -> Result<()> {
        let node = self.nodes().get(name).await.plain().with_context(|| format!("look at node {name}"))?;
        let is_ours = node.annotations().get(labels::DRAINED) == Some(&self.whom());
        let is_cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        if is_cordoned && !is_ours {
            bail!(
                "node {name} is cordoned already, and not by this project; kubectl uncordon {name} lets it take pods again"
            );
        }
        self.set(name, true).await
    }

    /// Only one that was cordoned by this project.
    async fn uncordon(&self, name: &str) -> Result<()> {
        match self.nodes().get_opt(name).await.plain().with_context(|| format!("look at node {name}"))? {
            Some(node) if node.annotations().get(labels::DRAINED) == Some(&self.whom()) => self.set(name, false).await,
            _ => Ok(()),
        }
    }

    async fn set(&self, node: &str, cordoned: bool) -> Result<()> {
        let (whom, unschedulable) =
            if cordoned { (Value::from(self.whom()), json!(true)) } else { (Value::Null, Value::Null) };
        let patch =
            json!({"metadata": {"annotations": {labels::DRAINED: whom}}, "spec": {"unschedulable": unschedulable}});
        let patched = self.nodes().patch(node, &PatchParams::default(), &Patch::Merge(patch)).await;
        let verb = if cordoned { "cordon" } else { "uncordon" };
        patched.map(drop).plain().with_context(|| format!("{verb} node {node}"))
    }

    /// A budget may let few pods be away at once: it is asked again.
    async fn evict(&self, pod: &str) -> Result<()> {
        let pods = self.api::<Pod>();
        until_of(format!("evict {pod}"), REFUSED, MOMENT, || {
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

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// Whether it has ended by itself: nothing is left of it but its log.
fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The nodes that were drained for a Deployment's instances.
fn drained(deployment: &Deployment) -> BTreeSet<String> {
    let noted = deployment.annotations().get(labels::DRAINED).map(String::as_str).unwrap_or_default();
    noted.split(',').filter(|node| !node.is_empty()).map(str::to_owned).collect()
}
