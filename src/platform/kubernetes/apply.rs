//! Brings a namespace in line with a stack by server-side apply: the API server makes what is missing and changes what differs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::observe::{Observed, container, instances_of};
use super::problem::{self, Hope, Problem};
use super::{Kubernetes, MANAGER, Plain as _, is_missing, labels, manifests, wait};
use crate::failure::Failure;
use crate::image::{Machine, application, images, pinned};
use crate::platform::{PlatformNews, instance_name};
use crate::settings::Ha;
use crate::stack::{JOBMANAGER, Stack};
use crate::wait::Seen;

/// How long to wait for what mends itself soon, or not at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often to ask why something is not there yet.
const REASONS: Duration = Duration::from_secs(2);
/// How long the cluster may take to forget a Job.
const GONE: Duration = Duration::from_mins(1);

impl Kubernetes {
    /// The objects of a stack. All that can be refused is refused here, before anything is changed.
    pub(super) async fn plan(&self, stack: &Stack) -> Result<Vec<Value>> {
        let machine = Machine::this();
        let mut own = images(&machine)?;
        own.extend(application(stack, &own, None, &machine)?);
        let mut stack = pinned(stack, &own);
        stack.registry = match stack.registry {
            None => self.registry().await?,
            asked => asked,
        };
        if let Some(registry) = &stack.registry {
            for service in &mut stack.services {
                service.image = format!("{}/{}", registry.trim_end_matches('/'), service.image);
            }
        }
        let objects = manifests::objects(&stack)?;
        self.check_names(&objects).await?;
        self.check_ha(stack.ha).await?;
        Ok(objects)
    }

    /// The registry that the stack which is there takes its images from.
    async fn registry(&self) -> Result<Option<String>> {
        let there =
            self.api::<Deployment>().get_opt(JOBMANAGER).await.plain().context("look which registry is used")?;
        let own = there.filter(|there| labels::are_of(&self.project, there));
        Ok(own.and_then(|own| own.annotations().get(labels::REGISTRY).cloned()))
    }

    /// Refuses another kind of high availability than the one that knows the stack's jobs: the other one finds none, and they would begin
    /// with empty state.
    async fn check_ha(&self, wanted: Ha) -> Result<()> {
        let there =
            self.api::<PersistentVolumeClaim>().get_opt(manifests::CLAIM).await.plain().context("look at the data")?;
        let noted = there.filter(|there| labels::are_of(&self.project, there));
        let noted = noted.and_then(|there| there.annotations().get(labels::HA).cloned());
        match noted {
            Some(noted) if noted != wanted.name() => bail!(Failure::Usage(format!(
                "the stack's jobs are kept with --ha {noted}, and --ha {wanted} would not find them: they would begin with empty state\n  \
                 Use --ha {noted}, or remove the stack and its data first: playground down --volumes",
                wanted = wanted.name()
            ))),
            _ => Ok(()),
        }
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
            "namespace {} already has {}, which project {} did not create\n  \
             Nothing was changed; use another namespace with --namespace",
            self.namespace,
            taken.join(", "),
            self.project
        )
    }

    pub(super) async fn bring_in_line(
        &self,
        stack: &Stack,
        limit: Duration,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let begun = Instant::now();
        let objects = self.plan(stack).await?;
        for object in &objects {
            self.put(object, progress).await?;
        }
        self.prune(&objects, progress).await?;
        self.wait_for_promises(stack, limit.saturating_sub(begun.elapsed()), progress).await?;
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
        if let ("PersistentVolumeClaim", Some(before)) = (kind, &before) {
            return is_of_class(object, before);
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
        wait(format!("remove {name}"), GONE, async || {
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
        // Since when there is little hope for a service.
        let mut since: Option<(&str, Instant)> = None;
        // The last one whose reasons were asked for, and the answer: an API server looks through all events for it.
        let mut asked: Option<(&str, Instant, Problem)> = None;
        wait("the pods", limit, async || {
            let observed = self.observe().await?;
            let mut missing = None;
            for service in &stack.services {
                let name = service.name.as_str();
                match promise(&observed, name, service.one_shot)? {
                    None if ready.contains(&name) => {}
                    None => {
                        ready.push(name);
                        let cause = if service.one_shot { "done" } else { "ready" };
                        told(progress, "ready", &instance_name(name, 1), cause, begun);
                    }
                    Some(lacks) => drop(missing.get_or_insert((name, lacks))),
                }
            }
            let Some((name, lacks)) = missing else { return Ok(Seen::Done(())) };
            let Problem { text, hope } = match asked.take() {
                Some((of, at, problem)) if of == name && at.elapsed() < REASONS => {
                    asked = Some((of, at, problem.clone()));
                    problem
                }
                _ => {
                    let problem = self.with_reason(&observed, name, lacks).await;
                    asked = Some((name, Instant::now(), problem.clone()));
                    problem
                }
            };
            let told = format!("{name}: {text}");
            since = match (hope, since.filter(|(one, _)| *one == name)) {
                (Hope::Some, _) => None,
                (Hope::Little, since) => since.or_else(|| Some((name, Instant::now()))),
                (Hope::None, _) => bail!("{name} did not become ready: {text}"),
            };
            if since.is_some_and(|(_, since)| since.elapsed() > PATIENCE) {
                bail!("{name} did not become ready: {text}");
            }
            Ok(Seen::NotYet(told))
        })
        .await
    }

    /// Adds why: what the pods say of themselves, their claims, or the events.
    async fn with_reason(&self, observed: &Observed, service: &str, Lacks { told, problem }: Lacks) -> Problem {
        let pods = observed.of_service(service);
        let waits = pods.iter().find(|pod| container(pod).is_none_or(|one| !one.ready));
        let mut found = problem.or_else(|| pods.iter().find_map(|pod| problem::of_pod(pod)));
        if waits.is_some_and(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none())) {
            found = self.of_claims().await.or(found);
        }
        let (mut text, hope) = match found {
            Some(Problem { text, hope }) => (format!("{told}; {text}"), hope),
            None => (told, Hope::Some),
        };
        let words = match waits {
            Some(pod) if hope == Hope::Some => match self.last_words(pod).await {
                None => self.warning(&pod.name_any()).await,
                words => words,
            },
            // A Job whose pods are refused says so in an event alone.
            None if pods.is_empty() => self.warning(service).await,
            _ => None,
        };
        if let Some(words) = words {
            text = format!("{text}; {words}");
        }
        Problem { text, hope }
    }

    /// The objects of one of the kinds that the manifests have.
    fn of_kind(&self, kind: &str) -> Result<Api<DynamicObject>> {
        let resource = match kind {
            "ConfigMap" => ApiResource::erase::<ConfigMap>(&()),
            "Deployment" => ApiResource::erase::<Deployment>(&()),
            "Job" => ApiResource::erase::<Job>(&()),
            "PersistentVolumeClaim" => ApiResource::erase::<PersistentVolumeClaim>(&()),
            "Role" => ApiResource::erase::<Role>(&()),
            "RoleBinding" => ApiResource::erase::<RoleBinding>(&()),
            "Service" => ApiResource::erase::<Service>(&()),
            "ServiceAccount" => ApiResource::erase::<ServiceAccount>(&()),
            _ => bail!("no manifest is to have a {kind}"),
        };
        Ok(Api::namespaced_with(self.client.clone(), &self.namespace, &resource))
    }
}

/// What a service lacks to be what it promises, and what is wrong where it says so itself; nothing if it is.
fn promise(observed: &Observed, service: &str, one_shot: bool) -> Result<Option<Lacks>> {
    let waits = |told: String, problem| Ok(Some(Lacks { told, problem }));
    if one_shot {
        let Some(job) = observed.jobs.iter().find(|job| job.name_any() == service) else {
            return waits("no job".to_owned(), None);
        };
        let status = job.status.clone().unwrap_or_default();
        if status.succeeded.unwrap_or_default() > 0 {
            return Ok(None);
        }
        let failed = status.conditions.into_iter().flatten().find(|one| one.type_ == "Failed" && one.status == "True");
        let failed = failed.map(|failed| failed.message.unwrap_or_else(|| "no reason is given".to_owned()));
        return waits("not done".to_owned(), failed.map(|text| Problem { text, hope: Hope::None }));
    }
    let Some(deployment) = observed.deployment(service) else { return waits("no deployment".to_owned(), None) };
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = i32::try_from(instances_of(deployment))?;
    let is_new = status.observed_generation >= deployment.metadata.generation;
    let counts = [status.replicas, status.updated_replicas, status.ready_replicas].map(Option::unwrap_or_default);
    if is_new && counts == [wanted; 3] {
        return Ok(None);
    }
    waits(format!("{} of {wanted} ready", counts[2]), problem::of_deployment(deployment))
}

/// What a service is not yet.
struct Lacks {
    told: String,
    problem: Option<Problem>,
}

/// A volume's claim cannot be changed, and one that is there is as good as another, unless it was to be of another class.
fn is_of_class(wanted: &Value, there: &DynamicObject) -> Result<()> {
    let class = |spec: &Value| spec["storageClassName"].as_str().map(str::to_owned);
    let Some(wanted) = class(&wanted["spec"]) else { return Ok(()) };
    match class(&there.data["spec"]) {
        Some(there) if there == wanted => Ok(()),
        other => bail!(
            "volume claim {} has storage class {}, not {wanted}, and the class of a claim cannot be changed\n  \
             playground down --volumes removes it, and the data in it",
            there.name_any(),
            other.as_deref().unwrap_or("none")
        ),
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
