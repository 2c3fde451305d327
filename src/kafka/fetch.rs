//! Reads long stretches of a topic straight from its leaders, and takes the records out of the broker's answer where they
//! lie. librdkafka makes an object of each record and locks a queue to hand it over, which for small ones takes many times
//! as long. What is not plain (compressed batches, a broker that answers otherwise) is left to it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::batch::Batch;
use super::wire::{Limits, logs, request};

/// An answer is read while it is in the processor's cache.
const LIMITS: Limits = Limits { answer: 4 << 20, partition: 1 << 20 };
/// An answer of more bytes than this is none.
const LONGEST: usize = 64 << 20;
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a partition's leader is, as host and port.
pub type Leader = (String, u16);

/// Reads each partition's span, as far as it can be read here, and gives partition, offset and value of each record to
/// `each`. Returns what is left to read. An error of `each` ends the reading; any other is met again, and told, by the
/// reader that goes on from there.
pub fn read(
    leaders: &[Leader],
    topic: &str,
    spans: &[Range<i64>],
    mut each: impl FnMut(usize, i64, &[u8]) -> Result<()>,
) -> Result<Vec<Range<i64>>> {
    let mut led = BTreeMap::<_, Vec<usize>>::new();
    for (partition, leader) in leaders.iter().enumerate().take(spans.len()) {
        led.entry(leader).or_default().push(partition);
    }
    let mut left = spans.to_vec();
    for (leader, mut partitions) in led {
        let Ok(mut connection) = Connection::open(leader) else { continue };
        loop {
            partitions.retain(|partition| !left[*partition].is_empty());
            let before = left.clone();
            let Ok(answer) = connection.ask(topic, &partitions, &left) else { break };
            let Ok(logs) = logs(answer) else { break };
            for (partition, log) in logs {
                let Some(span) = left.get_mut(partition) else { continue };
                walk(log, span, |offset, value| each(partition, offset, value))?;
            }
            if before == left {
                break;
            }
            // An answer may be full before the last partition's turn: that one is the first next time.
            partitions.rotate_right(1);
        }
    }
    Ok(left)
}

/// Gives the records of a log within a span to `each`, and shortens the span by them, up to the first that cannot be read.
fn walk(mut log: &[u8], span: &mut Range<i64>, mut each: impl FnMut(i64, &[u8]) -> Result<()>) -> Result<()> {
    while let Ok(Some(batch)) = Batch::take(&mut log) {
        if batch.is_compressed() {
            break;
        }
        for record in batch.records() {
            let Ok((offset, value)) = record else { return Ok(()) };
            // The first batch may begin before the span, and the last one end behind it.
            if span.contains(&offset) {
                each(offset, value)?;
                span.start = offset + 1;
            }
        }
        span.start = batch.next_offset().clamp(span.start, span.end);
    }
    Ok(())
}

/// A connection to a broker.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    fn open((host, port): &Leader) -> Result<Self> {
        let stream = TcpStream::connect((host.as_str(), *port)).with_context(|| format!("connect to {host}:{port}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Asks for what follows in these partitions.
    fn ask(&mut self, topic: &str, partitions: &[usize], spans: &[Range<i64>]) -> Result<&[u8]> {
        ensure!(!partitions.is_empty(), "nothing to ask for");
        self.stream.write_all(&request(topic, partitions, spans, LIMITS)?)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length))?;
        ensure!(length <= LONGEST, "an answer of {length} bytes");
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        Ok(&self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::produce::Producer;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn it_reads_what_a_producer_wrote_and_leaves_what_it_cannot() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("topic", 2, 1).unwrap();
        let bootstrap = cluster.bootstrap_servers();
        let mut producer = Producer::new(&bootstrap, "topic").unwrap();
        for number in 0..1000_u32 {
            producer.send(i32::from(number % 2 == 1), 0, number.to_string().as_bytes()).unwrap();
        }
        assert_eq!(producer.flush(Duration::from_secs(30)), 0);

        let (host, port) = bootstrap.rsplit_once(':').unwrap();
        let leader = (host.to_owned(), port.parse().unwrap());
        let mut seen = [Vec::new(), Vec::new()];
        let left = read(&[leader.clone(), leader], "topic", &[0..500, 100..499], |partition, offset, value| {
            seen[partition].push((offset, String::from_utf8_lossy(value).into_owned()));
            Ok(())
        });
        assert_eq!(left.unwrap(), [500..500, 499..499]);
        assert_eq!(seen[0], (0..500).map(|offset| (offset, (2 * offset).to_string())).collect::<Vec<_>>());
        assert_eq!(seen[1], (100..499).map(|offset| (offset, (2 * offset + 1).to_string())).collect::<Vec<_>>());

        let nobody = ("127.0.0.1".to_owned(), 1);
        let spans = [0..500, 0..500];
        assert_eq!(read(&[nobody.clone(), nobody], "topic", &spans, |_, _, _| Ok(())).unwrap(), spans);
    }
}
