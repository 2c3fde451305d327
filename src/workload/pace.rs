//! How far event time has come: it runs on by itself, whatever the broker does, so records that a stalled broker did not
//! take are due all the same and follow at once when it is back.

use std::time::{Duration, Instant};

/// Event time as a function of the clock.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Event time, in ms since the epoch, at `at`.
    anchor: i64,
    at: Instant,
    /// Seconds of event time a second; infinite when everything is due at once.
    speed: f64,
}

impl Pace {
    /// Event time is `anchor` (ms since the epoch) at `at` and runs `speed` times as fast as real time.
    #[must_use]
    pub fn new(anchor: i64, at: Instant, speed: f64) -> Self {
        Self { anchor, at, speed }
    }

    /// Event time at `now`, in ms since the epoch: records up to it are due.
    #[must_use]
    pub fn due(&self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64() * self.speed;
        // What is no duration is more than one can hold.
        let passed = Duration::try_from_secs_f64(passed).map_or(i64::MAX, |passed| millis(passed.as_millis()));
        self.anchor.saturating_add(passed)
    }

    /// How long from `now` until a record of this event time (ms since the epoch) is due.
    #[must_use]
    pub fn until(&self, timestamp: i64, now: Instant) -> Duration {
        let ahead = u64::try_from(timestamp.saturating_sub(self.due(now))).unwrap_or(0);
        Duration::try_from_secs_f64(Duration::from_millis(ahead).as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }
}

fn millis(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_time_runs_at_its_speed() {
        let start = Instant::now();
        let pace = Pace::new(1_000, start, 5.0);
        assert_eq!(pace.due(start), 1_000);
        assert_eq!(pace.due(start + Duration::from_secs(2)), 11_000);
        assert_eq!(pace.until(11_000, start), Duration::from_secs(2));
        assert_eq!(pace.until(500, start), Duration::ZERO);
    }

    #[test]
    fn at_no_limit_everything_is_due_at_once() {
        let start = Instant::now();
        let pace = Pace::new(1_000, start, f64::INFINITY);
        assert_eq!(pace.due(start), i64::MAX);
        assert_eq!(pace.until(i64::MAX, start), Duration::ZERO);
    }
}
