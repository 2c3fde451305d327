//! Pass, unknown, fail.

use serde::{Deserialize, Serialize};

use crate::failure::Status;

/// Of several outcomes the worst wins: fail over unknown over pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything needed was observed, and is right.
    Pass,
    /// Too little was observed.
    #[default]
    Unknown,
    /// Something wrong was observed.
    Fail,
}

impl Outcome {
    /// As in `pass`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Unknown => Self::Unknown,
            Outcome::Fail => Self::Fail,
        }
    }
}
