//! The engine of the platform in memory: it has what the contract says of images, and nothing is in them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc::UnboundedSender;

use super::Fake;
use crate::image::{Entry, Found, Image, Machine, images, pinned, take_stock};
use crate::platform::engine::{Cache, Engine, Facts, Removal};
use crate::platform::{PlatformNews, PortTaken};
use crate::stack::Stack;

impl Engine for Fake {
    async fn facts(&self) -> Result<Facts> {
        Ok(Facts { version: "0".to_owned(), system: "memory".to_owned(), memory: 8 << 30, cpus: 1, ..Facts::default() })
    }

    async fn holder(&self, _: u16) -> Result<Option<PortTaken>> {
        Ok(None)
    }

    async fn images(&self) -> Result<Vec<Entry>> {
        let wanted = images(&Machine::this())?;
        self.with(|world| Ok(take_stock(&wanted, &world.images)))
    }

    async fn build_images(&self, cache: Cache, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let wanted = images(&Machine::this())?;
        self.with(|world| {
            for image in &wanted {
                let is_there = world.images.iter().any(|one| one.tags.contains(&image.tag));
                let built = !is_there || cache == Cache::Ignore;
                if built {
                    world.images.retain(|one| !one.tags.contains(&image.tag));
                    world.images.push(made(image));
                }
                let _ = progress.send(PlatformNews::ImageReady { image: image.name.clone(), built });
            }
            Ok(())
        })
    }

    /// A file with the tags alone.
    async fn export_images(
        &self,
        stack: &Stack,
        file: &Path,
        _: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        let tags = tags(stack)?;
        std::fs::write(file, tags.join("\n")).with_context(|| format!("write the images to {}", file.display()))?;
        Ok(tags)
    }

    async fn push_images(
        &self,
        stack: &Stack,
        registry: &str,
        _: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        Ok(tags(stack)?.into_iter().map(|tag| format!("{registry}/{tag}")).collect())
    }

    async fn remove_image(&self, image: &Entry) -> Result<Removal> {
        self.with(|world| {
            world.images.retain(|one| Some(one) != image.found.as_ref());
            Ok(Removal::Removed)
        })
    }
}

fn tags(stack: &Stack) -> Result<Vec<String>> {
    let stack = pinned(stack, &images(&Machine::this())?);
    let tags: BTreeSet<String> = stack.services.into_iter().map(|service| service.image).collect();
    Ok(tags.into_iter().collect())
}

fn made(image: &Image) -> Found {
    Found {
        id: format!("sha256:{}", image.hash),
        tags: vec![image.tag.clone()],
        content: Some(image.hash.clone()),
        of: Some(image.name.clone()),
        ..Found::default()
    }
}
