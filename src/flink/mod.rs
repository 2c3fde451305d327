//! Flink's REST API: a client and its types, nothing else.
//!
//! Source of paths and fields: the REST API page of Flink 2.2's documentation. States lag behind by up to
//! `web.refresh-interval`, which the stack's configuration sets to 100 ms.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub mod checkpoint;
pub mod cluster;
pub mod job;
pub mod metric;

/// How long one request may take; the server is on this machine.
const REQUEST: Duration = Duration::from_secs(5);

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
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST).build().context("make an HTTP client")?;
        Ok(Self { http, base: format!("http://{host}:{port}") })
    }

    /// The address to open in a browser.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.base
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}{path}", self.base);
        let response = self.http.get(&url).send().await.with_context(|| format!("GET {url}"))?;
        let status = response.status();
        let body = response.bytes().await.with_context(|| format!("GET {url}"))?;
        if !status.is_success() {
            bail!("GET {url}: {status}: {}", refusal(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("GET {url}: unexpected answer"))
    }

    async fn patch(&self, path: &str) -> Result<()> {
        let url = format!("{}{path}", self.base);
        let response = self.http.patch(&url).send().await.with_context(|| format!("PATCH {url}"))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.bytes().await.with_context(|| format!("PATCH {url}"))?;
            bail!("PATCH {url}: {status}: {}", refusal(&body));
        }
        Ok(())
    }
}

/// The first line of the server's own reason; what follows is its stack trace.
fn refusal(body: &[u8]) -> String {
    let text = serde_json::from_slice::<Refusal>(body)
        .ok()
        .and_then(|refusal| refusal.errors.into_iter().last())
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_its_stack_trace() {
        let body = br#"{"errors":["Not found","org.apache.flink.X: Job 7 not found\n\tat a.b.C"]}"#;
        assert_eq!(refusal(body), "org.apache.flink.X: Job 7 not found");
        assert_eq!(refusal(b"<html>"), "<html>");
        assert_eq!(refusal(b""), "no reason given");
    }
}
