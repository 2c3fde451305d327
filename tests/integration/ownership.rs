//! A stack keeps its word: what is not ours is not touched, what was stopped is not forgotten, and it has one owner at a time.

use std::process::{Child, Command};
use std::time::Duration;

use crate::support::situation::each;
use crate::support::stack::{Stack, docker};
use crate::support::topic::{SELDOM, emit_again};
use crate::support::wait::until;
use crate::support::{Answer, Started};

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_was_stopped_goes_on_from_its_savepoint() {
    let stack = Stack::new("stopped");
    stack.up_with(&SELDOM);
    each(
        &stack,
        &[
            ("another project's ports", ports),
            ("a TaskManager killed after a window", emitted_again),
            ("stop, down, up", down),
            ("stop, up as something else", changed),
            ("stop killed, up", stop_killed),
            ("upgrade killed, up", upgrade_killed),
            ("cancel, down, up", cancelled),
            ("stop by the command line killed, down, up", cli_killed),
            ("down killed, up", down_killed),
            ("TaskManagers killed under the adaptive scheduler, up", waits_for_slots),
            ("one owner", one_owner),
            ("stop, up with other windows", other_windows),
            ("up --fresh", fresh),
        ],
    );
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// A second project that asks for the first one's ports is refused before anything is asked of anybody.
fn ports(stack: &Stack) {
    let job = stack.job();
    let other = format!("{}-b", stack.project);
    let (rest, kafka) = (stack.rest_port.to_string(), stack.kafka_port.to_string());
    let args = ["-p", &other, "up", "--parallelism", "1", "--rest-port", &rest, "--kafka-port", &kafka];
    let refused = crate::support::playground(args).run().expect(4);
    let by = format!("taken by project '{}' (", stack.project);
    assert!(refused.stderr.contains(&by), "{}", refused.stderr);
    assert_eq!(stack.job(), job);
    let made = docker(&["ps", "-aq", "--filter", &format!("label=com.docker.compose.project={other}")]);
    assert_eq!(made, "", "{other} made something");
}

/// Seen: the JobManager that knew why a window was emitted again went with `down`, and every later verdict was unknown. From here
/// on the verdicts of all situations have such windows.
fn emitted_again(stack: &Stack) {
    emit_again(stack);
    stack.playground(&["verify", "--windows", "1"]).run().expect(0);
    stack.playground(&["down"]).run().expect(0);
    stack.up();
    let ledger = stack.playground(&["verify", "-o", "json"]).run().expect(0).json()["ledger"].clone();
    assert!(ledger["duplicate"].as_u64() > Some(0), "{ledger:#}");
    assert_eq!(ledger["duplicates_unexplained"], 0, "{ledger:#}");
}

/// Stops the job; returns where its state is.
fn stop(stack: &Stack) -> String {
    let stopped = stack.playground(&["stop", "-o", "json"]).run().expect(0).json();
    stopped["savepoint"].as_str().expect("a savepoint").to_owned()
}

/// Brings the stack up, which must go on from a savepoint and say so; and no window may be wrong.
#[track_caller]
fn goes_on(stack: &Stack, more: &[&str], savepoint: &str) -> Answer {
    let up = stack.up_with(more);
    let line = up.stderr.replace("\n               ", " ");
    assert!(line.contains(savepoint.trim_start_matches("file:")), "it goes on from {savepoint}: {}", up.stderr);
    let restored = stack.flink(&format!("/jobs/{}/checkpoints", stack.job()));
    assert_eq!(restored["latest"]["restored"]["external_path"], savepoint, "{restored:#}");
    judged(stack);
    up
}

#[track_caller]
fn judged(stack: &Stack) {
    stack.playground(&["verify", "--windows", "4"]).run().expect(0);
    stack.playground(&["verify"]).run().expect(0);
}

/// It goes on as what it was, with as many subtasks and the TaskManagers for them.
fn down(stack: &Stack) {
    stack.playground(&["upgrade", "--parallelism", "3"]).run().expect(0);
    let savepoint = stop(stack);
    stack.playground(&["down"]).run().expect(0);
    let up = goes_on(stack, &[], &savepoint);
    // Each is looked at twice.
    assert!(up.stderr.contains("images       4 cached"), "{}", up.stderr);
    assert_eq!(parallelism(stack), 3);
    assert_eq!(stack.state("taskmanager-2"), "running");
    // Nothing is noted of one that runs, and high availability brings it back with as many subtasks.
    stack.playground(&["down"]).run().expect(0);
    stack.up();
    assert_eq!(parallelism(stack), 3);
    // What goes on is noted no more.
    let told = stack.up();
    assert!(!told.stderr.contains("was stopped"), "{}", told.stderr);
}

fn changed(stack: &Stack) {
    let savepoint = stop(stack);
    goes_on(stack, &["--parallelism", "1"], &savepoint);
    assert_eq!(parallelism(stack), 1);
}

fn parallelism(stack: &Stack) -> u64 {
    let job = stack.flink(&format!("/jobs/{}", stack.job()));
    job["vertices"][0]["parallelism"].as_u64().expect("a parallelism")
}

/// Seen: the job began with empty state without a word, and its windows came out short. To begin anew is `up --fresh`.
fn cancelled(stack: &Stack) {
    stack.playground(&["cancel"]).run().expect(0);
    stack.playground(&["down"]).run().expect(0);
    let up = stack.up_with(&["--parallelism", "1"]);
    assert!(up.stderr.contains("was stopped: resumes from"), "{}", up.stderr);
    let restored = stack.flink(&format!("/jobs/{}/checkpoints", stack.job()));
    let path = restored["latest"]["restored"]["external_path"].as_str();
    assert!(path.is_some_and(|path| path.contains("/chk-")), "{restored:#}");
    judged(stack);
}

/// The command line has no trigger to ask for, and a new JobManager knows nothing of the job: its savepoint is on disk.
fn cli_killed(stack: &Stack) {
    let job = stack.job();
    let mut stop = started(stack, &["stop", "--via", "cli"]);
    until("the job's end", 60, || {
        let state = stack.flink(&format!("/jobs/{job}"))["state"].clone();
        (state == "FINISHED").then_some(())
    });
    kill(&mut stop);
    stack.playground(&["down"]).run().expect(0);
    let up = stack.up_with(&["--parallelism", "1"]);
    assert!(up.stderr.contains("was stopped: resumes from"), "{}", up.stderr);
    judged(stack);
}

/// Seen: the engine went on stopping what had been asked of it, and `up` took for running what ended a moment later.
fn down_killed(stack: &Stack) {
    for moment in [400, 800, 1600] {
        let mut down = started(stack, &["down"]);
        std::thread::sleep(Duration::from_millis(moment));
        kill(&mut down);
        stack.up_with(&["--parallelism", "1"]);
        // As long as any container may take to stop.
        std::thread::sleep(Duration::from_secs(6));
        for instance in ["zookeeper-1", "kafka-1", "jobmanager-1", "taskmanager-1", "clickevent-generator-1"] {
            assert_eq!(stack.state(instance), "running", "{instance}, down killed after {moment} ms");
        }
        judged(stack);
    }
}

/// Read: a job that waits for slots tells nothing of itself, was taken for another one, and began from nothing.
fn waits_for_slots(stack: &Stack) {
    let adaptive = ["--scheduler", "adaptive"];
    stack.up_with(&adaptive);
    let job = stack.job();
    stack.playground(&["kill", "taskmanager"]).run().expect(0);
    until("a job that waits for slots", 60, || {
        let state = stack.flink(&format!("/jobs/{job}"))["state"].clone();
        (state != "RUNNING").then_some(())
    });
    stack.up_with(&adaptive);
    assert_eq!(stack.job(), job);
    judged(stack);
}

/// Killed at several moments of its second, the request sent or not: `up` waits for what is under way.
fn stop_killed(stack: &Stack) {
    for moment in [150, 250, 400] {
        let mut stop = started(stack, &["stop"]);
        std::thread::sleep(Duration::from_millis(moment));
        kill(&mut stop);
        stack.up_with(&["--parallelism", "1"]);
        stack.playground(&["verify", "--windows", "2"]).run().expect(0);
        assert_eq!(live_jobs(stack), 1, "killed after {moment} ms");
    }
    judged(stack);
}

fn upgrade_killed(stack: &Stack) {
    for says in ["/stop ", "/run "] {
        let mut upgrade: Started = stack.playground(&["upgrade", "--parallelism", "2"]).start();
        upgrade.says(says);
        // Dropped, it is killed.
        drop(upgrade);
        stack.up_with(&["--parallelism", "2"]);
        assert_eq!(live_jobs(stack), 1, "killed at {says}");
        judged(stack);
    }
}

fn one_owner(stack: &Stack) {
    let mut upgrade = started(stack, &["upgrade", "--parallelism", "1"]);
    let owned = || docker(&["volume", "ls", "-q", "--filter", &format!("name={}.lock", stack.project)]).lines().count();
    until("a lock", 10, || (owned() > 0).then_some(()));
    let says = format!("project {} is in use by upgrade (process {}, since ", stack.project, upgrade.id());
    for args in [&["up"][..], &["down"], &["stop"], &["kill", "taskmanager"], &["scenario", "failover"]] {
        let refused = stack.playground(args).run().expect(4);
        assert!(refused.stderr.contains(&says) && refused.stderr.contains("--wait"), "{args:?}: {}", refused.stderr);
    }
    // Looking is free, and waiting is a word.
    stack.playground(&["ps"]).run().expect(0);
    let waited = stack.playground(&["savepoint", "--wait=60"]).run().expect(0);
    assert!(waited.stderr.contains("waiting for upgrade (process "), "{}", waited.stderr);
    assert_eq!(upgrade.wait().expect("its end").code(), Some(0));
    judged(stack);
}

/// Windows of processing time have no place in the state of a job that counts by event time.
fn other_windows(stack: &Stack) {
    let savepoint = stop(stack);
    let up = stack.up_with(&["--no-event-time"]);
    let said = up.stderr.replace("\n               ", " ");
    assert!(said.contains(&format!("starts with empty state; the old state is left in {savepoint}")), "{}", up.stderr);
}

fn fresh(stack: &Stack) {
    stop(stack);
    stack.up_with(&["--fresh"]);
    let checkpoints = stack.flink(&format!("/jobs/{}/checkpoints", stack.job()));
    assert!(checkpoints["latest"]["restored"].is_null(), "{checkpoints:#}");
    assert_eq!(live_jobs(stack), 1);
}

/// What bears the project's name and was not made by the binary is never removed nor counted, but named.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_is_not_ours_is_left_alone() {
    let stack = Stack::new("foreign");
    let label = format!("com.docker.compose.project={}", stack.project);
    let (container, volume) = (format!("{}-web-1", stack.project), format!("{}_web-data", stack.project));
    docker(&["volume", "create", "--label", &label, &volume]);
    let image = std::env::var("DEBIAN_IMAGE").unwrap_or_else(|_| "debian:bookworm-slim".to_owned());
    let labels = ["--label", &label, "--label", "com.docker.compose.service=web"];
    let run = [&["run", "-d", "--name", &container], &labels[..], &[&image, "sleep", "600"]].concat();
    docker(&run);
    let refused = stack.with_ports(&["up"]).run().expect(4);
    let ps = stack.playground(&["ps"]).run();
    let down = stack.playground(&["down", "--volumes"]).run();
    let state = stack.state("web-1");
    let volumes = docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]);
    docker(&["rm", "-f", &container]);
    docker(&["volume", "rm", &volume]);
    for name in [&container, &volume] {
        assert!(refused.stderr.contains(name.as_str()), "{}", refused.stderr);
        assert!(down.stdout.contains(name.as_str()), "{}", down.stdout);
    }
    assert!(!ps.stdout.contains("web-1"), "{}", ps.stdout);
    assert_eq!((state.as_str(), volumes.trim()), ("running", volume.as_str()));
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// Names are no proof: what only bears one that the stack needs is not used, nor taken away.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_only_has_a_name_of_ours_is_neither_used_nor_removed() {
    let stack = Stack::new("names");
    let (volume, network) = (format!("{}_kafka-data", stack.project), format!("{}_default", stack.project));
    let container = format!("{}-jobmanager-1", stack.project);
    let image = std::env::var("DEBIAN_IMAGE").unwrap_or_else(|_| "debian:bookworm-slim".to_owned());
    let theirs: [(&[&str], &str, String); 3] = [
        (&["volume", "create", &volume], &volume, format!("docker volume rm {volume}")),
        (&["network", "create", &network], &network, format!("docker network rm {network}")),
        (&["create", "--name", &container, &image, "true"], &container, format!("docker container rm {container}")),
    ];
    for (make, name, removal) in &theirs {
        docker(make);
        let before = stack.left();
        let refused = stack.with_ports(&["up"]).run();
        let after = stack.left();
        let words: Vec<&str> = removal.split(' ').skip(1).collect();
        docker(&words);
        let refused = refused.expect(4);
        assert!(refused.stderr.contains(name) && refused.stderr.contains(removal), "{}", refused.stderr);
        assert!(refused.stderr.contains("Nothing was changed"), "{}", refused.stderr);
        assert_eq!((after, before), (vec![(*name).to_owned()], vec![(*name).to_owned()]));
    }

    // One of ours that has somebody else's volume goes, and the volume stays.
    let labels = ["--label", "io.playground.stack=", "--label", "com.docker.compose.service=kafka"];
    let project = format!("com.docker.compose.project={}", stack.project);
    let mount = format!("type=volume,source={volume},target=/d");
    docker(&["volume", "create", &volume]);
    let more = ["--label", &project, "--name", &container, "--mount", &mount, &image, "sleep", "600"];
    docker(&[&["run", "-d", "--init"], &labels[..], &more].concat());
    let down = stack.playground(&["down", "--volumes"]).run().expect(0);
    let left = stack.left();
    drop(Command::new("docker").args(["volume", "rm", &volume]).output());
    assert_eq!(left, [volume], "{}", down.stdout);
}

/// The engine makes a volume by itself for a container that needs one. Where `down` came in between, it is ours all the same.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_volume_that_the_engine_makes_for_a_container_of_ours_is_ours() {
    let stack = Stack::new("late");
    let name = format!("{}-late-1", stack.project);
    let volume = format!("{}_late-data", stack.project);
    let image = std::env::var("DEBIAN_IMAGE").unwrap_or_else(|_| "debian:bookworm-slim".to_owned());
    let project = format!("com.docker.compose.project={}", stack.project);
    let mount =
        format!("type=volume,source={volume},target=/d,volume-label=io.playground.stack=,volume-label={project}");
    docker(&["create", "--name", &name, "--mount", &mount, &image, "true"]);
    docker(&["rm", &name]);
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

fn started(stack: &Stack, args: &[&str]) -> Child {
    let mut command: Command = stack.playground(args).command();
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("start it")
}

fn kill(child: &mut Child) {
    child.kill().expect("kill it");
    child.wait().expect("its end");
}

fn live_jobs(stack: &Stack) -> usize {
    let jobs = stack.flink("/jobs");
    let over = ["FINISHED", "CANCELED", "FAILED"];
    let is_live = |job: &&serde_json::Value| !over.contains(&job["status"].as_str().expect("a status"));
    jobs["jobs"].as_array().expect("jobs").iter().filter(is_live).count()
}
