//! Scenario files: TOML in, [`Scenario`] out, every mistake named with its step.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::fault::Fault;
use super::{Action, Await, Scenario, Service, Step};
use crate::failure::Failure;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    purpose: String,
    steps: Vec<Entry>,
}

/// One `[[steps]]`: exactly one of `await`, `fault` and `undo`, with what belongs to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reason: String,
    r#await: Option<String>,
    windows: Option<u64>,
    fault: Option<Fault>,
    on: Option<Service>,
    undo: Option<Fault>,
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
    let has_fault = steps.iter().any(|step| matches!(step.action, Action::Inject { .. }));
    if has_fault && steps.last().is_some_and(|step| step.action != Action::Await(Await::Judged)) {
        let text = "the last step must be await = \"judged\": what a fault did is not known before";
        return Err(Failure::Usage(format!("scenario {origin}: {text}")).into());
    }
    Ok(Scenario { name: file.name, purpose: file.purpose, steps })
}

fn action(entry: Entry, before: &[Step]) -> Result<Action<Service>> {
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
        _ => bail!("it needs exactly one of 'await', 'fault' and 'undo'"),
    }
}

fn condition(name: &str, windows: Option<u64>) -> Result<Await> {
    let needs_windows = matches!(name, "steady-state" | "backlog");
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
        "caught-up" => Await::CaughtUp,
        "judged" => Await::Judged,
        _ => bail!(
            "nothing to await is called '{name}'; there are steady-state, detected, backlog, registered, restored, \
             running, caught-up and judged"
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
            ("", "it needs exactly one of 'await', 'fault' and 'undo'"),
            ("await = \"detected\"\nfault = \"kill\"", "it needs exactly one of 'await', 'fault' and 'undo'"),
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
        let expected =
            "scenario x.toml: the last step must be await = \"judged\": what a fault did is not known before";
        assert_eq!(message("fault = \"kill\"\non = \"kafka\""), expected);
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
