//! Record batches as they lie in a partition's log (format 2, all that Kafka has written since 0.11), read in place.

use anyhow::{Context as _, Result, ensure};

/// Bytes before a batch's records.
const HEAD: usize = 61;
/// Bytes of a batch that its own length does not count.
const UNCOUNTED: usize = 12;
/// The bits of a batch's attributes that say how it is compressed.
const COMPRESSION: i16 = 0b111;
/// The bit that says that it holds no records but the end of a transaction.
const CONTROL: i16 = 1 << 5;

/// A batch of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    base_offset: i64,
    last_offset_delta: i32,
    attributes: i16,
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
        ensure!(batch[16] == 2, "a batch of format {}", batch[16]);
        *log = rest;
        Ok(Some(Self {
            base_offset: i64::from_be_bytes(batch[..8].try_into()?),
            attributes: i16::from_be_bytes(batch[21..23].try_into()?),
            last_offset_delta: i32::from_be_bytes(batch[23..27].try_into()?),
            count: i32::from_be_bytes(batch[57..HEAD].try_into()?),
            records: &batch[HEAD..],
        }))
    }

    /// The offset after its last record.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta)).saturating_add(1)
    }

    /// Whether its records cannot be read in place.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.attributes & COMPRESSION != 0
    }

    /// The offset and the value of each record; a record without a value has an empty one. After an error there is no
    /// more.
    pub fn records(&self) -> impl Iterator<Item = Result<(i64, &'a [u8])>> {
        let count = if self.attributes & CONTROL == 0 { self.count } else { 0 };
        let base = self.base_offset;
        let mut rest = Cursor(self.records);
        (0..count).map(move |_| {
            let mut record = Cursor(rest.sized().context("a record is cut off")?);
            let (delta, value) = record.offset_and_value().context("a record is malformed")?;
            Ok((base.saturating_add(delta), value))
        })
    }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// A number of variable length, the small ones of either sign in a byte.
    fn varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for (place, &byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.0 = &self.0[place + 1..];
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
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
    fn sized(&mut self) -> Option<&'a [u8]> {
        let bytes = self.varint()?;
        self.take(usize::try_from(bytes).ok()?)
    }

    /// The same, where a negative length means that there are none.
    fn nullable(&mut self) -> Option<&'a [u8]> {
        let bytes = self.varint()?;
        self.take(usize::try_from(bytes).unwrap_or(0))
    }

    /// Attributes, timestamp, offset, key, value; headers are left unread.
    fn offset_and_value(&mut self) -> Option<(i64, &'a [u8])> {
        self.take(1)?;
        self.varint()?;
        let offset = self.varint()?;
        self.nullable()?;
        Some((offset, self.nullable()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// A batch as a broker would store it.
    fn batch(base: i64, attributes: i16, values: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut records = Vec::new();
        for (delta, value) in (0..).zip(values) {
            let mut record = vec![0];
            varint(-5, &mut record);
            varint(delta, &mut record);
            sized((delta % 2 == 0).then_some(b"key"), &mut record);
            sized(value.as_deref(), &mut record);
            varint(0, &mut record);
            sized(Some(&record), &mut records);
        }
        let count = i32::try_from(values.len()).unwrap();
        let length = i32::try_from(HEAD - UNCOUNTED + records.len()).unwrap();
        let mut bytes = base.to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 2, 0, 0, 0, 0]);
        bytes.extend(attributes.to_be_bytes());
        bytes.extend((count - 1).to_be_bytes());
        bytes.extend([0; 30]);
        bytes.extend(count.to_be_bytes());
        bytes.extend(records);
        bytes
    }

    fn read(mut log: &[u8]) -> Result<Vec<(i64, Vec<u8>)>> {
        let mut seen = Vec::new();
        while let Some(batch) = Batch::take(&mut log)? {
            for record in batch.records() {
                let (offset, value) = record?;
                seen.push((offset, value.to_vec()));
            }
        }
        Ok(seen)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            batches in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..200)), 1..20), 1..5),
            cut in 0_usize..60,
        ) {
            let mut log = Vec::new();
            let mut written = Vec::new();
            let mut base = 1_000_000_i64;
            for values in &batches {
                log.extend(batch(base, 0, values));
                written.extend((base..).zip(values.iter().map(|value| value.clone().unwrap_or_default())));
                base += i64::try_from(values.len()).unwrap();
            }
            prop_assert_eq!(read(&log).unwrap(), written.clone());
            // The broker cuts its answer off wherever it is full.
            let last = batches.last().unwrap().len();
            written.truncate(if cut == 0 { written.len() } else { written.len() - last });
            prop_assert_eq!(read(&log[..log.len() - cut]).unwrap(), written);
        }

        #[test]
        fn no_bytes_make_it_panic(mut log: Vec<u8>) {
            let _ = read(&log);
            if log.len() > HEAD {
                log[16] = 2;
                let length = i32::try_from(log.len() - UNCOUNTED).unwrap();
                log[8..12].copy_from_slice(&length.to_be_bytes());
                let _ = read(&log);
            }
        }
    }

    #[test]
    fn a_batch_says_where_the_log_goes_on_and_whether_it_can_be_read() {
        let plain = batch(40, 0, &[None, None]);
        let plain = Batch::take(&mut plain.as_slice()).unwrap().unwrap();
        assert_eq!((plain.next_offset(), plain.is_compressed()), (42, false));
        let packed = batch(40, 3, &[None]);
        assert!(Batch::take(&mut packed.as_slice()).unwrap().unwrap().is_compressed());
    }

    #[test]
    fn the_end_of_a_transaction_is_no_record() {
        assert_eq!(read(&batch(40, CONTROL, &[Some(b"commit".to_vec())])).unwrap(), []);
    }
}
