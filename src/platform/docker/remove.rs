//! Taking a project away, by labels alone, so that it works after a crash as well.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bollard::query_parameters::RemoveVolumeOptions;
use futures_util::future::join_all;

use super::{Docker, MOMENT, Plain as _, is_missing, is_so_already};
use crate::platform::Extent;
use crate::wait::{Seen, until};

/// How long the engine may take to let go of a network or volume whose containers are gone.
const RELEASE: Duration = Duration::from_secs(20);

impl Docker {
    /// Goes on after an error, so that one thing that sticks keeps nothing else; the first error is returned.
    pub(super) async fn remove_project(&self, extent: Extent) -> Result<Vec<String>> {
        let observed = self.observe().await?;
        let marks = self.mark_volumes().await?;
        let mut taken = Taken::default();
        let containers = observed.containers.iter().map(|container| async {
            let name = if container.one_off { container.name.clone() } else { container.instance.name() };
            let done = self.remove_container(&container.instance.id).await;
            (name.clone(), done.with_context(|| format!("remove {name}")))
        });
        taken.note("", join_all(containers).await);
        let networks = observed.networks.into_iter().map(|name| self.remove_network(name));
        taken.note("network ", join_all(networks).await);
        // What was broken on purpose is gone with its container, so the note of it goes as well.
        let marks = marks.into_iter().map(|(name, _)| self.remove_volume(name));
        taken.note("mark ", join_all(marks).await);
        if extent == Extent::Everything {
            let volumes = observed.volumes.into_iter().map(|name| self.remove_volume(name));
            taken.note("volume ", join_all(volumes).await);
        }
        taken.error.map_or(Ok(taken.lines), Err)
    }

    async fn remove_network(&self, name: String) -> (String, Result<()>) {
        let done = until(format!("remove network {name}"), RELEASE, MOMENT, async || {
            match self.api.remove_network(&name).await {
                Err(error) if !is_missing(&error) => Ok(Seen::NotYet(super::words(&error))),
                _ => Ok(Seen::Done(())),
            }
        });
        (name.clone(), done.await)
    }

    pub(super) async fn remove_volume(&self, name: String) -> (String, Result<()>) {
        let done = until(format!("remove volume {name}"), RELEASE, MOMENT, async || {
            match self.api.remove_volume(&name, None::<RemoveVolumeOptions>).await {
                Err(error) if is_so_already(&error) => Ok(Seen::NotYet(super::words(&error))),
                Err(error) if !is_missing(&error) => Err(error).plain(),
                _ => Ok(Seen::Done(())),
            }
        });
        (name.clone(), done.await)
    }

    /// Removes the containers of single commands whose process is gone: it could not do so itself.
    pub(super) async fn sweep(&self) -> Result<()> {
        let containers = self.containers().await?;
        let left = containers.iter().filter(|one| one.one_off && one.owner.as_deref().is_some_and(is_gone));
        let removed = join_all(left.map(|one| self.remove_container(&one.instance.id))).await;
        removed.into_iter().collect::<Result<()>>().context("remove containers that an earlier command left behind")
    }
}

/// Whether the process that a label names is no more. A label that cannot be read says nothing.
fn is_gone(label: &str) -> bool {
    serde_json::from_str::<crate::platform::Owner>(label).is_ok_and(|owner| !owner.is_alive())
}

/// What went, and the first thing that did not.
#[derive(Default)]
struct Taken {
    lines: Vec<String>,
    error: Option<anyhow::Error>,
}

impl Taken {
    fn note(&mut self, kind: &str, results: Vec<(String, Result<()>)>) {
        for (name, done) in results {
            match done {
                Ok(()) => self.lines.push(format!("{kind}{name}")),
                Err(error) => drop(self.error.get_or_insert(error)),
            }
        }
    }
}
