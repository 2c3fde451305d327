//! Building one image, with a line for each step and the end of its log when it fails.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, RemoveImageOptions};
use futures_util::StreamExt as _;
use tokio::sync::mpsc::UnboundedSender;

use super::{Cache, tell};
use crate::image::{Image, Program};
use crate::platform::Progress;
use crate::platform::docker::{Docker, labels, words};

/// How much of a failed build's log is shown.
const TAIL: usize = 20;

impl Docker {
    pub(super) async fn build(
        &self,
        image: &Image,
        program: &Program,
        cache: Cache,
        progress: &UnboundedSender<Progress>,
    ) -> Result<()> {
        let before = self.find_image(&image.name).await?;
        let context = image.context(program, &certificates()).with_context(|| format!("build {}", image.name))?;
        let mut log = Log::default();
        let mut building = self.api.build_image(options(image, cache), None, Some(bollard::body_full(context.into())));
        while let Some(step) = building.next().await {
            match step {
                Ok(step) => {
                    if let Some(step) = log.take(&step.stream.unwrap_or_default()) {
                        let _ = progress.send(Progress::Image { image: image.name.clone(), step });
                    }
                    if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                        return Err(self.failed(image, &error, log).await);
                    }
                }
                Err(error) => return Err(self.failed(image, &words(&error), log).await),
            }
        }
        self.forget_old(image, before).await;
        tell(progress, &image.name, true);
        Ok(())
    }

    /// The image that had the name before would lie around without one. It stays where a container still uses it.
    async fn forget_old(&self, image: &Image, before: Option<String>) {
        let now = self.find_image(&image.name).await.ok().flatten();
        if let Some(before) = before.filter(|before| Some(before) != now.as_ref()) {
            let _ = self.api.remove_image(&before, None::<RemoveImageOptions>, None).await;
        }
    }

    async fn failed(&self, image: &Image, error: &str, log: Log) -> anyhow::Error {
        let mut text: Vec<String> = log.tail.into();
        text.push(error.trim().to_owned());
        let base = crate::image::base().unwrap_or_default();
        let no_base = matches!(self.find_image(&base).await, Ok(None));
        let advice = if no_base {
            format!("{base} is not there, on which it stands; scripts/setup makes it where no registry can be reached")
        } else if format!("{text:?}").contains("No space left on device") || error.contains("no space left") {
            format!("the disk is full{}; docker system prune frees what no container uses", self.free_space().await)
        } else {
            "playground images build tries again, and goes on where this stopped".to_owned()
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

fn options(image: &Image, cache: Cache) -> BuildImageOptions {
    let labels = HashMap::from([(labels::CONTENT.to_owned(), image.hash.clone())]);
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&image.dockerfile)
        .t(&image.name)
        .target(image.target)
        .buildargs(&image.args.clone().into_iter().collect::<HashMap<String, String>>())
        .labels(&labels)
        .nocache(cache == Cache::Ignore)
        .rm(true)
        .forcerm(true);
    options.build()
}

/// The certificates that this machine trusts, as TLS libraries find them.
fn certificates() -> Vec<u8> {
    const SYSTEM: [&str; 3] =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut files = named.into_iter().chain(SYSTEM.map(PathBuf::from));
    files.find_map(|file| std::fs::read(file).ok()).unwrap_or_default()
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
