//! Upgrade: stop with a savepoint, start from it as something else; and back to what it was when that does not come up.
//!
//! All that can be found out before is found out before: the job runs, its jar is known, the new one is uploaded, the slots
//! are there. From the stop on, every way out leaves a job running, or says where its state is.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::channel::Order;
use super::control::Control;
use super::jar::{JarChoice, Jars};
use super::origin::origin;
use super::plan::{Act, Ids, Part, Plan, SAVEPOINT};
use super::scale::Workers;
use super::slots::{Room, make_room};
use super::subject::Subject;
use super::{cancel, come_up, start, stop, take};
use crate::flink::jar::Run;

/// What a job is to become; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Subtasks of each vertex.
    pub parallelism: Option<u32>,
    /// Another jar.
    pub jar: Option<JarChoice>,
    /// Another class whose `main` is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Other jars that it needs besides, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libraries: Option<Vec<JarChoice>>,
    /// Other arguments, all of them.
    pub arguments: Option<Vec<String>>,
    /// Arguments behind those that it has.
    pub more_arguments: Vec<String>,
    /// Whether state of operators that the new job does not have is left behind.
    pub allow_non_restored_state: bool,
    /// Whether TaskManagers may be added when slots are missing.
    pub scale: bool,
}

/// What an upgrade depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    pub(super) subject: Subject,
    /// What the job was submitted as.
    pub(super) was: Run,
    /// The jars that it is to be run from.
    pub(super) jars: Jars,
    pub(super) room: Room,
    pub(super) workers: Workers,
}

impl Observed {
    pub(super) async fn observe(control: &Control<'_>, to: &Upgrade, job: Option<&str>) -> Result<Self> {
        let subject = Subject::observe(control, job).await?;
        subject.must_run()?;
        let was = origin(control.platform(), control.flink(), &subject.summary.id).await?;
        let mut jars = Jars::of(&was);
        if let Some(choice) = &to.jar {
            jars.main = control.find_jar(choice).await?;
        }
        if let Some(choices) = &to.libraries {
            jars.libraries = control.find_jars(choices).await?;
        }
        let (room, workers) = tokio::try_join!(control.room(Some(&subject)), Workers::observe(control))?;
        Ok(Self { subject, was, jars, room, workers })
    }
}

/// The parts of an upgrade, and of its roll-back.
///
/// # Errors
/// Slots that cannot be had.
pub(super) fn plan(to: &Upgrade, observed: &Observed, ids: &Ids) -> Result<Plan> {
    let Observed { subject, was, jars, room, workers } = observed;
    subject.must_run()?;
    let new = becomes(was, jars, to);
    let mut parts = jars.uploads();
    parts.push(Part::new(
        "plan",
        "main() of the new job is called while the old one keeps running",
        Act::Check(new.clone()),
    ));
    if let Some(make_room) = make_room(subject, (*room, workers), new.parallelism, to.scale)? {
        // While slots are waited for that nobody may add, the job runs on; its state is safe however long that takes.
        let waits = matches!(make_room.act, Act::AwaitSlots { .. });
        let safe = "its state is safe while it waits for slots";
        parts.extend(waits.then(|| take::part(subject, safe, &ids.first_trigger)));
        parts.push(make_room);
    }
    parts.push(stop::part(subject, "the new job starts from its savepoint", false, ids));
    parts.extend(started(&new, &ids.job, "the new job starts where the old one stopped"));
    let end = Part::new(cancel::PART, "unless it has ended by itself", Act::End { job: ids.job.clone() });
    let back = started(was, &ids.old_job, "the old job resumes where it stopped");
    Ok(Plan {
        operation: "upgrade",
        subject: Some(subject.summary.clone()),
        parts,
        roll_back: std::iter::once(end).chain(back).collect(),
        starts: Some(subject.name().to_owned()),
        untouched: Some(format!("{} was not upgraded; it is still running as before", subject.name())),
    })
}

fn started(run: &Run, id: &str, cause: &str) -> [Part; 2] {
    let run = Run { savepoint: Some(SAVEPOINT.to_owned()), ..run.clone() };
    let up = Act::ComeUp { job: id.to_owned(), parallelism: run.parallelism };
    [
        Part::order(start::PART, cause, Order::Run { id: id.to_owned(), run }),
        Part::new(come_up::PART, "every subtask processes records", up),
    ]
}

fn becomes(was: &Run, jars: &Jars, to: &Upgrade) -> Run {
    let mut arguments = to.arguments.clone().unwrap_or_else(|| was.arguments.clone());
    arguments.extend(to.more_arguments.iter().cloned());
    Run {
        jar: jars.main_id(),
        entry_class: to.entry_class.clone().or_else(|| was.entry_class.clone()),
        libraries: jars.library_ids(),
        parallelism: to.parallelism.unwrap_or(was.parallelism),
        arguments,
        savepoint: None,
        allow_non_restored_state: to.allow_non_restored_state,
    }
}
