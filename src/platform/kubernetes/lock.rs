//! The notes of who owns a project, as `ConfigMaps`.

use anyhow::Result;

use super::{Kubernetes, labels};
use crate::platform::Owner;
use crate::platform::lock::{self, Notes};

impl Notes for Kubernetes {
    async fn put(&self, name: &str, json: String) -> Result<()> {
        self.note(name, labels::LOCK, json).await
    }

    async fn erase(&self, name: &str) -> Result<()> {
        self.erase_note(name).await
    }

    async fn list(&self) -> Result<Vec<(String, String)>> {
        self.notes(labels::LOCK).await
    }

    fn removal(&self, name: &str) -> String {
        format!("{} delete configmap {name}", self.kubectl)
    }

    /// A command that was cut off cannot take its pods away itself.
    async fn settle(&self, _was_cut_off: bool) -> Result<()> {
        self.sweep().await
    }
}

impl Kubernetes {
    pub(super) fn lock_name(&self, owner: &Owner) -> String {
        lock::name(&labels::name_of(&self.project), owner)
    }
}
