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

/// A workload by its name or path. A jar or an SQL script that its file names lies where the file lies.
///
/// # Errors
/// [`Failure::Usage`], with what is wrong with the file.
pub fn find(name: &str) -> Result<Workload, Failure> {
    read(name, &text(name)?)
}

/// A workload of this text, with the text of its script.
fn read(name: &str, text: &str) -> Result<Workload, Failure> {
    let mut workload = parse::read(name, text)?;
    // The stack remembers its workload, wherever a later command is run.
    let folder =
        std::path::absolute(name).ok().filter(|_| is_file(name)).and_then(|file| Some(file.parent()?.to_owned()));
    match &folder {
        None => {
            if let Some(sql) = workload.job.sql.as_mut().filter(|sql| is_path(sql)) {
                *sql = built_in_script(name, sql)?;
            }
        }
        Some(folder) => resolve_paths(&mut workload, name, folder)?,
    }
    parse::checked(name, workload)
}

/// What a file of the user's names is relative to its own folder. A name without `.jar` is that of an uploaded jar, or of one in the image.
fn resolve_paths(workload: &mut Workload, name: &str, folder: &Path) -> Result<(), Failure> {
    for jar in workload.job.jar.iter_mut().chain(&mut workload.job.libraries) {
        let file = folder.join(jar.strip_prefix("./").unwrap_or(jar));
        let is_jar = Path::new(&*jar).extension().is_some_and(|extension| extension == "jar");
        if jar.contains('/') || is_jar {
            *jar = file.display().to_string();
        }
    }
    if let Some(sql) = workload.job.sql.as_mut().filter(|sql| is_path(sql)) {
        *sql = script(name, &folder.join(&*sql))?;
    }
    workload.oracle.lies_in(folder);
    Ok(())
}

/// A script is given by its file, or as it is.
fn is_path(sql: &str) -> bool {
    Path::new(sql).extension().is_some_and(|extension| extension == "sql") && !sql.contains('\n')
}

fn script(name: &str, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("workload {name}: job.sql: {}: {error}", path.display())))
}

fn built_in_script(name: &str, sql: &str) -> Result<String, Failure> {
    let text = CATALOG.get_file(sql).and_then(include_dir::File::contents_utf8);
    text.map(str::to_owned)
        .ok_or_else(|| Failure::Usage(format!("workload {name}: job.sql: no script {sql} is built in")))
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
        builtin().map(|(name, text)| read(name, text).context("built in")).collect::<Result<Vec<_>>>()?;
    workloads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(workloads)
}

fn builtin() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_workload =
        |file: &&include_dir::File<'_>| file.path().extension().is_some_and(|extension| extension == "toml");
    let files = CATALOG.files().filter(is_workload);
    files.filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?)))
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
