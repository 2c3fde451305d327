//! Sends records, each exactly once and in order, as fast as the broker takes them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{Quiet, config};

/// How many records may wait for the broker, at some 250 bytes each: bounds memory while it stalls. A longer queue would
/// be slower as well: it does not fit into the processor's cache, and sending is little more than walking along it.
const QUEUE: &str = "20000";
/// And how many KiB of their values: of large records, fewer wait.
const QUEUE_KIB: &str = "65536";

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It will be delivered, once.
    Accepted,
    /// The queue is full: call [`Producer::serve`] and send it again.
    Full,
}

/// An idempotent producer to one topic.
pub struct Producer {
    inner: BaseProducer<Deliveries>,
    deliveries: Deliveries,
    topic: String,
    accepted: u64,
}

impl Producer {
    /// A producer to `topic` on `bootstrap` (`host:port`). Nothing is connected yet.
    pub fn new(bootstrap: &str, topic: &str) -> Result<Self> {
        let deliveries = Deliveries::default();
        let inner = config(bootstrap)
            .set("enable.idempotence", "true")
            // However long the broker is down: a record given up would be lost before the job even saw it.
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.messages", QUEUE)
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            .set("linger.ms", "2")
            // A report for each record would cost more than sending it; see `acknowledged` for how it is known.
            .set("delivery.report.only.error", "true")
            .create_with_context(deliveries.clone())
            .with_context(|| format!("create a producer for the broker at {bootstrap}"))?;
        Ok(Self { inner, deliveries, topic: topic.to_owned(), accepted: 0 })
    }

    /// Queues a record that was made at `timestamp` (ms since the epoch); copies `key` and `payload`.
    pub fn send(&mut self, partition: i32, timestamp: i64, key: Option<&[u8]>, payload: &[u8]) -> Result<Sent> {
        let mut record = BaseRecord::to(&self.topic).partition(partition).timestamp(timestamp).payload(payload);
        record.key = key;
        match self.inner.send(record) {
            Ok(()) => {
                self.accepted += 1;
                Ok(Sent::Accepted)
            }
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => Ok(Sent::Full),
            Err((error, _)) => Err(error).with_context(|| format!("send to {}-{partition}", self.topic)),
        }
    }

    /// Works for `wait` on what the broker answered. An error means that a record was refused for good.
    pub fn serve(&self, wait: Duration) -> Result<()> {
        self.inner.poll(wait);
        if let Some((code, reason)) = self.inner.client().fatal_error() {
            bail!("the broker accepts no more records for topic '{}': {reason} ({code})", self.topic);
        }
        match self.deliveries.refused() {
            Some(reason) => bail!("a record of topic '{}' was refused for good: {reason}", self.topic),
            None => Ok(()),
        }
    }

    /// How many records the broker has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        // What librdkafka counts as waiting can include a few notes of its own, never fewer records than there are.
        let waiting = u64::try_from(self.inner.in_flight_count()).unwrap_or(0);
        self.accepted.saturating_sub(waiting + self.deliveries.failed.load(Ordering::Relaxed))
    }

    /// Waits until everything is acknowledged, at most `limit`. Returns how many records are not.
    pub fn flush(&self, limit: Duration) -> u64 {
        match self.inner.flush(limit) {
            Ok(()) => self.deliveries.failed.load(Ordering::Relaxed),
            Err(_) => self.accepted - self.acknowledged(),
        }
    }

    /// The client's last complaint, as in `Connect to kafka:9092 failed: Connection refused`.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.deliveries.quiet.last_error()
    }
}

/// Counts what was refused, and keeps the first reason.
#[derive(Debug, Default, Clone)]
struct Deliveries {
    quiet: Quiet,
    failed: Arc<AtomicU64>,
    refused: Arc<Mutex<Option<String>>>,
}

impl Deliveries {
    fn refused(&self) -> Option<String> {
        if self.failed.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.quiet.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.get_or_insert_with(|| error.to_string());
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}
