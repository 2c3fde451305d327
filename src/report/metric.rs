//! The page of `playground metrics`.

use serde::Serialize;

use super::{Paint, Render};
use crate::flink::metric::Metric;

/// Metrics by what they are of.
#[derive(Debug, Default, Serialize)]
pub struct MetricList {
    /// Whose they are.
    pub of: Vec<Owned>,
}

/// Metrics of one job, vertex or TaskManager.
#[derive(Debug, Serialize)]
pub struct Owned {
    /// Name of the job or vertex, or id of the TaskManager.
    pub owner: String,
    /// In alphabetical order of their names.
    pub metrics: Vec<Metric>,
}

impl Render for MetricList {
    fn human(&self, paint: Paint) -> String {
        self.of.iter().map(|owned| owned.human(paint)).collect::<Vec<_>>().join("\n")
    }
}

impl Owned {
    fn human(&self, paint: Paint) -> String {
        let width = self.metrics.iter().map(|metric| metric.id.len()).max().unwrap_or(0);
        let line = |metric: &Metric| match &metric.value {
            Some(value) => format!("  {:<width$}  {value}", metric.id),
            None => format!("  {}", metric.id),
        };
        let head = paint.bold(&self.owner);
        std::iter::once(head).chain(self.metrics.iter().map(line)).collect::<Vec<_>>().join("\n")
    }
}
