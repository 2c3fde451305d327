//! Back pressure: what the subtasks of each vertex did with their time, and which vertex makes others wait.
//!
//! Flink's own shares of time, which its web UI shows, are means of the last minute: a job that has just begun to wait
//! looks well, and one that waits no more looks ill. Its counters of the same times are exact, so they are read at two
//! moments and compared. They are read of each subtask: the server's aggregates leave out a subtask that tells nothing,
//! and its back-pressure page takes such a one for 0.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::Flink;
use super::job::{Job, Vertex};
use super::metric::{Metric, Of};
use meter::Times;

pub use bottleneck::{Bottleneck, bottleneck};
pub use meter::Meter;

mod bottleneck;
mod meter;

/// What shares of time are shares of. Flink adds a wait that goes on to its counters every 5 s, and until then it passes
/// for work; what is measured over less may miss it.
pub const SPAN: Duration = Duration::from_secs(5);
/// How often [`Flink::pressure`] reads; the stack's server renews its figures as often.
const EVERY: Duration = Duration::from_millis(500);
/// How long figures that do not come are waited for, beyond [`SPAN`].
const PATIENCE: Duration = Duration::from_secs(3);

/// What a vertex did with its time in the last [`SPAN`]. `None` is what the server does not tell of every subtask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VertexPressure {
    /// The vertex's id.
    pub id: String,
    /// The names of its operators.
    pub name: String,
    /// How many subtasks it has.
    pub parallelism: u32,
    /// The ids of the vertices that it reads from.
    pub inputs: Vec<String>,
    /// Working. Old-style sources, such as one that reads a socket, do not tell.
    pub busy: Option<Share>,
    /// Waiting for a slower vertex behind it to take what it has.
    pub back_pressured: Option<Share>,
    /// Waiting for something to do.
    pub idle: Option<Share>,
    /// Flink's word for the worst subtask.
    pub level: Option<Level>,
    /// Buffers in the output queues of all its subtasks together.
    pub output_queue: Option<u64>,
    /// The worst subtask's back-pressured share as the web UI has it: the mean of the last minute.
    pub web_ui: Option<f64>,
}

/// A share of time, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The mean of all subtasks.
    pub mean: f64,
    /// The subtask that has the most of it.
    pub worst: f64,
}

impl Share {
    fn of(subtasks: &[f64]) -> Self {
        // Counters are in ms, so digits beyond the third mean nothing.
        let rounded = |share: f64| (share * 1000.0).round() / 1000.0;
        let number = subtasks.iter().fold(0.0, |number, _| number + 1.0);
        Self {
            mean: rounded(subtasks.iter().sum::<f64>() / number),
            worst: rounded(subtasks.iter().copied().fold(0.0, f64::max)),
        }
    }
}

/// Flink's words for a back-pressured share, from its page "Monitoring Back Pressure".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Up to 0.1.
    Ok,
    /// Up to 0.5.
    Low,
    /// Above 0.5.
    High,
}

impl Level {
    /// The word for a share.
    #[must_use]
    pub fn of(share: f64) -> Self {
        if share <= 0.1 {
            Self::Ok
        } else if share <= 0.5 {
            Self::Low
        } else {
            Self::High
        }
    }

    /// As Flink writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Low => "LOW",
            Self::High => "HIGH",
        }
    }
}

/// A job's counters at one moment, for a [`Meter`].
#[derive(Debug, Clone)]
pub struct Sample {
    at: Instant,
    vertices: Vec<VertexSample>,
}

#[derive(Debug, Clone)]
struct VertexSample {
    id: String,
    name: String,
    inputs: Vec<String>,
    subtasks: Vec<SubtaskSample>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct SubtaskSample {
    times: Option<Times>,
    output_queue: Option<u64>,
    web_ui: Option<f64>,
}

const BUSY: &str = "accumulateBusyTimeMs";
const BACK_PRESSURED: &str = "accumulateBackPressuredTimeMs";
const IDLE: &str = "accumulateIdleTimeMs";
const WEB_UI: &str = "backPressuredTimeMsPerSecond";
const OUTPUT_QUEUE: &str = "Shuffle.Netty.Output.Buffers.outputQueueLength";

/// The full names of what is read of a vertex.
fn names(vertex: &Vertex) -> Vec<String> {
    let of_subtask =
        |subtask: u32| [BUSY, BACK_PRESSURED, IDLE, WEB_UI, OUTPUT_QUEUE].map(|metric| format!("{subtask}.{metric}"));
    (0..vertex.parallelism).flat_map(of_subtask).collect()
}

/// Whether a vertex is worth asking: of tasks that are dead the server still has figures, and those of tasks that do not
/// run yet mean nothing.
fn tells(vertex: &Vertex) -> bool {
    vertex.tasks.running == vertex.parallelism
}

impl VertexSample {
    fn new(vertex: &Vertex, inputs: Vec<String>, metrics: &[Metric]) -> Self {
        let subtasks = (0..vertex.parallelism).map(|subtask| SubtaskSample::new(subtask, metrics)).collect();
        Self { id: vertex.id.clone(), name: vertex.name.clone(), inputs, subtasks }
    }
}

impl SubtaskSample {
    fn new(subtask: u32, metrics: &[Metric]) -> Self {
        // What is not there, and `NaN`, is not known.
        let value = |name: &str| {
            let id = format!("{subtask}.{name}");
            let metric = metrics.iter().find(|metric| metric.id == id)?;
            metric.value.as_ref()?.parse::<f64>().ok().filter(|value| value.is_finite())
        };
        let times = || Some(Times { busy: value(BUSY), back_pressured: value(BACK_PRESSURED)?, idle: value(IDLE)? });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A number of buffers.
        let output_queue = value(OUTPUT_QUEUE).map(|buffers| buffers as u64);
        Self { times: times(), output_queue, web_ui: value(WEB_UI).map(|ms| ms / 1000.0) }
    }
}

/// `GET /jobs/:id/plan`
#[derive(Deserialize)]
struct Planned {
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    id: String,
}

impl Plan {
    /// For each vertex, those that it reads from.
    fn inputs(self) -> BTreeMap<String, Vec<String>> {
        let ids = |inputs: Vec<Input>| inputs.into_iter().map(|input| input.id).collect();
        self.nodes.into_iter().map(|node| (node.id, ids(node.inputs))).collect()
    }
}

impl Flink {
    /// What each vertex of a job does with its time, sources first. Takes [`SPAN`], because it is measured; what cannot
    /// be measured soon after that is `None`. To look again and again, keep a [`Meter`].
    pub async fn pressure(&self, job: &Job) -> Result<Vec<VertexPressure>> {
        let began = Instant::now();
        let mut meter = Meter::default();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            meter.add(self.pressure_sample(job).await?);
            if meter.is_measured() || began.elapsed() > SPAN + PATIENCE {
                return Ok(meter.vertices());
            }
        }
    }

    /// A job's counters as the server has them now.
    pub async fn pressure_sample(&self, job: &Job) -> Result<Sample> {
        let mut inputs = self.get::<Planned>(&format!("/jobs/{}/plan", job.id)).await?.plan.inputs();
        let mut vertices = Vec::with_capacity(job.vertices.len());
        for vertex in &job.vertices {
            let metrics = if tells(vertex) {
                self.metrics(Of::Vertex(&job.id, &vertex.id), &names(vertex)).await?
            } else {
                Vec::new()
            };
            vertices.push(VertexSample::new(vertex, inputs.remove(&vertex.id).unwrap_or_default(), &metrics));
        }
        Ok(Sample { at: Instant::now(), vertices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::job::Tasks;

    fn parsed(subtask: u32, answer: &str) -> SubtaskSample {
        SubtaskSample::new(subtask, &serde_json::from_str::<Vec<Metric>>(answer).unwrap())
    }

    #[test]
    fn an_answer_is_read_by_subtask() {
        let answer = r#"[
            {"id": "1.accumulateBusyTimeMs", "value": "900.0"},
            {"id": "1.accumulateBackPressuredTimeMs", "value": "40"},
            {"id": "1.accumulateIdleTimeMs", "value": "60"},
            {"id": "1.backPressuredTimeMsPerSecond", "value": "26"},
            {"id": "1.Shuffle.Netty.Output.Buffers.outputQueueLength", "value": "13"},
            {"id": "0.accumulateBusyTimeMs", "value": "7.0"}
        ]"#;
        let times = Times { busy: Some(900.0), back_pressured: 40.0, idle: 60.0 };
        let known = SubtaskSample { times: Some(times), output_queue: Some(13), web_ui: Some(0.026) };
        assert_eq!(parsed(1, answer), known);
        let unknown = SubtaskSample { times: None, output_queue: None, web_ui: None };
        assert_eq!(parsed(0, answer), unknown);
        assert_eq!(parsed(2, "[]"), unknown);
    }

    #[test]
    fn only_a_vertex_that_runs_is_asked() {
        let vertex = |running| Vertex {
            id: "v".into(),
            name: "V".into(),
            parallelism: 2,
            max_parallelism: 128,
            status: "RUNNING".into(),
            tasks: Tasks { running, initializing: 2 - running, scheduled: 0, all: 2 },
        };
        assert!(tells(&vertex(2)) && !tells(&vertex(1)) && !tells(&vertex(0)));
        let unknown = SubtaskSample { times: None, output_queue: None, web_ui: None };
        assert_eq!(VertexSample::new(&vertex(0), Vec::new(), &[]).subtasks, [unknown, unknown]);
    }

    #[test]
    fn not_a_number_is_not_known() {
        let answer = r#"[
            {"id": "0.accumulateBusyTimeMs", "value": "NaN"},
            {"id": "0.accumulateBackPressuredTimeMs", "value": "40"},
            {"id": "0.accumulateIdleTimeMs", "value": "0"},
            {"id": "0.backPressuredTimeMsPerSecond", "value": "NaN"}
        ]"#;
        let times = Times { busy: None, back_pressured: 40.0, idle: 0.0 };
        let known = SubtaskSample { times: Some(times), output_queue: None, web_ui: None };
        assert_eq!(parsed(0, answer), known);
    }

    #[test]
    fn the_plan_tells_who_reads_from_whom() {
        let answer = r#"{"plan": {"jid": "j", "nodes": [
            {"id": "sink", "parallelism": 2, "inputs": [{"id": "a", "num": 0}, {"id": "b", "num": 1}]},
            {"id": "a", "parallelism": 2}
        ]}}"#;
        let inputs = serde_json::from_str::<Planned>(answer).unwrap().plan.inputs();
        assert_eq!(inputs["sink"], ["a", "b"]);
        assert!(inputs["a"].is_empty());
    }

    #[test]
    fn levels_are_flinks() {
        use Level::{High, Low, Ok};
        assert_eq!([0.0, 0.1, 0.101, 0.5, 0.501, 1.0].map(Level::of), [Ok, Ok, Low, Low, High, High]);
        assert_eq!(serde_json::to_value(High).unwrap(), "HIGH");
    }
}
