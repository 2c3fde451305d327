//! Kafka as the playground needs it: offsets, reading records, sending records. Everything here blocks; async callers
//! use `tokio::task::spawn_blocking` or a thread.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use serde::{Deserialize, Serialize};

use crate::settings::Delivery;

pub mod admin;
pub mod batch;
pub mod cluster;
pub mod codec;
pub mod commit;
pub mod connection;
pub mod failure;
pub mod fetch;
pub mod follow;
pub mod legacy;
pub mod log;
pub mod metadata;
pub mod produce;
pub mod record;
pub mod tail;
pub mod transactions;
pub mod wire;

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// All that was written, also by transactions that are open or aborted.
    #[serde(rename = "read-uncommitted")]
    Uncommitted,
    /// Only what was committed.
    #[serde(rename = "read-committed")]
    Committed,
}

impl Isolation {
    /// What the readers see that a job of this delivery writes for.
    #[must_use]
    pub fn of(delivery: Delivery) -> Self {
        match delivery {
            Delivery::AtLeastOnce => Self::Uncommitted,
            Delivery::ExactlyOnce => Self::Committed,
        }
    }
}

/// Keeps librdkafka's own lines off the terminal (a broker that is down is normal during a scenario) and remembers its
/// last complaint for messages of ours.
#[derive(Debug, Default, Clone)]
pub struct Quiet {
    last: Arc<Mutex<Option<String>>>,
}

impl Quiet {
    /// The last complaint, as in `Connect to 127.0.0.1:9094 failed: Connection refused`.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, complaint: String) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint);
    }
}

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // "All brokers are down" follows each complaint and says less than it.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.remember(plain(reason));
        }
    }
}

impl ConsumerContext for Quiet {}

/// Takes librdkafka's bookkeeping out of a complaint: which thread said it, and for how long it was in which state.
fn plain(reason: &str) -> String {
    let text = reason.split_once("bootstrap: ").map_or(reason, |(_, text)| text);
    let text = text.split_once(" (after ").map_or(text, |(text, _)| text);
    text.replace("ipv4#", "").replace("ipv6#", "")
}

/// What every client of `bootstrap` has in common.
fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("client.id", "playground");
    // A restarted broker is used at once, not when a back-off of 10 s has run out; one that a network partition hides is
    // given up after 5 s instead of 30.
    config.set("reconnect.backoff.max.ms", "250").set("socket.connection.setup.timeout.ms", "5000");
    config
}

/// A consumer of one that only reads. librdkafka wants a group's name for it, but it never joins one and never commits.
fn reader_config(bootstrap: &str, isolation: Isolation) -> ClientConfig {
    let mut config = config(bootstrap);
    let level = match isolation {
        Isolation::Uncommitted => "read_uncommitted",
        Isolation::Committed => "read_committed",
    };
    config.set("group.id", "playground-reader").set("enable.auto.commit", "false").set("isolation.level", level);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_the_address_and_the_reason_only() {
        let reason = "127.0.0.1:9094/bootstrap: Connect to ipv4#127.0.0.1:9094 failed: Connection refused (after 0ms in state CONNECT)";
        assert_eq!(plain(reason), "Connect to 127.0.0.1:9094 failed: Connection refused");
        assert_eq!(plain("something else"), "something else");
    }
}
