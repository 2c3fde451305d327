//! The live page of a scenario: events in, lines out.
//!
//! ```text
//!   15.2  kill taskmanager-1    undo: start taskmanager-1
//!   16.8    detected            job RESTARTING: Heartbeat timed out      +1.6
//! ```

use super::{Paint, columns};
use crate::history::{Event, What};
use crate::scenario::{Action, Plan, Planned};

/// What it is called when a program has judged.
const ASKED: &str = "  asked";

/// Makes a run's lines.
#[derive(Debug)]
pub struct Steps<'a> {
    plan: &'a Plan,
    paint: Paint,
    /// When the stack was up: the time 0.0. Before that, when the run began.
    zero: i64,
    /// When the newest step before the current one ended.
    last: i64,
    /// The terminal's, if there is one.
    width: Option<usize>,
}

impl<'a> Steps<'a> {
    /// Lines of a plan's run, for a terminal of a width. Times are in ms since the run began.
    #[must_use]
    pub fn new(plan: &'a Plan, paint: Paint, width: Option<usize>) -> Self {
        Self { plan, paint, zero: 0, last: 0, width }
    }

    /// What stands above the lines.
    #[must_use]
    pub fn title(&self) -> String {
        let name = format!("{}: ", self.paint.bold(&self.plan.head.scenario));
        columns::line(&name, &self.plan.head.purpose, "", self.width)
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
            What::Interrupted => {
                Some(self.line(event.at, &self.paint.doubtful(&format!("{:<20}", "interrupted")), "undoing the faults"))
            }
            What::Answered(answer) => {
                let seen = match &answer.problem {
                    Some(problem) => format!("{} {problem}", answer.program),
                    None => format!("{} says {}, {} judged", answer.program, answer.verdict.name(), answer.judged),
                };
                Some(self.timed(
                    event.at,
                    &format!("{ASKED:<20}"),
                    &seen,
                    &format!("+{}", seconds(event.at - self.last)),
                ))
            }
            _ => None,
        }
    }

    fn done(&mut self, at: i64, planned: &Planned, seen: &str) -> Option<String> {
        let took = format!("+{}", seconds(at - self.last));
        let bold = self.paint.bold(&pad(planned));
        match &planned.action {
            Action::Up => {
                self.zero = at;
                None
            }
            Action::Operate(_) => Some(self.timed(at, &bold, seen, &took)),
            Action::Inject { .. } => Some(self.line(at, &bold, &format!("undo: {seen}"))),
            Action::Undo { .. } => Some(self.line(at, &bold, seen)),
            Action::Await(_) => Some(self.timed(at, &pad(planned), seen, &took)),
        }
    }

    /// A part of an operation that is done.
    #[must_use]
    pub fn part(&self, name: &str, seen: &str, now: i64) -> String {
        self.line(now, &format!("{:<20}", format!("    {name}")), seen)
    }

    /// A part of an operation that waits.
    #[must_use]
    pub fn waiting_part(&self, name: &str, seen: &str, now: i64) -> String {
        format!("{}{}", self.front(now, &format!("{:<20}", format!("    {name}"))), self.paint.dim(seen))
    }

    /// The line while a program judges.
    #[must_use]
    pub fn asking(&self, program: &str, now: i64) -> String {
        format!("{}{}", self.front(now, &format!("{ASKED:<20}")), self.paint.dim(program))
    }

    /// The line of a step that waits.
    #[must_use]
    pub fn waiting(&self, planned: &Planned, seen: &str, now: i64) -> String {
        format!("{}{}", self.front(now, &pad(planned)), self.paint.dim(seen))
    }

    fn line(&self, at: i64, name: &str, text: &str) -> String {
        self.timed(at, name, text, "")
    }

    fn timed(&self, at: i64, name: &str, text: &str, took: &str) -> String {
        columns::line(&self.front(at, name), text, took, self.width)
    }

    fn front(&self, at: i64, name: &str) -> String {
        format!("{:>6}  {name} ", seconds(at - self.zero))
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
    use crate::stack::Stack;

    fn lines(width: Option<usize>) -> String {
        let asked = Asked::of("failover");
        let workload = crate::workload::catalog::usual().unwrap();
        let stack = Stack::load(&asked.stack, &workload).unwrap();
        let plan =
            plan::plan(&catalog::find("failover").unwrap(), &asked, &workload, &stack, &crate::platform::Meant::Docker)
                .unwrap();
        let mut steps = Steps::new(&plan, Paint::Plain, width);
        let done = |step, seen: &str| What::Done { step, seen: seen.into() };
        let events = [
            (10_000, done(0, "all services ready, the job is running")),
            (19_000, done(1, "18 windows exact, lag 11 records")),
            (19_200, done(2, "start taskmanager-1")),
            (20_800, done(3, "job RESTARTING: Heartbeat of TaskManager timed out")),
            (29_200, done(4, "12 040 of 12 000 records wait in input")),
            (29_300, done(5, "")),
            (140_000, What::GaveUp { step: 6, seen: "timed out after 60 s; last seen: 0 of 2 slots".into() }),
            (140_001, What::Interrupted),
        ];
        let title = steps.title();
        let lines = events.into_iter().filter_map(|(at, what)| steps.event(&Event { at, what }));
        std::iter::once(title).chain(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_run_is_a_line_a_step_with_its_time_and_what_it_took() {
        insta::assert_snapshot!(lines(None), @"
        failover: a TaskManager dies and comes back; nothing is lost, nothing counted twice
           9.0    steady state       18 windows exact, lag 11 records               +9.0
           9.2  kill taskmanager-1   undo: start taskmanager-1
          10.8    detected           job RESTARTING: Heartbeat of TaskManager timed out +1.6
          19.2    backlog            12 040 of 12 000 records wait in input         +8.4
          19.3  start taskmanager-1
         130.0    registered         timed out after 60 s; last seen: 0 of 2 slots
         130.0  interrupted          undoing the faults
        ");
    }

    #[test]
    fn no_line_is_wider_than_its_terminal() {
        for width in [40, 80, 120] {
            for line in lines(Some(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        insta::assert_snapshot!(lines(Some(80)), @"
        failover: a TaskManager dies and comes back; nothing is lost, nothing counted
                  twice
           9.0    steady state       18 windows exact, lag 11 records               +9.0
           9.2  kill taskmanager-1   undo: start taskmanager-1
          10.8    detected           job RESTARTING: Heartbeat of TaskManager timed +1.6
                                     out
          19.2    backlog            12 040 of 12 000 records wait in input         +8.4
          19.3  start taskmanager-1
         130.0    registered         timed out after 60 s; last seen: 0 of 2 slots
         130.0  interrupted          undoing the faults
        ");
    }
}
