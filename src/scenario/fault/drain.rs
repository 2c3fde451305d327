//! `drain`: the node of each target is drained of all that the project runs on it, and takes nothing new, as before maintenance.
//! Undone by letting it take pods again, and waiting for those that were on it.

use anyhow::{Context as _, Result};

use crate::platform::{Contract as _, Platform};

pub(super) use super::kill::undo;

pub(super) const NAME: &str = "drain";

/// One after the other: several may be on one node.
pub(super) async fn inject(platform: &Platform, targets: &[String]) -> Result<()> {
    for target in targets {
        platform.drain(target).await.with_context(|| format!("{NAME} the node of {target}"))?;
    }
    Ok(())
}

pub(super) fn undo_title(targets: &[String]) -> String {
    format!("uncordon the node of {}", targets.join(", "))
}
