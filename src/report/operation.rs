//! The pages of the commands that operate: a line a part while it goes on, then what came of it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::table::{Cell, Tone, lines, plain};
use super::{Paint, Render, columns, plain as safe};
use crate::history::operated::{Operated, OperationEnd, Part};
use crate::operation::Via;
use crate::operation::marks::Left;
use crate::operation::plan::{Part as Planned, Plan};
use crate::operation::savepoint::Savepoint;
use crate::settings::project_option;

/// An operation that came to an end.
#[derive(Debug, Serialize)]
pub struct OperationPage {
    /// Whose stack.
    #[serde(skip)]
    pub project: String,
    /// What was done.
    #[serde(flatten)]
    pub done: Operated,
}

impl Render for OperationPage {
    fn human(&self, paint: Paint) -> String {
        let done = &self.done;
        let mut lines = vec![String::new(), summary(done, paint)];
        if let Some(job) = &done.job {
            lines.push(format!("job       {job}"));
        }
        if let Some(savepoint) = &done.savepoint {
            lines.push(format!("savepoint {savepoint}"));
        }
        if let Some(reason) = &done.reason {
            lines.push(format!("why       {}", safe::text(reason)));
        }
        let project = project_option(&self.project);
        let next = next(done).map(|command| format!("playground{project} {command}"));
        lines.push(format!("{}      {}", paint.bold("next"), next.join(" · ")));
        lines.join("\n")
    }
}

/// As in `upgrade   parallelism 3 in 1.3 s, of which the job was down 0.9 s`.
#[must_use]
pub fn summary(done: &Operated, paint: Paint) -> String {
    let name = format!("{:<9}", done.operation);
    let head = match done.outcome {
        OperationEnd::Done => format!("{} done", paint.good(&name)),
        OperationEnd::RolledBack => format!("{} rolled back: the old job is running again", paint.bad(&name)),
    };
    let mut line = format!("{head} in {:.1} s", done.seconds);
    if let Some(parallelism) = done.parallelism {
        let _ = write!(line, ", parallelism {parallelism}");
    }
    if let Some(downtime) = done.downtime {
        let _ = write!(line, ", down for {downtime:.2} s");
    }
    line
}

/// What one would type then.
fn next(done: &Operated) -> [String; 2] {
    let [first, second] = match (done.operation.as_str(), done.outcome) {
        ("stop", _) => ["submit --from-savepoint latest", "savepoint list"],
        ("cancel", _) => ["up", "jobs"],
        ("dispose", _) => ["savepoint list", "savepoint"],
        ("savepoint", _) => ["savepoint list", "upgrade --parallelism 3"],
        (_, OperationEnd::RolledBack) => ["job", "logs jobmanager"],
        _ => ["verify", "job"],
    };
    [first.to_owned(), second.to_owned()]
}

/// A part that is done, with its time at the right.
#[must_use]
pub fn part(part: &Part, width: Option<usize>) -> String {
    let seen = safe::text(&part.seen);
    columns::line(&format!("  {:<12} ", part.name), &seen, &format!("{:.1} s", part.seconds), width)
}

/// A request or command line, as it is sent.
#[must_use]
pub fn asked(line: &str, paint: Paint) -> String {
    format!("               {}", paint.dim(line))
}

/// A part that waits.
#[must_use]
pub fn waiting(part: &str, seen: &str, paint: Paint) -> String {
    format!("  {part:<12} {}", paint.dim(&safe::text(seen)))
}

/// What was found of an operation whose process was killed.
#[must_use]
pub fn left(left: &Left) -> String {
    let head = format!("found: {} ({}) was interrupted;", left.mark.by, left.mark.owner.name());
    match &left.advice {
        None => format!("{head} a job is running, so there is nothing to do"),
        Some(advice) => format!("{head} {advice}"),
    }
}

/// What an operation will do, each part as it will be carried out.
#[derive(Debug, Serialize)]
pub struct OperationPlan {
    operation: String,
    via: Via,
    parts: Vec<PlannedPart>,
    /// Instead of the rest, if a job that was started does not come up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roll_back: Vec<PlannedPart>,
}

/// A part that will be carried out.
#[derive(Debug, Serialize)]
struct PlannedPart {
    name: &'static str,
    cause: String,
    /// The request or command line; none of a part that only waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
}

impl OperationPlan {
    /// Of an operation with this title.
    #[must_use]
    pub fn of(title: String, plan: &Plan, via: Via) -> Self {
        let planned = |part: &Planned| PlannedPart { name: part.name, cause: part.cause.clone(), line: part.line(via) };
        let all = |parts: &[Planned]| parts.iter().map(planned).collect();
        Self { operation: title, via, parts: all(&plan.parts), roll_back: all(&plan.roll_back) }
    }
}

impl Render for OperationPlan {
    fn human(&self, paint: Paint) -> String {
        let shown = |(number, part): (usize, &PlannedPart)| {
            let head = format!("{number:>3}  {:<9} {}", part.name, paint.dim(&part.cause));
            [Some(head), part.line.as_ref().map(|line| format!("               {line}"))]
        };
        let mut lines = vec![Some(paint.bold(&self.operation))];
        lines.extend((1..).zip(&self.parts).flat_map(shown));
        if !self.roll_back.is_empty() {
            lines.push(Some("if the new job does not come up".to_owned()));
            lines.extend((self.parts.len() + 1..).zip(&self.roll_back).flat_map(shown));
        }
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

/// The savepoints on disk.
#[derive(Debug, Serialize)]
pub struct SavepointList {
    /// The newest first.
    pub savepoints: Vec<Savepoint>,
}

impl Render for SavepointList {
    fn human(&self, paint: Paint) -> String {
        if self.savepoints.is_empty() {
            return "there are no savepoints; playground savepoint takes one".to_owned();
        }
        let head = ["JOB", "TIME", "SIZE", "", "PATH"].map(|text| (text.to_owned(), Tone::Dim)).into();
        let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(self.savepoints.iter().map(row)).collect();
        lines(&rows, paint)
    }
}

fn row(savepoint: &Savepoint) -> Vec<Cell> {
    let time = savepoint.time_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let readable = match (&savepoint.problem, savepoint.readable) {
        (_, true) => ("readable".to_owned(), Tone::Good),
        (Some(problem), false) => (problem.clone(), Tone::Bad),
        (None, false) => ("not readable".to_owned(), Tone::Bad),
    };
    vec![
        plain(savepoint.job.clone().unwrap_or_else(|| "-".to_owned())),
        plain(time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())),
        plain(format!("{} B", savepoint.size_bytes)),
        readable,
        plain(savepoint.path.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded() -> Operated {
        Operated {
            operation: "upgrade".into(),
            outcome: OperationEnd::Done,
            reason: None,
            job: Some("8d1e".into()),
            savepoint: Some("file:/s".into()),
            parallelism: Some(3),
            downtime: Some(0.94),
            seconds: 5.31,
            parts: Vec::new(),
        }
    }

    #[test]
    fn an_upgrade_is_told_in_a_few_lines() {
        let page = OperationPage { project: "playground".into(), done: upgraded() };
        insta::assert_snapshot!(page.human(Paint::Plain).trim(), @r"
        upgrade   done in 5.3 s, parallelism 3, down for 0.94 s
        job       8d1e
        savepoint file:/s
        next      playground verify · playground job
        ");
    }

    #[test]
    fn a_roll_back_says_why() {
        let reason = Some("FAILED after 3 attempts: a.B: no".to_owned());
        let done = Operated { outcome: OperationEnd::RolledBack, reason, ..upgraded() };
        let page = OperationPage { project: "ci".into(), done }.human(Paint::Plain);
        assert!(page.contains("upgrade   rolled back: the old job is running again in 5.3 s"), "{page}");
        assert!(page.contains("why       FAILED after 3 attempts: a.B: no"), "{page}");
        assert!(page.ends_with("playground -p ci job · playground -p ci logs jobmanager"), "{page}");
    }

    #[test]
    fn savepoints_stand_in_columns_with_what_is_wrong() {
        let savepoint = |path: &str, readable, problem: Option<&str>| Savepoint {
            path: path.into(),
            job: Some("fb858e".into()),
            time_ms: Some(0),
            size_bytes: 9,
            readable,
            problem: problem.map(str::to_owned),
        };
        let savepoints =
            vec![savepoint("file:/a", true, None), savepoint("file:/b", false, Some("_metadata is missing"))];
        insta::assert_snapshot!(SavepointList { savepoints }.human(Paint::Plain), @r"
        JOB     TIME                     SIZE                        PATH
        fb858e  1970-01-01 00:00:00 UTC  9 B   readable              file:/a
        fb858e  1970-01-01 00:00:00 UTC  9 B   _metadata is missing  file:/b
        ");
    }
}
