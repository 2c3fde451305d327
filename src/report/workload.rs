//! The pages of `playground workload`: the list, a file, and that a file is one.

use serde::Serialize;

use super::{Paint, Render};
use crate::workload::model::Workload;

/// All built-in workloads.
#[derive(Debug, Serialize)]
pub struct WorkloadList {
    workloads: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    purpose: String,
    /// As in `window`.
    oracle: &'static str,
}

impl WorkloadList {
    /// A list of these workloads, in their order.
    #[must_use]
    pub fn of(workloads: &[Workload]) -> Self {
        let entry = |workload: &Workload| Entry {
            name: workload.name.clone(),
            purpose: workload.purpose.clone(),
            oracle: workload.oracle.name(),
        };
        Self { workloads: workloads.iter().map(entry).collect() }
    }
}

impl Render for WorkloadList {
    fn human(&self, paint: Paint) -> String {
        let line = |entry: &Entry| {
            format!("{}  {:<10}  {}", paint.bold(&format!("{:<16}", entry.name)), entry.oracle, entry.purpose)
        };
        self.workloads.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A workload's file.
#[derive(Debug, Serialize)]
pub struct WorkloadText {
    /// The name it was asked for by.
    pub name: String,
    /// Its text, to start a file of your own from.
    pub text: String,
}

impl Render for WorkloadText {
    fn human(&self, _: Paint) -> String {
        self.text.trim_end().to_owned()
    }
}

/// A file that is a workload.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its path.
    pub file: String,
    /// What it says, with what it leaves out.
    #[serde(flatten)]
    pub workload: Workload,
}

impl Render for Checked {
    fn human(&self, paint: Paint) -> String {
        let Workload { name, purpose, job, input, output, oracle, .. } = &self.workload;
        let fed = if input.feed.is_some() { "written by the generator" } else { "written by somebody else" };
        let right = oracle.rule().says();
        let script = job.sql.as_ref().map(|_| "an SQL script");
        let who = script.or(job.jar.as_deref()).unwrap_or("submitted by somebody else");
        [
            format!("{}: {purpose}", paint.bold(name)),
            format!("job       {}, {who}, {}", job.name, job.delivery.name()),
            match input.socket {
                Some(socket) => format!("input     {}, {fed}, served as lines on port {}", input.topic, socket.port),
                None => format!("input     {}, {fed}", input.topic),
            },
            match &output.log {
                Some(service) => format!("output    lines in the log of {service}"),
                None => format!("output    {}", output.topic),
            },
            format!("oracle    {}: {right}", oracle.name()),
            format!("next      playground up --workload {0} · playground scenario failover --workload {0}", self.file),
        ]
        .join("\n")
    }
}

/// A draft of a workload's file.
#[derive(Debug, Serialize)]
pub struct Drafted {
    /// Where it was written; null where it is only printed.
    pub file: Option<String>,
    /// Its text.
    pub text: String,
}

impl Render for Drafted {
    fn human(&self, _: Paint) -> String {
        match &self.file {
            None => self.text.trim_end().to_owned(),
            Some(file) => format!(
                "written   {file}\nnext      read it, correct it · playground workload check {file} · \
                 playground -p NAME scenario failover --workload {file}"
            ),
        }
    }
}
