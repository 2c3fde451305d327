//! Images: those of a stack are there before its containers are made.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, bail};
use bollard::models::ImageSummary;
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, RemoveImageOptions, TagImageOptionsBuilder};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc::UnboundedSender;

use super::{Docker, Plain as _, has_code, is_missing, labels, words};
use crate::image::{
    Base, Entry, Found, Image, Machine, OWN, Standing, application, below_application, images, take_stock,
};
use crate::platform::PlatformNews;
use crate::platform::engine::{Cache, Removal};
use crate::stack::Stack;

mod build;
mod pull;
mod ship;

pub(super) use build::free;

/// How many images are built at once; more only get in each other's way on a small machine.
const AT_ONCE: usize = 2;

impl Docker {
    /// The ids of a stack's images, by name. Of all own images, those that are missing are built, others pulled.
    pub(super) async fn ensure_images(
        &self,
        stack: &Stack,
        all: &[Image],
        machine: &Machine,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<BTreeMap<String, String>> {
        let current = self.current(all).await?;
        let wanted = |image: &Image| stack.services.iter().any(|service| service.image == image.tag);
        let needed = needed(all, |image| wanted(image) && !current.contains(&image.tag), &current);
        for image in all.iter().filter(|image| wanted(image) && !needed.contains(image)) {
            tell(progress, &image.name, false);
        }
        self.build_all(&needed, machine, Cache::Use, progress).await?;
        let mut ids = BTreeMap::new();
        for service in &stack.services {
            if !ids.contains_key(&service.image) {
                ids.insert(service.image.clone(), self.image_id(&service.image, progress).await?);
            }
        }
        Ok(ids)
    }

    /// All own images, and that of a stack's application.
    pub(super) async fn own_images(
        &self,
        stack: &Stack,
        machine: &Machine,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<Vec<Image>> {
        let mut all = images(machine)?;
        if let Some(flink) = below_application(stack) {
            let is_own = all.iter().any(|image| image.name == flink);
            let id = if is_own { None } else { Some(self.image_id(flink, progress).await?) };
            all.extend(application(stack, &all, id.as_deref(), machine)?);
        }
        Ok(all)
    }

    /// Builds own images that are missing, or all. Only here is a name moved that has no content in it: a command for that
    /// alone, as another checkout may have moved it last.
    pub(super) async fn build_own_images(&self, cache: Cache, progress: &UnboundedSender<PlatformNews>) -> Result<()> {
        let machine = Machine::this();
        let all = images(&machine)?;
        let current = self.current(&all).await?;
        let needed = needed(&all, |image| cache == Cache::Ignore || !current.contains(&image.tag), &current);
        for image in all.iter().filter(|image| !needed.contains(image)) {
            tell(progress, &image.name, false);
        }
        self.build_all(&needed, &machine, cache, progress).await?;
        for image in &all {
            self.name(image).await.with_context(|| format!("tag {1} as {0}", image.name, image.tag))?;
        }
        Ok(())
    }

    /// The tags of the images that are there and have the content that their tag tells.
    async fn current(&self, images: &[Image]) -> Result<Vec<String>> {
        let mut current = Vec::new();
        for image in images {
            match self.api.inspect_image(&image.tag).await {
                Ok(found) => {
                    let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                    current.extend((labels.get(labels::CONTENT) == Some(&image.hash)).then(|| image.tag.clone()));
                }
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error).plain().with_context(|| format!("inspect image {}", image.tag)),
            }
        }
        Ok(current)
    }

    /// Lets the name that the compose file has mean an image, for whoever runs the file without the playground.
    async fn name(&self, image: &Image) -> Result<()> {
        let before = self.find_image(&image.name).await?;
        let Some((repository, tag)) = image.name.rsplit_once(':') else { return Ok(()) };
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        self.api.tag_image(&image.tag, Some(options)).await.plain()?;
        self.forget_nameless(before).await;
        Ok(())
    }

    /// An image that a name was taken from would lie around if it had no other. It stays where a container uses it.
    async fn forget_nameless(&self, id: Option<String>) {
        let Some(id) = id else { return };
        let nameless = |found: bollard::models::ImageInspect| found.repo_tags.unwrap_or_default().is_empty();
        if self.api.inspect_image(&id).await.is_ok_and(nameless) {
            let _ = self.api.remove_image(&id, None::<RemoveImageOptions>, None).await;
        }
    }

    /// In waves: what an image stands on is there before it.
    async fn build_all(
        &self,
        images: &[Image],
        machine: &Machine,
        cache: Cache,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        // What only adds to other images needs none.
        let needs_base = images.iter().any(|image| image.args.contains_key(Base::ARGUMENT));
        let base = if needs_base { self.base().await? } else { String::new() };
        for wave in waves(images) {
            let builds = wave.into_iter().map(|image| self.build(image, &base, machine, cache, progress));
            stream::iter(builds).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        }
        Ok(())
    }

    /// An image's id; one that is not there is pulled.
    pub(super) async fn image_id(&self, name: &str, progress: &UnboundedSender<PlatformNews>) -> Result<String> {
        if let Some(id) = self.find_image(name).await? {
            return Ok(id);
        }
        // Never asked for anywhere: under these names a registry would hold somebody else's images.
        if name.starts_with(OWN) {
            bail!("there is no image {name}; playground images list shows the playground's own");
        }
        let _ = progress.send(PlatformNews::Image { image: name.to_owned(), step: "pulling".to_owned() });
        self.pull(name).await.with_context(|| format!("image {name} is missing and cannot be pulled"))?;
        tell(progress, name, true);
        self.find_image(name).await?.with_context(|| format!("image {name} is missing after it was pulled"))
    }

    pub(super) async fn find_image(&self, name: &str) -> Result<Option<String>> {
        match self.api.inspect_image(name).await {
            Ok(found) => Ok(found.id),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error).plain().with_context(|| format!("inspect image {name}")),
        }
    }

    /// The own images that are wanted, and all others that are there.
    pub(super) async fn stock(&self) -> Result<Vec<Entry>> {
        let wanted = images(&Machine::this())?;
        let all = ListImagesOptions { all: true, ..ListImagesOptions::default() };
        let listed = self.api.list_images(Some(all)).await.plain().context("list images")?;
        let containers = self.containers_by_image().await?;
        let found: Vec<Found> = listed.into_iter().map(|one| found(one, &containers)).collect();
        Ok(take_stock(&wanted, &found))
    }

    /// The names of all containers, of whatever project, by the id of their image.
    async fn containers_by_image(&self) -> Result<HashMap<String, Vec<String>>> {
        let all = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let listed = self.api.list_containers(Some(all)).await.plain().context("list containers")?;
        let mut containers: HashMap<String, Vec<String>> = HashMap::new();
        for one in listed {
            let name = one.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            let of_image = containers.entry(one.image_id.unwrap_or_default()).or_default();
            of_image.push(name.trim_start_matches('/').to_owned());
        }
        Ok(containers)
    }

    /// Removes all names of an image, and with the last one the image.
    pub(super) async fn remove_own_image(&self, image: &Entry) -> Result<Removal> {
        let Some(found) = image.found.as_ref().filter(|_| image.standing == Standing::Old) else {
            return Ok(Removal::Kept("it is not an old image".to_owned()));
        };
        let names = if found.tags.is_empty() { vec![found.id.clone()] } else { found.tags.clone() };
        for name in names {
            match self.api.remove_image(&name, None::<RemoveImageOptions>, None).await {
                Ok(_) => {}
                Err(error) if is_missing(&error) => {}
                // Somebody began to use it after it was looked at.
                Err(error) if has_code(&error, 409) => return Ok(Removal::Kept(words(&error))),
                Err(error) => return Err(error).plain().with_context(|| format!("remove image {name}")),
            }
        }
        Ok(Removal::Removed)
    }
}

/// What the engine lists, as a value.
fn found(one: ImageSummary, containers: &HashMap<String, Vec<String>>) -> Found {
    Found {
        containers: containers.get(&one.id).cloned().unwrap_or_default(),
        content: one.labels.get(labels::CONTENT).cloned(),
        of: one.labels.get(labels::IMAGE).cloned(),
        // How older engines say that there is no name.
        tags: one.repo_tags.into_iter().filter(|tag| tag != "<none>:<none>").collect(),
        parent: one.parent_id,
        size: u64::try_from(one.size).unwrap_or_default(),
        created: one.created,
        id: one.id,
    }
}

fn tell(progress: &UnboundedSender<PlatformNews>, image: &str, built: bool) {
    let _ = progress.send(PlatformNews::ImageReady { image: image.to_owned(), built });
}

/// The images to build and, of those that they stand on, the ones that are not current, in the order of `all`.
fn needed(all: &[Image], wanted: impl Fn(&Image) -> bool, current: &[String]) -> Vec<Image> {
    let mut needed: Vec<&Image> = Vec::new();
    for image in all.iter().rev() {
        let is_below = needed.iter().any(|above| above.after.contains(&image.name));
        if wanted(image) || (is_below && !current.contains(&image.tag)) {
            needed.push(image);
        }
    }
    needed.into_iter().rev().cloned().collect()
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

    fn all() -> Vec<Image> {
        images(&Machine::this()).unwrap()
    }

    /// The tags of all images but some.
    fn all_but(missing: &[&str]) -> Vec<String> {
        let is_there = |image: &Image| !missing.contains(&short(image));
        all().into_iter().filter(is_there).map(|image| image.tag).collect()
    }

    fn short(image: &Image) -> &str {
        image.name.split(['/', ':']).nth(1).unwrap()
    }

    fn names(images: &[Image]) -> Vec<&str> {
        images.iter().map(short).collect()
    }

    #[test]
    fn only_what_is_not_current_is_built_and_what_it_stands_on() {
        let build = |current: &[String]| {
            needed(&all(), |image| short(image) == "kafka" && !current.contains(&image.tag), current)
        };
        assert_eq!(names(&build(&all_but(&["builder", "zookeeper", "kafka", "flink"]))), ["builder", "kafka"]);
        assert_eq!(names(&build(&all_but(&["zookeeper", "kafka"]))), ["kafka"]);
        // A builder that went away, or trusts other certificates, is not missed as long as what was made with it is current.
        assert!(build(&all_but(&["builder"])).is_empty());
    }

    #[test]
    fn images_that_do_not_stand_on_each_other_go_side_by_side() {
        let all = needed(&all(), |_| true, &[]);
        let waves: Vec<Vec<&str>> = waves(&all).into_iter().map(|wave| wave.into_iter().map(short).collect()).collect();
        assert_eq!(waves, [vec!["base", "playground"], vec!["builder"], vec!["zookeeper", "kafka", "flink"]]);
    }

    #[test]
    fn a_container_of_any_project_is_seen_with_its_image() {
        let one = ImageSummary {
            id: "sha256:1".into(),
            repo_tags: vec!["<none>:<none>".into()],
            labels: HashMap::from([(labels::CONTENT.to_owned(), "aaa".to_owned())]),
            ..ImageSummary::default()
        };
        let one = found(one, &HashMap::from([("sha256:1".to_owned(), vec!["theirs".to_owned()])]));
        assert_eq!((one.tags.len(), one.containers), (0, vec!["theirs".to_owned()]));
        assert_eq!(one.content.as_deref(), Some("aaa"));
    }
}
