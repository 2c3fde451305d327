//! `kill`: SIGKILL to an instance's process; undone by starting it.

use anyhow::{Context as _, Result};

use crate::platform::{Contract as _, Platform};

pub(super) const NAME: &str = "kill";

pub(super) async fn inject(platform: &Platform, target: &str) -> Result<()> {
    platform.kill(target).await.with_context(|| format!("kill {target}"))
}

pub(super) fn undo(target: &str) -> String {
    format!("start {target}")
}
