//! The verdict cannot be fooled: a real stack's real output, changed on purpose.

use serde_json::Value;

use crate::support::Answer;
use crate::support::stack::Stack;
use crate::support::topic::{count, make, output, produce};

/// `verify` of the clicks of this stack against the counts in another topic.
fn verify(stack: &Stack, topic: &str, more: &[&str]) -> Answer {
    stack.playground(&[&["verify", "--output-topic", topic, "-o", "json"], more].concat()).run()
}

fn class(answer: &Answer, name: &str) -> u64 {
    answer.json()["ledger"][name].as_u64().unwrap_or_else(|| panic!("no count of {name}: {}", answer.stdout))
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn it_cannot_be_fooled() {
    let stack = Stack::new("verdict");
    stack.up();
    let pass = stack.playground(&["verify", "--windows", "4", "-o", "json"]).run().expect(0);
    assert_eq!(pass.json()["verdict"], "pass");
    assert!(class(&pass, "complete") >= 24);

    let seen = output(&stack);
    let records: Vec<String> = seen.iter().map(|record| count(record, 1000)).collect();
    assert!(records.len() >= 24, "4 windows of 6 pages: {seen:?}");

    missing_window(&stack, &seen);
    duplicate(&stack, &records);
    empty(&stack);
    foreign(&stack, &records);
    wrong_count(&stack, &seen[seen.len() / 2]);
}

/// The six records of a window are not there.
fn missing_window(stack: &Stack, seen: &[Value]) {
    let window = &seen[seen.len() / 2]["windowStart"];
    let kept = seen.iter().filter(|record| record["windowStart"] != *window);
    make(stack, "cut", &kept.map(|record| count(record, 1000)).collect::<Vec<_>>());
    let answer = verify(stack, "cut", &[]).expect(1);
    assert_eq!((class(&answer, "missing"), answer.json()["verdict"].as_str()), (6, Some("fail")));
    assert_eq!(answer.json()["ledger"]["clicks_lost"], 6000);
}

/// The same record twice.
fn duplicate(stack: &Stack, records: &[String]) {
    let twice = [records, &records[..1]].concat();
    make(stack, "twice", &twice);
    assert_eq!(class(&verify(stack, "twice", &[]).expect(0), "duplicate"), 1);
    assert_eq!(class(&verify(stack, "twice", &["--delivery", "exactly-once"]).expect(1), "duplicate"), 1);
}

/// Nothing was emitted: nothing is proved.
fn empty(stack: &Stack) {
    make(stack, "empty", &[]);
    assert_eq!(verify(stack, "empty", &[]).expect(3).json()["verdict"], "unknown");
}

/// Records that are no counts, of no page, and of windows that nobody clicked in.
fn foreign(stack: &Stack, records: &[String]) {
    let other_run = r#"{"windowStart":15000,"windowEnd":30000,"page":"/shop","count":1000}"#;
    let other_page = r#"{"windowStart":15000,"windowEnd":30000,"page":"/cart","count":1000}"#;
    let foreign = ["not JSON", other_run, other_page].map(str::to_owned);
    make(stack, "foreign", &[records, &foreign].concat());
    assert_eq!(class(&verify(stack, "foreign", &[]).expect(1), "unexpected"), 3);
}

/// A wrong count in the stack's own output, told with page, window and offset.
fn wrong_count(stack: &Stack, of: &Value) {
    produce(stack, "output", &[count(of, 999)]);
    let wrong = output(stack).into_iter().rfind(|record| record["count"] == 999).expect("the wrong record");
    let page = stack.playground(&["verify"]).run().expect(1).stdout;
    assert!(page.contains("FAIL"), "{page}");
    assert!(page.contains(of["page"].as_str().expect("a page")), "{page}");
    assert!(page.contains(&format!("output-0 @ {}", wrong["offset"])), "{page}");
    let example = &verify(stack, "output", &[]).expect(1).json()["ledger"]["counterexamples"][0];
    assert_eq!(example["window_start"], of["windowStart"]);
}
