//! The engine of the platform in memory: it has what the contract says of images, and nothing is in them.

use anyhow::Result;
use tokio::sync::mpsc::UnboundedSender;

use super::Fake;
use crate::image::{Entry, Found, Image, Machine, images, take_stock};
use crate::platform::engine::{Cache, Engine, Facts, Removal};
use crate::platform::{PlatformNews, PortTaken};

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

    async fn remove_image(&self, image: &Entry) -> Result<Removal> {
        self.with(|world| {
            world.images.retain(|one| Some(one) != image.found.as_ref());
            Ok(Removal::Removed)
        })
    }
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
