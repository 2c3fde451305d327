//! The step `operation` of scenario files: each operation with the parameters that it takes.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::parse::typed;
use crate::history::operated::OperationEnd;
use crate::operation::jar::JarChoice;
use crate::operation::submit::{From, Submit};
use crate::operation::upgrade::Upgrade;
use crate::operation::{Operation, Via};
use crate::settings::{MAX_PARALLELISM, MAX_TASKMANAGERS};

/// An operation of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operating {
    /// What is done.
    pub operation: Operation,
    /// How it is to end.
    pub outcome: OperationEnd,
    /// Through which channel Flink is asked.
    pub via: Via,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    #[serde(default)]
    drain: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SubmitStep {
    jar: Option<String>,
    entry_class: Option<String>,
    libraries: Option<Vec<String>>,
    parallelism: Option<u32>,
    from_savepoint: Option<String>,
    arguments: Option<Vec<String>>,
    #[serde(default)]
    detach: bool,
    #[serde(default)]
    allow_non_restored_state: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UpgradeStep {
    outcome: Option<OperationEnd>,
    jar: Option<String>,
    entry_class: Option<String>,
    libraries: Option<Vec<String>>,
    parallelism: Option<u32>,
    #[serde(default)]
    arguments: Vec<String>,
    scale: Option<bool>,
    #[serde(default)]
    allow_non_restored_state: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleStep {
    taskmanagers: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RescaleStep {
    parallelism: u32,
    scale: Option<bool>,
}

/// The operation of a name, with its parameters.
pub(super) fn parse(name: &str, table: Table) -> Result<Operating> {
    let mut outcome = OperationEnd::Done;
    let operation = match name {
        "savepoint" => typed::<Nothing>(name, table).map(|_| Operation::Savepoint)?,
        "cancel" => typed::<Nothing>(name, table).map(|_| Operation::Cancel)?,
        "stop" => Operation::Stop { drain: typed::<Stop>(name, table)?.drain },
        "submit" => Operation::Submit(submit(typed(name, table)?)?),
        "upgrade" => {
            let step: UpgradeStep = typed(name, table)?;
            outcome = step.outcome.unwrap_or(OperationEnd::Done);
            Operation::Upgrade(upgrade(step)?)
        }
        "scale" => {
            let ScaleStep { taskmanagers } = typed(name, table)?;
            Operation::Scale { taskmanagers: within("taskmanagers", taskmanagers, MAX_TASKMANAGERS)?, force: false }
        }
        "rescale" => {
            let RescaleStep { parallelism, scale } = typed(name, table)?;
            let parallelism = within("parallelism", parallelism, MAX_PARALLELISM)?;
            Operation::Rescale { parallelism, scale: scale.unwrap_or(true) }
        }
        _ => bail!(
            "no operation '{name}'; the operations are savepoint, stop, cancel, submit, upgrade, scale and rescale"
        ),
    };
    Ok(Operating { operation, outcome, via: Via::Rest })
}

fn submit(step: SubmitStep) -> Result<Submit> {
    Ok(Submit {
        jar: step.jar.as_deref().map(JarChoice::of),
        entry_class: step.entry_class,
        libraries: step.libraries.as_deref().map(JarChoice::all),
        parallelism: parallelism(step.parallelism)?,
        from: step.from_savepoint.as_deref().map(From::of),
        arguments: step.arguments,
        allow_non_restored_state: step.allow_non_restored_state,
        detached: step.detach,
    })
}

fn upgrade(step: UpgradeStep) -> Result<Upgrade> {
    Ok(Upgrade {
        parallelism: parallelism(step.parallelism)?,
        jar: step.jar.as_deref().map(JarChoice::of),
        entry_class: step.entry_class,
        libraries: step.libraries.as_deref().map(JarChoice::all),
        more_arguments: step.arguments,
        arguments: None,
        allow_non_restored_state: step.allow_non_restored_state,
        scale: step.scale.unwrap_or(true),
    })
}

fn parallelism(asked: Option<u32>) -> Result<Option<u32>> {
    asked.map(|number| within("parallelism", number, MAX_PARALLELISM)).transpose()
}

fn within(name: &str, number: u32, most: u32) -> Result<u32> {
    if (1..=most).contains(&number) { Ok(number) } else { bail!("{name} = {number} is not in 1..={most}") }
}
