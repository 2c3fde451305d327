//! A real stack's real output, changed on purpose: the verdict cannot be fooled.

use serde_json::Value;

use super::{because, class, verify};
use crate::support::Answer;
use crate::support::kafka::{self, Reader};
use crate::support::situation::each;
use crate::support::stack::Stack;
use crate::support::topic::{ahead, changed, copy, count, emitted, grows_by, make, output, produce};

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn it_cannot_be_fooled() {
    let stack = Stack::new("verdict");
    stack.up();
    grows_by(&stack, 36, 60);
    each(
        &stack,
        &[
            ("a window is missing", missing_window),
            ("the oldest counts are deleted, and one that follows is lost", oldest_deleted),
            ("a record is there twice", duplicate),
            ("nothing is there", empty),
            ("records that no click explains", foreign),
            ("a right count of wrong clicks", wrong_checksum),
            ("every codec is read", codecs),
            ("a count far ahead of all clicks", far_ahead),
            ("a wrong count in output itself", wrong_count),
        ],
    );
}

/// `verify` of this stack's clicks against other counts.
fn against(stack: &Stack, topic: &str, records: &[String], more: &[&str]) -> Answer {
    make(stack, topic, records);
    verify(stack, &[&["--output-topic", topic], more].concat())
}

/// What `output` holds, as the job wrote it.
fn written(seen: &[Value]) -> Vec<String> {
    seen.iter().map(|record| count(record, 1000)).collect()
}

/// The six records of a window are not there.
fn missing_window(stack: &Stack) {
    let seen = output(stack);
    let window = &seen[seen.len() / 2]["windowStart"];
    let kept: Vec<Value> = seen.iter().filter(|record| record["windowStart"] != *window).cloned().collect();
    let answer = against(stack, "cut", &written(&kept), &[]).expect(1);
    assert_eq!((class(&answer, "missing"), answer.json()["verdict"].as_str()), (6, Some("fail")));
    assert_eq!(class(&answer, "records_lost"), 6000);
}

/// Read: what a key had lost before its first count that is left vanished from the ledger, and the verdict was a pass.
fn oldest_deleted(stack: &Stack) {
    let mut seen = output(stack);
    let young = seen.split_off(seen.len() / 2);
    make(stack, "old", &written(&seen));
    kafka::delete_records(stack, "old");
    // The first that a page has there would tell from where on it is whole.
    let (lost, page) = (&young[0], &young[0]["page"]);
    let kept: Vec<Value> = young.iter().filter(|record| *record != lost).cloned().collect();
    produce(stack, "old", &written(&kept));
    let answer = verify(stack, &["--output-topic", "old"]).expect(3);
    because(&answer, "no longer holds its oldest records");
    assert!(class(&answer, "before_output") > seen.len() as u64, "{page} lost one: {}", answer.stdout);
    assert_eq!(class(&answer, "missing"), 0, "{}", answer.stdout);
}

/// The same record twice: some restart may explain it, but none was.
fn duplicate(stack: &Stack) {
    let records = written(&output(stack));
    let twice = [&records, &records[..1]].concat();
    let answer = against(stack, "twice", &twice, &[]).expect(3);
    assert_eq!((class(&answer, "duplicate"), class(&answer, "duplicates_unexplained")), (1, 1));
    let held = ["--output-topic", "twice", "--delivery", "exactly-once"];
    assert_eq!(class(&verify(stack, &held).expect(1), "duplicate"), 1);
}

/// Nothing was emitted: nothing is proved.
fn empty(stack: &Stack) {
    assert_eq!(against(stack, "empty", &[], &[]).expect(3).json()["verdict"], "unknown");
}

/// Records that are no counts, of no page, and of windows that nobody clicked in.
fn foreign(stack: &Stack) {
    let other_run = r#"{"windowStart":15000,"windowEnd":30000,"page":"/shop","count":1000,"checksum":7492500}"#;
    let other_page = r#"{"windowStart":15000,"windowEnd":30000,"page":"/cart","count":1000,"checksum":7492500}"#;
    let foreign = ["not JSON", other_run, other_page].map(str::to_owned);
    let records = [&written(&output(stack))[..], &foreign].concat();
    assert_eq!(class(&against(stack, "foreign", &records, &[]).expect(1), "unexpected"), 3);
}

/// One click lost and another counted twice: the number is right.
fn wrong_checksum(stack: &Stack) {
    let seen = output(stack);
    let of = &seen[seen.len() / 2];
    let checksum = of["checksum"].as_u64().expect("a checksum beside each count");
    let mut records = written(&seen);
    records[seen.len() / 2] = changed(of, "checksum", checksum + 15);
    let answer = against(stack, "swapped", &records, &[]).expect(1);
    let example = &answer.json()["ledger"]["counterexamples"][0];
    assert_eq!((&example["key"], &example["window_start"]), (&of["page"], &of["windowStart"]), "{example:#}");
}

/// Both topics, as the broker compresses them.
fn codecs(stack: &Stack) {
    // What was emitted was clicked before.
    let counts = kafka::records(stack, "output", Reader::Uncommitted);
    let clicks = kafka::records(stack, "input", Reader::Uncommitted);
    let windows = emitted(stack, Reader::Uncommitted).len() as u64;
    let mut wrong = Vec::new();
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let (input, output) = (format!("input-{codec}"), format!("output-{codec}"));
        copy(stack, &clicks, &input, codec);
        copy(stack, &counts, &output, codec);
        let (kafka, topics) = (stack.kafka(), ["--input", &input, "--output-topic", &output]);
        let answer = verify(stack, &[&["--bootstrap-server", &kafka][..], &topics].concat());
        // Those that came between two looks, and the last of each page.
        if answer.code != 0 || class(&answer, "complete") + 24 < windows {
            wrong.push(format!("{codec}: {} {}{}", answer.code, answer.stdout, answer.stderr));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A window that no clicks explain, now or within an hour.
fn far_ahead(stack: &Stack) {
    let running = stack.playground(&["verify", "--windows", "3", "--timeout", "60", "-o", "json"]).start();
    produce(stack, "output", &[ahead(stack, 1000)]);
    let answer = running.end().expect(1);
    assert!(class(&answer, "unexpected") >= 1, "{}", answer.stdout);
}

/// A wrong count in the stack's own output, told with key, window and offset.
fn wrong_count(stack: &Stack) {
    let seen = output(stack);
    let of = &seen[seen.len() / 2];
    produce(stack, "output", &[count(of, 999)]);
    let wrong = output(stack).into_iter().rfind(|record| record["count"] == 999).expect("the wrong record");
    let page = stack.playground(&["verify"]).run().expect(1).stdout;
    assert!(page.contains("FAIL"), "{page}");
    assert!(page.contains(of["page"].as_str().expect("a page")), "{page}");
    assert!(page.contains(&format!("output-0 @ {}", wrong["offset"])), "{page}");
    let json = verify(stack, &[]).expect(1).json();
    let examples = json["ledger"]["counterexamples"].as_array().expect("examples").clone();
    let told = examples.iter().any(|one| one["key"] == of["page"] && one["window_start"] == of["windowStart"]);
    assert!(told, "{examples:#?}");
}
