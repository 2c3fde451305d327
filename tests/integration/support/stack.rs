//! Stacks of a test's own.

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use super::{Answer, Call, playground};

/// A project that is taken away with all its data when it goes out of scope, passed or not.
pub struct Stack {
    pub project: String,
    pub rest_port: u16,
    pub kafka_port: u16,
    /// Where runs are stored, and where files of the test may lie.
    pub folder: tempfile::TempDir,
}

impl Stack {
    /// A project of this name, with ports that are free now. Nothing is started.
    pub fn new(name: &str) -> Self {
        let (first, second) = (free_port(), free_port());
        let folder = tempfile::tempdir().expect("make a folder");
        let project = format!("test-{name}-{}", std::process::id());
        Self { project, rest_port: first.1, kafka_port: second.1, folder }
    }

    /// `playground -p PROJECT …`, run in the stack's folder.
    pub fn playground(&self, args: &[&str]) -> Call {
        playground(["-p", &self.project].iter().chain(args)).dir(self.folder.path())
    }

    /// The same for a command that brings the stack up: with its ports, five times as fast as the clock.
    pub fn with_ports(&self, args: &[&str]) -> Call {
        let (rest, kafka) = (self.rest_port.to_string(), self.kafka_port.to_string());
        let ports = ["--rest-port", &rest, "--kafka-port", &kafka, "--speed", "5"];
        self.playground(&[args, &ports].concat())
    }

    pub fn up(&self) -> Answer {
        self.up_with(&[])
    }

    /// Up, with more options.
    pub fn up_with(&self, more: &[&str]) -> Answer {
        self.with_ports(&[&["up"], more].concat()).run().expect(0)
    }

    pub fn kafka(&self) -> String {
        format!("127.0.0.1:{}", self.kafka_port)
    }

    /// What Flink answers to a GET, asked past the binary.
    pub fn flink(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.rest_port);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { reqwest::get(&url).await.expect("ask Flink").json().await.expect("JSON") })
    }

    /// The id of the only job that runs.
    pub fn job(&self) -> String {
        let jobs = self.flink("/jobs");
        let jobs = jobs["jobs"].as_array().expect("jobs").iter();
        let running: Vec<&str> =
            jobs.filter(|job| job["status"] == "RUNNING").filter_map(|job| job["id"].as_str()).collect();
        assert_eq!(running.len(), 1, "one job runs: {running:?}");
        running[0].to_owned()
    }

    /// How many checkpoints the job has completed.
    pub fn checkpoints(&self) -> u64 {
        self.flink(&format!("/jobs/{}/checkpoints", self.job()))["counts"]["completed"].as_u64().expect("a number")
    }

    /// What Docker has of the project: containers, networks, volumes, by name.
    pub fn left(&self) -> Vec<String> {
        let filter = format!("name={}", self.project);
        let lists = [
            docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]),
            docker(&["network", "ls", "--filter", &filter, "--format", "{{.Name}}"]),
            docker(&["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"]),
        ];
        lists.iter().flat_map(|list| list.lines()).map(str::to_owned).collect()
    }

    /// The state of an instance's container, as Docker names it.
    pub fn state(&self, instance: &str) -> String {
        let name = format!("{}-{instance}", self.project);
        docker(&["inspect", "--format", "{{.State.Status}}", &name]).trim().to_owned()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in ["client", "jobmanager", "taskmanager", "clickevent-generator"] {
                let log = self.playground(&["logs", "-n", "8", service]).run();
                eprintln!("--- {service}\n{}{}", log.stdout, log.stderr);
            }
        }
        self.playground(&["down", "--volumes"]).run();
    }
}

/// Runs the Docker client, for looking at the stack from outside.
pub fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("run docker");
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A port that nobody listens on; it is free again when the listener is dropped.
pub fn free_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}
