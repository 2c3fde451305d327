//! The lag in steady state, which later lags are compared with.

use std::collections::VecDeque;

use crate::history::seen::Read;
use crate::settings::JobVariant;

/// For how long, in ms, lags are remembered at least.
const MOMENTS_MS: i64 = 3_000;
/// How long, in ms, it usually takes from the start of a checkpoint until its committed offsets are seen.
const COMMIT_MS: i64 = 500;

/// Recent lags. The lag is a sawtooth: it rises until a checkpoint commits the offsets that were read, and then drops.
#[derive(Debug, Clone)]
pub struct UsualLag {
    seen: VecDeque<Sample>,
    /// The checkpoint interval, in ms; none if offsets are committed without checkpoints.
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
    /// For a job with this checkpoint interval, in ms.
    #[must_use]
    pub fn of(job: &JobVariant) -> Self {
        let interval = i64::try_from(job.checkpoint_interval_ms).unwrap_or(i64::MAX);
        Self { seen: VecDeque::new(), interval: job.checkpointing.then_some(interval) }
    }

    /// The job takes a checkpoint every so many ms, or none at all: what it says itself is better than what was asked for.
    pub fn found(&mut self, interval: Option<u64>) {
        self.interval = interval.map(|interval| i64::try_from(interval).unwrap_or(i64::MAX));
    }

    /// Adds what was seen at `at`, in ms since the run began.
    pub fn add(&mut self, at: i64, read: &Read) {
        let ends = read.input.iter().map(|place| place.end).sum();
        self.seen.push_back(Sample { at, lag: read.lag(), ends });
        let moments = MOMENTS_MS.max(self.interval.unwrap_or_default().saturating_mul(2));
        self.seen.retain(|sample| sample.at.saturating_add(moments) >= at);
    }

    /// Records per second that arrive in the input; none before that could be measured.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "offsets of a run are far below 2^52")]
    pub fn rate(&self) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let seconds = (last.at - first.at) as f64 / 1000.0;
        (seconds > 0.0).then(|| (last.ends - first.ends) as f64 / seconds)
    }

    /// The highest lag in steady state: the highest seen recently, but at least what arrives from one checkpoint to the
    /// next, since a short run may not have seen the peak yet. 0 if nothing was seen.
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
