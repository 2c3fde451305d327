//! The pages of `playground scenario`: the list, a file, a plan, and what a run proved.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::number::{counted, grouped};
use super::{Paint, Render, ledger, operation};
use crate::failure::Status;
use crate::fold::pressure::PressureSummary;
use crate::fold::transactions::Uncommitted;
use crate::history::Holds;
use crate::history::operated::Operated;
use crate::ledger::Judgement;
use crate::platform::Mark;
use crate::scenario::fault::Healed;
use crate::scenario::{Plan, Scenario, Sends};
use crate::verdict::recovery::{Pods, Recovery};
use crate::verdict::spread::Spread;
use crate::verdict::{JudgedJob, Outcome, Verdict};

/// All scenarios.
#[derive(Debug, Serialize)]
pub struct ScenarioList {
    scenarios: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    purpose: String,
}

impl ScenarioList {
    /// A list of these scenarios, in their order.
    #[must_use]
    pub fn of(scenarios: Vec<Scenario>) -> Self {
        let entry = |scenario: Scenario| Entry { name: scenario.name, purpose: scenario.purpose };
        Self { scenarios: scenarios.into_iter().map(entry).collect() }
    }
}

impl Render for ScenarioList {
    fn human(&self, paint: Paint) -> String {
        let line = |entry: &Entry| format!("{}  {}", paint.bold(&format!("{:<20}", entry.name)), entry.purpose);
        self.scenarios.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A scenario's file.
#[derive(Debug, Serialize)]
pub struct ScenarioText {
    /// The name it was asked for by.
    pub name: String,
    /// Its text, to start a file of your own from.
    pub text: String,
}

impl Render for ScenarioText {
    fn human(&self, _: Paint) -> String {
        self.text.trim_end().to_owned()
    }
}

/// What a run would do.
#[derive(Debug, Serialize)]
pub struct PlanPage {
    /// The same value that a run executes.
    #[serde(flatten)]
    pub plan: Plan,
}

impl Render for PlanPage {
    fn human(&self, paint: Paint) -> String {
        let head = &self.plan.head;
        let mut page = format!("{}: {}", paint.bold(&head.scenario), head.purpose);
        for (number, step) in (1..).zip(&self.plan.steps) {
            let _ = write!(page, "\n{number:>3}  {}", beside(&step.title, &paint.dim(&step.reason)));
            page.push_str(&sends(&step.sends, paint));
            if let Some(undo) = &step.undo {
                let _ = write!(page, "\n     {:<22} {undo}, whatever happens", "undo");
            }
        }
        page
    }
}

/// A reason beside the title of its step, or below it where that names many instances.
fn beside(title: &str, reason: &str) -> String {
    let below = if title.chars().count() > 22 { format!("\n     {:<22}", "") } else { String::new() };
    format!("{title:<22}{below} {reason}")
}

/// Lines below a step: what its operation sends, what it sends if the new job does not come up, or why it is refused.
fn sends(sends: &Sends, paint: Paint) -> String {
    let mut lines = String::new();
    for request in &sends.requests {
        let _ = write!(lines, "\n     {}", paint.dim(request));
    }
    if !sends.roll_back.is_empty() {
        lines.push_str("\n     if the new job does not come up:");
    }
    for request in &sends.roll_back {
        let _ = write!(lines, "\n       {}", paint.dim(request));
    }
    if let Some(refused) = &sends.refused {
        let _ = write!(lines, "\n     {}: {refused}", paint.doubtful("refused if the stack is as expected"));
    }
    lines
}

/// What a run proved.
#[derive(Debug, Serialize)]
pub struct RunPage {
    /// The scenario's name.
    pub scenario: String,
    /// Pass, fail or unknown.
    pub verdict: Outcome,
    /// Why it is not a pass.
    pub reasons: Vec<String>,
    /// A count for each class of key and window, and examples of what is wrong.
    pub ledger: Judgement,
    /// What had to hold: `exact`, `exactly-once`, `loss` or `spread`.
    pub holds: Holds,
    /// The job that it is about.
    pub job: Option<JudgedJob>,
    /// Seconds, by what happened in them.
    pub recovery: Option<Recovery>,
    /// The recoveries from later faults, in order.
    pub later_recoveries: Vec<Recovery>,
    /// The operations, in order, with what each consisted of.
    pub operations: Vec<Operated>,
    /// The longest time without a record in `output` that a reader saw from the first operation on, in seconds.
    pub output_gap: Option<f64>,
    /// How far the counts lie apart, where that is what had to hold.
    pub spread: Option<Spread>,
    /// What a read-uncommitted reader saw, for an exactly-once job.
    pub uncommitted: Option<Uncommitted>,
    /// Back pressure of the source, for a job that throttles.
    pub pressure: Option<PressureSummary>,
    /// The command that repeats the run exactly.
    pub again: String,
    /// The run's folder.
    pub run: PathBuf,
}

impl RunPage {
    /// The page of a verdict; `again` is the command that repeats the run.
    #[must_use]
    pub fn new(scenario: &str, again: &str, verdict: Verdict, run: &Path) -> Self {
        Self {
            scenario: scenario.to_owned(),
            verdict: verdict.outcome,
            reasons: verdict.reasons,
            ledger: verdict.ledger,
            holds: verdict.holds,
            job: verdict.job,
            recovery: verdict.recovery,
            later_recoveries: verdict.later_recoveries,
            operations: verdict.operations,
            output_gap: verdict.output_gap,
            spread: verdict.spread,
            uncommitted: verdict.uncommitted,
            pressure: verdict.pressure,
            again: again.to_owned(),
            run: run.to_owned(),
        }
    }

    /// The exit code.
    #[must_use]
    pub fn status(&self) -> Status {
        self.verdict.into()
    }
}

impl Render for RunPage {
    fn human(&self, paint: Paint) -> String {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.operations.iter().map(|done| operation::summary(done, paint)));
        match &self.spread {
            Some(spread) => lines.push(spread_line(spread)),
            None => lines.push(ledger::line(&self.ledger)),
        }
        lines.extend(self.uncommitted.as_ref().map(uncommitted));
        lines.extend(self.pressure.as_ref().map(pressure));
        lines.extend(self.recovery.iter().chain(&self.later_recoveries).map(recovery));
        if let (Some(gap), None) = (self.output_gap, &self.recovery) {
            lines.push(format!("output    longest gap for a consumer {gap:.1} s"));
        }
        lines.push(self.verdict_line(paint));
        if self.spread.is_none() {
            lines.extend(ledger::counterexamples(&self.ledger));
        }
        lines.extend(self.reasons.iter().map(|reason| format!("why       {reason}")));
        if self.verdict != Outcome::Pass {
            lines.push(format!("again     {}", self.again));
        }
        lines.push(format!("run       {}", self.run.display()));
        lines.join("\n")
    }
}

impl RunPage {
    fn verdict_line(&self, paint: Paint) -> String {
        match (self.holds, self.verdict) {
            (Holds::Loss, Outcome::Pass) => {
                let lost = counted(self.ledger.records_lost, &self.ledger.words.record);
                format!("verdict   {}  {lost} lost, as this scenario is meant to show", paint.good("PASS"))
            }
            (Holds::Loss, Outcome::Fail) => {
                let record = &self.ledger.words.record;
                format!("verdict   {}  expected lost {record}s and nothing else", paint.bad("FAIL"))
            }
            (Holds::Spread, Outcome::Pass) => {
                format!("verdict   {}  counts are not exact, as this scenario is meant to show", paint.good("PASS"))
            }
            (Holds::Spread, Outcome::Fail) => {
                format!("verdict   {}  expected inexact counts and nothing else", paint.bad("FAIL"))
            }
            (Holds::Spread, Outcome::Unknown) => {
                format!("verdict   {}  too little was observed", paint.doubtful("UNKNOWN"))
            }
            _ => ledger::verdict(self.verdict, &self.ledger, paint),
        }
    }
}

fn spread_line(spread: &Spread) -> String {
    let Spread { counts, expected, exact, far_off, least, most, .. } = spread;
    let mut line = format!(
        "counts    from {} to {}, {} expected in each window; {exact} of {counts} exact, {far_off} far off after the fault",
        grouped(*least),
        grouped(*most),
        grouped(*expected)
    );
    if let (Some(sum), Some((at_least, at_most))) = (spread.sum, spread.read) {
        let [sum, at_least, at_most] = [sum, at_least, at_most].map(grouped);
        let _ = write!(line, "\n          {sum} in total; the job read {at_least} to {at_most} in that time");
    }
    line
}

fn uncommitted(seen: &Uncommitted) -> String {
    let Uncommitted { records, aborted, windows_twice } = seen;
    format!(
        "readers   read-committed: see the ledger; read-uncommitted: {records} records, {aborted} of them from aborted \
         transactions, {windows_twice} windows twice"
    )
}

fn pressure(seen: &PressureSummary) -> String {
    let share =
        |share: Option<f64>| share.map_or_else(|| "not measured".to_owned(), |share| format!("{:.0} %", share * 100.0));
    let slow = seen.slow.as_ref().map_or_else(String::new, |vertex| format!("; slow: {vertex}"));
    format!(
        "pressure  source back-pressured {} in even minutes, {} in odd ones; lag at most {} records{slow}",
        share(seen.even_most),
        share(seen.odd_least),
        grouped(u64::try_from(seen.lag_most).unwrap_or_default())
    )
}

/// The recovery line; parts whose end was not seen are left out, and a recovery without an end is said so.
fn recovery(recovery: &Recovery) -> String {
    let parts = [
        ("detect", recovery.detect),
        ("downtime of the scenario", recovery.outage),
        ("JobManager back", recovery.rest_back),
        ("restart", recovery.restart),
        ("restore", recovery.restore),
        ("checkpoint again", recovery.checkpoint_again),
        ("catch up", recovery.catch_up),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter_map(|(name, seconds)| Some(format!("{name} {:.1}", seconds?))).collect();
    let total = recovery.total.map_or_else(|| "not complete:".to_owned(), |seconds| format!("{seconds:.1} s ="));
    let mut line = format!("recovery  {total} {}", parts.join(" + "));
    if let Some(pods) = &recovery.pods {
        let _ = write!(line, "\n          {}", of_pods(pods));
    }
    let speed = recovery.catch_up_speed.map(|speed| format!("caught up at {speed:.1} × the usual rate"));
    let gap = recovery.output_gap.map(|gap| format!("a consumer of output saw nothing for {gap:.1} s"));
    let more: Vec<String> = speed.into_iter().chain(gap).collect();
    if !more.is_empty() {
        let _ = write!(line, "\n          {}", more.join("; "));
    }
    line
}

/// What of the restart was the cluster's.
fn of_pods(pods: &Pods) -> String {
    let stages = [
        ("scheduled", pods.scheduled),
        ("image present", pods.image_there),
        ("started", pods.started),
        ("ready", pods.ready),
    ];
    let seen = stages.into_iter().filter_map(|(stage, seconds)| Some(format!("{stage} +{:.1} s", seconds?)));
    format!("last pod after the undo: {}", seen.collect::<Vec<_>>().join(", "))
}

/// A fault that another command left behind, and what became of it.
#[must_use]
pub fn healed(healed: &Healed) -> String {
    let died = |mark: &Mark| {
        let Mark { what, target, by, owner, .. } = mark;
        format!("found: {by} ({}) died between the {what} of {target} and its undo;", owner.name())
    };
    match healed {
        Healed::Mended(mark, undo) => format!("{} undone: {undo}", died(mark)),
        Healed::Gone(mark) => format!("{} the container is gone, so there is nothing to undo", died(mark)),
        Healed::Not(mark, undo, error) => {
            format!("{} it could not be undone ({undo}); the next command tries again: {error:#}", died(mark))
        }
        Healed::Unknown { mark, removal } => format!(
            "{} this version of the playground does not know the fault '{}', and left it as it is\n  \
             The version that injected it can undo it. playground down removes it with the containers; {removal} only \
             forgets it",
            died(mark),
            mark.what
        ),
        Healed::Unclear { mark, undo, removal } => {
            let Mark { what, target, by, owner, .. } = mark;
            let undo = undo.as_ref().map_or_else(String::new, |undo| format!(" ({undo})"));
            format!(
                "found: {by} ({}) has not undone the {what} of {target}\n  Whether that process is still running cannot be \
                 seen from here. If it is not, undo it yourself{undo}; then {removal} forgets it",
                owner.name()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_is_the_sum_of_its_parts() {
        let seen = Recovery {
            detect: Some(1.6),
            outage: Some(8.4),
            rest_back: None,
            restart: Some(3.9),
            pods: None,
            restore: Some(0.6),
            checkpoint_again: None,
            catch_up: Some(2.2),
            total: Some(16.7),
            output_gap: Some(17.4),
            catch_up_speed: Some(8.12),
        };
        insta::assert_snapshot!(recovery(&seen), @r"
        recovery  16.7 s = detect 1.6 + downtime of the scenario 8.4 + restart 3.9 + restore 0.6 + catch up 2.2
                  caught up at 8.1 × the usual rate; a consumer of output saw nothing for 17.4 s
        ");
    }

    #[test]
    fn a_recovery_that_did_not_end_is_said_so() {
        let seen = Recovery { detect: Some(1.6), ..Recovery::default() };
        assert_eq!(recovery(&seen), "recovery  not complete: detect 1.6");
    }
}
