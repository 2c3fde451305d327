//! Submitting a job: which jar, with which arguments, from which savepoint.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::channel::Order;
use super::control::Control;
use super::jar::{FoundJar, JarChoice, Jars};
use super::origin::origin;
use super::plan::{Act, Ids, Part, Plan};
use super::savepoint::latest;
use super::{come_up, start, workload};
use crate::failure::Failure;
use crate::flink::jar::Run;
use crate::flink::job::Summary;
use crate::settings::{JobVariant, PARALLELISM};
use crate::workload::model::Workload;

/// What to submit; what is `None` is as the job that ran last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// Which jar.
    pub jar: Option<JarChoice>,
    /// The class whose `main` is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Which jars it needs besides, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libraries: Option<Vec<JarChoice>>,
    /// Subtasks of each vertex.
    pub parallelism: Option<u32>,
    /// From which savepoint.
    pub from: Option<From>,
    /// All arguments of its `main`.
    pub arguments: Option<Vec<String>>,
    /// Whether state of operators that the job does not have is left behind.
    pub allow_non_restored_state: bool,
    /// Whether to return before it is up.
    pub detached: bool,
}

/// A savepoint to begin from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The newest that can be read.
    Latest,
    /// One by its path.
    Path(String),
}

impl From {
    /// What a user means by `latest` or a path.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text == "latest" { Self::Latest } else { Self::Path(text.to_owned()) }
    }
}

/// What submitting depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    /// How the click job ran last, if Flink remembers.
    pub(super) was: Option<Run>,
    /// The jars to run.
    pub(super) jars: Jars,
    /// The click job that is not over.
    pub(super) live: Option<Summary>,
    /// The savepoint that is asked for.
    pub(super) savepoint: Option<String>,
}

impl Observed {
    pub(super) async fn observe(control: &Control<'_>, submit: &Submit) -> Result<Self> {
        let jobs = control.flink().jobs().await?;
        let ours = &control.workload().job.name;
        let was = last_run(control, &jobs).await;
        let main = match (&submit.jar, &was) {
            (Some(choice), _) => control.find_jar(choice).await?,
            (None, Some(was)) => FoundJar::Uploaded(was.jar.clone()),
            (None, None) => control.find_jar(&workload::jar(control.workload())?).await?,
        };
        let libraries = match (&submit.libraries, &was) {
            (Some(choices), _) => control.find_jars(choices).await?,
            // Another program's are no good to it.
            (None, _) if !workload::is_its(control.workload(), &main) => Vec::new(),
            (None, Some(was)) => Jars::of(was).libraries,
            (None, None) => control.find_jars(&workload::libraries(control.workload())).await?,
        };
        let savepoint = match &submit.from {
            Some(From::Path(path)) => Some(path.clone()),
            Some(From::Latest) => Some(latest_of(control, jobs.iter().find(|job| job.name == *ours)).await?),
            None => None,
        };
        let live = jobs.into_iter().find(|job| job.name == *ours && !job.is_over());
        Ok(Self { was, jars: Jars { main, libraries }, live, savepoint })
    }

    /// Of a stack that is not there yet, with its click job stopped.
    pub(super) fn expected(was: Run, submit: &Submit) -> Self {
        let jars = Jars::expected(&was, submit.jar.as_ref(), submit.libraries.as_deref());
        let savepoint = submit.from.as_ref().map(|from| match from {
            From::Latest => super::plan::SAVEPOINT.to_owned(),
            From::Path(path) => path.clone(),
        });
        Self { was: Some(was), jars, live: None, savepoint }
    }
}

/// How the click job ran last. One that was refused has left nothing to tell of.
async fn last_run(control: &Control<'_>, jobs: &[Summary]) -> Option<Run> {
    let ours = &control.workload().job.name;
    for job in jobs.iter().filter(|job| job.name == *ours) {
        if let Ok(run) = origin(control.platform(), control.flink(), &job.id).await {
            return Some(run);
        }
    }
    None
}

/// The newest savepoint of the click job, or of any when the JobManager has forgotten that there was one.
async fn latest_of(control: &Control<'_>, last: Option<&Summary>) -> Result<String> {
    if let Some(last) = last
        && let Ok(savepoint) = latest(control.platform(), Some(&last.id)).await
    {
        return Ok(savepoint.path);
    }
    Ok(latest(control.platform(), None).await?.path)
}

/// The parts of submitting a job. What is not named is as it was in the click job that ran last, or as `up` would have it.
///
/// # Errors
/// [`Failure::Usage`], where the click job runs.
pub(super) fn plan(submit: &Submit, observed: &Observed, ids: &Ids, workload: &Workload) -> Result<Plan> {
    let run = what(submit, observed, workload);
    let is_ours = workload::is_its(workload, &observed.jars.main);
    if let Some(live) = observed.live.as_ref().filter(|_| is_ours) {
        bail!(Failure::Usage(format!(
            "{} ({}) is {}: two of them would process every {} twice\n  \
             playground upgrade changes it; playground stop ends it first",
            live.name, live.id, live.state, workload.record
        )));
    }
    let cause = run.savepoint.as_ref().map_or_else(|| "with empty state".to_owned(), |path| format!("from {path}"));
    let mut parts = observed.jars.uploads();
    let parallelism = run.parallelism;
    parts.push(Part::order(start::PART, cause, Order::Run { id: ids.job.clone(), run }));
    if !submit.detached {
        let act = Act::ComeUp { job: ids.job.clone(), parallelism };
        parts.push(Part::new(come_up::PART, "it is up once every subtask processes records", act));
    }
    let starts = is_ours.then(|| workload.job.name.clone());
    Ok(Plan { operation: "submit", subject: None, parts, roll_back: Vec::new(), starts, untouched: None })
}

fn what(submit: &Submit, observed: &Observed, workload: &Workload) -> Run {
    let is_ours = workload::is_its(workload, &observed.jars.main);
    let was = observed.was.as_ref();
    let arguments = match (&submit.arguments, was) {
        (Some(arguments), _) => arguments.clone(),
        // Another program's arguments are no good to it.
        (None, _) if !is_ours => Vec::new(),
        (None, Some(was)) => was.arguments.clone(),
        (None, None) => workload::arguments(workload, &JobVariant::default()),
    };
    let entry_class = was.map_or_else(|| workload::entry_class(workload), |was| was.entry_class.clone());
    Run {
        jar: observed.jars.main_id(),
        entry_class: submit.entry_class.clone().or_else(|| entry_class.filter(|_| is_ours)),
        libraries: observed.jars.library_ids(),
        parallelism: submit.parallelism.or(was.map(|was| was.parallelism)).unwrap_or(PARALLELISM),
        arguments,
        savepoint: observed.savepoint.clone(),
        allow_non_restored_state: submit.allow_non_restored_state,
    }
}
