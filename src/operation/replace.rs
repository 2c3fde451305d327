//! What bringing a stack up does with a job that is not as asked: it is stopped with a savepoint while it still has all it
//! needs, and goes on from there as what was asked for.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::{mpsc, watch};

use super::claim;
use super::savepoint::latest;
use super::scale::TASKMANAGER;
use super::submit::{JarChoice, origin};
use super::up::{LOOK, News, Up, is_ours, seen};
use super::{Control, Via};
use crate::flink::Flink;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::platform::{Contract as _, Progress};
use crate::settings::{JobVariant, PARALLELISM};
use crate::stack::Stack;
use crate::wait::{Seen, until};
use crate::workload::{JAR, JOB};

/// The service that submits the job.
const CLIENT: &str = "client";
/// How long a job that high availability has brought back may take to run, before it is given up for a savepoint.
const RECOVERY: Duration = Duration::from_secs(30);

/// A job that was stopped, and how it is to go on.
struct Retired {
    run: Run,
    /// Where its state is, whether it goes on from there or not.
    state: Option<String>,
}

impl Up<'_> {
    /// Brings the containers in line, and the job. `stopped` is true while a job is stopped that has to be started again.
    pub(super) async fn apply(
        &self,
        flink: &Flink,
        progress: mpsc::UnboundedSender<Progress>,
        news: &mpsc::UnboundedSender<News>,
        stopped: &Cell<bool>,
    ) -> Result<()> {
        claim::must_be_free(self.platform).await?;
        let left = claim::orphan(self.platform).await?;
        let stack = self.scaled().await?;
        if let Some(retired) = self.retire(flink, news, stopped).await? {
            // Without the client, which would submit the job from nothing.
            let applied = self.platform.apply(&stack.clone().without(CLIENT), progress.clone()).await;
            applied.with_context(|| retired.whereabouts())?;
            self.go_on(flink, &retired, stopped).await?;
            return self.platform.apply(&stack, progress).await;
        }
        self.platform.apply(&stack, progress).await?;
        until("the JobManager", self.limit, LOOK, async || Ok(seen(flink.jobs().await))).await?;
        // High availability brings a job back when the stack comes up again, as what it was.
        if let Some(retired) = self.retire(flink, news, stopped).await? {
            return self.go_on(flink, &retired, stopped).await;
        }
        if flink.jobs().await?.iter().any(is_ours) {
            return Ok(());
        }
        self.submit(flink, left.as_deref(), news).await
    }

    /// Submits the job again: one that was stopped, by its user or by an operation whose process was killed, from its
    /// savepoint; one that was cancelled, from nothing.
    async fn submit(&self, flink: &Flink, left: Option<&str>, news: &mpsc::UnboundedSender<News>) -> Result<()> {
        let last = flink.jobs().await?.into_iter().find(|job| job.name == JOB);
        let stopped = last.filter(|job| job.state == "FINISHED").map(|job| job.id);
        let Some(id) = left.map(str::to_owned).or(stopped) else {
            return self.platform.start(&format!("{CLIENT}-1")).await.context("submit the job again");
        };
        let state = latest(self.platform, Some(&id)).await.ok().map(|savepoint| savepoint.path);
        // The JobManager may have forgotten it since.
        let had = flink.submitted(&id).await.map(|submitted| JobVariant::from_arguments(&submitted.parameters));
        let savepoint = self.fitting(&had.unwrap_or_else(|_| self.settings.job.clone()), state.clone());
        let run = self.as_asked(flink, savepoint).await?;
        let _ = news.send(News::Job(format!("was stopped: {}", beginning(&run, state.as_deref()))));
        self.go_on(flink, &Retired { run, state }, &Cell::new(true)).await
    }

    /// The state that the job which is asked for can go on from. Windows of the clock have no place in a job that counts by
    /// event time, nor the other way round. And a job without checkpoints would come back to the savepoint at each failure,
    /// which would show no loss.
    fn fitting(&self, had: &JobVariant, state: Option<String>) -> Option<String> {
        let asked = &self.settings.job;
        state.filter(|_| had.event_time == asked.event_time && asked.checkpointing)
    }

    /// The stack with as many TaskManagers as are asked for, or else as there are.
    async fn scaled(&self) -> Result<Stack> {
        let services = self.platform.services().await?;
        let there = services.iter().filter(|one| one.service == TASKMANAGER).map(|one| one.number).max();
        self.stack.clone().with_replicas(TASKMANAGER, self.settings.taskmanagers(there.unwrap_or_default()))
    }

    /// Stops a job that is not as asked.
    async fn retire(
        &self,
        flink: &Flink,
        news: &mpsc::UnboundedSender<News>,
        stopped: &Cell<bool>,
    ) -> Result<Option<Retired>> {
        // No JobManager yet is no job yet.
        let Some(job) = flink.jobs().await.unwrap_or_default().into_iter().find(is_ours) else { return Ok(None) };
        if self.is_as_asked(flink, &job.id).await? {
            return Ok(None);
        }
        let had = JobVariant::from_arguments(&flink.submitted(&job.id).await?.parameters);
        let mut run = self.as_asked(flink, None).await?;
        if self.settings.parallelism.is_none() {
            run.parallelism = origin(flink, &job.id).await.map_or(PARALLELISM, |before| before.parallelism);
        }
        claim::begin(self.platform, "up", &job.id).await?;
        stopped.set(true);
        let state = self.state_of(flink, &job).await?;
        run.savepoint = self.fitting(&had, state.clone());
        let told = format!("runs with other arguments: {}", beginning(&run, state.as_deref()));
        let _ = news.send(News::Job(told));
        Ok(Some(Retired { run, state }))
    }

    /// Stops a job; returns where its state is: a savepoint or, of a job that does not run and can give none, its newest
    /// checkpoint, which outlives its cancellation.
    async fn state_of(&self, flink: &Flink, job: &Summary) -> Result<Option<String>> {
        let (news, _told) = mpsc::unbounded_channel();
        let (_stop, interrupted) = watch::channel(false);
        let control = Control::new((self.platform, flink), (Via::Rest, self.limit), news, interrupted);
        let runs = until("the job to run", RECOVERY.min(self.limit), LOOK, async || {
            let job = flink.job(&job.id).await?;
            Ok(if job.is_running() { Seen::Done(()) } else { Seen::NotYet(job.state) })
        })
        .await;
        if runs.is_ok() {
            return Ok(Some(control.stop(job, false).await?.savepoint));
        }
        let latest = flink.checkpoints(&job.id).await?.latest;
        let restored = latest.restored.and_then(|restored| restored.external_path);
        let checkpoint = latest.completed.and_then(|completed| completed.external_path).or(restored);
        control.cancel(job).await.context("cancel a job that runs with other arguments")?;
        Ok(checkpoint)
    }

    /// The job as it is asked for, from a savepoint or from nothing.
    async fn as_asked(&self, flink: &Flink, savepoint: Option<String>) -> Result<Run> {
        let (news, _told) = mpsc::unbounded_channel();
        let (_stop, interrupted) = watch::channel(false);
        let control = Control::new((self.platform, flink), (Via::Rest, self.limit), news, interrupted);
        Ok(Run {
            jar: control.jar(&JarChoice::Uploaded(JAR.to_owned())).await?,
            parallelism: self.settings.parallelism.unwrap_or(PARALLELISM),
            arguments: self.arguments(),
            savepoint,
            // What an added operator knows has no place in the job without it.
            allow_non_restored_state: true,
        })
    }

    /// As the client would submit it: its command, without the script's name.
    fn arguments(&self) -> Vec<String> {
        let client = self.stack.service(CLIENT).and_then(|client| client.command.as_ref());
        client.map_or_else(|| self.settings.job.arguments(), |command| command.iter().skip(1).cloned().collect())
    }

    async fn go_on(&self, flink: &Flink, retired: &Retired, stopped: &Cell<bool>) -> Result<()> {
        let started = async {
            until("the JobManager", self.limit, LOOK, async || Ok(seen(flink.jobs().await))).await?;
            flink.run(&retired.run).await
        };
        let id = started.await.with_context(|| retired.whereabouts())?;
        if id.is_empty() {
            bail!("Flink told no id of the job");
        }
        stopped.set(false);
        claim::end(self.platform).await
    }

    pub(super) async fn is_as_asked(&self, flink: &Flink, id: &str) -> Result<bool> {
        let job = flink.job(id).await?;
        // One that is being scheduled may have no vertices to tell of yet.
        let parallelism = Some(job.parallelism()).filter(|there| *there > 0);
        let fits = self.settings.parallelism.is_none_or(|asked| parallelism.is_none_or(|there| there == asked));
        Ok(fits && JobVariant::from_arguments(&flink.submitted(id).await?.parameters) == self.settings.job)
    }
}

/// How a job begins whose state is there.
fn beginning(run: &Run, state: Option<&str>) -> String {
    match (&run.savepoint, state) {
        (Some(savepoint), _) => format!("goes on from {savepoint}"),
        (None, Some(state)) => format!("begins anew, its state is left in {state}"),
        (None, None) => "begins anew".to_owned(),
    }
}

impl Retired {
    fn whereabouts(&self) -> String {
        match &self.state {
            Some(path) => format!(
                "the job is stopped, to run with other arguments; its state is in {path}\n  \
                 playground submit --from-savepoint {path} goes on with it"
            ),
            None => "the job was cancelled, to run with other arguments; it had no checkpoint yet".to_owned(),
        }
    }
}
