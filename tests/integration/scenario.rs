//! Scenarios on the real stack: what they prove, and that nothing stays broken.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::run::{folder, judged_again};
use crate::support::situation::Situation;
use crate::support::stack::Stack;
use crate::verdict::judge;

/// Whole scenarios. The first one brings the stack up; each begins on whatever the one before it left.
pub const SITUATIONS: &[Situation] = &[
    ("failover brings the stack up and proves that nothing was lost", failover),
    ("of two JobManagers the one that waits takes over", takeover),
    ("taskmanagers-loss loses nothing", taskmanagers_loss),
    ("cluster-loss loses nothing", cluster_loss),
    ("without checkpoints the scenario fails with the clicks that were lost", loss),
    ("operations lose nothing", operations),
    ("exactly-once hides what a dead TaskManager had written", exactly_once),
    ("rescaling in place is told beside the same through savepoints", rescaling),
];

/// Runs that come to an early end on a stack that is up, and leave it as it was.
pub const CUT_OFF: &[Situation] = &[
    ("an interrupted run undoes its fault before it ends", interrupted),
    ("what a killed run left broken is mended by the next command", killed),
];

fn failover(stack: &Stack) {
    let folder = lossless(stack, "failover", &["taskmanager-1"], &TASKMANAGER);
    judge::cannot_be_fooled(&folder);
}

/// The parts of a recovery from the loss of TaskManagers.
const TASKMANAGER: [&str; 5] = ["detect", "outage", "restart", "restore", "catch_up"];
/// Those where a JobManager was lost as well.
const JOBMANAGER: [&str; 7] = ["detect", "outage", "rest_back", "restart", "restore", "checkpoint_again", "catch_up"];

/// Which of the two leads is known only when the fault is injected.
fn takeover(stack: &Stack) {
    let answer =
        stack.with_ports(&["scenario", "jobmanager-failover", "--jobmanagers", "2", "-o", "json"]).run().expect(0);
    let run = answer.json();
    assert_eq!(run["verdict"], "pass", "{run:#}");
    let part = |name: &str| run["recovery"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {run:#}"));
    assert!((JOBMANAGER.map(part).iter().sum::<f64>() - part("total")).abs() < 0.01, "{run:#}");
    assert!(part("outage") < 0.01, "nobody waits for the undo: {run:#}");
    let events = std::fs::read_to_string(folder(stack, &answer).join("events.jsonl")).expect("the events");
    let undone = |target: &str| events.contains(&format!(r#""event":"undone","fault":"kill","target":"{target}""#));
    assert!(undone("jobmanager-1") != undone("jobmanager-2"), "one of them: {events}");
    assert_eq!(["jobmanager-1", "jobmanager-2"].map(|instance| stack.state(instance)), ["running", "running"]);
    judged_again(stack, &answer);
    // Whoever leads now is found. (What was repeated before the takeover, it knows nothing of, so a verdict may be unknown.)
    let jobs = stack.playground(&["jobs", "-o", "json"]).run().expect(0).json();
    assert_eq!(jobs["jobs"][0]["state"], "RUNNING", "{jobs:#}");
}

fn taskmanagers_loss(stack: &Stack) {
    lossless(stack, "taskmanagers-loss", &["taskmanager-1", "taskmanager-2"], &TASKMANAGER);
}

fn cluster_loss(stack: &Stack) {
    lossless(stack, "cluster-loss", &["jobmanager-1", "taskmanager-1", "taskmanager-2", "zookeeper-1"], &JOBMANAGER);
}

/// Runs a scenario that breaks these and must lose nothing, with a recovery that is the sum of its parts. Returns the folder
/// of the run.
fn lossless(stack: &Stack, name: &str, targets: &[&str], parts: &[&str]) -> PathBuf {
    let answer = stack.with_ports(&["scenario", name, "-o", "json"]).run().expect(0);
    let run = answer.json();
    assert_eq!((run["scenario"].as_str(), run["verdict"].as_str()), (Some(name), Some("pass")));
    for class in ["short", "over", "conflicting", "missing", "unexpected"] {
        assert_eq!(run["ledger"][class], 0, "{run:#}");
    }
    assert!(run["ledger"]["complete"].as_u64() >= Some(24), "{run:#}");
    let part = |name: &str| run["recovery"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {run:#}"));
    assert!((parts.iter().copied().map(part).sum::<f64>() - part("total")).abs() < 0.01, "{run:#}");
    for absent in JOBMANAGER.iter().filter(|name| !parts.contains(name)) {
        assert!(run["recovery"][absent].is_null(), "{absent}: {run:#}");
    }
    let folder = folder(stack, &answer);
    let events = std::fs::read_to_string(folder.join("events.jsonl")).expect("the events");
    assert!(events.contains(r#""event":"restored""#), "{events}");
    for target in targets {
        let undone = format!(r#""event":"undone","fault":"kill","target":"{target}""#);
        assert!(events.contains(&undone), "{target}: {events}");
        // A scenario leaves the stack as it found it: up.
        assert_eq!(stack.state(target), "running");
    }
    judged_again(stack, &answer);
    folder
}

fn loss(stack: &Stack) {
    let run = stack.with_ports(&["scenario", "failover", "--no-checkpointing", "-o", "json"]).run().expect(1);
    judged_again(stack, &run);
    let run = run.json();
    assert_eq!(run["verdict"], "fail");
    assert!(run["ledger"]["records_lost"].as_u64() > Some(0), "{run:#}");
    assert_eq!(run["reasons"][0], "the job restarted without a checkpoint: checkpointing is off");
}

/// The quick ones of those that operate, one after the other, whatever the one before left the stack as.
fn operations(stack: &Stack) {
    for (name, expected) in [
        ("savepoint-restart", &["savepoint", "stop", "submit"][..]),
        ("upgrade", &["stop", "submit", "scale", "upgrade"]),
        ("upgrade-rollback", &["upgrade"]),
        ("upgrade-jar", &["upgrade", "upgrade", "upgrade"]),
    ] {
        let run = stack.with_ports(&["scenario", name, "-o", "json"]).run().expect(0);
        judged_again(stack, &run);
        let run = run.json();
        assert_eq!(run["verdict"], "pass", "{run:#}");
        let operations = run["operations"].as_array().expect("operations");
        let names: Vec<&str> = operations.iter().filter_map(|one| one["operation"].as_str()).collect();
        assert_eq!(names, expected, "{name}");
        assert!(operations.iter().all(|one| one["seconds"].as_f64() > Some(0.0)), "{run:#}");
        assert!(run["ledger"]["judged"].as_u64() >= Some(12), "{run:#}");
    }
}

fn rescaling(stack: &Stack) {
    let run = stack.with_ports(&["scenario", "rescale-in-place", "-o", "json"]).run().expect(0);
    judged_again(stack, &run);
    let run = run.json();
    let operations = run["operations"].as_array().expect("operations");
    let names: Vec<&str> = operations.iter().filter_map(|one| one["operation"].as_str()).collect();
    assert_eq!(names, ["rescale", "rescale", "rescale", "upgrade", "upgrade", "upgrade"]);
    assert!(operations.iter().all(|one| one["downtime"].as_f64() > Some(0.0)), "{run:#}");
}

fn exactly_once(stack: &Stack) {
    let run = stack.with_ports(&["scenario", "exactly-once", "-o", "json"]).run().expect(0);
    judged_again(stack, &run);
    let run = run.json();
    assert_eq!((run["verdict"].as_str(), run["ledger"]["duplicate"].as_u64()), (Some("pass"), Some(0)), "{run:#}");
    assert!(run["uncommitted"]["aborted"].as_u64() > Some(0), "{run:#}");
}

/// Several instances break together, so that the next command has several to mend.
const TOGETHER: &str = r#"
name = "together"
purpose = "a fault of a test"

[[steps]]
await = "steady-state"
windows = 1
reason = "the stack is up"

[[steps]]
fault = "kill"
on = ["jobmanager", "every taskmanager", "zookeeper"]
reason = "all at once"

[[steps]]
await = "judged"
reason = "it does not come to this"
"#;

fn killed(stack: &Stack) {
    std::fs::write(stack.folder.path().join("together.toml"), TOGETHER).expect("write a scenario");
    let mut run = broken(stack, "together.toml", "undo: start jobmanager-1, taskmanager-1, zookeeper-1");
    run.kill().expect("SIGKILL the run");
    run.wait().expect("its end");
    let states = || ["jobmanager-1", "taskmanager-1", "zookeeper-1"].map(|instance| stack.state(instance));
    assert_eq!(states(), ["exited", "exited", "exited"]);

    let next = stack.playground(&["ps"]).run().expect(0);
    assert!(next.stderr.starts_with("found: scenario together (process "), "{}", next.stderr);
    assert!(next.stderr.contains("undone: start jobmanager-1, taskmanager-1, zookeeper-1"), "{}", next.stderr);
    assert_eq!(states(), ["running", "running", "running"]);
    assert_eq!(stack.playground(&["ps"]).run().expect(0).stderr, "");
    // The job comes back by itself; whoever comes next on this stack needs it.
    stack.up();
}

fn interrupted(stack: &Stack) {
    let mut run = broken(stack, "failover", "undo: start taskmanager-1");
    interrupt(&run);
    assert_eq!(run.wait().expect("its end").code(), Some(130));
    assert_eq!(stack.state("taskmanager-1"), "running");
    assert_eq!(stack.playground(&["ps"]).run().expect(0).stderr, "");
}

/// A scenario that has killed and not started again: it has said what its undo will be.
fn broken(stack: &Stack, scenario: &str, undo: &str) -> Child {
    let mut command = stack.with_ports(&["scenario", scenario]).command();
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("run the scenario");
    let lines = BufReader::new(run.stderr.take().expect("its progress")).lines();
    let deadline = Instant::now() + Duration::from_mins(2);
    for line in lines {
        if line.expect("a line").contains(undo) {
            return run;
        }
        assert!(Instant::now() < deadline, "no fault within 120 s");
    }
    panic!("the run ended before its fault: {:?}", run.wait());
}

/// Ctrl-C, as a terminal sends it.
pub fn interrupt(child: &Child) {
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("run kill").success());
}
