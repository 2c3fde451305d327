//! The pages of `playground up`: a line a part while it comes up, then where to go.

use serde::Serialize;

use super::{Paint, Render, columns, plain};
use crate::operation::up::{Part, Reached};
use crate::platform::PlatformNews;
use crate::settings::project_option;

/// A stack that is up.
#[derive(Debug, Serialize)]
pub struct UpResult {
    /// Its project.
    pub project: String,
    /// Flink's web UI and REST API.
    pub flink: String,
    /// The command that makes it reachable there; none where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_via: Option<String>,
    /// The broker, as `host:port`.
    pub kafka: String,
    /// The command that makes it reachable there; none where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_via: Option<String>,
    /// The options that keep its ports and JobManagers, where they are not the usual ones: what brings the stack up again needs
    /// them.
    #[serde(skip)]
    pub options: Vec<String>,
    /// The parts, in the order in which they were there.
    pub parts: Vec<Reached>,
}

impl Render for UpResult {
    fn human(&self, paint: Paint) -> String {
        let project = project_option(&self.project);
        let scenario = [&["scenario failover".to_owned()], &self.options[..]].concat().join(" ");
        let ways = [&self.flink_via, &self.kafka_via].map(|way| way.as_ref().map(|way| format!("\n  after  {way}")));
        let ways = ways.map(Option::unwrap_or_default);
        let next = ["tail output", &scenario, "down"].map(|command| format!("playground{project} {command}"));
        format!(
            "\n{}  {}      {}  {}{}\n{}      {}",
            paint.bold("Flink UI"),
            self.flink,
            paint.bold("Kafka"),
            self.kafka,
            ways.concat(),
            paint.bold("next"),
            next.join(" · ")
        )
    }
}

/// A part that is there, with its time at the right.
#[must_use]
pub fn reached(reached: &Reached, width: Option<usize>) -> String {
    line(reached.part.name(), &reached.seen, Some(reached.seconds), width)
}

/// A part that is not there yet.
#[must_use]
pub fn waiting(part: Part, seen: &str) -> String {
    line(part.name(), seen, None, None)
}

/// A job that is not as asked, and what is done about it.
#[must_use]
pub fn job(told: &str, width: Option<usize>) -> String {
    line("job", told, None, width)
}

/// An image that is being built.
#[must_use]
pub fn building(image: &str, step: &str) -> String {
    line("image", &format!("{image}  {step}"), None, None)
}

/// All images are there.
#[must_use]
pub fn images(all: usize, built: usize, width: Option<usize>) -> String {
    let text = match built {
        0 => format!("{all} cached"),
        built => format!("{all}, {built} built"),
    };
    line("images", &text, None, width)
}

/// What the platform did, if it is worth a line: images that were built, containers that were replaced.
#[must_use]
pub fn platform(progress: &PlatformNews, width: Option<usize>) -> Option<String> {
    match progress {
        PlatformNews::ImageReady { image, built: true } => Some(line("image", &format!("{image} built"), None, width)),
        PlatformNews::Operation { verb: "replace", object, cause, .. } => {
            Some(line("replaced", &format!("{object}: {cause}"), None, width))
        }
        PlatformNews::Operation { .. } | PlatformNews::Image { .. } | PlatformNews::ImageReady { .. } => None,
    }
}

fn line(name: &str, text: &str, seconds: Option<f64>, width: Option<usize>) -> String {
    let time = seconds.map_or_else(String::new, |seconds| format!("{seconds:.1} s"));
    columns::line(&format!("  {name:<12} "), &plain::text(text), &time, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_in_columns_with_their_time_at_the_right() {
        let part = |part, seen: &str, seconds| reached(&Reached { part, seen: seen.into(), seconds }, Some(80));
        let lines = [
            part(Part::Zookeeper, "ready", 1.94),
            part(Part::Job, "Click Event Count, 4 of 4 subtasks RUNNING", 11.62),
            waiting(Part::Checkpoint, "none complete"),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        zookeeper    ready                                                       1.9 s
        job          Click Event Count, 4 of 4 subtasks RUNNING                 11.6 s
        checkpoint   none complete
        ");
    }

    #[test]
    fn the_next_commands_name_the_project_when_it_is_not_the_usual_one() {
        let page = |project: &str| {
            let (project, flink, kafka) = (project.into(), "F".into(), "K".into());
            UpResult { project, flink, flink_via: None, kafka, kafka_via: None, options: vec![], parts: vec![] }
                .human(Paint::Plain)
        };
        assert!(
            page("playground")
                .ends_with("next      playground tail output · playground scenario failover · playground down")
        );
        assert!(page("ci").ends_with("playground -p ci down"));
    }
}
