//! The pages of `playground jobs` and `playground job`.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Paint, Render, plain};
use crate::flink::checkpoint::Checkpoints;
use crate::flink::job::{Exception, Job, Summary};

/// The page of `playground jobs`.
#[derive(Debug, Serialize)]
pub struct JobList {
    /// The newest first.
    pub jobs: Vec<Summary>,
}

impl Render for JobList {
    fn human(&self, paint: Paint) -> String {
        if self.jobs.is_empty() {
            return "the cluster has no jobs".to_owned();
        }
        let line = |job: &Summary| {
            format!(
                "{}  {}  {:>9}  {}",
                job.id,
                state(paint, &job.state, 11),
                duration(job.duration),
                plain::text(&job.name)
            )
        };
        let head = paint.dim(&format!("{:<32}  {:<11}  {:>9}  {}", "ID", "STATE", "FOR", "NAME"));
        std::iter::once(head).chain(self.jobs.iter().map(line)).collect::<Vec<_>>().join("\n")
    }
}

/// The page of `playground job`.
#[derive(Debug, Serialize)]
pub struct JobDetails {
    /// Its vertices.
    #[serde(flatten)]
    pub job: Job,
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    /// Its exceptions, the newest first.
    pub exceptions: Vec<Exception>,
}

impl Render for JobDetails {
    fn human(&self, paint: Paint) -> String {
        let mut page = format!(
            "{}  {}  {}",
            paint.bold(&plain::text(&self.job.name)),
            self.job.id,
            state(paint, &self.job.state, 0)
        );
        for vertex in &self.job.vertices {
            let (running, all) = (vertex.tasks.running, vertex.parallelism);
            let _ = write!(page, "\n  {running} of {all} RUNNING  {}", plain::text(&vertex.name));
        }
        let counts = self.checkpoints.counts;
        let _ = write!(
            page,
            "\ncheckpoints  {} complete, {} failed, {} restored from",
            counts.completed, counts.failed, counts.restored
        );
        if let Some(newest) = &self.checkpoints.latest.completed {
            let (id, size, took) = (newest.id, newest.state_size, newest.end_to_end_duration);
            let _ = write!(page, "\n  newest {id}, {size} bytes in {took} ms");
        }
        for exception in self.exceptions.iter().take(3) {
            let (task, root) = (exception.task.as_deref().unwrap_or("the job"), exception.root());
            let _ = write!(page, "\n{}  {}: {}", paint.bad("exception"), plain::text(task), plain::text(root));
        }
        page
    }
}

fn state(paint: Paint, state: &str, width: usize) -> String {
    let padded = format!("{state:<width$}");
    match state {
        "RUNNING" | "FINISHED" => paint.good(&padded),
        "FAILED" | "FAILING" | "RESTARTING" => paint.bad(&padded),
        _ => padded,
    }
}

/// Two units at most: `41 s`, `3 min 5 s`, `2 h 0 min`. Takes ms.
fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_the_units_that_fit_its_length() {
        assert_eq!(duration(41_999), "41 s");
        assert_eq!(duration(185_000), "3 min 5 s");
        assert_eq!(duration(7_200_000), "2 h 0 min");
    }

    #[test]
    fn jobs_stand_in_columns() {
        let job = Summary {
            id: "0123456789abcdef0123456789abcdef".into(),
            name: "Click Event Count".into(),
            state: "RUNNING".into(),
            start_time: 0,
            duration: 41_000,
        };
        insta::assert_snapshot!(JobList { jobs: vec![job] }.human(Paint::Plain), @r"
        ID                                STATE              FOR  NAME
        0123456789abcdef0123456789abcdef  RUNNING           41 s  Click Event Count
        ");
    }
}
