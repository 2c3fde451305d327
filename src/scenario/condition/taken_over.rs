//! `taken-over`: the JobManager that waited leads in place of the one that broke, and the job runs under it. One that is alone has
//! nobody to take over from it, so that nothing is waited for.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenOver {}

impl Condition for TakenOver {
    const NAME: &'static str = "taken-over";
    const TITLE: &'static str = "taken over";

    fn ask(&self, fold: &Fold) -> Answer {
        let Some(standby) = fold.faults.standby() else {
            return Answer::Holds("no: there is no other JobManager".to_owned());
        };
        let is_back = fold.faults.newest().is_some_and(|fault| fault.felt) && fold.job.is_running();
        let text = if is_back { "the job is running".to_owned() } else { fold.job.state() };
        either(is_back, format!("{standby}: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, job};
    use super::*;
    use crate::history::What;

    fn instance(number: u32, state: &str) -> What {
        What::Instance { instance: format!("jobmanager-{number}"), state: state.into() }
    }

    fn killed() -> [What; 3] {
        let fault = What::Fault { fault: "kill".into(), target: "jobmanager-1".into() };
        [instance(1, "running"), fault, instance(1, "exited")]
    }

    #[test]
    fn the_job_has_to_run_under_the_one_that_waited() {
        let after = |what: &[What]| {
            let before = [instance(2, "running"), job("RUNNING", 4)];
            answer(&TakenOver {}, before.into_iter().chain(killed()).chain(what.to_vec()))
        };
        let down = job("UNREACHABLE", 0);
        assert!(matches!(after(&[]), Answer::NotYet(_)), "the job of before");
        assert_eq!(after(std::slice::from_ref(&down)), Answer::NotYet("jobmanager-2: no JobManager answers".into()));
        let back = after(&[down, job("RUNNING", 4)]);
        assert_eq!(back, Answer::Holds("jobmanager-2: the job is running".into()));
    }

    #[test]
    fn one_that_is_alone_is_not_waited_for() {
        let alone = Answer::Holds("no: there is no other JobManager".into());
        assert_eq!(answer(&TakenOver {}, killed()), alone);
        let both_dead = [instance(2, "running"), instance(2, "exited")].into_iter().chain(killed());
        assert_eq!(answer(&TakenOver {}, both_dead), alone);
    }
}
