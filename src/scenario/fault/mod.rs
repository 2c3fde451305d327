//! What can be broken on purpose, one file a fault, each with its undo.
//!
//! A mark is written to the platform before a fault is injected and removed after its undo, so that the next command
//! finds and undoes what a killed one left broken ([`heal`]).

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::platform::{Contract as _, Journal as _, Kind, Mark, NotedJob, Owner, Platform};

mod kill;

/// A way to break an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Its process dies at once.
    Kill,
}

impl Fault {
    /// The name in scenario files and marks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => kill::NAME,
        }
    }

    /// What its undo does, for plans and messages.
    #[must_use]
    pub fn undo(self, target: &str) -> String {
        match self {
            Self::Kill => kill::undo(target),
        }
    }

    /// Writes the mark, then breaks the target. Returns the mark, which [`mend`] removes.
    pub async fn inject(self, platform: &Platform, target: &str, by: &str) -> Result<Mark> {
        let mark = mark(self, target, by)?;
        platform.mark(&mark).await.with_context(|| format!("record the fault on {target}"))?;
        match self {
            Self::Kill => kill::inject(platform, target).await?,
        }
        Ok(mark)
    }
}

/// Undoes the fault of a mark, then forgets the mark. Every fault's undo makes its target run and be reachable, which is
/// what starting promises; so a mark of a later version of this program is mended as well.
pub async fn mend(platform: &Platform, mark: &Mark) -> Result<()> {
    platform.start(&mark.target).await.with_context(|| format!("undo {} of {}", mark.what, mark.target))?;
    platform.forget(&mark.id).await.with_context(|| format!("remove the record of the fault on {}", mark.target))
}

/// What became of a mark whose process is gone.
#[derive(Debug)]
pub enum Healed {
    /// Its target runs again.
    Mended(Mark),
    /// Its target is gone, so there is nothing to mend.
    Gone(Mark),
    /// It could not be mended now; the next command tries again.
    Not(Mark, anyhow::Error),
}

/// Mends what processes that are gone left broken. One that cannot be mended keeps no other from it.
pub async fn heal(platform: &Platform) -> Result<Vec<Healed>> {
    let marks = platform.marks().await.context("look for faults that were left behind")?;
    let mut healed = Vec::new();
    for mark in marks.into_iter().filter(|mark| mark.kind == Kind::Fault && mark.owner.has_ended()) {
        healed.push(heal_one(platform, mark).await?);
    }
    Ok(healed)
}

async fn heal_one(platform: &Platform, mark: Mark) -> Result<Healed> {
    let instances = platform.services().await?;
    if !instances.iter().any(|instance| instance.name() == mark.target) {
        platform.forget(&mark.id).await?;
        return Ok(Healed::Gone(mark));
    }
    Ok(match mend(platform, &mark).await {
        Ok(()) => Healed::Mended(mark),
        Err(error) => Healed::Not(mark, error),
    })
}

fn mark(fault: Fault, target: &str, by: &str) -> Result<Mark> {
    let owner = Owner::current().context("find out this process's identity")?;
    let id = format!("{}-{target}-{}", fault.name(), owner.pid);
    Ok(Mark {
        id,
        kind: Kind::Fault,
        job: NotedJob::default(),
        what: fault.name().to_owned(),
        target: target.to_owned(),
        by: by.to_owned(),
        owner,
    })
}
