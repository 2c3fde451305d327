//! Savepoints: taken while the job runs on, found on disk, disposed of.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::control::{Control, Via, run_in, shown};
use crate::failure::Failure;
use crate::flink::cli;
use crate::flink::job::Summary;
use crate::flink::savepoint::{self as api, Progress};
use crate::platform::Platform;
use crate::stack::hex;
use crate::wait::Seen;

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
        let text = "there is no savepoint that can be read\n  playground savepoint takes one; savepoint list shows what there is";
        Failure::Usage(text.to_owned()).into()
    })
}

/// An id of a job or of an asynchronous operation, as Flink wants them: 32 hexadecimal digits that no other has.
pub(super) fn id() -> String {
    let seed = format!("{} {:?}", std::process::id(), std::time::SystemTime::now());
    hex(&Sha256::digest(seed)[..16])
}

impl Control<'_> {
    /// Takes a savepoint; the job runs on. Returns where it is.
    pub async fn savepoint(&self, job: &Summary) -> Result<String> {
        self.must_run(&job.id).await?;
        let location = match self.via() {
            Via::Cli => {
                let command = cli::savepoint(&job.id);
                let asked = shown(&command);
                self.part("savepoint", Some(asked), async {
                    let printed = self.flink_command(&command).await?;
                    let location = cli::location(&printed).context("flink savepoint told no path")?;
                    Ok((location.clone(), location))
                })
                .await
            }
            Via::Rest => {
                let trigger = id();
                let request = api::take(&job.id, &trigger);
                self.part("savepoint", Some(request.to_string()), async {
                    let trigger = self.flink().trigger(&request).await?;
                    let location = self.location(&job.id, &trigger, "savepoint").await?;
                    Ok((location.clone(), location))
                })
                .await
            }
        };
        location.with_context(|| format!("no savepoint of {}; the job was left as it is", job.name))
    }

    /// Follows a trigger to the savepoint's location.
    pub(super) async fn location(&self, job: &str, trigger: &str, part: &str) -> Result<String> {
        let status = api::status(job, trigger);
        crate::wait::until("the savepoint", self.limit(), super::control::LOOK, async || {
            Ok(match self.flink().progress(&status).await? {
                Progress::Done(Some(location)) => Seen::Done(location),
                Progress::Done(None) => bail!("Flink told no path of the savepoint"),
                Progress::Failed(cause) => bail!("{cause}"),
                Progress::Under => {
                    self.waiting(part, "under way");
                    Seen::NotYet("under way".to_owned())
                }
            })
        })
        .await
    }

    /// Deletes a savepoint's files.
    pub async fn dispose(&self, path: &str) -> Result<()> {
        match self.via() {
            Via::Cli => {
                let command = cli::dispose(path);
                self.part("dispose", Some(shown(&command)), async {
                    self.flink_command(&command).await?;
                    Ok(((), "its files are gone".to_owned()))
                })
                .await
            }
            Via::Rest => {
                let request = api::dispose(path);
                self.part("dispose", Some(request.to_string()), async {
                    let trigger = self.flink().trigger(&request).await?;
                    let status = api::disposal_status(&trigger);
                    self.until("dispose", "the disposal", async || {
                        Ok(match self.flink().progress(&status).await? {
                            Progress::Done(_) => Seen::Done(()),
                            Progress::Failed(cause) => bail!("{cause}"),
                            Progress::Under => Seen::NotYet("under way".to_owned()),
                        })
                    })
                    .await?;
                    Ok(((), "its files are gone".to_owned()))
                })
                .await
            }
        }
        .with_context(|| format!("{path} is not disposed of\n  playground savepoint list shows what there is"))
    }

    /// Refuses a job that not every subtask of runs: it can give no savepoint.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a job that is over; another with the root cause for one that does not run now.
    pub(super) async fn must_run(&self, id: &str) -> Result<()> {
        let job = self.flink().job(id).await?;
        if job.is_running() {
            return Ok(());
        }
        let name = &job.name;
        if matches!(job.state.as_str(), "FINISHED" | "CANCELED" | "FAILED") {
            let text = format!(
                "{name} ({id}) is {} already\n  playground savepoint list shows where its state is; playground submit --from-savepoint PATH goes on with it",
                job.state
            );
            return Err(Failure::Usage(text).into());
        }
        let (running, all) = job.subtasks();
        let cause = self.flink().newest_cause(id).await?.map_or_else(String::new, |cause| format!(": {cause}"));
        bail!(
            "{name} is {}, {running} of {all} subtasks RUNNING{cause}\n  A savepoint needs all of them. playground job shows more; playground cancel ends the job without a savepoint",
            job.state
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_flink_takes_for_one() {
        let (one, other) = (id(), id());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_savepoint_is_of_the_job_whose_id_its_name_begins() {
        let json =
            r#"{"path":"file:/s/savepoint-fb858e-916b","job":"fb858e","time_ms":7,"size_bytes":9,"readable":true}"#;
        let savepoint: Savepoint = serde_json::from_str(json).unwrap();
        assert!(savepoint.is_of("fb858e6154c0a64bba96ca7a1dfcd613"));
        assert!(!savepoint.is_of("8d1edaa54f7200ce6111da80bea49558"));
    }
}
