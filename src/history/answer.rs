//! What a workload's own program said of a run.

use serde::{Deserialize, Serialize};

use crate::ledger::Outcome;

/// The answer of a program, or why there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The program as it was written, as in `./judge.py --strict`.
    pub program: String,
    /// What it found; unknown, where it gave no answer.
    pub verdict: Outcome,
    /// How many records it has judged, by its own count.
    pub judged: u64,
    /// Why, in its own words.
    pub reasons: Vec<String>,
    /// The first that it found wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counterexamples: Vec<Said>,
    /// How many it named.
    pub counterexamples_total: u64,
    /// Why there is no answer, as in `exited with code 1`; none where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a program found wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// What it is about, as in a record's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is wrong, in its own words.
    pub what: String,
}

impl Answer {
    /// That a program gave none.
    #[must_use]
    pub fn none(program: String, problem: String) -> Self {
        Self { program, problem: Some(problem), ..Self::default() }
    }

    /// Its reasons, quoted as its own words.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.reasons.iter().map(|reason| format!("{} says: {reason}", self.program))
    }
}
