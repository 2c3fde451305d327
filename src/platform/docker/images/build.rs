//! Building one image, with a line for each step and the end of its log when it fails.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use futures_util::StreamExt as _;
use tokio::sync::mpsc::UnboundedSender;

use super::tell;
use crate::image::{Base, Image, Machine};
use crate::platform::PlatformNews;
use crate::platform::docker::{Docker, labels, words};
use crate::platform::engine::Cache;

/// How much of a failed build's log is shown.
const TAIL: usize = 20;

impl Docker {
    pub(super) async fn build(
        &self,
        image: &Image,
        base: &str,
        machine: &Machine,
        cache: Cache,
        progress: &UnboundedSender<PlatformNews>,
    ) -> Result<()> {
        let before = self.find_image(&image.tag).await?;
        let context = image.context(machine).with_context(|| format!("build {}", image.tag))?;
        let options = options(image, base, machine, cache);
        let mut log = Log::default();
        let mut building = self.api.build_image(options, None, Some(bollard::body_full(context.into())));
        while let Some(step) = building.next().await {
            match step {
                Ok(step) => {
                    if let Some(step) = log.take(&step.stream.unwrap_or_default()) {
                        let _ = progress.send(PlatformNews::Image { image: image.name.clone(), step });
                    }
                    if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                        return Err(self.failed(image, &error, log, machine).await);
                    }
                }
                Err(error) => return Err(self.failed(image, &words(&error), log, machine).await),
            }
        }
        self.forget_nameless(before).await;
        tell(progress, &image.name, true);
        Ok(())
    }

    /// The image that own images stand on, as far as it is there: the one that was looked at before any other.
    pub(in crate::platform::docker) async fn base_that_is_there(&self) -> Result<Option<String>> {
        let base = Base::read()?;
        for name in [base.pinned, base.tag] {
            if self.find_image(&name).await?.is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What own images are built on: by digest where that is there or can be pulled, else by the tag that `scripts/setup` made.
    pub(super) async fn base(&self) -> Result<String> {
        if let Some(name) = self.base_that_is_there().await? {
            return Ok(name);
        }
        let base = Base::read()?;
        match self.pull(&base.pinned).await {
            Ok(()) => Ok(base.pinned),
            Err(error) => Err(error.context(format!(
                "{}, the base of all images, is missing and cannot be pulled\n  \
                 scripts/setup builds it where no registry can be reached",
                base.tag
            ))),
        }
    }

    async fn failed(&self, image: &Image, error: &str, log: Log, machine: &Machine) -> anyhow::Error {
        let mut text: Vec<String> = log.tail.into();
        text.push(error.trim().to_owned());
        let full = text.iter().any(|line| line.to_lowercase().contains("no space left"));
        let advice = match machine.proxy_of_its_own() {
            _ if full => {
                format!("the disk is full{}; playground images prune removes old images", self.free_space().await)
            }
            Some(name) => format!(
                "{name} points to a loopback address of this machine, which a build cannot reach: use the proxy's address on the network"
            ),
            None => "playground images build tries again, and continues where this stopped".to_owned(),
        };
        anyhow!("{}\n  {advice}", text.join("\n  ")).context(format!("image {} cannot be built", image.name))
    }

    async fn free_space(&self) -> String {
        let root = self.api.info().await.ok().and_then(|info| info.docker_root_dir);
        let free = root.as_deref().and_then(|root| free(Path::new(root)));
        free.map_or_else(String::new, |bytes| format!(": {} MiB are free", bytes >> 20))
    }
}

/// Free bytes where a folder lies. There is no way to ask but the system's own command.
pub(in crate::platform::docker) fn free(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes << 10)
}

fn options(image: &Image, base: &str, machine: &Machine, cache: Cache) -> BuildImageOptions {
    let labels = HashMap::from([
        (labels::CONTENT.to_owned(), image.hash.clone()),
        (labels::IMAGE.to_owned(), image.name.clone()),
    ]);
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&image.dockerfile)
        .t(&image.tag)
        .buildargs(&arguments(image, base, machine))
        .labels(&labels)
        .nocache(cache == Cache::Ignore)
        .rm(true)
        .forcerm(true);
    options.build()
}

/// Proxies are no part of an image: the engine keeps them out of its history, and out of its cache.
fn arguments(image: &Image, base: &str, machine: &Machine) -> HashMap<String, String> {
    let mut arguments: HashMap<String, String> = machine.proxies.clone().into_iter().collect();
    arguments.extend(image.args.clone());
    if let Some(debian) = arguments.get_mut(Base::ARGUMENT) {
        base.clone_into(debian);
    }
    arguments
}

/// What a build prints: whole lines, the last of them kept.
#[derive(Default)]
struct Log {
    tail: VecDeque<String>,
    open: String,
}

impl Log {
    /// Adds a piece; returns the step of the Dockerfile that it tells of, as in `4/14 : RUN mvn …`.
    fn take(&mut self, piece: &str) -> Option<String> {
        self.open.push_str(&without_colours(piece));
        let mut begun = None;
        while let Some(end) = self.open.find(['\n', '\r']) {
            let line: String = self.open.drain(..=end).collect();
            let line = line.trim_end();
            if !line.is_empty() {
                self.tail.push_back(line.to_owned());
                begun = line.strip_prefix("Step ").map(str::to_owned).or(begun);
            }
            if self.tail.len() > TAIL {
                self.tail.pop_front();
            }
        }
        begun
    }
}

/// The builder colours what goes to standard error.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_given_the_base_that_is_there_and_the_proxies() {
        let mut machine = Machine::this();
        machine.proxies.insert("https_proxy".to_owned(), "http://p:3128".to_owned());
        let images = crate::image::images(&machine).unwrap();
        let of = |name: &str| {
            arguments(images.iter().find(|one| one.name.contains(name)).unwrap(), "debian@sha256:ab", &machine)
        };
        assert_eq!(of("base")["DEBIAN_IMAGE"], "debian@sha256:ab");
        assert_eq!(of("kafka")["https_proxy"], "http://p:3128");
        assert_eq!(of("kafka")["BUILDER_IMAGE"], images[1].tag);
        assert!(!of("kafka").contains_key("DEBIAN_IMAGE"));
    }

    #[test]
    fn the_log_keeps_its_last_whole_lines() {
        let mut log = Log::default();
        assert_eq!(log.take("Step 1"), None);
        assert_eq!(log.take("/2 : FROM x\n\u{1b}[91m ---> 12\u{1b}[0m\n"), Some("1/2 : FROM x".into()));
        assert_eq!(log.tail, ["Step 1/2 : FROM x", " ---> 12"]);
        for n in 0..30 {
            log.take(&format!("line {n}\n"));
        }
        assert_eq!(log.tail.len(), TAIL);
        assert_eq!(log.tail.back().map(String::as_str), Some("line 29"));
    }
}
