//! What can be broken on purpose, one file a fault, each with its undo.
//!
//! A mark is written into the platform before a fault is done and taken away after its undo, so that the next command
//! finds and mends what a killed one left broken ([`heal`]).

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::platform::{Contract as _, Journal as _, Mark, Owner, Platform};

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

    /// Writes the mark down, then breaks the target. Returns the mark, which [`Self::mend`] takes away.
    pub async fn inject(self, platform: &Platform, target: &str, by: &str) -> Result<Mark> {
        let mark = mark(self, target, by)?;
        platform.mark(&mark).await.with_context(|| format!("note down the fault on {target}"))?;
        match self {
            Self::Kill => kill::inject(platform, target).await?,
        }
        Ok(mark)
    }
}

/// Undoes the fault of a mark, then forgets the mark. Every fault's undo makes its target run and be reachable, which is
/// what starting promises; so a mark of a later version of this program is mended as well.
pub async fn mend(platform: &Platform, mark: &Mark) -> Result<()> {
    platform.start(&mark.target).await.with_context(|| format!("undo {} of {}", mark.fault, mark.target))?;
    platform.forget(&mark.id).await.with_context(|| format!("forget the fault on {}", mark.target))
}

/// Mends what processes that are gone left broken, and returns it.
pub async fn heal(platform: &Platform) -> Result<Vec<Mark>> {
    let marks = platform.marks().await.context("look for faults that were left behind")?;
    let orphans: Vec<Mark> = marks.into_iter().filter(|mark| !mark.owner.is_alive()).collect();
    for mark in &orphans {
        mend(platform, mark).await?;
    }
    Ok(orphans)
}

fn mark(fault: Fault, target: &str, by: &str) -> Result<Mark> {
    let owner = Owner::current().context("find out this process's identity")?;
    let id = format!("{}-{target}-{}", fault.name(), owner.pid);
    Ok(Mark { id, fault: fault.name().to_owned(), target: target.to_owned(), by: by.to_owned(), owner })
}
