//! Pods that run: a stack comes up, is broken and judged, and leaves nothing.

use serde_json::Value;

use super::{Namespace, kubectl};

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
    namespace.leaves_nothing();
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
    namespace.is_told(&[], &["exceeded quota: few", "did not become ready"]);
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_log_is_judged_to_the_last_line_of_each_pod() {
    let namespace = Namespace::new("log");
    let run = namespace.scenario(&["taskmanagers-loss", "--workload", "event-counter"]);
    assert_eq!(run["ledger"]["records_lost"], 0, "{run:#}");
    assert!(run["ledger"]["complete"].as_u64().is_some_and(|complete| complete > 100), "{run:#}");
    let pods = &run["recovery"]["pods"];
    assert!(pods["scheduled"].is_f64() && pods["started"].is_f64(), "{run:#}");
    namespace.leaves_nothing();
}

#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_drained_node_takes_pods_again_and_the_cluster_elects_the_leader() {
    let namespace = Namespace::new("drain");
    namespace.scenario(&["node-drain", "--ha", "kubernetes"]);
    let cordoned = kubectl(&["get", "nodes", "-o", "jsonpath={.items[?(@.spec.unschedulable==true)].metadata.name}"]);
    assert_eq!(cordoned, "");
    namespace.leaves_nothing();
}

/// What `kubernetes/rights.yaml` says is enough for all that is done in a namespace.
#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn the_documented_rights_are_enough() {
    let namespace = Namespace::new("documented");
    kubectl(&["apply", "-f", "kubernetes/rights.yaml", "-n", &namespace.0]);
    let account = namespace.account();
    namespace.grants("playground");
    let run = |args: &[&str]| namespace.playground(args).env("KUBECONFIG", account.path()).run().expect(0);
    run(&["up", "--speed", "5"]);
    run(&["kill", "taskmanager"]);
    run(&["start", "taskmanager"]);
    run(&["flink", "list"]);
    run(&["logs", "jobmanager", "-n", "1"]);
    run(&["verify", "--windows", "2"]);
    run(&["down", "--volumes"]);
    namespace.grants("playground-leader-election");
    run(&["up", "--speed", "5", "--ha", "kubernetes"]);
    run(&["down", "--volumes"]);
    let is_the_tests = |one: &String| one.ends_with("/playground") || one.ends_with("/playground-leader-election");
    let left: Vec<String> = namespace.objects().into_iter().filter(|one| !is_the_tests(one)).collect();
    assert_eq!(left, ["serviceaccount/user"]);
}

/// A process that is asked first gives up its leadership, and tells its peers: that is another fault than the one which is told.
#[test]
#[ignore = "needs a Kubernetes cluster: scripts/test kubernetes runs it"]
fn a_kill_asks_no_process_and_hits_the_pod_that_is_named() {
    let namespace = Namespace::new("kill");
    namespace.playground(&["up", "--speed", "5", "--taskmanagers", "2", "--slots", "1"]).run().expect(0);
    let others = || pods(&namespace, "io.playground.number=2,app.kubernetes.io/name=taskmanager");
    let second = others();
    assert_eq!(second.len(), 1, "{second:?}");
    // Just started, it is not ready yet: of two pods, a cluster that chooses takes this one.
    namespace.playground(&["kill", "taskmanager-2"]).run().expect(0);
    namespace.playground(&["start", "taskmanager-2"]).run().expect(0);
    let second = others();
    namespace.playground(&["kill", "taskmanager-1"]).run().expect(0);
    assert_eq!(others(), second);
    let ps = namespace.playground(&["ps", "-o", "json"]).run().expect(0).json();
    let state = |number: u64| {
        let instances = ps["instances"].as_array().expect("instances");
        let is_it = |one: &&Value| one["service"] == "taskmanager" && one["number"] == number;
        instances.iter().find(is_it).expect("an instance")["state"].clone()
    };
    assert_eq!((state(1), state(2)), ("exited".into(), "running".into()), "{ps:#}");
    // What a TaskManager tells that is asked to end.
    let told = namespace.playground(&["logs", "jobmanager"]).run().expect(0).stdout;
    assert!(!told.contains("The TaskExecutor is shutting down"), "{told}");
    namespace.leaves_nothing();
}

fn pods(namespace: &Namespace, labels: &str) -> Vec<String> {
    let listed = kubectl(&["get", "pods", "-n", &namespace.0, "-l", labels, "-o", "name"]);
    listed.lines().map(str::to_owned).collect()
}
