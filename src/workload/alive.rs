//! A file whose date says that the broker takes our records, for a health check that looks at it.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};

/// Touches a file, at most once a second, while acknowledgements arrive.
#[derive(Debug)]
pub struct Alive {
    file: PathBuf,
    acknowledged: u64,
    touched: Option<Instant>,
}

impl Alive {
    /// Nothing is touched until the first acknowledgement.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self { file, acknowledged: 0, touched: None }
    }

    /// Takes note of how many records are acknowledged by now.
    pub fn acknowledged(&mut self, records: u64) -> Result<()> {
        let recently = self.touched.is_some_and(|at| at.elapsed() < Duration::from_secs(1));
        if records == self.acknowledged || recently {
            return Ok(());
        }
        self.acknowledged = records;
        self.touched = Some(Instant::now());
        let touch = |file: File| file.set_modified(SystemTime::now());
        let opened = File::options().create(true).append(true).open(&self.file);
        opened.and_then(touch).with_context(|| format!("touch {} (--alive)", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_touches_on_new_acknowledgements_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let mut alive = Alive::new(file.clone());
        alive.acknowledged(0).unwrap();
        assert!(!file.exists());
        alive.acknowledged(7).unwrap();
        assert!(file.exists());

        std::fs::remove_file(&file).unwrap();
        alive.acknowledged(9).unwrap();
        assert!(!file.exists(), "within the same second");
        alive.touched = None;
        alive.acknowledged(7).unwrap();
        assert!(!file.exists(), "nothing new");
    }

    #[test]
    fn a_file_that_cannot_be_touched_is_named() {
        let error = Alive::new("/nowhere/alive".into()).acknowledged(1).unwrap_err();
        assert_eq!(error.to_string(), "touch /nowhere/alive (--alive)");
    }
}
