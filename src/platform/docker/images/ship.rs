//! Bringing own images elsewhere: into a file, or to a registry. A cluster's nodes take them from there.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use bollard::query_parameters::{PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder};
use futures_util::StreamExt as _;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::UnboundedSender;

use crate::image::{Machine, pinned};
use crate::platform::PlatformNews;
use crate::platform::docker::connect::config::Config;
use crate::platform::docker::connect::credentials::{credentials, registry};
use crate::platform::docker::{Docker, Plain as _};
use crate::stack::Stack;

impl Docker {
    /// Writes a stack's images, as `docker save` does; returns their tags. The file is there when all of it is.
    pub(in crate::platform::docker) async fn export(
        &self,
        stack: &Stack,
        file: &Path,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        let tags = self.shipped(stack, progress).await?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = async {
            // It goes when the command is interrupted.
            let (part, path) = NamedTempFile::new_in(folder)?.into_parts();
            self.save(&tags, File::from_std(part)).await?;
            path.persist(file)?;
            anyhow::Ok(())
        };
        written.await.with_context(|| format!("write the images to {}", file.display()))?;
        Ok(tags)
    }

    async fn save(&self, tags: &[String], mut file: File) -> Result<()> {
        let names: Vec<&str> = tags.iter().map(String::as_str).collect();
        let mut saved = self.api.export_images(&names);
        while let Some(chunk) = saved.next().await {
            file.write_all(&chunk.plain()?).await?;
        }
        file.sync_all().await?;
        Ok(())
    }

    /// Pushes a stack's images under the registry's name, with the credentials that `docker login` left; returns what they are
    /// called there.
    pub(in crate::platform::docker) async fn push(
        &self,
        stack: &Stack,
        to: &str,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<String>> {
        let mut pushed = Vec::new();
        for tag in self.shipped(stack, progress).await? {
            let name = format!("{to}/{tag}");
            self.push_one(&tag, &name, progress).await.with_context(|| format!("push {name}"))?;
            pushed.push(name);
        }
        Ok(pushed)
    }

    async fn push_one(&self, image: &str, name: &str, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let (repository, tag) = name.rsplit_once(':').context("it has no tag")?;
        let was_there = self.find_image(name).await?.is_some();
        let named = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        self.api.tag_image(image, Some(named)).await.plain()?;
        let pushed = self.send(repository, tag, name, progress).await;
        // A name that was only needed for this would keep the image when it is old.
        if !was_there {
            self.api.remove_image(name, None::<RemoveImageOptions>, None).await.plain()?;
        }
        pushed
    }

    async fn send(
        &self,
        repository: &str,
        tag: &str,
        name: &str,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let credentials = credentials(&Config::read()?, registry(name)).await?;
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let mut pushed = self.api.push_image(repository, Some(options), credentials);
        while let Some(step) = pushed.next().await {
            let step = step.plain()?;
            if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                return Err(anyhow!(error));
            }
            let step = step.status.unwrap_or_default();
            let _ = progress.send(PlatformNews::Image { image: name.to_owned(), step });
        }
        let _ = progress.send(PlatformNews::ImageReady { image: name.to_owned(), built: true });
        Ok(())
    }

    /// The tags of a stack's images; those that are missing are built.
    async fn shipped(&self, stack: &Stack, progress: &UnboundedSender<PlatformNews>) -> Result<Vec<String>> {
        let machine = Machine::this();
        let all = self.own_images(stack, &machine, progress).await?;
        let stack = pinned(stack, &all);
        self.ensure_images(&stack, &all, &machine, progress).await?;
        let mut tags: Vec<String> = stack.services.into_iter().map(|service| service.image).collect();
        tags.sort();
        tags.dedup();
        Ok(tags)
    }
}
