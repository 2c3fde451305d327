//! A cluster builds no images and gives out no ports of this machine: what `doctor` and `images` ask, a Docker engine answers.

use std::path::Path;

use anyhow::{Result, bail};
use tokio::sync::mpsc::UnboundedSender;

use super::Kubernetes;
use crate::failure::Failure;
use crate::image::Entry;
use crate::platform::engine::{Cache, Engine, Facts, Removal};
use crate::platform::{PlatformNews, PortTaken};
use crate::stack::Stack;

impl Engine for Kubernetes {
    async fn facts(&self) -> Result<Facts> {
        no_engine()
    }
    async fn holder(&self, _port: u16) -> Result<Option<PortTaken>> {
        no_engine()
    }
    async fn images(&self) -> Result<Vec<Entry>> {
        no_engine()
    }
    async fn build_images(&self, _cache: Cache, _progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        no_engine()
    }
    async fn export_images(
        &self,
        _stack: &Stack,
        _file: &Path,
        _progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        no_engine()
    }
    async fn push_images(
        &self,
        _stack: &Stack,
        _registry: &str,
        _progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        no_engine()
    }
    async fn remove_image(&self, _image: &Entry) -> Result<Removal> {
        no_engine()
    }
}

fn no_engine<T>() -> Result<T> {
    bail!(Failure::Usage("images are a Docker engine's, and so is doctor: leave out --platform kubernetes".to_owned()))
}
