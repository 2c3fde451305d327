use super::*;
use crate::kafka::produce::Producer;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

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
        producer.send(number % partitions, 0, number.to_string().as_bytes()).unwrap();
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
        seen.push((record.partition(), record.offset(), str::from_utf8(record.payload())?.parse()?));
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
    assert_eq!(follower.partitions()[1], Partition { start: 0, position: 100, stable: 500, end: 500 });
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
