//! Scenarios on the real stack: what they prove, and that nothing stays broken.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::run::{folder, judged_again};
use crate::support::situation::Situation;
use crate::support::stack::Stack;
use crate::verdict::judge;

/// Whole scenarios. The first one brings the stack up; each begins on whatever the one before it left.
pub const SITUATIONS: &[Situation] = &[
    ("failover brings the stack up and proves that nothing was lost", failover),
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
    let answer = stack.with_ports(&["scenario", "failover", "-o", "json"]).run().expect(0);
    let run = answer.json();
    assert_eq!((run["scenario"].as_str(), run["verdict"].as_str()), (Some("failover"), Some("pass")));
    for class in ["short", "over", "conflicting", "missing", "unexpected"] {
        assert_eq!(run["ledger"][class], 0, "{run:#}");
    }
    assert!(run["ledger"]["complete"].as_u64() >= Some(24), "{run:#}");
    let part = |name: &str| run["recovery"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {run:#}"));
    let parts = ["detect", "outage", "restart", "restore", "catch_up"].map(part);
    assert!((parts.iter().sum::<f64>() - part("total")).abs() < 0.01, "{run:#}");
    let folder = folder(stack, &answer);
    let events = std::fs::read_to_string(folder.join("events.jsonl")).expect("the events");
    assert!(events.contains(r#""event":"restored""#), "{events}");
    // A scenario leaves the stack as it found it: up.
    assert_eq!(stack.state("taskmanager-1"), "running");
    judged_again(stack, &answer);
    judge::cannot_be_fooled(&folder);
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

fn killed(stack: &Stack) {
    let mut run = broken(stack);
    run.kill().expect("SIGKILL the run");
    run.wait().expect("its end");
    assert_eq!(stack.state("taskmanager-1"), "exited");

    let next = stack.playground(&["ps"]).run().expect(0);
    assert!(next.stderr.starts_with("found: scenario failover (process "), "{}", next.stderr);
    assert_eq!(stack.state("taskmanager-1"), "running");
    assert_eq!(stack.playground(&["ps"]).run().expect(0).stderr, "");
}

fn interrupted(stack: &Stack) {
    let mut run = broken(stack);
    interrupt(&run);
    assert_eq!(run.wait().expect("its end").code(), Some(130));
    assert_eq!(stack.state("taskmanager-1"), "running");
    assert_eq!(stack.playground(&["ps"]).run().expect(0).stderr, "");
}

/// A failover that has killed its TaskManager and not started it again.
fn broken(stack: &Stack) -> Child {
    let mut command = stack.with_ports(&["scenario", "failover"]).command();
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("run the scenario");
    let lines = BufReader::new(run.stderr.take().expect("its progress")).lines();
    let deadline = Instant::now() + Duration::from_mins(2);
    for line in lines {
        if line.expect("a line").contains("undo: start taskmanager-1") {
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
