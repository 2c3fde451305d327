//! Why a pod does not come up, as the cluster tells it: what a container waits for, what the scheduler lacks, and the warnings.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::Kubernetes;
use super::observe::{Observed, container};

/// Reasons of a container that waits which no waiting ends.
const NEVER: [&str; 4] = ["ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "RunContainerError"];

/// What keeps a pod from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) text: String,
    /// Whether waiting is of no use.
    pub(super) is_final: bool,
}

/// What a pod says of itself.
pub(super) fn of_pod(pod: &Pod) -> Option<Problem> {
    let status = pod.status.as_ref()?;
    let before = status.init_container_statuses.iter().flatten();
    for waiting in before.chain(container(pod)).filter_map(|one| one.state.as_ref()?.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        if !reason.is_empty() && reason != "ContainerCreating" && reason != "PodInitializing" {
            return Some(Problem { text: joined(reason, message), is_final: NEVER.contains(&reason) });
        }
    }
    let conditions = status.conditions.as_ref()?;
    let unscheduled = conditions.iter().find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let (reason, message) = (unscheduled.reason.as_deref(), unscheduled.message.as_deref());
    Some(Problem { text: joined(reason.unwrap_or_default(), message.unwrap_or_default()), is_final: false })
}

/// Why a Deployment has fewer pods than it wants: a quota, or a rule that its pods break.
pub(super) fn of_deployment(deployment: &Deployment) -> Option<Problem> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions.iter().find(|one| one.type_ == "ReplicaFailure" && one.status == "True")?;
    let (reason, message) = (failure.reason.as_deref(), failure.message.as_deref());
    Some(Problem { text: joined(reason.unwrap_or_default(), message.unwrap_or_default()), is_final: true })
}

fn joined(reason: &str, message: &str) -> String {
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

impl Kubernetes {
    /// What is wrong with an instance, with `: ` in front; nothing where nothing is known.
    pub(super) async fn why_not(&self, observed: &Observed, instance: &str) -> String {
        let is_it = |deployment: &&Deployment| crate::platform::is_instance_of(instance, &deployment.name_any());
        let Some(deployment) = observed.deployments.iter().find(is_it) else { return String::new() };
        let number = instance.rsplit_once('-').and_then(|(_, number)| number.parse::<u32>().ok());
        let pod = number.and_then(|number| observed.numbered(deployment).get(&number).copied());
        let told = pod.and_then(of_pod).or_else(|| of_deployment(deployment)).map(|problem| problem.text);
        let warned = match (&told, pod) {
            (None, Some(pod)) => self.warning(&pod.name_any()).await,
            _ => None,
        };
        told.or(warned).map(|text| format!(": {text}")).unwrap_or_default()
    }

    /// The newest warning about a pod. Whoever may not read events is told nothing.
    pub(super) async fn warning(&self, pod: &str) -> Option<String> {
        let about = ListParams::default().fields(&format!("involvedObject.name={pod},type=Warning"));
        let events = self.api::<Event>().list(&about).await.ok()?;
        let newest = events.into_iter().max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?;
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
        assert_eq!(
            told("ImagePullBackOff"),
            Problem { text: "ImagePullBackOff: no such image".into(), is_final: false }
        );
        assert!(told("ErrImageNeverPull").is_final);
    }

    #[test]
    fn a_pod_without_a_node_says_what_the_nodes_lack() {
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"});
        let told = of_pod(&pod(&json!({"conditions": [condition]}))).unwrap();
        assert_eq!(told, Problem { text: "Unschedulable: 0/1 nodes".into(), is_final: false });
    }
}
