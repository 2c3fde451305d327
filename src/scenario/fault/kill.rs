//! `kill`: SIGKILL to the process of each target; undone by starting it again.

use anyhow::{Context as _, Result};
use futures_util::future::join_all;

use crate::failure::together;
use crate::platform::{Contract as _, Platform};

pub(super) const NAME: &str = "kill";
/// What its undo does to each target.
const UNDO: &str = "start";

pub(super) async fn inject(platform: &Platform, targets: &[String]) -> Result<()> {
    let kill = async |target: &String| platform.kill(target).await.with_context(|| format!("{NAME} {target}"));
    together(join_all(targets.iter().map(kill)).await)
}

pub(super) fn undo_title(targets: &[String]) -> String {
    format!("{UNDO} {}", targets.join(", "))
}

/// One that cannot be started keeps no other from it.
pub(super) async fn undo(platform: &Platform, targets: &[String]) -> Result<()> {
    let start = async |target: &String| platform.start(target).await.with_context(|| format!("{UNDO} {target}"));
    together(join_all(targets.iter().map(start)).await)
}
