//! The page of `playground kill` and `playground start`.

use serde::Serialize;

use super::{Paint, Render};
use crate::settings::project_option;

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
        let project = project_option(&self.project);
        let next = self.next.iter().map(|command| format!("playground{project} {command}")).collect::<Vec<_>>();
        let mut lines: Vec<String> = self.instances.iter().map(|name| format!("{:<9} {name}", self.done)).collect();
        lines.push(format!("{:<9} {}", paint.bold("next"), next.join(" · ")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_and_what_undoes_it() {
        let result = Changed {
            project: "playground".into(),
            done: "killed",
            instances: vec!["taskmanager-1".into(), "taskmanager-2".into()],
            next: vec!["start taskmanager".into(), "ps".into()],
        };
        insta::assert_snapshot!(result.human(Paint::Plain), @r"
        killed    taskmanager-1
        killed    taskmanager-2
        next      playground start taskmanager · playground ps
        ");
    }
}
