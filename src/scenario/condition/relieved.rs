//! `relieved`: the source is not back-pressured in an odd minute, in which the throttle pauses.

use serde::{Deserialize, Serialize};

use super::back_pressured::pressure;
use super::{Answer, Condition};
use crate::fold::Fold;

/// The share of time that a source waits which is hardly any. Flink's web UI calls up to this OK.
const NONE: f64 = 0.1;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relieved {}

impl Condition for Relieved {
    const NAME: &'static str = "relieved";
    const TITLE: &'static str = "relieved";

    fn ask(&self, fold: &Fold) -> Answer {
        pressure(fold, |share| share <= NONE, false)
    }
}
