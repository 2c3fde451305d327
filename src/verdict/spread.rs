//! How far the counts of windows lie apart: for a job whose windows follow the clock, where the ledger has no say.

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::history::{Event, What};
use crate::workload::{CLICKS_PER_WINDOW, PAGES};

/// The counts that `output` told in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Pass when counts were far off, unknown when too few were seen.
    pub outcome: Outcome,
    /// How many there were.
    pub counts: usize,
    /// What each would be, were it exact: event time runs so much faster than the clock that the windows follow.
    pub expected: u64,
    /// How many were exactly that.
    pub exact: usize,
    /// How many of those after the first fault were off by more than a twentieth.
    pub far_off: usize,
    /// The lowest.
    pub least: u64,
    /// The highest.
    pub most: u64,
}

/// The spread of a run's counts, at this speed of event time.
#[must_use]
pub fn spread(events: &[Event], speed: f64) -> Spread {
    let counts = |events: &[Event]| -> Vec<u64> {
        let count = |event: &Event| match &event.what {
            What::Counted { count, .. } => Some(*count),
            _ => None,
        };
        events.iter().filter_map(count).collect()
    };
    // A count is off by a few even at rest; what an outage does to it is another matter.
    let fault = events.iter().position(|event| matches!(event.what, What::Fault { .. })).unwrap_or_default();
    let after = counts(&events[fault..]);
    let counts = counts(events);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a count")]
    let expected = (CLICKS_PER_WINDOW as f64 * speed).round() as u64;
    let (least, most) = (counts.iter().copied().min(), counts.iter().copied().max());
    let exact = counts.iter().filter(|count| **count == expected).count();
    let far_off = after.iter().filter(|count| count.abs_diff(expected) > expected / 20).count();
    let outcome = match (after.len(), far_off) {
        (seen, _) if seen < 2 * PAGES.len() => Outcome::Unknown,
        (_, 0) => Outcome::Fail,
        _ => Outcome::Pass,
    };
    Spread {
        outcome,
        counts: counts.len(),
        expected,
        exact,
        far_off,
        least: least.unwrap_or_default(),
        most: most.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: impl IntoIterator<Item = u64>) -> Spread {
        let counted = |count| What::Counted { page: "/shop".into(), start: 0, count, partition: 0, offset: 0 };
        let events: Vec<Event> = counts.into_iter().map(|count| Event { at: 0, what: counted(count) }).collect();
        spread(&events, 5.0)
    }

    #[test]
    fn counts_that_are_nearly_exact_show_no_spread() {
        assert_eq!(counts([5021; 12]).outcome, Outcome::Fail);
        assert_eq!(counts([5000; 11]).outcome, Outcome::Unknown);
        let seen = counts([4000, 7000].into_iter().chain([5000; 10]));
        assert_eq!((seen.outcome, seen.least, seen.most, seen.exact), (Outcome::Pass, 4000, 7000, 10));
    }
}
