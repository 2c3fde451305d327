//! Operations: done, and as plans.

use playground::history::operated::{Operated, OperationEnd as Ended, Part};
use playground::operation::savepoint::Savepoint;
use playground::report::operation::{OperationPage, SavepointList};

use super::{Sample, json, text};
use crate::support::flink::FakeFlink;

pub fn operations() -> Vec<Sample> {
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
    let (running, stopped) = (FakeFlink::new(), FakeFlink::stopped());
    all.push(("operation-plan", stopped.playground(&["submit", "--dry-run", "-o", "json"]).run().expect(0).json()));
    for operation in [
        &["savepoint"][..],
        &["savepoint", "dispose", "file:/s"],
        &["stop", "--drain"],
        &["cancel"],
        &["upgrade", "--parallelism", "3", "--via", "cli"],
        &["rescale", "--parallelism", "3"],
        &["scale", "taskmanager=2"],
    ] {
        all.push((
            "operation-plan",
            running.playground(&[operation, &["--dry-run", "-o", "json"]].concat()).run().expect(0).json(),
        ));
    }
    all
}

/// With every field that it can have, or with none that it can lack.
pub fn operated(whole: bool) -> Operated {
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
