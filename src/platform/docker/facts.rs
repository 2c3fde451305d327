//! What `playground doctor` and `playground images` ask an engine.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc::UnboundedSender;

use super::port::is_taken;
use super::{Docker, Plain as _, images};
use crate::image::Entry;
use crate::platform::engine::{Cache, Engine, Facts, Removal};
use crate::platform::{PlatformNews, PortTaken};
use crate::stack::Stack;

/// Where stacks publish their ports.
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

impl Engine for Docker {
    async fn facts(&self) -> Result<Facts> {
        let info = self.api.info().await.plain().context("ask the engine about itself")?;
        let folder = info.docker_root_dir.unwrap_or_default();
        let free = if self.remote.is_none() { images::free(Path::new(&folder)) } else { None };
        Ok(Facts {
            version: info.server_version.unwrap_or_default(),
            system: info.operating_system.unwrap_or_default(),
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            cpus: info.ncpu.unwrap_or_default(),
            remote: self.remote.as_ref().map(|remote| remote.host.clone()),
            base: self.base_that_is_there().await?,
            free,
            folder,
        })
    }

    async fn holder(&self, port: u16) -> Result<Option<PortTaken>> {
        let address = SocketAddr::from((LOOPBACK, port));
        let own =
            self.containers().await?.iter().any(|one| {
                one.instance.ports.iter().any(|one| one.published == port) && one.instance.exit_code.is_none()
            });
        Ok(if own || !is_taken(address) { None } else { Some(self.taken(address, "").await) })
    }

    async fn images(&self) -> Result<Vec<Entry>> {
        self.stock().await
    }

    async fn build_images(&self, cache: Cache, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        self.build_own_images(cache, progress).await
    }

    async fn export_images(
        &self,
        stack: &Stack,
        file: &Path,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        self.export(stack, file, progress).await
    }

    async fn push_images(
        &self,
        stack: &Stack,
        registry: &str,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        self.push(stack, registry, progress).await
    }

    async fn remove_image(&self, image: &Entry) -> Result<Removal> {
        self.remove_own_image(image).await
    }
}
