//! The page of `playground doctor`.

use serde::Serialize;

use super::table::{Cell, Tone, lines, plain};
use super::{Paint, Render};

/// What this machine has and lacks.
#[derive(Debug, Serialize)]
pub struct DoctorResult {
    /// Whether nothing is missing.
    pub ok: bool,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it must be.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do, where it is not.
    pub advice: Option<String>,
}

impl Check {
    /// As it must be.
    pub fn good(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, found: found.into(), advice: None }
    }

    /// Not as it must be.
    pub fn bad(name: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, found: found.into(), advice: Some(advice.into()) }
    }
}

impl Render for DoctorResult {
    fn human(&self, paint: Paint) -> String {
        let rows: Vec<Vec<Cell>> = self.checks.iter().flat_map(rows).collect();
        lines(&rows, paint)
    }
}

fn rows(check: &Check) -> Vec<Vec<Cell>> {
    let mark = if check.ok { ("ok".to_owned(), Tone::Good) } else { ("no".to_owned(), Tone::Bad) };
    let mut rows = vec![vec![mark, plain(&check.name), plain(&check.found)]];
    rows.extend(check.advice.iter().map(|advice| vec![plain(""), plain(""), plain(advice)]));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_below_what_is_missing() {
        let checks = vec![
            Check::good("engine", "Docker 20.10"),
            Check::bad("port 8081", "taken by java (process 4123)", "playground up --rest-port 8082"),
        ];
        insta::assert_snapshot!(DoctorResult { ok: false, checks }.human(Paint::Plain), @r"
        ok  engine     Docker 20.10
        no  port 8081  taken by java (process 4123)
                       playground up --rest-port 8082
        ");
    }
}
