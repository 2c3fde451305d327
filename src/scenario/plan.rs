//! From a scenario to what will be done to one stack.

use std::time::Duration;

use super::asked::Asked;
use super::fault::{Fault, Undo};
use super::operating::Operating;
use super::target::{Target, Targets, There};
use super::{Action, Plan, Planned, Scenario, Sends, Step};
use crate::failure::Failure;
use crate::history::{Head, Scope};
use crate::operation::expected::Expected;
use crate::operation::plan::Part;
use crate::operation::{Operation, Via};
use crate::platform::Meant;
use crate::settings::{PARALLELISM, StackSettings};
use crate::stack::Stack;
use crate::workload::model::Workload;

/// Plans a scenario as it was asked for, on the stack that its settings ask for.
///
/// It names every instance that a fault is done to, so that a plan says before it runs what it will hit, but for the JobManager
/// that leads, which is not known before; and an undo is of what its fault was done to, whatever was started or removed in the
/// meantime.
///
/// # Errors
/// Options that contradict what the scenario fixes; a fault on what the stack does not have, or that the platform cannot make.
pub fn plan(
    scenario: &Scenario,
    asked: &Asked,
    workload: &Workload,
    stack: &Stack,
    platform: &Meant,
) -> Result<Plan, Failure> {
    let settings = scenario.settings(&asked.stack, workload)?;
    let (limit, via) = (asked.limit, asked.via);
    let head = Head {
        scenario: scenario.name.clone(),
        purpose: scenario.purpose.clone(),
        project: settings.project.clone(),
        speed: settings.speed,
        workload: Box::new(workload.clone()),
        job: settings.job.clone(),
        holds: scenario.holds,
        scope: Scope::Plan,
        steps: 1 + scenario.steps.len(),
        began: 0,
        plan: String::new(),
    };
    let up = Planned {
        title: "stack up".to_owned(),
        reason: starting_point(&settings),
        undo: None,
        sends: Sends::default(),
        action: Action::Up,
        limit,
    };
    let mut expected = Expected::of(&settings);
    let mut broken = Broken::default();
    let mut steps = vec![up];
    for (step, number) in scenario.steps.iter().zip(1..) {
        let there = There { stack, taskmanagers: expected.taskmanagers() };
        let impossible = match &step.action {
            Action::Inject { fault, .. } => fault.impossible_on(platform).map(|why| format!("{}: {why}", fault.name())),
            _ => None,
        };
        let action = impossible.map_or_else(|| instantiate(&step.action, via, &there, &mut broken), Err);
        let action =
            action.map_err(|error| Failure::Usage(format!("scenario {}, step {number}: {error}", scenario.name)))?;
        steps.push(planned(step, action, limit, &Job { workload, expected }));
        if let Action::Operate(operating) = &step.action {
            expected = expected.after(&operating.operation);
        }
    }
    Ok(Plan { head, steps, again: asked.again() })
}

/// A running stack is changed so that it fits, as `up` would do it.
fn starting_point(settings: &StackSettings) -> String {
    let (parallelism, taskmanagers) = (settings.parallelism.unwrap_or(PARALLELISM), settings.taskmanagers(0));
    let s = if taskmanagers == 1 { "" } else { "s" };
    format!("parallelism {parallelism} on {taskmanagers} TaskManager{s}; a job that differs is restarted")
}

fn planned(step: &Step, action: Action<Vec<Target>>, limit: Duration, on: &Job<'_>) -> Planned {
    let undo = match &action {
        Action::Inject { fault, on } => Some(undo(*fault, on)),
        _ => None,
    };
    let sends = match &action {
        Action::Operate(Operating { operation, via, .. }) => sends(operation, *via, on),
        _ => Sends::default(),
    };
    Planned { title: title(&action), reason: step.reason.clone(), undo, sends, action, limit }
}

/// What undoes a fault once it was done to these.
fn undo(fault: Fault, on: &[Target]) -> Undo {
    fault.undo(&on.iter().map(Target::when_undone).collect::<Vec<_>>())
}

fn sends(operation: &Operation, via: Via, on: &Job<'_>) -> Sends {
    let lines = |parts: &[Part]| parts.iter().filter_map(|part| part.line(via)).collect();
    match on.expected.plan(on.workload, operation, via) {
        Ok(plan) => Sends { requests: lines(&plan.parts), roll_back: lines(&plan.roll_back), refused: None },
        Err(error) => Sends { refused: Some(format!("{error:#}")), ..Sends::default() },
    }
}

/// The job that an operation is planned for.
struct Job<'a> {
    workload: &'a Workload,
    expected: Expected,
}

/// What was broken and not undone so far: what the file names, and what it meant then.
#[derive(Default)]
struct Broken(Vec<(Fault, Targets, Vec<Target>)>);

impl Broken {
    fn broke(&mut self, fault: Fault, on: &Targets, meant: &[Target]) {
        self.0.push((fault, on.clone(), meant.to_vec()));
    }

    /// What the newest fault of a kind on this was done to.
    fn mended(&mut self, fault: Fault, on: &Targets) -> Option<Vec<Target>> {
        let newest = self.0.iter().rposition(|(done, broken, _)| *done == fault && broken == on)?;
        Some(self.0.remove(newest).2)
    }
}

fn instantiate(
    action: &Action<Targets>,
    via: Via,
    there: &There<'_>,
    broken: &mut Broken,
) -> Result<Action<Vec<Target>>, String> {
    Ok(match action {
        Action::Up => Action::Up,
        Action::Inject { fault, on: targets } => {
            let on = targets.meant(there)?;
            broken.broke(*fault, targets, &on);
            Action::Inject { fault: *fault, on }
        }
        Action::Undo { fault, on } => {
            let on = broken.mended(*fault, on).ok_or_else(|| format!("{on} is not broken then"))?;
            Action::Undo { fault: *fault, on }
        }
        Action::Operate(operating) => {
            // Flink's command line has no word for it.
            let via = if matches!(operating.operation, Operation::Rescale { .. }) { Via::Rest } else { via };
            Action::Operate(Operating { via, ..operating.clone() })
        }
        Action::Await(what) => Action::Await(*what),
    })
}

fn title(action: &Action<Vec<Target>>) -> String {
    match action {
        Action::Up => "stack up".to_owned(),
        Action::Inject { fault, on } => {
            let on: Vec<String> = on.iter().map(ToString::to_string).collect();
            format!("{} {}", fault.name(), on.join(", "))
        }
        Action::Undo { fault, on } => undo(*fault, on).to_string(),
        Action::Operate(operating) => operating.operation.title(),
        Action::Await(what) => what.title().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{catalog, parse};
    use crate::workload;

    fn planned(file: &str) -> Result<Plan, Failure> {
        let asked = Asked::of("own");
        let scenario = parse::scenario("own.toml", file).unwrap();
        let workload = workload::catalog::usual().unwrap();
        let settings = scenario.settings(&asked.stack, &workload).unwrap();
        plan(&scenario, &asked, &workload, &Stack::load(&settings, &workload).unwrap(), &Meant::Docker)
    }

    /// A scenario of these steps, judged at its end.
    fn own(steps: &[&str]) -> String {
        let steps =
            steps.iter().chain(&["await = \"judged\""]).map(|step| format!("[[steps]]\nreason = \"x\"\n{step}\n"));
        format!("name = \"own\"\npurpose = \"y\"\n{}", steps.collect::<String>())
    }

    #[test]
    fn an_undo_is_of_the_instances_of_its_fault() {
        let titles = |on: &str| {
            let fault = format!("fault = \"kill\"\non = {on}");
            let scale = |to| format!("operation = \"scale\"\ntaskmanagers = {to}");
            planned(&own(&[&scale(2), &fault, &scale(3), "undo = \"kill\""]))
                .map(|plan| format!("{} / {}", plan.steps[2].title, plan.steps[4].title))
                .map_err(|error| error.to_string())
        };
        assert_eq!(titles("'taskmanager'").unwrap(), "kill taskmanager-1 / start taskmanager-1");
        let every = "kill taskmanager-1, taskmanager-2 / start taskmanager-1, taskmanager-2";
        assert_eq!(titles("'every taskmanager'").unwrap(), every);
        let several = "kill kafka-1, taskmanager-2 / start kafka-1, taskmanager-2";
        assert_eq!(titles("['kafka', 'taskmanager-2']").unwrap(), several);
        assert!(
            titles("'taskmanager-3'").unwrap_err().starts_with("scenario own, step 2: the stack has no service or")
        );
    }

    #[test]
    fn what_will_be_refused_is_no_request() {
        let sends = planned(&own(&["operation = \"rescale\"\nparallelism = 128"]));
        let sends = sends.unwrap().steps.into_iter().nth(1).unwrap().sends;
        assert_eq!(sends.requests, Vec::<String>::new());
        assert!(sends.refused.is_some_and(|why| why.starts_with("128 slots would take 64 TaskManagers")));
    }

    #[test]
    fn a_roll_back_is_in_the_plan() {
        let asked = Asked::of("upgrade-rollback");
        let workload = workload::catalog::usual().unwrap();
        let stack = Stack::load(&asked.stack, &workload).unwrap();
        let plan =
            plan(&catalog::find("upgrade-rollback").unwrap(), &asked, &workload, &stack, &Meant::Docker).unwrap();
        let sends = &plan.steps.iter().find(|step| !step.sends.requests.is_empty()).unwrap().sends;
        assert!(sends.requests.iter().all(|line| !line.contains(":old-job")), "{sends:?}");
        let names: Vec<bool> = sends.roll_back.iter().map(|line| line.contains(":old-job")).collect();
        assert_eq!(names, [false, true], "{sends:?}");
    }

    #[test]
    fn of_two_jobmanagers_the_one_that_leads_is_killed_and_started_again() {
        let mut asked = Asked::of("jobmanager-failover");
        asked.stack.jobmanagers = 2;
        let workload = workload::catalog::usual().unwrap();
        let stack = Stack::load(&asked.stack, &workload).unwrap();
        let plan =
            plan(&catalog::find("jobmanager-failover").unwrap(), &asked, &workload, &stack, &Meant::Docker).unwrap();
        let kill = &plan.steps[2];
        let undo = kill.undo.as_ref().unwrap().to_string();
        assert_eq!((&*kill.title, &*undo), ("kill the leading jobmanager", "start the jobmanager that led"));
        assert_eq!(plan.steps[6].title, undo);
    }

    #[test]
    fn the_failover_plan_names_instances_and_carries_each_undo() {
        let asked = Asked::of("failover");
        let workload = workload::catalog::usual().unwrap();
        let stack = Stack::load(&asked.stack, &workload).unwrap();
        let plan = plan(&catalog::find("failover").unwrap(), &asked, &workload, &stack, &Meant::Docker).unwrap();
        let undo = |step: &Planned| step.undo.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let lines: Vec<String> = plan.steps.iter().map(|step| format!("{} / {}", step.title, undo(step))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        stack up / -
        steady state / -
        kill taskmanager-1 / start taskmanager-1
        detected / -
        backlog / -
        start taskmanager-1 / -
        registered / -
        restored / -
        running / -
        caught up / -
        judged / -
        ");
    }
}
