//! The page of `playground down`.

use serde::Serialize;

use super::{Paint, Render};
use crate::settings::project_option;

/// What was removed.
#[derive(Debug, Serialize)]
pub struct DownResult {
    /// The project.
    pub project: String,
    /// Removed objects, as in `kafka-1`, `network playground_default`.
    pub removed: Vec<String>,
    /// Volumes that were kept, with the data in them.
    pub kept: Vec<String>,
    /// Objects with the project's name that the playground did not create, as in `container web-1`: left alone.
    pub foreign: Vec<String>,
}

impl Render for DownResult {
    fn human(&self, paint: Paint) -> String {
        let mut lines: Vec<String> = self.removed.iter().map(|name| format!("removed   {name}")).collect();
        if lines.is_empty() && self.kept.is_empty() {
            lines.push(format!("project {} has no containers, networks or volumes", self.project));
        }
        for name in &self.foreign {
            lines.push(format!("left      {name}: not created by the playground, so not removed"));
        }
        if !self.kept.is_empty() {
            lines.push(format!("kept      {}", self.kept.join(", ")));
            let project = project_option(&self.project);
            lines.push(format!(
                "{}      playground{project} up · playground{project} down --volumes",
                paint.bold("next")
            ));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_and_what_stays() {
        let result = DownResult {
            project: "ci".into(),
            removed: vec!["kafka-1".into(), "network ci_default".into()],
            kept: vec!["ci_kafka-data".into()],
            foreign: vec!["container ci-web-1".into()],
        };
        insta::assert_snapshot!(result.human(Paint::Plain), @r"
        removed   kafka-1
        removed   network ci_default
        left      container ci-web-1: not created by the playground, so not removed
        kept      ci_kafka-data
        next      playground -p ci up · playground -p ci down --volumes
        ");
        let nothing = DownResult { project: "ci".into(), removed: Vec::new(), kept: Vec::new(), foreign: Vec::new() };
        assert_eq!(nothing.human(Paint::Plain), "project ci has no containers, networks or volumes");
    }
}
