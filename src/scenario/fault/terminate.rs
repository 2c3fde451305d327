//! `terminate`: each target is asked to end and given its time, as a platform ends what it no longer wants: a container that is
//! stopped, a pod that is deleted. On every instance of a service, it is the service scaled to zero. Undone by starting it again.

use anyhow::{Context as _, Result};
use futures_util::future::join_all;

use crate::failure::together;
use crate::platform::{Contract as _, Platform};

pub(super) use super::kill::{undo, undo_title};

pub(super) const NAME: &str = "terminate";

pub(super) async fn inject(platform: &Platform, targets: &[String]) -> Result<()> {
    let end = async |target: &String| platform.terminate(target).await.with_context(|| format!("{NAME} {target}"));
    together(join_all(targets.iter().map(end)).await)
}
