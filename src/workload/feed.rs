//! What the generator writes into a workload's input.

use serde::{Deserialize, Serialize};

/// What the generator writes into the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Feed {
    /// A record's value, with placeholders.
    pub template: String,
    /// Partitions of the topic.
    #[serde(default = "one")]
    pub partitions: u32,
    /// Event time from one record of a partition to its next, in ms.
    pub every_ms: i64,
    /// The first record's event time is a multiple of it, so that a first window is whole; in ms.
    #[serde(default = "one_ms")]
    pub align_ms: i64,
    /// What pseudo-random values depend on.
    #[serde(default)]
    pub seed: u64,
    /// The template of a record's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

fn one() -> u32 {
    1
}

fn one_ms() -> i64 {
    1
}

impl Feed {
    /// What is wrong with it, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.template.is_empty() { Err("template is empty".to_owned()) } else { Ok(()) }
    }

    /// The words of `playground generate` that ask for it.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut words = vec!["--template".to_owned(), self.template.clone()];
        for (flag, value) in [
            ("--partitions", self.partitions.to_string()),
            ("--every", self.every_ms.to_string()),
            ("--align", self.align_ms.to_string()),
            ("--seed", self.seed.to_string()),
        ] {
            words.extend([flag.to_owned(), value]);
        }
        words.extend(self.key.iter().flat_map(|key| ["--key".to_owned(), key.clone()]));
        words
    }

    /// A record as it would be written.
    pub fn sample(&self) -> Result<String, String> {
        Ok(self
            .template
            .replace("{event-time}", "1604280262000")
            .replace("{seq}", "17")
            .replace("{each /help /index /shop /jobs /about /news}", "/help"))
    }
}
