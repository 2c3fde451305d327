//! Topics of a real broker, as a follower reads them.

use std::time::Duration;

use playground::kafka::Isolation;
use playground::kafka::admin::Admin;
use playground::kafka::follow::{Follower, Loss};
use playground::kafka::tail::Begin;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::support::situation::Situation;
use crate::support::stack::Stack;

/// Each on topics of its own, which nothing else reads.
pub const SITUATIONS: &[Situation] = &[
    ("every codec", every_codec),
    ("transactions", transactions),
    ("deleted records", deleted_records),
    ("a topic made anew", made_anew),
    ("offsets by time", times),
];

const WAIT: Duration = Duration::from_secs(20);

/// Compressed batches of some length, read to the last record in order.
fn every_codec(stack: &Stack) {
    let broker = &Broker(stack.kafka());
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codec-{codec}");
        broker.make(&topic, 2);
        let producer = broker.producer(&[("compression.type", codec), ("linger.ms", "50")]);
        for number in 0..5000 {
            send(&producer, &topic, number % 2, &format!("{{\"number\":{number}}}"));
        }
        producer.flush(WAIT).expect("send the records");
        let (seen, losses) = broker.follow(&topic, Isolation::Uncommitted, &[0, 0]);
        let expected = |partition: i64| {
            let number = move |offset: i64| (partition, offset, format!("{{\"number\":{}}}", 2 * offset + partition));
            (0..2500).map(number)
        };
        assert!(seen == expected(0).chain(expected(1)).collect::<Vec<_>>(), "{codec}: {:?}", &seen[..10]);
        assert_eq!(losses, []);
    }
}

/// Transactions committed and aborted are known by their records, one that is open holds committed readers back.
fn transactions(stack: &Stack) {
    let broker = &Broker(stack.kafka());
    broker.make("transactions", 1);
    let producer = broker.transactional("one");
    let open = broker.transactional("two");
    let aborted = |value: &str, end: bool| {
        producer.begin_transaction().expect("begin");
        send(&producer, "transactions", 0, value);
        producer.flush(WAIT).expect("send");
        if end { producer.commit_transaction(WAIT) } else { producer.abort_transaction(WAIT) }.expect("end");
    };
    aborted("a", true);
    aborted("b", false);
    aborted("c", true);
    open.begin_transaction().expect("begin");
    send(&open, "transactions", 0, "d");
    open.flush(WAIT).expect("send");
    aborted("e", false);
    aborted("f", true);

    let read = |isolation| broker.follow("transactions", isolation, &[0]).0;
    let record = |offset: i64, value: &str| (0, offset, value.to_owned());
    assert_eq!(read(Isolation::Committed), [record(0, "a"), record(4, "c")]);
    // A marker follows each transaction.
    let all = [(0, "a"), (2, "b"), (4, "c"), (6, "d"), (7, "e"), (9, "f")].map(|(offset, value)| record(offset, value));
    assert_eq!(read(Isolation::Uncommitted), all);

    let mut follower = broker.follower("transactions", Isolation::Committed);
    let known = follower.partitions()[0];
    assert_eq!((known.start, known.stable, known.end), (0, 6, 11));
    assert_eq!(follower.read_to(&[11], |_| Ok(())).expect("read"), []);
    assert_eq!(follower.partitions()[0].position, 6);
    open.abort_transaction(WAIT).expect("abort");
    broker.until(&mut follower, |follower| follower.partitions()[0].stable == 12);
    let mut rest = Vec::new();
    let read = follower.read_to(&[12], |record| {
        rest.push(record.offset);
        Ok(())
    });
    assert_eq!((read.expect("read"), rest, follower.partitions()[0].position), (vec![], vec![9], 12));
}

/// Records that are gone are told with their offsets, by a look and by reading.
fn deleted_records(stack: &Stack) {
    let broker = &Broker(stack.kafka());
    broker.make("deleted", 1);
    let producer = broker.producer(&[("compression.type", "lz4"), ("linger.ms", "50")]);
    (0..100).for_each(|number| send(&producer, "deleted", 0, &number.to_string()));
    producer.flush(WAIT).expect("send the records");
    let mut looks = broker.follower("deleted", Isolation::Uncommitted);
    let mut reads = broker.follower("deleted", Isolation::Committed);
    assert_eq!(reads.read_to(&[10], |_| Ok(())).expect("read"), []);

    // In the middle of a batch.
    broker.delete("deleted", 33);
    assert_eq!(looks.look().expect("look"), [Loss::Unread { partition: 0, offsets: 0..33 }]);
    let known = looks.partitions()[0];
    assert_eq!((known.start, known.position, known.end), (33, 33, 100));
    let mut seen = Vec::new();
    let losses = reads.read_to(&[100], |record| {
        seen.push((record.offset, String::from_utf8_lossy(record.payload).into_owned()));
        Ok(())
    });
    assert_eq!(losses.expect("read"), [Loss::Unread { partition: 0, offsets: 10..33 }]);
    assert_eq!(seen, (33..100).map(|number: i64| (number, number.to_string())).collect::<Vec<_>>());
}

/// A topic of the same name that has grown beyond the position is known by its identity.
fn made_anew(stack: &Stack) {
    let broker = &Broker(stack.kafka());
    let fill = |topic| {
        let producer = broker.producer(&[]);
        (0..20).for_each(|number| send(&producer, topic, 0, &number.to_string()));
        producer.flush(WAIT).expect("send the records");
    };
    broker.make("anew", 1);
    fill("anew");
    let mut follower = broker.follower("anew", Isolation::Uncommitted);
    assert_eq!(follower.read_to(&[5], |_| Ok(())).expect("read"), []);
    broker.remove("anew");
    std::thread::spawn({
        let broker = Broker(broker.0.clone());
        move || {
            std::thread::sleep(Duration::from_secs(2));
            broker.make("anew", 2);
        }
    });
    // It waits for a topic that it knew.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(follower.look().expect("look"), [Loss::Anew { partition: 0 }, Loss::Anew { partition: 1 }]);
    fill("anew");
    broker.until(&mut follower, |follower| follower.partitions()[0].end == 20);
    let mut seen = 0;
    let read = follower.read_to(&[20, 0], |_| {
        seen += 1;
        Ok(())
    });
    assert_eq!((read.expect("read"), seen), (vec![], 20));
}

/// Offsets by time. The broker stamps records as they come in.
fn times(stack: &Stack) {
    let broker = &Broker(stack.kafka());
    broker.make("times", 2);
    let producer = broker.producer(&[]);
    for _ in 0..3 {
        send(&producer, "times", 0, "x");
        producer.flush(WAIT).expect("send a record");
    }
    let mut times = Vec::new();
    let mut follower = broker.follower("times", Isolation::Uncommitted);
    let read = follower.read_to(&[3, 0], |record| {
        times.push(record.timestamp);
        Ok(())
    });
    assert_eq!((read.expect("read"), times.len()), (vec![], 3));
    assert!(times.is_sorted() && times[0] > 1_600_000_000_000, "{times:?}");
    let admin = Admin::new(&broker.0, Isolation::Uncommitted).expect("a client");
    let at = |time| admin.offsets_at("times", time).expect("offsets");
    assert_eq!([at(0), at(times[2] + 1)], [[0, 0], [3, 0]]);
    let first = |time| i64::try_from(times.partition_point(|stamp| *stamp < time)).expect("a place");
    assert_eq!(
        times.iter().map(|time| at(*time)[0]).collect::<Vec<_>>(),
        times.iter().map(|time| first(*time)).collect::<Vec<_>>()
    );
}

fn send(producer: &BaseProducer, topic: &str, partition: i32, value: &str) {
    let record = BaseRecord::<(), str>::to(topic).partition(partition).payload(value);
    producer.send(record).expect("queue a record");
}

/// The address of a broker.
struct Broker(String);

impl Broker {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.0);
        config
    }

    fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer {
        let mut config = self.config();
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().expect("make a producer")
    }

    fn transactional(&self, id: &str) -> BaseProducer {
        let producer = self.producer(&[("transactional.id", id)]);
        producer.init_transactions(WAIT).expect("begin with transactions");
        producer
    }

    fn ask<T>(&self, ask: impl AsyncFnOnce(&AdminClient<DefaultClientContext>) -> T) -> T {
        let admin = self.config().create().expect("make a client");
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(ask(&admin))
    }

    fn make(&self, topic: &str, partitions: i32) {
        let wanted = [NewTopic::new(topic, partitions, TopicReplication::Fixed(1))];
        let made = self.ask(async |admin| admin.create_topics(&wanted, &AdminOptions::new()).await.expect("ask"));
        made[0].as_ref().expect("make a topic");
    }

    fn remove(&self, topic: &str) {
        let gone = self.ask(async |admin| admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("ask"));
        gone[0].as_ref().expect("delete a topic");
    }

    fn delete(&self, topic: &str, before: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, 0, Offset::Offset(before)).expect("an offset");
        self.ask(async |admin| admin.delete_records(&offsets, &AdminOptions::new()).await.expect("delete records"));
    }

    fn follower(&self, topic: &str, isolation: Isolation) -> Follower {
        Follower::new(&self.0, topic, isolation, Begin::Oldest).expect("a follower")
    }

    /// All that a follower from these positions reads, each partition's records in their order, and what it lost.
    fn follow(&self, topic: &str, isolation: Isolation, from: &[i64]) -> (Vec<(i64, i64, String)>, Vec<Loss>) {
        let mut follower = Follower::at(&self.0, topic, isolation, from).expect("a follower");
        let ends: Vec<_> = follower.partitions().iter().map(|partition| partition.end).collect();
        let mut seen = Vec::new();
        let losses = follower.read_to(&ends, |record| {
            seen.push((record.partition.into(), record.offset, str::from_utf8(record.payload)?.to_owned()));
            Ok(())
        });
        seen.sort_by_key(|(partition, ..)| *partition);
        (seen, losses.expect("read"))
    }

    fn until(&self, follower: &mut Follower, come: impl Fn(&Follower) -> bool) {
        for _ in 0..100 {
            assert_eq!(follower.look().expect("look"), [], "on {}", self.0);
            if come(follower) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it did not come: {:?}", follower.partitions());
    }
}
