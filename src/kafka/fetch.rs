//! The request for records, and its answer: Fetch in version 10, the oldest one that gives zstd batches; where the log
//! begins it tells since version 5. Brokers know it since Kafka 2.1, and 4.x still do. It has no flexible fields yet.

use anyhow::{Context as _, Result};

use super::Isolation;
use super::transactions::Aborted;
use super::wire::{Request, Rest};

/// The request's number.
const API: i16 = 1;
/// Its version.
const VERSION: i16 = 10;

/// What an answer may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its bytes in all. A first batch that is longer comes whole.
    pub answer: i32,
    /// Its bytes of each partition.
    pub partition: i32,
    /// How long the broker may wait for a first byte, in ms.
    pub wait: i32,
}

/// Asks for what partitions of a topic hold from these offsets on.
pub fn request(
    number: i32,
    topic: &str,
    from: &[(usize, i64)],
    isolation: Isolation,
    limits: Limits,
) -> Result<Vec<u8>> {
    let isolation = u8::from(isolation == Isolation::Committed);
    // No replica; how long to wait, for how many bytes; at most so many.
    let mut request = Request::new(API, VERSION, number).int(-1).int(limits.wait).int(1).int(limits.answer);
    // No session, which would remember what was asked for: no number, and none wanted.
    request = request.bytes(&[isolation]).int(0).int(-1);
    request = request.int(1).short(i16::try_from(topic.len())?).bytes(topic.as_bytes());
    request = request.int(i32::try_from(from.len())?);
    for &(partition, offset) in from {
        // Neither the epoch of the leader that is meant, nor where a replica's log begins.
        request = request.int(i32::try_from(partition)?).int(-1).long(offset).long(-1).int(limits.partition);
    }
    // Nothing to take out of a session.
    request.int(0).finish()
}

/// What an answer says of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// The partition's number.
    pub partition: usize,
    /// Kafka's error code; with any but 0, all else is empty or -1.
    pub error: i16,
    /// The high watermark.
    pub end: i64,
    /// The last stable offset.
    pub stable: i64,
    /// Where the log begins.
    pub start: i64,
    /// The aborted transactions that the records touch; told to readers of committed records only.
    pub aborted: Vec<Aborted>,
    /// Record batches; the last one may be cut off.
    pub log: &'a [u8],
}

/// An answer to [`request`], without its length and number: an error code for all of it, and each partition's part.
pub fn answer(answer: &[u8]) -> Result<(i16, Vec<Part<'_>>)> {
    let mut rest = Rest(answer);
    // For how long the broker held it back.
    rest.int()?;
    let error = rest.short()?;
    // The session.
    rest.int()?;
    let mut parts = Vec::new();
    for _ in 0..rest.int()? {
        let name = usize::try_from(rest.short()?)?;
        rest.take(name)?;
        for _ in 0..rest.int()? {
            parts.push(part(&mut rest).context("a partition's part of an answer")?);
        }
    }
    Ok((error, parts))
}

fn part<'a>(rest: &mut Rest<'a>) -> Result<Part<'a>> {
    let partition = usize::try_from(rest.int()?)?;
    let error = rest.short()?;
    let (end, stable, start) = (rest.long()?, rest.long()?, rest.long()?);
    let mut aborted = Vec::new();
    for _ in 0..rest.int()? {
        aborted.push(Aborted { producer: rest.long()?, first: rest.long()? });
    }
    let log = rest.sized()?.unwrap_or_default();
    Ok(Part { partition, error, end, stable, start, aborted, log })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_what_the_protocol_says() {
        let limits = Limits { answer: 2, partition: 3, wait: 500 };
        let request = request(9, "in", &[(1, 7)], Isolation::Committed, limits).unwrap();
        let expected = [
            &79_i32.to_be_bytes()[..],
            &[0, 1, 0, 10, 0, 0, 0, 9, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0xf4, 0, 0, 0, 1, 0, 0, 0, 2, 1],
            &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 1, 0, 2, b'i', b'n', 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3, 0, 0, 0, 0],
        ];
        assert_eq!(request, expected.concat());
    }

    fn bytes() -> Vec<u8> {
        let mut answer = vec![0; 10];
        answer.extend([0, 0, 0, 1, 0, 2, b'i', b'n', 0, 0, 0, 1, 0, 0, 0, 5, 0, 0]);
        answer.extend([9, 8, 2].map(i64::to_be_bytes).concat());
        answer.extend([0, 0, 0, 1]);
        answer.extend([77, 4].map(i64::to_be_bytes).concat());
        answer.extend([0, 0, 0, 3, 1, 2, 3]);
        answer
    }

    #[test]
    fn an_answer_tells_of_each_partition() {
        let aborted = vec![Aborted { producer: 77, first: 4 }];
        let part = Part { partition: 5, error: 0, end: 9, stable: 8, start: 2, aborted, log: &[1, 2, 3] };
        assert_eq!(answer(&bytes()).unwrap(), (0, vec![part]));
        assert!(answer(&bytes()[..50]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes_: Vec<u8>, cut in 0..80_usize) {
            let _ = answer(&bytes_);
            let mut spoiled = bytes();
            spoiled.truncate(cut);
            spoiled.append(&mut bytes_);
            let _ = answer(&spoiled);
        }
    }
}
