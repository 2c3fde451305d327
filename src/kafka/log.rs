//! A stretch of a partition's log, in whatever formats it was written: which records of it a reader is to see.

use std::ops::Range;

use anyhow::{Context as _, Result};

use super::batch::Batch;
use super::codec::Unpacker;
use super::legacy::Message;
use super::transactions::Transactions;

/// Where format 2 has its number, and where the older ones had theirs.
const FORMAT: usize = 16;

/// Gives offset, timestamp and value of each record of a log within a span to `each`, without those that transactions
/// took back, and shortens the span by what lies behind. The end of the log may be cut off.
pub fn walk(
    mut log: &[u8],
    span: &mut Range<i64>,
    transactions: &mut Transactions,
    unpacker: &mut Unpacker,
    mut each: impl FnMut(i64, i64, &[u8]) -> Result<()>,
) -> Result<()> {
    while let Some(format) = log.get(FORMAT)
        && !span.is_empty()
    {
        let mut each = |span: &mut Range<i64>, offset, timestamp, value: &[u8]| {
            // The first batch may begin before the span, and the last one end behind it.
            if span.contains(&offset) {
                each(offset, timestamp, value)?;
                span.start = offset + 1;
            }
            Ok(())
        };
        let next = match format {
            0 | 1 => {
                let Some(message) = Message::take(&mut log)? else { break };
                message.records(unpacker, |offset, timestamp, value| each(span, offset, timestamp, value))?;
                message.offset.saturating_add(1)
            }
            2 => {
                let Some(batch) = Batch::take(&mut log)? else { break };
                let hidden = transactions.hide(&batch) || batch.is_control();
                if !hidden && batch.base_offset() < span.end && batch.next_offset() > span.start {
                    let unpacked = match batch.codec()? {
                        None => batch.packed(),
                        Some(codec) => unpacker.unpack(codec, batch.packed())?,
                    };
                    for record in batch.records(unpacked) {
                        let (offset, timestamp, value) = record?;
                        each(span, offset, timestamp, value)?;
                    }
                }
                batch.next_offset()
            }
            other => {
                return Err(anyhow::anyhow!("records of format {other}")).context("what is known here is 0, 1 and 2");
            }
        };
        span.start = next.clamp(span.start, span.end);
    }
    Ok(())
}
