//! A document of each kind, from the values that commands print; those that need no stack from the binary itself.
//!
//! Each optional field is there in one of them and missing in another.

use std::path::{Path, PathBuf};

use playground::flink::checkpoint::{Checkpoints, Completed, Counts, Latest, Restored};
use playground::flink::job::{Exception, Job, Summary, Tasks, Vertex};
use playground::flink::metric::Metric;
use playground::flink::pressure::{Bottleneck, Level, Share, VertexPressure};
use playground::fold::Fold;
use playground::fold::pressure::PressureSummary;
use playground::fold::transactions::Uncommitted;
use playground::history::operated::{Operated, Outcome as Ended, Part};
use playground::history::recorded::Recorded;
use playground::image::Freshness;
use playground::ledger::{Class, Counterexample, Emission, Judgement, Outcome, Span};
use playground::operation::savepoint::Savepoint;
use playground::operation::up::{Part as StackPart, Reached};
use playground::platform::{Health, Instance, Line, Port, State};
use playground::report::backpressure::{Backpressure, Lag};
use playground::report::doctor::{Check, DoctorResult};
use playground::report::down::DownResult;
use playground::report::images::{ImageLine, ImagesResult};
use playground::report::instances::Changed;
use playground::report::job::{JobDetails, JobList};
use playground::report::judge::JudgePage;
use playground::report::metric::{MetricList, Owned};
use playground::report::operation::{OperationPage, SavepointList};
use playground::report::ps::PsResult;
use playground::report::scenario::RunPage;
use playground::report::up::UpResult;
use playground::report::verify::{Foreign, TopicRead, Verification};
use playground::report::{log, tail};
use playground::settings::Delivery;
use playground::verdict::recovery::Recovery;
use playground::verdict::spread::Spread;
use playground::verdict::{JudgedJob, Verdict};
use playground::workload::generator;
use serde::Serialize;
use serde_json::Value;

use crate::support::playground;

/// Each with the name of its schema.
pub fn samples() -> Vec<(&'static str, Value)> {
    [stack(), flink(), operations(), records(), verdicts(), scenarios()].concat()
}

fn json(document: impl Serialize) -> Value {
    serde_json::to_value(document).expect("JSON")
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

fn of_binary(args: &[&str]) -> Value {
    playground([args, &["-o", "json"]].concat()).run().expect(0).json()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn stack() -> Vec<(&'static str, Value)> {
    let reached = Reached { part: StackPart::Taskmanager, seen: text("1 of 1, 2 slots"), seconds: 7.9 };
    let up = UpResult { project: text("p"), flink: text("http://f"), kafka: text("k:1"), parts: vec![reached] };
    let port = Port { host: text("127.0.0.1"), published: 8081, target: 8081 };
    let running = Instance {
        service: text("jobmanager"),
        number: 1,
        id: text("0123"),
        state: State::Running,
        health: Some(Health::Healthy),
        exit_code: None,
        ports: vec![port],
        connected: true,
    };
    let ended = Instance { state: State::Exited, health: None, exit_code: Some(0), ..running.clone() };
    let line = Line { instance: text("kafka-1"), stderr: false, text: text("started") };
    let down = DownResult {
        project: text("p"),
        removed: vec![text("kafka-1")],
        kept: vec![text("p_kafka-data")],
        foreign: vec![text("container p-web-1")],
    };
    let image = |size| ImageLine { name: text("playground/flink:2.2.1"), state: Freshness::Stale, size, built: false };
    let changed =
        Changed { project: text("p"), done: "killed", instances: vec![text("kafka-1")], next: vec![text("ps")] };
    let checks = vec![Check::good("engine", "Docker"), Check::bad("disk", "1 GiB free", "4 GiB are needed")];
    vec![
        ("up", json(up)),
        ("ps", json(PsResult { project: text("p"), instances: vec![running, ended] })),
        ("logs", parsed(&log::json(&line))),
        ("down", json(down)),
        ("images", json(ImagesResult { images: vec![image(None), image(Some(1))] })),
        ("changed", json(changed)),
        ("doctor", json(DoctorResult { ok: false, checks })),
    ]
}

fn flink() -> Vec<(&'static str, Value)> {
    let summary = Summary { id: text("8d1e"), name: text("job"), state: text("RUNNING"), start_time: 1, duration: 2 };
    let tasks = Tasks { running: 2, initializing: 0, scheduled: 0 };
    let vertex = Vertex {
        id: text("v"),
        name: text("Source"),
        parallelism: 2,
        max_parallelism: 128,
        status: text("RUNNING"),
        tasks,
    };
    let vertices = vec![vertex];
    let job = Job { id: text("8d1e"), name: text("job"), state: text("RUNNING"), start_time: 1, vertices };
    let completed = Completed {
        id: 2,
        trigger_timestamp: 1,
        latest_ack_timestamp: 2,
        state_size: 7210,
        end_to_end_duration: 22,
        external_path: Some(text("file:/c")),
    };
    let restored = Restored { id: 1, restore_timestamp: 1, is_savepoint: true, external_path: None };
    let checkpoints = |latest| Checkpoints {
        counts: Counts { restored: 1, completed: 2, failed: 0, in_progress: 1 },
        latest,
        history: Vec::new(),
    };
    let exception = |task| Exception { name: text("a.B"), stacktrace: text("a.B: no"), timestamp: 1, task };
    let young = JobDetails {
        job: job.clone(),
        checkpoints: checkpoints(Latest { completed: None, restored: None }),
        exceptions: vec![exception(None)],
    };
    let old = JobDetails {
        job,
        checkpoints: checkpoints(Latest { completed: Some(completed), restored: Some(restored) }),
        exceptions: vec![exception(Some(text("Source (1/2)")))],
    };
    let metrics = vec![
        Metric { id: text("lastCheckpointSize"), value: Some(text("7210")) },
        Metric { id: text("fullRestarts"), value: None },
    ];
    vec![
        ("jobs", json(JobList { jobs: vec![summary] })),
        ("job", json(young)),
        ("job", json(old)),
        ("metrics", json(MetricList { of: vec![Owned { owner: text("job"), metrics }] })),
        ("backpressure", json(look(Bottleneck::Nothing, Lag::Unknown(text("no broker")), Some(text("away")), None))),
        ("backpressure", json(look(Bottleneck::Slow { vertex: text("v") }, Lag::Records(7), None, Some(0.5)))),
    ]
}

fn look(bottleneck: Bottleneck, lag: Lag, problem: Option<String>, share: Option<f64>) -> Backpressure {
    let of_time = share.map(|share| Share { mean: share, worst: share });
    let vertex = VertexPressure {
        id: text("v"),
        name: text("Source"),
        parallelism: 2,
        inputs: vec![text("u")],
        busy: of_time,
        back_pressured: of_time,
        idle: of_time,
        level: share.map(Level::of),
        output_queue: share.map(|_| 25),
        web_ui: share,
    };
    let (id, name, state) = (text("8d1e"), text("job"), text("RUNNING"));
    Backpressure { at: 1, id, name, state, running: 2, subtasks: 2, bottleneck, vertices: vec![vertex], lag, problem }
}

fn operations() -> Vec<(&'static str, Value)> {
    let page = |done| ("operation", json(OperationPage { project: text("p"), done }));
    let savepoint = |readable, known: Option<i64>| Savepoint {
        path: text("file:/s"),
        job: known.map(|_| text("8d1e")),
        time_ms: known,
        size_bytes: 9,
        readable,
        problem: (!readable).then(|| text("_metadata is missing")),
    };
    let list = SavepointList { savepoints: vec![savepoint(true, Some(1)), savepoint(false, None)] };
    let mut all = vec![("savepoints", json(list)), page(operated(false)), page(operated(true))];
    for operation in [
        &["savepoint"][..],
        &["savepoint", "dispose", "file:/s"],
        &["stop", "--drain"],
        &["cancel"],
        &["submit"],
        &["upgrade", "--parallelism", "3", "--via", "cli"],
        &["rescale", "--parallelism", "3"],
        &["scale", "taskmanager=2"],
    ] {
        all.push(("operation-plan", of_binary(&[operation, &["--dry-run"]].concat())));
    }
    all
}

/// With every field that it can have, or with none that it can lack.
fn operated(whole: bool) -> Operated {
    let part = Part { name: text("stop"), asked: whole.then(|| text("POST /")), seen: text("done"), seconds: 0.4 };
    Operated {
        operation: text("upgrade"),
        outcome: if whole { Ended::RolledBack } else { Ended::Done },
        reason: whole.then(|| text("FAILED: a.B: no")),
        job: whole.then(|| text("8d1e")),
        savepoint: whole.then(|| text("file:/s")),
        parallelism: whole.then_some(3),
        downtime: whole.then_some(0.94),
        seconds: 5.31,
        parts: vec![part],
    }
}

fn records() -> Vec<(&'static str, Value)> {
    let line = |payload| parsed(&tail::Line { topic: "output", partition: 0, offset: 7, payload }.json());
    let sent = generator::Summary {
        topic: text("input"),
        clicks: 6000,
        unacknowledged: 0,
        seconds: 15.0,
        clicks_per_second: 400.0,
        first_timestamp: 1,
        next_timestamp: 2,
    };
    vec![("tail", line(b"{\"count\":1000}")), ("tail", line(b"oops")), ("generate", json(sent))]
}

fn verdicts() -> Vec<(&'static str, Value)> {
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
        ("verify", json(verified(true))),
        ("verify", json(verified(false))),
        ("scenario-run", json(run(true))),
        ("scenario-run", json(run(false))),
        ("judge", judged(recorded(None, None))),
        ("judge", judged(recorded(Some("line 3 was changed"), Some(Value::Null)))),
    ]
}

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
    let emission = |checksum| Emission { partition: 0, offset: 7, count: 188, checksum };
    let window = Counterexample::Window {
        class: Class::Short,
        key: text("/shop"),
        window_start: 0,
        window_end: 15_000,
        expected: 1000,
        emitted: 2,
        records: vec![emission(None), emission(Some(1))],
    };
    let stray = Counterexample::Stray { class: Class::Unexpected, partition: 0, offset: 9, what: text("'oops'") };
    Judgement { span: Some(Span { from: 0, to: 15_000 }), counterexamples: vec![window, stray], ..empty.clone() }
}

fn recovery() -> Recovery {
    let seconds = Some(1.6);
    Recovery {
        detect: seconds,
        outage: seconds,
        restart: seconds,
        restore: seconds,
        catch_up: seconds,
        total: seconds,
        output_gap: seconds,
        catch_up_speed: seconds,
    }
}

fn scenarios() -> Vec<(&'static str, Value)> {
    let list = of_binary(&["scenario", "list"]);
    let names: Vec<String> = list["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .map(|one| text(one["name"].as_str().expect("a name")))
        .collect();
    let built_in = names.iter().map(|name| ("scenario-plan", of_binary(&["scenario", name, "--dry-run"])));
    let mut all: Vec<(&str, Value)> = built_in.collect();
    let folder = tempfile::tempdir().expect("make a folder");
    let own = folder.path().join("own.toml");
    std::fs::write(&own, OWN).expect("write a scenario");
    all.push(("scenario-plan", of_binary(&["scenario", own.to_str().expect("UTF-8"), "--dry-run"])));
    all.push(("scenario-text", of_binary(&["scenario", "show", "failover"])));
    all.push(("scenario-list", list));
    all
}

/// What no built-in scenario does.
const OWN: &str = r#"
name = "own"
purpose = "every step there is"

[[steps]]
await = "backlog"
windows = 1
reason = "x"

[[steps]]
await = "waiting-for-slots"
reason = "x"

[[steps]]
operation = "savepoint"
reason = "x"

[[steps]]
operation = "cancel"
reason = "x"

[[steps]]
operation = "submit"
from-savepoint = "file:/s"
jar = "./job.jar"
arguments = ["--checkpointing"]
reason = "x"

[[steps]]
operation = "upgrade"
jar = "./job.jar"
parallelism = 3
arguments = ["--event-time"]
reason = "x"

[[steps]]
operation = "submit"
jar = "click-event-count"
reason = "x"

[[steps]]
operation = "scale"
taskmanagers = 2
reason = "x"

[[steps]]
await = "judged"
reason = "x"
"#;
