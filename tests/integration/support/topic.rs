//! The workload's topics as a test sees them, and copies of them, changed on purpose.

use std::collections::BTreeSet;

use serde_json::Value;

use super::kafka::{self, Reader, Record};
use super::stack::Stack;
use super::wait::until;

/// All records that `output` holds now: each count, with its offset added.
pub fn output(stack: &Stack) -> Vec<Value> {
    counts(stack, Reader::Uncommitted)
}

/// The same for one of both readers. What is no count is left out.
pub fn counts(stack: &Stack, reader: Reader) -> Vec<Value> {
    let count = |record: Record| {
        let mut count: Value = serde_json::from_str(&record.payload).ok()?;
        count.as_object_mut()?.insert("offset".to_owned(), record.offset.into());
        Some(count)
    };
    kafka::records(stack, "output", reader).into_iter().filter_map(count).collect()
}

/// Which key and window a count is for.
pub fn name(count: &Value) -> (String, i64) {
    (count["page"].to_string(), count["windowStart"].as_i64().expect("a window"))
}

/// Whether some window was emitted twice.
pub fn twice(stack: &Stack) -> bool {
    output(stack).len() > emitted(stack, Reader::Uncommitted).len()
}

/// Kills the TaskManagers after counts that no checkpoint knows of, and waits until they were emitted again. Checkpoints must be further
/// apart than windows, by as long as a `kill` takes on the slowest machine: use [`SELDOM`].
pub fn emit_again(stack: &Stack) {
    let checkpoint = stack.checkpoints();
    until("another checkpoint", 30, || (stack.checkpoints() > checkpoint).then_some(()));
    grows_by(stack, 6, 30);
    stack.playground(&["kill", "taskmanager"]).run().expect(0);
    stack.playground(&["start", "taskmanager"]).run().expect(0);
    until("windows that were emitted again", 60, || twice(stack).then_some(()));
}

/// A window closes every 3 s of a test, a checkpoint completes every 10 s: 7 s for [`emit_again`] to kill within.
pub const SELDOM: [&str; 2] = ["--checkpoint-interval", "10000"];

/// Each key and window that was emitted.
pub fn emitted(stack: &Stack, reader: Reader) -> BTreeSet<(String, i64)> {
    counts(stack, reader).iter().map(name).collect()
}

/// Waits until so many more records are in `output`.
pub fn grows_by(stack: &Stack, records: i64, seconds: u64) {
    let end = || kafka::ends(stack, "output").iter().sum::<i64>();
    let before = end();
    until(&format!("{records} more counts"), seconds, || (end() >= before + records).then_some(()));
}

/// A record as the job would write it.
pub fn count(of: &Value, count: u64) -> String {
    changed(of, "count", count)
}

/// A record as the job would write it, but for one field.
pub fn changed(of: &Value, field: &str, value: impl Into<Value>) -> String {
    let mut record = of.clone();
    let fields = record.as_object_mut().expect("a count");
    fields.remove("offset");
    fields.insert(field.to_owned(), value.into());
    record.to_string()
}

/// A count for a window so many windows after the newest one that was emitted.
pub fn ahead(stack: &Stack, windows: i64) -> String {
    let mut count = output(stack).pop().expect("a count");
    let start = count["windowStart"].as_i64().expect("a window") + windows * 15_000;
    count["windowEnd"] = (start + 15_000).into();
    changed(&count, "windowStart", start)
}

/// Makes a topic of one partition that holds these records.
pub fn make(stack: &Stack, topic: &str, records: &[String]) {
    kafka::create(stack, topic, 1, &[]);
    produce(stack, topic, records);
}

/// Adds records to a topic.
pub fn produce(stack: &Stack, topic: &str, records: &[String]) {
    kafka::send(stack, topic, records.iter().map(|record| (None, record.as_str())));
}

/// The same records in another topic, which the broker keeps with this codec.
pub fn copy(stack: &Stack, records: &[Record], to: &str, codec: &str) {
    let partitions = records.iter().map(|record| record.partition + 1).max().expect("records");
    kafka::create(stack, to, partitions, &[("compression.type", codec)]);
    kafka::send(stack, to, records.iter().map(|record| (Some(record.partition), record.payload.as_str())));
}

/// The time of a partition's newest click, in ms of event time, and its page. Waits for one in the first third of its window, so that another
/// click of that time, sent at once, is not late.
pub fn fresh_click(stack: &Stack, partition: i32) -> (i64, String) {
    until("a click at the beginning of its window", 20, || {
        let record = kafka::newest(stack, "input").into_iter().find(|record| record.partition == partition)?;
        let click: Value = serde_json::from_str(&record.payload).ok()?;
        let time = click["timestamp"].as_i64()?;
        (time % 15_000 < 5000).then(|| Some((time, click["page"].as_str()?.to_owned())))?
    })
}
