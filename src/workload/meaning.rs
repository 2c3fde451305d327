//! What a workload's records mean, in the terms in which everything else speaks of them: key, window, count, checksum.

use std::borrow::Cow;

use super::encoding::{decode, decode_count};
use super::{GROUP, INPUT, JOB, OUTPUT, WINDOW_MS, window_start};
use crate::history::traffic::Window;

/// Where a workload's records lie, and how to read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The job's name.
    pub job: String,
    /// Its consumer group, whose committed offsets tell how far its checkpoints got.
    pub group: String,
    /// The topic that it reads.
    pub input: String,
    /// The topic that it writes.
    pub output: String,
}

/// What a record of the input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning<'a> {
    /// The key that the job groups it by.
    pub key: Cow<'a, str>,
    /// The window that it falls into.
    pub window: Option<Window>,
    /// What it adds to the window's checksum.
    pub checksum: u64,
}

/// What a record of the output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The key that the job groups it by.
    pub key: String,
    /// The window it counts in, by its event time.
    pub window: Option<Window>,
    /// The job's count.
    pub count: u64,
    /// The job's checksum, where it gives one.
    pub checksum: Option<u64>,
}

impl Workload {
    /// Clicks, counted by page and window.
    #[must_use]
    pub fn click_count() -> Self {
        let [job, group, input, output] = [JOB, GROUP, INPUT, OUTPUT].map(str::to_owned);
        Self { job, group, input, output }
    }

    /// Reads a record of the input; none when it is none of the workload, which the job skips as well.
    #[must_use]
    pub fn sent<'a>(&self, payload: &'a [u8]) -> Option<Meaning<'a>> {
        let click = decode(payload)?;
        let start = window_start(click.timestamp);
        let window = Some(Window { start, end: start + WINDOW_MS });
        // As the job adds it up: how far into its window each click falls.
        let checksum = (click.timestamp - start).unsigned_abs();
        Some(Meaning { key: click.page, window, checksum })
    }

    /// Reads a record of the output.
    ///
    /// # Errors
    /// What is wrong with one that is no result of the workload.
    pub fn emitted(&self, payload: &[u8]) -> Result<Outcome, String> {
        let count = decode_count(payload)?;
        let window = Some(Window { start: count.window_start, end: count.window_end });
        Ok(Outcome { key: count.page, window, count: count.count, checksum: count.checksum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_is_its_page_its_window_and_its_place_in_it() {
        let workload = Workload::click_count();
        let meaning = workload.sent(br#"{"timestamp":15015,"page":"/cart"}"#).unwrap();
        assert_eq!((meaning.key.as_ref(), meaning.checksum), ("/cart", 15));
        assert_eq!(meaning.window, Some(Window { start: 15_000, end: 30_000 }));
        assert_eq!(workload.sent(b"hello"), None);
    }

    #[test]
    fn a_count_may_come_without_a_checksum() {
        let read = |json: &str| Workload::click_count().emitted(json.as_bytes()).unwrap();
        let plain = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7}"#);
        assert_eq!((plain.count, plain.checksum), (7, None));
        let summed = read(r#"{"windowStart":0,"windowEnd":15000,"page":"/shop","count":7,"checksum":99}"#);
        assert_eq!(summed.checksum, Some(99));
    }
}
