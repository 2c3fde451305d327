//! Reads a topic: by assignment, without a group, without commits.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use super::follow::{self, Follower, Loss};
use super::{Isolation, Quiet, reader_config};

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
pub struct Record<'a>(BorrowedMessage<'a>);

impl Record<'_> {
    /// The partition it is in.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Its offset there.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.offset()
    }

    /// Its value; empty when it has none.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.0.payload().unwrap_or_default()
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
    /// The next record of a partition.
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
            .with_context(|| format!("create a reader of topic '{topic}'"))?;
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
            Some(Ok(message)) => Ok(Next::Record(Record(message))),
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
/// the reading; a record of a span that is not there any more is an error as well.
pub fn read(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
    spans: &[Range<i64>],
    each: impl FnMut(&follow::Record<'_>) -> Result<()>,
) -> Result<()> {
    if spans.iter().all(Range::is_empty) {
        return Ok(());
    }
    let (starts, ends): (Vec<_>, Vec<_>) = spans.iter().map(|span| (span.start, span.end)).unzip();
    match Follower::at(bootstrap, topic, isolation, &starts)?.read_to(&ends, each)?.first() {
        None => Ok(()),
        Some(Loss::Unread { partition, offsets }) => bail!(
            "{topic}-{partition}: the records {} to {} were deleted before they could be read",
            offsets.start,
            offsets.end - 1
        ),
        Some(Loss::Anew { partition }) => {
            bail!("{topic}-{partition} was deleted and recreated while it was being read")
        }
    }
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
