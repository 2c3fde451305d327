//! The page of `playground ps`.

use serde::Serialize;

use super::table::{Cell, Tone, lines, plain};
use super::{Paint, Render};
use crate::platform::{Health, Instance, State};
use crate::settings::project_option;

/// The containers of a project.
#[derive(Debug, Serialize)]
pub struct PsResult {
    /// The project.
    pub project: String,
    /// Its instances, in the order of service name and number.
    pub instances: Vec<Instance>,
}

impl Render for PsResult {
    fn human(&self, paint: Paint) -> String {
        if self.instances.is_empty() {
            let project = project_option(&self.project);
            return format!(
                "project {} has no containers\n{}      playground{project} up",
                self.project,
                paint.bold("next")
            );
        }
        let rows: Vec<Vec<Cell>> = self.instances.iter().map(row).collect();
        lines(&rows, paint)
    }
}

fn row(instance: &Instance) -> Vec<Cell> {
    let ports = instance.ports.iter().map(|port| format!("{}:{} → {}", port.host, port.published, port.target));
    let cut_off = if instance.connected { plain("") } else { ("off the network".to_owned(), Tone::Bad) };
    vec![
        plain(instance.name()),
        state(instance),
        health(instance),
        plain(ports.collect::<Vec<_>>().join(", ")),
        cut_off,
    ]
}

fn state(instance: &Instance) -> Cell {
    match (instance.state, instance.exit_code) {
        (State::Running, _) => ("running".to_owned(), Tone::Good),
        (State::Paused, _) => ("paused".to_owned(), Tone::Doubtful),
        (State::Created, _) => ("never started".to_owned(), Tone::Doubtful),
        (State::Exited, Some(0)) => ("exited (0)".to_owned(), Tone::Dim),
        (State::Exited, Some(code)) => (format!("exited ({code})"), Tone::Bad),
        (State::Exited, None) => ("exited".to_owned(), Tone::Bad),
    }
}

fn health(instance: &Instance) -> Cell {
    match instance.health {
        Some(Health::Healthy) => ("healthy".to_owned(), Tone::Good),
        Some(Health::Starting) => ("starting".to_owned(), Tone::Doubtful),
        Some(Health::Unhealthy) => ("unhealthy".to_owned(), Tone::Bad),
        None => plain(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Port;

    fn instance(service: &str, state: State, exit_code: Option<i64>, health: Option<Health>) -> Instance {
        Instance {
            service: service.into(),
            number: 1,
            id: "abc".into(),
            host: String::new(),
            state,
            health,
            exit_code,
            ports: Vec::new(),
            connected: true,
            stage: None,
        }
    }

    #[test]
    fn a_line_an_instance() {
        let mut kafka = instance("kafka", State::Running, None, Some(Health::Healthy));
        kafka.ports = vec![Port { host: "127.0.0.1".into(), published: 9094, target: 9094 }];
        let mut taskmanager = instance("taskmanager", State::Running, None, Some(Health::Unhealthy));
        taskmanager.connected = false;
        let result = PsResult {
            project: "p".into(),
            instances: vec![
                instance("client", State::Exited, Some(0), None),
                instance("jobmanager", State::Exited, Some(137), None),
                kafka,
                taskmanager,
            ],
        };
        insta::assert_snapshot!(result.human(Paint::Plain), @r"
        client-1       exited (0)
        jobmanager-1   exited (137)
        kafka-1        running       healthy    127.0.0.1:9094 → 9094
        taskmanager-1  running       unhealthy                         off the network
        ");
    }

    #[test]
    fn an_empty_project_says_what_to_do() {
        let result = PsResult { project: "p".into(), instances: Vec::new() };
        assert_eq!(result.human(Paint::Plain), "project p has no containers\nnext      playground -p p up");
    }
}
