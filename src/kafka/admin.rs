//! A broker's topics and offsets.

use std::collections::BTreeMap;
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use super::{Isolation, Quiet, config, reader_config};

/// How long a single question to the broker may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long one attempt to reach it takes while [`Admin::wait`] waits.
const ATTEMPT: Duration = Duration::from_millis(500);

/// Asks a broker.
pub struct Admin {
    bootstrap: String,
    isolation: Isolation,
    // A consumer, because a producer that asks for a topic's metadata would create the topic.
    client: BaseConsumer<Quiet>,
    quiet: Quiet,
}

impl Admin {
    /// A client of `bootstrap` (`host:port`). Nothing is connected yet. With [`Isolation::Committed`], a topic ends
    /// where its first open transaction begins.
    pub fn new(bootstrap: &str, isolation: Isolation) -> Result<Self> {
        let quiet = Quiet::default();
        let client = reader_config(bootstrap, isolation)
            .create_with_context(quiet.clone())
            .with_context(|| format!("create a client for the broker at {bootstrap}"))?;
        Ok(Self { bootstrap: bootstrap.to_owned(), isolation, client, quiet })
    }

    /// What this client sees of transactions.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Waits until the broker answers. `waiting` is told every half second what stands in the way, and ends the wait
    /// with its own error.
    pub fn wait(&self, limit: Duration, mut waiting: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            // Complaints are delivered by polling, and metadata requests alone do not poll.
            let Err(error) = self.client.fetch_metadata(None, ATTEMPT) else { return Ok(()) };
            let _ = self.client.poll(Duration::from_millis(20));
            let seen = self.quiet.last_error().unwrap_or_else(|| error.to_string());
            if Instant::now() >= deadline {
                bail!(
                    "the broker at {} did not answer within {} s: {seen}\n  \
                     playground ps shows whether it is running; playground up starts it if not",
                    self.bootstrap,
                    limit.as_secs()
                );
            }
            waiting(&seen)?;
        }
    }

    /// The topics and their numbers of partitions.
    pub fn topics(&self) -> Result<BTreeMap<String, usize>> {
        let metadata =
            patiently(|| self.client.fetch_metadata(None, ANSWER)).with_context(|| self.names("list the topics"))?;
        Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect())
    }

    /// For each partition of a topic, the offset of its oldest record and the offset that its next record will have.
    pub fn ends(&self, topic: &str) -> Result<Vec<Range<i64>>> {
        let topics = self.topics()?;
        let Some(&partitions) = topics.get(topic) else {
            let there: Vec<_> = topics.into_keys().filter(|name| !name.starts_with("__")).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            bail!("there is no topic '{topic}' on {}\n  topics: {there}", self.bootstrap);
        };
        (0..i32::try_from(partitions)?)
            .map(|partition| {
                let (low, high) = patiently(|| self.client.fetch_watermarks(topic, partition, ANSWER))
                    .with_context(|| self.names(&format!("read the offsets of {topic}-{partition}")))?;
                Ok(low..high)
            })
            .collect()
    }

    /// For each partition of a topic, the offset of the first record that was made or appended (as the topic is set) at
    /// `timestamp` (ms since the epoch) or later; the end where there is none.
    pub fn offsets_at(&self, topic: &str, timestamp: i64) -> Result<Vec<i64>> {
        let ends = self.ends(topic)?;
        let mut asked = TopicPartitionList::new();
        for partition in 0..ends.len() {
            asked
                .add_partition_offset(topic, i32::try_from(partition)?, Offset::Offset(timestamp))
                .with_context(|| format!("ask for {topic}-{partition} at {timestamp}"))?;
        }
        let told = patiently(|| self.client.offsets_for_times(asked.clone(), ANSWER))
            .with_context(|| self.names(&format!("find the offsets of topic '{topic}' at {timestamp}")))?;
        let offset = |(partition, ends): (usize, &Range<i64>)| {
            let told = told.find_partition(topic, i32::try_from(partition)?).context("a partition was left out")?;
            told.error().with_context(|| self.names(&format!("find an offset of {topic}-{partition}")))?;
            Ok(if let Offset::Offset(offset) = told.offset() { offset } else { ends.end })
        };
        ends.iter().enumerate().map(offset).collect()
    }

    /// For each partition of a topic, the offset that a group committed: the first record it has not covered.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<i64>>> {
        let partitions = self.ends(topic)?.len();
        let client: BaseConsumer<Quiet> = reader_config(&self.bootstrap, self.isolation)
            .set("group.id", group)
            .create_with_context(self.quiet.clone())
            .with_context(|| self.names("create a client"))?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, i32::try_from(partitions)? - 1);
        let told = patiently(|| client.committed_offsets(asked.clone(), ANSWER))
            .with_context(|| self.names(&format!("read what group {group} committed of {topic}")))?;
        let offset = |place: usize| match told
            .elements()
            .get(place)
            .map(rdkafka::topic_partition_list::TopicPartitionListElem::offset)
        {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        };
        Ok((0..partitions).map(offset).collect())
    }

    /// The consumer groups that the broker knows.
    pub fn groups(&self) -> Result<Vec<String>> {
        let groups =
            patiently(|| self.client.fetch_group_list(None, ANSWER)).with_context(|| self.names("list the groups"))?;
        Ok(groups.groups().iter().map(|group| group.name().to_owned()).collect())
    }

    /// Creates the topics that are missing, one copy each. One that is there with another number of partitions is an
    /// error, because partition numbers mean something here.
    pub fn ensure_topics(&self, wanted: &[(&str, usize)]) -> Result<()> {
        let there = self.topics()?;
        let mut missing = Vec::new();
        for &(topic, partitions) in wanted {
            match there.get(topic) {
                None => missing.push(NewTopic::new(topic, i32::try_from(partitions)?, TopicReplication::Fixed(1))),
                Some(&found) => ensure!(
                    found == partitions,
                    "topic '{topic}' on {} has {found} partitions instead of {partitions}\n  delete it or use another one",
                    self.bootstrap
                ),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.create(&missing)?;
        self.wait_for_topics(wanted)
    }

    /// Creates a topic of one partition, where it is missing, that keeps the newest record of each key for good.
    pub fn ensure_compacted(&self, topic: &str) -> Result<()> {
        if self.topics()?.contains_key(topic) {
            return Ok(());
        }
        self.create(&[NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact")])?;
        self.wait_for_topics(&[(topic, 1)])
    }

    /// A broker has answered that it made a topic before it tells of the topic when it is asked.
    fn wait_for_topics(&self, wanted: &[(&str, usize)]) -> Result<()> {
        let deadline = Instant::now() + ANSWER;
        loop {
            let there = self.topics()?;
            if wanted.iter().all(|(topic, partitions)| there.get(*topic) == Some(partitions)) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let seconds = ANSWER.as_secs();
                bail!(
                    "topics were created on {}, but it did not list them within {seconds} s: {there:?}",
                    self.bootstrap
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn create(&self, topics: &[NewTopic<'_>]) -> Result<()> {
        let client: AdminClient<Quiet> = config(&self.bootstrap)
            .create_with_context(self.quiet.clone())
            .with_context(|| self.names("create a client"))?;
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("start a runtime")?;
        let answers =
            runtime.block_on(client.create_topics(topics, &options)).with_context(|| self.names("create topics"))?;
        for answer in answers {
            match answer {
                // Somebody else was faster; it is there.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => bail!("create topic '{topic}' on {}: {code}", self.bootstrap),
            }
        }
        Ok(())
    }

    fn names(&self, what: &str) -> String {
        format!("{what} on the broker at {}", self.bootstrap)
    }
}

/// Asks again while a topic is so new that its leader is not chosen, or a broker so new that it is not ready.
fn patiently<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(error) if is_early(&error) && began.elapsed() < ANSWER => sleep(Duration::from_millis(20)),
            answer => return answer,
        }
    }
}

fn is_early(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::LeaderNotAvailable
                | Code::NotCoordinator
                | Code::NotLeaderForPartition
                | Code::UnknownTopicOrPartition
        )
    )
}
