//! Offsets committed in the name of a consumer group, for what reads a topic without being one.

use anyhow::{Context as _, Result};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::{Isolation, Quiet, reader_config};

/// Commits for one group.
pub struct Commits {
    consumer: BaseConsumer<Quiet>,
    topic: String,
}

impl Commits {
    /// For a group and a topic on `bootstrap` (`host:port`). Nothing is connected yet.
    pub fn new(bootstrap: &str, group: &str, topic: &str) -> Result<Self> {
        let consumer = reader_config(bootstrap, Isolation::Uncommitted)
            .set("group.id", group)
            .create_with_context(Quiet::default())
            .with_context(|| format!("create a client of group {group} for the broker at {bootstrap}"))?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// Commits the offset of the next record of a partition, without waiting for the broker's answer: the next commit makes up
    /// for one that is lost.
    pub fn commit(&self, partition: i32, offset: i64) -> Result<()> {
        let mut offsets = TopicPartitionList::new();
        let name = || format!("commit {}-{partition} @ {offset}", self.topic);
        offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset)).with_context(name)?;
        self.consumer.commit(&offsets, CommitMode::Async).with_context(name)
    }
}
