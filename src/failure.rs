//! What ends a command early, as far as it chooses an exit code.
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
    /// The arguments, or a file that they name, make no sense.
    Usage,
    /// Not enough was seen to judge.
    Unknown,
    /// No Docker, a taken port, an image that cannot be built, a time limit.
    Environment,
    /// Ctrl-C or SIGTERM; everything was undone.
    Interrupted,
    /// As another program ended that was run in the user's name, as by `playground flink`.
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

/// An error that chooses its exit code. Its text is the whole message: what happened, to what, what to do next.
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
    /// The reader of standard output has gone away, as `head` does: a quiet end with exit code 0.
    #[error("nobody reads standard output any more")]
    Closed,
}

impl Status {
    /// The exit code that an error chooses.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<Failure>() {
            Some(Failure::Usage(_)) => Self::Usage,
            Some(Failure::Unknown(_)) => Self::Unknown,
            Some(Failure::Interrupted(_)) => Self::Interrupted,
            Some(Failure::Closed) => Self::Pass,
            None => Self::Environment,
        }
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
}
