//! A scenario that is to show a loss accepts that and nothing else.

use super::class;
use crate::support::run::judged_again;
use crate::support::stack::Stack;
use crate::support::topic::{count, output, produce};

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_loss_excuses_nothing_else() {
    let stack = Stack::new("excuse");
    // A count of too much for a window that was right, and a record that is none.
    for (what, class_of_it) in [("counted twice", "conflicting"), ("a stray record", "unexpected")] {
        let mut run = stack.with_ports(&["scenario", "no-checkpointing", "-o", "json"]).start();
        run.says("undo: start taskmanager-1");
        let right = output(&stack).into_iter().rfind(|record| record["count"] == 1000).expect("a right count");
        let record = if class_of_it == "unexpected" { "oops".to_owned() } else { count(&right, 1001) };
        produce(&stack, "output", &[record]);
        let run = run.end().expect(1);
        assert!(class(&run, class_of_it) >= 1, "{what}: {}", run.stdout);
        judged_again(&stack, &run);
    }
}
