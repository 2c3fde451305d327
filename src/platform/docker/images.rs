//! Images: those of a stack are there before its containers are made.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc::UnboundedSender;

use super::{Docker, Plain as _, is_missing, labels};
use crate::image::{Freshness, Image, OWN, Program, images};
use crate::platform::Progress;
use crate::stack::Stack;

mod build;

pub(super) use build::free;

/// How many images are built at once; more only get in each other's way on a small machine.
const AT_ONCE: usize = 2;

/// An own image, as observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The image.
    pub image: Image,
    /// Whether it is there and up to date.
    pub freshness: Freshness,
    /// Its size in bytes, where it is there.
    pub size: Option<u64>,
}

/// Whether the engine's build cache is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// What is current stays, and what is built reuses unchanged steps.
    Use,
    /// Everything is made anew.
    Ignore,
}

impl Docker {
    /// The ids of a stack's images, by name. Own images that are missing or stale are built, others pulled.
    pub(super) async fn ensure_images(
        &self,
        stack: &Stack,
        progress: &UnboundedSender<Progress>,
    ) -> Result<BTreeMap<String, String>> {
        let program = Program::running();
        let observed = self.observe_images(&program).await?;
        let wanted = |name: &str| stack.services.iter().any(|service| service.image == name);
        let needed = needed(&observed, |one| wanted(&one.image.name) && one.freshness != Freshness::Current);
        for one in observed.iter().filter(|one| wanted(&one.image.name) && !needed.contains(&one.image)) {
            tell(progress, &one.image.name, false);
        }
        self.build_all(&needed, &program, Cache::Use, progress).await?;
        let mut ids = BTreeMap::new();
        for service in &stack.services {
            if !ids.contains_key(&service.image) {
                ids.insert(service.image.clone(), self.image_id(&service.image, progress).await?);
            }
        }
        Ok(ids)
    }

    /// Builds own images that are missing or stale, or all.
    pub async fn build_images(&self, cache: Cache, progress: &UnboundedSender<Progress>) -> Result<()> {
        let program = Program::running();
        let observed = self.observe_images(&program).await?;
        let needed = needed(&observed, |one| cache == Cache::Ignore || one.freshness != Freshness::Current);
        for one in observed.iter().filter(|one| !needed.contains(&one.image)) {
            tell(progress, &one.image.name, false);
        }
        self.build_all(&needed, &program, cache, progress).await
    }

    /// All own images and whether they are up to date.
    pub async fn observe_images(&self, program: &Program) -> Result<Vec<Observed>> {
        let mut observed = Vec::new();
        for image in images(program)? {
            let (freshness, size) = match self.api.inspect_image(&image.name).await {
                Ok(found) => {
                    let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                    let current = labels.get(labels::CONTENT) == Some(&image.hash);
                    let size = found.size.and_then(|size| u64::try_from(size).ok());
                    (if current { Freshness::Current } else { Freshness::Stale }, size)
                }
                Err(error) if is_missing(&error) => (Freshness::Missing, None),
                Err(error) => return Err(error).plain().with_context(|| format!("inspect image {}", image.name)),
            };
            observed.push(Observed { image, freshness, size });
        }
        Ok(observed)
    }

    /// In waves: what an image stands on is there before it.
    async fn build_all(
        &self,
        images: &[Image],
        program: &Program,
        cache: Cache,
        progress: &UnboundedSender<Progress>,
    ) -> Result<()> {
        for wave in waves(images) {
            let builds = wave.into_iter().map(|image| self.build(image, program, cache, progress));
            stream::iter(builds).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        }
        Ok(())
    }

    /// An image's id; one that is not there is pulled.
    async fn image_id(&self, name: &str, progress: &UnboundedSender<Progress>) -> Result<String> {
        if let Some(id) = self.find_image(name).await? {
            return Ok(id);
        }
        // Never asked for anywhere: under these names a registry would hold somebody else's images.
        if name.starts_with(OWN) {
            bail!("there is no image {name}; playground images list shows the playground's own");
        }
        let _ = progress.send(Progress::Image { image: name.to_owned(), step: "pulling".to_owned() });
        let (repository, tag) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((name, "latest"));
        let options = CreateImageOptionsBuilder::new().from_image(repository).tag(tag).build();
        let mut pulled = self.api.create_image(Some(options), None, None);
        while let Some(step) = pulled.next().await {
            let step = step.plain().with_context(|| format!("image {name} is not there and cannot be pulled"))?;
            if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                return Err(anyhow!(error)).with_context(|| format!("image {name} is not there and cannot be pulled"));
            }
        }
        tell(progress, name, true);
        self.find_image(name).await?.with_context(|| format!("image {name} is not there after it was pulled"))
    }

    pub(super) async fn find_image(&self, name: &str) -> Result<Option<String>> {
        match self.api.inspect_image(name).await {
            Ok(found) => Ok(found.id),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error).plain().with_context(|| format!("inspect image {name}")),
        }
    }
}

fn tell(progress: &UnboundedSender<Progress>, image: &str, built: bool) {
    let _ = progress.send(Progress::ImageReady { image: image.to_owned(), built });
}

/// The images to build and, of those that they stand on, the ones that are not current, in the order of `observed`.
fn needed(observed: &[Observed], wanted: impl Fn(&Observed) -> bool) -> Vec<Image> {
    let mut names: Vec<&str> = Vec::new();
    for one in observed.iter().rev() {
        let below = names.iter().any(|name| {
            observed.iter().any(|above| above.image.name == **name && above.image.after.contains(&one.image.name))
        });
        let is_own = one.image.name.starts_with(OWN);
        if is_own && (wanted(one) || (below && one.freshness != Freshness::Current)) {
            names.push(&one.image.name);
        }
    }
    observed.iter().filter(|one| names.contains(&one.image.name.as_str())).map(|one| one.image.clone()).collect()
}

/// Images that do not stand on each other go side by side.
fn waves(images: &[Image]) -> Vec<Vec<&Image>> {
    let mut waves: Vec<Vec<&Image>> = Vec::new();
    for image in images {
        let below = |wave: &Vec<&Image>| wave.iter().any(|one| image.after.contains(&one.name));
        let at = waves.iter().rposition(below).map_or(0, |at| at + 1);
        if at == waves.len() {
            waves.push(Vec::new());
        }
        waves[at].push(image);
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::images;
    use Freshness::{Current, Missing, Stale};

    /// base, builder, zookeeper, kafka, flink, playground
    fn observed(freshness: [Freshness; 6]) -> Vec<Observed> {
        let images = images(&Program::at(std::path::Path::new("/etc/hostname"))).unwrap();
        images.into_iter().zip(freshness).map(|(image, freshness)| Observed { image, freshness, size: None }).collect()
    }

    fn names(images: &[Image]) -> Vec<&str> {
        images.iter().map(|image| image.name.split(['/', ':']).nth(1).unwrap()).collect()
    }

    #[test]
    fn only_what_is_not_current_is_built_and_what_it_stands_on() {
        let stale = |one: &Observed| one.image.name.contains("kafka") && one.freshness != Current;
        let missing = observed([Current, Missing, Missing, Missing, Missing, Missing]);
        assert_eq!(names(&needed(&missing, stale)), ["builder", "kafka"]);
        let kafka_only = observed([Current, Current, Stale, Stale, Current, Current]);
        assert_eq!(names(&needed(&kafka_only, stale)), ["kafka"]);
        // A builder that went away is not missed as long as what was made with it is current.
        let gone = observed([Current, Missing, Current, Current, Current, Current]);
        assert!(needed(&gone, stale).is_empty());
    }

    #[test]
    fn images_that_do_not_stand_on_each_other_go_side_by_side() {
        let all = needed(&observed([Missing; 6]), |_| true);
        let waves: Vec<Vec<String>> =
            waves(&all).into_iter().map(|wave| wave.iter().map(|image| image.name.clone()).collect()).collect();
        assert_eq!(waves.len(), 3);
        assert_eq!(waves[0], ["playground/base:1", "playground/playground:dev"]);
        assert_eq!(waves[1], ["playground/builder:1"]);
        assert_eq!(waves[2].len(), 3);
    }
}
