//! `detected`: the job has noticed the fault.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detected {}

impl Condition for Detected {
    const NAME: &'static str = "detected";
    const TITLE: &'static str = "detected";

    fn ask(&self, fold: &Fold) -> Answer {
        let Some(job) = &fold.job.seen else { return Answer::NotYet(fold.job.state()) };
        if let Some(ran_nothing) = fold.faults.ran_nothing(fold.now, Some(job)) {
            return Answer::Never(ran_nothing);
        }
        match (&job.cause, fold.faults.newest().is_some_and(|fault| fault.felt)) {
            (Some(cause), true) => Answer::Holds(format!("job {}: {}", job.state, short(cause))),
            (None, true) => Answer::Holds(fold.job.state()),
            (_, false) => Answer::NotYet(fold.job.state()),
        }
    }
}

/// A root cause without its package, and without what its first sentence leads to.
fn short(cause: &str) -> String {
    let (class, message) = cause.split_once(": ").unwrap_or((cause, ""));
    let class = class.rsplit('.').next().unwrap_or(class);
    let sentence = message.split(". ").next().unwrap_or(message).trim_end_matches('.');
    if sentence.is_empty() { class.to_owned() } else { without_id(sentence) }
}

/// Without the `with id 172.18.0.5:36123-1f2e3d` that Flink gives every TaskManager: the user knows it by another name.
fn without_id(sentence: &str) -> String {
    match sentence.split_once(" with id ") {
        Some((before, rest)) => format!("{before}{}", rest.find(' ').map_or("", |end| &rest[end..])),
        None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{holds, job, kill};
    use super::*;

    #[test]
    fn a_job_that_was_down_before_the_fault_has_not_noticed_it() {
        assert!(!holds(&Detected {}, [job("RESTARTING", 0), kill()]));
        assert!(holds(&Detected {}, [kill(), job("RESTARTING", 0)]));
        assert!(holds(&Detected {}, [job("RUNNING", 4), kill(), job("UNREACHABLE", 0)]));
    }

    #[test]
    fn a_cause_is_told_without_package_id_and_follow_up() {
        let cause = "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id x timed out. See a.b";
        assert_eq!(short(cause), "Heartbeat of TaskManager timed out");
        assert_eq!(short("a.b.SomeException"), "SomeException");
    }
}
