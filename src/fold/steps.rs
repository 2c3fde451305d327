//! How far a plan has come, and whether all of its events were recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::What;

/// The steps of a run.
#[derive(Debug, Default)]
pub struct Steps {
    titles: BTreeMap<usize, String>,
    done: BTreeSet<usize>,
    gave_up: Vec<(usize, String)>,
    wanted: usize,
    interrupted: bool,
    events: u64,
    /// How many events the run says that it recorded, once it has ended.
    ended: Option<u64>,
}

impl Steps {
    /// Adds an event.
    pub fn add(&mut self, what: &What) {
        match what {
            What::Began(head) => self.wanted = head.steps,
            What::Step { step, title } => drop(self.titles.insert(*step, title.clone())),
            What::Done { step, .. } => drop(self.done.insert(*step)),
            What::GaveUp { step, seen } => self.gave_up.push((*step, seen.clone())),
            What::Interrupted => self.interrupted = true,
            What::Ended { events } => self.ended = self.ended.or(Some(*events)),
            _ => {}
        }
        self.events += 1;
    }

    /// Whether its user has interrupted the run.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Which steps did not end well, and why, one sentence each: a run that stopped half-way proves nothing about the
    /// other half.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let mut reasons: Vec<String> =
            self.gave_up.iter().map(|(step, seen)| format!("{}: {seen}", self.title(*step))).collect();
        if self.interrupted {
            reasons.push("the run was interrupted".to_owned());
        }
        let missing = (0..self.wanted).find(|step| !self.done.contains(step));
        match (missing, self.ended) {
            _ if !reasons.is_empty() => {}
            (Some(step), _) => reasons.push(format!("{}: the run was cut off before it ended", self.title(step))),
            (None, None) => reasons.push("the run was cut off before its end was recorded".to_owned()),
            // The last event says how many came before it.
            (None, Some(events)) if events + 1 != self.events => {
                reasons.push(format!("the run recorded {} events, but {} are here", events + 1, self.events));
            }
            _ => {}
        }
        reasons
    }

    fn title(&self, step: usize) -> String {
        self.titles.get(&step).cloned().unwrap_or_else(|| format!("step {}", step + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Head, Holds, Scope};
    use crate::settings::JobVariant;

    fn events() -> Vec<What> {
        let (scenario, purpose, project, plan) = Default::default();
        let (holds, scope, job) = (Holds::Exact, Scope::Plan, JobVariant::default());
        let step = |step, title: &str| What::Step { step, title: title.into() };
        vec![
            What::Began(Head {
                scenario,
                purpose,
                project,
                speed: 1.0,
                workload: Box::new(crate::workload::catalog::usual().unwrap()),
                job,
                holds,
                scope,
                steps: 2,
                began: 0,
                plan,
            }),
            step(0, "stack up"),
            What::Done { step: 0, seen: String::new() },
            step(1, "judged"),
            What::Done { step: 1, seen: String::new() },
            What::Ended { events: 5 },
        ]
    }

    fn unfinished(events: &[What]) -> Vec<String> {
        let mut steps = Steps::default();
        for what in events {
            steps.add(what);
        }
        steps.unfinished()
    }

    #[test]
    fn a_run_that_is_cut_off_anywhere_is_unfinished() {
        let events = events();
        assert_eq!(unfinished(&events), Vec::<String>::new());
        for length in 1..events.len() {
            assert_eq!(unfinished(&events[..length]).len(), 1, "{length}");
        }
        assert_eq!(unfinished(&events[..4]), ["judged: the run was cut off before it ended"]);
        assert_eq!(unfinished(&events[..1]), ["step 1: the run was cut off before it ended"]);
    }

    #[test]
    fn an_event_that_is_taken_out_of_the_middle_is_missed() {
        let mut events = events();
        events.remove(3);
        assert_eq!(unfinished(&events), ["the run recorded 6 events, but 5 are here"]);
    }

    #[test]
    fn a_step_that_gave_up_says_why() {
        let mut events = events();
        events[4] = What::GaveUp { step: 1, seen: "timed out after 60 s".into() };
        assert_eq!(unfinished(&events), ["judged: timed out after 60 s"]);
    }
}
