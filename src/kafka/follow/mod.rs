//! Reads a topic straight from the brokers that lead its partitions, once over a span of offsets or on and on, and
//! takes the records out of their answers where they lie. librdkafka makes an object of each record and locks a queue
//! to hand it over, which for small ones takes many times as long; and it tells neither where a log begins nor that the
//! topic was recreated.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, ensure};

use super::Isolation;
use super::admin::Admin;
use super::cluster::Cluster;
use super::codec::Unpacker;
use super::fetch::Limits;
use super::record::Record;
use super::tail::Begin;

mod round;
#[cfg(test)]
mod tests;

/// An answer is read while it is in the processor's cache.
const RECORDS: Limits = Limits { answer: 4 << 20, partition: 1 << 20, wait: 500 };
/// A look at the ends wants no records; of those that came since the last one, a batch may be given all the same.
const NO_RECORDS: Limits = Limits { answer: 1, partition: 1, wait: 0 };
/// How long brokers may be away, or answer without bringing a reader on, before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before asking again after a failure.
const PAUSE: Duration = Duration::from_millis(100);
/// How old the knowledge of who leads, and of whether it is the same topic still, may become for a look.
const FRESH: Duration = Duration::from_secs(1);

/// What is known of a partition as of the newest answer of its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Partition {
    /// The oldest offset that is still there (log start).
    pub start: i64,
    /// The next offset to read.
    pub position: i64,
    /// The last stable offset: everything before it is committed or aborted.
    pub stable: i64,
    /// The high watermark: the offset that the next record will have.
    pub end: i64,
    /// How many offsets since the last record that was read have no record any more: they were compacted away.
    pub missing: i64,
}

impl Partition {
    /// The offset before which everything can be read now.
    #[must_use]
    pub fn visible(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Uncommitted => self.end,
            Isolation::Committed => self.stable,
        }
    }
}

/// Something that happened to the topic that a reader must not pass over in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Records at these offsets were deleted (retention, delete-records) before this follower read them; it goes on behind
    /// them.
    Unread {
        /// Where they were.
        partition: usize,
        /// Their offsets.
        offsets: Range<i64>,
    },
    /// The topic was deleted and recreated (another identity or number of partitions, or an end before the position),
    /// or it got this partition in addition. The follower goes on at its beginning.
    Anew {
        /// The partition. One that the new topic does not have any more is told as well.
        partition: usize,
    },
}

/// Reads all partitions of a topic on and on; knows for each, after each answer of the broker, how far it read and where
/// the log begins and ends.
///
/// Connections that break and leaders that move are found again; half a minute without any progress is an error that names
/// topic, broker and the last cause. No record is given twice or left out for that.
pub struct Follower {
    bootstrap: String,
    topic: String,
    isolation: Isolation,
    admin: Admin,
    cluster: Cluster,
    unpacker: Unpacker,
    partitions: Vec<Partition>,
    id: Option<[u8; 16]>,
    /// When it was last found out who leads; none when that has to be done again.
    resolved: Option<Instant>,
    /// Which partition comes first in the next question.
    turn: usize,
    patience: Duration,
}

impl Follower {
    /// A follower of `topic` on `bootstrap` (`host:port`) that begins there. Nothing is read yet, but the ends are known.
    /// A topic that is not there is an error that names those that are.
    pub fn new(bootstrap: &str, topic: &str, isolation: Isolation, begin: Begin) -> Result<Self> {
        let admin = Admin::new(bootstrap, Isolation::Uncommitted)?;
        let partition = |ends: Range<i64>| Partition {
            start: ends.start,
            position: ends.start,
            stable: ends.start,
            end: ends.end,
            missing: 0,
        };
        let partitions = admin.ends(topic)?.into_iter().map(partition).collect();
        let mut follower = Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            isolation,
            admin,
            cluster: Cluster::new(bootstrap, topic),
            unpacker: Unpacker::default(),
            partitions,
            id: None,
            resolved: None,
            turn: 0,
            patience: PATIENCE,
        };
        // What goes before it has begun is no loss of its.
        follower.look()?;
        for partition in &mut follower.partitions {
            partition.position = begin.offset(&(partition.start..partition.visible(isolation)));
        }
        Ok(follower)
    }

    /// A second reader that begins at these positions (for reading the same span with another isolation). What was deleted
    /// behind them is told as a loss by the first look or reading.
    pub fn at(bootstrap: &str, topic: &str, isolation: Isolation, positions: &[i64]) -> Result<Self> {
        let mut follower = Self::new(bootstrap, topic, isolation, Begin::Oldest)?;
        let partitions = follower.partitions.len();
        ensure!(
            partitions == positions.len(),
            "topic '{topic}' on {bootstrap} has {partitions} partitions instead of {}",
            positions.len()
        );
        for (partition, position) in follower.partitions.iter_mut().zip(positions) {
            partition.position = *position;
        }
        Ok(follower)
    }

    /// What is known of each partition.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// Asks the leaders where each partition begins and ends now, and about once in a second whether it is the same topic
    /// still. Reads no records.
    pub fn look(&mut self) -> Result<Vec<Loss>> {
        let mut losses = Vec::new();
        if self.resolved.is_none_or(|resolved| resolved.elapsed() > FRESH) {
            self.resolved = None;
        }
        let began = Instant::now();
        while let Some(cause) = self.round(None, &mut losses, &mut |_| Ok(()))? {
            self.wait(began, cause)?;
        }
        Ok(losses)
    }

    /// Reads each partition up to its offset in `until` (exclusive), and gives the records to `each`; an error of `each`
    /// ends it. It never goes beyond what [`Partition::visible`] said last, so have a [`Follower::look`] first. For
    /// [`Isolation::Committed`] what was aborted is passed over. Returns the losses met; after [`Loss::Anew`] it reads no
    /// further, as `until` speaks of another topic then.
    pub fn read_to(&mut self, until: &[i64], mut each: impl FnMut(&Record<'_>) -> Result<()>) -> Result<Vec<Loss>> {
        let mut losses = Vec::new();
        let mut progress = (Instant::now(), self.positions());
        while !losses.iter().any(|loss| matches!(loss, Loss::Anew { .. })) && !self.behind(until).is_empty() {
            let cause = self.round(Some(until), &mut losses, &mut each)?;
            let positions = self.positions();
            if positions != progress.1 {
                progress = (Instant::now(), positions);
            } else if let Some(cause) = cause {
                self.wait(progress.0, cause)?;
            } else if progress.0.elapsed() > self.patience {
                self.wait(progress.0, Error::msg("the leaders answer, but return no records"))?;
            }
        }
        Ok(losses)
    }

    fn positions(&self) -> Vec<i64> {
        self.partitions.iter().map(|partition| partition.position).collect()
    }

    /// The partitions that have something left to read.
    fn behind(&self, until: &[i64]) -> Vec<usize> {
        let is_behind = |known: &Partition, until: i64| known.position < until.min(known.visible(self.isolation));
        let spans = self.partitions.iter().zip(until).enumerate();
        spans.filter(|(_, (known, until))| is_behind(known, **until)).map(|(number, _)| number).collect()
    }

    /// Waits a moment before asking again, unless that goes on for too long.
    fn wait(&mut self, since: Instant, cause: Error) -> Result<()> {
        self.resolved = None;
        let seconds = since.elapsed().as_secs();
        if since.elapsed() > self.patience {
            let (topic, bootstrap) = (&self.topic, &self.bootstrap);
            return Err(cause.context(format!("read topic '{topic}' on {bootstrap}: no progress for {seconds} s")));
        }
        sleep(PAUSE);
        Ok(())
    }
}
