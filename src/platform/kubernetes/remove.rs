//! Removes a project's objects, by labels alone, so that it works after a crash as well.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::forward::FORWARDS;
use super::{Kubernetes, Plain as _, has_code, is_missing, labels, manifests, wait};
use crate::platform::{Extent, Mark};
use crate::wait::Seen;

/// How long the cluster may take until nothing is left: pods have their own time to end.
const GONE: Duration = Duration::from_secs(90);

impl Kubernetes {
    pub(super) async fn remove_project(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        let everything = extent == Extent::Everything;
        let own = labels::of(&self.project);
        // What cannot be put right here is told in the end, and keeps nothing else.
        let uncordoned = self.uncordon_all().await;
        let elects = self.observe().await?.deployments.iter().any(has_rights);
        // First, while the Deployments tell whether there is anything of the kind.
        let mut removed = self.remove_rights::<RoleBinding>("rolebinding", elects).await?;
        removed.extend(self.remove_rights::<Role>("role", elects).await?);
        removed.extend(self.remove_rights::<ServiceAccount>("serviceaccount", elects).await?);
        removed.extend(self.remove_all::<Deployment>("deployment", &own).await?);
        removed.extend(self.remove_all::<Job>("job", &own).await?);
        removed.extend(self.remove_all::<Pod>("pod", &format!("{own},{}", labels::OWNER)).await?);
        removed.extend(self.remove_all::<Service>("service", &own).await?);
        let configs = format!("{own},!{},!{}", labels::MARK, labels::LOCK);
        removed.extend(self.remove_all::<ConfigMap>("configmap", &configs).await?);
        for (name, json) in self.notes(labels::MARK).await? {
            let outlives = serde_json::from_str::<Mark>(&json).is_ok_and(|mark| mark.kind.outlives_containers());
            if everything || !outlives {
                self.erase_note(&name).await?;
                removed.push(format!("mark {name}"));
            }
        }
        if everything {
            removed.extend(self.remove_all::<PersistentVolumeClaim>("persistentvolumeclaim", &own).await?);
        }
        self.until_gone(everything).await?;
        if everything {
            // What Flink keeps of its jobs, as it would in ZooKeeper; now that nobody is left to write it.
            let elected = format!("app={},type=flink-native-kubernetes", manifests::cluster_id(&self.project));
            removed.extend(self.remove_all::<ConfigMap>("configmap", &elected).await?);
        }
        FORWARDS.lock().await.clear();
        uncordoned.map(|()| removed)
    }

    /// The same for what gives pods rights. Whoever may not even list it has made none, unless the Deployments say that there is some.
    async fn remove_rights<K>(&self, kind: &str, are_there: bool) -> Result<Vec<String>>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let own = labels::of(&self.project);
        match self.api::<K>().list(&ListParams::default().labels(&own)).await {
            Err(error) if has_code(&error, 403) && !are_there => Ok(Vec::new()),
            _ => self.remove_all::<K>(kind, &own).await,
        }
    }

    /// Deletes all objects of a kind that a selector finds, those that depend on them as well.
    async fn remove_all<K>(&self, kind: &str, selector: &str) -> Result<Vec<String>>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api = self.api::<K>();
        let found = api.list(&ListParams::default().labels(selector)).await.plain();
        let found = found.with_context(|| format!("list what is to be removed: {kind}"))?;
        let mut removed = Vec::new();
        for name in found.into_iter().map(|one| one.name_any()) {
            match api.delete(&name, &DeleteParams::background()).await {
                Err(error) if !is_missing(&error) => {
                    return Err(error).plain().with_context(|| format!("remove {kind} {name}"));
                }
                _ => removed.push(format!("{kind} {name}")),
            }
        }
        Ok(removed)
    }

    async fn until_gone(&self, everything: bool) -> Result<()> {
        let own = ListParams::default().labels(&labels::of(&self.project));
        wait("the end of what was removed", GONE, async || {
            let pods = self.api::<Pod>().list(&own).await.plain()?;
            let mut left: Vec<String> = pods.into_iter().map(|pod| format!("pod {}", pod.name_any())).collect();
            if everything {
                left.extend(self.claims().await?.into_iter().map(|claim| format!("persistentvolumeclaim {claim}")));
            }
            Ok(if left.is_empty() { Seen::Done(()) } else { Seen::NotYet(left.join(", ")) })
        })
        .await
    }
}

/// Whether a Deployment's pods run with an account of their own.
fn has_rights(deployment: &Deployment) -> bool {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    pod.is_some_and(|pod| pod.service_account_name.is_some())
}
