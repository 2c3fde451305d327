//! What `playground doctor` asks an engine.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::port::is_taken;
use super::{Docker, Plain as _, images};
use crate::platform::PortTaken;

/// What an engine says about itself and its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// As in `20.10.24`.
    pub version: String,
    /// As in `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// Memory in bytes.
    pub memory: u64,
    /// CPUs.
    pub cpus: i64,
    /// Where it keeps its images.
    pub folder: String,
    /// Free bytes there, where that can be told.
    pub free: Option<u64>,
}

impl Docker {
    /// What the engine says about itself and its machine.
    pub async fn facts(&self) -> Result<Facts> {
        let info = self.api.info().await.plain().context("ask the engine about itself")?;
        let folder = info.docker_root_dir.unwrap_or_default();
        Ok(Facts {
            version: info.server_version.unwrap_or_default(),
            system: info.operating_system.unwrap_or_default(),
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            cpus: info.ncpu.unwrap_or_default(),
            free: images::free(Path::new(&folder)),
            folder,
        })
    }

    /// Whether an image is there.
    pub async fn has_image(&self, name: &str) -> Result<bool> {
        Ok(self.find_image(name).await?.is_some())
    }

    /// Who holds an address, unless it is free or held by this project.
    pub async fn holder(&self, address: SocketAddr) -> Result<Option<PortTaken>> {
        let own = self.containers().await?.iter().any(|one| {
            one.instance.ports.iter().any(|port| port.published == address.port()) && one.instance.exit_code.is_none()
        });
        Ok(if own || !is_taken(address) { None } else { Some(self.taken(address, "").await) })
    }
}
