//! Who owns a project now, as `ConfigMaps`, by the rule of locks on Docker: each process notes itself under a name of its own,
//! then looks who else has. Whoever looks after the other sees the other, so at most one finds itself alone; and the note of a
//! process that has ended can be removed without ever hitting a living one's.

use anyhow::{Context as _, Result};

use super::{Kubernetes, labels};
use crate::platform::{Lock, Owner};

impl Kubernetes {
    pub(super) async fn take_lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        let own = self.lock_name(&lock.owner);
        let json = serde_json::to_string(lock)?;
        self.note(&own, labels::LOCK, json).await.context("record that this command owns the project")?;
        let mut others = self.locks().await?.into_iter().filter(|(name, _)| *name != own);
        let Some((_, other)) = others.find(|(_, other)| !other.owner.has_ended()) else {
            // A command that was cut off cannot take its pods away itself.
            let swept = self.sweep().await;
            if swept.is_err() {
                self.erase(&own).await?;
            }
            return swept.map(|()| None);
        };
        self.erase(&own).await?;
        Ok(Some(other))
    }

    pub(super) async fn release_lock(&self, lock: &Lock) -> Result<()> {
        let own = self.lock_name(&lock.owner);
        let ended = self.locks().await?.into_iter().filter(|(_, other)| other.owner.has_ended()).map(|(name, _)| name);
        // The own one last: until then nobody else is at work here.
        for name in ended.chain([own]) {
            self.erase(&name).await?;
        }
        Ok(())
    }

    /// With the names of their `ConfigMaps`.
    async fn locks(&self) -> Result<Vec<(String, Lock)>> {
        let lock = |(name, json): (String, String)| {
            let lock = serde_json::from_str(&json).with_context(|| {
                format!(
                    "configmap {name} holds no lock that this version can read; {} delete configmap {name} removes it",
                    self.kubectl
                )
            });
            Ok((name, lock?))
        };
        self.notes(labels::LOCK).await.context("list locks")?.into_iter().map(lock).collect()
    }

    /// No other process's, now or later.
    pub(super) fn lock_name(&self, owner: &Owner) -> String {
        let boot: String = owner.boot.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        format!("{}.lock.{}-{}-{boot}", self.project.replace('_', "-"), owner.pid, owner.started)
    }
}
