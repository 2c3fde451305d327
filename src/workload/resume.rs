//! Where a topic's clicks end, so that a generator goes on there.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::encoding::{decode, excerpt};
use super::sequence::Sequence;
use super::{PAGES, STEP_MS};
use crate::kafka::admin::Admin;
use crate::kafka::{Isolation, tail};

/// A topic whose ends do not move for so long has no other writer: a running generator sends many times in it, and what
/// a killed one had sent is in the log by then.
const QUIET: Duration = Duration::from_millis(300);
/// How long to wait for that.
const QUIET_LIMIT: Duration = Duration::from_secs(3);

/// The clicks to send to `topic` from here on, or none when it never held a record.
pub fn resume(admin: &Admin, bootstrap: &str, topic: &str) -> Result<Option<Sequence>> {
    let ends = settled(admin, topic)?;
    if ends.iter().all(Range::is_empty) {
        return Ok(None);
    }
    let mut last = [None; PAGES.len()];
    let spans: Vec<_> = ends.iter().map(|ends| (ends.end - 1).max(ends.start)..ends.end).collect();
    clicks(bootstrap, topic, &spans, |page, timestamp| last[page] = Some(timestamp))?;
    for (page, ends) in ends.iter().enumerate() {
        ensure!(
            last[page].is_some() || ends.end == 0,
            "{topic}-{page} has lost its records to the broker's retention, so it is unknown where its clicks end\n  \
             delete topic '{topic}', or remove the stack with its data: playground down --volumes"
        );
    }
    Ok(Some(Sequence::resumed(last, oldest(bootstrap, topic, &ends)?)))
}

/// The timestamp of the topic's oldest click.
fn oldest(bootstrap: &str, topic: &str, ends: &[Range<i64>]) -> Result<i64> {
    let spans: Vec<_> = ends.iter().map(|ends| ends.start..(ends.start + 1).min(ends.end)).collect();
    let mut oldest = i64::MAX;
    clicks(bootstrap, topic, &spans, |_, timestamp| oldest = oldest.min(timestamp))?;
    Ok(oldest)
}

/// Gives the clicks within the spans to `each`. A record that the generator cannot have written is an error.
fn clicks(bootstrap: &str, topic: &str, spans: &[Range<i64>], mut each: impl FnMut(usize, i64)) -> Result<()> {
    tail::read(bootstrap, topic, Isolation::Uncommitted, spans, |record| {
        let partition = usize::try_from(record.partition())?;
        match decode(record.payload()) {
            Some(click) if PAGES.get(partition) == Some(&&*click.page) && click.timestamp % STEP_MS == 0 => {
                each(partition, click.timestamp);
            }
            _ => bail!(
                "{topic}-{partition} @ {} is not a click of this generator: {}\n  It resumes where a topic's clicks end, \
                 which is unknown here: delete topic '{topic}', or use another: --topic NAME",
                record.offset(),
                excerpt(record.payload())
            ),
        }
        Ok(())
    })
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
                "another generator is writing to topic '{topic}': two would send every click twice\n  \
                 stop it first (playground kill clickevent-generator), or use another topic: --topic NAME"
            );
        }
    }
    Ok(ends)
}
