//! The workloads that are built in, and files of the user's own.

use std::path::Path;

use anyhow::{Context as _, Result};
use include_dir::{Dir, include_dir};

use super::model::Workload;
use super::parse;
use crate::failure::Failure;
use crate::meant::did_you_mean;

static CATALOG: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/workload/catalog");

/// The workload of the playground's own job, which is meant where none is named.
pub const USUAL: &str = "click-count";

/// The text of a workload's file: a built-in one by its name, any other by its path.
///
/// # Errors
/// [`Failure::Usage`], where there is none.
pub fn text(name: &str) -> Result<String, Failure> {
    if let Some(text) = builtin().find_map(|(known, text)| (known == name).then_some(text)) {
        return Ok(text.to_owned());
    }
    let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml");
    if !is_path {
        let hint = did_you_mean(name, builtin().map(|(known, _)| known));
        let text = format!(
            "no workload '{name}'{hint}\n  playground workload list shows all of them; a file of your own is given by its path"
        );
        return Err(Failure::Usage(text));
    }
    std::fs::read_to_string(name).map_err(|error| {
        Failure::Usage(format!(
            "{name}: {error}\n  A workload is a name or a TOML file; playground workload new writes one"
        ))
    })
}

/// A workload by its name or path. A jar that its file names lies where the file lies.
///
/// # Errors
/// [`Failure::Usage`], with what is wrong with the file.
pub fn find(name: &str) -> Result<Workload, Failure> {
    let mut workload = parse::workload(name, &text(name)?)?;
    if let Some(jar) = &mut workload.job.jar
        && jar.contains('/')
        && let Some(folder) = Path::new(name).parent().filter(|_| is_file(name))
    {
        *jar = folder.join(&*jar).display().to_string();
    }
    Ok(workload)
}

/// The usual workload.
///
/// # Errors
/// None: it is built in, and a test reads it.
pub fn usual() -> Result<Workload, Failure> {
    find(USUAL)
}

fn is_file(name: &str) -> bool {
    !builtin().any(|(known, _)| known == name)
}

/// All built-in workloads, by name.
pub fn all() -> Result<Vec<Workload>> {
    let mut workloads =
        builtin().map(|(name, text)| parse::workload(name, text).context("built in")).collect::<Result<Vec<_>>>()?;
    workloads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(workloads)
}

fn builtin() -> impl Iterator<Item = (&'static str, &'static str)> {
    CATALOG.files().filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_workload_parses_and_is_named_like_its_file() {
        let workloads = all().unwrap();
        assert!(workloads.iter().any(|workload| workload.name == USUAL));
        for workload in workloads {
            assert_eq!(find(&workload.name).unwrap(), workload);
        }
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_right_one() {
        let error = find("clik-count").unwrap_err().to_string();
        assert!(error.starts_with("no workload 'clik-count'; did you mean 'click-count'?\n"), "{error}");
    }
}
