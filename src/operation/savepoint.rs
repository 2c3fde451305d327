//! Savepoints on the stack's disk, as Flink's own code reads them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::exec::{run_in, shown};
use crate::failure::Failure;
use crate::platform::Platform;

/// Where savepoints lie in every container of Flink.
const FOLDER: &str = "/flink-data/savepoints";
/// How long reading them may take.
const READING: Duration = Duration::from_mins(1);
/// Reads them with Flink's own code; in the image.
const READER: &str = "read-savepoints";

/// A savepoint on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savepoint {
    /// As Flink names it.
    pub path: String,
    /// The first digits of the id of the job that it is of, where its name says so.
    pub job: Option<String>,
    /// When it was complete, ms since the epoch.
    pub time_ms: Option<i64>,
    /// All its files, in bytes.
    pub size_bytes: u64,
    /// Whether its metadata can be read, and all files are there that it names.
    pub readable: bool,
    /// Why not.
    #[serde(default)]
    pub problem: Option<String>,
}

impl Savepoint {
    /// Whether its name says that it is of this job.
    #[must_use]
    pub fn is_of(&self, job: &str) -> bool {
        self.job.as_ref().is_some_and(|digits| job.starts_with(digits.as_str()))
    }
}

/// The savepoints on the stack's disk, the newest first.
pub async fn on_disk(platform: &Platform) -> Result<Vec<Savepoint>> {
    let command = [READER.to_owned(), FOLDER.to_owned()];
    let (code, printed) = run_in(platform, "jobmanager", &command, READING).await?;
    if code != 0 {
        bail!("{}: exit code {code}: {}", shown(&command), printed.all.trim());
    }
    let mut savepoints: Vec<Savepoint> =
        serde_json::from_str(&printed.stdout).with_context(|| format!("{}: unexpected answer", shown(&command)))?;
    savepoints.sort_by_key(|savepoint| std::cmp::Reverse(savepoint.time_ms));
    Ok(savepoints)
}

/// The newest savepoint that can be read, of one job or of any.
pub async fn latest(platform: &Platform, job: Option<&str>) -> Result<Savepoint> {
    let all = on_disk(platform).await?;
    let mut candidates = all.into_iter().filter(|savepoint| job.is_none_or(|job| savepoint.is_of(job)));
    candidates.find(|savepoint| savepoint.readable).ok_or_else(|| {
        let text =
            "there is no readable savepoint\n  playground savepoint takes one; savepoint list shows what there is";
        Failure::Usage(text.to_owned()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_is_of_the_job_whose_id_its_name_begins() {
        let json =
            r#"{"path":"file:/s/savepoint-fb858e-916b","job":"fb858e","time_ms":7,"size_bytes":9,"readable":true}"#;
        let savepoint: Savepoint = serde_json::from_str(json).unwrap();
        assert!(savepoint.is_of("fb858e6154c0a64bba96ca7a1dfcd613"));
        assert!(!savepoint.is_of("8d1edaa54f7200ce6111da80bea49558"));
    }
}
