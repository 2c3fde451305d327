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
        let kinds =
            "deployments,jobs,pods,services,configmaps,persistentvolumeclaims,serviceaccounts,roles,rolebindings";
        let listed = kubectl(&["get", kinds, "-n", &self.0, "-o", "name"]);
        let others = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
        listed.lines().filter(|name| !others.contains(name)).map(str::to_owned).collect()
    }

    /// A stack that does not come up says why, and leaves nothing.
    #[track_caller]
    fn is_told(&self, up: &[&str], words: &[&str]) {
        let refused = self.playground(&[&["up"], up].concat()).run().expect(4).stderr;
        for word in words {
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert!(self.left_in_time().is_empty(), "{:?}", self.left_in_time());
    }

    /// What is left once what was deleted has had its time to end.
    fn left_in_time(&self) -> Vec<String> {
        for _ in 0..60 {
            if self.objects().is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        self.objects()
    }

    fn scenario(&self, args: &[&str]) -> Value {
        let run = self.playground(&[&["scenario", "--speed", "5", "-o", "json"], args].concat()).run().expect(0).json();
        assert_eq!(run["verdict"], "pass", "{run:#}");
        run
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

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn what_keeps_a_stack_from_coming_up_is_told_in_the_words_of_the_cluster() {
    let namespace = Namespace::new("refused");
    let no_class = "storageclass.storage.k8s.io \"nowhere\" not found";
    namespace.is_told(&["--storage-class", "nowhere"], &["volume claim data is pending", no_class, "--storage-class"]);
    // Nothing listens there.
    namespace.is_told(&["--registry", "127.0.0.1:9"], &["ErrImagePull", "127.0.0.1:9/playground/", "images export"]);

    kubectl(&["create", "quota", "few", "--hard=pods=2", "-n", &namespace.0]);
    namespace.is_told(&[], &["exceeded quota: few", "does not come up"]);
    kubectl(&["delete", "quota", "few", "-n", &namespace.0]);
    kubectl(&["create", "quota", "few", "--hard=persistentvolumeclaims=0", "-n", &namespace.0]);
    namespace.is_told(&[], &["apply persistentvolumeclaim data", "exceeded quota: few"]);
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn who_may_not_is_told_which_verb_on_what() {
    let namespace = Namespace::new("rights");
    let name = &namespace.0;
    let may = |role: &str, verbs: &str, resources: &str| {
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        kubectl(&["create", "role", role, &verbs, &resources, "-n", name]);
        let (role, account) = (format!("--role={role}"), format!("--serviceaccount={name}:reader"));
        kubectl(&["create", "rolebinding", &role[7..], &role, &account, "-n", name]);
    };
    kubectl(&["create", "serviceaccount", "reader", "-n", name]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let mut config: Value =
        serde_json::from_str(&kubectl(&["config", "view", "--minify", "--raw", "-o", "json"])).expect("a kubeconfig");
    config["users"][0]["user"] =
        serde_json::json!({"token": kubectl(&["create", "token", "reader", "-n", name]).trim()});
    std::fs::write(&file, config.to_string()).expect("write a kubeconfig");
    let refused = |words: &[&str]| {
        let call = namespace.playground(&["up"]).env("KUBECONFIG", file.to_str().expect("UTF-8"));
        let told = call.run().expect(4).stderr;
        assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
    };
    refused(&["cannot create resource \"configmaps\"", name]);
    may("locks", "create,delete,get,list,patch", "configmaps");
    refused(&["cannot list resource", name]);
    may("reads", "get,list", "deployments.apps,jobs.batch,pods,services,persistentvolumeclaims,events");
    refused(&["apply persistentvolumeclaim data", "cannot patch resource \"persistentvolumeclaims\""]);
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_log_is_judged_to_the_last_line_of_each_pod() {
    let namespace = Namespace::new("log");
    let run = namespace.scenario(&["taskmanagers-loss", "--workload", "event-counter"]);
    assert_eq!(run["records_lost"], 0, "{run:#}");
    assert!(run["ledger"]["complete"].as_u64().is_some_and(|complete| complete > 100), "{run:#}");
    let pods = &run["recovery"]["pods"];
    assert!(pods["scheduled"].is_f64() && pods["started"].is_f64(), "{run:#}");
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.objects(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_drained_node_takes_pods_again_and_the_cluster_elects_the_leader() {
    let namespace = Namespace::new("drain");
    namespace.scenario(&["node-drain", "--ha", "kubernetes"]);
    let cordoned = kubectl(&["get", "nodes", "-o", "jsonpath={.items[?(@.spec.unschedulable==true)].metadata.name}"]);
    assert_eq!(cordoned, "");
    namespace.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(namespace.objects(), Vec::<String>::new());
}
