//! Who owns a project now, as empty volumes: cheap, durable, found by their labels, and made by requests that the engine
//! does one after the other.
//!
//! Each process notes itself in a volume of its own name, then looks who else has one. Whoever looks after the other sees
//! the other, so at most one finds itself alone; and a note of a process that has ended can be removed without ever hitting
//! a living one's. It stays until the new owner lets go: it tells that a command was cut off, and that the engine may still
//! be at what that one asked for.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::ListVolumesOptionsBuilder;

use super::{Docker, Plain as _, labels};
use crate::platform::{Lock, Owner};

impl Docker {
    pub(super) async fn take_lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        self.note_lock(lock).await.context("record that this command owns the project")?;
        let others = self.locks().await?.into_iter().filter(|(name, _)| *name != self.lock_name(&lock.owner));
        let Some((_, other)) = others.into_iter().find(|(_, other)| !other.owner.has_ended()) else {
            let settled = self.settle_what_was_cut_off().await;
            if settled.is_err() {
                self.remove_volume(self.lock_name(&lock.owner)).await.1?;
            }
            return settled.map(|()| None);
        };
        self.remove_volume(self.lock_name(&lock.owner)).await.1?;
        Ok(Some(other))
    }

    /// A command that was cut off cannot take its one-off containers away itself, nor wait for what it asked for.
    async fn settle_what_was_cut_off(&self) -> Result<()> {
        self.sweep().await?;
        if self.was_cut_off().await? { self.let_stops_end().await } else { Ok(()) }
    }

    pub(super) async fn release_lock(&self, lock: &Lock) -> Result<()> {
        let own = self.lock_name(&lock.owner);
        let ended = self.locks().await?.into_iter().filter(|(_, other)| other.owner.has_ended()).map(|(name, _)| name);
        // The own one last: until then nobody else is at work here.
        for name in ended.chain([own]) {
            self.remove_volume(name).await.1?;
        }
        Ok(())
    }

    /// Whether a command was cut off that owned the project before.
    pub(super) async fn was_cut_off(&self) -> Result<bool> {
        Ok(self.locks().await?.iter().any(|(_, lock)| lock.owner.has_ended()))
    }

    /// With the names of their volumes.
    async fn locks(&self) -> Result<Vec<(String, Lock)>> {
        let filters = labels::filter(labels::LOCK_PROJECT, &self.project);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.plain().context("list locks")?;
        let lock = |volume: bollard::models::Volume| {
            let json = volume.labels.get(labels::LOCK).map(String::as_str).unwrap_or_default();
            let lock = serde_json::from_str(json);
            let advice = || {
                format!(
                    "volume {name} holds no lock that this version can read; docker volume rm {name} removes it",
                    name = volume.name
                )
            };
            Ok((volume.name.clone(), lock.with_context(advice)?))
        };
        listed.volumes.unwrap_or_default().into_iter().map(lock).collect()
    }

    async fn note_lock(&self, lock: &Lock) -> Result<()> {
        let json = serde_json::to_string(lock)?;
        let labels = [(labels::LOCK_PROJECT, self.project.as_str()), (labels::LOCK, json.as_str())];
        let labels: HashMap<String, String> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let name = Some(self.lock_name(&lock.owner));
        let request = VolumeCreateRequest { name, labels: Some(labels), ..VolumeCreateRequest::default() };
        self.api.create_volume(request).await.map(drop).plain()
    }

    /// No other process's, now or later. No volume of a compose file can have it: theirs have `_` behind the project.
    pub(super) fn lock_name(&self, owner: &Owner) -> String {
        let boot: String = owner.boot.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        format!("{}.lock.{}-{}-{boot}", self.project, owner.pid, owner.started)
    }
}
