//! What `doctor` and `images` ask of a platform: about the engine itself, and about the images that it keeps for all projects.

use std::path::Path;

use anyhow::Result;
use tokio::sync::mpsc::UnboundedSender;

use super::{Platform, PlatformNews, PortTaken};
use crate::failure::Failure;
use crate::image::Entry;
use crate::stack::Stack;

/// What an engine says about itself and its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// The machine that it runs on, where that is another one than this.
    pub remote: Option<String>,
    /// The image that all own images stand on, where it is there.
    pub base: Option<String>,
}

/// Whether the engine's build cache is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// What is current stays, and what is built reuses unchanged steps.
    Use,
    /// Everything is rebuilt.
    Ignore,
}

/// The result of removing an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It is still there, with the engine's reason.
    Kept(String),
}

/// The engine of a platform.
#[allow(async_fn_in_trait, reason = "as for `Contract`")]
pub trait Engine {
    /// What it says about itself and its machine.
    async fn facts(&self) -> Result<Facts>;

    /// Who holds a port of this machine at the address that stacks publish on, unless it is free or held by this project.
    async fn holder(&self, port: u16) -> Result<Option<PortTaken>>;

    /// The playground's own images: those that are wanted now, there or not, then old ones.
    async fn images(&self) -> Result<Vec<Entry>>;

    /// Builds own images that are missing, or all, and lets the names that the compose file has mean them.
    async fn build_images(&self, cache: Cache, progress: &UnboundedSender<PlatformNews>) -> Result<()>;

    /// Writes the images of a stack into a file, as `docker save` does; those that are missing are built first. Returns their tags.
    async fn export_images(
        &self,
        stack: &Stack,
        file: &Path,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>>;

    /// Pushes the images of a stack to a registry, as in `registry.example.org/team`; those that are missing are built first.
    /// Returns what they are called there.
    async fn push_images(
        &self,
        stack: &Stack,
        registry: &str,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>>;

    /// Removes one of our images, with all its names, unless somebody needs it by now.
    async fn remove_image(&self, image: &Entry) -> Result<Removal>;
}

/// Forwards a call to the engine of the platform at hand.
macro_rules! forward {
    ($self:ident, $platform:ident => $call:expr) => {
        match $self {
            Platform::Docker($platform) => $call.await,
            Platform::Kubernetes(_) => no_engine(),
            Platform::Fake($platform) => $call.await,
        }
    };
}

/// A cluster builds no images and gives out no ports of this machine.
fn no_engine<T>() -> Result<T> {
    let text = "doctor checks the local Docker engine, which a cluster is not: playground --platform docker doctor";
    Err(Failure::Usage(text.to_owned()).into())
}

impl Engine for Platform {
    async fn facts(&self) -> Result<Facts> {
        forward!(self, platform => platform.facts())
    }
    async fn holder(&self, port: u16) -> Result<Option<PortTaken>> {
        forward!(self, platform => platform.holder(port))
    }
    async fn images(&self) -> Result<Vec<Entry>> {
        forward!(self, platform => platform.images())
    }
    async fn build_images(&self, cache: Cache, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        forward!(self, platform => platform.build_images(cache, progress))
    }
    async fn export_images(
        &self,
        stack: &Stack,
        file: &Path,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        forward!(self, platform => platform.export_images(stack, file, progress))
    }
    async fn push_images(
        &self,
        stack: &Stack,
        registry: &str,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        forward!(self, platform => platform.push_images(stack, registry, progress))
    }
    async fn remove_image(&self, image: &Entry) -> Result<Removal> {
        forward!(self, platform => platform.remove_image(image))
    }
}
