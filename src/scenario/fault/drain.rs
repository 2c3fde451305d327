//! `drain`: the node of each target is drained of all that the project runs on it, and takes nothing new, as before maintenance.
//! Undone by letting it take pods again, and waiting until the target runs.

use anyhow::{Context as _, Result};

use crate::platform::{Contract as _, Platform};

pub(super) use super::kill::undo;

pub(super) use crate::history::DRAIN as NAME;

pub(super) async fn inject(platform: &Platform, targets: &[String]) -> Result<()> {
    platform.drain(targets).await.with_context(|| format!("{NAME} the node of {}", targets.join(", ")))
}

pub(super) fn undo_title(targets: &[String]) -> String {
    format!("uncordon the node of {}", targets.join(", "))
}
