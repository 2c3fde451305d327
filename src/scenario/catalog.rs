//! The scenarios that are built in, and files of the user's own.

use std::path::Path;

use anyhow::{Context as _, Result};
use include_dir::{Dir, include_dir};

use super::{Scenario, parse};
use crate::failure::Failure;
use crate::meant::did_you_mean;

static CATALOG: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/scenario/catalog");

/// The text of a scenario's file: a built-in one by its name, any other by its path.
pub fn text(name: &str) -> Result<String> {
    if let Some(text) = builtin().find_map(|(known, text)| (known == name).then_some(text)) {
        return Ok(text.to_owned());
    }
    let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml");
    if is_path {
        return std::fs::read_to_string(name).map_err(|error| {
            Failure::Usage(format!(
                "{name}: {error}\n  A scenario is a name or a TOML file; playground scenario list shows the names"
            ))
            .into()
        });
    }
    Err(Failure::Usage(unknown(name)).into())
}

/// A scenario by its name or path.
pub fn find(name: &str) -> Result<Scenario> {
    parse::scenario(name, &text(name)?)
}

/// All built-in scenarios, by name.
pub fn all() -> Result<Vec<Scenario>> {
    let mut scenarios =
        builtin().map(|(name, text)| parse::scenario(name, text).context("built in")).collect::<Result<Vec<_>>>()?;
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

fn builtin() -> impl Iterator<Item = (&'static str, &'static str)> {
    CATALOG.files().filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?)))
}

fn unknown(name: &str) -> String {
    let hint = did_you_mean(name, builtin().map(|(known, _)| known));
    format!("no scenario '{name}'{hint}\n  playground scenario list shows all of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_parses_and_is_named_like_its_file() {
        let scenarios = all().unwrap();
        assert!(!scenarios.is_empty());
        for scenario in scenarios {
            assert_eq!(find(&scenario.name).unwrap(), scenario);
        }
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_right_one() {
        let error = find("failvoer").unwrap_err().to_string();
        assert_eq!(
            error,
            "no scenario 'failvoer'; did you mean 'failover'?\n  playground scenario list shows all of them"
        );
        assert!(find("something-else").unwrap_err().to_string().starts_with("no scenario 'something-else'\n"));
    }
}
