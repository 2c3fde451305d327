//! A note that a project is being brought in line: it keeps two commands from doing so at once, and tells the next one that
//! this one was cut off, so that the engine may still be at what it asked for.
//!
//! It is an empty volume, made by a request that the engine answers with the older one where there are two.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::ListVolumesOptionsBuilder;

use super::{Docker, Plain as _, labels};
use crate::platform::Owner;
use crate::wait::{Seen, until};

/// How long the engine may take to let go of an older note.
const LIMIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

impl Docker {
    /// Notes that this process brings the project in line; refuses while another one does.
    pub(super) async fn claim(&self) -> Result<()> {
        let own = Owner::current()?;
        until("the note of an earlier command to go", LIMIT, LOOK, async || {
            let holder = self.write_claim(&own).await.context("note that the project is being brought in line")?;
            match holder {
                Some(owner) if owner == own => Ok(Seen::Done(())),
                Some(owner) if owner.is_alive() => bail!(
                    "another playground (process {}) is at project {}; wait for it, or use another project with -p",
                    owner.pid,
                    self.project
                ),
                // Its process was cut off; what it left is brought in line now.
                _ => {
                    self.release().await?;
                    Ok(Seen::NotYet(format!("volume {} of a command that was cut off", self.claim_name())))
                }
            }
        })
        .await
    }

    /// Takes the note back, once nothing is on its way any more.
    pub(super) async fn release(&self) -> Result<()> {
        self.remove_volume(self.claim_name()).await.1.map(drop)
    }

    /// Whether there is a note: of a command that was cut off, or that runs now.
    pub(super) async fn is_claimed(&self) -> Result<bool> {
        let filters = labels::filter(labels::CLAIM, &self.project);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.plain().context("list volumes")?;
        Ok(listed.volumes.is_some_and(|volumes| !volumes.is_empty()))
    }

    /// Returns whose note there is then.
    async fn write_claim(&self, own: &Owner) -> Result<Option<Owner>> {
        let owner = serde_json::to_string(own)?;
        let labels = [(labels::CLAIM, self.project.as_str()), (labels::OWNER, owner.as_str())];
        let labels: HashMap<String, String> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let request = VolumeCreateRequest {
            name: Some(self.claim_name()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let volume = self.api.create_volume(request).await.plain()?;
        Ok(volume.labels.get(labels::OWNER).and_then(|owner| serde_json::from_str(owner).ok()))
    }

    fn claim_name(&self) -> String {
        // No volume of a compose file can have this name: theirs have `_` behind the project.
        format!("{}.claim", self.project)
    }
}
