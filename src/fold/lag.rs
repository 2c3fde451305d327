//! The lag at rest, which is what a later lag is held against.

use std::collections::VecDeque;

use crate::history::seen::Read;
use crate::settings::JobVariant;

/// How long, in ms, a lag is remembered at least.
const MOMENTS_MS: i64 = 3_000;
/// How long, in ms, from a checkpoint's begin to its committed offsets being seen, as a rule.
const COMMIT_MS: i64 = 500;

/// The lag of the last moments: it rises until a checkpoint commits what was read, and falls with it.
#[derive(Debug, Clone)]
pub struct UsualLag {
    seen: VecDeque<Sample>,
    /// The time between two checkpoints, in ms; none when offsets are committed without them.
    interval: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: i64,
    lag: i64,
    ends: i64,
}

impl Default for UsualLag {
    fn default() -> Self {
        Self::of(&JobVariant::default())
    }
}

impl UsualLag {
    /// Of a job that checkpoints so often.
    #[must_use]
    pub fn of(job: &JobVariant) -> Self {
        let interval = i64::try_from(job.checkpoint_interval_ms).unwrap_or(i64::MAX);
        Self { seen: VecDeque::new(), interval: job.checkpointing.then_some(interval) }
    }

    /// Takes in what was seen, at a time in ms since the run began.
    pub fn add(&mut self, at: i64, read: &Read) {
        let ends = read.input.iter().map(|place| place.end).sum();
        self.seen.push_back(Sample { at, lag: read.lag(), ends });
        let moments = MOMENTS_MS.max(self.interval.unwrap_or_default().saturating_mul(2));
        self.seen.retain(|sample| sample.at.saturating_add(moments) >= at);
    }

    /// How many records come into the input in a second; none before that was measured.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "offsets of a run are far below 2^52")]
    pub fn rate(&self) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let seconds = (last.at - first.at) as f64 / 1000.0;
        (seconds > 0.0).then(|| (last.ends - first.ends) as f64 / seconds)
    }

    /// The highest lag at rest: what was seen of late, and no less than what comes in from one checkpoint to the next, of
    /// which a run may not have seen the end yet. 0 when nothing was seen.
    #[must_use]
    pub fn records(&self) -> i64 {
        let seen = self.seen.iter().map(|sample| sample.lag).max().unwrap_or_default();
        seen.max(self.between_checkpoints().unwrap_or_default())
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a number of records")]
    fn between_checkpoints(&self) -> Option<i64> {
        let milliseconds = self.interval?.saturating_add(COMMIT_MS) as f64;
        Some((self.rate()? * milliseconds / 1000.0) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::Place;

    fn read(committed: i64, end: i64) -> Read {
        let input = vec![Place { start: 0, read: end, end }];
        Read { committed: vec![Some(committed)], input, output: Vec::new() }
    }

    #[test]
    fn it_is_the_highest_of_the_last_moments() {
        let mut usual = UsualLag::of(&JobVariant { checkpointing: false, ..JobVariant::default() });
        for (at, lag) in [(0, 900), (2_000, 40), (3_000, 11), (4_000, 20)] {
            usual.add(at, &read(0, lag));
        }
        assert_eq!(usual.records(), 40);
    }

    #[test]
    fn a_minute_between_checkpoints_makes_a_minute_of_records_usual() {
        let mut usual = UsualLag::of(&JobVariant { checkpoint_interval_ms: 60_000, ..JobVariant::default() });
        usual.add(0, &read(0, 0));
        usual.add(2_000, &read(0, 4_000));
        assert_eq!(usual.records(), 121_000);
    }
}
