//! What Kafka's error codes mean to a reader.

use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

/// What to do about an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Find out where the log begins and ends now.
    OutOfRange,
    /// Find out who leads, and ask again: a leader moves, is not chosen yet, or has just got to know it.
    Moved,
    /// The same; told of a topic, whose partitions then tell more.
    Early,
    /// Asking again would not help.
    Final,
}

/// What an error code other than 0 means.
#[must_use]
pub fn of(code: i16) -> Failure {
    use RDKafkaErrorCode as Code;
    match meaning(code) {
        Some(Code::OffsetOutOfRange) => Failure::OutOfRange,
        Some(Code::LeaderNotAvailable) => Failure::Early,
        Some(
            Code::BrokerNotAvailable
            | Code::FencedLeaderEpoch
            | Code::KafkaStorageError
            | Code::NetworkException
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
            | Code::ReplicaNotAvailable
            | Code::RequestTimedOut
            | Code::UnknownLeaderEpoch
            | Code::UnknownTopicOrPartition,
        ) => Failure::Moved,
        _ => Failure::Final,
    }
}

/// An error code in words, as in `UnknownTopicOrPartition (Broker: Unknown topic or partition)`.
#[must_use]
pub fn name(code: i16) -> String {
    meaning(code).map_or_else(|| format!("error {code}"), |code| code.to_string())
}

fn meaning(code: i16) -> Option<RDKafkaErrorCode> {
    RDKafkaRespErr::try_from(i32::from(code)).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_kafkas() {
        assert_eq!([1, 3, 5, 6, 29, 74, 75, 32_000].map(of), {
            use Failure::{Early, Final, Moved, OutOfRange};
            [OutOfRange, Moved, Early, Moved, Final, Moved, Moved, Final]
        });
        assert_eq!(name(3), "UnknownTopicOrPartition (Broker: Unknown topic or partition)");
        assert_eq!(name(32_000), "error 32000");
    }
}
