//! Verdicts: with everything that one can have, and with as little as it can.

use playground::fold::Fold;
use playground::fold::pressure::PressureSummary;
use playground::fold::transactions::Uncommitted;
use playground::history::answer::Answer;
use playground::history::recorded::Recorded;
use playground::history::traffic::Figures;
use playground::ledger::{Class, Counterexample, Emission, Judgement, Outcome, Span, Words};
use playground::report::judge::JudgePage;
use playground::report::scenario::RunPage;
use playground::report::verify::{Foreign, TopicRead, Verification};
use playground::settings::Delivery;
use playground::verdict::recovery::{Pods, Recovery};
use playground::verdict::spread::Spread;
use playground::verdict::{JudgedJob, Verdict};
use serde_json::Value;
use std::path::{Path, PathBuf};

use super::operations::operated;
use super::{Sample, json, parsed, text};

pub fn verdicts() -> Vec<Sample> {
    let run = |whole| RunPage::new("failover", "playground scenario failover", verdict(whole), Path::new("runs/1"));
    let recorded = |broken: Option<&str>, kept: Option<Value>| Recorded {
        events: Vec::new(),
        broken: broken.map(str::to_owned),
        chain: String::new(),
        plan: None,
        verdict: kept,
    };
    let judged = |recorded| json(JudgePage::new(&recorded, &Fold::default(), verdict(true), &PathBuf::from("runs/1")));
    vec![
        ("oracle-answer", parsed(ANSWER)),
        ("oracle-answer", parsed(r#"{"verdict":"pass","judged":9}"#)),
        ("oracle-record", parsed(r#"{"topic":"input","partition":0,"offset":7,"covered":true,"value":{"id":17}}"#)),
        ("oracle-record", parsed(r#"{"topic":"output","partition":0,"offset":7,"value":"event-1 1.0"}"#)),
        ("verify", json(verified(true))),
        ("verify", json(verified(false))),
        ("scenario-run", json(run(true))),
        ("scenario-run", json(run(false))),
        ("judge", judged(recorded(None, None))),
        ("judge", judged(recorded(Some("line 3 was changed"), Some(Value::Null)))),
    ]
}

/// All that a program can answer.
const ANSWER: &str = r#"{"verdict":"fail","judged":9,"reasons":["1 order is lost"],
    "counterexamples":[{"key":"17","what":"never came out"},{"what":"late"}]}"#;

fn verified(whole: bool) -> Verification {
    let topic = |name| TopicRead { topic: text(name), records: 9, cut: false };
    let Verdict { outcome, reasons, job, ledger, .. } = verdict(whole);
    Verification {
        project: text("p"),
        verdict: outcome,
        reasons,
        job,
        span: ledger.span,
        past: false,
        ledger,
        input: topic("input"),
        foreign: Foreign { records: 1, first: whole.then(|| text("input-3 @ 77: 'hello'")) },
        output: topic("output"),
        seconds: 0.5,
    }
}

/// With everything that a verdict can have, or with as little as it can.
fn verdict(whole: bool) -> Verdict {
    let empty = playground::verdict::judge(&Fold::default());
    if !whole {
        return empty;
    }
    let job = JudgedJob {
        id: text("8d1e"),
        name: text("job"),
        state: text("RUNNING"),
        since: 1,
        delivery: Some(Delivery::AtLeastOnce),
        restores: 1,
    };
    let spread = Spread {
        outcome: Outcome::Fail,
        reason: Some(text("no count was far off")),
        counts: 6,
        expected: 1000,
        exact: 1,
        far_off: 2,
        least: 500,
        most: 1500,
        sum: Some(6000),
        read: Some((5990, 6010)),
    };
    let pressure =
        PressureSummary { even_most: Some(1.0), odd_least: Some(0.0), lag_most: 7, slow: Some(text("Backpressure")) };
    Verdict {
        outcome: Outcome::Fail,
        reasons: vec![text("one sentence")],
        ledger: ledger(&empty.ledger),
        job: Some(job),
        recovery: Some(recovery()),
        later_recoveries: vec![recovery(), Recovery::default()],
        operations: vec![operated(true)],
        output_gap: Some(3.5),
        spread: Some(spread),
        uncommitted: Some(Uncommitted { records: 9, aborted: 6, windows_twice: 1 }),
        pressure: Some(pressure),
        ..empty
    }
}

fn ledger(empty: &Judgement) -> Judgement {
    let figures = Figures { checksum: Some(1), min: Some(0.5), max: Some(7.0) };
    let emission = |figures| Emission { count: 188, figures, ..Emission::at(0, 7) };
    let window = Counterexample::Window {
        class: Class::Short,
        key: text("/shop"),
        window_start: 0,
        window_end: 15_000,
        expected: 1000,
        expected_figures: figures,
        emitted: 2,
        records: vec![emission(Figures::NONE), emission(figures)],
    };
    let stray = Counterexample::Stray { class: Class::Unexpected, partition: 0, offset: 9, what: text("'oops'") };
    let identity = Counterexample::Identity {
        class: Class::Missing,
        identity: text("17"),
        sent: Some((0, 7)),
        emitted: vec![Emission::at(0, 7)],
        what: Some(text("it was changed, to /amount 7")),
    };
    let total = Counterexample::Total {
        class: Class::Missing,
        key: text("event-1"),
        what: text("never counted"),
        sent: Some((0, 7)),
        emitted: vec![emission(Figures::NONE)],
    };
    let said = Counterexample::Said { key: Some(text("17")), what: text("never came out") };
    let unnamed = Counterexample::Said { key: None, what: text("late") };
    let counterexamples = vec![window, identity, total, stray, said, unnamed];
    let (passes, unexpected) = (Some(text("nothing is wrong")), Some(text("that must not be there")));
    let words = Words { passes, unexpected, ..Words::default() };
    let answer = Answer { program: text("./judge.py"), reasons: vec![text("lost")], ..Answer::default() };
    let answer = Some(Answer { problem: Some(text("exited with code 1")), ..answer });
    Judgement { words, answer, span: Some(Span { from: 0, to: 15_000 }), counterexamples, ..empty.clone() }
}

fn recovery() -> Recovery {
    let seconds = Some(1.6);
    Recovery {
        detect: seconds,
        outage: seconds,
        rest_back: seconds,
        restart: seconds,
        pods: Some(Pods { scheduled: seconds, image_there: seconds, started: seconds, ready: seconds }),
        restore: seconds,
        checkpoint_again: seconds,
        catch_up: seconds,
        total: seconds,
        output_gap: seconds,
        catch_up_speed: seconds,
    }
}
