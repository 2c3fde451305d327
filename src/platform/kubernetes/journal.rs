//! Marks, stored as `ConfigMaps` and found by their labels.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use sha2::{Digest as _, Sha256};

use super::{Kubernetes, Plain as _, is_missing, labels};
use crate::platform::Mark;
use crate::stack::hex;

impl Kubernetes {
    pub(super) async fn write_mark(&self, mark: &Mark) -> Result<()> {
        let json = serde_json::to_string(mark).context("write the mark as JSON")?;
        let name = self.mark_name(&mark.id);
        let note = self.config_map(&name, labels::MARK, json);
        // In one request: a command that is killed leaves the older one, or this one.
        let params = PatchParams::apply(super::MANAGER).force();
        let made = self.api::<ConfigMap>().patch(&name, &params, &Patch::Apply(&note)).await.map(drop).plain();
        made.with_context(|| format!("write the note {} ({} by {})", mark.id, mark.what, mark.by))
    }

    pub(super) async fn erase_mark(&self, id: &str) -> Result<()> {
        self.erase_note(&self.mark_name(id)).await
    }

    pub(super) async fn read_marks(&self) -> Result<Vec<Mark>> {
        let mark = |(name, json): (String, String)| {
            serde_json::from_str(&json).with_context(|| {
                format!(
                    "configmap {name} holds no mark that this version can read; {} delete configmap {name} removes it",
                    self.kubectl
                )
            })
        };
        self.notes(labels::MARK).await.context("list marks")?.into_iter().map(mark).collect()
    }

    fn config_map(&self, name: &str, label: &str, json: String) -> ConfigMap {
        let mut labels = labels::own(&self.project);
        labels.insert(label.to_owned(), String::new());
        ConfigMap {
            metadata: ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
            data: Some([(labels::JSON.to_owned(), json)].into()),
            ..ConfigMap::default()
        }
    }

    /// Makes a `ConfigMap` with JSON; an error where there is one of the name.
    pub(super) async fn note(&self, name: &str, label: &str, json: String) -> Result<()> {
        let note = self.config_map(name, label, json);
        let params = PostParams { field_manager: Some(super::MANAGER.to_owned()), ..PostParams::default() };
        self.api::<ConfigMap>().create(&params, &note).await.map(drop).plain()
    }

    /// Removes a `ConfigMap`. One that is gone is gone.
    pub(super) async fn erase_note(&self, name: &str) -> Result<()> {
        match self.api::<ConfigMap>().delete(name, &DeleteParams::default()).await {
            Err(error) if !is_missing(&error) => Err(error).plain().with_context(|| format!("remove configmap {name}")),
            _ => Ok(()),
        }
    }

    /// The names and JSON of the `ConfigMaps` with a label.
    pub(super) async fn notes(&self, label: &str) -> Result<Vec<(String, String)>> {
        let labelled = ListParams::default().labels(&format!("{},{label}", labels::of(&self.project)));
        let found = self.api::<ConfigMap>().list(&labelled).await.plain()?;
        let json = |note: ConfigMap| Some((note.name_any(), note.data?.remove(labels::JSON)?));
        Ok(found.into_iter().filter_map(json).collect())
    }

    /// An id may have what no name of an object may.
    pub(super) fn mark_name(&self, id: &str) -> String {
        format!("{}.mark.{}", labels::name_of(&self.project), &hex(&Sha256::digest(id))[..16])
    }
}
