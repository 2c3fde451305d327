//! `playground verify`: compares what a job emitted with what was sent.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval};

use super::interrupt::interrupted;
use crate::checker::{self, Spool};
use crate::cli::{Global, topic::Verify};
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::flink::restore::Tenure;
use crate::fold::Fold;
use crate::history::clock::Clock;
use crate::history::{Event, Head, Holds, Scope, What};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::observe::job::{self, Known};
use crate::observe::{Begin, Observer, Seen, Watched};
use crate::operation::{reach, restores};
use crate::oracle::Decided;
use crate::platform::Platform;
use crate::report::Terminal;
use crate::report::live::Waiting;
use crate::report::verify::{Ticker, Verification};
use crate::settings::{Delivery, JobVariant};
use crate::verdict;
use crate::wait;
use crate::workload::catalog;
use crate::workload::model::Workload;

/// How long the broker may take to answer at all.
const ANSWER: Duration = Duration::from_secs(5);
/// How often to check whether enough was observed.
const LOOK: Duration = Duration::from_millis(50);
/// How often to check whether a job was submitted.
const SUBMITTED: Duration = Duration::from_millis(250);
/// How many more reads something wrong must survive: records of different partitions do not arrive at the same moment.
const SECOND_LOOKS: u64 = 3;
/// How long, at least, a running job is given to emit what the input holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the topics, and the job if one is known, until enough was observed, and then judges.
pub async fn run(global: &Global, args: Verify, terminal: &Terminal) -> Result<Status> {
    let began = Instant::now();
    let workload = workload(global, &args).await?;
    if args.windows.is_some() && workload.oracle.window().is_some_and(|window| window.gap_ms.is_some()) {
        let text =
            "--windows: sessions are of any length, so a number of them is no span\n  Leave it out, or use --follow";
        return Err(Failure::Usage(text.to_owned()).into());
    }
    if args.windows.is_some() && workload.oracle.window().is_none() {
        let (name, oracle) = (&workload.name, workload.oracle.name());
        let text = format!(
            "--windows: workload {name} has no windows; it is judged by {oracle}\n  Leave it out, or use --follow"
        );
        return Err(Failure::Usage(text).into());
    }
    if let (Some(_), Some(service)) = (&args.bootstrap_server, &workload.output.log) {
        let text = format!(
            "--bootstrap-server: the output of workload {} is the log of {service}, which only its stack has",
            workload.name
        );
        return Err(Failure::Usage(text).into());
    }
    checker::must_be_there(&workload)?;
    let mut place = Place::find(global, args.bootstrap_server.clone(), &workload, terminal).await?;
    let kafka = place.kafka.clone();
    tokio::task::spawn_blocking(move || Admin::new(&kafka, Isolation::Uncommitted)?.wait(ANSWER, |_| Ok(()))).await??;
    let scope = match args.windows {
        Some(windows) => Scope::Windows(windows),
        None if args.past || args.bootstrap_server.is_some() => Scope::Past,
        None => Scope::Present,
    };
    if let Scope::Windows(_) = scope {
        place.wait_for_job(&workload, Duration::from_secs(args.timeout), terminal).await?;
    }
    let limit = Duration::from_secs(args.timeout).saturating_sub(began.elapsed());
    let mut watching = Watching::begin(&global.project, &args, place, &workload, scope).await?;
    let goal = Goal { scope, follow: args.follow, limit, patience: watching.patience() };
    watching.until(&goal, terminal).await?;
    watching.ask(&workload, terminal).await?;
    let fold = watching.end();
    let verification = Verification::new(&global.project, &workload, verdict::judge(&fold), &fold, began.elapsed());
    terminal.result(&verification)?;
    Ok(verification.verdict.into())
}

/// The workload, with other topics where they are named. A broker that is named is nobody's stack.
async fn workload(global: &Global, args: &Verify) -> Result<Workload> {
    let mut workload = match (&args.workload, &args.bootstrap_server) {
        (None, Some(_)) => catalog::find(catalog::USUAL)?,
        (asked, _) => super::workload_of(global, asked.as_deref()).await?.workload,
    };
    for (named, topic) in [(&args.input, &mut workload.input.topic), (&args.output_topic, &mut workload.output.topic)] {
        if let Some(named) = named {
            topic.clone_from(named);
        }
    }
    Ok(workload)
}

/// Where the broker and Flink are, and the job, as far as they are known.
struct Place {
    kafka: String,
    flink: Option<Flink>,
    /// The stack's own; none where only a broker was named.
    platform: Option<Platform>,
    /// The job that is running, or ran last.
    job: Option<Known>,
    /// What is known of restores; nothing where what was noted of them cannot be read.
    restores: Vec<Tenure>,
}

impl Place {
    async fn find(global: &Global, named: Option<String>, workload: &Workload, terminal: &Terminal) -> Result<Self> {
        if let Some(kafka) = named {
            return Ok(Self { kafka, flink: None, platform: None, job: None, restores: Vec::new() });
        }
        let platform = super::connect(global, terminal).await?;
        let kafka = super::kafka_on(&platform, global).await?;
        let flink = reach::flink(&platform).await?;
        let job = match &flink {
            Some(flink) => newest_job(flink, workload).await,
            None => None,
        };
        let restores = restores::known(&kafka, flink.as_ref()).await.unwrap_or_else(|error| {
            terminal.progress(&format!("could not read what is noted of restores: {error:#}"));
            Vec::new()
        });
        Ok(Self { kafka, flink, platform: Some(platform), job, restores })
    }

    /// A stack that is just coming up has no job yet. `--windows` can wait for it, so that its delivery guarantee is
    /// known before the topics are read. If none is submitted in time, the verdict says so.
    async fn wait_for_job(&mut self, workload: &Workload, limit: Duration, terminal: &Terminal) -> Result<()> {
        let Some(flink) = self.flink.as_ref().filter(|_| self.job.is_none()) else { return Ok(()) };
        terminal.progress(&format!("waiting for a job '{}' to be submitted", workload.job.name));
        let submitted = wait::until("a job", limit, SUBMITTED, async || {
            Ok(newest_job(flink, workload).await.map_or(wait::Seen::NotYet(String::new()), wait::Seen::Done))
        });
        tokio::select! {
            job = submitted => self.job = job.ok(),
            () = interrupted() => return Err(nothing_judged()),
        }
        Ok(())
    }
}

fn nothing_judged() -> anyhow::Error {
    Failure::Interrupted("interrupted before there was a verdict".to_owned()).into()
}

/// The job that is not over, or else the one that ran last; none if no JobManager answers, which the watcher reports
/// later.
async fn newest_job(flink: &Flink, workload: &Workload) -> Option<Known> {
    let jobs = flink.jobs().await.ok()?;
    let ours = || jobs.iter().filter(|job| job.name == workload.job.name);
    let newest = ours().find(|job| !job.is_over()).or_else(|| ours().next())?;
    job::known(flink, newest, workload).await.ok()
}

/// A spool in a folder that nobody else can look into, and that goes with this command.
fn spool() -> Result<(TempDir, Spool)> {
    let folder = tempfile::Builder::new().prefix("playground-").tempdir().context("make a folder for the records")?;
    let spool = checker::spool_in(folder.path());
    Ok((folder, spool))
}

/// When to stop watching.
struct Goal {
    scope: Scope,
    follow: bool,
    limit: Duration,
    patience: Duration,
}

/// A stack being watched.
struct Watching {
    clock: Clock,
    fold: Fold,
    observer: Observer,
    events: u64,
    interval: Option<u64>,
    has_flink: bool,
    /// How often the topics had been read at the last check whether that is enough.
    looked: u64,
    /// Since when everything is read, and only the results for what the input held then are waited for.
    settling: Option<Instant>,
    /// How often the topics had been read when something wrong was first seen.
    wrong: Option<u64>,
    /// Where the records are kept that a program of the workload's will judge, and their private folder.
    spool: Option<(TempDir, Spool)>,
}

impl Watching {
    async fn begin(project: &str, args: &Verify, place: Place, workload: &Workload, scope: Scope) -> Result<Self> {
        let (facts, variant) = place.job.map(|known| (known.facts, known.variant)).unzip();
        let promised = facts.as_ref().and_then(|facts| facts.delivery);
        // If the job's delivery guarantee is unknown, only committed records are certain to be visible to every
        // consumer.
        let isolation = args.delivery.or(promised).map_or(Isolation::Committed, Isolation::of);
        let delivery = args.delivery.or(promised).unwrap_or(workload.job.delivery);
        let job = JobVariant { delivery, ..variant.unwrap_or_default() };
        let clock = Clock::start();
        let begin = if matches!(scope, Scope::Windows(_)) { Begin::End } else { Begin::Oldest };
        let spool = workload.oracle.command().map(|_| spool()).transpose()?;
        let watched = Watched {
            kafka: place.kafka,
            flink: place.flink,
            platform: None,
            restores: place.restores,
            logs: place.platform,
            workload: workload.clone(),
            isolation,
            uncommitted: false,
            begin,
            pressure: false,
            spool: spool.as_ref().map(|(_, spool)| spool.clone()),
        };
        let has_flink = watched.flink.is_some();
        let interval = facts.as_ref().and_then(|facts| facts.checkpoint_interval);
        let observer = Observer::start(watched, clock).await?;
        let (fold, looked, events, settling, wrong) = Default::default();
        let mut watching = Self { clock, fold, observer, events, interval, has_flink, looked, settling, wrong, spool };
        watching.add(&clock.event(What::Began(Head {
            scenario: "verify".to_owned(),
            purpose: String::new(),
            project: project.to_owned(),
            speed: 1.0,
            workload: Box::new(workload.clone()),
            job,
            holds: Holds::Exact,
            scope,
            steps: 0,
            began: jiff::Timestamp::now().as_millisecond(),
            plan: String::new(),
        })));
        if let Some(facts) = facts {
            watching.add(&clock.event(What::Found(facts)));
        }
        Ok(watching)
    }

    /// What an exactly-once job emits becomes visible when a checkpoint commits it, and it takes one more checkpoint to
    /// know that the job has passed a window without emitting it.
    fn patience(&self) -> Duration {
        let checkpoints = Duration::from_millis(self.interval.unwrap_or_default().saturating_mul(3));
        match (self.fold.delivery(), self.fold.decided()) {
            (Delivery::ExactlyOnce, _) | (_, Decided::ByCheckpoint) => PATIENCE + checkpoints,
            (Delivery::AtLeastOnce, Decided::WhenEmitted) => PATIENCE + checkpoints.min(3 * PATIENCE),
        }
    }

    async fn until(&mut self, goal: &Goal, terminal: &Terminal) -> Result<()> {
        let began = Instant::now();
        let mut ticker = Ticker::new(terminal);
        let mut interrupt = Box::pin(interrupted());
        let mut follow = goal.follow;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                seen = self.observer.seen.recv() => match seen.context("all watchers have ended")?? {
                    Seen::Event(event) => self.add(&event),
                    Seen::Reading(reading) => ticker.reading(&reading),
                },
                _ = looks.tick() => {
                    if !follow && self.is_enough(goal, began.elapsed()) {
                        return Ok(());
                    }
                    if self.fold.reads > 0 {
                        ticker.judged(|| self.fold.judge());
                    }
                }
                () = &mut interrupt => {
                    // With `--follow` the first Ctrl-C asks for the verdict; any other ends without one.
                    if !std::mem::take(&mut follow) {
                        return Err(nothing_judged());
                    }
                    interrupt = Box::pin(interrupted());
                }
            }
        }
    }

    /// Whether enough was observed to judge, or waiting longer would not help.
    fn is_enough(&mut self, goal: &Goal, elapsed: Duration) -> bool {
        // Decided once per read of the topics.
        if self.fold.reads == std::mem::replace(&mut self.looked, self.fold.reads) {
            return matches!(goal.scope, Scope::Windows(_)) && elapsed >= goal.limit;
        }
        match self.looks_wrong() {
            Some(is_certain) => return is_certain,
            None if goal.scope == Scope::Past => return self.has_seen_the_job() || elapsed >= goal.patience,
            None => {}
        }
        let Some(job) = self.fold.job.seen.clone().filter(|job| !job.is_over()) else {
            // Without a job there is nothing to wait for, once its watcher has looked.
            return self.has_seen_the_job() || elapsed >= goal.patience;
        };
        if let Scope::Windows(_) = goal.scope {
            return self.fold.has_judged_all();
        }
        let since = self.settle();
        let open = self.fold.open_due();
        (job.is_running() && open == 0) || since.elapsed() >= goal.patience
    }

    /// From here on, only the results for what the input holds now are waited for. Returns since when.
    fn settle(&mut self) -> Instant {
        if self.settling.is_none() {
            self.add(&self.clock.event(What::Settling));
        }
        *self.settling.get_or_insert_with(Instant::now)
    }

    fn has_seen_the_job(&self) -> bool {
        !self.has_flink || self.fold.job.seen.is_some()
    }

    /// Whether something is wrong and, if so, whether it still was after some more reads.
    fn looks_wrong(&mut self) -> Option<bool> {
        if !self.fold.is_wrong() {
            self.wrong = None;
            return None;
        }
        let first = *self.wrong.get_or_insert(self.fold.reads);
        Some(self.fold.reads >= first + SECOND_LOOKS)
    }

    fn add(&mut self, event: &Event) {
        self.events += 1;
        self.fold.add(event);
    }

    /// The program that judges the workload, if one does, is asked once, when enough was observed.
    async fn ask(&mut self, workload: &Workload, terminal: &Terminal) -> Result<()> {
        let (Some(command), Some((_folder, spool))) = (workload.oracle.command(), self.spool.take()) else {
            return Ok(());
        };
        let _shown = Waiting::new(terminal, &format!("asking {}", command.title()));
        let answer = tokio::select! {
            answer = checker::ask(command, spool, self.fold.covered()) => answer,
            () = interrupted() => return Err(nothing_judged()),
        };
        self.add(&self.clock.event(What::Answered(answer)));
        Ok(())
    }

    /// Ends the run, and returns everything that was observed.
    fn end(mut self) -> Fold {
        let ended = self.clock.event(What::Ended { events: self.events });
        self.add(&ended);
        self.fold
    }
}
