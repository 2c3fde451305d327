//! Record batches as they lie in a partition's log (format 2, all that Kafka has written since 0.11), read in place.

use std::array::TryFromSliceError;

use anyhow::{Context as _, Result, ensure};

use super::codec::Codec;
use super::record::{Headers, Record};

/// Bytes before a batch's records.
const HEAD: usize = 61;
/// Bytes of a batch that its own length does not count.
const UNCOUNTED: usize = 12;
/// The bit of a batch's attributes that says that its records have the time at which the broker took them.
const APPEND_TIME: i16 = 1 << 3;
/// The bit that says that it belongs to a transaction.
const TRANSACTIONAL: i16 = 1 << 4;
/// The bit that says that it holds no records but the end of a transaction.
const CONTROL: i16 = 1 << 5;
/// The key of the record that ends a transaction by taking it back: version 0, type 0.
const ABORT: &[u8] = &[0, 0, 0, 0];

/// A batch of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    base_offset: i64,
    last_offset_delta: i32,
    attributes: i16,
    base_timestamp: i64,
    max_timestamp: i64,
    producer: i64,
    count: i32,
    records: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Takes the next batch off `log`; none when the rest is cut off, as the last batch of an answer often is.
    pub fn take(log: &mut &'a [u8]) -> Result<Option<Self>> {
        let Some(length) = log.get(8..UNCOUNTED) else { return Ok(None) };
        let length = UNCOUNTED + usize::try_from(i32::from_be_bytes(length.try_into()?)).context("a batch's length")?;
        ensure!(length >= HEAD, "a batch of {length} bytes");
        let Some((batch, rest)) = log.split_at_checked(length) else { return Ok(None) };
        *log = rest;
        let number = |place: usize| Ok::<_, TryFromSliceError>(i64::from_be_bytes(batch[place..place + 8].try_into()?));
        Ok(Some(Self {
            base_offset: number(0)?,
            attributes: i16::from_be_bytes(batch[21..23].try_into()?),
            last_offset_delta: i32::from_be_bytes(batch[23..27].try_into()?),
            base_timestamp: number(27)?,
            max_timestamp: number(35)?,
            producer: number(43)?,
            count: i32::from_be_bytes(batch[57..HEAD].try_into()?),
            records: &batch[HEAD..],
        }))
    }

    /// The offset of the first record that was written with it.
    #[must_use]
    pub fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// The offset after its last record.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta)).saturating_add(1)
    }

    /// The id of the producer that wrote it.
    #[must_use]
    pub fn producer(&self) -> i64 {
        self.producer
    }

    /// Whether it belongs to a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether it ends a transaction instead of holding records.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Whether it ends a transaction by taking it back.
    #[must_use]
    pub fn aborts(&self) -> bool {
        let key = || Cursor(Cursor(self.records).sized()?).record()?.key;
        self.is_control() && key().is_some_and(|key| key == ABORT)
    }

    /// How its records are compressed.
    pub fn codec(&self) -> Result<Option<Codec>> {
        Codec::of(self.attributes)
    }

    /// Its records as they came.
    #[must_use]
    pub fn packed(&self) -> &'a [u8] {
        self.records
    }

    /// Each record in `unpacked`, which is [`Batch::packed`] after unpacking; of which partition, the batch does not say. After
    /// an error there is no more.
    pub fn records<'u>(&self, unpacked: &'u [u8]) -> impl Iterator<Item = Result<Record<'u>>> + use<'u> {
        let count = if self.is_control() { 0 } else { self.count };
        let (base, began) = (self.base_offset, self.base_timestamp);
        let appended = (self.attributes & APPEND_TIME != 0).then_some(self.max_timestamp);
        let mut rest = Cursor(unpacked);
        (0..count).map(move |_| {
            let mut record = Cursor(rest.sized().context("a record is cut off")?);
            let Fields { time, offset, key, value, headers } = record.record().context("a record is malformed")?;
            let timestamp = appended.unwrap_or_else(|| began.saturating_add(time));
            let (partition, offset) = (0, base.saturating_add(offset));
            Ok(Record { partition, offset, timestamp, key, headers: Headers(headers), payload: value, missing: 0 })
        })
    }
}

/// A record; offset and time are counted from the batch's.
struct Fields<'a> {
    time: i64,
    offset: i64,
    key: Option<&'a [u8]>,
    value: &'a [u8],
    headers: &'a [u8],
}

/// What is left to read.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// A number of variable length, the small ones of either sign in a byte. Most numbers of a record take one, so that is
    /// read without a loop.
    pub(super) fn varint(&mut self) -> Option<i64> {
        match self.0 {
            [byte @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Some(signed(u64::from(*byte)))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for (place, &byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.0 = &self.0[place + 1..];
                return Some(signed(value));
            }
        }
        None
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes that have their length in front.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let bytes = self.varint()?;
        self.take(usize::try_from(bytes).ok()?)
    }

    /// The same, where a negative length means that there are none. The outer none is of bytes that are cut off.
    #[allow(clippy::option_option, reason = "cut off and absent are two things")]
    pub(super) fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match usize::try_from(self.varint()?) {
            Ok(bytes) => self.take(bytes).map(Some),
            Err(_) => Some(None),
        }
    }

    /// Attributes, timestamp, offset, key, value, and the headers as they lie there.
    fn record(&mut self) -> Option<Fields<'a>> {
        self.take(1)?;
        let (time, offset) = (self.varint()?, self.varint()?);
        let (key, value) = (self.nullable()?, self.nullable()?);
        Some(Fields { time, offset, key, value: value.unwrap_or_default(), headers: self.0 })
    }
}

/// The sign of a number of variable length is its lowest bit.
fn signed(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    type Pack = fn(&[u8]) -> Vec<u8>;

    /// What is written into a batch.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) struct Written<'a> {
        pub base: i64,
        pub attributes: i16,
        pub time: i64,
        pub producer: i64,
        pub records: &'a [(Option<&'a [u8]>, &'a [u8])],
        /// What becomes of the records' bytes.
        pub pack: Option<Pack>,
    }

    fn varint(value: i64, bytes: &mut Vec<u8>) {
        let mut value = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while value >= 0x80 {
            bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap());
    }

    fn sized(value: Option<&[u8]>, bytes: &mut Vec<u8>) {
        varint(value.map_or(-1, |value| i64::try_from(value.len()).unwrap()), bytes);
        bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// A batch as a broker would store it; its records are a millisecond apart.
    pub(crate) fn batch(written: Written<'_>) -> Vec<u8> {
        let mut records = Vec::new();
        for (delta, (key, value)) in (0..).zip(written.records) {
            let mut record = vec![0];
            varint(delta, &mut record);
            varint(delta, &mut record);
            sized(*key, &mut record);
            sized(Some(value), &mut record);
            varint(0, &mut record);
            sized(Some(&record), &mut records);
        }
        let records = written.pack.map_or(records.clone(), |pack| pack(&records));
        let count = i32::try_from(written.records.len()).unwrap();
        let length = i32::try_from(HEAD - UNCOUNTED + records.len()).unwrap();
        let mut bytes = written.base.to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 2, 0, 0, 0, 0]);
        bytes.extend(written.attributes.to_be_bytes());
        bytes.extend((count - 1).to_be_bytes());
        bytes.extend([written.time, written.time + 1000, written.producer].map(i64::to_be_bytes).concat());
        bytes.extend([0; 6]);
        bytes.extend(count.to_be_bytes());
        bytes.extend(records);
        bytes
    }

    /// The marker that ends a producer's transaction.
    pub(crate) fn marker(base: i64, producer: i64, commits: bool) -> Vec<u8> {
        let key = [0, 0, 0, u8::from(commits)];
        let attributes = CONTROL | TRANSACTIONAL;
        batch(Written { base, attributes, producer, records: &[(Some(&key), b"")], ..Written::default() })
    }

    #[test]
    fn a_batch_says_where_the_log_goes_on() {
        let bytes = batch(Written { base: 40, attributes: 4, records: &[(None, &b""[..]); 2], ..Written::default() });
        let read = Batch::take(&mut bytes.as_slice()).unwrap().unwrap();
        assert_eq!((read.base_offset(), read.next_offset(), read.codec().unwrap()), (40, 42, Some(Codec::Zstd)));
        assert_eq!(Batch::take(&mut &bytes[..bytes.len() - 1]).unwrap(), None);
    }

    #[test]
    fn a_marker_is_no_record_and_says_how_the_transaction_ended() {
        let read = |bytes: &[u8]| {
            let batch = Batch::take(&mut &*bytes).unwrap().unwrap();
            (batch.aborts(), batch.producer(), batch.records(batch.packed()).count())
        };
        assert_eq!(read(&marker(40, 7, false)), (true, 7, 0));
        assert_eq!(read(&marker(40, 7, true)), (false, 7, 0));
    }

    #[test]
    fn a_record_has_the_time_of_its_making_or_of_the_append() {
        let times = |attributes| {
            let records: &[(Option<&[u8]>, &[u8])] = &[(None, b"a"), (None, b"b")];
            let bytes = batch(Written { time: 500, attributes, records, ..Written::default() });
            let batch = Batch::take(&mut bytes.as_slice()).unwrap().unwrap();
            batch.records(batch.packed()).map(|record| record.unwrap().timestamp).collect::<Vec<_>>()
        };
        assert_eq!((times(0), times(APPEND_TIME)), (vec![500, 501], vec![1500, 1500]));
    }
}
