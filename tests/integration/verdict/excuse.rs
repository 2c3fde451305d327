//! A scenario judges all that it saw: what it is to show excuses nothing else, and what no click explains is not left waiting.

use super::class;
use crate::support::Answer;
use crate::support::run::judged_again;
use crate::support::situation::Situation;
use crate::support::stack::Stack;
use crate::support::topic::{ahead, count, output, produce};

/// They leave wrong records in `output`, which no later scenario looks at.
pub const SITUATIONS: &[Situation] = &[
    ("a count of too much beside a loss", counted_twice),
    ("a stray record beside a loss", stray),
    ("a count far ahead of all clicks in a scenario", far_ahead),
];

/// A run that fails because somebody wrote a record into `output`, once it had said this.
fn disturbed(stack: &Stack, scenario: &str, says: &str, record: impl FnOnce() -> String) -> Answer {
    let mut run = stack.with_ports(&["scenario", scenario, "-o", "json"]).start();
    run.says(says);
    produce(stack, "output", &[record()]);
    let run = run.end().expect(1);
    judged_again(stack, &run);
    run
}

const KILLED: &str = "undo: start taskmanager-1";

fn counted_twice(stack: &Stack) {
    let run = disturbed(stack, "no-checkpointing", KILLED, || {
        let right = output(stack).into_iter().rfind(|record| record["count"] == 1000).expect("a right count");
        count(&right, 1001)
    });
    // Without checkpoints the job may count some clicks of a window again, which it emits with that little: a conflict.
    assert_eq!(class(&run, "records_counted_twice"), 1, "{}", run.stdout);
}

fn stray(stack: &Stack) {
    let run = disturbed(stack, "no-checkpointing", KILLED, || "oops".to_owned());
    assert_eq!(class(&run, "unexpected"), 1, "{}", run.stdout);
}

/// The clicks would reach that window a minute later.
fn far_ahead(stack: &Stack) {
    let quick = r#"
name = "quick"
purpose = "a savepoint, and every window still counts 1000"

[[steps]]
await = "steady-state"
windows = 1
reason = "the job counts"

[[steps]]
operation = "savepoint"
reason = "it disturbs nothing"

[[steps]]
await = "judged"
reason = "every window that was open"
"#;
    std::fs::write(stack.folder.path().join("quick.toml"), quick).expect("write");
    let run = disturbed(stack, "quick.toml", "steady state", || ahead(stack, 20));
    assert!(class(&run, "unexpected") >= 1, "{}", run.stdout);
}
