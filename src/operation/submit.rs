//! Submitting a job: which jar, with which arguments, from which savepoint; and waiting until it is up.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::control::{Control, now};
use crate::failure::Failure;
use crate::flink::Flink;
use crate::flink::jar::{self, Jar, Run};
use crate::flink::job::{Job, Submitted};
use crate::flink::request::{is_away, refused};
use crate::stack::hex;
use crate::wait::Seen;

/// So many exceptions after its start show that a job does not come up by itself.
const ATTEMPTS: usize = 3;

/// A job that has run so long, in ms, is up, whether its first checkpoint is complete or not.
const SETTLED_MS: i64 = 3_000;

/// Digits of a jar's hash in the name of its upload.
const HASH_DIGITS: usize = 12;

/// The global parameter under which a job tells the jar that it came from.
const JAR: &str = "jar";

/// Which jar to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JarChoice {
    /// A file, uploaded unless it is already.
    File(std::path::PathBuf),
    /// An uploaded one, by its file name or what stands before its content's hash.
    Uploaded(String),
}

impl JarChoice {
    /// What a user means by a name: a file that is there, or else the name of an uploaded jar.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if Path::new(name).exists() || name.contains('/') {
            Self::File(name.into())
        } else {
            Self::Uploaded(name.to_owned())
        }
    }
}

/// What a job was submitted as, so that it can be submitted again.
///
/// # Errors
/// A job that does not tell the jar that it came from.
pub async fn origin(flink: &Flink, id: &str) -> Result<Run> {
    let (Submitted { parallelism, parameters }, job) = tokio::try_join!(flink.submitted(id), flink.job(id))?;
    let named = parameters.get(JAR).filter(|jar| !jar.is_empty());
    let named = named.with_context(|| {
        format!(
            "{} does not tell which jar it came from (a global parameter `{JAR}`), so it could not be rolled back\n  \
                 playground stop, then playground submit --jar FILE --from-savepoint latest",
            job.name
        )
    })?;
    let jar = uploaded_as(&flink.jars().await?, named).with_context(|| {
        format!("the jar {named} that {} came from is not uploaded any more; --jar FILE names one", job.name)
    })?;
    // Under the adaptive scheduler it may have been rescaled since.
    let parallelism = if job.vertices.is_empty() { parallelism } else { job.parallelism() };
    Ok(Run { jar, parallelism, arguments: arguments(&parameters), savepoint: None, allow_non_restored_state: false })
}

/// The id of the upload that a job came from: itself, or the newest of the same file.
fn uploaded_as(jars: &[Jar], named: &str) -> Option<String> {
    let by_id = jars.iter().find(|jar| jar.id == named);
    by_id.or_else(|| uploaded(jars, named.strip_suffix(".jar").unwrap_or(named))).map(|jar| jar.id.clone())
}

/// The newest upload of a name: the whole one, or all before its content's hash.
fn uploaded<'a>(jars: &'a [Jar], name: &str) -> Option<&'a Jar> {
    let is_hash = |rest: &str| rest.len() == HASH_DIGITS && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_meant = |jar: &&Jar| {
        let rest = jar.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".jar"));
        jar.id == name || jar.name == name || rest.is_some_and(is_hash)
    };
    jars.iter().find(is_meant)
}

/// A job's arguments, out of the parameters that it published.
fn arguments(parameters: &BTreeMap<String, String>) -> Vec<String> {
    let own = parameters.iter().filter(|(name, _)| name.as_str() != JAR);
    own.flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect()
}

/// How a submitted job came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CameUp {
    /// Every subtask processes records since this time, ms since the epoch, by Flink's clock.
    Well { since: i64, seen: String },
    /// It will not come up, or did not in time.
    Not(String),
}

impl Control<'_> {
    /// The id of the jar that is meant, after its upload where it has to be.
    ///
    /// # Errors
    /// [`Failure::Usage`] for what is no jar, or a name that no upload has.
    pub async fn jar(&self, choice: &JarChoice) -> Result<String> {
        let there = self.flink().jars().await?;
        match choice {
            JarChoice::Uploaded(name) => match uploaded(&there, name) {
                Some(jar) => Ok(jar.id.clone()),
                None => Err(no_such_upload(name, &there)),
            },
            JarChoice::File(file) => {
                let content = read_jar(file)?;
                let name = upload_name(file, &content);
                if let Some(jar) = there.iter().find(|jar| jar.name == name) {
                    return Ok(jar.id.clone());
                }
                let asked = format!("POST /jars/upload ({name})");
                let size = content.len();
                self.part("upload", Some(asked), async {
                    let id = self.flink().upload(&name, content).await?;
                    Ok((id.clone(), format!("{size} bytes as {id}")))
                })
                .await
            }
        }
    }

    /// Plans a job without running it: its `main` is called, up to where it would submit.
    ///
    /// # Errors
    /// [`Failure::Usage`] with what it throws, or with what is wrong with its jar.
    pub(super) async fn plan(&self, run: &Run) -> Result<()> {
        let request = jar::plan(run);
        self.part("plan", Some(request.to_string()), async {
            self.flink().plan(&request).await.map_err(|error| match refused(&error) {
                Some(refused) if !is_away(&error) => {
                    anyhow!(Failure::Usage(format!("the new job makes no plan: {}", refused.reason)))
                }
                _ => error,
            })?;
            Ok(((), "the job's main gives a job".to_owned()))
        })
        .await
    }

    /// Waits until a job is up: every subtask processes records and, where it takes checkpoints, the first is complete.
    pub(super) async fn comes_up(&self, id: &str) -> Result<CameUp> {
        let waited = self
            .part("running", None, async {
                let waited = self.until("running", "every subtask RUNNING", async || self.look_up(id).await).await;
                let waited = match waited {
                    Ok(came) => came,
                    Err(error) => CameUp::Not(format!("{error:#}")),
                };
                let seen = match &waited {
                    CameUp::Well { seen, .. } => seen.clone(),
                    CameUp::Not(cause) => format!("not: {cause}"),
                };
                Ok((waited, seen))
            })
            .await?;
        Ok(waited)
    }

    async fn look_up(&self, id: &str) -> Result<Seen<CameUp>> {
        let job = self.flink().job(id).await?;
        let cause = self.flink().newest_cause(id).await?;
        let attempts = self.flink().exceptions(id).await?.len();
        if job.state == "FAILED" || attempts >= ATTEMPTS {
            let cause = cause.unwrap_or_else(|| "Flink tells no cause".to_owned());
            return Ok(Seen::Done(CameUp::Not(format!("{} after {attempts} attempts: {cause}", job.state))));
        }
        let Some(since) = self.flink().running_since(&job).await?.filter(|_| job.is_running()) else {
            return Ok(Seen::NotYet(self.progress(&job, cause).await?));
        };
        let seen = format!("{} of {} subtasks, parallelism {}", job.subtasks().0, job.subtasks().1, job.parallelism());
        // A job that takes its state along but throws at the first record has run for a moment, too.
        let settled = now() - since > SETTLED_MS || self.flink().checkpoints(id).await?.counts.completed > 0;
        if !settled {
            return Ok(Seen::NotYet(format!("{seen}; first checkpoint not complete yet")));
        }
        Ok(Seen::Done(CameUp::Well { since, seen }))
    }

    /// What a job that is not up yet waits for.
    async fn progress(&self, job: &Job, cause: Option<String>) -> Result<String> {
        let (running, all) = job.subtasks();
        let waiting = job.vertices.iter().map(|vertex| vertex.tasks.scheduled).max().unwrap_or_default();
        let mut seen = format!("{running} of {all} subtasks RUNNING");
        if waiting > 0 {
            let free = self.flink().overview().await?.slots_available;
            let missing = job.parallelism().saturating_sub(free);
            if missing > 0 {
                seen = format!("waits for slots: {missing} of {} missing", job.parallelism());
            }
        }
        Ok(cause.map_or(seen.clone(), |cause| format!("{seen}; {cause}")))
    }
}

/// A jar's content.
fn read_jar(file: &Path) -> Result<Vec<u8>> {
    let refuse = |why: String| {
        anyhow!(Failure::Usage(format!(
            "{}: {why}\n  --jar takes a jar file, or the name of one that is uploaded",
            file.display()
        )))
    };
    let content = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    // The signature of a ZIP file, which a jar is.
    if !content.starts_with(b"PK\x03\x04") {
        return Err(refuse("not a jar".to_owned()));
    }
    Ok(content)
}

/// The name that a jar is uploaded under: its content is part of it, so that the same one is not uploaded twice.
fn upload_name(file: &Path, content: &[u8]) -> String {
    let stem = file.file_stem().map_or_else(|| "job".into(), |stem| stem.to_string_lossy());
    let hash = hex(&Sha256::digest(content)[..HASH_DIGITS / 2]);
    format!("{stem}-{hash}.jar")
}

fn no_such_upload(name: &str, there: &[Jar]) -> anyhow::Error {
    let list: Vec<&str> = there.iter().map(|jar| jar.name.as_str()).collect();
    let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    anyhow!(Failure::Usage(format!("there is no file {name}, and no upload of that name; uploaded are: {list}")))
}

/// What Flink says when it does not take a job, with what to do about it.
pub(super) fn explained(error: anyhow::Error, run: &Run) -> anyhow::Error {
    let said = format!("{error:#}");
    let savepoint = run.savepoint.as_deref().unwrap_or_default();
    let advice = if said.contains("Cannot find checkpoint or savepoint") || said.contains("Cannot find meta data file")
    {
        "playground savepoint list shows what there is"
    } else if said.contains("--allowNonRestoredState") || said.contains("allowNonRestoredState") {
        "it is of another job, or of another version of it; --allow-non-restored-state leaves behind what does not fit"
    } else if said.contains("max parallelism") || said.contains("maximum parallelism") {
        "a savepoint fixes the maximum parallelism; take a smaller --parallelism"
    } else if said.contains("Could not deserialize")
        || said.contains("Corrupt")
        || said.contains("corrupt")
        || said.contains("EOFException")
    {
        "it is damaged; playground savepoint list shows which can be read"
    } else {
        return error.context("Flink did not take the job");
    };
    let about = if savepoint.is_empty() { String::new() } else { format!(" from {savepoint}") };
    error.context(format!("Flink did not take the job{about}\n  {advice}"))
}

impl Control<'_> {
    /// Submits a job and waits until it is up.
    ///
    /// # Errors
    /// Why it did not come up, with the job left as it is: one that waits for slots runs once they are there.
    pub async fn submit(&self, run: &Run) -> Result<String> {
        let id = self.run(run).await?;
        match self.comes_up(&id).await? {
            CameUp::Well { .. } => Ok(id),
            CameUp::Not(_) if self.is_interrupted() => bail!(Failure::Interrupted(format!(
                "interrupted: job {id} is submitted\n  playground job {id} shows how it is; playground cancel {id} ends it"
            ))),
            CameUp::Not(why) => bail!(
                "job {id} is submitted, but not up: {why}\n  playground job {id} shows how it is; playground cancel {id} ends it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(id: &str, name: &str) -> Jar {
        Jar { id: id.into(), name: name.into(), uploaded: 0 }
    }

    #[test]
    fn the_jar_that_a_job_came_from_is_found_by_id_or_by_name() {
        let jars = [jar("2", "c-2-0123456789ab.jar"), jar("1", "c-0123456789ab.jar")];
        assert_eq!(uploaded_as(&jars, "1").as_deref(), Some("1"));
        assert_eq!(uploaded_as(&jars, "c.jar").as_deref(), Some("1"));
        assert_eq!(uploaded_as(&jars, "c-2").as_deref(), Some("2"));
        assert_eq!(uploaded_as(&jars, "other.jar"), None);
    }

    #[test]
    fn arguments_are_what_the_job_published_but_its_jar() {
        let parameters = [("jar", "7_a.jar"), ("event-time", "true")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(arguments(&parameters), ["--event-time", "true"]);
    }

    #[test]
    fn an_upload_is_named_by_its_content() {
        let name = |content: &[u8]| upload_name(Path::new("x/job.jar"), content);
        assert_eq!(name(b"a"), name(b"a"));
        assert_ne!(name(b"a"), name(b"b"));
        assert_eq!(name(b"a"), "job-ca978112ca1b.jar");
    }

    #[test]
    fn what_is_no_jar_is_refused_before_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jar");
        std::fs::write(&file, "text").unwrap();
        let error = read_jar(&file).unwrap_err();
        assert_eq!(crate::failure::Status::of(&error), crate::failure::Status::Usage);
        assert!(error.to_string().contains("not a jar"), "{error}");
        assert!(read_jar(&folder.path().join("none.jar")).is_err());
    }
}
