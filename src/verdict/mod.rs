//! The judgement of a run, from what was observed alone.

use serde::{Deserialize, Serialize};

pub mod ledger;

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
