//! What the API server says and takes: objects, names, rights, quotas, one owner.

use serde_json::json;

use super::{Namespace, kubectl};
use crate::support::wait::until;

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn every_overlay_is_what_the_api_server_knows() {
    let namespace = Namespace::new("overlays");
    for overlay in ["click-count", "event-counter", "kubernetes-ha", "nfs"] {
        let folder = format!("kubernetes/overlays/{overlay}");
        let strictly = ["--dry-run=server", "--validate=strict", "-o", "name"];
        let told = kubectl(&[&["apply", "-k", &folder, "-n", &namespace.0], &strictly[..]].concat());
        assert!(told.contains("deployment.apps/jobmanager"), "{overlay}: {told}");
    }
    assert_eq!(namespace.objects(), Vec::<String>::new());
}

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn what_is_somebody_elses_is_left_alone() {
    let namespace = Namespace::new("foreign");
    kubectl(&["create", "configmap", "flink-config", "-n", &namespace.0, "--from-literal=a=b"]);
    let refused = namespace.playground(&["up"]).run().expect(4);
    assert!(refused.stderr.contains("configmap flink-config"), "{}", refused.stderr);
    assert!(refused.stderr.contains("Nothing was changed"), "{}", refused.stderr);
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.objects(), ["configmap/flink-config"]);
}

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn who_may_not_is_told_which_verb_on_what() {
    let namespace = Namespace::new("rights");
    let name = &namespace.0;
    let may = |role: &str, verbs: &str, resources: &str| {
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        kubectl(&["create", "role", role, &verbs, &resources, "-n", name]);
        namespace.grants(role);
    };
    let account = namespace.account();
    let refused = |words: &[&str]| {
        let told = namespace.playground(&["up"]).env("KUBECONFIG", account.path()).run().expect(4).stderr;
        assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
    };
    refused(&["cannot create resource \"configmaps\"", name]);
    may("locks", "create,delete,get,list,patch", "configmaps");
    refused(&["cannot list resource", name]);
    may("reads", "get,list", "deployments.apps,jobs.batch,pods,services,persistentvolumeclaims,events");
    refused(&["apply persistentvolumeclaim data", "cannot patch resource \"persistentvolumeclaims\""]);
}

/// Seen: a stack that was asked for another kind of high availability began its job with empty state, and a window came out short.
#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn another_high_availability_than_the_one_that_knows_the_jobs_is_refused() {
    let namespace = Namespace::new("ha");
    let up = namespace.playground(&["up"]).start();
    until("a Deployment", 30, || namespace.objects().iter().any(|one| one.starts_with("deployment")).then_some(()));
    // Dropped, it is killed.
    drop(up);
    let refused = namespace.playground(&["up", "--ha", "kubernetes"]).run().expect(2).stderr;
    assert!(refused.contains("kept with --ha zookeeper") && refused.contains("down --volumes"), "{refused}");
    assert!(namespace.objects().contains(&"deployment.apps/zookeeper".to_owned()), "{:?}", namespace.objects());
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.left_in_time(), Vec::<String>::new());
}

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn a_quota_is_told_and_nothing_is_left() {
    let namespace = Namespace::new("quota");
    kubectl(&["create", "quota", "few", "--hard=persistentvolumeclaims=0", "-n", &namespace.0]);
    namespace.is_told(&[], &["apply persistentvolumeclaim data", "exceeded quota: few"]);
}

/// Nobody makes volumes of its class: it is there, and belongs to a node that the cluster does not have.
struct Volume(String);

impl Volume {
    fn new(class: &str) -> Self {
        let term = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["nowhere"]});
        let volume = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": class},
            "spec": {
                "storageClassName": class,
                "capacity": {"storage": "100Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "hostPath": {"path": "/nowhere"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
            },
        });
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("volume.json");
        std::fs::write(&file, volume.to_string()).expect("write a volume");
        kubectl(&["create", "-f", file.to_str().expect("UTF-8")]);
        Self(class.to_owned())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        kubectl(&["delete", "persistentvolume", &self.0, "--wait=false"]);
    }
}

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn pods_that_no_node_takes_are_told_in_the_words_of_the_scheduler() {
    let namespace = Namespace::new("pending");
    let volume = Volume::new(&namespace.0);
    namespace.is_told(&["--storage-class", &volume.0, "--timeout", "10"], &["Unschedulable: ", "available"]);
}

#[test]
#[ignore = "needs an API server: scripts/test kubernetes runs it"]
fn a_stack_has_one_owner_and_what_a_killed_one_made_is_removed() {
    let namespace = Namespace::new("owner");
    let up = namespace.playground(&["up"]).start();
    until("a Deployment", 30, || namespace.objects().iter().any(|one| one.starts_with("deployment")).then_some(()));
    let refused = namespace.playground(&["down"]).run().expect(4).stderr;
    assert!(
        refused.contains("project playground is in use by up (process ") && refused.contains("--wait"),
        "{refused}"
    );
    // Dropped, it is killed.
    drop(up);
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.left_in_time(), Vec::<String>::new());
}
