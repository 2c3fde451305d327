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

#[cfg(test)]
mod tests {
    use super::super::testing::{began, job};
    use super::*;
    use crate::history::seen::{Place, Read};
    use crate::history::{Event, What};
    use crate::oracle::Oracle;
    use crate::oracle::command::Command;
    use crate::settings::JobVariant;

    fn read(input: i64) -> What {
        let place = |end| Place { start: 0, read: end, end };
        What::Read(Read { committed: vec![Some(input)], input: vec![place(input)], output: vec![place(0)] })
    }

    #[test]
    fn where_a_program_judges_at_the_end_the_job_has_to_pass_what_comes_now() {
        let mut head = began(JobVariant::default());
        if let What::Began(head) = &mut head {
            let program = vec!["./judge.py".to_owned()];
            head.workload.oracle = Oracle::Command(Command { program, timeout_s: 1, folder: None });
        }
        let checkpoint = || What::Checkpoint { id: 1, took: 1, size: 1, begun: 0 };
        // A thousand are there before, and some three a second come.
        let before = [head, What::Begins { partition: 0, from: 0 }, job("RUNNING", 4), read(1000)];
        let now = [read(1010), checkpoint(), read(1010), checkpoint(), read(1010)];
        let events = before.into_iter().map(|what| Event { at: 0, what });
        let events: Vec<Event> = events.chain(now.into_iter().map(|what| Event { at: 3000, what })).collect();
        let ask = |events: &[Event]| SteadyState { windows: NonZeroU64::MIN }.ask(&Fold::of(events));
        assert_eq!(ask(&events[..events.len() - 1]), Answer::NotYet("0 clicks passed, lag 0 records".to_owned()));
        assert_eq!(ask(&events), Answer::Holds("10 clicks passed, lag 0 records".to_owned()));
    }
}
