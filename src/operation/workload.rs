//! The workload of a stack: what its job is submitted as, and the note by which later commands know it.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::jar::{FoundJar, JarChoice};
use super::reach;
use crate::checker;
use crate::failure::Failure;
use crate::platform::{Contract as _, Journal as _, Kind, Mark, NotedJob, Owner, Platform};
use crate::settings::{JobVariant, project_option};
use crate::stack::Stack;
use crate::stack::jar::{Jar, read};
use crate::workload::catalog::{self, USUAL};
use crate::workload::model::{JobSpec, Mode, Workload};

/// The broker, as containers of the stack reach it.
pub const BROKER: &str = "kafka:9092";
/// The jar that runs SQL scripts, as the client uploads it (`docker/flink/upload-sql`).
const SQL: &str = "sql-gateway";
/// Flink's own class for SQL in application mode.
const SQL_DRIVER: &str = "org.apache.flink.table.runtime.application.SqlDriver";
/// The id of the note: a stack has one workload.
const NOTE: &str = "workload";

/// A workload, and what names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// A built-in one's name, or the path of a file.
    pub name: String,
    /// The workload.
    pub workload: Workload,
}

impl Named {
    /// The one of this name or path.
    ///
    /// # Errors
    /// [`Failure::Usage`], with what is wrong with its file.
    pub fn find(name: &str) -> Result<Self, Failure> {
        let workload = catalog::find(name)?;
        // A note outlives the folder that a command is run in.
        let path = std::path::absolute(name).ok().filter(|path| path.is_file());
        let name = path.map_or_else(|| name.to_owned(), |path| path.display().to_string());
        Ok(Self { name, workload })
    }

    /// The one that is asked for, or else the one that the stack was made for, or else the usual one.
    ///
    /// # Errors
    /// [`Failure::Usage`], with what is wrong with its file.
    pub async fn meant(asked: Option<&str>, platform: &Platform) -> Result<Self> {
        if let Some(asked) = asked {
            return Ok(Self::find(asked)?);
        }
        match noted(platform).await? {
            Some(noted) => Ok(noted),
            None => Ok(Self::find(USUAL)?),
        }
    }

    /// Notes that the stack is made for it. The usual one needs no note.
    pub async fn note(&self, platform: &Platform, stack: &Stack) -> Result<()> {
        if self.workload.name == USUAL {
            return Ok(());
        }
        let target = serde_json::to_string(&self.workload).context("write the workload as JSON")?;
        let (what, by) = (self.name.clone(), "up".to_owned());
        let job = NotedJob { jars: versions(stack)?, ..NotedJob::default() };
        let owner = Owner::current().context("find out this process's identity")?;
        platform.mark(&Mark { id: NOTE.to_owned(), kind: Kind::Workload, what, target, by, owner, job }).await
    }

    /// Refuses a job whose jar is not there, and a stack that was made for another workload: two jobs would share its data and
    /// its savepoints.
    ///
    /// # Errors
    /// [`Failure::Usage`], with what to do instead.
    pub async fn must_fit(&self, platform: &Platform, stack: &Stack) -> Result<()> {
        let job = &self.workload.job;
        if job.submitted_by.is_none() && job.mode == Mode::Session {
            for jar in job.files() {
                read(Path::new(jar))?;
            }
        }
        checker::must_be_there(&self.workload)?;
        let project = &stack.project;
        let there = match mark(platform).await? {
            Some(mark) => match read_note(mark.clone()) {
                Ok(was) if was.workload.name == self.workload.name => {
                    self.goes_on_as(&was, &mark, stack)?;
                    return self.replaces(&was, platform, project).await;
                }
                Ok(was) => was.workload.name,
                // One that this version cannot read, of the same file, is written anew.
                Err(_) if mark.what == self.name => return Ok(()),
                Err(error) => return Err(error),
            },
            None if is_new(platform).await? => return Ok(()),
            None if self.workload.name == USUAL => return Ok(()),
            None => USUAL.to_owned(),
        };
        let option = project_option(project);
        bail!(Failure::Usage(format!(
            "project {project} runs workload {there}, not {}\n  \
             -p NAME makes a stack of its own for it; playground{option} down --volumes removes this one with its data",
            self.workload.name
        )))
    }
}

impl Named {
    /// Refuses a job of another name while the one that the stack was made for is not over: both would write the same output.
    async fn replaces(&self, was: &Self, platform: &Platform, project: &str) -> Result<()> {
        let (name, before) = (&self.workload.job.name, &was.workload.job.name);
        if name == before {
            return Ok(());
        }
        let Some(flink) = reach::flink(platform).await? else { return Ok(()) };
        // Where nobody answers, nothing is submitted either.
        let jobs = flink.jobs().await.unwrap_or_default();
        let Some(job) = jobs.iter().find(|job| job.name == *before && !job.is_over()) else { return Ok(()) };
        let option = project_option(project);
        bail!(Failure::Usage(format!(
            "workload {} calls its job '{name}', and '{before}' ({}), as it was called, is still {}: both would write the same output\n  \
             playground{option} cancel {} ends it",
            self.workload.name, job.id, job.state, job.id
        )))
    }

    /// An application goes on as what it was begun as: high availability knows it, and runs nothing else in its place.
    fn goes_on_as(&self, was: &Self, mark: &Mark, stack: &Stack) -> Result<()> {
        if self.workload.job.mode == Mode::Session && was.workload.job.mode == Mode::Session {
            return Ok(());
        }
        let what = if !is_same_job(&self.workload.job, &was.workload.job) {
            "job"
        } else if mark.job.jars != versions(stack)? {
            "jar"
        } else {
            return Ok(());
        };
        let (workload, project) = (&self.workload.name, &stack.project);
        let option = project_option(project);
        bail!(Failure::Usage(format!(
            "the {what} of workload {workload} is not the one that project {project} runs, and an application goes on as it was begun\n  \
             playground{option} down --volumes removes it with its state; -p NAME makes a stack of its own"
        )))
    }
}

/// Whether two applications are the same but for the folders that their jars lie in: what is in those is compared.
fn is_same_job(one: &JobSpec, other: &JobSpec) -> bool {
    let without_folders = |job: &JobSpec| {
        let name = |jar: &String| jar.rsplit('/').next().unwrap_or(jar).to_owned();
        let (jar, libraries) = (job.jar.as_ref().map(name), job.libraries.iter().map(name).collect());
        JobSpec { jar, libraries, ..job.clone() }
    };
    without_folders(one) == without_folders(other)
}

/// The user's jars of an application, each by its name with the hash of its content.
fn versions(stack: &Stack) -> Result<Vec<String>> {
    stack.jars.iter().map(Jar::versioned_name).collect()
}

async fn is_new(platform: &Platform) -> Result<bool> {
    let (services, volumes) = tokio::try_join!(platform.services(), platform.volumes())?;
    Ok(services.is_empty() && volumes.is_empty())
}

async fn noted(platform: &Platform) -> Result<Option<Named>> {
    mark(platform).await?.map(read_note).transpose()
}

async fn mark(platform: &Platform) -> Result<Option<Mark>> {
    let marks = platform.marks().await.context("look which workload the stack runs")?;
    Ok(marks.into_iter().find(|mark| mark.kind == Kind::Workload))
}

fn read_note(mark: Mark) -> Result<Named> {
    let workload = serde_json::from_str(&mark.target).with_context(|| {
        format!(
            "the note of workload {} cannot be read\n  playground up --workload {} writes it anew",
            mark.what, mark.what
        )
    })?;
    Ok(Named { name: mark.what, workload })
}

/// The jar that the workload's job is run from.
///
/// # Errors
/// [`Failure::Usage`] of a workload whose job somebody else submits.
pub(super) fn jar(workload: &Workload) -> Result<JarChoice> {
    if workload.job.sql.is_some() {
        return Ok(JarChoice::Uploaded(SQL.to_owned()));
    }
    let jar = workload.job.jar.as_deref().ok_or_else(|| {
        anyhow!(Failure::Usage(format!(
            "workload {} names no jar, so its job cannot be submitted here\n  job.jar in its file names one; or submit the job \
             yourself, under the name '{}'",
            workload.name, workload.job.name
        )))
    })?;
    Ok(JarChoice::of(jar))
}

/// The jars that the job needs besides.
pub(super) fn libraries(workload: &Workload) -> Vec<JarChoice> {
    JarChoice::all(&workload.job.libraries)
}

/// The class whose `main` is run; none for the one that the jar's manifest names.
pub(super) fn entry_class(workload: &Workload) -> Option<String> {
    workload.job.sql.as_ref().map(|_| SQL_DRIVER.to_owned()).or_else(|| workload.job.entry_class.clone())
}

/// The arguments of the job's `main`.
pub(super) fn arguments(workload: &Workload, variant: &JobVariant) -> Vec<String> {
    let mut arguments = workload.arguments(BROKER);
    if !workload.job.options.is_empty() {
        arguments.extend(variant.arguments());
    }
    arguments
}

/// Whether a jar is that of the workload's job, whichever version of it. A name that stands for one that is not known yet is: a
/// scenario's.
pub(super) fn is_its(workload: &Workload, jar: &FoundJar) -> bool {
    let sql = workload.job.sql.as_ref().map(|_| SQL);
    let file = sql.or(workload.job.jar.as_deref()).map(|jar| jar.rsplit('/').next().unwrap_or(jar));
    let Some(stem) = file.map(|file| file.strip_suffix(".jar").unwrap_or(file)) else { return false };
    match jar {
        FoundJar::Uploaded(id) => id.contains(stem) || id == super::plan::JAR,
        FoundJar::File { name, .. } => name.contains(stem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_the_same_wherever_its_jars_lie() {
        let job = catalog::find("event-counter").unwrap().job;
        let of = |jar: &str, library: &str| JobSpec {
            jar: Some(jar.to_owned()),
            libraries: vec![library.to_owned()],
            ..job.clone()
        };
        let one = of("/a/job.jar", "/a/rates.jar");
        assert!(is_same_job(&one, &of("/b/c/job.jar", "/b/rates.jar")));
        assert!(!is_same_job(&one, &of("/a/job.jar", "/a/codec.jar")));
        assert!(!is_same_job(&one, &JobSpec { arguments: vec!["--other".to_owned()], ..one.clone() }));
    }
}
