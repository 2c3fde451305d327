//! Where a topic's records end, so that a generator goes on there.

use std::collections::VecDeque;
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};

use super::excerpt::excerpt;
use super::feed::Records;
use super::place::Last;
use super::sequence::Sequence;
use crate::kafka::admin::Admin;
use crate::kafka::{Isolation, tail};

/// A topic whose ends do not move for so long has no other writer: a running generator sends many times in it, and what
/// a killed one had sent is in the log by then.
const QUIET: Duration = Duration::from_millis(300);
/// How many records of others may have come into a partition since the last one of the generator: somebody emits single ones, and
/// connections are marked.
const LOOK_BACK: i64 = 1000;
/// How long to wait for that.
const QUIET_LIMIT: Duration = Duration::from_secs(3);

/// The records to send to `topic` from here on, or none when it never held one.
pub fn resume(admin: &Admin, bootstrap: &str, topic: &str, records: &Records, now: i64) -> Result<Option<Sequence>> {
    let ends = settled(admin, topic)?;
    if ends.iter().all(Range::is_empty) {
        return Ok(None);
    }
    let last = last(bootstrap, topic, &ends, records)?;
    for (partition, ends) in ends.iter().enumerate() {
        ensure!(
            last[partition].is_some() || ends.end == 0,
            "{topic}-{partition} has lost its records to the broker's retention, so it is unknown where they end\n  \
             delete topic '{topic}', or remove the stack with its data: playground down --volumes"
        );
    }
    records.resumed(&last, now).map(Some).map_err(|partition| {
        let (offset, value) = last[partition].as_ref().map_or((0, &[][..]), |last| (last.offset, &last.value));
        anyhow!(
            "{topic}-{partition} @ {offset} is not a record of this generator: {}\n  It resumes where a topic's records \
             end, which is unknown here: delete topic '{topic}', or use another: --topic NAME",
            excerpt(value)
        )
    })
}

/// The last record of each partition that is one of these, or else the last one.
fn last(bootstrap: &str, topic: &str, ends: &[Range<i64>], records: &Records) -> Result<Vec<Option<Last>>> {
    let mut seen = vec![VecDeque::new(); ends.len()];
    let spans: Vec<_> = ends.iter().map(|ends| (ends.end - LOOK_BACK).max(ends.start)..ends.end).collect();
    tail::read(bootstrap, topic, Isolation::Uncommitted, &spans, |record| {
        let partition = usize::try_from(record.partition)?;
        seen[partition].push_front(Last { offset: record.offset, value: record.payload.to_vec() });
        Ok(())
    })?;
    Ok(seen.iter_mut().enumerate().map(|(partition, seen)| records.newest(partition, seen.make_contiguous())).collect())
}

/// The topic's ends, once nobody writes to it any more.
fn settled(admin: &Admin, topic: &str) -> Result<Vec<Range<i64>>> {
    let began = Instant::now();
    let mut ends = admin.ends(topic)?;
    while ends.iter().any(|ends| ends.end > 0) {
        sleep(QUIET);
        let before = std::mem::replace(&mut ends, admin.ends(topic)?);
        if before == ends {
            break;
        }
        if began.elapsed() > QUIET_LIMIT {
            bail!(
                "another generator is writing to topic '{topic}': two would send every record twice\n  \
                 stop it first (playground kill clickevent-generator), or use another topic: --topic NAME"
            );
        }
    }
    Ok(ends)
}
