//! Flink's REST API: a client and its types, nothing else.
//!
//! Source of paths and fields: the REST API page of Flink 2.2's documentation. States lag behind by up to
//! `web.refresh-interval`, which the stack's configuration sets to 100 ms.

use std::time::Duration;

use anyhow::{Context as _, Result};
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
pub mod savepoint;
pub mod watermark;

/// How long one request may take; the server is on this machine.
const REQUEST: Duration = Duration::from_secs(5);
/// How long an upload, or the `main` of a job, may take.
pub const LONG: Duration = Duration::from_mins(1);

/// A JobManager's REST endpoint.
#[derive(Debug, Clone)]
pub struct Flink {
    http: reqwest::Client,
    /// As in `http://127.0.0.1:8081`.
    base: String,
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
        Ok(Self { http, base: format!("http://{host}:{port}") })
    }

    /// The address to open in a browser.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.base
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(&Request::new(Method::GET, path)).await
    }
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
    if cause.is_empty() { "no reason given".to_owned() } else { cause.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_its_stack_trace() {
        let body = br#"{"errors":["Not found","org.apache.flink.X: Job 7 not found\n\tat a.b.C"]}"#;
        assert_eq!(refusal(body), "org.apache.flink.X: Job 7 not found");
        let caused = br#"{"errors":["Internal","<Exception on server side:\nx.Y: outer\n\tat a\nCaused by: x.Z: inner\n\tat b\n"]}"#;
        assert_eq!(refusal(caused), "x.Z: inner");
        assert_eq!(refusal(b"<html>"), "<html>");
        assert_eq!(refusal(b""), "no reason given");
    }
}
