//! The request that asks who leads a topic's partitions, and its answer: Metadata in version 10, the oldest one that
//! tells a topic's identity, which a topic recreated under the same name does not share. Brokers know it since Kafka
//! 2.8.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::connection::Address;
use super::wire::{Request, Rest};

/// The request's number.
const API: i16 = 3;
/// Its version.
const VERSION: i16 = 10;
/// The identity of a topic that has none, as on clusters of an older making.
const NO_ID: [u8; 16] = [0; 16];

/// A topic as a broker describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its identity, if it has one.
    pub id: Option<[u8; 16]>,
    /// For each partition, where its leader is; none while it has none.
    pub leaders: Vec<Option<Address>>,
}

/// Asks for one topic.
pub fn request(number: i32, topic: &str) -> Result<Vec<u8>> {
    let length = u8::try_from(topic.len() + 1).ok().filter(|length| *length < 0x80);
    // Kafka's names have up to 249 characters, and the length has seven bits in each byte.
    let length = length.map_or_else(|| two_bytes(topic.len() + 1), |length| Ok(vec![length]))?;
    Request::new(API, VERSION, number)
        // No optional fields of the head; an array of one; no identity, so that the name counts.
        .bytes(&[0, 2])
        .bytes(&NO_ID)
        .bytes(&length)
        .bytes(topic.as_bytes())
        // No optional fields of the topic; make no topic; tell no permissions of the cluster or the topic; no more fields.
        .bytes(&[0, 0, 0, 0, 0])
        .finish()
}

fn two_bytes(number: usize) -> Result<Vec<u8>> {
    ensure!(number < 1 << 14, "the topic's name is too long");
    Ok(vec![u8::try_from(number & 0x7f)? | 0x80, u8::try_from(number >> 7)?])
}

/// An answer to [`request`], without its length and number: an error code of the topic, and what it is.
pub fn answer(answer: &[u8]) -> Result<(i16, Topic)> {
    let mut rest = Rest(answer);
    rest.skip_tags()?;
    // For how long the broker held it back.
    rest.int()?;
    let brokers = brokers(&mut rest).context("the brokers")?;
    // The cluster's name and its controller.
    rest.text()?;
    rest.int()?;
    ensure!(rest.compact()? == 1, "an answer of another number of topics than one");
    let error = rest.short()?;
    rest.text()?;
    let id: [u8; 16] = rest.take(16)?.try_into()?;
    // Whether it is one of Kafka's own.
    rest.byte()?;
    let mut leaders = BTreeMap::new();
    for _ in 0..rest.compact()? {
        let (partition, leader) = partition(&mut rest).context("a partition")?;
        leaders.insert(partition, brokers.get(&leader).cloned());
    }
    ensure!(leaders.keys().copied().eq(0..leaders.len()), "partitions are left out");
    Ok((error, Topic { id: (id != NO_ID).then_some(id), leaders: leaders.into_values().collect() }))
}

fn brokers(rest: &mut Rest<'_>) -> Result<BTreeMap<i32, Address>> {
    let mut brokers = BTreeMap::new();
    for _ in 0..rest.compact()? {
        let (id, host, port) = (rest.int()?, rest.text()?, rest.int()?);
        // The rack.
        rest.text()?;
        rest.skip_tags()?;
        brokers.insert(id, Address::new(&host, u16::try_from(port)?));
    }
    Ok(brokers)
}

/// A partition's number and the number of its leader, which is -1 for none.
fn partition(rest: &mut Rest<'_>) -> Result<(usize, i32)> {
    // An error says that there is no leader or that a replica is missing, which the leader's number tells as well.
    rest.short()?;
    let (partition, leader) = (usize::try_from(rest.int()?)?, rest.int()?);
    // The leader's epoch, and three lists of replicas.
    rest.int()?;
    for _ in 0..3 {
        let replicas = rest.compact()?;
        rest.take(replicas.checked_mul(4).context("too many replicas")?)?;
    }
    rest.skip_tags()?;
    Ok((partition, leader))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_what_the_protocol_says() {
        let body = [&[0, 2][..], &[0; 16], &[3, b'i', b'n'], &[0; 5]].concat();
        assert_eq!(request(4, "in").unwrap()[14..], body);
        assert_eq!(request(4, &"x".repeat(249)).unwrap()[32..34], [0xfa, 0x01]);
    }

    /// Two brokers, and two partitions of which the second has no leader.
    fn bytes() -> Vec<u8> {
        let broker = |id: u8| [&[0, 0, 0, id, 3, b'h', b'0' + id, 0, 0, 0, 99, 0, 0][..]].concat();
        let partition = |number: u8, leader: i32| {
            [&[0, 0, 0, 0, 0, number][..], &leader.to_be_bytes(), &[0; 4], &[1, 1, 1, 0]].concat()
        };
        let head = [&[0, 0, 0, 0, 0, 3][..], &broker(1), &broker(2), &[0, 0, 0, 0, 1]].concat();
        let topic = [&[2, 0, 0, 3, b'i', b'n'][..], &[7; 16], &[0, 3], &partition(0, 2), &partition(1, -1)].concat();
        [head, topic, vec![0; 10]].concat()
    }

    #[test]
    fn an_answer_tells_who_leads() {
        let leaders = vec![Some(Address::new("h2", 99)), None];
        assert_eq!(answer(&bytes()).unwrap(), (0, Topic { id: Some([7; 16]), leaders }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut more: Vec<u8>, cut in 0..150_usize) {
            let _ = answer(&more);
            let mut spoiled = bytes();
            spoiled.truncate(cut);
            spoiled.append(&mut more);
            let _ = answer(&spoiled);
        }
    }
}
