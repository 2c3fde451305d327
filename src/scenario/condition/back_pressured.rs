//! `back-pressured`: the source is back-pressured in an even minute, in which the throttle works.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// The share of time that a source waits which is a lot. Flink's web UI calls more than this HIGH.
const SEVERE: f64 = 0.5;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackPressured {}

impl Condition for BackPressured {
    const NAME: &'static str = "back-pressured";
    const TITLE: &'static str = "back-pressured";

    fn ask(&self, fold: &Fold) -> Answer {
        pressure(fold, |share| share >= SEVERE, true)
    }
}

/// Whether the source waits as it should, in a minute that is even, or odd.
pub(super) fn pressure(fold: &Fold, is_so: impl Fn(f64) -> bool, even_minute: bool) -> Answer {
    let Some(seen) = &fold.pressure.newest else { return Answer::NotYet("not measured yet".to_owned()) };
    let minute = if even_minute { "even" } else { "odd" };
    let slow = seen.slow.as_ref().map_or_else(|| "no bottleneck".to_owned(), |vertex| format!("bottleneck {vertex}"));
    let text = format!("source back-pressured {:.0} %, {slow}, lag {} records", seen.source * 100.0, fold.lag());
    match seen.even_minute {
        Some(even) if even == even_minute => either(is_so(seen.source), format!("{text}, in an {minute} minute")),
        _ => Answer::NotYet(format!("{text}; waiting for an {minute} minute")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::relieved::Relieved;
    use super::super::testing::holds;
    use super::*;
    use crate::history::What;
    use crate::history::seen::PressureSeen;

    #[test]
    fn pressure_counts_in_the_minute_that_is_meant() {
        let seen = |source, even_minute| [What::Pressure(PressureSeen { source, slow: None, even_minute })];
        assert!(holds(&BackPressured {}, seen(0.9, Some(true))));
        assert!(!holds(&BackPressured {}, seen(0.9, None)));
        assert!(!holds(&BackPressured {}, seen(0.9, Some(false))));
        assert!(holds(&Relieved {}, seen(0.0, Some(false))));
        assert!(!holds(&Relieved {}, seen(0.9, Some(false))));
    }
}
