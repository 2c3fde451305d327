//! Flink's REST API: a client and its types, and what its answers say of restores.
//!
//! Source of paths and fields: the REST API page of Flink 2.2's documentation. States lag behind by up to
//! `web.refresh-interval`, which the stack's configuration sets to 100 ms.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use request::Request;

pub mod checkpoint;
pub mod cli;
pub mod cluster;
pub mod id;
pub mod jar;
pub mod job;
pub mod metric;
pub mod pressure;
pub mod request;
pub mod requirements;
pub mod restore;
pub mod savepoint;
pub mod watermark;

/// How long one request may take; the server is on this machine.
pub const REQUEST: Duration = Duration::from_secs(5);
/// How long an upload, or the `main` of a job, may take.
pub const LONG: Duration = Duration::from_mins(1);

/// A JobManager's REST endpoint. Where several JobManagers take turns, its clones follow the one that leads together: a request
/// that nobody answers is an error, and the next one goes to whoever leads by then.
#[derive(Debug, Clone)]
pub struct Flink {
    http: reqwest::Client,
    /// As in `http://127.0.0.1:8081`.
    base: Arc<RwLock<String>>,
    whereabouts: Option<Whereabouts>,
}

/// Finds out where Flink is now, as host and port; `None` where that is not known.
#[derive(Clone)]
pub struct Whereabouts(Arc<Find>);

type Find = dyn Fn() -> BoxFuture<'static, Option<(String, u16)>> + Send + Sync;

impl Whereabouts {
    /// Found out by this.
    pub fn by(find: impl Fn() -> BoxFuture<'static, Option<(String, u16)>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }
}

impl fmt::Debug for Whereabouts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Whereabouts")
    }
}

/// What the server says when it refuses a request.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<String>,
}

impl Flink {
    /// The endpoint at a host and port.
    pub fn at(host: &str, port: u16) -> Result<Self> {
        // A proxy of the environment must not see requests to the loopback address.
        let http = reqwest::Client::builder().no_proxy().build().context("create an HTTP client")?;
        Ok(Self { http, base: Arc::new(RwLock::new(address(host, port))), whereabouts: None })
    }

    /// The same, looked for by `whereabouts` when it no longer answers.
    #[must_use]
    pub fn found_by(self, whereabouts: Whereabouts) -> Self {
        Self { whereabouts: Some(whereabouts), ..self }
    }

    /// As in `http://127.0.0.1:8081`, where it was found last.
    #[must_use]
    pub fn address(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for it anew.
    async fn look_for(&self) {
        let Some(whereabouts) = &self.whereabouts else { return };
        if let Some((host, port)) = whereabouts.0().await {
            *self.base.write().unwrap_or_else(PoisonError::into_inner) = address(&host, port);
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(&Request::new(Method::GET, path)).await
    }
}

/// Says that a process which another one asked is gone.
const UNREACHABLE: &str = "RecipientUnreachableException";

fn address(host: &str, port: u16) -> String {
    format!("http://{host}:{port}")
}

/// The server's own reason: the root cause of the stack trace that it sends, or else its first line.
fn refusal(body: &[u8]) -> String {
    let text = serde_json::from_slice::<Refusal>(body)
        .ok()
        .and_then(|refusal| refusal.errors.into_iter().last())
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    // Where the trace comes out of a remote call, it stands in this frame.
    let text = text.trim().trim_start_matches("<Exception on server side:").trim_start();
    let cause = job::root_cause(text);
    if cause.contains(UNREACHABLE) && cause.contains("/user/rpc/dispatcher") {
        return format!("the JobManager that led is gone, and none has taken over yet ({UNREACHABLE})");
    }
    if cause.is_empty() { "no reason given".to_owned() } else { cause.to_owned() }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn all_clones_follow_when_nobody_answers() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let find = || async { Some(("127.0.0.1".to_owned(), 7)) }.boxed();
        let flink = Flink::at("127.0.0.1", closed).unwrap().found_by(Whereabouts::by(find));
        let clone = flink.clone();
        assert!(flink.overview().await.is_err());
        assert_eq!(clone.address(), "http://127.0.0.1:7");
    }

    #[test]
    fn a_refusal_is_told_without_its_stack_trace() {
        let body = br#"{"errors":["Not found","org.apache.flink.X: Job 7 not found\n\tat a.b.C"]}"#;
        assert_eq!(refusal(body), "org.apache.flink.X: Job 7 not found");
        let caused = br#"{"errors":["Internal","<Exception on server side:\nx.Y: outer\n\tat a\nCaused by: x.Z: inner\n\tat b\n"]}"#;
        assert_eq!(refusal(caused), "x.Z: inner");
        assert_eq!(refusal(b"<html>"), "<html>");
        assert_eq!(refusal(b""), "no reason given");
        let gone = br#"{"errors":["Internal","<Exception on server side:\na.RecipientUnreachableException: Could not send message [x] to recipient [Actor[pekko.tcp://flink@60ec:457/user/rpc/dispatcher_1#-9]]\n\tat b\n"]}"#;
        let gone = refusal(gone);
        assert!(gone.starts_with("the JobManager that led is gone") && request::says_undecided(&gone), "{gone}");
    }
}
