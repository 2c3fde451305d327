//! Marks, stored as empty volumes: cheap, durable, and found by their labels.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::ListVolumesOptionsBuilder;

use super::{Docker, Plain as _, labels};
use crate::platform::Mark;

impl Docker {
    pub(super) async fn write_mark(&self, mark: &Mark) -> Result<()> {
        let json = serde_json::to_string(mark).context("write the mark as JSON")?;
        let labels = HashMap::from([(labels::MARK_PROJECT, self.project.as_str()), (labels::MARK, json.as_str())]);
        let request = VolumeCreateRequest {
            name: Some(self.mark_name(&mark.id)),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            ..VolumeCreateRequest::default()
        };
        // The engine would answer with the older volume, and leave its labels as they are.
        self.erase_mark(&mark.id).await?;
        let made = self.api.create_volume(request).await.map(drop).plain();
        made.with_context(|| format!("write the note {} ({} by {})", mark.id, mark.what, mark.by))
    }

    pub(super) async fn erase_mark(&self, id: &str) -> Result<()> {
        self.remove_volume(self.mark_name(id)).await.1.map(drop)
    }

    pub(super) async fn read_marks(&self) -> Result<Vec<Mark>> {
        let volumes = self.mark_volumes().await?;
        let marks = volumes.iter().map(|(name, json)| {
            serde_json::from_str(json).with_context(|| {
                format!("volume {name} holds no mark that this version can read; docker volume rm {name} removes it")
            })
        });
        marks.collect()
    }

    /// Names and JSON.
    pub(super) async fn mark_volumes(&self) -> Result<Vec<(String, String)>> {
        let filters = labels::filter(labels::MARK_PROJECT, &self.project);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.plain().context("list marks")?;
        let mark = |mut volume: bollard::models::Volume| Some((volume.name, volume.labels.remove(labels::MARK)?));
        let mut marks: Vec<_> = listed.volumes.unwrap_or_default().into_iter().filter_map(mark).collect();
        marks.sort();
        Ok(marks)
    }

    pub(super) fn mark_name(&self, id: &str) -> String {
        format!("{}_mark_{id}", self.project)
    }
}
