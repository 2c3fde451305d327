//! How back-pressured the source was in even minutes, when the job's throttle is active, and in odd ones.

use serde::{Deserialize, Serialize};

use crate::history::What;
use crate::history::seen::PressureSeen;

/// Back pressure of the source in even and odd minutes, and the highest lag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PressureSummary {
    /// The highest back-pressured share in even minutes, 0 to 1.
    pub even_most: Option<f64>,
    /// The lowest back-pressured share in odd minutes, 0 to 1.
    pub odd_least: Option<f64>,
    /// The most records in the input that no checkpoint covered.
    pub lag_most: i64,
    /// The bottleneck.
    pub slow: Option<String>,
}

/// The measurements so far.
#[derive(Debug, Default)]
pub struct Pressure {
    /// The newest measurement.
    pub newest: Option<PressureSeen>,
    even_most: Option<f64>,
    odd_least: Option<f64>,
    lag_most: i64,
    slow: Option<String>,
}

impl Pressure {
    /// Adds an event.
    pub fn add(&mut self, what: &What) {
        match what {
            What::Pressure(seen) => {
                match seen.even_minute {
                    Some(true) => self.even_most = Some(self.even_most.unwrap_or(0.0).max(seen.source)),
                    Some(false) => self.odd_least = Some(self.odd_least.unwrap_or(1.0).min(seen.source)),
                    None => {}
                }
                if seen.slow.is_some() {
                    self.slow.clone_from(&seen.slow);
                }
                self.newest = Some(seen.clone());
            }
            What::Read(read) => self.lag_most = self.lag_most.max(read.lag()),
            _ => {}
        }
    }

    /// The summary of the whole run; none if nothing was measured.
    #[must_use]
    pub fn summary(&self) -> Option<PressureSummary> {
        self.newest.as_ref()?;
        let Self { even_most, odd_least, lag_most, ref slow, .. } = *self;
        Some(PressureSummary { even_most, odd_least, lag_most, slow: slow.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_kept_apart() {
        let mut pressure = Pressure::default();
        assert_eq!(pressure.summary(), None);
        for (source, even_minute) in [(0.2, Some(false)), (0.9, Some(true)), (1.0, None), (0.01, Some(false))] {
            let slow = even_minute.filter(|even| *even).map(|_| "Backpressure".to_owned());
            pressure.add(&What::Pressure(PressureSeen { source, slow, even_minute }));
        }
        let found = pressure.summary().unwrap();
        assert_eq!((found.even_most, found.odd_least), (Some(0.9), Some(0.01)));
        assert_eq!(found.slow.as_deref(), Some("Backpressure"));
    }
}
