//! A run's folder: the history as it happens, one JSON document a line, and the verdict at its end.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::Event;

/// A run's folder, open for writing.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    events: File,
}

impl Store {
    /// Makes `runs/2026-11-21T05-40-12-failover`, or the same with a number when two runs begin in one second.
    pub fn create(runs: &Path, scenario: &str, now: Timestamp) -> Result<Self> {
        std::fs::create_dir_all(runs).with_context(|| format!("make the folder {}", runs.display()))?;
        let folder = free_folder(runs, &format!("{}-{scenario}", now.strftime("%Y-%m-%dT%H-%M-%S")))?;
        let path = folder.join("events.jsonl");
        let events = OpenOptions::new().create_new(true).append(true).open(&path);
        Ok(Self { events: events.with_context(|| format!("make {}", path.display()))?, folder })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds an event in one write, so that a crash leaves whole lines.
    pub fn add(&mut self, event: &Event) -> Result<()> {
        let mut line = serde_json::to_vec(event).context("write an event as JSON")?;
        line.push(b'\n');
        self.events.write_all(&line).with_context(|| format!("write to {}", self.folder.display()))
    }

    /// Writes the verdict beside the events.
    pub fn verdict(&self, verdict: &impl Serialize) -> Result<()> {
        let path = self.folder.join("verdict.json");
        let json = serde_json::to_vec_pretty(verdict).context("write the verdict as JSON")?;
        std::fs::write(&path, json).with_context(|| format!("write {}", path.display()))
    }
}

/// Makes the first folder of `name`, `name-2`, `name-3`, … that does not exist.
fn free_folder(runs: &Path, name: &str) -> Result<PathBuf> {
    for number in 1.. {
        let folder = runs.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("make the folder {}", folder.display())),
        }
    }
    unreachable!("the numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::What;

    #[test]
    fn events_are_on_disk_line_by_line_and_read_back_the_same() {
        let runs = tempfile::tempdir().unwrap();
        let mut store = Store::create(runs.path(), "failover", Timestamp::UNIX_EPOCH).unwrap();
        let event = Event { at: 7, what: What::Cluster { taskmanagers: 1, slots: 2 } };
        store.add(&event).unwrap();
        store.add(&event).unwrap();
        let text = std::fs::read_to_string(store.folder().join("events.jsonl")).unwrap();
        let line = r#"{"at":7,"event":"cluster","taskmanagers":1,"slots":2}"#;
        assert_eq!(text, format!("{line}\n{line}\n"));
        assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
    }

    #[test]
    fn two_runs_of_one_second_have_folders_of_their_own() {
        let runs = tempfile::tempdir().unwrap();
        let first = Store::create(runs.path(), "x", Timestamp::UNIX_EPOCH).unwrap();
        let second = Store::create(runs.path(), "x", Timestamp::UNIX_EPOCH).unwrap();
        assert!(first.folder().ends_with("1970-01-01T00-00-00-x"));
        assert!(second.folder().ends_with("1970-01-01T00-00-00-x-2"));
    }
}
