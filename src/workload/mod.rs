//! Click events: which there are, when they fall, and what the job must count of them.
//!
//! Six pages; exactly 1000 clicks for each page in each 15 s window of event time, one every 15 ms. Each page has a
//! partition of its own in `input`, so no partition is ever empty and the last record of a partition tells exactly where
//! its page's clicks end.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub mod alive;
pub mod encoding;
pub mod feed;
pub mod generator;
pub mod meaning;
pub mod pace;
pub mod place;
pub mod resume;
pub mod sequence;
pub mod template;

/// The topic of clicks.
pub const INPUT: &str = "input";
/// The topic of counts.
pub const OUTPUT: &str = "output";
/// The job's consumer group, whose committed offsets tell how far its checkpoints got.
pub const GROUP: &str = "click-event-count";
/// The job's name.
pub const JOB: &str = "Click Event Count";
/// What a record of [`INPUT`] is called.
pub const RECORD: &str = "click";
/// The name of the job's jar, before its version and its content's hash.
pub const JAR: &str = "click-event-count";
/// The pages; a page's place is its partition in [`INPUT`].
pub const PAGES: [&str; 6] = ["/help", "/index", "/shop", "/jobs", "/about", "/news"];
/// The length of a window, in ms of event time.
pub const WINDOW_MS: i64 = 15_000;
/// How many clicks a page has in a window.
pub const CLICKS_PER_WINDOW: u64 = 1000;
/// From one click of a page to its next, in ms of event time.
pub const STEP_MS: i64 = 15;
/// How far, in ms, the job's watermark stays behind the newest click of a partition.
pub const OUT_OF_ORDERNESS_MS: i64 = 200;

/// The start of the window that a timestamp (ms since the epoch) falls into.
#[must_use]
pub fn window_start(timestamp: i64) -> i64 {
    timestamp - timestamp.rem_euclid(WINDOW_MS)
}

/// A record of [`INPUT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click<'a> {
    /// When, in ms since the epoch, of event time.
    pub timestamp: i64,
    /// The page, as in `/shop`.
    #[serde(borrow)]
    pub page: Cow<'a, str>,
}

/// A record of [`OUTPUT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowCount {
    /// First ms of the window.
    pub window_start: i64,
    /// First ms after the window.
    pub window_end: i64,
    /// The page, as in `/shop`.
    pub page: String,
    /// How many clicks the job counted.
    pub count: u64,
    /// How far each of them falls into its 15 s, in ms, added up with wrap-around; other jobs may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_agree() {
        assert_eq!(STEP_MS * i64::try_from(CLICKS_PER_WINDOW).unwrap(), WINDOW_MS);
    }

    #[test]
    fn a_window_starts_on_a_multiple_of_its_length() {
        assert_eq!(window_start(15_000), 15_000);
        assert_eq!(window_start(29_999), 15_000);
        assert_eq!(window_start(-1), -15_000);
    }
}
