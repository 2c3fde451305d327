//! Scenario files: TOML in, [`Scenario`] out, every mistake named with its step.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::fault::Fault;
use super::{Action, Await, Operating, Scenario, Service, Shape, Step};
use crate::failure::Failure;
use crate::history::Holds;
use crate::history::operated::Outcome;
use crate::operation::model::{From, Submit};
use crate::operation::submit::JarChoice;
use crate::operation::upgrade::Upgrade;
use crate::operation::{Operation, Via};
use crate::settings::{MAX_PARALLELISM, MAX_TASKMANAGERS};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    purpose: String,
    #[serde(default)]
    holds: Holds,
    #[serde(default)]
    stack: Shape,
    steps: Vec<Entry>,
}

/// One `[[steps]]`: exactly one of `await`, `fault`, `undo` and `operation`, with what belongs to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    reason: String,
    r#await: Option<String>,
    windows: Option<u64>,
    fault: Option<Fault>,
    on: Option<Service>,
    undo: Option<Fault>,
    operation: Option<String>,
    outcome: Option<Outcome>,
    parallelism: Option<u32>,
    taskmanagers: Option<u32>,
    jar: Option<String>,
    from_savepoint: Option<String>,
    arguments: Option<Vec<String>>,
    drain: Option<bool>,
    detach: Option<bool>,
    scale: Option<bool>,
    allow_non_restored_state: Option<bool>,
}

impl Entry {
    /// What belongs to `operation`, by name, of those that are given.
    fn details(&self) -> Vec<&'static str> {
        let given = [
            ("outcome", self.outcome.is_some()),
            ("parallelism", self.parallelism.is_some()),
            ("taskmanagers", self.taskmanagers.is_some()),
            ("jar", self.jar.is_some()),
            ("from-savepoint", self.from_savepoint.is_some()),
            ("arguments", self.arguments.is_some()),
            ("drain", self.drain.is_some()),
            ("detach", self.detach.is_some()),
            ("scale", self.scale.is_some()),
            ("allow-non-restored-state", self.allow_non_restored_state.is_some()),
        ];
        given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

/// Reads a scenario; `origin` names the file in messages.
pub fn scenario(origin: &str, text: &str) -> Result<Scenario> {
    let file: File = toml::from_str(text).map_err(|error| Failure::Usage(format!("scenario {origin}: {error}")))?;
    let mut steps: Vec<Step> = Vec::with_capacity(file.steps.len());
    for (index, entry) in file.steps.into_iter().enumerate() {
        let reason = entry.reason.clone();
        let action = action(entry, &steps)
            .map_err(|error| Failure::Usage(format!("scenario {origin}, step {}: {error}", index + 1)))?;
        steps.push(Step { action, reason });
    }
    if steps.is_empty() {
        return Err(Failure::Usage(format!("scenario {origin}: it has no steps")).into());
    }
    let disturbs = steps.iter().any(|step| matches!(step.action, Action::Inject { .. } | Action::Operate(_)));
    let decides = |action: &Action<Service>| match file.holds {
        Holds::Spread => matches!(action, Action::Await(Await::Emitted { .. })),
        _ => *action == Action::Await(Await::Judged),
    };
    if disturbs && steps.last().is_some_and(|step| !decides(&step.action)) {
        let last = if file.holds == Holds::Spread { "emitted" } else { "judged" };
        let text =
            format!("the last step must be await = \"{last}\": what a fault or an operation did is not known before");
        return Err(Failure::Usage(format!("scenario {origin}: {text}")).into());
    }
    Ok(Scenario { name: file.name, purpose: file.purpose, holds: file.holds, stack: file.stack, steps })
}

fn action(entry: Entry, before: &[Step]) -> Result<Action<Service>> {
    if let Some(name) = entry.operation.clone() {
        let others = [entry.r#await.is_some(), entry.fault.is_some(), entry.undo.is_some(), entry.on.is_some()];
        if others.contains(&true) {
            bail!(ONE_OF);
        }
        return operation(&name, entry);
    }
    if let Some(detail) = entry.details().first() {
        bail!("'{detail}' belongs to 'operation'");
    }
    match (entry.r#await, entry.fault, entry.undo) {
        (Some(name), None, None) => {
            if entry.on.is_some() {
                bail!("'on' belongs to 'fault'");
            }
            Ok(Action::Await(condition(&name, entry.windows)?))
        }
        (None, Some(_), None) | (None, None, Some(_)) if entry.windows.is_some() => {
            bail!("'windows' belongs to 'await'")
        }
        (None, Some(fault), None) => match entry.on {
            Some(target) => Ok(Action::Inject { fault, target }),
            None => bail!("'fault' needs 'on', the service it is done to"),
        },
        (None, None, Some(_)) if entry.on.is_some() => bail!("'on' belongs to 'fault'; 'undo' mends what that broke"),
        (None, None, Some(fault)) => match broken_by(fault, before) {
            Some(target) => Ok(Action::Undo { fault, target }),
            None => bail!("no step before it has the fault '{}' that is not undone yet", fault.name()),
        },
        _ => bail!(ONE_OF),
    }
}

const ONE_OF: &str = "it needs exactly one of 'await', 'fault', 'undo' and 'operation'";

fn operation(name: &str, entry: Entry) -> Result<Action<Service>> {
    let allowed: &[&str] = match name {
        "savepoint" | "cancel" => &[],
        "stop" => &["drain"],
        "submit" => &["parallelism", "jar", "from-savepoint", "arguments", "detach", "allow-non-restored-state"],
        "upgrade" => &["outcome", "parallelism", "jar", "arguments", "scale", "allow-non-restored-state"],
        "scale" => &["taskmanagers"],
        "rescale" => &["parallelism", "scale"],
        _ => bail!("no operation '{name}'; there are savepoint, stop, cancel, submit, upgrade, scale and rescale"),
    };
    if let Some(detail) = entry.details().into_iter().find(|detail| !allowed.contains(detail)) {
        bail!("'{name}' takes no '{detail}'");
    }
    // A file has a path; what is uploaded has a name.
    let jar =
        entry.jar.map(|jar| if jar.contains('/') { JarChoice::File(jar.into()) } else { JarChoice::Uploaded(jar) });
    let parallelism = entry.parallelism.map(|number| within(number, MAX_PARALLELISM)).transpose()?;
    let allow_non_restored_state = entry.allow_non_restored_state.unwrap_or(false);
    let operation = match name {
        "savepoint" => Operation::Savepoint,
        "cancel" => Operation::Cancel,
        "stop" => Operation::Stop { drain: entry.drain.unwrap_or(false) },
        "submit" => Operation::Submit(Submit {
            jar,
            parallelism,
            from: entry.from_savepoint.as_deref().map(From::of),
            arguments: entry.arguments,
            allow_non_restored_state,
            detached: entry.detach.unwrap_or(false),
        }),
        "upgrade" => Operation::Upgrade(Upgrade {
            parallelism,
            jar,
            more_arguments: entry.arguments.unwrap_or_default(),
            arguments: None,
            allow_non_restored_state,
            scale: entry.scale.unwrap_or(true),
        }),
        "scale" => Operation::Scale {
            taskmanagers: within(entry.taskmanagers.context("'scale' needs 'taskmanagers'")?, MAX_TASKMANAGERS)?,
            force: false,
        },
        _ => Operation::Rescale {
            parallelism: parallelism.context("'rescale' needs 'parallelism'")?,
            scale: entry.scale.unwrap_or(true),
        },
    };
    let outcome = entry.outcome.unwrap_or(Outcome::Done);
    Ok(Action::Operate(Operating { operation, outcome, via: Via::Rest }))
}

fn within(number: u32, most: u32) -> Result<u32> {
    if (1..=most).contains(&number) { Ok(number) } else { bail!("{number} is not in 1..={most}") }
}

fn condition(name: &str, windows: Option<u64>) -> Result<Await> {
    let needs_windows = matches!(name, "steady-state" | "backlog" | "emitted");
    match (needs_windows, windows) {
        (true, None | Some(0)) => bail!("'{name}' needs 'windows', 1 or more"),
        (false, Some(_)) => bail!("'{name}' takes no 'windows'"),
        _ => {}
    }
    let windows = windows.unwrap_or_default();
    Ok(match name {
        "steady-state" => Await::SteadyState { windows },
        "detected" => Await::Detected,
        "backlog" => Await::Backlog { windows },
        "registered" => Await::Registered,
        "restored" => Await::Restored,
        "running" => Await::Running,
        "waiting-for-slots" => Await::WaitingForSlots,
        "emitted" => Await::Emitted { windows },
        "in-transaction" => Await::InTransaction,
        "back-pressured" => Await::BackPressured,
        "relieved" => Await::Relieved,
        "caught-up" => Await::CaughtUp,
        "judged" => Await::Judged,
        _ => bail!(
            "nothing to await is called '{name}'; there are steady-state, detected, backlog, registered, restored, \
             running, waiting-for-slots, emitted, in-transaction, back-pressured, relieved, caught-up and judged"
        ),
    })
}

/// What the newest fault of a kind was done to, unless it was undone.
fn broken_by(fault: Fault, before: &[Step]) -> Option<Service> {
    before.iter().rev().find_map(|step| match &step.action {
        Action::Inject { fault: done, target } if *done == fault => Some(Some(target.clone())),
        Action::Undo { fault: undone, .. } if *undone == fault => Some(None),
        _ => None,
    })?
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
        for (step, expected) in [
            ("", ONE_OF),
            ("await = \"detected\"\nfault = \"kill\"", ONE_OF),
            ("operation = \"stop\"\nfault = \"kill\"", ONE_OF),
            ("operation = \"stop\"\nparallelism = 3", "'stop' takes no 'parallelism'"),
            ("operation = \"rescale\"", "'rescale' needs 'parallelism'"),
            ("await = \"detected\"\njar = \"x\"", "'jar' belongs to 'operation'"),
            ("fault = \"kill\"", "'fault' needs 'on', the service it is done to"),
            ("undo = \"kill\"", "no step before it has the fault 'kill' that is not undone yet"),
            ("await = \"backlog\"", "'backlog' needs 'windows', 1 or more"),
            ("await = \"detected\"\nwindows = 1", "'detected' takes no 'windows'"),
            ("fault = \"kill\"\non = \"kafka\"\nwindows = 1", "'windows' belongs to 'await'"),
        ] {
            assert_eq!(message(step), format!("scenario x.toml, step 1: {expected}"));
        }
    }

    #[test]
    fn what_toml_refuses_is_told_with_its_place() {
        assert!(message("awiat = \"detected\"").contains("unknown field `awiat`"));
        assert!(message("fault = \"explode\"\non = \"kafka\"").contains("unknown variant `explode`"));
    }

    #[test]
    fn a_fault_without_a_judgement_after_it_is_refused() {
        let expected = "scenario x.toml: the last step must be await = \"judged\": what a fault or an operation did is not known before";
        assert_eq!(message("fault = \"kill\"\non = \"kafka\""), expected);
        assert_eq!(message("operation = \"savepoint\""), expected);
    }

    #[test]
    fn an_undo_mends_the_newest_fault_of_its_kind() {
        let text = include_str!("catalog/failover.toml");
        let undone = scenario("failover", text).unwrap().steps.into_iter().find_map(|step| match step.action {
            Action::Undo { fault, target } => Some((fault, target)),
            _ => None,
        });
        assert_eq!(undone, Some((Fault::Kill, "taskmanager".to_owned())));
    }
}
