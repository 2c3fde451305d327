//! Runs a plan: does what it says, waits for what it says, and records what is seen. It decides nothing.
//!
//! Faults are undone whatever happens: their marks are kept in the platform, which therefore knows what has to be
//! undone even if this run was killed between a fault and its event.

use std::future::Future;
use std::pin::Pin;

use anyhow::{Context as _, Error, Result, bail};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until};

use super::condition::{Answer, Await};
use super::fault::{self, Fault};
use super::operating::Operating;
use super::target::Target;
use super::{Action, InstanceName, Plan, Planned};
use crate::checker::{self, Spool};
use crate::failure::{Status, together, with};
use crate::flink::Flink;
use crate::fold::Fold;
use crate::history::clock::Clock;
use crate::history::operated::{Operated, OperationEnd};
use crate::history::store::Store;
use crate::history::{Event, Head, What};
use crate::kafka::Isolation;
use crate::observe::{Begin, Observer, Seen, Watched};
use crate::operation::resume::Resume;
use crate::operation::up::{self, News, Up};
use crate::operation::{self, Control, Operation, Via, reach, restores};
use crate::platform::{Contract as _, Journal as _, Kind, Mark, Owner, State, is_instance_of};
use crate::settings::Delivery;
use crate::stack::JOBMANAGER;
use crate::work::{Heard, Telling};

#[cfg(test)]
mod tests;

/// Something to show while a run goes on.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// Something was done or seen.
    Event(&'a Event),
    /// A step waits; what was seen last.
    Waiting(&'a Planned, &'a str),
    /// The stack comes up.
    Up(&'a News),
    /// A program judges.
    Asking(&'a str),
    /// An operation goes on.
    Operation(&'a operation::PartNews),
}

/// How long starting a stopped job again may take when a run ends early.
const UNDO: Duration = Duration::from_mins(1);

/// How a step ended.
#[derive(Debug)]
enum StepEnd {
    Well(String),
    TooLate(String),
    /// By the user; with what it left for the user to know, as where a job's state is.
    Interrupted(Option<Error>),
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
    /// What steps broke, by what the plan calls it: who leads is known only then.
    broken: Vec<(Fault, Vec<Target>, Vec<InstanceName>)>,
    /// Where the records are kept that a program of the workload's will judge.
    spool: Option<Spool>,
    /// A job that a step stopped, and no later step started yet.
    stopped: Option<Resume>,
    /// What an interrupted step left for the user to know.
    left: Option<Error>,
    /// Resolves when the user wants it to end.
    stop: Pin<&'a mut dyn Future<Output = ()>>,
}

/// Runs a plan on a stack, and returns what was seen of it. `stop` ends it early, with everything undone.
///
/// # Errors
/// What could not be done, by its step, or what an interrupted step left. Faults are undone before it returns; all that
/// could not be undone is added.
pub async fn run(
    plan: &Plan,
    up: Up<'_>,
    store: &mut Store,
    stop: Pin<&mut dyn Future<Output = ()>>,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Fold> {
    Run::new(plan, up, store, stop, tell).end_to_end().await
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        up: Up<'a>,
        store: &'a mut Store,
        stop: Pin<&'a mut dyn Future<Output = ()>>,
        tell: &'a mut dyn FnMut(Told<'_>),
    ) -> Self {
        let (clock, fold) = (Clock::start(), Fold::default());
        let spool = up.workload.oracle.command().map(|_| checker::spool_in(store.folder()));
        let broken = Vec::new();
        Self { plan, up, store, tell, clock, fold, observer: None, broken, spool, stopped: None, left: None, stop }
    }

    async fn end_to_end(mut self) -> Result<Fold> {
        let done = self.steps().await;
        let undone = self.undo_all().await.context("a fault was not undone; the next playground command tries again");
        let started = self.start_what_is_stopped().await.context("the job that a step stopped was not started again");
        let ended = if done.is_ok() { self.end().await } else { Ok(()) };
        let left = self.left.take().map_or(Ok(()), Err);
        together([done, left, undone, started, ended]).map(|()| self.fold)
    }

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
                StepEnd::Interrupted(left) => {
                    self.left = left.map(|left| left.context(planned.title.clone()));
                    return self.note(What::Interrupted);
                }
            }
        }
        Ok(())
    }

    async fn act(&mut self, planned: &Planned) -> Result<StepEnd> {
        match &planned.action {
            Action::Up => self.bring_up().await,
            Action::Inject { fault, on } => self.inject(*fault, on).await,
            Action::Undo { fault, on } => self.undo(*fault, on).await,
            Action::Operate(operating) => self.operate(operating, planned.limit).await,
            Action::Await(what) => self.wait(planned, *what).await,
        }
    }

    async fn bring_up(&mut self) -> Result<StepEnd> {
        let up = self.up;
        if up.run(self.stop.as_mut(), |news| (self.tell)(Told::Up(&news))).await? == up::Ended::Interrupted {
            return Ok(StepEnd::Interrupted(None));
        }
        let delivery = self.plan.head.delivery();
        let kafka = reach::kafka(up.platform).await?.context("no broker of the stack is running")?;
        let watched = Watched {
            kafka: kafka.to_string(),
            flink: Some(self.flink().await?),
            platform: Some(up.platform.clone()),
            restores: restores::known(&kafka.to_string(), Some(&self.flink().await?)).await?,
            logs: Some(up.platform.clone()),
            workload: up.workload.clone(),
            isolation: Isolation::of(delivery),
            uncommitted: delivery == Delivery::ExactlyOnce,
            begin: Begin::End,
            pressure: self.plan.head.job.backpressure,
            spool: self.spool.clone(),
        };
        self.observer = Some(Box::pin(Observer::start(watched, self.clock)).await?);
        Ok(StepEnd::Well("all services ready, the job is running".to_owned()))
    }

    /// A fault is not cut off half-way by Ctrl-C: it takes a moment, and what is half broken is hard to mend.
    async fn inject(&mut self, fault: Fault, on: &[Target]) -> Result<StepEnd> {
        let by = self.by();
        let Some(targets) = &self.instances(on).await? else {
            return Ok(StepEnd::TooLate(format!("no {} leads, so {} would have no effect", JOBMANAGER, fault.name())));
        };
        // A node may have a JobManager on it as well.
        if fault == Fault::Drain || targets.iter().any(|target| is_instance_of(target, JOBMANAGER)) {
            restores::note(self.up.platform).await?;
        }
        self.broken.push((fault, on.to_vec(), targets.clone()));
        for (target, before) in targets.iter().zip(self.states(targets).await?) {
            if before != State::Running.name() {
                let seen = format!("{target} is already {before}, so {} would have no effect", fault.name());
                return Ok(StepEnd::TooLate(seen));
            }
        }
        fault.announce(self.up.platform, targets, &by).await?;
        self.note_what_was_seen()?;
        // The processes die when the platform is asked, not when it has answered.
        let about = |target: &InstanceName| What::Fault { fault: fault.name().to_owned(), target: target.clone() };
        let events: Vec<Event> = targets.iter().map(|target| self.clock.event(about(target))).collect();
        fault.inject(self.up.platform, targets).await?;
        for event in &events {
            self.note_event(event)?;
        }
        // A JobManager is missed before the platform says that it is dead.
        self.note_what_was_seen()?;
        for (target, state) in targets.iter().zip(self.states(targets).await?) {
            self.note(What::Instance { instance: target.clone(), state })?;
        }
        Ok(StepEnd::Well(fault.undo(targets).to_string()))
    }

    /// The instances that are meant now; none where no JobManager leads and the one that does is meant.
    async fn instances(&self, on: &[Target]) -> Result<Option<Vec<InstanceName>>> {
        let mut all: Vec<Option<InstanceName>> = Vec::new();
        for target in on {
            let leader = async || reach::leader(self.up.platform).await.context("find out which JobManager leads");
            all.push(match target {
                Target::Instance(name) => Some(name.clone()),
                Target::Leader => leader().await?,
            });
        }
        Ok(all.into_iter().collect())
    }

    /// The command, in notes.
    fn by(&self) -> String {
        format!("scenario {}", self.plan.head.scenario)
    }

    async fn flink(&self) -> Result<Flink> {
        reach::flink(self.up.platform).await?.context("no JobManager of the stack is running")
    }

    /// The states of instances, in their order; `gone` of one that is not there.
    async fn states(&self, names: &[InstanceName]) -> Result<Vec<String>> {
        let instances = self.up.platform.services().await?;
        let state = |name: &InstanceName| {
            let found = instances.iter().find(|instance| instance.name() == *name);
            found.map_or("gone", |instance| instance.state.name()).to_owned()
        };
        Ok(names.iter().map(state).collect())
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
        let (news, told) = mpsc::unbounded_channel();
        let (interrupt, interrupted) = watch::channel(false);
        let before = self.what_is_stopped(&operating.operation, &flink).await?;
        let control = Control::new((up.platform, &flink, up.workload), (operating.via, limit), &by, news, interrupted);
        let mut work = Telling::new(told, control.perform(&operating.operation, Some(&up.workload.job.name)));
        let mut beside = Ok(());
        let done = loop {
            tokio::select! {
                biased;
                () = self.stop.as_mut(), if !*interrupt.borrow() => drop(interrupt.send_replace(true)),
                heard = work.next() => match heard {
                    Heard::News(news) => (self.tell)(Told::Operation(&news)),
                    Heard::Done(done) => break done,
                },
                // An operation is not cut off by what goes wrong beside it.
                seen = seen_next(self.observer.as_mut()) => {
                    let noted = self.note_seen(seen);
                    beside = together([beside, noted]);
                }
            }
        };
        drop(work);
        if let Ok(done) = &done {
            self.remember_what_is_stopped(&operating.operation, before, done);
            let noted = self.note(What::Operated(done.clone()));
            beside = together([beside, noted]);
        }
        let end = ended(done, *interrupt.borrow(), operating.outcome);
        match (end, beside) {
            (end, Ok(())) => end,
            (Err(error) | Ok(StepEnd::Interrupted(Some(error))), Err(also)) => Err(with(error, [also])),
            (Ok(_), Err(error)) => Err(error),
        }
    }

    /// How the job that an operation is about to stop goes on.
    async fn what_is_stopped(&self, operation: &Operation, flink: &Flink) -> Result<Option<Resume>> {
        if !is_to_go_on(operation) {
            return Ok(None);
        }
        let job = flink.find_job(Some(&self.up.workload.job.name)).await?;
        Resume::as_it_was(self.up.platform, flink, &job.id, &job.name).await.map(Some)
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
        let (news, told) = mpsc::unbounded_channel();
        let (_interrupt, interrupted) = watch::channel(false);
        let control = Control::new((platform, &flink, self.up.workload), (Via::Rest, UNDO), &by, news, interrupted);
        let done = Telling::new(told, stopped.bring_up(&control)).all(|news| (self.tell)(Told::Operation(&news))).await;
        self.note(What::Operated(done?))
    }

    async fn undo(&mut self, fault: Fault, on: &[Target]) -> Result<StepEnd> {
        let newest = self.broken.iter().rposition(|(done, broken, _)| *done == fault && broken == on);
        let newest = newest.with_context(|| format!("nothing to undo: no {} was done", fault.name()))?;
        let (_, _, targets) = self.broken.remove(newest);
        let mine = self.marks().await?;
        let Some(mark) = mine.into_iter().find(|mark| fault.is_of(mark, &targets)) else {
            bail!("nothing to undo: the mark of {} on {} is gone", fault.name(), targets.join(", "));
        };
        self.mend(&mark).await?;
        // Its title names all others.
        let is_news = on.contains(&Target::Leader);
        Ok(StepEnd::Well(if is_news { targets.join(", ") } else { String::new() }))
    }

    /// One that cannot be undone keeps no other from it.
    async fn undo_all(&mut self) -> Result<()> {
        let mut all = Vec::new();
        for mark in self.marks().await? {
            all.push(self.mend(&mark).await);
        }
        together(all)
    }

    /// Faults of this run that are not undone.
    async fn marks(&self) -> Result<Vec<Mark>> {
        let own = Owner::current()?;
        let marks = self.up.platform.marks().await?;
        Ok(marks.into_iter().filter(|mark| mark.kind == Kind::Fault && mark.owner.is_same(&own)).collect())
    }

    /// Mends first: a disk that is full must not keep a fault in place.
    async fn mend(&mut self, mark: &Mark) -> Result<()> {
        let targets = fault::targets_of(mark);
        let about = |target: &InstanceName| What::Undoing { fault: mark.what.clone(), target: target.clone() };
        let before: Vec<Event> = targets.iter().map(|target| self.clock.event(about(target))).collect();
        fault::undo(self.up.platform, mark).await?;
        for event in &before {
            self.note_event(event)?;
        }
        // A job that came back while a container was being started did so before that was done.
        self.note_what_was_seen()?;
        for target in targets {
            self.note(What::Undone { fault: mark.what.clone(), target })?;
        }
        Ok(())
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
                () = self.stop.as_mut() => return Ok(StepEnd::Interrupted(None)),
                () = sleep_until(deadline) => {
                    return Ok(StepEnd::TooLate(format!("timed out after {} s; last seen: {last}", planned.limit.as_secs())));
                }
                seen = observer.seen.recv() => self.note_seen(seen.context("all watchers have ended")?)?,
            }
        }
    }

    /// The program that judges the workload, if one does, is asked once, when everything is undone.
    async fn ask(&mut self) -> Result<()> {
        let (Some(command), Some(spool)) = (self.up.workload.oracle.command(), self.spool.take()) else {
            return Ok(());
        };
        if self.observer.take().is_none() || self.fold.steps.was_interrupted() {
            return Ok(());
        }
        (self.tell)(Told::Asking(&command.title()));
        let answer = tokio::select! {
            biased;
            () = self.stop.as_mut() => return self.note(What::Interrupted),
            answer = checker::ask(command, spool, self.fold.covered()) => answer,
        };
        self.note(What::Answered(answer))
    }

    /// The last word of a run: that nothing of it is missing.
    async fn end(&mut self) -> Result<()> {
        self.ask().await?;
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

/// What is seen next; nothing, where nothing is watched or all watchers have ended.
async fn seen_next(observer: Option<&mut Observer>) -> Result<Seen> {
    if let Some(observer) = observer
        && let Some(seen) = observer.seen.recv().await
    {
        return seen;
    }
    std::future::pending().await
}

/// Whether a job that this operation stops is to go on when the run ends; one that was drained is at its end.
fn is_to_go_on(operation: &Operation) -> bool {
    matches!(operation, Operation::Stop { drain: false })
}

/// How the step of an operation ended that was to end with `outcome`. One that was given up because the user wanted it to
/// end says what it left.
fn ended(done: Result<Operated>, is_interrupted: bool, outcome: OperationEnd) -> Result<StepEnd> {
    let done = match done {
        Err(error) if Status::of(&error) == Status::Interrupted => return Ok(StepEnd::Interrupted(Some(error))),
        done => done?,
    };
    Ok(match &done.reason {
        _ if is_interrupted => StepEnd::Interrupted(None),
        reason if done.outcome != outcome => {
            let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            StepEnd::TooLate(format!("{} instead of {}{reason}", done.outcome.name(), outcome.name()))
        }
        _ => StepEnd::Well(done.summary()),
    })
}
