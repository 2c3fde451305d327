//! Runs of the generator on librdkafka's own broker.

use super::*;
use crate::kafka::tail;
use crate::workload::clicks::{PAGES, decode};
use crate::workload::feed::Feed;
use crate::workload::template::Record;
use proptest::prelude::*;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const TOPIC: &str = "records";

fn cluster(partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, partitions, 1).unwrap();
    cluster
}

fn order(bootstrap: String, feed: &Feed, limit: u64) -> Order {
    Order {
        bootstrap,
        topic: TOPIC.into(),
        also: Vec::new(),
        records: Records::of(feed).unwrap(),
        speed: f64::INFINITY,
        limit: Some(limit),
        wait: Duration::from_secs(30),
    }
}

fn run(bootstrap: &str, feed: &Feed, limit: u64) -> Result<Summary> {
    generate(&order(bootstrap.to_owned(), feed, limit), &AtomicBool::new(false), None, |_| {})
}

/// What is in the topic, each partition's records in their order.
fn topic(bootstrap: &str) -> Vec<Vec<Vec<u8>>> {
    let ends = Admin::new(bootstrap, Isolation::Uncommitted).unwrap().ends(TOPIC).unwrap();
    let mut records = vec![Vec::new(); ends.len()];
    tail::read(bootstrap, TOPIC, Isolation::Uncommitted, &ends, |record| {
        records[usize::try_from(record.partition)?].push(record.payload.to_vec());
        Ok(())
    })
    .unwrap();
    records
}

/// The event times of all clicks of the topic, each partition's in its order.
fn clicks(bootstrap: &str) -> Vec<Vec<i64>> {
    let timestamp = |(page, payload): (&str, Vec<u8>)| {
        let (timestamp, found) = decode(&payload).unwrap();
        assert_eq!(found, page);
        timestamp
    };
    let of_page = |(page, records): (usize, Vec<Vec<u8>>)| {
        records.into_iter().map(|payload| timestamp((PAGES[page], payload))).collect()
    };
    topic(bootstrap).into_iter().enumerate().map(of_page).collect()
}

/// Sends so many of each partition's first records, as a run that was killed.
fn send(bootstrap: &str, feed: &Feed, epoch: i64, sent: &[u64]) {
    let records = Records::of(feed).unwrap();
    let mut producer = Producer::new(bootstrap, TOPIC).unwrap();
    for (partition, sent) in sent.iter().enumerate() {
        for number in 0..*sent {
            let value = value(&records, epoch, partition, number);
            producer.send(i32::try_from(partition).unwrap(), 0, None, &value).unwrap();
        }
    }
    assert_eq!(producer.flush(Duration::from_secs(30)), 0);
}

/// A partition's record of a feed that began then.
fn value(records: &Records, epoch: i64, partition: usize, number: u64) -> Vec<u8> {
    let mut value = Vec::new();
    let time = epoch + i64::try_from(number).unwrap() * records.every_ms;
    records.value(&mut value, Record { seq: records.seq(partition, number).unwrap(), time });
    value
}

#[test]
fn two_runs_make_one_sequence() {
    let cluster = cluster(6);
    let bootstrap = cluster.bootstrap_servers();
    let mut begins = Vec::new();
    let mut run = |limit| {
        let tell = |progress: &Progress| {
            if let Progress::Begins { resumed, timestamp } = progress {
                begins.push((*resumed, *timestamp));
            }
        };
        generate(
            &order(bootstrap.clone(), &crate::workload::clicks::feed(), limit),
            &AtomicBool::new(false),
            None,
            tell,
        )
        .unwrap()
    };
    let first = run(7_001);
    let second = run(4_999);
    assert_eq!((first.records, first.unacknowledged, second.records), (7_001, 0, 4_999));

    let start = first.first_timestamp;
    assert_eq!(begins, [(false, start), (true, second.first_timestamp)]);
    assert_eq!(start % 15_000, 0, "it begins with a window");
    let expected: Vec<i64> = (0..2000).map(|number| start + number * 15).collect();
    assert_eq!(clicks(&bootstrap), vec![expected; 6]);
}

#[test]
fn pages_that_a_killed_run_left_behind_catch_up() {
    let cluster = cluster(6);
    let bootstrap = cluster.bootstrap_servers();
    let start = 1_604_280_255_000;
    // As far as the batches of each page got: one has none at all.
    let sent = [300, 7, 0, 120, 300, 1];
    send(&bootstrap, &crate::workload::clicks::feed(), start, &sent);
    run(&bootstrap, &crate::workload::clicks::feed(), 6 * 300 - sent.iter().sum::<u64>()).unwrap();
    let expected: Vec<i64> = (0..300).map(|number| start + number * 15).collect();
    assert_eq!(clicks(&bootstrap), vec![expected; 6]);
}

#[test]
fn a_topic_that_ends_with_something_else_is_not_continued() {
    let cluster = cluster(6);
    let bootstrap = cluster.bootstrap_servers();
    let mut producer = Producer::new(&bootstrap, TOPIC).unwrap();
    producer.send(3, 0, None, b"hello").unwrap();
    assert_eq!(producer.flush(Duration::from_secs(30)), 0);
    let error = run(&bootstrap, &crate::workload::clicks::feed(), 1).unwrap_err();
    assert!(error.to_string().starts_with("records-3 @ 0 is not a record of this generator: 'hello'"), "{error}");
}

#[test]
fn a_producer_that_is_given_up_leaves_no_gap_and_nothing_twice() {
    let cluster = cluster(6);
    let bootstrap = cluster.bootstrap_servers();
    let order = order(bootstrap.clone(), &crate::workload::clicks::feed(), 3000);
    let (sequence, anchor) = prepare(&order, &AtomicBool::new(false), &mut |_| {}).unwrap();
    let mut run = Run::begin(&order, sequence, anchor).unwrap();
    run.burst().unwrap();
    assert!(!run.is_stuck());
    run.moved.1 = Instant::now().checked_sub(STUCK + Duration::from_secs(1)).unwrap();
    assert!(run.sent > 0 && run.acknowledged() < run.sent && run.is_stuck());
    run.begin_anew().unwrap();
    assert_eq!(run.left, 3000 - run.before);
    while run.left > 0 {
        let rest = run.burst().unwrap();
        run.producer.serve(rest).unwrap();
    }
    run.finish(&AtomicBool::new(false), |_| Ok(())).unwrap();
    assert_eq!(run.summary(TOPIC).records, 3000);
    let clicks = clicks(&bootstrap);
    assert!(clicks.iter().all(|times| times.len() == 500 && times.windows(2).all(|pair| pair[1] - pair[0] == 15)));
}

/// As the messages that a workload's readers must bear.
#[test]
fn a_record_of_somebody_else_in_between_is_passed_over() {
    let cluster = cluster(6);
    let bootstrap = cluster.bootstrap_servers();
    run(&bootstrap, &crate::workload::clicks::feed(), 600).unwrap();
    let mut producer = Producer::new(&bootstrap, TOPIC).unwrap();
    producer.send(2, 0, None, b"hello").unwrap();
    assert_eq!(producer.flush(Duration::from_secs(30)), 0);

    run(&bootstrap, &crate::workload::clicks::feed(), 600).unwrap();
    let counts: Vec<usize> = topic(&bootstrap).iter().map(Vec::len).collect();
    assert_eq!(counts, [200, 200, 201, 200, 200, 200]);
    let times: Vec<i64> = topic(&bootstrap)[2].iter().filter_map(|value| Some(decode(value)?.0)).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 15));
}

/// The mock broker makes no topics, but what is there has to be as wanted.
#[test]
fn other_topics_are_wanted_as_well() {
    let cluster = cluster(6);
    cluster.create_topic("output", 2, 1).unwrap();
    let wanting = |partitions| {
        let order = order(cluster.bootstrap_servers(), &crate::workload::clicks::feed(), 1);
        let order = Order { also: vec![("output".into(), partitions)], ..order };
        generate(&order, &AtomicBool::new(false), None, |_| {})
    };
    assert!(wanting(2).is_ok());
    let error = wanting(1).unwrap_err().to_string();
    assert!(error.starts_with("topic 'output' on ") && error.contains(" has 2 partitions instead of 1"), "{error}");
}

#[test]
fn keys_are_sent_with_their_records() {
    let cluster = cluster(3);
    let bootstrap = cluster.bootstrap_servers();
    let feed = Feed {
        template: r#"{"id": {seq}, "user": {choice 100}}"#.into(),
        key: Some("user-{choice 100}".into()),
        partitions: 3,
        every_ms: 10,
        align_ms: 1,
        seed: 5,
    };
    run(&bootstrap, &feed, 30).unwrap();

    let client: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &bootstrap).set("group.id", "keys").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..3 {
        assignment.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    client.assign(&assignment).unwrap();
    for _ in 0..30 {
        let message = client.poll(Duration::from_secs(30)).unwrap().unwrap();
        let json: serde_json::Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        assert_eq!(message.key().unwrap(), format!("user-{}", json["user"]).as_bytes());
    }
}

/// Any feed, with the numbers of records that a killed run sent to each partition.
fn feeds() -> impl Strategy<Value = (Feed, Vec<u64>)> {
    let told = prop::sample::select(vec!["{seq}", "{event-time}", "{event-time iso}"]);
    let more =
        prop::sample::select(vec!["{choice 7}", "{uniform -9 9}", "{each a b c}", "{text 5}", "{seq}", "{event-time}"]);
    let template =
        (told, prop::collection::vec(more, 0..4)).prop_map(|(told, more)| format!("{} {told} end", more.join(" ")));
    let numbers =
        prop::collection::vec(0_u64..30, 1..4).prop_filter("a topic with records", |sent| sent.iter().sum::<u64>() > 0);
    (template, numbers, 1..500_i64, prop::sample::select(vec![1, 10, 15_000]), any::<u64>()).prop_map(
        |(template, sent, every_ms, align_ms, seed)| {
            let partitions = u32::try_from(sent.len()).unwrap();
            (Feed { template, partitions, every_ms, align_ms, seed, key: None }, sent)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_killed_run_and_another_make_one_sequence((feed, sent) in feeds()) {
        let cluster = cluster(i32::try_from(feed.partitions).unwrap());
        let bootstrap = cluster.bootstrap_servers();
        let epoch = 1_604_280_255_000;
        send(&bootstrap, &feed, epoch, &sent);
        let left = 40 * u64::from(feed.partitions) - sent.iter().sum::<u64>();
        run(&bootstrap, &feed, left).unwrap();

        let records = Records::of(&feed).unwrap();
        for (partition, values) in topic(&bootstrap).into_iter().enumerate() {
            prop_assert_eq!(values.len(), 40);
            for (number, found) in (0..).zip(values) {
                let expected = value(&records, epoch, partition, number);
                prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
            }
        }
    }
}
