//! A verdict speaks of a job and a span: one that runs, stops, is killed, is cancelled, and is followed by another.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{because, class, verify};
use crate::support::kafka;
use crate::support::situation::each;
use crate::support::stack::Stack;
use crate::support::topic::{SELDOM, emit_again, fresh_click, grows_by, name, output, twice};
use crate::support::wait::until;

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_verdict_names_its_job_and_its_span() {
    let stack = Stack::new("job");
    stack.up_with(&SELDOM);
    grows_by(&stack, 12, 60);
    each(
        &stack,
        &[
            ("a job that runs", running),
            ("whatever the job counts, the ledger counts", same_records),
            ("a job that was stopped with a savepoint", stopped),
            ("a job that was restarted", restarted),
            ("a job that was cancelled", cancelled),
            ("a second job that counts everything again", second_job),
            ("nothing but topics is given", only_topics),
        ],
    );
}

/// So many windows of each key, and no others.
fn running(stack: &Stack) {
    let answer = verify(stack, &["--windows", "2"]).expect(0);
    assert_eq!(class(&answer, "judged"), 12, "{}", answer.stdout);
    let json = answer.json();
    assert_eq!(json["past"], false, "{json:#}");
    assert_eq!((json["job"]["id"].as_str(), json["job"]["state"].as_str()), (Some(&*stack.job()), Some("RUNNING")));
    assert_eq!(json["job"]["delivery"], "at-least-once", "{json:#}");
    assert!(json["job"]["since"].as_i64() > Some(1_600_000_000_000), "{json:#}");
    let span = |end: &str| json["span"][end].as_i64().unwrap_or_else(|| panic!("no {end}: {json:#}"));
    assert_eq!(span("to") - span("from"), 30_000, "{json:#}");

    let all = verify(stack, &[]).expect(0);
    assert!(class(&all, "judged") >= 24, "{}", all.stdout);
    assert!(all.json()["span"]["from"].as_i64() < Some(span("from")), "{}", all.stdout);
}

/// A page that nobody knew is a key like any other. Whether an odd record is a click is the job's to say, and the ledger's to
/// repeat.
fn same_records(stack: &Stack) {
    let (time, page) = fresh_click(stack, 3);
    let records = [
        format!(r#"{{"timestamp":{time},"page":"/cart"}}"#),
        format!(r#"[{time},"{page}"]"#),
        // Once more, so that what only one of both counts is not made up for by what only the other counts.
        format!(r#"[{time},"{page}"]"#),
        format!(r#"{{"timestamp":{time},"timestamp":{time},"page":"{page}"}}"#),
        format!(r#"{{"timestamp":{}e3,"page":"{page}"}}"#, time / 1000),
        format!(r#"{{"timestamp":{time}.0,"page":"{page}"}}"#),
        format!(r#"{{"timestamp":"{time}","page":"{page}"}}"#),
        format!(r#"{{"timestamp":{time},"page":null}}"#),
        "oops".to_owned(),
    ];
    kafka::send(stack, "input", records.iter().map(|record| (Some(3), record.as_str())));
    let cart = |record: &Value| record["page"] == "/cart";
    until("a count of /cart", 30, || output(stack).into_iter().find(cart));
    grows_by(stack, 6, 30);
    let answer = verify(stack, &[]).expect(0);
    assert_eq!(class(&answer, "unexpected"), 0, "{}", answer.stdout);
    // A key without another click keeps nobody waiting.
    verify(stack, &["--windows", "1", "--timeout", "60"]).expect(0);
}

/// The windows that lie in its savepoint are neither right nor lost.
fn stopped(stack: &Stack) {
    stack.playground(&["stop"]).run().expect(0);
    let (past, now) = (verify(stack, &["--past"]), verify(stack, &[]));
    stack.playground(&["submit", "--from-savepoint", "latest"]).run().expect(0);
    grows_by(stack, 12, 60);
    let past = past.expect(0);
    assert_eq!(class(&past, "missing"), 0, "{}", past.stdout);
    assert!(class(&past, "undecided") >= 6, "{}", past.stdout);
    // The clicks go on, and nobody counts them.
    now.expect(3);
}

/// What it had emitted after its last checkpoint it emits again, and its restore explains that.
fn restarted(stack: &Stack) {
    emit_again(stack);
    until("a running job again", 60, || {
        (verify(stack, &["--windows", "1", "--timeout", "30"]).code == 0).then_some(())
    });
    let answer = verify(stack, &[]).expect(0);
    assert!(class(&answer, "duplicate") >= 1, "{}", answer.stdout);
    assert_eq!(class(&answer, "duplicates_unexplained"), 0, "{}", answer.stdout);
    assert_eq!(answer.json()["ledger"]["delivery"], "at-least-once");
    // Held to more than it promises.
    let held = verify(stack, &["--delivery", "exactly-once"]).expect(1);
    assert_eq!(held.json()["ledger"]["delivery"], "exactly-once", "{}", held.stdout);
}

/// With nobody who could emit, there is no pass but for what is over.
fn cancelled(stack: &Stack) {
    stack.playground(&["cancel"]).run().expect(0);
    let began = Instant::now();
    let answers = [verify(stack, &["--windows", "3", "--timeout", "60"]), verify(stack, &[])];
    assert!(began.elapsed() < Duration::from_secs(40), "it waits for a job that is gone: {:?}", began.elapsed());
    let past = verify(stack, &["--past"]);
    let text = stack.playground(&["verify"]).run();
    for answer in answers {
        let answer = answer.expect(3);
        because(&answer, "no job is running");
        assert_eq!(answer.json()["job"]["state"], "CANCELED");
    }
    assert!(text.stdout.contains("no job is running") && text.stdout.contains("--past"), "{}", text.stdout);
    assert_eq!(past.expect(0).json()["past"], true);
    let text = stack.playground(&["verify", "--past"]).run().expect(0).stdout;
    assert!(text.contains("past") || text.contains("is over"), "{text}");
}

/// Every window is emitted again, and no restart explains it.
fn second_job(stack: &Stack) {
    // Cancelled already, if the situation before this one was tried.
    stack.playground(&["cancel"]).run();
    let before: Vec<_> = output(stack).iter().map(name).collect();
    stack
        .playground(&["submit", "--", "--checkpointing", "true", "--event-time", "true", "--group", "again"])
        .run()
        .expect(0);
    let again = || output(stack).len() >= 2 * before.len();
    until("each window again", 120, || again().then_some(()));
    let answer = verify(stack, &[]).expect(3);
    assert!(class(&answer, "duplicates_unexplained") >= 12, "{}", answer.stdout);
    assert_eq!(class(&answer, "over") + class(&answer, "conflicting"), 0, "{}", answer.stdout);
}

/// Nobody is there to be asked what explains them.
fn only_topics(stack: &Stack) {
    assert!(twice(stack), "the situations before left windows that were emitted twice");
    let topics = ["verify", "--bootstrap-server", &stack.kafka()];
    let text = stack.playground(&topics).run().expect(0).stdout;
    assert!(text.contains("unexplained"), "{text}");
    let json = stack.playground(&[&topics[..], &["-o", "json"]].concat()).run().expect(0).json();
    assert_eq!((&json["past"], &json["job"]), (&Value::Bool(true), &Value::Null));
}
