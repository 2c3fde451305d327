//! Requests as values: what a plan shows is what is sent.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Flink, REQUEST, refusal};

/// A request to the REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// As in `POST /jobs/1f2e/stop {"drain":false}`.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        match &self.body {
            Some(body) => write!(formatter, " {body}"),
            None => Ok(()),
        }
    }
}

/// The server's refusal of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{request}: {status}: {reason}")]
pub struct Refused {
    /// As in `GET /jobs/1f2e`.
    pub request: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// The root cause, where the server tells one.
    pub reason: String,
}

/// Whether an error only says that no JobManager answers right now: its process is gone, or no leader is elected yet.
#[must_use]
pub fn is_unavailable(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Refused>() {
        Some(refused) => refused.status == StatusCode::SERVICE_UNAVAILABLE,
        None => error.chain().any(<dyn std::error::Error>::is::<reqwest::Error>),
    }
}

/// In the reason of a JobManager that timed out waiting for another of its components, gave up waiting for it, or has lost
/// leadership. The request may have been carried out all the same.
const UNDECIDED: [&str; 6] = [
    "TimeoutException",
    "timed out",
    "java.util.concurrent.CancellationException",
    "FencingTokenException",
    "RecipientUnreachableException",
    "JobMasterGateway",
];

/// Whether an error leaves it open whether a request was carried out: the answer was lost, came too late, or says so
/// itself.
#[must_use]
pub fn is_undecided(error: &anyhow::Error) -> bool {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        let by_gateway = matches!(refused.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
        return by_gateway || is_unavailable(error) || says_undecided(&refused.reason);
    }
    // An answer that cannot be read was cut off.
    is_unavailable(error) || error.chain().any(<dyn std::error::Error>::is::<serde_json::Error>)
}

/// Whether a reason that Flink gives leaves it open whether a request was carried out.
#[must_use]
pub fn says_undecided(reason: &str) -> bool {
    UNDECIDED.iter().any(|word| reason.contains(word))
}

/// The server's own reason, if the error is its refusal.
#[must_use]
pub fn refused(error: &anyhow::Error) -> Option<&Refused> {
    error.downcast_ref()
}

impl Flink {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`Refused`] when the server says no; another when it does not answer, or not as expected.
    pub async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        self.send_within(request, REQUEST).await
    }

    /// The same, with another time limit.
    pub(super) async fn send_within<T: DeserializeOwned>(&self, request: &Request, limit: Duration) -> Result<T> {
        let body = self.sent(request, limit).await?;
        serde_json::from_slice(&body).with_context(|| format!("{}: unexpected answer", self.what(request)))
    }

    /// Sends a request whose answer says nothing.
    ///
    /// # Errors
    /// As [`Flink::send`].
    pub async fn order(&self, request: &Request) -> Result<()> {
        self.sent(request, REQUEST).await.map(drop)
    }

    async fn sent(&self, request: &Request, limit: Duration) -> Result<Vec<u8>> {
        let builder =
            self.http.request(request.method.clone(), format!("{}{}", self.address(), request.path)).timeout(limit);
        let builder = match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        };
        self.answer(&self.what(request), builder).await
    }

    /// The body of a request's answer. Where none tells what became of the request, Flink is looked for before the next one.
    pub(super) async fn answer(&self, what: &str, builder: reqwest::RequestBuilder) -> Result<Vec<u8>> {
        let answered = answered(what, builder).await;
        if answered.as_ref().is_err_and(is_undecided) {
            self.look_for().await;
        }
        answered
    }

    /// As messages call a request: without its body, which may be long.
    fn what(&self, request: &Request) -> String {
        format!("{} {}{}", request.method, self.address(), request.path)
    }
}

async fn answered(what: &str, builder: reqwest::RequestBuilder) -> Result<Vec<u8>> {
    let response = builder.send().await.with_context(|| what.to_owned())?;
    let status = response.status();
    let body = response.bytes().await.with_context(|| what.to_owned())?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    Err(Refused { request: what.to_owned(), status, reason: refusal(&body) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_as_it_is_sent() {
        let request = Request::new(Method::POST, "/jobs/1f/stop").with(serde_json::json!({"drain": false}));
        assert_eq!(request.to_string(), r#"POST /jobs/1f/stop {"drain":false}"#);
        assert_eq!(Request::new(Method::GET, "/jars").to_string(), "GET /jars");
    }

    #[test]
    fn a_server_that_says_no_is_there_unless_it_does_not_lead() {
        let refused = |status| Refused { request: "GET /".into(), status, reason: "no".into() }.into();
        assert!(!is_unavailable(&refused(StatusCode::NOT_FOUND)));
        assert!(is_unavailable(&refused(StatusCode::SERVICE_UNAVAILABLE)));
        assert!(!is_unavailable(&anyhow::anyhow!("something else")));
    }

    #[test]
    fn a_refusal_with_a_time_out_does_not_tell_whether_it_was_done() {
        let refused = |status, reason: &str| Refused { request: "POST /".into(), status, reason: reason.into() }.into();
        let internal = StatusCode::INTERNAL_SERVER_ERROR;
        assert!(is_undecided(&refused(internal, "java.util.concurrent.TimeoutException: Invocation timed out")));
        // Seen of a job that was just being submitted, on a busy machine.
        assert!(is_undecided(&refused(internal, "java.util.concurrent.CancellationException")));
        assert!(!is_undecided(&refused(internal, "org.apache.flink.runtime.client.JobCancellationException")));
        assert!(is_undecided(&refused(StatusCode::GATEWAY_TIMEOUT, "")));
        assert!(is_undecided(&refused(StatusCode::SERVICE_UNAVAILABLE, "no leader")));
        assert!(!is_undecided(&refused(internal, "java.lang.IllegalArgumentException: unknown options")));
        assert!(!is_undecided(&refused(StatusCode::NOT_FOUND, "no such job")));
        let cut_off = serde_json::from_str::<u8>("{").unwrap_err();
        assert!(is_undecided(&anyhow::Error::new(cut_off).context("POST /: unexpected answer")));
    }
}
