//! The commands on the stack.

use playground::image::Standing;
use playground::kafka::record::Record;
use playground::operation::up::{Part as StackPart, Reached};
use playground::platform::{Health, Instance, Line, Port, State};
use playground::report::doctor::{Check, DoctorResult};
use playground::report::down::DownResult;
use playground::report::images::{Fate, ImageLine, ImagesResult, PruneResult, PrunedLine, Shipped, Way};
use playground::report::instances::Changed;
use playground::report::ps::PsResult;
use playground::report::up::UpResult;
use playground::report::{emit, log, tail};
use playground::workload::{generator, lines};

use super::{Sample, json, parsed, text};

pub fn stack() -> Vec<Sample> {
    let reached = Reached { part: StackPart::Taskmanager, seen: text("1 of 1, 2 slots"), seconds: 7.9 };
    let up = UpResult {
        project: text("p"),
        flink: text("http://f"),
        flink_via: Some(text("kubectl")),
        kafka: text("k:1"),
        kafka_via: Some(text("kubectl")),
        options: vec![],
        parts: vec![reached],
    };
    let port = Port { host: text("127.0.0.1"), published: 8081, target: 8081 };
    let running = Instance {
        service: text("jobmanager"),
        number: 1,
        id: text("0123"),
        host: String::new(),
        state: State::Running,
        health: Some(Health::Healthy),
        exit_code: None,
        ports: vec![port],
        connected: true,
        stage: None,
    };
    let ended = Instance { state: State::Exited, health: None, exit_code: Some(0), ..running.clone() };
    let line = Line { instance: text("kafka-1"), log: String::new(), stderr: false, text: text("started"), at: 0 };
    let down = DownResult {
        project: text("p"),
        removed: vec![text("kafka-1")],
        kept: vec![text("p_kafka-data")],
        foreign: vec![text("container p-web-1")],
    };
    let image = |size: Option<u64>| ImageLine {
        name: text("playground/flink:2.2.1"),
        tag: text("playground/flink:2.2.1-0a1b2c3d4e5f"),
        state: Standing::Old,
        size,
        created: size.map(|_| 7),
        used_by: vec![text("container p-kafka-1")],
        built: false,
    };
    let images = ImagesResult { images: vec![image(None), image(Some(1))], now: 9 };
    let fate = |fate| PrunedLine { tag: text("playground/flink:2.2.1-0a1b2c3d4e5f"), size: 1, fate };
    let pruned =
        PruneResult { images: vec![fate(Fate::Removed), fate(Fate::Removable), fate(Fate::Kept(text("container p")))] };
    let shipped =
        Shipped { images: vec![text("playground/flink:2.2.1-0a1b2c3d4e5f")], to: text("images.tar"), way: Way::File };
    let changed =
        Changed { project: text("p"), done: "killed", instances: vec![text("kafka-1")], next: vec![text("ps")] };
    let checks = vec![Check::good("engine", "Docker"), Check::bad("disk", "1 GiB free", "4 GiB are needed")];
    vec![
        ("up", json(up)),
        ("ps", json(PsResult { project: text("p"), instances: vec![running, ended] })),
        ("logs", parsed(&log::json(&line))),
        ("down", json(down)),
        ("images", json(images)),
        ("images-prune", json(pruned)),
        ("images-shipped", json(shipped)),
        ("changed", json(changed)),
        ("doctor", json(DoctorResult { ok: false, checks })),
    ]
}

pub fn records() -> Vec<Sample> {
    let clicks = playground::workload::catalog::usual().expect("the built-in workload");
    let shape = tail::Shape::output(&clicks).expect("its places");
    let line = |payload| {
        parsed(
            &tail::Line { topic: "output", shape: &shape, record: &Record { offset: 7, ..Record::of(payload) } }.json(),
        )
    };
    let sent = generator::Summary {
        topic: text("input"),
        records: 6000,
        unacknowledged: 0,
        seconds: 15.0,
        records_per_second: 400.0,
        first_timestamp: 1,
        next_timestamp: 2,
    };
    let emitted = emit::Emitted { topic: text("lines"), partition: 0, records: 1 };
    let served = lines::Summary { topic: text("lines"), sent: 7, unsent: 1, connections: 2 };
    vec![
        ("tail", line(b"{\"count\":1000}")),
        ("tail", line(b"oops")),
        ("generate", json(sent)),
        ("emit", json(emitted)),
        ("serve", json(served)),
    ]
}
