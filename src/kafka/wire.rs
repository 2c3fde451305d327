//! The one request of Kafka's protocol that is spoken by hand, and its answer: Fetch, in the oldest version that today's
//! brokers know, which has neither sessions nor tagged fields.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};

/// The request's number, and its version.
const FETCH: [i16; 2] = [1, 4];
/// How long the broker may wait for a first byte, in ms. There always is one, as only what the topic holds is asked for.
const WAIT: i32 = 500;

/// How many bytes an answer may hold, in all and of each partition. A batch that is longer comes whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub answer: i32,
    /// Of each partition.
    pub partition: i32,
}

/// Asks for what these partitions of a topic hold from the beginning of their spans on. Its length stands in front.
pub fn request(topic: &str, partitions: &[usize], spans: &[Range<i64>], limits: Limits) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(64 + topic.len() + 16 * partitions.len());
    body.extend(FETCH.map(i16::to_be_bytes).concat());
    // A number for the answer, and no client's name.
    body.extend(0_i32.to_be_bytes());
    body.extend((-1_i16).to_be_bytes());
    // No replica; how long to wait, for how many bytes; at most so many; also what is in open transactions.
    body.extend([-1, WAIT, 1, limits.answer].map(i32::to_be_bytes).concat());
    body.push(0);
    body.extend(1_i32.to_be_bytes());
    body.extend(i16::try_from(topic.len())?.to_be_bytes());
    body.extend(topic.as_bytes());
    body.extend(i32::try_from(partitions.len())?.to_be_bytes());
    for &partition in partitions {
        body.extend(i32::try_from(partition)?.to_be_bytes());
        body.extend(spans[partition].start.to_be_bytes());
        body.extend(limits.partition.to_be_bytes());
    }
    let mut request = i32::try_from(body.len())?.to_be_bytes().to_vec();
    request.extend(body);
    Ok(request)
}

/// Each partition's part of an answer to [`request`] (without the length in front): record batches, the last one of which
/// may be cut off.
pub fn logs(answer: &[u8]) -> Result<Vec<(usize, &[u8])>> {
    let mut rest = Rest(answer);
    let mut logs = Vec::new();
    // The answer's number, and for how long the broker held it back.
    rest.take(8)?;
    for _ in 0..rest.int()? {
        let name = rest.short()?;
        rest.take(usize::try_from(name)?)?;
        for _ in 0..rest.int()? {
            let partition = usize::try_from(rest.int()?)?;
            let error = rest.short()?;
            ensure!(error == 0, "partition {partition}: error {error}");
            // The topic's end, and the first open transaction.
            rest.take(16)?;
            // Transactions that were aborted; -1 for none.
            let aborted = usize::try_from(rest.int()?).unwrap_or(0);
            rest.take(aborted.checked_mul(16).context("too many transactions")?)?;
            let length = usize::try_from(rest.int()?).unwrap_or(0);
            logs.push((partition, rest.take(length)?));
        }
    }
    Ok(logs)
}

/// What is left of an answer.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).context("the answer is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    fn short(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_what_the_protocol_says() {
        let limits = Limits { answer: 2, partition: 3 };
        let request = request("in", &[1], &[0..0, 7..9], limits).unwrap();
        let expected = [
            &55_i32.to_be_bytes()[..],
            &[0, 1, 0, 4, 0, 0, 0, 0, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0xf4, 0, 0, 0, 1, 0, 0, 0, 2, 0],
            &[0, 0, 0, 1, 0, 2, b'i', b'n', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3],
        ];
        assert_eq!(request, expected.concat());
    }

    fn answer(error: u8) -> Vec<u8> {
        let mut answer = vec![0; 8];
        answer.extend([0, 0, 0, 1, 0, 2, b'i', b'n', 0, 0, 0, 1, 0, 0, 0, 5, 0, error]);
        answer.extend([0; 16]);
        answer.extend([0, 0, 0, 1]);
        answer.extend([9; 16]);
        answer.extend([0, 0, 0, 3, 1, 2, 3]);
        answer
    }

    #[test]
    fn an_answer_holds_a_log_for_each_partition() {
        assert_eq!(logs(&answer(0)).unwrap(), [(5, &[1, 2, 3][..])]);
        assert_eq!(logs(&answer(6)).unwrap_err().to_string(), "partition 5: error 6");
        assert!(logs(&answer(0)[..50]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(answer: Vec<u8>) {
            let _ = logs(&answer);
        }
    }
}
