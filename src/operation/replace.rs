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
use super::up::{Beginning, LOOK, News, Part, Up, is_ours, seen};
use super::{Control, Via};
use crate::flink::Flink;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::platform::{Contract as _, Progress, State};
use crate::settings::{JobVariant, PARALLELISM};
use crate::stack::Stack;
use crate::wait::{Seen, until};
use crate::workload::{JAR, JOB};

/// The service that has Flink's REST API.
const JOBMANAGER: &str = "jobmanager";
/// The service that submits the job.
const CLIENT: &str = "client";
/// How long a job whose savepoint is complete may take to end, if it was asked to.
const STOPS: Duration = Duration::from_secs(3);
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
        let stack = self.scaled().await?;
        // Another project's JobManager may answer at the port that is asked for.
        let is_own = self.is_own().await?;
        let fresh = self.beginning == Beginning::Fresh;
        if is_own {
            self.let_savepoint_end(flink, news).await?;
        }
        // Without the client, which would submit the job from nothing.
        let servers = stack.clone().without(CLIENT);
        if let Some(retired) = if is_own { self.retire(flink, news, stopped).await? } else { None } {
            let applied = self.platform.apply(&servers, progress.clone()).await;
            applied.with_context(|| retired.whereabouts())?;
            self.go_on(flink, &retired, stopped).await?;
        } else if let Some(job) = self.stopped_job(flink, is_own).await? {
            self.platform.apply(&servers, progress.clone()).await?;
            self.bring_back(flink, &job, news, stopped).await?;
        } else if fresh {
            self.platform.apply(&servers, progress.clone()).await?;
            self.begin_anew(flink, news, stopped).await?;
        }
        self.platform.apply(&stack, progress).await?;
        until("the JobManager", self.limit, LOOK, async || Ok(seen(flink.jobs().await))).await?;
        // High availability brings a job back when the stack comes up again, as what it was.
        if !fresh && let Some(retired) = self.retire(flink, news, stopped).await? {
            return self.go_on(flink, &retired, stopped).await;
        }
        if flink.jobs().await?.iter().any(is_ours) {
            return Ok(());
        }
        self.platform.start(&format!("{CLIENT}-1")).await.context("submit the job again")
    }

    /// Ends the job that high availability has brought back, if any, and forgets what is noted of an earlier one.
    async fn begin_anew(&self, flink: &Flink, news: &mpsc::UnboundedSender<News>, stopped: &Cell<bool>) -> Result<()> {
        until("the JobManager", self.limit, LOOK, async || Ok(seen(flink.jobs().await))).await?;
        match self.retire(flink, news, stopped).await? {
            Some(retired) => self.go_on(flink, &retired, stopped).await,
            None => {
                claim::goes_on(self.platform).await?;
                claim::end(self.platform).await
            }
        }
    }

    /// A command that was cut off may have asked for a savepoint with which the job stops a moment later.
    async fn let_savepoint_end(&self, flink: &Flink, news: &mpsc::UnboundedSender<News>) -> Result<()> {
        let Some(job) = flink.jobs().await.unwrap_or_default().into_iter().find(is_ours) else { return Ok(()) };
        if !flink.is_savepoint_under_way(&job.id).await? {
            return Ok(());
        }
        until("the savepoint that is under way", self.limit, LOOK, async || {
            let told = "a savepoint is under way, with which the job may stop".to_owned();
            let _ = news.send(News::Waiting(Part::Job, told.clone()));
            Ok(if flink.is_savepoint_under_way(&job.id).await? { Seen::NotYet(told) } else { Seen::Done(()) })
        })
        .await?;
        let is_over = until("the end of the job", STOPS.min(self.limit), LOOK, async || {
            let jobs = flink.jobs().await?;
            let runs = jobs.iter().any(|one| one.id == job.id && !one.is_over());
            Ok(if runs { Seen::NotYet("it runs".to_owned()) } else { Seen::Done(()) })
        });
        // One that runs on was not asked to stop.
        drop(is_over.await);
        Ok(())
    }

    /// The job that was stopped last, by its user or by an operation whose process was killed, and is to go on.
    async fn stopped_job(&self, flink: &Flink, is_own: bool) -> Result<Option<String>> {
        let jobs = if is_own { flink.jobs().await.unwrap_or_default() } else { Vec::new() };
        if self.beginning == Beginning::Fresh || jobs.iter().any(is_ours) {
            return Ok(None);
        }
        if let Some(left) = claim::orphan(self.platform).await? {
            return Ok(Some(left));
        }
        match jobs.into_iter().find(|job| job.name == JOB) {
            Some(last) => Ok(Some(last.id).filter(|_| last.state == "FINISHED")),
            // The JobManager may have forgotten it, or be gone.
            None => Ok(claim::last_stopped(self.platform).await?.map(|mark| mark.target)),
        }
    }

    /// Whether it is this project's JobManager that has the port which is asked for.
    async fn is_own(&self) -> Result<bool> {
        let services = self.platform.services().await?;
        let running = services.iter().filter(|one| one.service == JOBMANAGER && one.state == State::Running);
        Ok(running.flat_map(|one| &one.ports).any(|port| port.published == self.settings.rest_port))
    }

    /// Lets a job that was stopped go on from its savepoint, unless high availability has brought one back.
    async fn bring_back(
        &self,
        flink: &Flink,
        id: &str,
        news: &mpsc::UnboundedSender<News>,
        stopped: &Cell<bool>,
    ) -> Result<()> {
        let jobs = until("the JobManager", self.limit, LOOK, async || Ok(seen(flink.jobs().await))).await?;
        if jobs.iter().any(is_ours) {
            return Ok(());
        }
        let noted = claim::last_stopped(self.platform).await?.filter(|mark| mark.target == id);
        let state = match noted.and_then(|mark| mark.savepoint) {
            Some(savepoint) => savepoint,
            None => latest(self.platform, Some(id)).await.map(|savepoint| savepoint.path).with_context(|| {
                format!("job {id} was stopped, and its savepoint is not to be found\n  playground up --fresh starts the job from nothing")
            })?,
        };
        // The JobManager may have forgotten it since.
        let had = flink.submitted(id).await.map(|submitted| JobVariant::from_arguments(&submitted.parameters));
        let savepoint = self.fitting(&had.unwrap_or_else(|_| self.settings.job.clone()), Some(state.clone()));
        let run = self.as_asked(flink, savepoint).await?;
        let _ = news.send(News::Job(format!("was stopped: {}", beginning(&run, Some(&state)))));
        self.go_on(flink, &Retired { run, state: Some(state) }, stopped).await
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
        let fresh = self.beginning == Beginning::Fresh;
        if !fresh && self.is_as_asked(flink, &job.id).await? {
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
        run.savepoint = self.fitting(&had, state.clone()).filter(|_| !fresh);
        let why = if fresh { "is to begin from nothing" } else { "runs with other arguments" };
        let told = format!("{why}: {}", beginning(&run, state.as_deref()));
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
        claim::goes_on(self.platform).await?;
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
        (None, Some(state)) => format!("begins from nothing, its state is left in {state}"),
        (None, None) => "begins from nothing".to_owned(),
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
