//! Removes a project, by labels alone, so that it works after a crash as well.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bollard::errors::Error;
use bollard::query_parameters::RemoveVolumeOptions;
use futures_util::future::join_all;

use super::observe::Observed;
use super::{Docker, MOMENT, is_missing, is_so_already, words};
use crate::platform::lock::was_cut_off;
use crate::platform::{Extent, Mark};

/// How long the engine may take to release a network or volume whose containers are gone.
pub(super) const RELEASE: Duration = Duration::from_secs(20);
/// How long the engine may go on with what a command asked for that was killed, or interrupted, meanwhile.
const LATE: Duration = Duration::from_secs(1);

impl Docker {
    /// Removes what there is until nothing is left: what is in use now may be free a moment later, and what a command
    /// asked for that was cut off may appear a moment later.
    pub(super) async fn remove_project(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        let mut taken = Vec::new();
        let begun = Instant::now();
        // Cut off were an earlier command, or what this one did before.
        let cut_off = self.cut_off.load(Ordering::Relaxed) || was_cut_off(self).await?;
        let quiet = if cut_off { begun + LATE } else { begun };
        loop {
            let observed = self.observe().await?;
            let pass = self.remove_once(&observed, extent).await;
            if let Some(error) = pass.error {
                return Err(error);
            }
            match pass.in_use {
                Some(why) if begun.elapsed() > RELEASE => bail!("{why}"),
                None if pass.removed.is_empty() && Instant::now() >= quiet => break,
                _ => {}
            }
            if pass.removed.is_empty() {
                tokio::time::sleep(MOMENT).await;
            }
            taken.extend(pass.removed);
        }
        self.cut_off.store(false, Ordering::Relaxed);
        Ok(taken)
    }

    /// Asks an instance to end, then takes its container away.
    pub(super) async fn remove_instance(&self, instance: &str) -> Result<Vec<String>> {
        let containers = self.containers().await?;
        let Some(found) = containers.iter().find(|one| !one.one_off && one.instance.name() == instance) else {
            return Ok(Vec::new());
        };
        self.stop_and_remove(&found.instance.id).await.with_context(|| format!("remove {instance}"))?;
        Ok(vec![instance.to_owned()])
    }

    /// Goes on after an error, so that one thing that sticks keeps nothing else.
    ///
    /// All containers are stopped at once, where Compose goes by `depends_on`, from the last to the first. In the stack's own
    /// file only the client depends on anything, and it has ended by then. Of the others each withstands that the rest dies,
    /// which is what they are here for, and nothing of theirs is better kept by an order: the broker needs nobody to end
    /// well, the generator goes on after what the broker has, and what a JobManager leaves behind that could not say
    /// good-bye to ZooKeeper, its session, expires while the next one is still starting (measured: 2 s before that asks to
    /// lead). An order would take the sum of their times to end.
    async fn remove_once(&self, observed: &Observed, extent: Extent<'_>) -> Pass {
        let mut pass = Pass::default();
        let containers = observed.containers.iter().map(|container| async {
            let name = if container.one_off { container.name.clone() } else { container.instance.name() };
            let id = &container.instance.id;
            // What a command was doing in a container of its own ends with the command.
            let done = if container.one_off { self.remove_container(id).await } else { self.stop_and_remove(id).await };
            (name.clone(), done.map(|()| None).with_context(|| format!("remove {name}")))
        });
        pass.note("", join_all(containers).await);
        let networks = observed.networks.keys().map(|name| async move {
            (name.clone(), settled(self.api.remove_network(name).await, &format!("remove network {name}")))
        });
        pass.note("network ", join_all(networks).await);
        // What was broken on purpose is gone with its container, so the note of it goes as well. What was noted of a job stays
        // as long as its state does.
        match self.mark_volumes().await {
            Ok(marks) => {
                let is_done = |json: &str| extent == Extent::Everything || !outlives_containers(json);
                let marks =
                    marks.into_iter().filter(|(_, json)| is_done(json)).map(|(name, _)| self.remove_volume(name));
                pass.note("mark ", join_all(marks).await);
            }
            Err(error) => drop(pass.error.get_or_insert(error)),
        }
        if extent == Extent::Everything {
            let volumes = observed.volumes.keys().map(|name| self.remove_volume(name.clone()));
            pass.note("volume ", join_all(volumes).await);
        }
        pass
    }

    /// With `Some(why)` where it is in use.
    pub(super) async fn remove_volume(&self, name: String) -> (String, Result<Option<String>>) {
        let done = self.api.remove_volume(&name, None::<RemoveVolumeOptions>).await;
        (name.clone(), settled(done, &format!("remove volume {name}")))
    }

    /// Removes the containers of single commands whose process is gone: it could not do so itself.
    pub(super) async fn sweep(&self) -> Result<()> {
        let containers = self.containers().await?;
        let left = containers.iter().filter(|one| one.one_off && one.owner.as_deref().is_some_and(is_gone));
        let removed = join_all(left.map(|one| self.remove_container(&one.instance.id))).await;
        removed.into_iter().collect::<Result<()>>().context("remove containers that an earlier command left behind")
    }
}

/// Whether a mark, as JSON, is of a job that is to go on.
fn outlives_containers(mark: &str) -> bool {
    serde_json::from_str::<Mark>(mark).is_ok_and(|mark| mark.kind.outlives_containers())
}

/// Whether the process that a label names has ended. A label that cannot be read says nothing.
fn is_gone(label: &str) -> bool {
    serde_json::from_str::<crate::platform::Owner>(label).is_ok_and(|owner| owner.has_ended())
}

/// What is gone is gone; what is in use may not be a moment later.
pub(super) fn settled(done: Result<(), Error>, what: &str) -> Result<Option<String>> {
    match done {
        Ok(()) => Ok(None),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) if is_so_already(&error) || words(&error).contains("active endpoints") => {
            Ok(Some(format!("{what}: {}", words(&error))))
        }
        Err(error) => bail!("{what}: {}", words(&error)),
    }
}

/// What one pass did.
#[derive(Default)]
struct Pass {
    removed: Vec<String>,
    /// What is in use, and by what.
    in_use: Option<String>,
    /// The first thing that went wrong.
    error: Option<anyhow::Error>,
}

impl Pass {
    fn note(&mut self, kind: &str, results: Vec<(String, Result<Option<String>>)>) {
        for (name, done) in results {
            match done {
                Ok(None) => self.removed.push(format!("{kind}{name}")),
                Ok(Some(why)) => self.in_use = Some(why),
                Err(error) => drop(self.error.get_or_insert(error)),
            }
        }
    }
}
