//! Counts in transactions: somebody else's held open, and the job's own that nobody will commit.

use super::{class, verify};
use crate::support::kafka::{self, Reader};
use crate::support::situation::each;
use crate::support::stack::Stack;
use crate::support::topic::{count, emitted, grows_by, output};
use crate::support::wait::until;

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn what_nobody_committed_is_neither_complete_nor_missing() {
    let stack = Stack::new("transaction");
    stack.up_with(&["--delivery", "exactly-once"]);
    until("committed counts", 60, || (emitted(&stack, Reader::Committed).len() >= 12).then_some(()));
    each(
        &stack,
        &[
            ("somebody else's transaction is open", foreign),
            ("a checkpoint a minute is not far behind", minute),
            ("a job died with its transaction open", died),
        ],
    );
}

/// It hides what the job commits behind it; that is not lost.
fn foreign(stack: &Stack) {
    let transaction = kafka::open_transaction(stack, "output", &count(&output(stack)[0], 1000));
    grows_by(stack, 30, 60);
    // What a reader of committed records does not see, though checkpoints cover it.
    let answer = verify(stack, &["--delivery", "exactly-once"]);
    drop(transaction);
    assert!([0, 3].contains(&answer.code), "{}: {}{}", answer.code, answer.stdout, answer.stderr);
    assert_eq!(class(&answer, "missing"), 0, "{}", answer.stdout);
    verify(stack, &["--windows", "1", "--timeout", "60"]).expect(0);
}

/// Windows that are not committed for most of a minute are nothing unusual, if checkpoints are a minute apart.
fn minute(stack: &Stack) {
    let slow = ["--checkpoint-interval", "60000", "--delivery", "exactly-once"];
    let arguments = [&["upgrade", "--", "--checkpointing", "true", "--event-time", "true"], &slow[..]].concat();
    stack.playground(&arguments).run().expect(0);
    let hidden = || emitted(stack, Reader::Uncommitted).len() - emitted(stack, Reader::Committed).len();
    until("more windows than are open at rest", 60, || (hidden() >= 36).then_some(()));
    let written = emitted(stack, Reader::Uncommitted).len() as u64;
    // It waits for the checkpoint that commits them, and takes nobody for dead meanwhile.
    let answer = verify(stack, &["--delivery", "exactly-once"]).expect(0);
    assert!(class(&answer, "complete") >= written, "{written} were written: {}", answer.stdout);
    assert_eq!(answer.json()["job"]["delivery"], "exactly-once");
}

/// Its last counts can be read, by those who do not ask whether they count.
fn died(stack: &Stack) {
    let committed = || emitted(stack, Reader::Committed).len() as u64;
    let hidden = || emitted(stack, Reader::Uncommitted).len() as u64 - committed();
    until("an open transaction", 30, || (hidden() >= 12).then_some(()));
    stack.playground(&["kill", "taskmanager"]).run().expect(0);
    stack.playground(&["cancel"]).run().expect(0);
    let answers =
        [&[][..], &["--past"], &["--bootstrap-server", &stack.kafka()]].map(|arguments| verify(stack, arguments));
    assert!(hidden() >= 12, "the situation is gone: {} hidden", hidden());
    let [now, past, topics] = answers;
    for answer in [&now, &past, &topics] {
        assert!(class(answer, "complete") <= committed(), "{} are committed: {}", committed(), answer.stdout);
        assert_eq!(class(answer, "missing"), 0, "{}", answer.stdout);
    }
    assert_eq!(now.expect(3).json()["ledger"]["delivery"], "exactly-once");
    assert_eq!(past.json()["ledger"]["delivery"], "exactly-once");
    assert_eq!(past.json()["past"], true);
}
