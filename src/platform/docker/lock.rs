//! The notes of who owns a project, as empty volumes: cheap, durable, found by their labels, and made by requests that the engine
//! does one after the other.

use std::collections::HashMap;

use anyhow::Result;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::ListVolumesOptionsBuilder;

use super::{Docker, Plain as _, labels};
use crate::platform::Owner;
use crate::platform::lock::{self, Notes};

impl Notes for Docker {
    async fn put(&self, name: &str, json: String) -> Result<()> {
        let labels = [(labels::LOCK_PROJECT, self.project.as_str()), (labels::LOCK, json.as_str())];
        let labels: HashMap<String, String> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let (name, labels) = (Some(name.to_owned()), Some(labels));
        self.api
            .create_volume(VolumeCreateRequest { name, labels, ..VolumeCreateRequest::default() })
            .await
            .map(drop)
            .plain()
    }

    async fn erase(&self, name: &str) -> Result<()> {
        self.remove_volume(name.to_owned()).await.1.map(drop)
    }

    async fn list(&self) -> Result<Vec<(String, String)>> {
        let filters = labels::filter(labels::LOCK_PROJECT, &self.project);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.plain()?;
        let json = |volume: &bollard::models::Volume| volume.labels.get(labels::LOCK).cloned().unwrap_or_default();
        Ok(listed.volumes.unwrap_or_default().into_iter().map(|volume| (volume.name.clone(), json(&volume))).collect())
    }

    fn removal(&self, name: &str) -> String {
        format!("docker volume rm {name}")
    }

    /// A command that was cut off cannot take its one-off containers away itself, nor wait for what it asked for.
    async fn settle(&self, was_cut_off: bool) -> Result<()> {
        self.sweep().await?;
        if was_cut_off { self.let_stops_end().await } else { Ok(()) }
    }
}

impl Docker {
    pub(super) fn lock_name(&self, owner: &Owner) -> String {
        lock::name(&self.project, owner)
    }
}
