//! Topics that a test makes up: the records of `output`, changed on purpose.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;

use super::stack::Stack;

/// All records that `output` holds now, as `tail` gives them: each count, with its offset added.
pub fn output(stack: &Stack) -> Vec<Value> {
    let tail = stack.playground(&["tail", "output", "--from-beginning", "--no-follow", "-o", "json"]).run().expect(0);
    let count = |line: &str| {
        let mut record: Value = serde_json::from_str(line).expect("JSON lines");
        let mut count = record["value"].take();
        count["offset"] = record["offset"].take();
        count
    };
    tail.stdout.lines().map(count).collect()
}

/// A record as the job would write it.
pub fn count(of: &Value, count: u64) -> String {
    format!(
        r#"{{"windowStart":{},"windowEnd":{},"page":{},"count":{count}}}"#,
        of["windowStart"], of["windowEnd"], of["page"]
    )
}

/// Makes a topic of one partition that holds these records.
pub fn make(stack: &Stack, topic: &str, records: &[String]) {
    let admin: AdminClient<DefaultClientContext> = config(stack).create().expect("make a client");
    let wanted = [NewTopic::new(topic, 1, TopicReplication::Fixed(1))];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let made = runtime.block_on(admin.create_topics(&wanted, &AdminOptions::new())).expect("make a topic");
    made[0].as_ref().expect("make a topic");
    produce(stack, topic, records);
}

/// Adds records to a topic.
pub fn produce(stack: &Stack, topic: &str, records: &[String]) {
    let producer: BaseProducer = config(stack).create().expect("make a producer");
    for record in records {
        producer.send(BaseRecord::<(), String>::to(topic).payload(record)).expect("queue a record");
    }
    producer.flush(Duration::from_secs(20)).expect("send the records");
}

fn config(stack: &Stack) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", stack.kafka());
    config
}
