//! Why a pod does not come up, as the cluster tells it: what a container waits for, what the scheduler lacks, and the warnings.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt as _;
use kube::api::{ListParams, LogParams};

use super::observe::{Observed, container};
use super::{Kubernetes, labels};

/// Reasons of a container that waits which no waiting ends.
const NEVER: [&str; 4] = ["ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "RunContainerError"];
/// Reasons for which a registry that was away for a moment may be to blame, and an image that is nowhere usually is.
const PULLS: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];
/// How many of its last lines a container is quoted with that ends again and again.
const LAST_WORDS: i64 = 5;

/// What keeps a pod from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) hope: Hope,
}

/// Of what use waiting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hope {
    /// What is missing may come.
    Some,
    /// It mends itself soon, or not at all.
    Little,
    None,
}

/// What a pod says of itself.
pub(super) fn of_pod(pod: &Pod) -> Option<Problem> {
    let status = pod.status.as_ref()?;
    let before = status.init_container_statuses.iter().flatten();
    for waiting in before.chain(container(pod)).filter_map(|one| one.state.as_ref()?.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        if reason.is_empty() || reason == "ContainerCreating" || reason == "PodInitializing" {
            continue;
        }
        let mut text = joined(reason, message);
        let hope = match reason {
            reason if NEVER.contains(&reason) => Hope::None,
            reason if PULLS.contains(&reason) => Hope::Little,
            _ => Hope::Some,
        };
        if hope == Hope::Little {
            text.push_str(
                "\n  playground images export FILE writes the images for the cluster's nodes; images push REGISTRY brings them to a \
                 registry, which --registry names",
            );
        }
        return Some(Problem { text, hope });
    }
    let conditions = status.conditions.as_ref()?;
    let unscheduled = conditions.iter().find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let (reason, message) = (unscheduled.reason.as_deref(), unscheduled.message.as_deref());
    Some(Problem { text: joined(reason.unwrap_or_default(), message.unwrap_or_default()), hope: Hope::Some })
}

/// Why a Deployment has fewer pods than it wants: a quota, or a rule that its pods break.
pub(super) fn of_deployment(deployment: &Deployment) -> Option<Problem> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions.iter().find(|one| one.type_ == "ReplicaFailure" && one.status == "True")?;
    let (reason, message) = (failure.reason.as_deref(), failure.message.as_deref());
    // A quota is counted anew a moment after something is deleted.
    Some(Problem { text: joined(reason.unwrap_or_default(), message.unwrap_or_default()), hope: Hope::Little })
}

fn joined(reason: &str, message: &str) -> String {
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

/// When an event was last seen. The scheduler's have no other time than that of the first.
fn time(event: &Event) -> Option<jiff::Timestamp> {
    let first = event.event_time.as_ref().map(|time| time.0);
    event.last_timestamp.as_ref().map(|time| time.0).or(first)
}

/// Whether a claim waits for a volume that nobody is going to make.
fn is_hopeless(claim: &PersistentVolumeClaim, why: &str) -> bool {
    let has_class = claim.spec.as_ref().is_some_and(|spec| spec.storage_class_name.is_some());
    !has_class || why.contains("not found")
}

impl Kubernetes {
    /// What is wrong with an instance, with `: ` in front; nothing where nothing is known.
    pub(super) async fn why_not(&self, observed: &Observed, instance: &str) -> String {
        let is_it = |deployment: &&Deployment| crate::platform::is_instance_of(instance, &deployment.name_any());
        let Some(deployment) = observed.deployments.iter().find(is_it) else { return String::new() };
        let number = crate::platform::parts_of(instance).map(|(_, number)| number);
        let pod = number.and_then(|number| observed.numbered(deployment).get(&number).copied());
        let told = pod.and_then(of_pod).or_else(|| of_deployment(deployment)).map(|problem| problem.text);
        let warned = match (&told, pod) {
            (None, Some(pod)) => self.warning(&pod.name_any()).await,
            _ => None,
        };
        told.or(warned).map(|text| format!(": {text}")).unwrap_or_default()
    }

    /// What keeps the project's claims from getting a volume, which keeps its pods from any node.
    pub(super) async fn of_claims(&self) -> Option<Problem> {
        let own = ListParams::default().labels(&labels::of(&self.project));
        let claims = self.api::<PersistentVolumeClaim>().list(&own).await.ok()?;
        let is_pending = |claim: &PersistentVolumeClaim| {
            claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Pending")
        };
        for claim in claims.into_iter().filter(is_pending) {
            let name = claim.name_any();
            let Some(why) = self
                .newest_event(&format!("involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}"))
                .await
            else {
                continue;
            };
            // It waits for a pod to be scheduled: what keeps that one says more.
            if why.starts_with("WaitFor") {
                continue;
            }
            let hope = if is_hopeless(&claim, &why) { Hope::Little } else { Hope::Some };
            let text = format!(
                "volume claim {name} is pending: {why}\n  kubectl get storageclass lists what the cluster has; --storage-class takes one of them"
            );
            return Some(Problem { text, hope });
        }
        None
    }

    /// What a container printed before it ended the last time, where it is one that ends again and again.
    pub(super) async fn last_words(&self, pod: &Pod) -> Option<String> {
        let container = container(pod).filter(|one| one.restart_count > 0)?;
        let (name, tail_lines) = (Some(container.name.clone()), Some(LAST_WORDS));
        let before = LogParams { container: name, tail_lines, previous: true, ..LogParams::default() };
        let words = self.api::<Pod>().logs(&pod.name_any(), &before).await.ok()?;
        let words = words.trim_end();
        (!words.is_empty()).then(|| format!("it printed last:\n    {}", words.replace('\n', "\n    ")))
    }

    /// The newest warning about an object of a name. Whoever may not read events is told nothing.
    pub(super) async fn warning(&self, name: &str) -> Option<String> {
        self.newest_event(&format!("involvedObject.name={name},type=Warning")).await
    }

    async fn newest_event(&self, fields: &str) -> Option<String> {
        let events = self.api::<Event>().list(&ListParams::default().fields(fields)).await.ok()?;
        let newest = events.into_iter().max_by_key(time)?;
        Some(joined(newest.reason.as_deref().unwrap_or_default(), newest.message.as_deref().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "a"}, "status": status})).unwrap()
    }

    fn waiting(reason: &str, message: &str) -> Pod {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        let container =
            json!({"name": "a", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": state});
        pod(&json!({"containerStatuses": [container]}))
    }

    #[test]
    fn a_pod_that_only_starts_has_no_problem() {
        assert_eq!(of_pod(&pod(&json!({}))), None);
        assert_eq!(of_pod(&waiting("ContainerCreating", "")), None);
    }

    #[test]
    fn an_image_that_is_not_there_is_told_and_some_are_never() {
        let told = |reason: &str| of_pod(&waiting(reason, "no such image")).unwrap();
        let pulls = told("ImagePullBackOff");
        assert!(pulls.text.starts_with("ImagePullBackOff: no such image\n") && pulls.hope == Hope::Little);
        assert_eq!(told("ErrImageNeverPull").hope, Hope::None);
        assert_eq!(told("CrashLoopBackOff").hope, Hope::Some);
    }

    #[test]
    fn a_pod_without_a_node_says_what_the_nodes_lack() {
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"});
        let told = of_pod(&pod(&json!({"conditions": [condition]}))).unwrap();
        assert_eq!(told, Problem { text: "Unschedulable: 0/1 nodes".into(), hope: Hope::Some });
    }
}
