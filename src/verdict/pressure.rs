//! How much the source waited in even minutes of the clock, in which the job's throttle works, and in odd ones.

use serde::{Deserialize, Serialize};

use crate::history::{Event, What};

/// The highest share of time that the source was back-pressured, the most records that waited, by the clock's minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Highest share in even minutes, 0 to 1.
    pub even_most: Option<f64>,
    /// Lowest share in odd minutes.
    pub odd_least: Option<f64>,
    /// The most records that were in `input` and in no checkpoint.
    pub lag_most: i64,
    /// The vertex that was waited for.
    pub slow: Option<String>,
}

/// Of a run; `None` when it was not measured.
#[must_use]
pub fn pressure(events: &[Event]) -> Option<Pressure> {
    let mut pressure = Pressure { even_most: None, odd_least: None, lag_most: 0, slow: None };
    let mut measured = false;
    for event in events {
        match &event.what {
            What::Pressure(seen) => {
                measured = true;
                match seen.even_minute {
                    Some(true) => pressure.even_most = Some(pressure.even_most.unwrap_or(0.0).max(seen.source)),
                    Some(false) => pressure.odd_least = Some(pressure.odd_least.unwrap_or(1.0).min(seen.source)),
                    None => {}
                }
                if seen.slow.is_some() {
                    pressure.slow.clone_from(&seen.slow);
                }
            }
            What::Progress(progress) => pressure.lag_most = pressure.lag_most.max(progress.lag()),
            _ => {}
        }
    }
    measured.then_some(pressure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::PressureSeen;

    #[test]
    fn minutes_are_kept_apart() {
        let seen = |source, even_minute: Option<bool>| {
            let slow = even_minute.filter(|even| *even).map(|_| "Backpressure".to_owned());
            Event { at: 0, what: What::Pressure(PressureSeen { source, slow, even_minute }) }
        };
        let events = [seen(0.2, Some(false)), seen(0.9, Some(true)), seen(1.0, None), seen(0.01, Some(false))];
        let found = pressure(&events).unwrap();
        assert_eq!((found.even_most, found.odd_least), (Some(0.9), Some(0.01)));
        assert_eq!(found.slow.as_deref(), Some("Backpressure"));
        assert_eq!(pressure(&[]), None);
    }
}
