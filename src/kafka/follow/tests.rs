use super::*;
use crate::kafka::produce::Producer;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(brokers: i32, partitions: i32) -> Cluster {
    let cluster = MockCluster::new(brokers).unwrap();
    cluster.create_topic("topic", partitions, 1).unwrap();
    cluster
}

/// Sends the numbers to the partition of a topic that each leaves as the rest of a division.
fn send(cluster: &Cluster, partitions: i32, numbers: Range<i32>) {
    let mut producer = Producer::new(&cluster.bootstrap_servers(), "topic").unwrap();
    for number in numbers {
        producer.send(number % partitions, 0, None, number.to_string().as_bytes()).unwrap();
    }
    assert_eq!(producer.flush(Duration::from_secs(30)), 0);
}

fn follower(cluster: &Cluster, begin: Begin) -> Follower {
    Follower::new(&cluster.bootstrap_servers(), "topic", Isolation::Uncommitted, begin).unwrap()
}

fn ends(follower: &Follower) -> Vec<i64> {
    follower.partitions().iter().map(|partition| partition.end).collect()
}

/// All that is to read, as partition, offset and number.
fn read(follower: &mut Follower, until: &[i64]) -> Vec<(i32, i64, i32)> {
    let mut seen = Vec::new();
    let losses = follower.read_to(until, |record| {
        seen.push((record.partition, record.offset, str::from_utf8(record.payload)?.parse()?));
        Ok(())
    });
    assert_eq!(losses.unwrap(), []);
    seen.sort_unstable();
    seen
}

/// What [`send`] put into partitions of these offsets.
fn expected(partitions: i32, offsets: Range<i64>) -> Vec<(i32, i64, i32)> {
    let of = |partition| {
        offsets.clone().map(move |offset| (partition, offset, i32::try_from(offset).unwrap() * partitions + partition))
    };
    (0..partitions).flat_map(of).collect()
}

#[test]
fn it_reads_on_and_on() {
    let cluster = cluster(1, 2);
    send(&cluster, 2, 0..1000);
    let mut follower = follower(&cluster, Begin::Back(400));
    assert_eq!(ends(&follower), [500, 500]);
    assert_eq!(follower.partitions()[1], Partition { start: 0, position: 100, stable: 500, end: 500, missing: 0 });
    assert_eq!(read(&mut follower, &[300, 300]), expected(2, 100..300));
    assert_eq!(read(&mut follower, &[200, 300]), []);
    send(&cluster, 2, 1000..1500);
    assert_eq!(read(&mut follower, &[500, 500]), expected(2, 300..500));
    assert_eq!(read(&mut follower, &[9999, 9999]), expected(2, 500..750));
    send(&cluster, 2, 1500..1600);
    assert_eq!(read(&mut follower, &[9999, 9999]), [], "of what came since, it has not heard");
    assert_eq!(follower.look().unwrap(), []);
    assert_eq!(ends(&follower), [800, 800]);
    assert_eq!(read(&mut follower, &[9999, 9999]), expected(2, 750..800));
}

#[test]
fn leaders_may_be_spread_and_may_move() {
    let cluster = cluster(3, 6);
    for partition in 0..6 {
        cluster.partition_leader("topic", partition, Some(1 + partition % 3)).unwrap();
    }
    send(&cluster, 6, 0..600);
    let mut follower = follower(&cluster, Begin::Oldest);
    assert_eq!(read(&mut follower, &[40; 6]), expected(6, 0..40));
    for partition in 0..6 {
        cluster.partition_leader("topic", partition, Some(1 + (partition + 1) % 3)).unwrap();
    }
    assert_eq!(read(&mut follower, &[100; 6]), expected(6, 40..100));
}

#[test]
fn what_passes_loses_and_repeats_nothing() {
    let cluster = cluster(1, 2);
    send(&cluster, 2, 0..200);
    let mut follower = follower(&cluster, Begin::Oldest);
    let codes = [Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Code::RD_KAFKA_RESP_ERR__TRANSPORT];
    cluster.request_errors(Api::Fetch, &codes);
    assert_eq!(read(&mut follower, &[50, 50]), expected(2, 0..50));
    cluster.request_errors(Api::Fetch, &codes);
    assert_eq!(follower.look().unwrap(), []);
    cluster.broker_down(1).unwrap();
    let reader = std::thread::spawn(move || (read(&mut follower, &[100, 100]), follower));
    sleep(Duration::from_millis(300));
    cluster.broker_up(1).unwrap();
    assert_eq!(reader.join().unwrap().0, expected(2, 50..100));
}

#[test]
fn a_broker_that_stays_away_is_an_error_that_names_it() {
    let cluster = cluster(1, 1);
    send(&cluster, 1, 0..10);
    let mut follower = follower(&cluster, Begin::Oldest);
    follower.patience = Duration::from_millis(300);
    cluster.broker_down(1).unwrap();
    let error = follower.read_to(&[10], |_| Ok(())).unwrap_err();
    let bootstrap = cluster.bootstrap_servers();
    assert_eq!(error.to_string(), format!("read topic 'topic' on {bootstrap}: no progress for 0 s"));
    assert!(format!("{error:#}").contains(&bootstrap), "{error:#}");
}

#[test]
fn what_is_not_there_any_more_is_told() {
    let cluster = cluster(1, 1);
    let bootstrap = cluster.bootstrap_servers();
    // The mock keeps some 5 MB of a partition.
    let mut producer = Producer::new(&bootstrap, "topic").unwrap();
    for _ in 0..300 {
        while producer.send(0, 0, None, &vec![b'x'; 50_000]).unwrap() == crate::kafka::produce::Sent::Full {}
        assert_eq!(producer.flush(Duration::from_secs(30)), 0);
    }
    let mut follower = Follower::at(&bootstrap, "topic", Isolation::Uncommitted, &[7]).unwrap();
    let start = follower.partitions()[0].start;
    assert!(start > 7, "{start}");
    let mut seen = Vec::new();
    let losses = follower.read_to(&[300], |record| {
        seen.push(record.offset);
        Ok(())
    });
    assert_eq!(losses.unwrap(), [Loss::Unread { partition: 0, offsets: 7..start }]);
    assert_eq!(seen, (start..300).collect::<Vec<_>>());

    let mut beyond = Follower::at(&bootstrap, "topic", Isolation::Uncommitted, &[400]).unwrap();
    assert_eq!(beyond.look().unwrap(), [Loss::Anew { partition: 0 }]);
    assert_eq!(beyond.partitions()[0].position, start);
    let mut behind = Follower::at(&bootstrap, "topic", Isolation::Uncommitted, &[start - 2]).unwrap();
    assert_eq!(behind.look().unwrap(), [Loss::Unread { partition: 0, offsets: start - 2..start }]);
}

#[test]
fn an_error_of_the_taker_ends_it_there() {
    let cluster = cluster(3, 3);
    send(&cluster, 3, 0..30);
    let mut follower = follower(&cluster, Begin::Oldest);
    let mut left = 5;
    let ended = follower.read_to(&[10; 3], |_| {
        left -= 1;
        ensure!(left > 0, "enough");
        Ok(())
    });
    assert_eq!(ended.unwrap_err().to_string(), "enough");
    let read_again = read(&mut follower, &[10; 3]);
    assert_eq!(read_again.len(), 30 - 4);
}

#[test]
fn a_topic_that_is_not_there_is_an_error_that_names_the_others() {
    let cluster = cluster(1, 1);
    let other = Follower::new(&cluster.bootstrap_servers(), "other", Isolation::Committed, Begin::End);
    let error = other.err().unwrap().to_string();
    assert!(error.starts_with("there is no topic 'other'") && error.ends_with("topics: topic"), "{error}");
}
