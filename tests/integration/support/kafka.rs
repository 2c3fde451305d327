//! Kafka past the binary: what its users have at hand as well, to look at topics and to harm them.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::stack::Stack;
use super::wait::until;

/// Whatever the broker may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A record as it lies in its topic.
#[derive(Debug, Clone)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub payload: String,
}

/// As which reader a topic is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Committed,
    Uncommitted,
}

/// All records that a topic holds now, each partition's in order.
pub fn records(stack: &Stack, topic: &str, reader: Reader) -> Vec<Record> {
    read(stack, topic, reader, Offset::Beginning)
}

/// The last record of each partition.
pub fn newest(stack: &Stack, topic: &str) -> Vec<Record> {
    read(stack, topic, Reader::Uncommitted, Offset::OffsetTail(1))
}

fn read(stack: &Stack, topic: &str, reader: Reader, from: Offset) -> Vec<Record> {
    let mut config = config(stack);
    let level = if reader == Reader::Committed { "read_committed" } else { "read_uncommitted" };
    config.set("isolation.level", level).set("enable.partition.eof", "true").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.set("group.id", "test").create().expect("make a consumer");
    let mut open: BTreeSet<i32> = (0..partitions(&consumer, topic)).collect();
    let mut assigned = TopicPartitionList::new();
    for partition in &open {
        assigned.add_partition_offset(topic, *partition, from).expect("an offset");
    }
    consumer.assign(&assigned).expect("read a topic");
    let mut records = Vec::new();
    while !open.is_empty() {
        match consumer.poll(LIMIT) {
            Some(Ok(record)) => records.push(Record {
                partition: record.partition(),
                offset: record.offset(),
                payload: String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned(),
            }),
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(error)) => panic!("read {topic}: {error}"),
            None => panic!("read {topic}: nothing came"),
        }
    }
    records
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> i32 {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("ask for a topic");
    i32::try_from(metadata.topics()[0].partitions().len()).expect("a few")
}

/// Where each partition ends, open transactions and all.
pub fn ends(stack: &Stack, topic: &str) -> Vec<i64> {
    let mut config = config(stack);
    let consumer: BaseConsumer = config.set("isolation.level", "read_uncommitted").create().expect("make a consumer");
    let end = |partition| consumer.fetch_watermarks(topic, partition, LIMIT).expect("where a partition ends").1;
    (0..partitions(&consumer, topic)).map(end).collect()
}

/// Makes a topic, for instance with `compression.type`.
pub fn create(stack: &Stack, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        wanted = wanted.set(name, value);
    }
    let made = now(admin(stack).create_topics(&[wanted], &AdminOptions::new())).expect("make a topic");
    made[0].as_ref().expect("make a topic");
}

/// Deletes a topic and makes it again, empty.
pub fn make_anew(stack: &Stack, topic: &str, partitions: i32) {
    let (admin, options) = (admin(stack), AdminOptions::new());
    now(admin.delete_topics(&[topic], &options)).expect("delete a topic")[0].as_ref().expect("delete a topic");
    // The broker deletes in its own time, and until then the name is taken.
    until("the topic can be made again", 30, || {
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        now(admin.create_topics(&[wanted], &options)).expect("make a topic")[0].as_ref().is_ok().then_some(())
    });
}

/// Deletes all records that a topic holds now, as `kafka-delete-records.sh` and retention do.
pub fn delete_records(stack: &Stack, topic: &str) {
    let mut before = TopicPartitionList::new();
    for (partition, end) in (0..).zip(ends(stack, topic)) {
        before.add_partition_offset(topic, partition, Offset::Offset(end)).expect("an offset");
    }
    now(admin(stack).delete_records(&before, &AdminOptions::new())).expect("delete records");
}

/// Adds records to a topic: to these partitions, or where the producer likes.
pub fn send<'a>(stack: &Stack, topic: &str, records: impl IntoIterator<Item = (Option<i32>, &'a str)>) {
    let mut config = config(stack);
    let producer: BaseProducer =
        config.set("queue.buffering.max.messages", "1000000").create().expect("make a producer");
    for (partition, payload) in records {
        let mut record = BaseRecord::<(), str>::to(topic).payload(payload);
        record.partition = partition;
        producer.send(record).expect("queue a record");
    }
    producer.flush(LIMIT).expect("send the records");
}

/// A transaction of somebody else, held open until it is dropped, which aborts it.
pub struct Transaction(BaseProducer);

/// Begins one, with a record in it.
pub fn open_transaction(stack: &Stack, topic: &str, payload: &str) -> Transaction {
    let mut config = config(stack);
    let config = config.set("transactional.id", "somebody-else").set("transaction.timeout.ms", "300000");
    let producer: BaseProducer = config.create().expect("make a producer");
    producer.init_transactions(LIMIT).expect("be known as transactional");
    producer.begin_transaction().expect("begin a transaction");
    producer.send(BaseRecord::<(), str>::to(topic).payload(payload)).expect("queue a record");
    producer.flush(LIMIT).expect("send a record");
    Transaction(producer)
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let aborted = self.0.abort_transaction(LIMIT);
        assert!(aborted.is_ok() || std::thread::panicking(), "abort a transaction: {aborted:?}");
    }
}

fn admin(stack: &Stack) -> AdminClient<DefaultClientContext> {
    config(stack).create().expect("make a client")
}

fn config(stack: &Stack) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", stack.kafka());
    config
}

fn now<T>(done: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(done)
}
