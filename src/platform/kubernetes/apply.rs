//! Brings a namespace in line with a stack by server-side apply: the API server makes what is missing and changes what differs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::observe::{Observed, container, instances_of};
use super::{Kubernetes, MANAGER, MOMENT, Plain as _, is_missing, labels, manifests, problem};
use crate::failure::Failure;
use crate::image::{Machine, images, pinned};
use crate::platform::{PlatformNews, instance_name};
use crate::stack::{JOBMANAGER, Stack};
use crate::wait::{Seen, until};

/// How long the cluster may take to forget a Job.
const GONE: Duration = Duration::from_mins(1);

impl Kubernetes {
    /// The objects of a stack. All that can be refused is refused here, before anything is changed.
    pub(super) async fn plan(&self, stack: &Stack) -> Result<Vec<Value>> {
        if !stack.jars.is_empty() {
            bail!(Failure::Usage(
                "a jar of your own as an application needs an image of its own on the cluster's nodes, which the playground does not bring there yet\n  \
                 mode = \"session\" in the workload's file submits the jar to a cluster that runs"
                    .to_owned()
            ));
        }
        if stack.service(JOBMANAGER).is_some_and(|jobmanager| jobmanager.replicas > 1) {
            bail!(Failure::Usage("--jobmanagers: on Kubernetes the playground runs one JobManager".to_owned()));
        }
        let objects = manifests::objects(&pinned(stack, &images(&Machine::this())?))?;
        self.check_names(&objects).await?;
        Ok(objects)
    }

    /// What bears a name that the stack needs and is not ours is never changed.
    async fn check_names(&self, objects: &[Value]) -> Result<()> {
        let mut taken = Vec::new();
        for object in objects {
            let (kind, name) = (word(object, "kind")?, name_of(object)?);
            let there =
                self.of_kind(kind)?.get_opt(name).await.plain().with_context(|| format!("look for {kind} {name}"))?;
            if there.is_some_and(|there| !labels::are_of(&self.project, &there)) {
                taken.push(format!("{} {name}", kind.to_lowercase()));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        bail!(
            "namespace {} has objects under names that project {} needs, and the playground did not create them for it: {}\n  \
             Nothing was changed. --namespace takes another one",
            self.namespace,
            self.project,
            taken.join(", ")
        )
    }

    pub(super) async fn bring_in_line(
        &self,
        stack: &Stack,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let objects = self.plan(stack).await?;
        for object in &objects {
            self.put(object, progress).await?;
        }
        self.prune(&objects, progress).await?;
        self.wait_for_promises(stack, limit, progress).await?;
        self.number_pods().await
    }

    /// Makes an object, or changes what differs of it.
    async fn put(&self, object: &Value, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let (begun, kind, name) = (Instant::now(), word(object, "kind")?, name_of(object)?);
        let api = self.of_kind(kind)?;
        let what = || format!("apply {} {name}", kind.to_lowercase());
        let before = api.get_opt(name).await.plain().with_context(what)?;
        if before.as_ref().is_some_and(|before| !labels::are_of(&self.project, before)) {
            bail!("somebody else has just made {} {name} in namespace {}", kind.to_lowercase(), self.namespace);
        }
        // A Job cannot be changed. One that was made from the same is done, or about to be.
        if let ("Job", Some(before)) = (kind, &before) {
            let made_from = before.annotations().get(labels::HASH).map(String::as_str);
            if made_from == object["metadata"]["annotations"][labels::HASH].as_str() && !has_failed(&before.data) {
                return Ok(());
            }
            self.delete_job(name).await?;
        }
        let params = PatchParams::apply(MANAGER).force();
        let after = api.patch(name, &params, &Patch::Apply(object)).await.plain().with_context(what)?;
        let verb = match &before {
            None => "create",
            Some(before) if before.resource_version() == after.resource_version() => return Ok(()),
            Some(_) => "change",
        };
        told(progress, verb, &format!("{} {name}", kind.to_lowercase()), "as the stack has it", begun);
        Ok(())
    }

    /// Takes away Deployments and Jobs of services that the stack does not have.
    async fn prune(&self, objects: &[Value], progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let observed = self.observe().await?;
        let is_wanted =
            |kind: &str, name: &str| objects.iter().any(|one| one["kind"] == kind && one["metadata"]["name"] == name);
        for name in
            observed.deployments.iter().map(kube::ResourceExt::name_any).filter(|name| !is_wanted("Deployment", name))
        {
            let begun = Instant::now();
            match self.api::<Deployment>().delete(&name, &DeleteParams::foreground()).await {
                Err(error) if !is_missing(&error) => {
                    return Err(error).plain().with_context(|| format!("remove {name}"));
                }
                _ => told(progress, "remove", &name, "no such service in the stack", begun),
            }
        }
        for name in observed.jobs.iter().map(kube::ResourceExt::name_any).filter(|name| !is_wanted("Job", name)) {
            let begun = Instant::now();
            self.delete_job(&name).await?;
            told(progress, "remove", &name, "no such service in the stack", begun);
        }
        Ok(())
    }

    /// Deletes a Job with its pods, and waits until it is gone.
    pub(super) async fn delete_job(&self, name: &str) -> Result<()> {
        let jobs = self.api::<Job>();
        match jobs.delete(name, &DeleteParams::foreground()).await {
            Err(error) if !is_missing(&error) => return Err(error).plain().with_context(|| format!("remove {name}")),
            _ => {}
        }
        until(format!("remove {name}"), GONE, MOMENT, async || {
            let there = jobs.get_opt(name).await.plain()?;
            Ok(there.map_or(Seen::Done(()), |_| Seen::NotYet("its pods are terminating".to_owned())))
        })
        .await
    }

    /// Waits until each service is what it promises: its pods are ready, or it is done.
    async fn wait_for_promises(
        &self,
        stack: &Stack,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut ready: Vec<&str> = Vec::new();
        until("the pods", limit, MOMENT, async || {
            let observed = self.observe().await?;
            let mut missing = None;
            for service in &stack.services {
                let name = service.name.as_str();
                match self.promise(&observed, name, service.one_shot).await? {
                    None if ready.contains(&name) => {}
                    None => {
                        ready.push(name);
                        let cause = if service.one_shot { "done" } else { "ready" };
                        told(progress, "ready", &instance_name(name, 1), cause, begun);
                    }
                    Some(not_yet) => drop(missing.get_or_insert(format!("{name}: {not_yet}"))),
                }
            }
            Ok(missing.map_or(Seen::Done(()), Seen::NotYet))
        })
        .await
    }

    /// What a service lacks to be what it promises; nothing if it is.
    async fn promise(&self, observed: &Observed, service: &str, one_shot: bool) -> Result<Option<String>> {
        if one_shot {
            let Some(job) = observed.jobs.iter().find(|job| job.name_any() == service) else {
                return Ok(Some("no job".to_owned()));
            };
            let status = job.status.clone().unwrap_or_default();
            let failed = status.conditions.iter().flatten().find(|one| one.type_ == "Failed" && one.status == "True");
            if let Some(failed) = failed {
                bail!("{service} failed: {}", failed.message.as_deref().unwrap_or("no reason is given"));
            }
            if status.succeeded.unwrap_or_default() > 0 {
                return Ok(None);
            }
            let found = observed.of_service(service).into_iter().find_map(problem::of_pod);
            if let Some(problem) = found.as_ref().filter(|problem| problem.is_final) {
                bail!("{service} does not come up: {}", problem.text);
            }
            return Ok(Some(
                found.map_or_else(|| "not done".to_owned(), |problem| format!("not done; {}", problem.text)),
            ));
        }
        let Some(deployment) = observed.deployments.iter().find(|one| one.name_any() == service) else {
            return Ok(Some("no deployment".to_owned()));
        };
        let status = deployment.status.clone().unwrap_or_default();
        let wanted = i32::try_from(instances_of(deployment))?;
        let is_new = status.observed_generation >= deployment.metadata.generation;
        let counts = [status.replicas, status.updated_replicas, status.ready_replicas].map(Option::unwrap_or_default);
        if is_new && counts == [wanted; 3] {
            return Ok(None);
        }
        let found = problem::of_deployment(deployment);
        let pods = observed.numbered(deployment);
        let found = found.or_else(|| pods.values().find_map(|pod| problem::of_pod(pod)));
        if let Some(problem) = found.as_ref().filter(|problem| problem.is_final) {
            return Err(anyhow!("{service} does not come up: {}", problem.text));
        }
        let ready = counts[2];
        let mut told = format!("{ready} of {wanted} ready");
        if let Some(problem) = found {
            told = format!("{told}; {}", problem.text);
        } else if let Some(pod) = pods.values().find(|pod| container(pod).is_none_or(|one| !one.ready))
            // A pod that has no container yet says nothing itself.
            && let Some(warning) = self.warning(&pod.name_any()).await
        {
            told = format!("{told}; {warning}");
        }
        Ok(Some(told))
    }

    /// The objects of one of the kinds that the manifests have.
    fn of_kind(&self, kind: &str) -> Result<Api<DynamicObject>> {
        let resource = match kind {
            "ConfigMap" => ApiResource::erase::<ConfigMap>(&()),
            "Deployment" => ApiResource::erase::<Deployment>(&()),
            "Job" => ApiResource::erase::<Job>(&()),
            "PersistentVolumeClaim" => ApiResource::erase::<PersistentVolumeClaim>(&()),
            "Service" => ApiResource::erase::<Service>(&()),
            _ => bail!("no manifest is to have a {kind}"),
        };
        Ok(Api::namespaced_with(self.client.clone(), &self.namespace, &resource))
    }
}

/// Whether a Job has given up.
fn has_failed(job: &Value) -> bool {
    let is_failure = |one: &Value| one["type"] == "Failed" && one["status"] == "True";
    job["status"]["conditions"].as_array().is_some_and(|conditions| conditions.iter().any(is_failure))
}

fn word<'a>(object: &'a Value, field: &str) -> Result<&'a str> {
    object[field].as_str().with_context(|| format!("a manifest has no {field}"))
}

fn name_of(object: &Value) -> Result<&str> {
    word(&object["metadata"], "name")
}

/// Nobody listening is no reason to stop.
fn told(progress: &UnboundedSender<PlatformNews>, verb: &'static str, object: &str, cause: &str, begun: Instant) {
    let (object, cause, took) = (object.to_owned(), cause.to_owned(), begun.elapsed());
    let _ = progress.send(PlatformNews::Operation { verb, object, cause, took });
}
