//! What Flink says of jobs, checkpoints and metrics.

use playground::flink::checkpoint::{Checkpoints, Completed, Counts, Latest, Restored};
use playground::flink::job::{Exception, Job, Summary, Tasks, Vertex};
use playground::flink::metric::Metric;
use playground::flink::pressure::{Bottleneck, Level, Share, VertexPressure};
use playground::report::backpressure::{Backpressure, Lag};
use playground::report::job::{JobDetails, JobList};
use playground::report::metric::{MetricList, Owned};

use super::{Sample, json, text};

pub fn flink() -> Vec<Sample> {
    let summary = Summary { id: text("8d1e"), name: text("job"), state: text("RUNNING"), start_time: 1, duration: 2 };
    let tasks = Tasks { running: 2, initializing: 0, scheduled: 0, all: 2 };
    let vertex = Vertex {
        id: text("v"),
        name: text("Source"),
        parallelism: 2,
        max_parallelism: 128,
        status: text("RUNNING"),
        tasks,
    };
    let vertices = vec![vertex];
    let job = Job { id: text("8d1e"), name: text("job"), state: text("RUNNING"), start_time: 1, now: 9, vertices };
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
