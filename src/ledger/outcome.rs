//! Pass, unknown, fail.

use serde::{Deserialize, Serialize};

use crate::failure::Status;

/// Of several outcomes the worst wins: fail over unknown over pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything needed was observed, and is right.
    Pass,
    /// Too little was observed.
    Unknown,
    /// Something wrong was observed.
    Fail,
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
