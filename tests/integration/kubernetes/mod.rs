//! The stack on Kubernetes: [`api`] needs no more than the API server and its controllers, [`cluster`] a node on which pods run.
//! `scripts/test kubernetes` starts a cluster for them, unless KUBECONFIG names another.

mod api;
mod cluster;

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

    /// Removes the stack with its data; nothing may be there then.
    #[track_caller]
    fn leaves_nothing(&self) {
        self.playground(&["down", "--volumes"]).run().expect(0);
        assert_eq!(self.objects(), Vec::<String>::new());
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

    /// An account in it that may do nothing yet.
    fn account(&self) -> Account {
        kubectl(&["create", "serviceaccount", "user", "-n", &self.0]);
        let minified = kubectl(&["config", "view", "--minify", "--raw", "-o", "json"]);
        let mut config: Value = serde_json::from_str(&minified).expect("a kubeconfig");
        let token = kubectl(&["create", "token", "user", "-n", &self.0]);
        config["users"][0]["user"] = serde_json::json!({"token": token.trim()});
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), config.to_string()).expect("write a kubeconfig");
        Account(file)
    }

    /// Gives the account the rights of a Role.
    fn grants(&self, role: &str) {
        let (of, to) = (format!("--role={role}"), format!("--serviceaccount={}:user", self.0));
        kubectl(&["create", "rolebinding", role, &of, &to, "-n", &self.0]);
    }

    fn scenario(&self, args: &[&str]) -> Value {
        let run = self.playground(&[&["scenario", "--speed", "5", "-o", "json"], args].concat()).run().expect(0).json();
        assert_eq!(run["verdict"], "pass", "{run:#}");
        run
    }
}

/// The kubeconfig of an account.
struct Account(tempfile::NamedTempFile);

impl Account {
    fn path(&self) -> &str {
        self.0.path().to_str().expect("UTF-8")
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
