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

/// What became of what a trigger started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Triggered {
    /// Not there yet.
    UnderWay,
    /// There; the location, where it has one.
    Done(Option<String>),
    /// It will not come; the root cause.
    Failed(String),
}

#[derive(Deserialize)]
struct Accepted {
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
        Ok(self.send::<Accepted>(request).await?.id)
    }

    /// What became of it.
    pub async fn triggered(&self, status: &Request) -> Result<Triggered> {
        Ok(triggered(self.send(status).await?))
    }
}

fn triggered(answer: Answer) -> Triggered {
    match answer.operation {
        _ if answer.status.id != "COMPLETED" => Triggered::UnderWay,
        Some(Operation { failure: Some(failure), .. }) => {
            Triggered::Failed(super::job::root_cause(&failure.stack_trace).to_owned())
        }
        Some(Operation { location, .. }) => Triggered::Done(location),
        None => Triggered::Done(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Triggered {
        triggered(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn an_answer_is_under_way_done_or_failed() {
        assert_eq!(read(r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#), Triggered::UnderWay);
        let done = r#"{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s"}}"#;
        assert_eq!(read(done), Triggered::Done(Some("file:/s".into())));
        let failed = r#"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"a.B",
            "stack-trace":"a.B: outer\n\tat x\nCaused by: c.D: inner\n"}}}"#;
        assert_eq!(read(failed), Triggered::Failed("c.D: inner".into()));
        assert_eq!(read(r#"{"status":{"id":"COMPLETED"},"operation":{}}"#), Triggered::Done(None));
    }
}
