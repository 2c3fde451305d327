//! The stack's life: up, looked at, down, and whatever comes between.

use std::process::{Command, Stdio};

use crate::scenario::interrupt;
use crate::support::stack::{Stack, docker, free_port};

/// Debian's Compose, on the file that the binary has inside.
fn compose(stack: &Stack, args: &[&str]) -> String {
    compose_by("docker-compose", stack, args)
}

fn compose_by(program: &str, stack: &Stack, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(["-f", concat!(env!("CARGO_MANIFEST_DIR"), "/compose/docker-compose.yaml"), "-p", &stack.project]);
    command.env("REST_PORT", stack.rest_port.to_string()).env("KAFKA_PORT", stack.kafka_port.to_string());
    let output = command.env("SPEED", "5").args(args).output().expect("run Compose");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_up_makes_is_seen_and_removed_by_compose() {
    let stack = Stack::new("life");
    let up = stack.with_ports(&["up", "-o", "json"]).run().expect(0).json();
    assert_eq!(up["flink"], format!("http://127.0.0.1:{}", stack.rest_port));
    services_are_listed(&stack);
    only_loopback_and_nobody_is_root(&stack);
    the_job_can_be_looked_at(&stack);

    // Again is no work, and no second job.
    stack.up();
    assert_eq!(live_jobs(&stack), 1);

    // Data outlives the containers: the job goes on where it was, and still there is one.
    stack.playground(&["down"]).run().expect(0);
    stack.up();
    assert_eq!(live_jobs(&stack), 1);
    stack.playground(&["verify", "--windows", "2"]).run().expect(0);

    compose(&stack, &["down", "--volumes"]);
    assert_eq!(stack.left(), Vec::<String>::new());
    stack.playground(&["down"]).run().expect(0);
}

fn services_are_listed(stack: &Stack) {
    let ps = stack.playground(&["ps", "-o", "json"]).run().expect(0).json();
    let services = ps["instances"].as_array().expect("instances");
    assert_eq!(services.len(), 6, "{ps:#}");
    let client = services.iter().find(|one| one["service"] == "client").expect("the client");
    assert_eq!((client["state"].as_str(), client["exit_code"].as_i64()), (Some("exited"), Some(0)));
    let listed = compose(stack, &["ps"]);
    for service in ["zookeeper", "kafka", "jobmanager", "taskmanager", "clickevent-generator", "client"] {
        assert!(listed.contains(&format!("{}-{service}-1", stack.project)), "{listed}");
    }
}

fn only_loopback_and_nobody_is_root(stack: &Stack) {
    for service in ["zookeeper", "kafka", "jobmanager", "taskmanager", "clickevent-generator"] {
        let name = format!("{}-{service}-1", stack.project);
        let users = docker(&["top", &name, "-eo", "uid,pid"]);
        assert!(users.lines().skip(1).all(|line| line.split_whitespace().next() != Some("0")), "{name}: {users}");
        let hosts = docker(&["port", &name]);
        assert!(hosts.lines().all(|line| line.contains("-> 127.0.0.1:")), "{name}: {hosts}");
    }
}

fn the_job_can_be_looked_at(stack: &Stack) {
    let flink = stack.playground(&["flink", "list"]).run().expect(0).stdout;
    assert!(flink.contains("Click Event Count (RUNNING)"), "{flink}");
    let job = stack.playground(&["job", "-o", "json"]).run().expect(0).json();
    assert_eq!((job["state"].as_str(), job["vertices"].as_array().map(Vec::len)), (Some("RUNNING"), Some(2)));
    let size = stack.playground(&["metrics", "lastCheckpointSize"]).run().expect(0).stdout;
    assert!(size.contains("lastCheckpointSize"), "{size}");
    let pressure = stack.playground(&["backpressure", "-o", "json"]).run().expect(0).json();
    let known =
        |vertex: &serde_json::Value| vertex["back_pressured"]["mean"].is_f64() && vertex["output_queue"].is_u64();
    assert!(pressure["vertices"].as_array().is_some_and(|vertices| vertices.iter().all(known)), "{pressure:#}");
    assert!(pressure["lag"]["records"].is_u64(), "{pressure:#}");
    let logs = stack.playground(&["logs", "taskmanager"]).run().expect(0).stdout;
    assert!(logs.contains("taskmanager-1"), "{logs}");
    let unknown = stack.playground(&["logs", "taskmanger"]).run().expect(2).stderr;
    assert!(unknown.contains("did you mean 'taskmanager'?"), "{unknown}");
    let clicks = stack.playground(&["tail", "input", "-n", "3", "--no-follow", "-o", "json"]).run().expect(0).stdout;
    assert_eq!(clicks.lines().count(), 18, "3 clicks of 6 partitions: {clicks}");
}

fn live_jobs(stack: &Stack) -> usize {
    let jobs = stack.playground(&["jobs", "-o", "json"]).run().expect(0).json();
    let jobs = jobs["jobs"].as_array().expect("jobs").iter();
    jobs.filter(|job| !["CANCELED", "FAILED", "FINISHED"].contains(&job["state"].as_str().unwrap_or_default())).count()
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn compose_alone_brings_up_what_the_binary_then_judges() {
    let stack = Stack::new("compose");
    compose(&stack, &["up", "-d"]);
    let answer = stack.playground(&["verify", "--windows", "2", "--timeout", "120"]).run().expect(0);
    assert!(answer.stdout.contains("PASS"), "{}", answer.stdout);
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// `PLAYGROUND_COMPOSE` names the program of a newer Compose, which Debian does not have: v5 of docker/compose, as
/// `docker-compose`. With Go it is built by a module of one's own that requires `github.com/docker/compose/v5`:
/// `go get github.com/docker/compose/v5/cmd@latest && go build -o docker-compose github.com/docker/compose/v5/cmd`.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn the_newest_compose_works_with_what_the_binary_made_and_the_other_way_round() {
    let Ok(program) = std::env::var("PLAYGROUND_COMPOSE") else {
        eprintln!("skipped: PLAYGROUND_COMPOSE names no Compose");
        return;
    };
    let stack = Stack::new("newest");
    let compose = |args: &[&str]| compose_by(&program, &stack, args);
    stack.up();
    let listed = compose(&["ps", "--all", "--format", "{{.Service}} {{.State}} {{.ExitCode}}"]);
    for line in ["jobmanager running 0", "clickevent-generator running 0", "client exited 0"] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
    assert!(compose(&["logs", "--tail", "5", "client"]).contains("Click Event Count"));
    assert!(compose(&["exec", "-T", "jobmanager", "flink", "list"]).contains("Click Event Count (RUNNING)"));
    compose(&["down", "--volumes"]);
    assert_eq!(stack.left(), Vec::<String>::new());

    // A one-shot service that has ended with 0 counts as up, and nothing of ours is made anew.
    compose(&["up", "--detach", "--wait"]);
    let made = docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("name={}", stack.project)]);
    compose(&["up", "--detach", "--wait"]);
    assert_eq!(docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("name={}", stack.project)]), made);
    let answer = stack.playground(&["verify", "--windows", "2", "--timeout", "120"]).run().expect(0);
    assert!(answer.stdout.contains("PASS"), "{}", answer.stdout);
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// The built-in file with a service, a network label and a volume label more.
fn own_file(stack: &Stack, network: &str, volume: &str) -> String {
    let labels = |tier: &str| format!("labels: {{io.playground.stack: \"\", tier: {tier}}}");
    let text = include_str!("../../compose/docker-compose.yaml")
        .replace("  default:\n    labels: *ours", &format!("  default:\n    {}", labels(network)))
        .replace("  kafka-data:\n    labels: *ours", &format!("  kafka-data:\n    {}", labels(volume)))
        // Process 1 does not hear a signal that it has no handler for: it ends when its time is up.
        .replace("services:\n", "services:\n  web:\n    image: ${WEB_IMAGE}\n    user: \"9:9\"\n    command: [sleep, infinity]\n    stop_grace_period: 200ms\n");
    let file = stack.folder.path().join("own.yaml");
    std::fs::write(&file, text).expect("write the file");
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_file_of_ones_own_has_more_services_and_its_changes_are_carried_out_or_told() {
    let stack = Stack::new("own");
    let image = std::env::var("ZOOKEEPER_IMAGE").unwrap_or_else(|_| "playground/zookeeper:3.9.5".to_owned());
    std::fs::write(stack.folder.path().join(".env"), format!("WEB_IMAGE={image}\n")).expect("write .env");
    stack.up_with(&["--file", &own_file(&stack, "one", "one")]);
    assert_eq!(stack.state("web-1"), "running");

    let again = stack.up_with(&["--file", &own_file(&stack, "two", "one")]).stderr;
    assert!(again.contains("label tier was one and is now two"), "{again}");
    let network = format!("{}_default", stack.project);
    assert_eq!(docker(&["network", "inspect", "--format", "{{.Labels.tier}}", &network]).trim(), "two");
    assert_eq!(live_jobs(&stack), 1);

    let ids = || docker(&["ps", "-aq", "--filter", &format!("name={}", stack.project)]);
    let before = ids();
    let refused = stack.with_ports(&["up", "--file", &own_file(&stack, "two", "two")]).run().expect(4).stderr;
    let told = format!("{}_kafka-data: label tier was one and is now two", stack.project);
    assert!(refused.contains(&told) && refused.contains("down --volumes"), "{refused}");
    assert_eq!(ids(), before);

    stack.playground(&["down"]).run().expect(0);
    assert_eq!(stack.left().len(), 3, "the volumes: {:?}", stack.left());
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_taken_port_is_named_with_who_has_it_and_nothing_is_left() {
    let stack = Stack::new("port");
    let (_listener, taken) = free_port();
    let port = taken.to_string();
    let kafka = stack.kafka_port.to_string();
    let up = stack.playground(&["up", "--rest-port", &port, "--kafka-port", &kafka]).run().expect(4);
    let expected = format!("error: 127.0.0.1:{taken} is taken by ");
    assert!(
        up.stderr.contains(&expected) && up.stderr.contains(&format!("(process {})", std::process::id())),
        "{}",
        up.stderr
    );
    assert!(up.stderr.contains("--rest-port"), "{}", up.stderr);
    assert_eq!(stack.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn ctrl_c_takes_away_what_up_made() {
    let stack = Stack::new("ctrlc");
    let mut up = stack.with_ports(&["up"]).command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("up");
    wait_for_containers(&stack);
    interrupt(&up);
    assert_eq!(up.wait().expect("its end").code(), Some(130));
    assert_eq!(stack.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn after_kill_9_in_up_another_up_goes_on() {
    let stack = Stack::new("kill9");
    let mut up = stack.with_ports(&["up"]).command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("up");
    wait_for_containers(&stack);
    up.kill().expect("SIGKILL");
    up.wait().expect("its end");
    stack.up();
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// Until the first containers of the project are there; a run that never makes one fails by the test runner's patience.
fn wait_for_containers(stack: &Stack) {
    while docker(&["ps", "-q", "--filter", &format!("name={}", stack.project)]).lines().count() < 2 {
        std::thread::yield_now();
    }
}
