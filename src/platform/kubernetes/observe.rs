//! What runs, told by labels and annotations: each Deployment with its pods as numbered instances.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::{Kubernetes, Plain as _, labels};
use crate::platform::{Health, Instance, Stage, State};

/// What a project has in its namespace.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) deployments: Vec<Deployment>,
    pub(super) jobs: Vec<Job>,
    /// Those that are not about to go, without those of single commands.
    pub(super) pods: Vec<Pod>,
    /// Those that are.
    pub(super) going: Vec<Pod>,
}

impl Kubernetes {
    pub(super) async fn observe(&self) -> Result<Observed> {
        let own = ListParams::default().labels(&labels::of(&self.project));
        let (deployments, jobs, pods) = (self.api::<Deployment>(), self.api::<Job>(), self.api::<Pod>());
        let (deployments, jobs, pods) = tokio::try_join!(deployments.list(&own), jobs.list(&own), pods.list(&own))
            .plain()
            .context("look what runs")?;
        // One that was evicted stays until somebody deletes it, and another one is made in its place.
        let is_over = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed");
        let is_of_job = |pod: &Pod| pod.labels().contains_key("job-name");
        let goes = |pod: &Pod| pod.metadata.deletion_timestamp.is_some() || (is_over(pod) && !is_of_job(pod));
        let of_services = pods.into_iter().filter(|pod| !pod.labels().contains_key(labels::OWNER));
        let (going, pods) = of_services.partition(goes);
        Ok(Observed { deployments: deployments.items, jobs: jobs.items, pods, going })
    }

    /// All instances, those whose images have just been pulled, or found on their node, known as such.
    pub(super) async fn instances(&self) -> Result<Vec<Instance>> {
        let mut instances = self.observe().await?.instances();
        if instances.iter().any(|one| one.stage == Some(Stage::Scheduled)) {
            let pulled = self.pulled().await;
            let there = |one: &&mut Instance| one.stage == Some(Stage::Scheduled) && pulled.contains(&one.id);
            instances.iter_mut().filter(there).for_each(|one| one.stage = Some(Stage::ImageThere));
        }
        Ok(instances)
    }

    /// The pods of which an event says that an image of theirs is there. Whoever may not read events is told nothing.
    async fn pulled(&self) -> BTreeSet<String> {
        let pulled = ListParams::default().fields("involvedObject.kind=Pod,reason=Pulled");
        let events = self.api::<Event>().list(&pulled).await.map(|events| events.items).unwrap_or_default();
        events.into_iter().filter_map(|event| event.involved_object.name).collect()
    }

    /// The claims of the project's volumes.
    pub(super) async fn claims(&self) -> Result<Vec<String>> {
        let own = ListParams::default().labels(&labels::of(&self.project));
        let claims = self.api::<PersistentVolumeClaim>().list(&own).await.plain().context("list volume claims")?;
        Ok(claims.into_iter().map(|claim| claim.name_any()).collect())
    }
}

impl Observed {
    /// All of them, in the order of service name and number.
    pub(super) fn instances(&self) -> Vec<Instance> {
        let mut instances: Vec<Instance> = self.deployments.iter().flat_map(|one| self.of_deployment(one)).collect();
        instances.extend(self.jobs.iter().map(|job| self.of_job(job)));
        instances.sort_by(|one, other| (&one.service, one.number).cmp(&(&other.service, other.number)));
        instances
    }

    fn of_deployment(&self, deployment: &Deployment) -> Vec<Instance> {
        let service = deployment.name_any();
        let (ended, pods) = (ended(deployment), self.numbered(deployment));
        let wanted = (1..=instances_of(deployment)).chain(pods.keys().copied());
        let numbers: BTreeSet<u32> = wanted.collect();
        let instance = |number: u32| match pods.get(&number) {
            Some(pod) => instance(&service, number, pod),
            None if ended.contains(&number) => gone(&service, number, State::Exited),
            None => gone(&service, number, State::Created),
        };
        numbers.into_iter().map(instance).collect()
    }

    pub(super) fn deployment(&self, service: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.name_any() == service)
    }

    /// A Job keeps the pods of its failed tries; the newest one counts.
    fn of_job(&self, job: &Job) -> Instance {
        let service = job.name_any();
        let newest = self.of_service(&service).into_iter().max_by_key(|pod| pod.creation_timestamp());
        newest.map_or_else(|| gone(&service, 1, State::Created), |pod| instance(&service, 1, pod))
    }

    pub(super) fn of_service<'a>(&'a self, service: &str) -> Vec<&'a Pod> {
        self.pods.iter().filter(|pod| pod.labels().get(labels::SERVICE).is_some_and(|of| of == service)).collect()
    }

    /// The pods of a Deployment by their numbers. One without gets the lowest that is free, the oldest first: that of the one
    /// in whose place it was made. So does one whose number is too high since the Deployment was made smaller.
    pub(super) fn numbered(&self, deployment: &Deployment) -> BTreeMap<u32, &Pod> {
        let (service, instances, ended) = (deployment.name_any(), instances_of(deployment), ended(deployment));
        let (mut numbered, mut others) = (BTreeMap::new(), Vec::new());
        for pod in self.of_service(&service) {
            let number = pod.labels().get(labels::NUMBER).and_then(|number| number.parse().ok());
            match number.filter(|number| *number <= instances && !numbered.contains_key(number)) {
                Some(number) => drop(numbered.insert(number, pod)),
                None => others.push(pod),
            }
        }
        others.sort_by_key(|pod| (pod.creation_timestamp(), pod.name_any()));
        for pod in others {
            let free = (1..=u32::MAX).find(|number| !numbered.contains_key(number) && !ended.contains(number));
            numbered.extend(free.map(|number| (number, pod)));
        }
        numbered
    }
}

/// How many instances a Deployment is to have, those that were killed included.
pub(super) fn instances_of(deployment: &Deployment) -> u32 {
    let noted = deployment.annotations().get(labels::INSTANCES).and_then(|number| number.parse().ok());
    let there = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    noted.unwrap_or_else(|| u32::try_from(there).unwrap_or_default())
}

/// The numbers of the instances that were killed.
pub(super) fn ended(deployment: &Deployment) -> BTreeSet<u32> {
    let noted = deployment.annotations().get(labels::ENDED).map(String::as_str).unwrap_or_default();
    noted.split(',').filter_map(|number| number.parse().ok()).collect()
}

fn gone(service: &str, number: u32, state: State) -> Instance {
    let (service, id, host, health, ports) = (service.to_owned(), String::new(), String::new(), None, Vec::new());
    // The code with which it ended went with its pod.
    Instance { service, number, id, host, state, health, exit_code: None, ports, connected: true, stage: None }
}

fn instance(service: &str, number: u32, pod: &Pod) -> Instance {
    let container = container(pod);
    let state = container.and_then(|one| one.state.as_ref());
    let ended = state.and_then(|state| state.terminated.as_ref());
    let runs = state.is_some_and(|state| state.running.is_some());
    let health = container.filter(|_| runs).map(|one| match (one.ready, one.started) {
        (true, _) => Health::Healthy,
        (false, Some(true)) => Health::Unhealthy,
        (false, _) => Health::Starting,
    });
    let state = match (runs, ended) {
        (true, _) => State::Running,
        (false, Some(_)) => State::Exited,
        (false, None) => State::Created,
    };
    let exit_code = ended.map(|ended| ended.exit_code.into());
    let host = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_default();
    Instance {
        id: pod.name_any(),
        host,
        stage: stage(pod, runs),
        state,
        health,
        exit_code,
        ..gone(service, number, State::Created)
    }
}

/// How far a pod has come. That its images are there is told by events alone.
fn stage(pod: &Pod, runs: bool) -> Option<Stage> {
    let is_ready = container(pod).is_some_and(|one| one.ready);
    let has_node = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    match (is_ready, runs, has_node) {
        (true, ..) => Some(Stage::Ready),
        (_, true, _) => Some(Stage::Started),
        (.., true) => Some(Stage::Scheduled),
        _ => None,
    }
}

/// The state of a pod's own container, once it has one.
pub(super) fn container(pod: &Pod) -> Option<&ContainerStatus> {
    // A mesh may have put one of its own beside it.
    let own = pod.spec.as_ref().and_then(|spec| spec.containers.first()).map(|container| container.name.as_str());
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|one| own.is_none_or(|own| one.name == own))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(instances: u32, ended: &str) -> Deployment {
        let annotations = json!({labels::INSTANCES: instances.to_string(), labels::ENDED: ended});
        serde_json::from_value(json!({"metadata": {"name": "taskmanager", "annotations": annotations}})).unwrap()
    }

    fn pod(name: &str, number: Option<u32>, second: u32) -> Pod {
        let mut labels = json!({labels::SERVICE: "taskmanager"});
        if let Some(number) = number {
            labels[labels::NUMBER] = number.to_string().into();
        }
        let made = format!("2026-01-01T00:00:{second:02}Z");
        let state = json!({"name": "t", "ready": true, "started": true, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {}}});
        let metadata = json!({"name": name, "labels": labels, "creationTimestamp": made});
        serde_json::from_value(json!({"metadata": metadata, "status": {"containerStatuses": [state]}})).unwrap()
    }

    fn told(deployment: Deployment, pods: Vec<Pod>) -> Vec<String> {
        let observed = Observed { deployments: vec![deployment], jobs: Vec::new(), pods, going: Vec::new() };
        let tell = |one: &Instance| format!("{} {} {}", one.name(), one.state.name(), one.id);
        observed.instances().iter().map(tell).collect()
    }

    #[test]
    fn a_pod_keeps_its_number_and_one_without_gets_a_free_one() {
        let pods = || vec![pod("c", None, 3), pod("a", Some(2), 1)];
        assert_eq!(told(deployment(2, ""), pods()), ["taskmanager-1 running c", "taskmanager-2 running a"]);
        let more = [pods(), vec![pod("b", None, 2)]].concat();
        assert_eq!(
            told(deployment(3, ""), more),
            ["taskmanager-1 running b", "taskmanager-2 running a", "taskmanager-3 running c"]
        );
    }

    #[test]
    fn a_number_above_those_that_are_left_is_given_up() {
        assert_eq!(told(deployment(1, ""), vec![pod("b", Some(2), 1)]), ["taskmanager-1 running b"]);
        let still = vec![pod("a", Some(1), 1), pod("b", Some(2), 1)];
        assert_eq!(
            told(deployment(1, ""), still),
            ["taskmanager-1 running a", "taskmanager-2 running b"],
            "one is about to go"
        );
    }

    #[test]
    fn one_that_was_killed_stays_ended_and_one_that_is_missing_is_about_to_come() {
        let left = vec![pod("a", Some(2), 1)];
        assert_eq!(told(deployment(2, "1"), left.clone()), ["taskmanager-1 exited ", "taskmanager-2 running a"]);
        assert_eq!(told(deployment(2, ""), left), ["taskmanager-1 created ", "taskmanager-2 running a"]);
        assert_eq!(told(deployment(2, "1,2"), Vec::new()), ["taskmanager-1 exited ", "taskmanager-2 exited "]);
    }
}
