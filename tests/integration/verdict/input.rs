//! Clicks that leave `input` before they were seen counted: nobody can tell any more whether they ever were.

use super::{because, reasons, verify};
use crate::support::kafka;
use crate::support::situation::Situation;
use crate::support::stack::Stack;
use crate::support::topic::grows_by;
use crate::support::wait::until;

/// The expectation never shrinks in silence. They want two windows of counts, and leave no whole past behind.
pub const SITUATIONS: &[Situation] =
    &[("clicks are deleted while the TaskManager is away", deleted), ("the topic of clicks is made anew", made_anew)];

fn deleted(stack: &Stack) {
    let running = stack.playground(&["verify", "--windows", "8", "--timeout", "90", "-o", "json"]).start();
    stack.playground(&["kill", "taskmanager"]).run().expect(0);
    let clicks = || kafka::ends(stack, "input").iter().sum::<i64>();
    let before = clicks();
    until("clicks of two windows that nobody counts", 60, || (clicks() > before + 12_000).then_some(()));
    kafka::delete_records(stack, "input");
    stack.playground(&["start", "taskmanager"]).run().expect(0);
    grows_by(stack, 18, 60);

    // Who comes when it is over, and who watched it.
    let after = verify(stack, &[]);
    let watched = running.end();
    assert_eq!(
        (after.code, watched.code),
        (3, 3),
        "{}{}\n{}{}",
        after.stdout,
        after.stderr,
        watched.stdout,
        watched.stderr
    );
    for answer in [&after, &watched] {
        because(answer, "input-");
        assert!(reasons(answer).chars().any(|letter| letter.is_ascii_digit()), "no offset: {}", answer.stdout);
    }
    // To have judged what is left does not make it whole.
    assert_ne!(verify(stack, &["--past"]).code, 0);
}

/// What the old one held that was not counted yet, nobody can tell.
fn made_anew(stack: &Stack) {
    let running = stack.playground(&["verify", "--windows", "30", "--timeout", "30", "-o", "json"]).start();
    // On a busy machine it takes a while to begin, and one that knew the old topic is what this is about.
    grows_by(stack, 18, 60);
    kafka::make_anew(stack, "input", 6);
    because(&running.end().expect(3), "input");
}
