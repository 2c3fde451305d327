//! `steady-state`: so many windows of every key are exact, with the job running. Where nothing is decided before the end, as many
//! records have been passed by the job since it was watched.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;
use crate::ledger::Outcome;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadyState {
    /// How many windows of every key.
    windows: NonZeroU64,
}

impl Condition for SteadyState {
    const NAME: &'static str = "steady-state";
    const TITLE: &'static str = "steady state";

    fn ask(&self, fold: &Fold) -> Answer {
        let judgement = fold.judge();
        if judgement.outcome == Outcome::Fail {
            return Answer::Never(format!("{}s were wrong before any fault", fold.unit()));
        }
        let (exact, what) = match fold.passed_records() {
            Some(passed) => (passed, "passed"),
            None => (judgement.counts.complete + judgement.counts.duplicate, "exact"),
        };
        let lag =
            fold.read.as_ref().map_or_else(|| "lag unknown".to_owned(), |read| format!("lag {} records", read.lag()));
        let wanted = self.windows.get().saturating_mul(fold.a_window().unwrap_or_default());
        let is_exact = wanted > 0 && exact >= wanted;
        let unit = fold.unit();
        either(is_exact && fold.job.is_running() && fold.read.is_some(), format!("{exact} {unit}s {what}, {lag}"))
    }
}
