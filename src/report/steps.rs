//! The live page of a scenario: events in, lines out.
//!
//! ```text
//!   15.2  kill taskmanager-1    undo: start taskmanager-1
//!   16.8    detected            job RESTARTING: Heartbeat timed out      +1.6
//! ```

use super::Paint;
use crate::history::{Event, What};
use crate::scenario::{Action, Plan, Planned};

/// Makes a run's lines.
#[derive(Debug)]
pub struct Steps<'a> {
    plan: &'a Plan,
    paint: Paint,
    /// When the stack was up: the time 0.0. Before that, when the run began.
    zero: i64,
    /// When the newest step before the current one ended.
    last: i64,
}

impl<'a> Steps<'a> {
    /// Lines of a plan's run. Times are in ms since it began.
    #[must_use]
    pub fn new(plan: &'a Plan, paint: Paint) -> Self {
        Self { plan, paint, zero: 0, last: 0 }
    }

    /// What stands above the lines.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}: {}", self.paint.bold(&self.plan.head.scenario), self.plan.head.purpose)
    }

    /// The line of an event, if it is worth one.
    pub fn event(&mut self, event: &Event) -> Option<String> {
        match &event.what {
            What::Done { step, seen } => {
                let planned = self.plan.steps.get(*step)?;
                let line = self.done(event.at, planned, seen);
                self.last = event.at;
                line
            }
            What::GaveUp { step, seen } => {
                let planned = self.plan.steps.get(*step)?;
                Some(self.line(event.at, &self.paint.bad(&format!("{:<20}", name(planned))), seen))
            }
            What::Interrupted => Some(self.line(
                event.at,
                &self.paint.doubtful(&format!("{:<20}", "interrupted")),
                "undoing what was broken",
            )),
            _ => None,
        }
    }

    fn done(&mut self, at: i64, planned: &Planned, seen: &str) -> Option<String> {
        match &planned.action {
            Action::Up => {
                self.zero = at;
                None
            }
            Action::Operate(_) => {
                let line = self.line(at, &self.paint.bold(&pad(planned)), seen);
                Some(format!("{line:<76} +{}", seconds(at - self.last)))
            }
            Action::Inject { .. } => Some(self.line(at, &self.paint.bold(&pad(planned)), &format!("undo: {seen}"))),
            Action::Undo { .. } => Some(self.line(at, &self.paint.bold(&pad(planned)), seen)),
            Action::Await(_) => {
                let line = self.line(at, &pad(planned), seen);
                Some(format!("{line:<76} +{}", seconds(at - self.last)))
            }
        }
    }

    /// A part of an operation that is done.
    #[must_use]
    pub fn part(&self, name: &str, seen: &str, now: i64) -> String {
        self.line(now, &format!("{:<20}", format!("    {name}")), seen)
    }

    /// The line of a step that waits.
    #[must_use]
    pub fn waiting(&self, planned: &Planned, seen: &str, now: i64) -> String {
        self.line(now, &pad(planned), &self.paint.dim(seen))
    }

    fn line(&self, at: i64, name: &str, text: &str) -> String {
        format!("{:>6}  {name} {text}", seconds(at - self.zero)).trim_end().to_owned()
    }
}

/// What a step is called: what it did, or what was seen, indented below it.
fn name(planned: &Planned) -> String {
    match planned.action {
        Action::Await(_) => format!("  {}", planned.title),
        _ => planned.title.clone(),
    }
}

fn pad(planned: &Planned) -> String {
    format!("{:<20}", name(planned))
}

/// Tenths of seconds out of ms.
fn seconds(ms: i64) -> String {
    format!("{}.{}", ms / 1000, ms.rem_euclid(1000) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::asked::Asked;
    use crate::scenario::{catalog, plan};

    #[test]
    fn a_run_is_a_line_a_step_with_its_time_and_what_it_took() {
        let plan = plan::plan(&catalog::find("failover").unwrap(), &Asked::of("failover")).unwrap();
        let mut steps = Steps::new(&plan, Paint::Plain);
        let done = |step, seen: &str| What::Done { step, seen: seen.into() };
        let events = [
            (10_000, done(0, "the job runs")),
            (19_000, done(1, "18 windows exact, lag 11 records")),
            (19_200, done(2, "start taskmanager-1")),
            (20_800, done(3, "job RESTARTING: Heartbeat of TaskManager timed out")),
            (29_200, done(4, "12 040 of 12 000 records wait in input")),
            (29_300, done(5, "")),
            (140_000, What::GaveUp { step: 6, seen: "not within 60 s; last seen: 0 of 2 slots".into() }),
            (140_001, What::Interrupted),
        ];
        let lines: Vec<String> = events.into_iter().filter_map(|(at, what)| steps.event(&Event { at, what })).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
          9.0    steady state       18 windows exact, lag 11 records                +9.0
          9.2  kill taskmanager-1   undo: start taskmanager-1
         10.8    detected           job RESTARTING: Heartbeat of TaskManager timed out +1.6
         19.2    backlog            12 040 of 12 000 records wait in input          +8.4
         19.3  start taskmanager-1
        130.0    registered         not within 60 s; last seen: 0 of 2 slots
        130.0  interrupted          undoing what was broken
        ");
    }
}
