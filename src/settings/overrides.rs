//! Options that somebody gave a value, over settings that stand without it: the user's over the usual ones, and a
//! scenario's `[stack]` over the user's.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};

use super::StackSettings;
use super::option::{Kind, OPTIONS, Scope, StackOption};
use crate::failure::Failure;

/// Values by the names of their options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<&'static str, String>);

impl Overrides {
    /// Gives an option a value.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the option's name.
    pub fn give(&mut self, option: &'static StackOption, value: &str) -> Result<(), String> {
        option.set(&mut StackSettings::of(""), value)?;
        self.0.insert(option.name, value.to_owned());
        Ok(())
    }

    /// The value that an option was given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The `[stack]` of a scenario file.
    ///
    /// # Errors
    /// A key that no scenario decides, or a value that its option does not take.
    pub fn of_scenario(stack: &toml::Table) -> Result<Self> {
        let mut given = Self::default();
        for (key, value) in stack {
            let option = StackOption::find(key).filter(|option| option.scope != Scope::User);
            let Some(option) = option else { bail!("[stack] has no '{key}'; it has {}", keys().join(", ")) };
            let text = text(&option.kind, value).map_err(|error| anyhow!("[stack] {key} {error}"))?;
            given.give(option, &text).map_err(|error| anyhow!("[stack] {key}: {error}"))?;
        }
        Ok(given)
    }

    /// These values over settings.
    ///
    /// # Errors
    /// None: each value was checked when it was given.
    pub fn over(&self, mut settings: StackSettings) -> Result<StackSettings, Failure> {
        for option in OPTIONS {
            if let Some(value) = self.0.get(option.name) {
                option
                    .set(&mut settings, value)
                    .map_err(|error| Failure::Usage(format!("--{}: {error}", option.flag())))?;
            }
        }
        Ok(settings)
    }

    /// The settings of a project, with these values instead of the usual ones.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn settings(&self, project: &str) -> Result<StackSettings, Failure> {
        self.over(StackSettings::of(project))?.checked()
    }
}

fn keys() -> Vec<&'static str> {
    OPTIONS.iter().filter(|option| option.scope != Scope::User).map(|option| option.name).collect()
}

/// A value of a TOML file as text, if it is of the type that the option takes.
fn text(kind: &Kind, value: &toml::Value) -> Result<String, String> {
    use toml::Value::{Boolean, Float, Integer, String as Text};
    match (kind, value) {
        (Kind::Flag, Boolean(value)) => Ok(value.to_string()),
        (Kind::Number(..) | Kind::Speed, Integer(value)) => Ok(value.to_string()),
        (Kind::Speed, Float(value)) => Ok(value.to_string()),
        (Kind::Choice(_) | Kind::Path(_), Text(value)) => Ok(value.clone()),
        (_, other) => Err(format!("must be {}, not {}", named(kind), other.type_str())),
    }
}

fn named(kind: &Kind) -> &'static str {
    match kind {
        Kind::Flag => "true or false",
        Kind::Number(..) => "a whole number",
        Kind::Speed => "a number",
        Kind::Choice(_) | Kind::Path(_) => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(stack: &str) -> String {
        Overrides::of_scenario(&toml::from_str(stack).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_in_stack_is_told_with_its_key() {
        insta::assert_snapshot!(
            [
                "rest-port = 1",
                "parralelism = 2",
                "parallelism = 0",
                "parallelism = \"2\"",
                "checkpointing = \"no\"",
                "delivery = \"at-most-once\"",
                "scheduler = 1",
            ]
            .map(message)
            .join("\n"),
            @"
        [stack] has no 'rest-port'; it has checkpointing, event-time, backpressure, delivery, checkpoint-interval, state-keys, scheduler, parallelism, jobmanagers, taskmanagers, slots
        [stack] has no 'parralelism'; it has checkpointing, event-time, backpressure, delivery, checkpoint-interval, state-keys, scheduler, parallelism, jobmanagers, taskmanagers, slots
        [stack] parallelism: 0 is not in 1..=128
        [stack] parallelism must be a whole number, not string
        [stack] checkpointing must be true or false, not string
        [stack] delivery: 'at-most-once' is not one of at-least-once, exactly-once
        [stack] scheduler must be text, not integer
        "
        );
    }
}
