//! Upgrade: stop with a savepoint, start from it as something else; and back to what it was when that does not come up.
//!
//! All that can be found out before is found out before: the job runs, its jar is known, the new one is uploaded, the slots
//! are there. From the stop on, every way out leaves a job running, or says where its state is.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::control::{Control, seconds};
use super::start::InDoubt;
use super::stop::Stopped;
use super::submit::{CameUp, JarChoice, origin};
use crate::failure::Failure;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::flink::request::is_away;
use crate::history::operated::{Operated, Outcome};

/// What a job is to become; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Subtasks of each vertex.
    pub parallelism: Option<u32>,
    /// Another jar.
    pub jar: Option<JarChoice>,
    /// Other arguments, all of them.
    pub arguments: Option<Vec<String>>,
    /// Arguments behind those that it has.
    pub more_arguments: Vec<String>,
    /// Whether state of operators that the new job does not have is left behind.
    pub allow_non_restored_state: bool,
    /// Whether TaskManagers may be added when slots are missing.
    pub scale: bool,
}

/// How a job that was run came up.
enum BroughtUp {
    Well { id: String, since: i64 },
    Not(String),
}

impl Control<'_> {
    /// Upgrades a job.
    ///
    /// # Errors
    /// With the job as it was, before it was stopped; after that, where its state is.
    pub async fn upgrade(&self, job: &Summary, to: &Upgrade) -> Result<Operated> {
        self.must_run(&job.id).await?;
        let old = origin(self.flink(), &job.id).await?;
        let new = self.becomes(&old, to).await?;
        self.plan(&new).await.with_context(|| format!("{} was not upgraded: it runs on as it was", job.name))?;
        self.room_or_savepoint(job, new.parallelism, to.scale).await?;
        if self.is_interrupted() {
            bail!(Failure::Interrupted("interrupted: the job runs on as it was".to_owned()));
        }
        let stopped = self.stop(job, false).await?;
        let begun = Run { savepoint: Some(stopped.savepoint.clone()), ..new };
        self.start_or_roll_back(&stopped, &begun, old).await.with_context(|| {
            let savepoint = &stopped.savepoint;
            format!(
                "{} is stopped; its state is in {savepoint}\n  \
                 playground jobs shows whether another runs; playground submit --from-savepoint {savepoint} goes on with it",
                job.name
            )
        })
    }

    /// Starts the new job, or else the old one again.
    async fn start_or_roll_back(&self, stopped: &Stopped, new: &Run, old: Run) -> Result<Operated> {
        let why = match self.bring_up(new).await? {
            BroughtUp::Well { id, since } => return Ok(self.upgraded(stopped, &id, since, new.parallelism)),
            BroughtUp::Not(why) => why,
        };
        // The old job is brought back whatever the user does now.
        self.heed_no_interruption();
        let savepoint = &stopped.savepoint;
        self.part("roll back", None, async { Ok(((), format!("to the old job, from {savepoint}"))) }).await?;
        let back = Run { savepoint: Some(savepoint.clone()), ..old };
        let id = self.run(&back).await.with_context(|| format!("the new job did not come up ({why})"))?;
        match self.comes_up(&id).await? {
            CameUp::Well { since, .. } => {
                let done = self.upgraded(stopped, &id, since, back.parallelism);
                Ok(Operated { outcome: Outcome::RolledBack, reason: Some(why), ..done })
            }
            // Not ended: it may only be slow, or wait for slots.
            CameUp::Not(also) => bail!(
                "the new job did not come up: {why}\n  the old one is submitted again as {id}, and not up yet: {also}"
            ),
        }
    }

    async fn becomes(&self, old: &Run, to: &Upgrade) -> Result<Run> {
        let mut new = old.clone();
        if let Some(choice) = &to.jar {
            new.jar = self.jar(choice).await?;
        }
        new.parallelism = to.parallelism.unwrap_or(old.parallelism);
        new.arguments = to.arguments.clone().unwrap_or(new.arguments);
        new.arguments.extend(to.more_arguments.iter().cloned());
        new.allow_non_restored_state = to.allow_non_restored_state;
        Ok(new)
    }

    /// While slots are waited for that nobody may add, the job runs on; a savepoint is taken first, so that its state is
    /// safe however long that takes.
    async fn room_or_savepoint(&self, job: &Summary, needed: u32, scale: bool) -> Result<()> {
        let room = self.room(Some(&job.id)).await?;
        if scale || room.slots >= needed {
            return self.make_room(&job.id, needed, scale).await;
        }
        let savepoint = self.savepoint(job).await?;
        self.make_room(&job.id, needed, false).await.map_err(|error| {
            error.context(format!(
                "{} was not upgraded: it runs on as it was, and its state is in {savepoint} as well\n  \
                 playground scale taskmanager={} makes room; without --no-scale, upgrade does so itself",
                job.name,
                room.taskmanagers_for(needed)
            ))
        })
    }

    /// Runs the new job. One that does not come up is ended.
    ///
    /// # Errors
    /// A JobManager that went away, so that it is not known whether it took the job; a job that cannot be ended.
    async fn bring_up(&self, run: &Run) -> Result<BroughtUp> {
        let id = match self.run(run).await {
            Ok(id) => id,
            // Flink's command line does not tell a JobManager that is gone from one that refuses.
            Err(error) if error.is::<InDoubt>() || is_away(&error) || self.flink().overview().await.is_err() => {
                return Err(error);
            }
            Err(error) => return Ok(BroughtUp::Not(format!("{error:#}"))),
        };
        match self.comes_up(&id).await? {
            CameUp::Well { since, .. } => Ok(BroughtUp::Well { id, since }),
            CameUp::Not(why) => {
                self.heed_no_interruption();
                self.end(&id)
                    .await
                    .with_context(|| format!("job {id} did not come up ({why}), and could not be ended"))?;
                Ok(BroughtUp::Not(why))
            }
        }
    }

    /// Ends a job that did not come up, unless it has ended by itself.
    async fn end(&self, id: &str) -> Result<()> {
        let jobs = self.flink().jobs().await?;
        match jobs.into_iter().find(|job| job.id == id && !job.is_over()) {
            Some(job) => self.cancel(&job).await,
            None => Ok(()),
        }
    }

    fn upgraded(&self, stopped: &Stopped, id: &str, since: i64, parallelism: u32) -> Operated {
        let (parts, seconds_in_all) = self.take_parts();
        Operated {
            operation: "upgrade".to_owned(),
            outcome: Outcome::Done,
            reason: None,
            job: Some(id.to_owned()),
            savepoint: Some(stopped.savepoint.clone()),
            parallelism: Some(parallelism),
            downtime: Some(seconds(stopped.asked_at, since)),
            seconds: seconds_in_all,
            parts,
        }
    }
}
