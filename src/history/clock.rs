//! The time of a run: ms since it began, by a clock that neither jumps nor goes back.

use std::time::Instant;

use super::{Event, What};

/// Tells how long a run goes on.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// A run begins.
    #[must_use]
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Ms since it began.
    #[must_use]
    pub fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Something that is done or seen now.
    #[must_use]
    pub fn event(&self, what: What) -> Event {
        Event { at: self.now(), what }
    }
}
