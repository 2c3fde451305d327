//! Reads a topic: by assignment, without a group, without commits.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use super::admin::Admin;
use super::{Isolation, Quiet, fetch, reader_config};

/// How long a reader that is to reach given ends may get nothing at all before it gives up.
const SILENCE: Duration = Duration::from_secs(30);

/// From how many records on it pays to ask for the leaders and to read from them directly.
const LONG: i64 = 50_000;

/// Where in a partition to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record.
    Oldest,
    /// With the next record to come.
    End,
    /// So many records before the end.
    Back(u64),
}

impl Begin {
    /// The offset that it means in a partition with these ends.
    #[must_use]
    pub fn offset(self, ends: &Range<i64>) -> i64 {
        match self {
            Self::Oldest => ends.start,
            Self::End => ends.end,
            Self::Back(records) => ends.end.saturating_sub_unsigned(records).max(ends.start),
        }
    }
}

/// A record; its payload still lies where it was received.
pub struct Record<'a>(Source<'a>);

enum Source<'a> {
    Message(BorrowedMessage<'a>),
    Answer { partition: i32, offset: i64, payload: &'a [u8] },
}

impl Record<'_> {
    /// The partition it is in.
    #[must_use]
    pub fn partition(&self) -> i32 {
        match &self.0 {
            Source::Message(message) => message.partition(),
            Source::Answer { partition, .. } => *partition,
        }
    }

    /// Its offset there.
    #[must_use]
    pub fn offset(&self) -> i64 {
        match &self.0 {
            Source::Message(message) => message.offset(),
            Source::Answer { offset, .. } => *offset,
        }
    }

    /// Its value; empty when it has none.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match &self.0 {
            Source::Message(message) => message.payload().unwrap_or_default(),
            Source::Answer { payload, .. } => payload,
        }
    }
}

/// A reader that goes on for ever.
pub struct Reader {
    client: BaseConsumer<Quiet>,
    quiet: Quiet,
    topic: String,
}

/// What a reader came to.
pub enum Next<'a> {
    /// A record.
    Record(Record<'a>),
    /// The end of this partition, as it is now.
    End(i32),
    /// Nothing within the time given.
    Nothing,
}

impl Reader {
    /// A reader of `topic` on `bootstrap` (`host:port`) that begins each partition at the offset given for it;
    /// partitions without one are left out.
    pub fn new(bootstrap: &str, topic: &str, isolation: Isolation, from: &[Option<i64>]) -> Result<Self> {
        let quiet = Quiet::default();
        let client: BaseConsumer<Quiet> = tuned(bootstrap, isolation)
            .create_with_context(quiet.clone())
            .with_context(|| format!("make a reader of topic '{topic}'"))?;
        let mut assignment = TopicPartitionList::new();
        for (partition, offset) in from.iter().enumerate() {
            if let Some(offset) = *offset {
                assignment
                    .add_partition_offset(topic, i32::try_from(partition)?, Offset::Offset(offset))
                    .with_context(|| format!("begin {topic}-{partition} at {offset}"))?;
            }
        }
        client.assign(&assignment).with_context(|| format!("assign topic '{topic}'"))?;
        Ok(Self { client, quiet, topic: topic.to_owned() })
    }

    /// What comes next within `wait`.
    pub fn next(&self, wait: Duration) -> Result<Next<'_>> {
        // Waiting costs looks at the clock, a fifth of the time of reading many records: first see what is there.
        match self.client.poll(Duration::ZERO).or_else(|| self.client.poll(wait)) {
            None => Ok(Next::Nothing),
            Some(Ok(message)) => Ok(Next::Record(Record(Source::Message(message)))),
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Next::End(partition)),
            // Connections come and go during a scenario, and the client mends them itself.
            Some(Err(error)) if is_passing(&error) => Ok(Next::Nothing),
            Some(Err(error)) => Err(error).with_context(|| format!("read topic '{}'", self.topic)),
        }
    }

    /// The client's last complaint.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.quiet.last_error()
    }
}

/// Whether the client goes on by itself after an error.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, Resolve};
    matches!(error.rdkafka_error_code(), Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut | Resolve))
}

/// Reads each partition of `topic` over its span of offsets, and gives the records to `each`. An error of `each` ends
/// the reading.
///
/// A reader of its own for each call: its end-of-partition events then are younger than the spans, so that ends made of
/// transaction markers, which are no records, are recognised.
pub fn read(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
    spans: &[Range<i64>],
    mut each: impl FnMut(&Record<'_>) -> Result<()>,
) -> Result<()> {
    let records: i64 = spans.iter().map(|span| (span.end - span.start).max(0)).sum();
    if records < LONG || isolation == Isolation::Committed {
        return read_each(bootstrap, topic, isolation, spans, each);
    }
    // Without leaders nothing is read here, and all is left.
    let leaders = Admin::new(bootstrap, isolation)?.leaders(topic).unwrap_or_default();
    let left = fetch::read(&leaders, topic, spans, |partition, offset, payload| {
        let partition = i32::try_from(partition)?;
        each(&Record(Source::Answer { partition, offset, payload }))
    })?;
    read_each(bootstrap, topic, isolation, &left, each)
}

/// Reads record by record. In a cluster that has transactions, only librdkafka knows which of them were aborted.
fn read_each(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
    spans: &[Range<i64>],
    mut each: impl FnMut(&Record<'_>) -> Result<()>,
) -> Result<()> {
    let from: Vec<_> = spans.iter().map(|span| (!span.is_empty()).then_some(span.start)).collect();
    let mut open: Vec<bool> = from.iter().map(Option::is_some).collect();
    if !open.contains(&true) {
        return Ok(());
    }
    let reader = Reader::new(bootstrap, topic, isolation, &from)?;
    let mut silent_since = None;
    while open.contains(&true) {
        let next = reader.next(Duration::from_millis(200))?;
        if !matches!(next, Next::Nothing) {
            silent_since = None;
        }
        match next {
            Next::Record(record) => {
                let partition = usize::try_from(record.partition())?;
                let end = spans[partition].end;
                if record.offset() < end {
                    each(&record)?;
                }
                open[partition] &= record.offset() + 1 < end;
            }
            Next::End(partition) => open[usize::try_from(partition)?] = false,
            Next::Nothing if silent_since.get_or_insert_with(Instant::now).elapsed() > SILENCE => {
                let why = reader.last_error().unwrap_or_else(|| "no error was reported".to_owned());
                bail!(
                    "topic '{topic}': nothing came from the broker at {bootstrap} for {} s: {why}",
                    SILENCE.as_secs()
                );
            }
            Next::Nothing => {}
        }
    }
    Ok(())
}

/// librdkafka's defaults read small records at a sixth of this speed: it asks for little, and once its queue is full it
/// waits a second before it asks again. The bounds here keep what is queued, some 300 bytes a record, under 40 MiB for
/// six partitions.
fn tuned(bootstrap: &str, isolation: Isolation) -> ClientConfig {
    let mut config = reader_config(bootstrap, isolation);
    config.set("enable.partition.eof", "true").set("auto.offset.reset", "error");
    config.set("queued.min.messages", "10000").set("fetch.queue.backoff.ms", "2");
    config.set("fetch.message.max.bytes", "524288").set("fetch.wait.max.ms", "100");
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_back_is_never_before_the_oldest() {
        assert_eq!(Begin::Back(3).offset(&(10..20)), 17);
        assert_eq!(Begin::Back(30).offset(&(10..20)), 10);
        assert_eq!(Begin::Oldest.offset(&(10..20)), 10);
        assert_eq!(Begin::End.offset(&(10..20)), 20);
    }
}
