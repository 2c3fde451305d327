//! A stretch of a partition's log, in whatever formats it was written: which records of it a reader is to see.

use std::ops::Range;

use anyhow::{Context as _, Result};

use super::batch::Batch;
use super::codec::Unpacker;
use super::legacy::Message;
use super::record::Record;
use super::transactions::Transactions;

/// Where format 2 has its number, and where the older ones had theirs.
const FORMAT: usize = 16;

/// Where a reader is in a partition's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The offsets that it is still to read.
    pub offsets: Range<i64>,
    /// How many offsets since the last record hold nothing. Every offset was a record's or a transaction marker's once, and only
    /// compaction removes records from the middle of a log.
    pub missing: i64,
}

impl Span {
    /// Goes on at an offset up to which nothing was found.
    fn pass_over(&mut self, to: i64) {
        let to = to.min(self.offsets.end);
        if to > self.offsets.start {
            self.missing = self.missing.saturating_add(to.saturating_sub(self.offsets.start));
            self.offsets.start = to;
        }
    }
}

/// Gives each record of a log within a span to `each`, not saying of which partition, without those of aborted transactions,
/// and shortens the span by what lies behind. The end of the log may be cut off.
pub fn walk(
    mut log: &[u8],
    span: &mut Span,
    transactions: &mut Transactions,
    unpacker: &mut Unpacker,
    mut each: impl FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    while let Some(format) = log.get(FORMAT)
        && !span.offsets.is_empty()
    {
        let mut each = |span: &mut Span, record: Record<'_>| {
            // The first batch may begin before the span, and the last one end behind it.
            if span.offsets.contains(&record.offset) {
                span.pass_over(record.offset);
                each(Record { missing: span.missing, ..record })?;
                *span = Span { offsets: record.offset + 1..span.offsets.end, missing: 0 };
            }
            Ok(())
        };
        match format {
            0 | 1 => {
                let Some(message) = Message::take(&mut log)? else { break };
                message.records(unpacker, |record| each(span, record))?;
                span.pass_over(message.offset.saturating_add(1));
            }
            2 => {
                let Some(batch) = Batch::take(&mut log)? else { break };
                let hidden = transactions.hide(&batch) || batch.is_control();
                span.pass_over(batch.base_offset());
                if hidden {
                    span.offsets.start = batch.next_offset().clamp(span.offsets.start, span.offsets.end);
                } else if batch.base_offset() < span.offsets.end && batch.next_offset() > span.offsets.start {
                    let records = match batch.codec()? {
                        None => batch.packed(),
                        Some(codec) => unpacker.unpack(codec, batch.packed())?,
                    };
                    for record in batch.records(records) {
                        each(span, record?)?;
                    }
                }
                span.pass_over(batch.next_offset());
            }
            other => {
                return Err(anyhow::anyhow!("records of format {other}"))
                    .context("only formats 0, 1 and 2 are supported");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::batch::tests::{Written, batch, marker};
    use crate::kafka::codec::tests::gzip;
    use crate::kafka::legacy::tests::message;
    use crate::kafka::transactions::Aborted;
    use proptest::prelude::*;

    const TRANSACTIONAL: i16 = 1 << 4;

    fn read(log: &[u8], offsets: &mut Range<i64>, aborted: Vec<Aborted>) -> Result<Vec<(i64, Vec<u8>)>> {
        let mut seen = Vec::new();
        let mut span = Span { offsets: offsets.clone(), missing: 0 };
        walk(log, &mut span, &mut Transactions::new(aborted), &mut Unpacker::default(), |record| {
            seen.push((record.offset, record.payload.to_vec()));
            Ok(())
        })?;
        *offsets = span.offsets;
        Ok(seen)
    }

    /// The offsets of records, each with how many are missing before it, and how many are behind the last one.
    fn missing(logs: &[Vec<u8>], to: i64) -> (Vec<(i64, i64)>, i64) {
        let (mut seen, mut span) = (Vec::new(), Span { offsets: 0..to, missing: 0 });
        for log in logs {
            walk(
                log,
                &mut span,
                &mut Transactions::new(vec![Aborted { producer: 1, first: 0 }]),
                &mut Unpacker::default(),
                |record| {
                    seen.push((record.offset, record.missing));
                    Ok(())
                },
            )
            .unwrap();
        }
        (seen, span.missing)
    }

    /// A batch of which compaction has left nothing at the end.
    fn thinned(base: i64, values: &[&[u8]], next: i64) -> Vec<u8> {
        let mut batch = plain(base, values);
        batch[23..27].copy_from_slice(&i32::try_from(next - base - 1).unwrap().to_be_bytes());
        batch
    }

    fn offsets(log: &[u8], span: &mut Range<i64>, aborted: Vec<Aborted>) -> Vec<i64> {
        read(log, span, aborted).unwrap().into_iter().map(|(offset, _)| offset).collect()
    }

    fn plain(base: i64, values: &[&[u8]]) -> Vec<u8> {
        let records: Vec<_> = values.iter().map(|value| (None, *value)).collect();
        batch(Written { base, records: &records, ..Written::default() })
    }

    fn of(producer: i64, base: i64) -> Vec<u8> {
        let records = &[(None, &b"x"[..]); 2];
        batch(Written { base, producer, attributes: TRANSACTIONAL, records, ..Written::default() })
    }

    #[test]
    fn a_log_of_all_formats_is_read_within_its_span() {
        let packed: &[(Option<&[u8]>, &[u8])] = &[(None, b"e"), (Some(b"key"), b"f")];
        let packed = Written { base: 4, attributes: 1, records: packed, pack: Some(gzip), ..Written::default() };
        let log =
            [message(0, 0, 0, 0, b"a"), message(1, 1, 0, 5, b"b"), plain(2, &[b"c", b"d"]), batch(packed)].concat();
        let mut span = 1..5;
        let seen = read(&log, &mut span, Vec::new()).unwrap();
        assert_eq!(seen, [(1, b"b".to_vec()), (2, b"c".to_vec()), (3, b"d".to_vec()), (4, b"e".to_vec())]);
        assert_eq!(span, 5..5);
    }

    #[test]
    fn a_gap_that_compaction_left_is_passed_over() {
        let log = [plain(0, &[b"a"]), plain(7, &[b"b"])].concat();
        let mut span = 0..5;
        assert_eq!((offsets(&log, &mut span, Vec::new()), span), (vec![0], 5..5));
    }

    #[test]
    fn compacted_records_are_missing_and_aborted_ones_are_not() {
        let whole = [of(1, 0), marker(2, 1, false), plain(3, &[b"a", b"b"])];
        assert_eq!(missing(&whole, 5), (vec![(3, 0), (4, 0)], 0));
        // Between batches, at the end of one, before a marker; the next answer goes on with what this one left open.
        let some = [thinned(0, &[b"a"], 3), plain(5, &[b"b"]), marker(8, 2, true), plain(9, &[b"c"])];
        assert_eq!(missing(&some, 10), (vec![(0, 0), (5, 4), (9, 2)], 0));
        assert_eq!(missing(&some[..1], 3), (vec![(0, 0)], 2));
        assert_eq!(missing(&[some.concat()], 10).0, missing(&some, 10).0);
    }

    #[test]
    fn aborted_records_are_passed_over_and_nothing_else() {
        // Producers 1 and 2 side by side: 1 aborts, 2 commits; then 1 commits.
        let log = [
            of(1, 0),
            of(2, 2),
            of(1, 4),
            marker(6, 1, false),
            of(2, 7),
            of(1, 9),
            marker(11, 2, true),
            marker(12, 1, true),
        ];
        let log = [log.concat(), plain(13, &[b"y"])].concat();
        let aborted = || vec![Aborted { producer: 1, first: 0 }];
        assert_eq!(offsets(&log, &mut (0..14), aborted()), [2, 3, 7, 8, 9, 10, 13]);
        // Without what the broker tells, as for readers of everything: all but the markers.
        let mut span = 0..13;
        assert_eq!(offsets(&log, &mut span, Vec::new()), [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]);
        assert_eq!(span, 13..13, "the position moves over markers");
    }

    #[test]
    fn transactions_begin_where_the_broker_says() {
        // 1 commits, then aborts twice; they are told in any order.
        let log =
            [of(1, 0), marker(2, 1, true), of(1, 3), marker(5, 1, false), of(1, 6), marker(8, 1, false), of(1, 9)]
                .concat();
        let aborted = vec![Aborted { producer: 1, first: 6 }, Aborted { producer: 1, first: 3 }];
        assert_eq!(offsets(&log, &mut (0..11), aborted), [0, 1, 9, 10]);
    }

    #[test]
    fn an_error_leaves_the_position_at_the_record() {
        let log = plain(0, &[b"a", b"b", b"c"]);
        let mut span = Span { offsets: 0..3, missing: 0 };
        let walked = walk(&log, &mut span, &mut Transactions::default(), &mut Unpacker::default(), |record| {
            anyhow::ensure!(record.offset < 1, "enough");
            Ok(())
        });
        assert_eq!((walked.unwrap_err().to_string().as_str(), span.offsets), ("enough", 1..3));
        let mut unknown = plain(0, &[b"a"]);
        unknown[FORMAT] = 3;
        assert_eq!(
            read(&unknown, &mut (0..1), Vec::new()).unwrap_err().root_cause().to_string(),
            "records of format 3"
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            batches in prop::collection::vec(
                prop::collection::vec((prop::option::of(Just(&b"key"[..])), prop::collection::vec(any::<u8>(), 0..200)), 1..20),
                1..5,
            ),
            packed: bool,
            cut in 0_usize..60,
        ) {
            let (mut log, mut written, mut base) = (Vec::new(), Vec::new(), 1_000_000_i64);
            let pack = packed.then_some(gzip as fn(&[u8]) -> Vec<u8>);
            for values in &batches {
                let records: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_slice())).collect();
                log.extend(batch(Written { base, attributes: packed.into(), records: &records, pack, ..Written::default() }));
                written.extend((base..).zip(values.iter().map(|(_, value)| value.clone())));
                base += i64::try_from(values.len()).unwrap();
            }
            prop_assert_eq!(read(&log, &mut (0..base), Vec::new()).unwrap(), written.clone());
            // The broker cuts its answer off wherever it is full.
            let last = batches.last().unwrap().len();
            written.truncate(if cut == 0 { written.len() } else { written.len() - last });
            prop_assert_eq!(read(&log[..log.len() - cut], &mut (0..base), Vec::new()).unwrap(), written);
        }

        #[test]
        fn no_bytes_make_it_panic(mut log: Vec<u8>, format in 0_u8..3) {
            let _ = read(&log, &mut (0..i64::MAX), Vec::new());
            if log.len() > 16 {
                log[FORMAT] = format;
                let length = i32::try_from(log.len() - 12).unwrap();
                log[8..12].copy_from_slice(&length.to_be_bytes());
                let _ = read(&log, &mut (i64::MIN..i64::MAX), vec![Aborted { producer: 0, first: 0 }]);
            }
        }
    }
}
