//! The judgement of a run, from what was observed alone: pass, fail or unknown, the worst wins.

use serde::Serialize;

use crate::fold::Fold;
use crate::fold::pressure::PressureSummary;
use crate::fold::transactions::Uncommitted;
use crate::history::answer::Answer;
use crate::history::operated::Operated;
use crate::history::{Holds, Scope};
use crate::ledger::Judgement;
pub use crate::ledger::Outcome;
use crate::settings::Delivery;
use recovery::Recovery;
use spread::{Spread, spread};

mod doubt;
#[cfg(test)]
mod laws;
mod loss;
pub mod recovery;
pub mod spread;

/// What a run proved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The worst of all that was judged.
    pub outcome: Outcome,
    /// Why, where it is not pass: one sentence each.
    pub reasons: Vec<String>,
    /// Each key and window.
    pub ledger: Judgement,
    /// What had to hold.
    pub holds: Holds,
    /// Whether it covers only what has been emitted so far, and says nothing about a running job.
    pub past: bool,
    /// The job that it is about; none where only topics were given, or none was seen.
    pub job: Option<JudgedJob>,
    /// How long the recovery took; without a fault there is none.
    pub recovery: Option<Recovery>,
    /// The recoveries from later faults, in order.
    pub later_recoveries: Vec<Recovery>,
    /// The operations, in order.
    pub operations: Vec<Operated>,
    /// The longest time without a record in the output that a reader saw from the first operation on, in seconds.
    pub output_gap: Option<f64>,
    /// How far the counts lie apart, where that is what had to hold.
    pub spread: Option<Spread>,
    /// What a read-uncommitted reader saw, for an exactly-once job.
    pub uncommitted: Option<Uncommitted>,
    /// Back pressure of the source, for a job that throttles.
    pub pressure: Option<PressureSummary>,
}

/// The job that a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedJob {
    /// Flink's id of it.
    pub id: String,
    /// The job's name, as its `main` sets it.
    pub name: String,
    /// Its state when it was last seen.
    pub state: String,
    /// Since when it runs, ms since the epoch by Flink's clock.
    pub since: i64,
    /// What it promises of its output, where it says so.
    pub delivery: Option<Delivery>,
    /// How often it was restored while this was watched.
    pub restores: u64,
}

/// Judges a run. The same events give the same verdict, whenever and wherever they are judged.
#[must_use]
pub fn judge(fold: &Fold) -> Verdict {
    let ledger = fold.judge();
    let holds = fold.holds();
    let spread = (holds == Holds::Spread).then(|| spread(fold));
    let uncommitted = fold.transactions.seen();
    let (held, mut reasons) = held(fold, &ledger, spread.as_ref(), uncommitted);
    let doubts = doubt::doubts(fold, &ledger);
    let outcome = match held {
        _ if fold.losses.compacted => Outcome::Unknown,
        held if doubts.is_empty() => held,
        held => held.max(Outcome::Unknown),
    };
    reasons.extend(doubts);
    let mut recoveries = fold.recoveries.all.iter().map(Recovery::of);
    Verdict {
        outcome,
        reasons,
        ledger,
        holds,
        past: fold.scope() == Scope::Past,
        job: job(fold),
        recovery: recoveries.next(),
        later_recoveries: recoveries.collect(),
        operations: fold.operations.clone(),
        output_gap: fold.operation_gap.map(recovery::seconds),
        spread,
        uncommitted,
        pressure: fold.pressure.summary(),
    }
}

/// What the counts come to, held against what had to hold, and why where that is not a pass.
fn held(
    fold: &Fold,
    ledger: &Judgement,
    spread: Option<&Spread>,
    uncommitted: Option<Uncommitted>,
) -> (Outcome, Vec<String>) {
    let cut_off = uncommitted.map_or(0, |seen| seen.aborted);
    match (fold.holds(), spread) {
        (Holds::Loss, _) => loss::loss(fold, ledger),
        (Holds::Spread, Some(spread)) => (spread.outcome, spread.reason.clone().into_iter().collect()),
        (Holds::ExactlyOnce, _) if cut_off == 0 && ledger.outcome != Outcome::Fail => {
            let reason = "no transaction was interrupted: every record that was written was committed";
            (Outcome::Unknown, vec![reason.to_owned()])
        }
        _ if ledger.outcome == Outcome::Fail => {
            let said = ledger.answer.iter().flat_map(Answer::words);
            (Outcome::Fail, said.chain(doubt::suspects(fold)).collect())
        }
        _ => (ledger.outcome, Vec::new()),
    }
}

fn job(fold: &Fold) -> Option<JudgedJob> {
    let facts = fold.job.facts()?;
    let state = fold.job.seen.as_ref().map_or("UNKNOWN", |seen| seen.state.as_str());
    Some(JudgedJob {
        id: facts.id.clone(),
        name: facts.name.clone(),
        state: state.to_owned(),
        since: facts.since,
        delivery: facts.delivery,
        restores: fold.checkpoints.restores,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::{JobFacts, JobSeen, Place, Read};
    use crate::history::traffic::{Emitted, Figures, Sent, Topic, Window};
    use crate::history::{Event, Head, What};
    use crate::settings::JobVariant;

    fn began(holds: Holds, scope: Scope) -> What {
        let (scenario, purpose, project, plan) = Default::default();
        let job = JobVariant::default();
        What::Began(Head {
            scenario,
            purpose,
            project,
            speed: 1.0,
            workload: Box::new(crate::workload::catalog::usual().unwrap()),
            job,
            holds,
            scope,
            steps: 0,
            began: 0,
            plan,
        })
    }

    /// A window of six keys, counted as the function says; and one after it, so that the first is closed.
    fn windows(count: impl Fn(i64) -> u64) -> Vec<What> {
        let of = |number: i64| {
            (0..6).flat_map(move |key| {
                let window = Window { start: number * 15, end: number * 15 + 15 };
                let (name, partition) = (format!("k{key}"), i32::try_from(key).unwrap_or_default());
                let offset = 6 * number + key;
                let offsets = (number * 1000, number * 1000 + 999);
                [
                    What::Sent(Sent {
                        key: name.clone(),
                        window,
                        count: 1000,
                        figures: Figures::NONE,
                        partition,
                        offsets,
                        late: 0,
                        under_way: false,
                    }),
                    What::Emitted(Emitted {
                        key: name,
                        window,
                        count: offset.unsigned_abs(),
                        figures: Figures::NONE,
                        partition: 0,
                        offset,
                    }),
                ]
            })
        };
        let mut events: Vec<What> = (0..2).flat_map(of).collect();
        for event in &mut events {
            if let What::Emitted(emitted) = event {
                emitted.count = count(emitted.offset);
            }
        }
        events
    }

    fn read() -> What {
        let place = Place { start: 0, read: 2000, end: 2000 };
        What::Read(Read {
            committed: vec![Some(2000); 6],
            input: vec![place; 6],
            output: vec![Place { start: 0, read: 12, end: 12 }],
        })
    }

    fn verdict(head: What, more: Vec<What>) -> Verdict {
        let mut events: Vec<What> = std::iter::once(head).chain(more).collect();
        let written = events.len() as u64;
        events.push(What::Ended { events: written });
        judge(&Fold::of(&events.into_iter().map(|what| Event { at: 0, what }).collect::<Vec<_>>()))
    }

    fn outcome(holds: Holds, more: Vec<What>) -> Outcome {
        verdict(began(holds, Scope::Plan), more).outcome
    }

    fn job(state: &str, alive: u32) -> Vec<What> {
        let id = "2367774c".to_owned();
        let (name, delivery) = ("Click Event Count".to_owned(), Some(Delivery::AtLeastOnce));
        let seen = JobSeen { id: Some(id.clone()), running: 4, subtasks: 4, alive, ..JobSeen::absent(state) };
        vec![What::Found(JobFacts { id, name, since: 0, delivery, checkpoint_interval: Some(1000) }), What::Job(seen)]
    }

    #[test]
    fn a_loss_passes_only_where_one_was_to_be_shown() {
        let (exact, short) = (|_| 1000, |offset| if offset == 3 { 900 } else { 1000 });
        assert_eq!(outcome(Holds::Exact, windows(exact)), Outcome::Pass);
        assert_eq!(outcome(Holds::Exact, windows(short)), Outcome::Fail);
        assert_eq!(outcome(Holds::Loss, windows(short)), Outcome::Pass);
        assert_eq!(outcome(Holds::Loss, windows(exact)), Outcome::Fail);
        assert_eq!(outcome(Holds::Loss, Vec::new()), Outcome::Unknown);
    }

    #[test]
    fn a_loss_excuses_nothing_else() {
        let over = |offset| [900, 1000, 1000, 1001].get(usize::try_from(offset).unwrap()).copied().unwrap_or(1000);
        let found = verdict(began(Holds::Loss, Scope::Plan), windows(over));
        assert_eq!(found.outcome, Outcome::Fail);
        assert!(found.reasons[0].contains("counted twice"), "{:?}", found.reasons);
        let short = |offset| if offset == 3 { 900 } else { 1000 };
        // A later count that is too low does not take back one that was too high.
        let counted = |offset, count| {
            let (key, window) = ("k3".to_owned(), Window { start: 0, end: 15 });
            What::Emitted(Emitted { key, window, count, figures: Figures::NONE, partition: 0, offset })
        };
        let hidden = [windows(short), vec![counted(50, 1001), counted(51, 57)]].concat();
        assert_eq!(outcome(Holds::Loss, hidden), Outcome::Fail);
        let stray =
            What::Stray(crate::history::traffic::Stray { partition: 0, offset: 99, what: "'x'".into(), key: None });
        assert_eq!(outcome(Holds::Loss, [windows(short), vec![stray]].concat()), Outcome::Fail);
        let fault = What::Fault { fault: "kill".into(), target: "taskmanager-1".into() };
        assert_eq!(
            outcome(Holds::Loss, [windows(short), vec![fault]].concat()),
            Outcome::Fail,
            "lost before the fault"
        );
    }

    #[test]
    fn what_is_left_of_a_compacted_topic_proves_nothing() {
        let wrong = || windows(|offset| if offset == 3 { 990 } else { 1000 });
        assert_eq!(verdict(began(Holds::Exact, Scope::Plan), wrong()).outcome, Outcome::Fail);
        for topic in [Topic::Input, Topic::Output] {
            let mut events = wrong();
            events.push(What::Compacted { topic, partition: 2, records: 7, to: 40 });
            let found = verdict(began(Holds::Exact, Scope::Plan), events);
            let reason = format!(
                "compaction removed 7 records from topic {} before they were read: {}-2, before @ 40",
                topic.name(),
                topic.name()
            );
            assert_eq!((found.outcome, found.reasons.last()), (Outcome::Unknown, Some(&reason)));
        }
    }

    #[test]
    fn exactly_once_is_not_proved_before_a_transaction_was_cut_off() {
        let found = verdict(began(Holds::ExactlyOnce, Scope::Plan), windows(|_| 1000));
        assert_eq!(found.outcome, Outcome::Unknown);
        assert!(found.reasons[0].starts_with("no transaction was interrupted"), "{:?}", found.reasons);
        let cut_off = What::Written(Emitted {
            key: "k".into(),
            window: Window::ALWAYS,
            count: 1,
            figures: Figures::NONE,
            partition: 0,
            offset: -1,
        });
        let more = std::iter::once(cut_off).chain(windows(|_| 1000)).collect();
        assert_eq!(outcome(Holds::ExactlyOnce, more), Outcome::Pass);
    }

    #[test]
    fn without_a_running_job_there_is_no_pass_of_the_present() {
        let of = |scope, job: Vec<What>| {
            let more = [job, windows(|_| 1000), vec![read(), What::Settling]].concat();
            verdict(began(Holds::Exact, scope), more)
        };
        assert_eq!(of(Scope::Present, job("RUNNING", 1)).outcome, Outcome::Pass);
        for state in ["CANCELED", "RESTARTING", JobSeen::UNREACHABLE] {
            let found = of(Scope::Present, job(state, 0));
            assert_eq!((found.outcome, found.reasons.len()), (Outcome::Unknown, 1), "{:?}", found.reasons);
            assert_eq!(of(Scope::Windows(2), job(state, 0)).outcome, Outcome::Unknown);
        }
        assert_eq!(of(Scope::Present, Vec::new()).outcome, Outcome::Unknown);
        assert_eq!(of(Scope::Past, job("CANCELED", 0)).outcome, Outcome::Pass);
        assert_eq!(of(Scope::Present, job("RUNNING", 2)).outcome, Outcome::Unknown, "two jobs write the output");
        assert_eq!(of(Scope::Windows(2), job("RUNNING", 1)).outcome, Outcome::Pass);
        assert_eq!(of(Scope::Windows(3), job("RUNNING", 1)).outcome, Outcome::Unknown);
    }

    #[test]
    fn a_run_that_was_cut_off_in_a_step_has_proved_nothing_of_it() {
        let step = What::Step { step: 0, title: "steady state".into() };
        let mut head = began(Holds::Exact, Scope::Plan);
        if let What::Began(head) = &mut head {
            head.steps = 1;
        }
        let found = verdict(head, windows(|_| 1000).into_iter().chain([step]).collect());
        let expected = vec!["steady state: the run was cut off before it ended".to_owned()];
        assert_eq!((found.outcome, found.reasons), (Outcome::Unknown, expected));
    }

    #[test]
    fn a_job_without_checkpoints_repeats_what_it_had_not_committed() {
        let head = || {
            let mut head = began(Holds::Loss, Scope::Plan);
            if let What::Began(head) = &mut head {
                head.job.checkpointing = false;
            }
            head
        };
        let mut job = job("RUNNING", 1);
        if let What::Found(facts) = &mut job[0] {
            facts.checkpoint_interval = None;
        }
        let failed = What::Job(JobSeen { id: Some("2367774c".into()), subtasks: 4, ..JobSeen::absent("RESTARTING") });
        let (key, window) = ("k3".to_owned(), Window { start: 15, end: 30 });
        let again = What::Emitted(Emitted { key, window, count: 57, figures: Figures::NONE, partition: 0, offset: 70 });
        let run = |failed: Vec<What>| {
            let more = [job.clone(), windows(|_| 1000), vec![read()], failed, vec![read(), again.clone()]].concat();
            let found = verdict(head(), more);
            (found.outcome, found.ledger.duplicates_unexplained)
        };
        assert_eq!(run(vec![failed]), (Outcome::Pass, 0));
        assert_eq!(run(Vec::new()), (Outcome::Unknown, 1));
    }

    #[test]
    fn what_nothing_explains_is_a_doubt_of_a_job_and_none_of_topics_alone() {
        let again = What::Emitted(Emitted {
            key: "k0".into(),
            window: Window { start: 0, end: 15 },
            count: 1000,
            figures: Figures::NONE,
            partition: 0,
            offset: 70,
        });
        let events = [windows(|_| 1000), vec![again, read(), What::Settling]].concat();
        let found = verdict(began(Holds::Exact, Scope::Present), [job("RUNNING", 1), events.clone()].concat());
        assert_eq!((found.outcome, found.ledger.duplicates_unexplained), (Outcome::Unknown, 1));
        assert_eq!(verdict(began(Holds::Exact, Scope::Past), events).outcome, Outcome::Pass);
    }
}
