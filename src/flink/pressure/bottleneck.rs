//! Which vertex makes others wait. Pure.

use serde::{Deserialize, Serialize};

use super::{Level, VertexPressure};

/// Where a job is slow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "kebab-case")]
pub enum Bottleneck {
    /// No vertex is back-pressured.
    Nothing,
    /// A vertex works without a break, and those before it wait for it.
    Slow {
        /// The name of the one that works.
        vertex: String,
    },
    /// A vertex waits, and none of those that read from it is busy: it may be the network.
    Unseen {
        /// The name of the one that waits.
        vertex: String,
    },
    /// Not all vertices are known, and none of those that are waits.
    Unknown,
}

/// Measured at two ends, work and the wait for it need not agree to the last.
const TOLERANCE: f64 = 0.05;

/// The first vertex, from the sinks' side, that is busy for as long as one before it waits. `vertices` begin with the
/// sources.
#[must_use]
pub fn bottleneck(vertices: &[VertexPressure]) -> Bottleneck {
    let waits = |vertex: &&VertexPressure| vertex.level.is_some_and(|level| level > Level::Ok);
    let is_slow = |vertex: &&VertexPressure| {
        let before = vertices.iter().filter(waits).filter(|before| vertex.inputs.contains(&before.id));
        let wait = before.filter_map(|before| before.back_pressured).map(|share| share.worst).reduce(f64::max);
        // The busiest subtask alone can make all of those before it wait.
        let busy = vertex.busy.map(|share| share.worst);
        wait.zip(busy).is_some_and(|(wait, busy)| busy + TOLERANCE >= wait)
    };
    if let Some(slow) = vertices.iter().rev().find(is_slow) {
        Bottleneck::Slow { vertex: slow.name.clone() }
    } else if let Some(waiting) = vertices.iter().rev().find(waits) {
        Bottleneck::Unseen { vertex: waiting.name.clone() }
    } else if vertices.is_empty() || vertices.iter().any(|vertex| vertex.level.is_none()) {
        Bottleneck::Unknown
    } else {
        Bottleneck::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::pressure::Share;

    /// A vertex by what it reads from, and by its busy and back-pressured shares.
    fn vertex(id: &str, inputs: &[&str], busy: f64, back_pressured: f64) -> VertexPressure {
        let share = |share| Some(Share { mean: share, worst: share });
        VertexPressure {
            id: id.into(),
            name: id.to_uppercase(),
            parallelism: 1,
            inputs: inputs.iter().map(ToString::to_string).collect(),
            busy: share(busy),
            back_pressured: share(back_pressured),
            idle: share(1.0 - busy - back_pressured),
            level: Some(Level::of(back_pressured)),
            output_queue: Some(0),
            web_ui: None,
        }
    }

    fn slow(name: &str) -> Bottleneck {
        Bottleneck::Slow { vertex: name.into() }
    }

    #[test]
    fn the_busy_one_behind_those_that_wait_is_slow() {
        let chain = |middle, last| [vertex("source", &[], 0.0, 1.0), middle, last];
        let in_the_middle = chain(vertex("map", &["source"], 1.0, 0.0), vertex("sink", &["map"], 0.01, 0.0));
        assert_eq!(bottleneck(&in_the_middle), slow("MAP"));
        let at_the_end = chain(vertex("map", &["source"], 0.1, 0.9), vertex("sink", &["map"], 1.0, 0.0));
        assert_eq!(bottleneck(&at_the_end), slow("SINK"));
        let both = chain(vertex("map", &["source"], 0.6, 0.4), vertex("sink", &["map"], 0.7, 0.0));
        assert_eq!(bottleneck(&both), slow("SINK"));
    }

    #[test]
    fn nothing_waits_however_busy_it_is() {
        let chain = [vertex("source", &[], 1.0, 0.0), vertex("sink", &["source"], 1.0, 0.1)];
        assert_eq!(bottleneck(&chain), Bottleneck::Nothing);
    }

    #[test]
    fn a_busy_vertex_of_another_branch_is_not_to_blame() {
        let branches = [
            vertex("left", &[], 0.1, 0.0),
            vertex("right", &[], 0.2, 0.8),
            vertex("slow", &["right"], 1.0, 0.0),
            vertex("sink", &["left"], 1.0, 0.0),
        ];
        assert_eq!(bottleneck(&branches), slow("SLOW"));
    }

    #[test]
    fn one_busy_subtask_is_enough() {
        let mut skewed = vertex("map", &["source"], 0.1, 0.0);
        skewed.busy = Some(Share { mean: 0.1, worst: 1.0 });
        assert_eq!(bottleneck(&[vertex("source", &[], 0.0, 0.9), skewed]), slow("MAP"));
    }

    #[test]
    fn a_wait_without_a_busy_one_behind_it_is_told() {
        let chain = [vertex("source", &[], 0.0, 0.9), vertex("sink", &["source"], 0.1, 0.0)];
        assert_eq!(bottleneck(&chain), Bottleneck::Unseen { vertex: "SOURCE".into() });
    }

    #[test]
    fn silence_is_not_nothing() {
        assert_eq!(bottleneck(&[]), Bottleneck::Unknown);
        let silent = VertexPressure { level: None, back_pressured: None, ..vertex("sink", &["source"], 0.0, 0.0) };
        assert_eq!(bottleneck(&[vertex("source", &[], 0.0, 0.0), silent.clone()]), Bottleneck::Unknown);
        let seen = [vertex("source", &[], 0.0, 0.9), vertex("map", &["source"], 1.0, 0.0), silent];
        assert_eq!(bottleneck(&seen), slow("MAP"));
    }
}
