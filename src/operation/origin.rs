//! What a job was submitted as, so that it can be submitted again.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::jar::uploaded;
use crate::flink::Flink;
use crate::flink::jar::{Jar, Run};
use crate::flink::job::{Job, Submitted};
use crate::platform::{Journal as _, Kind, Mark, NotedRun, Platform};

/// The global parameter under which a job tells the jar that it came from.
const JAR: &str = "jar";

/// What a job was submitted as.
///
/// # Errors
/// A job that was not submitted by us, and does not tell the jar that it came from.
pub async fn origin(platform: &Platform, flink: &Flink, id: &str) -> Result<Run> {
    let (submitted, job) = tokio::try_join!(flink.submitted(id), flink.job(id))?;
    let noted = noted(platform, &submitted, &job).await?.filter(|run| !run.jar.is_empty());
    let NotedRun { jar, entry_class, libraries, parallelism, arguments } = noted.with_context(|| {
        format!(
            "{} was not submitted by the playground, and does not say which jar it came from (global parameter `{JAR}`), so it could \
             not be rolled back\n  playground stop, then playground submit --jar FILE --from-savepoint latest",
            job.name
        )
    })?;
    let jar = uploaded_as(&flink.jars().await?, &jar)
        .with_context(|| format!("{jar}, the jar of {}, is no longer uploaded; pass one with --jar FILE", job.name))?;
    let (savepoint, allow_non_restored_state) = (None, false);
    Ok(Run { jar, entry_class, libraries, parallelism, arguments, savepoint, allow_non_restored_state })
}

/// The same for a note: as it was submitted by us or, of another job, as far as that tells it itself. Nothing of one that tells
/// nothing.
pub(super) async fn noted(platform: &Platform, submitted: &Submitted, job: &Job) -> Result<Option<NotedRun>> {
    // Under the adaptive scheduler it may have been rescaled since.
    let parallelism = if job.has_subtasks() { job.parallelism() } else { submitted.parallelism };
    let marks = platform.marks().await.context("look for what the job was submitted as")?;
    let ours = |mark: &Mark| matches!(mark.kind, Kind::Running | Kind::Starting) && mark.target == job.id;
    if let Some(run) = marks.into_iter().filter(ours).find_map(|mark| mark.job.run) {
        return Ok(Some(NotedRun { parallelism, ..run }));
    }
    let parameters = &submitted.parameters;
    let jar = parameters.get(JAR).cloned().unwrap_or_default();
    let arguments = arguments(parameters);
    Ok((!parameters.is_empty()).then_some(NotedRun {
        jar,
        entry_class: None,
        libraries: Vec::new(),
        parallelism,
        arguments,
    }))
}

/// The id of the upload that a job came from: itself, or the newest of the same file.
fn uploaded_as(jars: &[Jar], named: &str) -> Option<String> {
    let by_id = jars.iter().find(|jar| jar.id == named);
    by_id.or_else(|| uploaded(jars, named.strip_suffix(".jar").unwrap_or(named))).map(|jar| jar.id.clone())
}

/// Arguments by name, as a job publishes them; one that stands alone has an empty value.
pub(super) fn parameters(arguments: &[String]) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--") else { continue };
        let value = words.next_if(|next| !next.starts_with("--")).cloned();
        parameters.insert(name.to_owned(), value.unwrap_or_default());
    }
    parameters
}

/// A job's arguments, out of the parameters that it published.
fn arguments(parameters: &BTreeMap<String, String>) -> Vec<String> {
    let own = parameters.iter().filter(|(name, _)| name.as_str() != JAR);
    own.flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(id: &str, name: &str) -> Jar {
        Jar { id: id.into(), name: name.into(), uploaded: 0 }
    }

    #[test]
    fn the_jar_that_a_job_came_from_is_found_by_id_or_by_name() {
        let jars = [jar("2", "c-2-0123456789ab.jar"), jar("1", "c-0123456789ab.jar")];
        assert_eq!(uploaded_as(&jars, "1").as_deref(), Some("1"));
        assert_eq!(uploaded_as(&jars, "c.jar").as_deref(), Some("1"));
        assert_eq!(uploaded_as(&jars, "c-2").as_deref(), Some("2"));
        assert_eq!(uploaded_as(&jars, "other.jar"), None);
    }

    #[test]
    fn arguments_are_read_as_a_job_publishes_them() {
        let words = ["--checkpointing", "--event-time", "true", "--delivery", "exactly-once"].map(str::to_owned);
        let read: Vec<(String, String)> = parameters(&words).into_iter().collect();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("checkpointing", ""), ("delivery", "exactly-once"), ("event-time", "true")]);
    }

    #[test]
    fn arguments_are_what_the_job_published_but_its_jar() {
        let parameters = [("jar", "7_a.jar"), ("event-time", "true")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(arguments(&parameters), ["--event-time", "true"]);
    }
}
