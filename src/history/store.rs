//! A run's folder: the plan, the history as it happens, one JSON document a line, and the verdict at its end.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::Event;
use super::chain::{Chain, digest};
use super::recorded::seal;

/// The plan that is run.
pub const PLAN: &str = "plan.json";
/// The events, a line each.
pub const EVENTS: &str = "events.jsonl";
/// What was judged of them.
pub const VERDICT: &str = "verdict.json";

/// A run's folder, open for writing.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    events: File,
    chain: Chain,
    written: u64,
}

impl Store {
    /// Makes `runs/2026-11-21T05-40-12-failover`, or the same with a number when two runs begin in one second.
    pub fn create(runs: &Path, scenario: &str, now: Timestamp) -> Result<Self> {
        std::fs::create_dir_all(runs).with_context(|| format!("create the folder {}", runs.display()))?;
        let folder = free_folder(runs, &format!("{}-{scenario}", now.strftime("%Y-%m-%dT%H-%M-%S")))?;
        let path = folder.join(EVENTS);
        let events = OpenOptions::new().create_new(true).append(true).open(&path);
        let events = events.with_context(|| format!("create {}", path.display()))?;
        Ok(Self { folder, events, chain: Chain::default(), written: 0 })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many events were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes the plan, and returns its hash, which belongs into the run's head.
    pub fn plan(&self, plan: &impl Serialize) -> Result<String> {
        let json = serde_json::to_vec_pretty(plan).context("write the plan as JSON")?;
        self.write(PLAN, &json)?;
        Ok(digest(&json))
    }

    /// Adds an event in one write, so that a crash leaves whole lines.
    pub fn add(&mut self, event: &Event) -> Result<()> {
        let mut line = self.chain.line(event)?;
        line.push('\n');
        self.written += 1;
        self.events.write_all(line.as_bytes()).with_context(|| format!("write to {}", self.folder.display()))
    }

    /// Writes the verdict beside the events, sealed together with them.
    pub fn verdict(&self, verdict: &impl Serialize) -> Result<()> {
        let mut verdict = serde_json::to_value(verdict).context("write the verdict as JSON")?;
        verdict["seal"] = seal(self.chain.last(), &verdict).into();
        self.write(VERDICT, &serde_json::to_vec_pretty(&verdict).context("write the verdict as JSON")?)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
    }
}

/// Makes the first folder of `name`, `name-2`, `name-3`, … that does not exist.
fn free_folder(runs: &Path, name: &str) -> Result<PathBuf> {
    for number in 1.. {
        let folder = runs.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("create the folder {}", folder.display())),
        }
    }
    unreachable!("the numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::What;
    use crate::history::recorded::Recorded;

    #[test]
    fn events_are_on_disk_line_by_line_and_read_back_the_same() {
        let runs = tempfile::tempdir().unwrap();
        let mut store = Store::create(runs.path(), "failover", Timestamp::UNIX_EPOCH).unwrap();
        let event = Event { at: 7, what: What::Cluster { taskmanagers: 1, slots: 2 } };
        store.add(&event).unwrap();
        store.add(&event).unwrap();
        assert!(store.folder().ends_with("1970-01-01T00-00-00-failover"));
        assert_eq!(store.written(), 2);
        let recorded = Recorded::open(store.folder()).unwrap();
        assert_eq!((recorded.events, recorded.broken), (vec![event.clone(), event], None));
    }

    #[test]
    fn a_verdict_that_is_changed_is_noticed() {
        let runs = tempfile::tempdir().unwrap();
        let store = Store::create(runs.path(), "failover", Timestamp::UNIX_EPOCH).unwrap();
        store.verdict(&serde_json::json!({"verdict": "fail", "seconds": 0.1})).unwrap();
        let broken = || Recorded::open(store.folder()).unwrap().broken;
        assert_eq!(broken(), None);
        let path = store.folder().join(VERDICT);
        let edited = std::fs::read_to_string(&path).unwrap().replace("fail", "pass");
        std::fs::write(&path, edited).unwrap();
        assert!(broken().unwrap().starts_with("verdict.json was changed"));
    }

    #[test]
    fn two_runs_of_one_second_get_folders_of_their_own() {
        let runs = tempfile::tempdir().unwrap();
        let folder = || Store::create(runs.path(), "x", Timestamp::UNIX_EPOCH).unwrap().folder().to_owned();
        assert_ne!(folder(), folder());
    }
}
