//! The clicks in `input`, recounted: the expectation of the ledger, whatever happened to the generator.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Watch;
use crate::history::What;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::tail::{Next, Reader, Record};
use crate::workload::{INPUT, PAGES, encoding, window_start};

/// How long one read may wait, and so how soon a stop is noticed.
const READ: Duration = Duration::from_millis(100);

/// Counts from where the topic ends now. A partition whose reading begins at its first record is seen whole from there;
/// in any other, the window that is under way was seen in part only and is left out.
pub(super) fn watcher(kafka: String) -> impl FnOnce(&Watch) -> Result<()> + Send {
    move |watch| {
        let ends = Admin::new(&kafka, Isolation::Uncommitted)?.ends(INPUT)?;
        let from: Vec<Option<i64>> = ends.iter().map(|ends| Some(ends.end)).collect();
        let reader = Reader::new(&kafka, INPUT, Isolation::Uncommitted, &from)?;
        let mut counters: Vec<Counter> = ends.iter().map(|ends| Counter::new(ends.end == 0)).collect();
        while watch.goes_on() {
            if let Next::Record(record) = reader.next(READ)?
                && let Some(what) = count(&mut counters, &record)?
            {
                watch.tell(what);
            }
        }
        Ok(())
    }
}

fn count(counters: &mut [Counter], record: &Record<'_>) -> Result<Option<What>> {
    let partition = record.partition();
    let counter = usize::try_from(partition).ok().and_then(|index| counters.get_mut(index));
    let counter = counter.with_context(|| format!("topic input has a new partition, {partition}"))?;
    // What is no click is none for the job either, which skips it.
    let Some((timestamp, page)) = encoding::decode(record.payload()) else { return Ok(None) };
    Ok(counter.click(page, timestamp, record.offset()).map(|done| done.told(partition)))
}

/// Counts the clicks of one partition, which holds one page and whose time never goes back.
#[derive(Debug)]
struct Counter {
    open: Option<Window>,
    /// Whether the open window was seen from its first click on.
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    page: usize,
    start: i64,
    clicks: u64,
    last_offset: i64,
}

impl Counter {
    fn new(whole: bool) -> Self {
        Self { open: None, whole }
    }

    /// Takes a click in; returns the window that it closes, if that was seen whole.
    fn click(&mut self, page: usize, timestamp: i64, offset: i64) -> Option<Window> {
        let start = window_start(timestamp);
        match &mut self.open {
            Some(open) if open.start == start && open.page == page => {
                open.clicks += 1;
                open.last_offset = offset;
                None
            }
            open => {
                let next = Window { page, start, clicks: 1, last_offset: offset };
                let done = open.replace(next);
                let whole = self.whole;
                // A window that follows another one was seen from its first click on.
                self.whole |= done.is_some();
                done.filter(|_| whole)
            }
        }
    }
}

impl Window {
    fn told(self, partition: i32) -> What {
        let Self { page, start, clicks, last_offset } = self;
        What::Clicks { page: PAGES[page].to_owned(), start, clicks, partition, last_offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(whole: bool, timestamps: &[i64]) -> Vec<(i64, u64, i64)> {
        let mut counter = Counter::new(whole);
        let clicks = timestamps.iter().zip(0..).filter_map(|(timestamp, offset)| counter.click(2, *timestamp, offset));
        clicks.map(|window| (window.start, window.clicks, window.last_offset)).collect()
    }

    #[test]
    fn a_window_is_told_when_the_next_one_begins() {
        assert_eq!(windows(true, &[0, 1, 15_000, 15_001, 15_002]), [(0, 2, 1)]);
    }

    #[test]
    fn the_window_that_was_under_way_is_left_out() {
        assert_eq!(windows(false, &[14_999, 15_000, 15_001, 30_000]), [(15_000, 2, 2)]);
    }
}
