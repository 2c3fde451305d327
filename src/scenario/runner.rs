//! Runs a plan: does what it says, waits for what it says, and records what is seen. It decides nothing.
//!
//! Faults are undone whatever happens: their marks are kept in the platform, which therefore knows what has to be
//! undone even if this run was killed between a fault and its event.

use std::future::Future;
use std::pin::Pin;

use anyhow::{Context as _, Result, bail};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until};

use super::condition::{Answer, Await};
use super::fault::{Fault, mend};
use super::operating::Operating;
use super::{Action, Plan, Planned};
use crate::failure::Status;
use crate::flink::Flink;
use crate::fold::Fold;
use crate::history::clock::Clock;
use crate::history::operated::Operated;
use crate::history::store::Store;
use crate::history::{Event, Head, What};
use crate::kafka::Isolation;
use crate::observe::{Begin, Observer, Seen, Watched};
use crate::operation::resume::Resume;
use crate::operation::up::{self, News, Up};
use crate::operation::{self, Control, Operation, Via, reach};
use crate::platform::{Contract as _, Journal as _, Kind, Mark, Owner, State};
use crate::settings::Delivery;
use crate::workload::JOB;
use crate::workload::meaning::Workload;

/// Something to show while a run goes on.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// Something was done or seen.
    Event(&'a Event),
    /// A step waits; what was seen last.
    Waiting(&'a Planned, &'a str),
    /// The stack comes up.
    Up(&'a News),
    /// An operation goes on.
    Operation(&'a operation::PartNews),
}

/// How long starting a stopped job again may take when a run ends early.
const UNDO: Duration = Duration::from_mins(1);

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
enum StepEnd {
    Well(String),
    TooLate(String),
    Interrupted,
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    up: Up<'a>,
    store: &'a mut Store,
    tell: &'a mut dyn FnMut(Told<'_>),
    clock: Clock,
    fold: Fold,
    observer: Option<Observer>,
    /// A job that a step stopped, and no later step started yet.
    stopped: Option<Resume>,
    /// Resolves when the user wants it to end.
    stop: Pin<&'a mut dyn Future<Output = ()>>,
}

/// Runs a plan on a stack, and returns what was seen of it. `stop` ends it early, with everything undone.
///
/// # Errors
/// What could not be done, by its step. Faults are undone before it returns; what could not be undone is added.
pub async fn run(
    plan: &Plan,
    up: Up<'_>,
    store: &mut Store,
    stop: Pin<&mut dyn Future<Output = ()>>,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Fold> {
    let (clock, fold) = (Clock::start(), Fold::default());
    let mut run = Run { plan, up, store, tell, clock, fold, observer: None, stopped: None, stop };
    let done = run.steps().await;
    let undone = run.undo_all().await.context("a fault was not undone; the next playground command tries again");
    let started = run.start_what_is_stopped().await;
    let undone = undone.and(started);
    let done = done.and_then(|()| run.end());
    match (done, undone) {
        (Ok(()), Ok(())) => Ok(run.fold),
        (Ok(()), Err(error)) | (Err(error), Ok(())) => Err(error),
        (Err(error), Err(also)) => Err(error.context(format!("{also:#}"))),
    }
}

impl Run<'_> {
    async fn steps(&mut self) -> Result<()> {
        let plan = self.plan;
        let began = jiff::Timestamp::now().as_millisecond();
        let written = self.store.plan(plan)?;
        self.note(What::Began(Head { began, plan: written, ..plan.head.clone() }))?;
        for (step, planned) in plan.steps.iter().enumerate() {
            self.note(What::Step { step, title: planned.title.clone() })?;
            let ended = self.act(planned).await.with_context(|| planned.title.clone())?;
            match ended {
                StepEnd::Well(seen) => self.note(What::Done { step, seen })?,
                StepEnd::TooLate(seen) => return self.note(What::GaveUp { step, seen }),
                StepEnd::Interrupted => return self.note(What::Interrupted),
            }
        }
        Ok(())
    }

    async fn act(&mut self, planned: &Planned) -> Result<StepEnd> {
        match &planned.action {
            Action::Up => self.bring_up().await,
            Action::Inject { fault, target } => self.inject(*fault, target).await,
            Action::Undo { fault, target } => self.undo(*fault, target).await,
            Action::Operate(operating) => self.operate(operating, planned.limit).await,
            Action::Await(what) => self.wait(planned, *what).await,
        }
    }

    async fn bring_up(&mut self) -> Result<StepEnd> {
        let up = self.up;
        if up.run(self.stop.as_mut(), |news| (self.tell)(Told::Up(&news))).await? == up::Ended::Interrupted {
            return Ok(StepEnd::Interrupted);
        }
        let delivery = self.plan.head.delivery();
        let kafka = reach::kafka(up.platform).await?.context("no broker of the stack is running")?;
        let watched = Watched {
            kafka: kafka.to_string(),
            flink: Some(self.flink().await?),
            platform: Some(up.platform.clone()),
            workload: Workload::click_count(),
            isolation: Isolation::of(delivery),
            uncommitted: delivery == Delivery::ExactlyOnce,
            begin: Begin::End,
            pressure: self.plan.head.job.backpressure,
        };
        self.observer = Some(Observer::start(watched, self.clock).await?);
        Ok(StepEnd::Well("all services ready, the job is running".to_owned()))
    }

    /// A fault is not cut off half-way by Ctrl-C: it takes a moment, and what is half broken is hard to mend.
    async fn inject(&mut self, fault: Fault, target: &str) -> Result<StepEnd> {
        let by = self.by();
        self.note_what_was_seen()?;
        let before = self.instance(target).await?;
        if before != State::Running.name() {
            return Ok(StepEnd::TooLate(format!(
                "{target} is already {before}, so {} would have no effect",
                fault.name()
            )));
        }
        // The process dies when the platform is asked, not when it has answered.
        let event = self.clock.event(What::Fault { fault: fault.name().to_owned(), target: target.to_owned() });
        fault.inject(self.up.platform, target, &by).await?;
        self.note_event(&event)?;
        let state = self.instance(target).await?;
        self.note(What::Instance { instance: target.to_owned(), state })?;
        Ok(StepEnd::Well(fault.undo(target)))
    }

    /// The command, in notes.
    fn by(&self) -> String {
        format!("scenario {}", self.plan.head.scenario)
    }

    async fn flink(&self) -> Result<Flink> {
        reach::flink(self.up.platform).await?.context("no JobManager of the stack is running")
    }

    /// The state of an instance; `gone` when there is none of this name.
    async fn instance(&self, name: &str) -> Result<String> {
        let instances = self.up.platform.services().await?;
        let found = instances.iter().find(|instance| instance.name() == name);
        Ok(found.map_or("gone", |instance| instance.state.name()).to_owned())
    }

    /// What was seen before something is done belongs before it in the history.
    fn note_what_was_seen(&mut self) -> Result<()> {
        while let Some(seen) = self.observer.as_mut().and_then(|observer| observer.seen.try_recv().ok()) {
            self.note_seen(seen)?;
        }
        Ok(())
    }

    /// Not cut off by Ctrl-C either: an operation that is told of it leaves a job running.
    async fn operate(&mut self, operating: &Operating, limit: Duration) -> Result<StepEnd> {
        self.note_what_was_seen()?;
        self.note(What::Operating { operation: operating.operation.name().to_owned() })?;
        let (up, flink, by) = (self.up, self.flink().await?, self.by());
        let (news, mut told) = mpsc::unbounded_channel();
        let (interrupt, interrupted) = watch::channel(false);
        let before = self.what_is_stopped(&operating.operation, &flink).await?;
        let control = Control::new((up.platform, &flink), (operating.via, limit), &by, news, interrupted);
        let mut work = Box::pin(control.perform(&operating.operation, Some(JOB)));
        let mut beside = Ok(());
        let done = loop {
            let observer = self.observer.as_mut().context("a plan operates before it brings the stack up")?;
            tokio::select! {
                biased;
                () = self.stop.as_mut(), if !*interrupt.borrow() => drop(interrupt.send_replace(true)),
                Some(news) = told.recv() => (self.tell)(Told::Operation(&news)),
                done = &mut work => break done,
                // An operation is not cut off by what goes wrong beside it.
                Some(seen) = observer.seen.recv() => {
                    let noted = self.note_seen(seen);
                    beside = beside.and(noted);
                }
            }
        };
        drop(work);
        while let Ok(news) = told.try_recv() {
            (self.tell)(Told::Operation(&news));
        }
        let done = match done {
            Err(error) if Status::of(&error) == Status::Interrupted => return Ok(StepEnd::Interrupted),
            done => done?,
        };
        self.remember_what_is_stopped(&operating.operation, before, &done);
        beside?;
        self.note(What::Operated(done.clone()))?;
        Ok(match (&done.reason, *interrupt.borrow()) {
            (_, true) => StepEnd::Interrupted,
            (reason, _) if done.outcome != operating.outcome => {
                let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                StepEnd::TooLate(format!("{} instead of {}{reason}", done.outcome.name(), operating.outcome.name()))
            }
            _ => StepEnd::Well(done.summary()),
        })
    }

    /// How the job that an operation is about to stop goes on.
    async fn what_is_stopped(&self, operation: &Operation, flink: &Flink) -> Result<Option<Resume>> {
        let Operation::Stop { .. } = operation else { return Ok(None) };
        let job = flink.find_job(Some(JOB)).await?;
        Resume::as_it_was(flink, &job.id, &job.name).await.map(Some)
    }

    /// A job that a step stopped is started again by a later step or, when the run ends before, by the run.
    fn remember_what_is_stopped(&mut self, operation: &Operation, before: Option<Resume>, done: &Operated) {
        self.stopped = match operation {
            Operation::Stop { .. } => before.zip(done.savepoint.as_deref()).map(|(job, path)| job.from(path)),
            Operation::Submit(_) | Operation::Upgrade(_) => None,
            _ => return,
        };
    }

    /// Starts a job again that a step stopped, and no later step started.
    async fn start_what_is_stopped(&mut self) -> Result<()> {
        let Some(stopped) = self.stopped.take() else { return Ok(()) };
        let (flink, by, platform) = (self.flink().await?, self.by(), self.up.platform);
        let (news, mut told) = mpsc::unbounded_channel();
        let (_interrupt, interrupted) = watch::channel(false);
        let control = Control::new((platform, &flink), (Via::Rest, UNDO), &by, news, interrupted);
        let mut work = Box::pin(stopped.bring_up(&control));
        let done = loop {
            tokio::select! {
                biased;
                Some(news) = told.recv() => (self.tell)(Told::Operation(&news)),
                done = &mut work => break done,
            }
        };
        drop(work);
        while let Ok(news) = told.try_recv() {
            (self.tell)(Told::Operation(&news));
        }
        self.note(What::Operated(done?))
    }

    async fn undo(&mut self, fault: Fault, target: &str) -> Result<StepEnd> {
        let mine = self.marks().await?;
        let Some(mark) = mine.into_iter().find(|mark| mark.what == fault.name() && mark.target == target) else {
            bail!("nothing to undo: the mark of {} on {target} is gone", fault.name());
        };
        self.mend(&mark).await?;
        Ok(StepEnd::Well(String::new()))
    }

    /// One that cannot be undone keeps no other from it.
    async fn undo_all(&mut self) -> Result<()> {
        let mut first = Ok(());
        for mark in self.marks().await? {
            let mended = self.mend(&mark).await;
            first = first.and(mended);
        }
        first
    }

    /// Faults of this run that are not undone.
    async fn marks(&self) -> Result<Vec<Mark>> {
        let own = Owner::current()?;
        let marks = self.up.platform.marks().await?;
        Ok(marks.into_iter().filter(|mark| mark.kind == Kind::Fault && mark.owner.is_same(&own)).collect())
    }

    /// Mends first: a disk that is full must not keep a fault in place.
    async fn mend(&mut self, mark: &Mark) -> Result<()> {
        let (fault, target) = (mark.what.clone(), mark.target.clone());
        let before = self.clock.event(What::Undoing { fault: fault.clone(), target: target.clone() });
        mend(self.up.platform, mark).await?;
        self.note_event(&before)?;
        self.note(What::Undone { fault, target })
    }

    async fn wait(&mut self, planned: &Planned, what: Await) -> Result<StepEnd> {
        let deadline = Instant::now() + planned.limit;
        loop {
            let last = match what.ask(&self.fold) {
                Answer::Holds(seen) => return Ok(StepEnd::Well(seen)),
                Answer::Never(seen) => return Ok(StepEnd::TooLate(seen)),
                Answer::NotYet(last) => last,
            };
            (self.tell)(Told::Waiting(planned, &last));
            let observer =
                self.observer.as_mut().context("a plan waits for something before it brings the stack up")?;
            tokio::select! {
                biased;
                () = self.stop.as_mut() => return Ok(StepEnd::Interrupted),
                () = sleep_until(deadline) => {
                    return Ok(StepEnd::TooLate(format!("timed out after {} s; last seen: {last}", planned.limit.as_secs())));
                }
                seen = observer.seen.recv() => self.note_seen(seen.context("all watchers have ended")?)?,
            }
        }
    }

    /// The last word of a run: that nothing of it is missing.
    fn end(&mut self) -> Result<()> {
        self.note(What::Ended { events: self.store.written() })
    }

    fn note_seen(&mut self, seen: Result<Seen>) -> Result<()> {
        match seen? {
            Seen::Event(event) => self.note_event(&event),
            // A run reads what comes, which is never much at once.
            Seen::Reading(_) => Ok(()),
        }
    }

    /// Notes something that is done now.
    fn note(&mut self, what: What) -> Result<()> {
        self.note_event(&self.clock.event(what))
    }

    /// Writes an event down, shows it, and adds it to what is known.
    fn note_event(&mut self, event: &Event) -> Result<()> {
        self.store.add(event)?;
        (self.tell)(Told::Event(event));
        self.fold.add(event);
        Ok(())
    }
}
