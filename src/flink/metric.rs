//! Metrics: their names, and their values.

use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Flink;

/// A metric's name and, where asked for, its value as the server writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Metric {
    /// As in `lastCheckpointSize`.
    pub id: String,
    /// Numbers in most cases; `None` in a list of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// A job, by id.
    Job(&'a str),
    /// A vertex, by the ids of job and vertex; its metrics are named after subtask and operator.
    Vertex(&'a str, &'a str),
    /// A TaskManager, by id.
    TaskManager(&'a str),
}

impl Of<'_> {
    fn path(self) -> String {
        match self {
            Self::Job(job) => format!("/jobs/{job}/metrics"),
            Self::Vertex(job, vertex) => format!("/jobs/{job}/vertices/{vertex}/metrics"),
            Self::TaskManager(id) => format!("/taskmanagers/{}/metrics", encoded(id)),
        }
    }
}

/// Metrics in one request, so that the address stays well below what a server takes.
const BATCH: usize = 50;

impl Flink {
    /// The names that there are.
    pub async fn metric_names(&self, of: Of<'_>) -> Result<Vec<String>> {
        let metrics: Vec<Metric> = self.get(&of.path()).await?;
        Ok(metrics.into_iter().map(|metric| metric.id).collect())
    }

    /// Values of metrics, by their full names. Unknown names are left out, as the server does.
    pub async fn metrics(&self, of: Of<'_>, names: &[String]) -> Result<Vec<Metric>> {
        let mut values = Vec::with_capacity(names.len());
        for batch in names.chunks(BATCH) {
            let names = batch.iter().map(|name| encoded(name)).collect::<Vec<_>>().join(",");
            values.extend(self.get::<Vec<Metric>>(&format!("{}?get={names}", of.path())).await?);
        }
        Ok(values)
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_and_colons_are_encoded() {
        assert_eq!(encoded("0.ClickEvent Source"), "0.ClickEvent%20Source");
        assert_eq!(encoded("10.0.0.1:99-a"), "10.0.0.1%3A99-a");
    }
}
