//! Lines that hold on to each other: each event is written with the hash of itself and of all before it, so that a line
//! that is changed, added, taken out or moved is noticed, and named.
//!
//! It guards against mistakes and tampering by hand, not against somebody who computes all hashes anew; for that the last
//! one stands in the verdict as well.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::Event;

/// What stands between an event and its hash. An event is a JSON object, so that the line is one as well.
const FIELD: &str = ",\"chain\":\"";
/// What stands behind the hash.
const CLOSE: &str = "\"}";

/// The hashes of the lines so far.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    last: String,
}

impl Chain {
    /// The hash of all lines so far, in hexadecimal digits; empty before the first.
    #[must_use]
    pub fn last(&self) -> &str {
        &self.last
    }

    /// The line of an event, without its end.
    pub fn line(&mut self, event: &Event) -> Result<String> {
        let json = serde_json::to_string(event).context("write an event as JSON")?;
        let body = json.strip_suffix('}').context("an event is a JSON object")?;
        self.last = hash(&self.last, body);
        Ok(format!("{body}{FIELD}{}{CLOSE}", self.last))
    }

    /// Reads a line that [`Chain::line`] wrote.
    ///
    /// # Errors
    /// When it is not what was written there, or cannot be read.
    pub fn read(&mut self, line: &str) -> Result<Event> {
        let (body, said) = line.rsplit_once(FIELD).context("it has no hash")?;
        let said = said.strip_suffix(CLOSE).context("it is cut off")?;
        let found = hash(&self.last, body);
        if said != found {
            bail!("it was changed after it was written, or a line before it is missing");
        }
        self.last = found;
        serde_json::from_str(&format!("{body}}}")).context("it is not an event that this version can read")
    }
}

/// Of all before, and of this.
fn hash(before: &str, body: &str) -> String {
    hex(&Sha256::new().chain_update(before).chain_update(body).finalize())
}

/// SHA-256 of some bytes, in hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::What;

    fn lines() -> Vec<String> {
        let mut chain = Chain::default();
        let event = |at| Event { at, what: What::Cluster { taskmanagers: 1, slots: 2 } };
        (0..4).map(|at| chain.line(&event(at)).unwrap()).collect()
    }

    fn first_wrong(lines: &[String]) -> Option<usize> {
        let mut chain = Chain::default();
        lines.iter().position(|line| chain.read(line).is_err())
    }

    #[test]
    fn a_line_is_json_with_its_hash() {
        let line: serde_json::Value = serde_json::from_str(&lines()[0]).unwrap();
        assert_eq!((&line["event"], line["chain"].as_str().map(str::len)), (&"cluster".into(), Some(64)));
    }

    #[test]
    fn what_was_written_is_read() {
        let mut chain = Chain::default();
        let at: Vec<i64> = lines().iter().map(|line| chain.read(line).unwrap().at).collect();
        assert_eq!(at, [0, 1, 2, 3]);
    }

    #[test]
    fn whatever_is_changed_is_noticed_where_it_was_changed() {
        assert_eq!(first_wrong(&lines()), None);
        let mut edited = lines();
        edited[2] = edited[2].replace("\"slots\":2", "\"slots\":3");
        assert_eq!(first_wrong(&edited), Some(2));
        let mut without = lines();
        without.remove(1);
        assert_eq!(first_wrong(&without), Some(1));
        let mut swapped = lines();
        swapped.swap(1, 2);
        assert_eq!(first_wrong(&swapped), Some(1));
        let mut cut = lines();
        let half = cut[3].len() / 2;
        cut[3].truncate(half);
        assert_eq!(first_wrong(&cut), Some(3));
    }
}
