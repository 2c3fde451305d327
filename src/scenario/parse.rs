//! Scenario files: TOML in, [`Scenario`] out, every mistake named with its step.
//!
//! A step is of one of four forms, and each form is a type of its own: what does not belong to it is refused by name.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::condition::Await;
use super::fault::Fault;
use super::target::Targets;
use super::{Action, Scenario, Step, operating};
use crate::failure::Failure;
use crate::history::Holds;
use crate::meant::did_you_mean;
use crate::settings::overrides::Overrides;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    purpose: String,
    workload: Option<String>,
    #[serde(default)]
    holds: Holds,
    #[serde(default)]
    stack: Table,
    steps: Vec<Table>,
}

/// What belongs to `fault`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaking {
    fault: Fault,
    on: Option<Targets>,
}

/// What belongs to `undo`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mending {
    undo: Fault,
    on: Option<Targets>,
}

const FORMS: [&str; 4] = ["await", "fault", "undo", "operation"];
const ONE_OF: &str = "it needs exactly one of 'await', 'fault', 'undo' and 'operation'";

/// Reads a scenario; `origin` names the file in messages.
pub fn scenario(origin: &str, text: &str) -> Result<Scenario> {
    let file: File = toml::from_str(text).map_err(|error| Failure::Usage(format!("scenario {origin}: {error}")))?;
    let mut steps: Vec<Step> = Vec::with_capacity(file.steps.len());
    for (index, table) in file.steps.into_iter().enumerate() {
        let step = step(table, &steps)
            .map_err(|error| Failure::Usage(format!("scenario {origin}, step {}: {error:#}", index + 1)))?;
        steps.push(step);
    }
    let about = |error: anyhow::Error| Failure::Usage(format!("scenario {origin}: {error}"));
    let stack = Overrides::of_scenario(&file.stack).map_err(about)?;
    let scenario =
        Scenario { name: file.name, purpose: file.purpose, workload: file.workload, holds: file.holds, stack, steps };
    check(&scenario).map_err(about)?;
    Ok(scenario)
}

/// What a scenario does has to be judged at its end.
fn check(scenario: &Scenario) -> Result<()> {
    let Some(last) = scenario.steps.last() else { bail!("it has no steps") };
    let disturbs = scenario.steps.iter().any(|step| matches!(step.action, Action::Inject { .. } | Action::Operate(_)));
    let (decides, name) = match scenario.holds {
        Holds::Spread => (matches!(last.action, Action::Await(Await::Emitted(_))), "emitted"),
        _ => (matches!(last.action, Action::Await(Await::Judged(_))), "judged"),
    };
    if disturbs && !decides {
        bail!("the last step must be await = \"{name}\": only then is it known what the fault or operation did");
    }
    Ok(())
}

fn step(mut table: Table, before: &[Step]) -> Result<Step> {
    let reason = text(&mut table, "reason")?;
    let forms: Vec<&str> = FORMS.into_iter().filter(|form| table.contains_key(*form)).collect();
    let action = match forms[..] {
        ["await"] => {
            let name = text(&mut table, "await")?;
            Action::Await(Await::parse(&name, table)?)
        }
        ["operation"] => {
            let name = text(&mut table, "operation")?;
            Action::Operate(operating::parse(&name, table)?)
        }
        ["fault"] => {
            let Breaking { fault, on } = typed("fault", table)?;
            let Some(on) = on else { bail!("'fault' needs 'on', what to break") };
            Action::Inject { fault, on }
        }
        ["undo"] => {
            let Mending { undo: fault, on } = typed("undo", table)?;
            let about = on.as_ref().map_or_else(String::new, |on| format!(" on {on}"));
            match broken_by(fault, on.as_ref(), before) {
                Some(on) => Action::Undo { fault, on },
                None => bail!("no earlier step has a fault '{}'{about} left to undo", fault.name()),
            }
        }
        [] => match table.keys().next() {
            Some(unknown) => bail!("{ONE_OF}, and has '{unknown}'{}", did_you_mean(unknown, FORMS)),
            None => bail!(ONE_OF),
        },
        _ => bail!(ONE_OF),
    };
    Ok(Step { action, reason })
}

fn text(table: &mut Table, field: &str) -> Result<String> {
    match table.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => bail!("'{field}' must be text, not {}", other.type_str()),
        None => bail!("'{field}' is missing"),
    }
}

/// Reads what belongs to a form, a condition or an operation, by its name in messages.
pub(super) fn typed<T: DeserializeOwned>(name: &str, table: Table) -> Result<T> {
    T::deserialize(Value::Table(table)).map_err(|error| anyhow::anyhow!("{name}: {}", error.message()))
}

/// What the newest fault of a kind was done to that is not undone yet; with `on`, only if it was done to that.
fn broken_by(fault: Fault, on: Option<&Targets>, before: &[Step]) -> Option<Targets> {
    let mut broken: Vec<&Targets> = Vec::new();
    for step in before {
        match &step.action {
            Action::Inject { fault: done, on } if *done == fault => broken.push(on),
            Action::Undo { fault: undone, on } if *undone == fault => {
                if let Some(newest) = broken.iter().rposition(|broken| *broken == on) {
                    broken.remove(newest);
                }
            }
            _ => {}
        }
    }
    broken.into_iter().rev().find(|broken| on.is_none_or(|on| on == *broken)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(step: &str) -> String {
        let text = format!("name = \"x\"\npurpose = \"y\"\n[[steps]]\nreason = \"z\"\n{step}\n");
        scenario("x.toml", &text).unwrap_err().to_string()
    }

    #[test]
    fn every_mistake_is_named_with_its_step() {
        let steps = [
            "",
            "await = \"detected\"\nfault = \"kill\"",
            "awiat = \"detected\"",
            "await = 7",
            "await = \"detcted\"",
            "await = \"detected\"\nwindows = 1",
            "await = \"detected\"\njar = \"x\"",
            "await = \"backlog\"",
            "await = \"backlog\"\nwindows = 0",
            "fault = \"kill\"",
            "fault = \"explode\"\non = \"kafka\"",
            "fault = \"kill\"\non = \"kafka\"\nwindows = 1",
            "fault = \"kill\"\non = 1",
            "fault = \"kill\"\non = []",
            "undo = \"kill\"",
            "operation = \"stop\"\nfault = \"kill\"",
            "operation = \"stop\"\nparallelism = 3",
            "operation = \"rescale\"",
            "operation = \"rescale\"\nparallelism = 0",
            "operation = \"sotp\"",
        ];
        let messages: Vec<String> = steps.into_iter().map(message).collect();
        insta::assert_snapshot!(messages.join("\n"), @"
        scenario x.toml, step 1: it needs exactly one of 'await', 'fault', 'undo' and 'operation'
        scenario x.toml, step 1: it needs exactly one of 'await', 'fault', 'undo' and 'operation'
        scenario x.toml, step 1: it needs exactly one of 'await', 'fault', 'undo' and 'operation', and has 'awiat'; did you mean 'await'?
        scenario x.toml, step 1: 'await' must be text, not integer
        scenario x.toml, step 1: no condition 'detcted'; the conditions are steady-state, detected, backlog, taken-over, registered, restored, running, kept-running, waiting-for-slots, emitted, in-transaction, back-pressured, relieved, caught-up, judged
        scenario x.toml, step 1: detected: unknown field `windows`, there are no fields
        scenario x.toml, step 1: detected: unknown field `jar`, there are no fields
        scenario x.toml, step 1: backlog: missing field `windows`
        scenario x.toml, step 1: backlog: invalid value: integer `0`, expected a nonzero u64
        scenario x.toml, step 1: 'fault' needs 'on', what to break
        scenario x.toml, step 1: fault: unknown variant `explode`, expected one of `kill`, `terminate`, `drain`
        scenario x.toml, step 1: fault: unknown field `windows`, expected `fault` or `on`
        scenario x.toml, step 1: fault: 'on' must be a name, or a list of names
        scenario x.toml, step 1: fault: 'on' names nothing to break
        scenario x.toml, step 1: no earlier step has a fault 'kill' left to undo
        scenario x.toml, step 1: it needs exactly one of 'await', 'fault', 'undo' and 'operation'
        scenario x.toml, step 1: stop: unknown field `parallelism`, expected `drain`
        scenario x.toml, step 1: rescale: missing field `parallelism`
        scenario x.toml, step 1: parallelism = 0 is not in 1..=128
        scenario x.toml, step 1: no operation 'sotp'; the operations are savepoint, stop, cancel, submit, upgrade, scale and rescale
        ");
    }

    #[test]
    fn a_step_needs_a_reason() {
        let text = "name = \"x\"\npurpose = \"y\"\n[[steps]]\nawait = \"detected\"\n";
        assert_eq!(scenario("x.toml", text).unwrap_err().to_string(), "scenario x.toml, step 1: 'reason' is missing");
    }

    #[test]
    fn a_fault_without_a_judgement_after_it_is_refused() {
        let expected = "scenario x.toml: the last step must be await = \"judged\": only then is it known what the fault or operation did";
        assert_eq!(message("fault = \"kill\"\non = \"kafka\""), expected);
        assert_eq!(message("operation = \"savepoint\""), expected);
    }

    /// What the undoes of these steps mend, in their order.
    fn undone(steps: &[&str]) -> Result<Vec<String>> {
        let steps =
            steps.iter().chain(&["await = \"judged\""]).map(|step| format!("[[steps]]\nreason = \"z\"\n{step}\n"));
        let text = format!("name = \"x\"\npurpose = \"y\"\n{}", steps.collect::<String>());
        let undone = scenario("x.toml", &text)?.steps.into_iter().filter_map(|step| match step.action {
            Action::Undo { on, .. } => Some(on.to_string()),
            _ => None,
        });
        Ok(undone.collect())
    }

    #[test]
    fn an_undo_mends_the_newest_fault_of_its_kind_that_is_left_or_the_one_on_what_it_names() {
        let (kafka, both) =
            ("fault = \"kill\"\non = \"kafka\"", "fault = \"kill\"\non = [\"jobmanager\", \"zookeeper\"]");
        let (undo, on_kafka) = ("undo = \"kill\"", "undo = \"kill\"\non = \"kafka\"");
        assert_eq!(undone(&[kafka, both, undo, undo]).unwrap(), ["jobmanager, zookeeper", "kafka"]);
        assert_eq!(undone(&[kafka, both, on_kafka, undo]).unwrap(), ["kafka", "jobmanager, zookeeper"]);
        let refused = undone(&[kafka, on_kafka, on_kafka]).unwrap_err().to_string();
        assert_eq!(refused, "scenario x.toml, step 3: no earlier step has a fault 'kill' on kafka left to undo");
    }
}
