//! From a scenario to what will be done to one stack.

use std::time::Duration;

use super::asked::Asked;
use super::operating::Operating;
use super::{Action, InstanceName, Plan, Planned, Scenario, Step};
use crate::failure::Failure;
use crate::history::{Head, Scope};
use crate::operation::expected::Expected;
use crate::operation::{Operation, Via};

/// Plans a scenario as it was asked for.
///
/// A fault on a service is done to its first instance, so that a plan says before it runs what it will hit.
///
/// # Errors
/// Options that contradict what the scenario fixes.
pub fn plan(scenario: &Scenario, asked: &Asked) -> Result<Plan, Failure> {
    let settings = scenario.settings(&asked.stack)?;
    let (limit, via) = (asked.limit, asked.via);
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
        reason: "a scenario starts on a running stack".to_owned(),
        undo: None,
        requests: Vec::new(),
        action: Action::Up,
        limit,
    };
    let mut expected = Expected::of(&settings);
    let mut steps = vec![up];
    for step in &scenario.steps {
        steps.push(planned(step, limit, via, expected));
        if let Action::Operate(operating) = &step.action {
            expected = expected.after(&operating.operation);
        }
    }
    Ok(Plan { head, steps, again: asked.again() })
}

fn planned(step: &Step, limit: Duration, via: Via, expected: Expected) -> Planned {
    let action = instantiate(&step.action, via);
    let undo = match &action {
        Action::Inject { fault, target } => Some(fault.undo(target)),
        _ => None,
    };
    let requests = match &action {
        Action::Operate(Operating { operation, via, .. }) => lines(operation, *via, expected),
        _ => Vec::new(),
    };
    Planned { title: title(&action), reason: step.reason.clone(), undo, requests, action, limit }
}

/// What an operation sends, if the stack is then as it is expected to be.
fn lines(operation: &Operation, via: Via, expected: Expected) -> Vec<String> {
    match expected.plan(operation, via) {
        Ok(plan) => plan.lines(via),
        Err(error) => vec![format!("refused if the stack is as expected: {error:#}")],
    }
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
        let plan = plan(&catalog::find("failover").unwrap(), &Asked::of("failover")).unwrap();
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
