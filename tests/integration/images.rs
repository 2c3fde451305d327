//! The playground's images: by their content, and old ones taken away without touching what is anybody else's.

use std::path::Path;
use std::process::Command;

use crate::support::stack::{Stack, docker};
use crate::support::{Answer, Call, playground};

/// The binary with a platform in memory, in which nothing is built.
fn fake(folder: &Path, args: &[&str]) -> Call {
    playground(args).env("PLAYGROUND_FAKE_PLATFORM", folder.to_str().expect("UTF-8"))
}

fn states(list: &Answer) -> Vec<String> {
    let json = list.json();
    let images = json["images"].as_array().expect("images").iter();
    images.map(|image| image["state"].as_str().expect("a state").to_owned()).collect()
}

#[test]
fn what_is_missing_is_built_and_then_current() {
    let folder = tempfile::tempdir().expect("make a folder");
    let list = || fake(folder.path(), &["images", "list", "-o", "json"]).run().expect(0);
    assert_eq!(states(&list()), ["missing"; 6]);
    let doctor = fake(folder.path(), &["doctor"]).run().expect(4);
    assert!(doctor.stdout.contains("6 missing; playground up builds what it needs"), "{}", doctor.stdout);
    let built = fake(folder.path(), &["images", "build"]).run().expect(0);
    assert_eq!(built.stdout.matches("  built").count(), 6, "{}", built.stdout);
    assert_eq!(states(&list()), ["current"; 6]);
    let prune = fake(folder.path(), &["images", "prune"]).run().expect(0);
    assert_eq!(prune.stdout, "no old images\n");
}

/// With other certificates, the builder is another one; so this is what a second checkout is to the first.
#[test]
fn what_another_checkout_made_is_old_here_and_pruned() {
    let folder = tempfile::tempdir().expect("make a folder");
    let other = folder.path().join("other.pem");
    std::fs::write(&other, "other certificates").expect("write certificates");
    let other = other.to_str().expect("UTF-8");
    fake(folder.path(), &["images", "build"]).env("SSL_CERT_FILE", other).run().expect(0);
    fake(folder.path(), &["images", "build"]).run().expect(0);
    let list = || fake(folder.path(), &["images", "list", "-o", "json"]).run().expect(0);
    assert_eq!(states(&list()), ["current", "current", "current", "current", "current", "current", "old"]);
    let dry = fake(folder.path(), &["images", "prune", "--dry-run"]).run().expect(0);
    assert!(dry.stdout.contains("would be removed"), "{}", dry.stdout);
    assert_eq!(states(&list()).len(), 7);
    let prune = fake(folder.path(), &["images", "prune"]).run().expect(0);
    assert!(
        prune.stdout.starts_with("playground/builder:1-") && prune.stdout.ends_with("removed\n"),
        "{}",
        prune.stdout
    );
    assert_eq!(states(&list()), ["current"; 6]);
}

#[test]
fn an_engine_that_cannot_be_used_is_named_with_what_named_it() {
    let folder = tempfile::tempdir().expect("make a folder");
    let config = folder.path().to_str().expect("UTF-8");
    let of = |name: &str, value: &str| {
        let call = playground(["ps"]).env("DOCKER_HOST", "").env("DOCKER_CONFIG", config).env(name, value);
        call.run().expect(4).stderr
    };
    let error = of("DOCKER_CONTEXT", "gone");
    assert!(error.contains("docker context 'gone' is not in") && error.contains("docker context ls"), "{error}");
    let error = of("DOCKER_HOST", "tcp://127.0.0.1:1");
    assert!(error.contains("no Docker engine answers at tcp://127.0.0.1:1"), "{error}");
    assert!(error.contains("the address comes from DOCKER_HOST"), "{error}");
    let error = of("DOCKER_HOST", "npipe:////./pipe/docker_engine");
    assert!(error.contains("is not an address that the playground supports"), "{error}");
}

/// As ssh, on the way of programs: notes what it was called with, and leads to the engine here.
fn false_ssh(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("ssh");
    let script = "#!/bin/sh\necho \"$@\" >>\"${0%/*}/called\"\nexec docker --host unix:///var/run/docker.sock system dial-stdio\n";
    std::fs::write(&program, script).expect("write a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("make it a program");
    format!("{}:{}", folder.display(), std::env::var("PATH").expect("a PATH"))
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn an_engine_behind_ssh_is_looked_at_and_no_stack_is_made_there() {
    let stack = Stack::new("ssh");
    let path = false_ssh(stack.folder.path());
    let far = |args: &[&str]| {
        stack.playground(args).env("PATH", &path).env("DOCKER_HOST", "ssh://me@build.example.org:2222").run()
    };
    assert_eq!(far(&["ps", "-o", "json"]).expect(0).json()["instances"].as_array().map(Vec::len), Some(0));
    let called = std::fs::read_to_string(stack.folder.path().join("called")).expect("ssh was called");
    assert!(called.contains("-l me -p 2222 -- build.example.org docker system dial-stdio"), "{called}");
    let up = far(&["up"]).expect(4);
    assert!(up.stderr.contains("the Docker engine is on build.example.org"), "{}", up.stderr);
    assert!(up.stderr.contains("unset DOCKER_HOST"), "{}", up.stderr);
    assert_eq!(stack.left(), Vec::<String>::new());

    // A JobManager there publishes a port there: what listens on it here is another stack's.
    let labels = ["io.playground.stack=", "com.docker.compose.service=jobmanager"];
    let project = format!("com.docker.compose.project={}", stack.project);
    let labels = [labels[0], labels[1], &project, "com.docker.compose.container-number=1"];
    let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
    let port = format!("127.0.0.1:{}:8081", stack.rest_port);
    let run = ["run", "-d", "--init", "--name", &format!("{}-jobmanager-1", stack.project), "-p", &port];
    docker(&[&run[..], &labels, &["debian:bookworm-slim", "sleep", "600"]].concat());
    for args in [&["stop"][..], &["jobs"], &["cancel"]] {
        let refused = far(args).expect(4);
        assert!(refused.stderr.contains("the Docker engine is on build.example.org"), "{args:?}: {}", refused.stderr);
    }
    assert_eq!(far(&["ps", "-o", "json"]).expect(0).json()["instances"].as_array().map(Vec::len), Some(1));
}

/// Images as builds leave them: one of ours that is used, one that is not, one that a user made on top of ours.
struct Shelf {
    number: u32,
}

impl Shelf {
    fn tag(&self, name: &str) -> String {
        format!("playground/kafka:{name}-{}", self.number)
    }

    /// An image of a single label, made from nothing.
    fn make(tag: &str, from: &str, label: &str) -> String {
        let mut build = Command::new("docker");
        build.args(["build", "-q", "-t", tag, "--label", label, "-"]).env("DOCKER_BUILDKIT", "0");
        let text = format!("FROM {from}\nCMD [\"true\"]\n");
        let mut child = build.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn();
        let child = child.as_mut().expect("docker build");
        std::io::Write::write_all(&mut child.stdin.take().expect("its input"), text.as_bytes()).expect("write");
        assert!(child.wait().expect("its end").success());
        tag.to_owned()
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let theirs = format!("shop/job:{}", self.number);
        let container = format!("test-images-{}", self.number);
        // What the test has taken away already is not there any more.
        drop(Command::new("docker").args(["rm", "-f", &container]).output());
        for tag in [theirs, self.tag("used"), self.tag("unused"), self.tag("below")] {
            drop(Command::new("docker").args(["rmi", &tag]).output());
        }
    }
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn prune_leaves_what_is_used_and_what_is_not_ours() {
    let shelf = Shelf { number: std::process::id() };
    let label = |of: &str| format!("io.playground.content=test-{of}-{}", shelf.number);
    let used = Shelf::make(&shelf.tag("used"), "debian:bookworm-slim", &label("used"));
    let unused = Shelf::make(&shelf.tag("unused"), "debian:bookworm-slim", &label("unused"));
    let below = Shelf::make(&shelf.tag("below"), "debian:bookworm-slim", &label("below"));
    let theirs = Shelf::make(&format!("shop/job:{}", shelf.number), &below, "shop=1");
    docker(&["create", "--name", &format!("test-images-{}", shelf.number), &used, "true"]);

    // By name: other checkouts on this machine have images that are old here.
    let prune = |more: &[&str]| {
        let args = [&["images", "prune", "-o", "json", &used, &unused, &below], more].concat();
        playground(args).run().expect(0).json()
    };
    let dry = prune(&["--dry-run"]);
    let fate = |tag: &str| {
        let images = dry["images"].as_array().expect("images").iter();
        images.clone().find(|image| image["tag"] == tag).map(|image| image["fate"].to_string())
    };
    assert_eq!(fate(&unused).as_deref(), Some("\"removable\""), "{dry:#}");
    assert!(fate(&used).is_some_and(|fate| fate.contains("container test-images-")), "{dry:#}");
    assert!(fate(&below).is_some_and(|fate| fate.contains("image shop/job:")), "{dry:#}");
    let theirs_named = playground(["images", "prune", &theirs]).run().expect(2).stderr;
    assert!(theirs_named.contains("no old image"), "{theirs_named}");
    assert!(!docker(&["images", "-q", &unused]).is_empty());

    prune(&[]);
    assert!(docker(&["images", "-q", &unused]).is_empty());
    for kept in [&used, &below, &theirs, "debian:bookworm-slim"] {
        assert!(!docker(&["images", "-q", kept]).is_empty(), "{kept}");
    }
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_stack_runs_on_images_by_their_content_and_moves_no_name() {
    let stack = Stack::new("content");
    let before = docker(&["images", "--no-trunc", "-q", "playground/kafka:4.2.0"]);
    stack.up();
    let images = playground(["images", "list", "-o", "json"]).run().expect(0).json();
    let images = images["images"].as_array().expect("images").clone();
    for (service, name) in [("kafka", "playground/kafka:"), ("clickevent-generator", "playground/playground:")] {
        let tag = images.iter().find(|image| image["name"].as_str().is_some_and(|one| one.starts_with(name)));
        let container = format!("{}-{service}-1", stack.project);
        let image = docker(&["inspect", "--format", "{{.Config.Image}}", &container]);
        assert_eq!(Some(image.trim()), tag.and_then(|image| image["tag"].as_str()));
    }
    assert_eq!(docker(&["images", "--no-trunc", "-q", "playground/kafka:4.2.0"]), before);
}
