//! What can be done, as values: made from arguments or from a scenario's step, printed in a plan, and then done.

use serde::{Deserialize, Serialize};

use super::jar::JarChoice;
use super::submit::Submit;
use super::upgrade::Upgrade;
use crate::failure::Failure;
use crate::workload::model::{Mode, Workload};

/// Something to do to a stack that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Take a savepoint; the job runs on.
    Savepoint,
    /// Delete a savepoint's files.
    Dispose {
        /// Its path.
        path: String,
    },
    /// Stop a job with a savepoint.
    Stop {
        /// Whether all windows fire first, for a job that will not go on.
        drain: bool,
    },
    /// End a job without a savepoint.
    Cancel,
    /// Submit a job.
    Submit(Submit),
    /// Stop a job with a savepoint and start it from there as something else.
    Upgrade(Upgrade),
    /// Bring the number of TaskManagers to this.
    Scale {
        /// How many.
        taskmanagers: u32,
        /// Even below what the running jobs need.
        force: bool,
    },
    /// Rescale a job in place.
    Rescale {
        /// Subtasks of each vertex.
        parallelism: u32,
        /// Whether TaskManagers may be added when slots are missing.
        scale: bool,
    },
}

impl Operation {
    /// The command's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Savepoint => "savepoint",
            Self::Dispose { .. } => "dispose",
            Self::Stop { .. } => "stop",
            Self::Cancel => "cancel",
            Self::Submit(_) => "submit",
            Self::Upgrade(_) => "upgrade",
            Self::Scale { .. } => "scale",
            Self::Rescale { .. } => "rescale",
        }
    }

    /// Refuses what would end the cluster of an application together with its job.
    ///
    /// # Errors
    /// [`Failure::Usage`], with what to do instead.
    pub fn fits(&self, workload: &Workload) -> Result<(), Failure> {
        let ends = matches!(self, Self::Stop { .. } | Self::Cancel | Self::Submit(_) | Self::Upgrade(_));
        if workload.job.mode == Mode::Session || !ends {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "{}: {} runs in application mode: its cluster ends with the job, and takes no other\n  \
             playground up --parallelism N changes it; playground down stops it",
            self.name(),
            workload.job.name
        )))
    }

    /// What it does, for a plan.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Savepoint => "savepoint".to_owned(),
            Self::Dispose { path } => format!("dispose of {path}"),
            Self::Stop { drain: false } => "stop".to_owned(),
            Self::Stop { drain: true } => "stop --drain".to_owned(),
            Self::Cancel => "cancel".to_owned(),
            Self::Submit(submit) => format!("submit{}", changes(submit.parallelism, submit.jar.as_ref())),
            Self::Upgrade(upgrade) => format!("upgrade{}", changes(upgrade.parallelism, upgrade.jar.as_ref())),
            Self::Scale { taskmanagers, .. } => format!("scale to {taskmanagers}"),
            Self::Rescale { parallelism, .. } => format!("rescale to {parallelism}"),
        }
    }
}

fn changes(parallelism: Option<u32>, jar: Option<&JarChoice>) -> String {
    let parallelism = parallelism.map(|parallelism| format!(" -p {parallelism}"));
    let jar = jar.map(|jar| match jar {
        JarChoice::File(file) => format!(" --jar {}", file.display()),
        JarChoice::Uploaded(name) => format!(" --jar {name}"),
    });
    format!("{}{}", parallelism.unwrap_or_default(), jar.unwrap_or_default())
}
