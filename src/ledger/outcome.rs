//! Pass, unknown, fail.

use serde::{Deserialize, Serialize};

use crate::failure::Status;

/// Three-valued; of several the worst wins: fail over unknown over pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Seen, and right.
    Pass,
    /// Not enough was seen.
    Unknown,
    /// Seen, and wrong.
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
