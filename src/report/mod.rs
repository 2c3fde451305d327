//! The only module that prints: results to standard output, progress and errors to standard error.
//!
//! A result is a value that implements [`Render`]; its page for people stands in a file of its own here, its JSON comes
//! from serde. Pages are pure: value in, text out.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::Output;
use crate::failure::Failure;
use crate::platform::Line;

pub mod backpressure;
mod columns;
pub mod doctor;
pub mod down;
pub mod emit;
pub mod generate;
pub mod images;
pub mod instances;
pub mod job;
pub mod judge;
pub mod ledger;
pub mod lines;
pub mod live;
pub mod log;
pub mod metric;
pub mod number;
pub mod operation;
pub mod plain;
pub mod progress;
pub mod ps;
pub mod scenario;
pub mod steps;
mod table;
pub mod tail;
pub mod up;
pub mod verify;
pub mod workload;

/// A result: `Serialize` is its JSON, `human` its page for people.
pub trait Render: Serialize {
    /// The page for people, ending without a line break.
    fn human(&self, paint: Paint) -> String;
}

/// Whether text may carry colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// No escape sequences at all.
    Plain,
    /// ANSI colours.
    Colour,
}

impl Paint {
    /// `NO_COLOR` and pipes mean plain.
    fn for_stream(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if terminal && !refused { Self::Colour } else { Self::Plain }
    }

    /// Wraps text in an ANSI style, as in `"1;32"` for bold green.
    fn with(self, style: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{style}m{text}\x1b[0m"),
        }
    }

    /// Bold green, for what is as it must be.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    /// Bold red, for what is wrong.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Bold yellow, for what is unknown or unfinished.
    #[must_use]
    pub fn doubtful(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// What matters less.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// What the eye should find.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
}

/// The two streams of this process.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    output: Output,
    /// Standard output's paint.
    result: Paint,
    /// Whether standard output is a terminal.
    watched: bool,
    /// Standard error's paint.
    pub progress: Paint,
    /// Whether standard error is a terminal, so that lines may be redrawn.
    pub live: bool,
}

/// A page as wide as standard output's terminal; as it is where there is none.
fn fitted(page: String) -> String {
    match console::Term::stdout().size_checked() {
        Some((_, width)) => columns::page(&page, usize::from(width)),
        None => page,
    }
}

/// How many characters wide standard error's terminal is; 80 for one that does not say.
fn progress_width() -> usize {
    usize::from(console::Term::stderr().size().1)
}

impl Terminal {
    /// The streams as they are, with the format that the user asked for.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let live = std::io::stderr().is_terminal();
        let watched = std::io::stdout().is_terminal();
        Self { output, result: Paint::for_stream(watched), watched, progress: Paint::for_stream(live), live }
    }

    /// Writes a result to standard output, in the format asked for.
    pub fn result(&self, value: &impl Render) -> Result<()> {
        let text = match self.output {
            Output::Human => fitted(value.human(self.result)),
            Output::Json => serde_json::to_string_pretty(value).context("write the result as JSON")?,
        };
        // Who does not read the result still gets its exit code.
        match self.line(&text) {
            Err(error) if matches!(error.downcast_ref(), Some(Failure::Closed)) => Ok(()),
            done => done,
        }
    }

    /// Whether results are JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Standard output's paint.
    #[must_use]
    pub fn paint(&self) -> Paint {
        self.result
    }

    /// Writes a line of a result that comes bit by bit.
    ///
    /// # Errors
    /// [`Failure::Closed`] when the reader has gone away: there is nobody left to go on for.
    pub fn line(&self, text: &str) -> Result<()> {
        Self::write(&if self.is_json() { plain::json(text) } else { plain::page(text, self.result) })
    }

    /// Writes what another program printed whose output is this command's own. Standard output is left as it is where a
    /// program reads it; people get control characters shown.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn passed_on(&self, line: &Line) -> Result<()> {
        match (line.stderr, self.watched) {
            (true, _) => self.progress(&plain::text(&line.text)),
            (false, true) => Self::write(&plain::text(&line.text))?,
            (false, false) => Self::write(&line.text)?,
        }
        Ok(())
    }

    fn write(text: &str) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed.into()),
            done => done.context("write to standard output"),
        }
    }

    /// Writes a line of progress to standard error; one that cannot be written is not worth ending for.
    pub fn progress(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", plain::page(text, self.progress));
    }

    /// Writes an error to standard error: what failed first, then what led there, one line each.
    pub fn error(&self, error: &anyhow::Error) {
        if matches!(error.downcast_ref(), Some(Failure::Closed)) {
            return;
        }
        let told = |error: &dyn std::fmt::Display| plain::text(&error.to_string()).into_owned();
        let mut lines = vec![format!("{} {}", self.progress.bad("error:"), told(error))];
        lines.extend(error.chain().skip(1).map(|cause| format!("  {}", told(&cause))));
        self.progress(&lines.join("\n"));
    }
}
