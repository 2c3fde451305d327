//! From a scenario to what will be done to one stack.

use std::time::Duration;

use super::operating::Operating;
use super::{Action, InstanceName, Plan, Planned, Scenario, Step};
use crate::history::{Head, Scope};
use crate::operation::{Operation, Via};
use crate::settings::StackSettings;

/// Plans a scenario on the stack that was asked for. `limit` is how long each step may take, and `via` how operations
/// speak to Flink.
///
/// A fault on a service is done to its first instance, so that a plan says before it runs what it will hit.
#[must_use]
pub fn plan(scenario: &Scenario, asked: &StackSettings, limit: Duration, via: Via) -> Plan {
    let settings = scenario.settings(asked);
    let head = Head {
        scenario: scenario.name.clone(),
        purpose: scenario.purpose.clone(),
        project: settings.project.clone(),
        speed: settings.speed,
        job: settings.job.clone(),
        holds: scenario.holds,
        scope: Scope::Plan,
        steps: 1 + scenario.steps.len(),
        began: 0,
        plan: String::new(),
    };
    let up = Planned {
        title: "stack up".to_owned(),
        reason: "a scenario begins on a stack that runs".to_owned(),
        undo: None,
        requests: Vec::new(),
        action: Action::Up,
        limit,
    };
    let steps = std::iter::once(up).chain(scenario.steps.iter().map(|step| planned(step, limit, via))).collect();
    Plan { head, steps, again: again(&scenario.name, asked) }
}

/// The command line that gives the same plan.
fn again(scenario: &str, asked: &StackSettings) -> String {
    let project = match asked.project.as_str() {
        "playground" => Vec::new(),
        other => vec!["-p".to_owned(), other.to_owned()],
    };
    let words = ["playground".to_owned()].into_iter().chain(project);
    let words = words.chain(["scenario".to_owned(), scenario.to_owned()]).chain(asked.arguments());
    words.collect::<Vec<_>>().join(" ")
}

fn planned(step: &Step, limit: Duration, via: Via) -> Planned {
    let action = instantiate(&step.action, via);
    let undo = match &action {
        Action::Inject { fault, target } => Some(fault.undo(target)),
        _ => None,
    };
    let requests = match &action {
        Action::Operate(Operating { operation, via, .. }) => operation.requests(*via),
        _ => Vec::new(),
    };
    Planned { title: title(&action), reason: step.reason.clone(), undo, requests, action, limit }
}

fn instantiate(action: &Action<String>, via: Via) -> Action<InstanceName> {
    let first = |service: &String| format!("{service}-1");
    match action {
        Action::Up => Action::Up,
        Action::Inject { fault, target } => Action::Inject { fault: *fault, target: first(target) },
        Action::Undo { fault, target } => Action::Undo { fault: *fault, target: first(target) },
        Action::Operate(operating) => {
            // Flink's command line has no word for it.
            let via = if matches!(operating.operation, Operation::Rescale { .. }) { Via::Rest } else { via };
            Action::Operate(Operating { via, ..operating.clone() })
        }
        Action::Await(what) => Action::Await(*what),
    }
}

fn title(action: &Action<InstanceName>) -> String {
    match action {
        Action::Up => "stack up".to_owned(),
        Action::Inject { fault, target } => format!("{} {target}", fault.name()),
        Action::Undo { fault, target } => fault.undo(target),
        Action::Operate(operating) => operating.operation.title(),
        Action::Await(what) => what.title().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalog;

    #[test]
    fn the_failover_plan_names_instances_and_carries_each_undo() {
        let settings = StackSettings::of("p");
        let plan = plan(&catalog::find("failover").unwrap(), &settings, Duration::from_mins(1), Via::Rest);
        let lines: Vec<String> =
            plan.steps.iter().map(|step| format!("{} / {}", step.title, step.undo.as_deref().unwrap_or("-"))).collect();
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
