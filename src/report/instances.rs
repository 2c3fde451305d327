//! The page of `playground kill` and `playground start`.

use serde::Serialize;

use super::{Paint, Render};

/// What was done to instances.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// The project.
    pub project: String,
    /// What was done, as in `killed`.
    pub done: &'static str,
    /// To whom, as in `taskmanager-1`.
    pub instances: Vec<String>,
    /// What undoes it or shows its effect.
    pub next: Vec<String>,
}

impl Render for Changed {
    fn human(&self, paint: Paint) -> String {
        let project = super::project_option(&self.project);
        let next = self.next.iter().map(|command| format!("playground{project} {command}")).collect::<Vec<_>>();
        let mut lines: Vec<String> = self.instances.iter().map(|name| format!("{:<9} {name}", self.done)).collect();
        lines.push(format!("{:<9} {}", paint.bold("next"), next.join(" · ")));
        lines.join("\n")
    }
}
