//! Operations on a real job: what they do, what they refuse, and what they leave behind.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use playground::platform::{Kind, Mark, NotedJob, Owner};
use serde_json::Value;

use crate::scenario::interrupt;
use crate::support::Answer;
use crate::support::flink::{assert_as_planned, lines};
use crate::support::stack::{Stack, docker};
use crate::support::wait::until;

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn an_upgrade_on_a_fresh_stack_loses_nothing() {
    let stack = Stack::new("upgrade");
    stack.up();
    let done = as_planned(&stack, &["upgrade", "--parallelism", "3"]);
    assert_eq!((done["operation"].as_str(), done["outcome"].as_str()), (Some("upgrade"), Some("done")), "{done:#}");
    assert!(done["downtime"].as_f64() > Some(0.0), "{done:#}");
    let parts: Vec<&str> =
        done["parts"].as_array().expect("parts").iter().filter_map(|part| part["name"].as_str()).collect();
    assert_eq!(parts, ["plan", "scale up", "stop", "run", "running"]);
    assert_eq!(parallelism(&stack), [3, 3]);
    stack.playground(&["verify", "--windows", "6"]).run().expect(0);

    // The same again by Flink's own command line, and back; then TaskManagers that are not needed any more.
    let cli = as_planned(&stack, &["upgrade", "--parallelism", "2", "--via", "cli"]).to_string();
    assert!(cli.contains("flink stop ") && cli.contains("flink run --detached"), "{cli}");
    assert_eq!(parallelism(&stack), [2, 2]);
    stack.playground(&["scale", "taskmanager=1"]).run().expect(0);
    assert_eq!(stack.state("taskmanager-1"), "running");
    stack.playground(&["verify", "--windows", "12"]).run().expect(0);
    // Of the jars of three jobs, only that of the one that runs stays in the TaskManager's bounded /tmp.
    let find = "find /tmp -name 'blob_p-*' || true"; // What is deleted under it is no failure of it.
    let jars = ["exec", &format!("{}-taskmanager-1", stack.project), "sh", "-c", find];
    until("one jar in a TaskManager's /tmp", 60, || (docker(&jars).lines().count() == 1).then_some(()));

    // What was stopped by hand goes on by hand.
    as_planned(&stack, &["savepoint"]);
    let stopped = as_planned(&stack, &["stop"]);
    let savepoint = stopped["savepoint"].as_str().expect("a savepoint");
    assert_eq!(list(&stack)[0]["path"], savepoint);
    as_planned(&stack, &["submit", "--from-savepoint", savepoint, "--via", "cli"]);
    stack.playground(&["verify", "--windows", "18"]).run().expect(0);
    stack.playground(&["savepoint", "dispose", savepoint]).run().expect(0);
    assert!(list(&stack).iter().all(|one| one["path"] != savepoint));
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_cannot_be_done_is_refused_and_leaves_the_job_as_it_is() {
    let stack = Stack::new("refused");
    stack.up();
    let job = job(&stack)["id"].as_str().expect("an id").to_owned();

    // The default scheduler cannot do that, and says what can.
    refuses(&stack, &["rescale", "--parallelism", "3"], 2, "playground up --scheduler adaptive");
    // Two at once.
    refuses(&stack, &["submit"], 2, "would process every click twice");
    // What is no jar, and what is no program.
    let text = stack.folder.path().join("text.jar");
    std::fs::write(&text, "text").expect("write a file");
    refuses(&stack, &["upgrade", "--jar", path(&text)], 2, "not a jar");
    refuses(&stack, &["upgrade", "--jar", "nothing"], 2, "no uploaded jar named");
    // Slots that nobody adds.
    let answer =
        refuses(&stack, &["upgrade", "--parallelism", "3", "--no-scale", "--timeout", "3"], 4, "1 of 3 slots missing");
    assert!(
        answer
            .stderr
            .contains("it is still running as before; there is also a savepoint, file:/flink-data/savepoints/"),
        "{}",
        answer.stderr
    );
    assert_eq!(crate::operate::job(&stack)["id"], job.as_str());

    // A new job whose main throws is found out before the old one is stopped; one that throws as it starts, after that.
    let upgrade = ["upgrade", "-o", "json", "--", "--checkpointing", "true", "--event-time", "true"];
    let nonsense = [&upgrade[..], &["--nonsense", "1"]].concat();
    refuses(&stack, &nonsense, 2, "unknown options: [nonsense]");
    assert_eq!(crate::operate::job(&stack)["id"], job.as_str());
    let done = stack.playground(&[&upgrade[..], &["--fail-on-start", "true"]].concat()).run().expect(1).json();
    assert_eq!(done["outcome"], "rolled-back", "{done:#}");
    assert!(done["reason"].as_str().is_some_and(|why| why.contains("asked to fail on start")), "{done:#}");
    assert_eq!(parallelism(&stack), [2, 2]);

    // Savepoints that are not there, not whole, not of this job.
    let stopped = stack.playground(&["stop", "-o", "json"]).run().expect(0).json();
    let savepoint = stopped["savepoint"].as_str().expect("a savepoint").to_owned();
    let id = stopped["job"].as_str().expect("a job");
    refuses(&stack, &["stop", id], 2, "is already FINISHED");
    refuses(&stack, &["stop"], 4, "no job is running");
    refuses(&stack, &["submit", "--from-savepoint", "/nowhere"], 4, "playground savepoint list");
    let broken = damaged(&stack, &savepoint);
    refuses(&stack, &["submit", "--from-savepoint", &broken], 4, "savepoint list shows which ones are readable");
    let listed = list(&stack);
    let entry = listed.iter().find(|one| one["path"] == broken.as_str()).expect("the damaged one");
    assert_eq!(entry["readable"], false, "{entry:#}");
    refuses(&stack, &["submit", "--from-savepoint", &savepoint, "--parallelism", "129"], 2, "129 is not in 1..=128");
    stack.playground(&["submit", "--from-savepoint", "latest"]).run().expect(0);
    stack.playground(&["verify", "--windows", "6"]).run().expect(0);
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_stop_outlives_the_loss_of_its_jobmanager() {
    let stack = Stack::new("lost");
    stack.up();
    // A savepoint cannot be complete before all subtasks answer.
    let taskmanager = format!("{}-taskmanager-1", stack.project);
    // An engine on a busy machine may say that it is unable to freeze it.
    until("a frozen TaskManager", 30, || {
        Command::new("docker")
            .args(["pause", &taskmanager])
            .output()
            .expect("run docker")
            .status
            .success()
            .then_some(())
    });
    let mut stop = stack.playground(&["stop", "-o", "json", "--timeout", "90"]).command();
    let mut stop = stop.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("stop");
    let lines = until_line(&mut stop, "/stop ");
    docker(&["kill", &format!("{}-jobmanager-1", stack.project)]);
    docker(&["unpause", &taskmanager]);
    // Not by the binary: the stack is in use, and says so.
    refuses(&stack, &["start", "jobmanager"], 4, "is in use by stop (process ");
    docker(&["start", &format!("{}-jobmanager-1", stack.project)]);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let output = stop.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(0), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("answer lost")), "{rest:?}");
    let done: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let savepoint = done["savepoint"].as_str().expect("a savepoint");
    stack.playground(&["submit", "--from-savepoint", savepoint]).run().expect(0);
    stack.playground(&["verify", "--windows", "4"]).run().expect(0);
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn an_upgrade_that_was_cut_off_is_told_of_until_a_job_runs_again() {
    let stack = Stack::new("cut");
    stack.up();
    let job = job(&stack)["id"].as_str().expect("an id").to_owned();
    // What `kill -9` leaves between the stop and the start: a stopped job, and the note of a process that has ended.
    let savepoint = stack.playground(&["stop", "-o", "json"]).run().expect(0).json();
    let savepoint = savepoint["savepoint"].as_str().expect("a savepoint");
    let owner = Owner::current().expect("this process");
    let mark = Mark {
        id: format!("stopped-{job}"),
        kind: Kind::Stopped,
        what: "upgrade".to_owned(),
        target: job.clone(),
        by: "upgrade".to_owned(),
        owner: Owner { started: owner.started + 1, ..owner },
        job: NotedJob {
            name: Some("Click Event Count".to_owned()),
            savepoint: Some(savepoint.to_owned()),
            ..NotedJob::default()
        },
    };
    let mark = serde_json::to_string(&mark).expect("JSON");
    let labels = [format!("io.playground.project={}", stack.project), format!("io.playground.mark={mark}")];
    let name = format!("{}_mark_stopped-{job}", stack.project);
    docker(&["volume", "rm", &name]);
    docker(&["volume", "create", "--label", &labels[0], "--label", &labels[1], &name]);

    for _ in 0..2 {
        let told = stack.playground(&["ps"]).run().expect(0).stderr;
        assert!(told.starts_with("found: upgrade (process "), "{told}");
        assert!(
            told.contains(&format!("was interrupted; the job is stopped, with its state in {savepoint}")),
            "{told}"
        );
    }
    stack.playground(&["submit", "--from-savepoint", savepoint]).run().expect(0);
    assert_eq!(stack.playground(&["ps"]).run().expect(0).stderr, "");
    stack.playground(&["verify", "--windows", "4"]).run().expect(0);
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn an_interrupted_upgrade_brings_the_old_job_back_and_two_do_not_meet() {
    let stack = Stack::new("two");
    stack.up();
    let upgrade = ["upgrade", "--", "--checkpointing", "true", "--event-time", "true", "--fail-on-start", "true"];
    let mut upgrade = stack.playground(&upgrade).command();
    let mut upgrade = upgrade.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("upgrade");
    let lines = until_line(&mut upgrade, "/run ");
    refuses(&stack, &["upgrade", "--parallelism", "2"], 4, "is in use by upgrade (process ");
    interrupt(&upgrade);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(upgrade.wait().expect("its end").code(), Some(130), "{rest:?}");
    stack.playground(&["verify", "--windows", "4"]).run().expect(0);
}

/// Does an operation after its dry run: what was shown is what was sent. Its result.
#[track_caller]
fn as_planned(stack: &Stack, args: &[&str]) -> Value {
    let plan = stack.playground(&[args, &["--dry-run", "-o", "json"]].concat()).run().expect(0).json();
    let done = stack.playground(&[args, &["-o", "json"]].concat()).run().expect(0).json();
    let parts = done["parts"].as_array().into_iter().flatten();
    let sent: Vec<String> = parts.filter_map(|part| part["asked"].as_str().map(str::to_owned)).collect();
    assert_as_planned(&lines(&plan, "parts"), &sent);
    done
}

/// The first vertex last, as the server has them.
fn parallelism(stack: &Stack) -> Vec<u64> {
    let job = job(stack);
    let vertices = job["vertices"].as_array().expect("vertices");
    vertices.iter().filter_map(|vertex| vertex["parallelism"].as_u64()).collect()
}

fn job(stack: &Stack) -> Value {
    stack.playground(&["job", "-o", "json"]).run().expect(0).json()
}

fn list(stack: &Stack) -> Vec<Value> {
    let list = stack.playground(&["savepoint", "list", "-o", "json"]).run().expect(0).json();
    list["savepoints"].as_array().expect("savepoints").clone()
}

/// A call that must end with this code and say this.
#[track_caller]
fn refuses(stack: &Stack, args: &[&str], code: i32, says: &str) -> Answer {
    let answer = stack.playground(args).run().expect(code);
    assert!(answer.stderr.contains(says), "{args:?}: {}", answer.stderr);
    answer
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A copy of a savepoint whose metadata ends too early.
fn damaged(stack: &Stack, savepoint: &str) -> String {
    let from = savepoint.trim_start_matches("file:");
    let to = "/flink-data/savepoints/savepoint-000000-damaged00000";
    let script = format!("mkdir {to} && head -c 500 {from}/_metadata >{to}/_metadata");
    docker(&["exec", &format!("{}-jobmanager-1", stack.project), "bash", "-c", &script]);
    format!("file:{to}")
}

/// Reads what a call says until a line has this; the reader of the rest.
fn until_line(child: &mut Child, text: &str) -> std::io::Lines<BufReader<std::process::ChildStderr>> {
    let mut lines = BufReader::new(child.stderr.take().expect("its progress")).lines();
    let mut before = Vec::new();
    let found = lines.by_ref().map_while(Result::ok).any(|line| {
        before.push(line.clone());
        line.contains(text)
    });
    assert!(found, "no line with {text}: {before:#?}");
    lines
}
