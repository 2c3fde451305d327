//! Errors that end a command with an exit code of their own.
//!
//! Most errors are plain [`anyhow`] errors and end with [`Status::Environment`]. A [`Failure`] anywhere in an error's
//! chain chooses another code.

use thiserror::Error;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done, or the verdict is pass.
    Pass,
    /// The verdict is fail.
    Fail,
    /// The arguments, or a file they name, are wrong.
    Usage,
    /// Too little was observed to judge.
    Unknown,
    /// No Docker, a port in use, a failed image build, a timeout.
    Environment,
    /// Ctrl-C or SIGTERM; everything was undone.
    Interrupted,
    /// The exit code of another program that ran on the user's behalf, as with `playground flink`.
    Command(u8),
}

impl Status {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Environment => 4,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

impl From<Status> for std::process::ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// An error with its own exit code. Its text is the whole message: what happened, to what, and what to do next.
#[derive(Debug, Error)]
pub enum Failure {
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Exit code 3.
    #[error("{0}")]
    Unknown(String),
    /// Exit code 130.
    #[error("{0}")]
    Interrupted(String),
    /// The reader of standard output has gone away, as `head` does: ends quietly with exit code 0.
    #[error("nobody is reading standard output any more")]
    Closed,
}

impl Status {
    /// The exit code that an error chooses.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(together) = error.downcast_ref::<Together>() {
            return together.status;
        }
        match error.downcast_ref::<Failure>() {
            Some(Failure::Usage(_)) => Self::Usage,
            Some(Failure::Unknown(_)) => Self::Unknown,
            Some(Failure::Interrupted(_)) => Self::Interrupted,
            Some(Failure::Closed) => Self::Pass,
            None => Self::Environment,
        }
    }
}

/// Several errors as one: the first, and what went wrong after it, as while it was cleaned up.
#[derive(Debug, Error)]
#[error("{text}")]
struct Together {
    text: String,
    status: Status,
}

/// An error with others added to it: it stays what is told first, and chooses the exit code.
#[must_use]
pub fn with(first: anyhow::Error, others: impl IntoIterator<Item = anyhow::Error>) -> anyhow::Error {
    let mut others = others.into_iter().peekable();
    // Alone it keeps its causes, each on a line of its own.
    if others.peek().is_none() {
        return first;
    }
    let also = others.map(|error| format!("also: {error:#}"));
    let text = std::iter::once(format!("{first:#}")).chain(also).collect::<Vec<_>>().join("\n  ");
    Together { status: Status::of(&first), text }.into()
}

/// All went well, or the first error with all others added to it.
///
/// # Errors
/// Where there is any.
pub fn together(results: impl IntoIterator<Item = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut errors = results.into_iter().filter_map(anyhow::Result::err);
    match errors.next() {
        Some(first) => Err(with(first, errors)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_failure_keeps_its_exit_code_under_context() {
        let error = Err::<(), _>(Failure::Usage("no scenario 'x'".into())).context("read the catalog").unwrap_err();
        assert_eq!(Status::of(&error), Status::Usage);
        assert_eq!(Status::of(&anyhow::anyhow!("no engine")), Status::Environment);
    }

    #[test]
    fn no_error_is_dropped_and_the_first_one_chooses_the_exit_code() {
        let interrupted = || anyhow::Error::from(Failure::Interrupted("interrupted".into())).context("stop");
        let all = together([Ok(()), Err(interrupted()), Ok(()), Err(anyhow::anyhow!("full").context("note"))]);
        let all = all.unwrap_err().context("run");
        assert_eq!(format!("{all:#}"), "run: stop: interrupted\n  also: note: full");
        assert_eq!(Status::of(&all), Status::Interrupted);
        assert_eq!(together([Err(interrupted())]).unwrap_err().chain().count(), 2);
        assert!(together([Ok(()), Ok(())]).is_ok());
    }
}
