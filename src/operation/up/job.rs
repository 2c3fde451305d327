//! What bringing a stack up does with the job: one that is not as requested is stopped with a savepoint and restarted
//! from it as requested; one that was stopped resumes from its savepoint; and `--fresh` starts with empty state.

use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail};
use tokio::sync::{mpsc, watch};

use super::containers::Bringing;
use super::{LOOK, News, Part, UP, Up};
use crate::flink::Flink;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::operation::marks::{Marks, Noted, Whence};
use crate::operation::origin::{noted, origin, parameters};
use crate::operation::resume::Resume;
use crate::operation::savepoint::latest;
use crate::operation::{Control, PartNews, Via, workload};
use crate::platform::{Journal as _, Kind, Mark, NotedJob, NotedRun};
use crate::settings::{JobVariant, PARALLELISM};
use crate::wait::{Seen, until};
use crate::workload::model::Mode;

/// How long a job that high availability has brought back may take to run, before it is given up for a savepoint.
pub(super) const RECOVERY: Duration = Duration::from_secs(30);

/// Whether the servers of a stack are as asked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Servers {
    /// They are as they were found: a job that does not run may lack one that comes back in a moment.
    AsFound,
    /// They are as asked, so a job that waits for another one waits in vain.
    InLine,
}

impl Bringing<'_> {
    /// Stops a job that is not as asked, or that is to begin from nothing. One that does not tell yet is left alone.
    pub(super) async fn retire(&self, flink: &Flink, servers: Servers) -> Result<Option<Resume>> {
        let Some(job) = self.jobs(flink).await?.into_iter().find(|job| self.up.is_ours(job)) else { return Ok(None) };
        if !self.is_fresh() && !self.differs(flink, &job.id, servers).await? {
            return Ok(None);
        }
        let had = JobVariant::from_arguments(&flink.submitted(&job.id).await?.parameters);
        let mut run = self.as_asked(flink, None).await?;
        if self.up.settings.parallelism.is_none() {
            run.parallelism =
                origin(self.up.platform, flink, &job.id).await.map_or(PARALLELISM, |before| before.parallelism);
        }
        self.stopped.set(true);
        // What failed says where the job's state is, or that it runs on.
        let state = self.state_of(flink, &job).await.inspect_err(|_| self.stopped.set(false))?;
        run.savepoint = self.up.fitting(&had, state.clone()).filter(|_| !self.is_fresh());
        let why = if self.is_fresh() { "is restarted as --fresh asks" } else { "does not run as asked" };
        self.told(format!("{why}: {}", beginning(&run, state.as_deref())));
        Ok(Some(Resume { name: job.name, run, state }))
    }

    /// Whether a job is known not to be as asked.
    async fn differs(&self, flink: &Flink, id: &str, servers: Servers) -> Result<bool> {
        let takes_options = !self.up.workload.job.options.is_empty();
        self.until_settled("what the job was submitted as", async || {
            // Of a job that takes no options, its parallelism is all that Flink could tell. It waits for slots that it does not
            // get: seen, after a scenario that had failed, until the next one's time was up.
            let waits = async || Ok::<_, Error>(servers == Servers::InLine && flink.job(id).await?.has_subtasks());
            if !tells(flink, id).await? && (takes_options || !waits().await?) {
                return Ok(Seen::Done(false));
            }
            let is_as_asked = self.up.is_as_asked(flink, id).await? && self.has_this_jar(flink, id).await?;
            Ok(Seen::Done(!is_as_asked))
        })
        .await
    }

    /// Whether a job was submitted from the jars and with the class that are asked for. One that a service of the stack submits
    /// has its own way.
    async fn has_this_jar(&self, flink: &Flink, id: &str) -> Result<bool> {
        if self.up.workload.job.submitted_by.is_some() {
            return Ok(true);
        }
        let Some(run) = self.up.noted_run(id).await? else { return Ok(true) };
        let jar = workload::jar(self.up.workload)?;
        let (mut asked, mut had) = (vec![jar], vec![run.jar]);
        asked.extend(workload::libraries(self.up.workload));
        had.extend(run.libraries);
        if run.entry_class != workload::entry_class(self.up.workload) {
            return Ok(false);
        }
        let mut found = Vec::new();
        for jar in &asked {
            found.extend(self.control(flink, async |control| control.uploaded(jar).await).await?);
        }
        Ok(found == had)
    }

    /// Lets a job go on that was stopped, unless high availability has brought one back. What is under way is settled.
    pub(super) async fn bring_back(&self, flink: &Flink) -> Result<()> {
        let platform = self.up.platform;
        let jobs = self.jobs(flink).await?;
        if jobs.iter().any(|job| self.up.is_ours(job)) {
            return Ok(());
        }
        let whence =
            Noted::read(platform, self.up.job()).await?.whence(jobs.iter().find(|job| job.name == self.up.job()));
        let (state, had) = match whence {
            Whence::Nothing => return Ok(()),
            Whence::Savepoint(path, run) => (path, run),
            Whence::Job(id) => {
                let found = latest(platform, Some(&id)).await.with_context(|| {
                    format!("job {id} was stopped, and its savepoint was not found\n  playground up --fresh starts the job with empty state")
                })?;
                // A JobManager that was started since knows nothing of it.
                (found.path, self.ran_as(flink, &id).await.ok().flatten())
            }
            Whence::Ended(last) => {
                let Some(state) = self.left_by(flink, &last).await? else {
                    self.told(format!("was {} and left no checkpoint: starts with empty state", last.state));
                    return Ok(());
                };
                (state, self.ran_as(flink, &last.id).await?)
            }
        };
        let variant = had.as_ref().map_or_else(
            || self.up.settings.job.clone(),
            |had| JobVariant::from_arguments(&parameters(&had.arguments)),
        );
        let mut run = self.as_asked(flink, self.up.fitting(&variant, Some(state.clone()))).await?;
        run.parallelism = self.up.parallelism_of(had.as_ref());
        self.told(format!("was stopped: {}", beginning(&run, Some(&state))));
        self.go_on(flink, &Resume { name: self.up.job().to_owned(), run, state: Some(state) }).await
    }

    async fn ran_as(&self, flink: &Flink, id: &str) -> Result<Option<NotedRun>> {
        let (submitted, job) = tokio::try_join!(flink.submitted(id), flink.job(id))?;
        noted(self.up.platform, &submitted, &job).await
    }

    /// The state that a job left which ended without a savepoint: its newest checkpoint, which outlives it.
    ///
    /// # Errors
    /// Of a job that FAILED and left none: there may be one that Flink could not read.
    async fn left_by(&self, flink: &Flink, last: &Summary) -> Result<Option<String>> {
        let state = flink.newest_state(&last.id).await?;
        if state.is_some() || last.state != "FAILED" {
            return Ok(state);
        }
        let cause = flink.newest_cause(&last.id).await?.unwrap_or_else(|| "Flink gives no cause".to_owned());
        let found = latest(self.up.platform, Some(&last.id)).await.with_context(|| {
            format!(
                "job {} FAILED, and Flink knows no checkpoint of it: {cause}\n  playground up --fresh starts the job with empty state",
                last.id
            )
        });
        Ok(Some(found?.path))
    }

    /// Begins from nothing: ends a job that high availability has brought back, and forgets what is noted of one before.
    pub(super) async fn end_what_came_back(&self, flink: &Flink) -> Result<()> {
        match self.retire(flink, Servers::InLine).await? {
            Some(retired) => self.go_on(flink, &retired).await,
            None => Marks::by(self.up.platform, UP, Some(self.up.job())).given_up().await,
        }
    }

    /// Submits a job that was stopped.
    pub(super) async fn go_on(&self, flink: &Flink, retired: &Resume) -> Result<()> {
        self.stopped.set(true);
        self.control(flink, async |control| retired.start(control).await).await?;
        self.stopped.set(false);
        Ok(())
    }

    /// Stops a job; returns where its state is: a savepoint or, of a job that does not run and can give none, its newest
    /// checkpoint, which outlives its cancellation.
    async fn state_of(&self, flink: &Flink, job: &Summary) -> Result<Option<String>> {
        let runs = until("the job to run", RECOVERY.min(self.up.limit), LOOK, async || {
            let job = flink.job(&job.id).await?;
            Ok(if job.is_running() { Seen::Done(()) } else { Seen::NotYet(job.state) })
        })
        .await;
        if runs.is_ok() {
            let stopped = self.control(flink, async |control| control.stop(job).await).await?;
            return Ok(Some(stopped.savepoint));
        }
        let (detail, submitted) = tokio::try_join!(flink.job(&job.id), flink.submitted(&job.id))?;
        let checkpoint = flink.newest_state(&job.id).await?;
        // The adaptive scheduler tells nothing of a job that waits for slots, its checkpoints included.
        if checkpoint.is_none() && !detail.has_subtasks() && !self.is_fresh() {
            bail!(
                "{} ({}) is {} and cannot be stopped, and Flink does not say yet where its state is\n  playground job shows what it is waiting for; playground up --fresh discards its state",
                job.name,
                job.id,
                detail.state
            );
        }
        if checkpoint.is_some() {
            let run = noted(self.up.platform, &submitted, &detail).await?;
            let note = NotedJob { savepoint: checkpoint.clone(), run, ..NotedJob::default() };
            Marks::by(self.up.platform, UP, Some(self.up.job())).stopped(&job.id, note).await?;
        }
        let cancelled = self.control(flink, async |control| control.cancel(job).await).await;
        cancelled.context("cancel a job that is not as requested and is not running")?;
        Ok(checkpoint)
    }

    /// The job as it is asked for, from a savepoint or from nothing.
    pub(super) async fn as_asked(&self, flink: &Flink, savepoint: Option<String>) -> Result<Run> {
        let workload = self.up.workload;
        let jar = workload::jar(workload)?;
        let mut libraries = Vec::new();
        for library in workload::libraries(workload) {
            libraries.push(self.control(flink, async |control| control.jar(&library).await).await?);
        }
        Ok(Run {
            libraries,
            jar: self.control(flink, async |control| control.jar(&jar).await).await?,
            entry_class: workload::entry_class(workload),
            parallelism: self.up.settings.parallelism.unwrap_or(PARALLELISM),
            arguments: self.up.arguments(),
            savepoint,
            // What an added operator knows has no place in the job without it.
            allow_non_restored_state: true,
        })
    }

    /// Does a part of an operation; what it tells is told of the job.
    pub(super) async fn control<T>(
        &self,
        flink: &Flink,
        work: impl AsyncFnOnce(&Control<'_>) -> Result<T>,
    ) -> Result<T> {
        let (news, mut told) = mpsc::unbounded_channel();
        let (_stop, interrupted) = watch::channel(false);
        let control = Control::new(
            (self.up.platform, flink, self.up.workload),
            (Via::Rest, self.up.limit),
            UP,
            news,
            interrupted,
        );
        let work = async {
            let done = work(&control).await;
            drop(control);
            done
        };
        let relay = async {
            while let Some(news) = told.recv().await {
                self.told_of_part(news);
            }
        };
        tokio::join!(work, relay).0
    }

    fn told_of_part(&self, news: PartNews) {
        match news {
            // Its line is told again with the part's end.
            PartNews::Asked { .. } => {}
            PartNews::Waiting { part, seen } => {
                // Who does not listen does not want to know.
                let _ = self.news.send(News::Waiting(Part::Job, format!("{part}: {seen}")));
            }
            PartNews::Done(part) => self.told(format!("{}: {}", part.name, part.seen)),
        }
    }
}

impl Up<'_> {
    /// The state that the job which is asked for can go on from. Windows of processing time have no place in a job that
    /// counts by event time, nor the other way round. And a job without checkpoints would come back to the savepoint at each
    /// failure, which would show no loss.
    fn fitting(&self, had: &JobVariant, state: Option<String>) -> Option<String> {
        let (asked, takes) = (&self.settings.job, &self.workload.job.options);
        let fits = |_: &String| had.event_time == asked.event_time && asked.checkpointing;
        if takes.is_empty() { state } else { state.filter(fits) }
    }

    /// As the service would submit it that does: its command, without the script's name.
    fn arguments(&self) -> Vec<String> {
        let service = self.workload.job.submitted_by.as_ref().and_then(|name| self.stack.service(name));
        let command = service.and_then(|service| service.command.as_ref());
        let own = || workload::arguments(self.workload, &self.settings.job);
        command.map_or_else(own, |command| command.iter().skip(1).cloned().collect())
    }

    /// As asked for, or else as the job had; with no more TaskManagers than are asked for.
    fn parallelism_of(&self, had: Option<&NotedRun>) -> u32 {
        let most = self.settings.taskmanagers.map_or(u32::MAX, |asked| asked * self.settings.slots);
        let had = had.map(|had| had.parallelism.min(most)).filter(|had| *had > 0);
        self.settings.parallelism.or(had).unwrap_or(PARALLELISM)
    }

    pub(super) async fn is_as_asked(&self, flink: &Flink, id: &str) -> Result<bool> {
        if self.workload.job.mode == Mode::Application {
            return Ok(true);
        }
        let job = flink.job(id).await?;
        // One that is being scheduled may not tell of its subtasks yet.
        let parallelism = Some(job.parallelism()).filter(|_| job.has_subtasks());
        let fits = self.settings.parallelism.is_none_or(|asked| parallelism.is_none_or(|there| there == asked));
        if self.workload.job.options.is_empty() {
            return Ok(fits && self.has_these_arguments(id).await?);
        }
        Ok(fits && JobVariant::from_arguments(&flink.submitted(id).await?.parameters) == self.settings.job)
    }

    /// Whether a job has the arguments that are asked for, or nobody noted with which it was submitted.
    async fn has_these_arguments(&self, id: &str) -> Result<bool> {
        Ok(self.noted_run(id).await?.is_none_or(|run| run.arguments == self.arguments()))
    }

    /// What a job was submitted as by us, as far as that is noted.
    async fn noted_run(&self, id: &str) -> Result<Option<NotedRun>> {
        let marks = self.platform.marks().await.context("look for what the job was submitted as")?;
        let of_it = |mark: &Mark| matches!(mark.kind, Kind::Running | Kind::Starting) && mark.target == id;
        Ok(marks.into_iter().filter(of_it).find_map(|mark| mark.job.run))
    }
}

/// Whether a job tells what it was submitted as. One that is being brought back, or waits for slots under the adaptive
/// scheduler, tells nothing of itself; one that runs and tells nothing has nothing to tell.
pub(super) async fn tells(flink: &Flink, id: &str) -> Result<bool> {
    Ok(!flink.submitted(id).await?.parameters.is_empty() || flink.job(id).await?.is_running())
}

/// How a job begins whose state is there.
fn beginning(run: &Run, state: Option<&str>) -> String {
    match (&run.savepoint, state) {
        (Some(savepoint), _) => format!("resumes from {savepoint}"),
        (None, Some(state)) => format!("starts with empty state; the old state is left in {state}"),
        (None, None) => "starts with empty state".to_owned(),
    }
}
