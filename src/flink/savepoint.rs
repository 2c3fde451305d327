//! Savepoints: asked for by a request, and followed by its trigger until they are there.
//!
//! Source: "Asynchronous operations" and the savepoint paths of the REST API page of Flink's documentation.

use anyhow::Result;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::Flink;
use super::request::Request;

/// Takes a savepoint; the job runs on. `trigger` is an id of the caller's, 32 hexadecimal digits: the same one sent again
/// takes no second savepoint.
#[must_use]
pub fn take(job: &str, trigger: &str) -> Request {
    Request::new(Method::POST, format!("/jobs/{job}/savepoints")).with(json!({ "triggerId": trigger }))
}

/// Stops a job with a savepoint. `drain` lets all windows fire first, which is for a job that will not go on.
#[must_use]
pub fn stop(job: &str, drain: bool, trigger: &str) -> Request {
    Request::new(Method::POST, format!("/jobs/{job}/stop")).with(json!({ "drain": drain, "triggerId": trigger }))
}

/// Asks what became of a trigger of [`take`] or [`stop`].
#[must_use]
pub fn status(job: &str, trigger: &str) -> Request {
    Request::new(Method::GET, format!("/jobs/{job}/savepoints/{trigger}"))
}

/// Deletes a savepoint's files.
#[must_use]
pub fn dispose(path: &str) -> Request {
    Request::new(Method::POST, "/savepoint-disposal").with(json!({ "savepoint-path": path }))
}

/// Asks what became of a trigger of [`dispose`].
#[must_use]
pub fn disposal_status(trigger: &str) -> Request {
    Request::new(Method::GET, format!("/savepoint-disposal/{trigger}"))
}

/// What became of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Not there yet.
    Under,
    /// There; the location, where it has one.
    Done(Option<String>),
    /// It will not come; the root cause.
    Failed(String),
}

#[derive(Deserialize)]
struct Triggered {
    #[serde(rename = "request-id")]
    id: String,
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
    operation: Option<Operation>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
}

#[derive(Deserialize)]
struct Operation {
    location: Option<String>,
    #[serde(rename = "failure-cause")]
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "stack-trace")]
    stack_trace: String,
}

impl Flink {
    /// Sends what starts an asynchronous operation; returns its trigger.
    pub async fn trigger(&self, request: &Request) -> Result<String> {
        Ok(self.send::<Triggered>(request).await?.id)
    }

    /// What became of it.
    pub async fn progress(&self, status: &Request) -> Result<Progress> {
        Ok(progress(self.send(status).await?))
    }
}

fn progress(answer: Answer) -> Progress {
    match answer.operation {
        _ if answer.status.id != "COMPLETED" => Progress::Under,
        Some(Operation { failure: Some(failure), .. }) => {
            Progress::Failed(super::job::root_cause(&failure.stack_trace).to_owned())
        }
        Some(Operation { location, .. }) => Progress::Done(location),
        None => Progress::Done(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Progress {
        progress(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn an_answer_is_under_way_done_or_failed() {
        assert_eq!(read(r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#), Progress::Under);
        let done = r#"{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s"}}"#;
        assert_eq!(read(done), Progress::Done(Some("file:/s".into())));
        let failed = r#"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"a.B",
            "stack-trace":"a.B: outer\n\tat x\nCaused by: c.D: inner\n"}}}"#;
        assert_eq!(read(failed), Progress::Failed("c.D: inner".into()));
        assert_eq!(read(r#"{"status":{"id":"COMPLETED"},"operation":{}}"#), Progress::Done(None));
    }
}
