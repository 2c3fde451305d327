//! A fault must have had an effect: on the instance, and on the job, where the scenario says that there is one.

use super::because;
use crate::support::Answer;
use crate::support::run::judged_again;
use crate::support::situation::Situation;
use crate::support::stack::{Stack, docker};
use crate::support::wait::until;

/// Options of a stack on which one TaskManager has nothing to do.
const SPARE: [&str; 4] = ["--taskmanagers", "2", "--parallelism", "1"];

/// A fault that hit nothing proves nothing.
pub const SITUATIONS: &[Situation] =
    &[("what is dead is killed again", killed_twice), ("who is killed runs nothing", ran_nothing)];

const HEAD: &str = r#"
name = "own"
purpose = "a fault of a test"
"#;
const STEADY: &str = r#"
[[steps]]
await = "steady-state"
windows = 1
reason = "what is wrong before the fault is not the fault's doing"
"#;
const KILL: &str = r#"
[[steps]]
fault = "kill"
on = "taskmanager"
reason = "a fault"
"#;
const DETECTED: &str = r#"
[[steps]]
await = "detected"
reason = "the job is hit"
"#;
const REST: &str = r#"
[[steps]]
undo = "kill"
reason = "whatever it was, it is over"

[[steps]]
await = "running"
reason = "the job counts again"

[[steps]]
await = "judged"
reason = "every window that was open at the fault"
"#;

fn scenario(stack: &Stack, steps: &[&str]) -> Answer {
    std::fs::write(stack.folder.path().join("own.toml"), [&[HEAD, STEADY], steps].concat().concat()).expect("write");
    let run = [&["scenario", "own.toml", "--timeout", "30", "-o", "json"], &SPARE[..]].concat();
    stack.with_ports(&run).run()
}

fn killed_twice(stack: &Stack) {
    stack.up_with(&SPARE);
    runs_on(stack, "taskmanager-1");
    let run = scenario(stack, &[KILL, DETECTED, KILL, REST]);
    assert!([1, 3].contains(&run.code), "{}: {}{}", run.code, run.stdout, run.stderr);
    judged_again(stack, &run);
}

fn ran_nothing(stack: &Stack) {
    stack.up_with(&SPARE);
    runs_on(stack, "taskmanager-2");
    let run = scenario(stack, &[KILL, DETECTED, REST]).expect(3);
    because(&run, "taskmanager-1");
    because(&run, "was running no tasks");
    judged_again(stack, &run);
}

/// Waits until all of the job runs on this TaskManager; it goes there when the other one dies.
fn runs_on(stack: &Stack, wanted: &str) {
    let other = if wanted == "taskmanager-1" { "taskmanager-2" } else { "taskmanager-1" };
    until("a place of the job", 30, || place(stack));
    if place(stack).as_deref() == Some(other) {
        stack.playground(&["kill", other]).run().expect(0);
        until(wanted, 60, || (place(stack).as_deref() == Some(wanted)).then_some(()));
        stack.playground(&["start", other]).run().expect(0);
    }
    until("both TaskManagers", 60, || (stack.flink("/overview")["taskmanagers"] == 2).then_some(()));
}

/// The one TaskManager that runs all of the job, if there is one.
fn place(stack: &Stack) -> Option<String> {
    let jobs = stack.flink("/jobs");
    let running = jobs["jobs"].as_array()?.iter().find(|job| job["status"] == "RUNNING")?;
    let job = format!("/jobs/{}", running["id"].as_str()?);
    let vertices = stack.flink(&job);
    let mut tasks = Vec::new();
    for vertex in vertices["vertices"].as_array()? {
        let vertex = stack.flink(&format!("{job}/vertices/{}", vertex["id"].as_str()?));
        tasks.extend(vertex["subtasks"].as_array()?.iter().cloned());
    }
    let address = |instance: &&str| {
        let name = format!("{}-{instance}", stack.project);
        docker(&["inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &name])
    };
    let runs_all = |instance: &&str| {
        let address = format!("{}:", address(instance).trim());
        let runs = |task: &serde_json::Value| {
            task["status"] == "RUNNING"
                && task["taskmanager-id"].as_str().is_some_and(|id| address.len() > 1 && id.starts_with(&address))
        };
        tasks.iter().all(runs)
    };
    ["taskmanager-1", "taskmanager-2"].into_iter().find(|instance| runs_all(instance)).map(str::to_owned)
}
