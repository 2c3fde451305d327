//! What is done about faults that other processes left behind: undone where it is known how, and that nobody else is about
//! to; told where it is not.

use anyhow::{Context as _, Result};

use super::{Fault, Undo, finish, targets_of};
use crate::platform::{Contract as _, Journal as _, Kind, Life, Mark, Platform};

/// What became of a mark that another process wrote.
#[derive(Debug)]
pub enum Healed {
    /// Its fault is undone, by this.
    Mended(Mark, Undo),
    /// Its targets are gone, so there is nothing to undo.
    Gone(Mark),
    /// It could not be undone now; the next command tries again.
    Not(Mark, Undo, anyhow::Error),
    /// This version does not know the fault, and so not its undo: it is left as it is.
    Unknown {
        /// Of the fault.
        mark: Mark,
        /// The command line that takes the mark away.
        removal: String,
    },
    /// Whether its process still runs cannot be told from here: it is left as it is.
    Unclear {
        /// Of the fault.
        mark: Mark,
        /// What would undo it, where this version knows the fault.
        undo: Option<Undo>,
        /// The command line that takes the mark away.
        removal: String,
    },
}

/// Undoes what processes that have ended left broken. One that cannot be undone keeps no other from it.
pub async fn heal(platform: &Platform) -> Result<Vec<Healed>> {
    let marks = platform.marks().await.context("look for faults that were left behind")?;
    let mut healed = Vec::new();
    for mark in marks.into_iter().filter(|mark| mark.kind == Kind::Fault) {
        match mark.owner.life() {
            Life::Alive => {}
            Life::Ended => healed.push(heal_one(platform, mark).await?),
            Life::Unknown => {
                let undo = Fault::named(&mark.what).map(|fault| fault.undo(&targets_of(&mark)));
                let removal = platform.mark_removal(&mark);
                healed.push(Healed::Unclear { mark, undo, removal });
            }
        }
    }
    Ok(healed)
}

async fn heal_one(platform: &Platform, mark: Mark) -> Result<Healed> {
    // Asked first: what a later version breaks need not be instances that could be gone.
    let Some(fault) = Fault::named(&mark.what) else {
        let removal = platform.mark_removal(&mark);
        return Ok(Healed::Unknown { mark, removal });
    };
    let instances = platform.services().await?;
    let mut targets = targets_of(&mark);
    targets.retain(|target| instances.iter().any(|instance| instance.name() == *target));
    if targets.is_empty() {
        platform.forget(&mark.id).await?;
        return Ok(Healed::Gone(mark));
    }
    let undo = fault.undo(&targets);
    Ok(match finish(platform, &mark, &undo).await {
        Ok(()) => Healed::Mended(mark, undo),
        Err(error) => Healed::Not(mark, undo, error),
    })
}
