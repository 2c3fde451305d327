//! Records as Kafka wrote them before 0.11 (formats 0 and 1), which old topics of upgraded clusters still hold: messages
//! one by one, or a message whose value is a compressed row of messages.

use anyhow::{Context as _, Result, ensure};

use super::codec::{Codec, Unpacker};
use super::record::Record;
use super::wire::Rest;

/// The bit of the attributes that says that the time is the broker's. Of a compressed row, it then is the row's.
const APPEND_TIME: i16 = 1 << 3;

/// A message of formats 0 and 1, from before record batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its offset; of a compressed row, that of its last message.
    pub offset: i64,
    format: i8,
    attributes: i16,
    timestamp: i64,
    key: Option<&'a [u8]>,
    value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the next message off `log`; none when the rest is cut off.
    pub fn take(log: &mut &'a [u8]) -> Result<Option<Self>> {
        let mut rest = Rest(log);
        let (Ok(offset), Ok(length)) = (rest.long(), rest.int()) else { return Ok(None) };
        let length = usize::try_from(length).context("a message's length")?;
        let Ok(message) = rest.take(length) else { return Ok(None) };
        *log = rest.0;
        Self::read(offset, message).context("a message is malformed").map(Some)
    }

    fn read(offset: i64, message: &'a [u8]) -> Result<Self> {
        let mut rest = Rest(message);
        // Its checksum.
        rest.int()?;
        let (format, attributes) = (rest.byte()?, i16::from(rest.byte()?));
        ensure!((0..=1).contains(&format), "a message of format {format}");
        let timestamp = if format == 1 { rest.long()? } else { -1 };
        let key = rest.sized()?;
        let value = rest.sized()?.unwrap_or_default();
        Ok(Self { offset, format, attributes, timestamp, key, value })
    }

    /// Gives it, or each message of the row that it is, to `each`; of which partition, it does not say.
    pub fn records(&self, unpacker: &mut Unpacker, mut each: impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        let Some(codec) = Codec::of(self.attributes)? else { return each(self.record(self.offset, self.timestamp)) };
        let row = unpacker.unpack(codec, self.value)?;
        // Format 1 counts the offsets within a row from its beginning, and the row has the last one.
        let base = match (self.format, row_of(row).last().transpose()?) {
            (1, Some(last)) => self.offset.saturating_sub(last.offset),
            _ => 0,
        };
        let appended = (self.attributes & APPEND_TIME != 0).then_some(self.timestamp);
        for message in row_of(row) {
            let message = message?;
            ensure!(Codec::of(message.attributes)?.is_none(), "a compressed message within another");
            let offset = base.saturating_add(message.offset);
            each(message.record(offset, appended.unwrap_or(message.timestamp)))?;
        }
        Ok(())
    }

    fn record(&self, offset: i64, timestamp: i64) -> Record<'a> {
        Record { offset, timestamp, key: self.key, payload: self.value, ..Record::default() }
    }
}

/// The messages of a row. After an error there is no more.
fn row_of(mut row: &[u8]) -> impl Iterator<Item = Result<Message<'_>>> {
    std::iter::from_fn(move || {
        if row.is_empty() {
            return None;
        }
        let next = Message::take(&mut row).and_then(|message| message.context("a message is cut off"));
        if next.is_err() {
            row = &[];
        }
        Some(next)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kafka::codec::tests::gzip;

    pub(crate) fn message(offset: i64, format: i8, attributes: i8, time: i64, value: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 0, 0, 0];
        message.extend([format.cast_unsigned(), attributes.cast_unsigned()]);
        if format == 1 {
            message.extend(time.to_be_bytes());
        }
        message.extend((-1_i32).to_be_bytes());
        message.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        message.extend(value);
        [&offset.to_be_bytes()[..], &i32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
    }

    fn read(mut log: &[u8]) -> Result<Vec<(i64, i64, Vec<u8>)>> {
        let (mut seen, mut unpacker) = (Vec::new(), Unpacker::default());
        while let Some(message) = Message::take(&mut log)? {
            message.records(&mut unpacker, |record| {
                seen.push((record.offset, record.timestamp, record.payload.to_vec()));
                Ok(())
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn both_formats_are_read() {
        let log = [message(5, 0, 0, 0, b"old"), message(6, 1, 0, 99, b"newer")].concat();
        assert_eq!(read(&log).unwrap(), [(5, -1, b"old".to_vec()), (6, 99, b"newer".to_vec())]);
        assert_eq!(read(&log[..log.len() - 1]).unwrap().len(), 1);
    }

    #[test]
    fn a_row_counts_from_its_beginning_in_format_1_only() {
        let row = |format, first| {
            gzip(&[message(first, format, 0, 1, b"a"), message(first + 2, format, 0, 2, b"b")].concat())
        };
        let offsets =
            |log: &[u8]| read(log).unwrap().into_iter().map(|record| (record.0, record.1)).collect::<Vec<_>>();
        assert_eq!(offsets(&message(12, 1, 1, 9, &row(1, 0))), [(10, 1), (12, 2)]);
        assert_eq!(offsets(&message(12, 1, 1 | 8, 9, &row(1, 0))), [(10, 9), (12, 9)]);
        assert_eq!(offsets(&message(12, 0, 1, 0, &row(0, 10))), [(10, -1), (12, -1)]);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(read(&message(1, 3, 0, 0, b"")).is_err());
        assert!(read(&message(1, 1, 1, 0, &gzip(&message(0, 1, 1, 0, b"")))).is_err());
        assert!(read(&message(1, 1, 1, 0, &gzip(&message(0, 1, 0, 0, b"")[..20]))).is_err());
    }
}
