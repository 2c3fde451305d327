//! Jars: uploaded once, run as often as wanted.
//!
//! Uploads lie in `web.upload.dir`, which the stack keeps on the volume that all of Flink shares: they survive the loss of
//! the JobManager, and the client's command line finds them there as well.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Flink;
use super::request::Request;

/// An uploaded jar.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Jar {
    /// The server's own name of it: a UUID, then the file name.
    pub id: String,
    /// The file name that it was uploaded under.
    pub name: String,
    /// When, ms since the epoch.
    pub uploaded: i64,
}

/// What to run, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The uploaded jar's id.
    pub jar: String,
    /// The class whose `main` is run; none for the one that the jar's manifest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The ids of uploaded jars that it needs besides: connectors, functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// Subtasks of each vertex.
    pub parallelism: u32,
    /// The arguments of its `main`.
    pub arguments: Vec<String>,
    /// The savepoint to begin from.
    pub savepoint: Option<String>,
    /// Whether state of operators that the job does not have is left behind.
    pub allow_non_restored_state: bool,
}

/// Where uploads lie in every container of Flink: `web.upload.dir` and the folder that the server makes in it.
pub(super) const UPLOADS: &str = "/flink-data/uploads/flink-web-upload";

impl Run {
    /// Where its libraries are, for every process of Flink.
    pub(super) fn classpaths(&self) -> impl Iterator<Item = String> {
        self.libraries.iter().map(|library| format!("file://{UPLOADS}/{library}"))
    }
}

/// Lists what is uploaded.
#[must_use]
pub fn list() -> Request {
    Request::new(Method::GET, "/jars")
}

/// Runs an uploaded jar as a job of this id. Sent again it starts no second job: Flink refuses an id that it has.
#[must_use]
pub fn run(run: &Run, id: &str) -> Request {
    let mut body = json!({ "jobId": id, "parallelism": run.parallelism, "programArgsList": run.arguments });
    with_program(run, &mut body);
    if let Some(savepoint) = &run.savepoint {
        body["savepointPath"] = json!(savepoint);
    }
    if run.allow_non_restored_state {
        body["allowNonRestoredState"] = json!(true);
    }
    Request::new(Method::POST, format!("/jars/{}/run", run.jar)).with(body)
}

/// An upload, as it is told: its body is the file.
#[must_use]
pub fn upload_line(name: &str) -> String {
    format!("POST /jars/upload ({name})")
}

/// Asks for the plan of what would run: its `main` is called, and no job is submitted.
#[must_use]
pub fn plan(run: &Run) -> Request {
    let mut body = json!({ "parallelism": run.parallelism, "programArgsList": run.arguments });
    with_program(run, &mut body);
    Request::new(Method::POST, format!("/jars/{}/plan", run.jar)).with(body)
}

fn with_program(run: &Run, body: &mut serde_json::Value) {
    if let Some(class) = &run.entry_class {
        body["entryClass"] = json!(class);
    }
    if !run.libraries.is_empty() {
        let classpaths: Vec<String> = run.classpaths().collect();
        body["flinkConfiguration"] = json!({ "pipeline.classpaths": classpaths.join(";") });
    }
}

#[derive(Deserialize)]
struct Jars {
    files: Vec<Jar>,
}

#[derive(Deserialize)]
struct Uploaded {
    /// Its path on the server.
    filename: String,
}

#[derive(Deserialize)]
struct Started {
    jobid: String,
}

impl Flink {
    /// What is uploaded, the newest first.
    pub async fn jars(&self) -> Result<Vec<Jar>> {
        let mut jars = self.send::<Jars>(&list()).await?.files;
        jars.sort_by_key(|jar| std::cmp::Reverse(jar.uploaded));
        Ok(jars)
    }

    /// Uploads a jar under a file name, as [`upload_line`] tells; returns its id.
    pub async fn upload(&self, name: &str, content: Vec<u8>) -> Result<String> {
        let part = Part::bytes(content).file_name(name.to_owned()).mime_str("application/x-java-archive")?;
        let form = Form::new().part("jarfile", part);
        let builder = self.http.post(format!("{}/jars/upload", self.address())).multipart(form);
        let answer = self.answer(&upload_line(name), builder.timeout(super::LONG)).await?;
        let uploaded: Uploaded = serde_json::from_slice(&answer).context("POST /jars/upload: unexpected answer")?;
        let id = uploaded.filename.rsplit('/').next();
        id.map(str::to_owned).context("POST /jars/upload: an answer without a file name")
    }

    /// Sends a request of [`plan`].
    pub async fn plan(&self, request: &Request) -> Result<()> {
        self.send_within::<serde_json::Value>(request, super::LONG).await.map(drop)
    }

    /// Sends a request of [`run`]; returns the job's id as the server tells it. The server runs the job's `main` first,
    /// which may take its time.
    pub async fn run(&self, request: &Request, limit: Duration) -> Result<String> {
        Ok(self.send_within::<Started>(request, limit.min(super::LONG)).await?.jobid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_only_what_was_asked_for() {
        let mut what = Run {
            jar: "7_a.jar".into(),
            libraries: Vec::new(),
            entry_class: None,
            parallelism: 2,
            arguments: vec!["--x".into()],
            savepoint: None,
            allow_non_restored_state: false,
        };
        let plain = r#"{"jobId":"1f","parallelism":2,"programArgsList":["--x"]}"#;
        assert_eq!(run(&what, "1f").to_string(), format!("POST /jars/7_a.jar/run {plain}"));
        what.savepoint = Some("file:/s".into());
        what.allow_non_restored_state = true;
        let all = r#"{"allowNonRestoredState":true,"jobId":"1f","parallelism":2,"programArgsList":["--x"],"savepointPath":"file:/s"}"#;
        assert_eq!(run(&what, "1f").to_string(), format!("POST /jars/7_a.jar/run {all}"));
    }
}
