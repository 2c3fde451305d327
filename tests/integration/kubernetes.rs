//! The stack on a real cluster: `scripts/test kubernetes` starts one, unless KUBECONFIG names another.

use std::process::Command;

use serde_json::Value;

use crate::support::markdown::root;
use crate::support::{Call, playground};

/// A namespace of a test's own, in which no pod may have more rights than the strictest rules allow. It goes with the test.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Self {
        let name = format!("test-{name}-{}", std::process::id());
        kubectl(&["create", "namespace", &name]);
        kubectl(&["label", "namespace", &name, "pod-security.kubernetes.io/enforce=restricted"]);
        Self(name)
    }

    fn playground(&self, args: &[&str]) -> Call {
        playground(["--platform", "kubernetes", "--namespace", &self.0].iter().chain(args))
    }

    /// What is there besides what the cluster puts into each namespace.
    fn objects(&self) -> Vec<String> {
        let kinds = "deployments,jobs,pods,services,configmaps,persistentvolumeclaims";
        let listed = kubectl(&["get", kinds, "-n", &self.0, "-o", "name"]);
        listed.lines().filter(|name| *name != "configmap/kube-root-ca.crt").map(str::to_owned).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        kubectl(&["delete", "namespace", &self.0, "--wait=false"]);
    }
}

#[track_caller]
fn kubectl(args: &[&str]) -> String {
    let done = Command::new("kubectl").args(args).current_dir(root()).output().expect("run kubectl");
    assert!(done.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
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
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_stack_comes_up_loses_its_taskmanagers_and_leaves_nothing() {
    let namespace = Namespace::new("stack");
    namespace.playground(&["up", "--speed", "5"]).run().expect(0);
    let ps: Value = namespace.playground(&["ps", "-o", "json"]).run().expect(0).json();
    let running = ps["instances"].as_array().expect("instances").iter().filter(|one| one["state"] == "running").count();
    assert_eq!(running, 5, "{ps:#}");
    let run =
        namespace.playground(&["scenario", "taskmanagers-loss", "--speed", "5", "-o", "json"]).run().expect(0).json();
    assert_eq!(run["verdict"], "pass", "{run:#}");
    namespace.playground(&["down"]).run().expect(0);
    let kept = namespace.objects();
    assert!(kept.contains(&"persistentvolumeclaim/data".to_owned()), "{kept:?}");
    assert!(!kept.iter().any(|one| one.starts_with("deployment") || one.starts_with("pod/")), "{kept:?}");
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.objects(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn what_is_somebody_elses_is_left_alone() {
    let namespace = Namespace::new("foreign");
    kubectl(&["create", "configmap", "flink-config", "-n", &namespace.0, "--from-literal=a=b"]);
    let refused = namespace.playground(&["up"]).run().expect(4);
    assert!(refused.stderr.contains("configmap flink-config"), "{}", refused.stderr);
    assert!(refused.stderr.contains("Nothing was changed"), "{}", refused.stderr);
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.objects(), ["configmap/flink-config"]);
}
