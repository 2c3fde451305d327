//! The playground's own images: which there are, what each is made from, and how to tell that one is out of date. Pure;
//! building is the platform's.
//!
//! Each image has a hash over what it is made from: its folder, the build arguments that its Dockerfile asks for, and the
//! hashes of the images that it stands on. It is kept as a label, so a change is noticed by content, never by date.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};

use crate::stack::hex;

mod context;
mod program;

pub use program::Program;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docker");

/// What the names of all own images begin with.
pub const OWN: &str = "playground/";
/// The folder of the image that holds the running program.
const PROGRAM: &str = "playground";

/// Name, folder and target of each image, those before that others stand on.
const IMAGES: [(&str, &str, &str); 6] = [
    ("playground/base:1", "base", "base"),
    ("playground/builder:1", "base", "builder"),
    ("playground/zookeeper:${ZOOKEEPER_VERSION}", "zookeeper", ""),
    ("playground/kafka:${KAFKA_VERSION}", "kafka", ""),
    ("playground/flink:${FLINK_VERSION}", "flink", ""),
    ("playground/playground:dev", PROGRAM, ""),
];

/// An image and what it is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As in `playground/flink:2.2.1`.
    pub name: String,
    /// The Dockerfile's path in the build context.
    pub dockerfile: String,
    /// The stage to build; the last one when empty.
    pub target: &'static str,
    /// The build arguments that the Dockerfile asks for.
    pub args: BTreeMap<String, String>,
    /// The own images that must be there before.
    pub after: Vec<String>,
    /// Over all that it is made from.
    pub hash: String,
    folder: &'static str,
}

/// Whether an image is there and made from what it would be made from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// There, and up to date.
    Current,
    /// There, made from something else.
    Stale,
    /// Not there.
    Missing,
}

/// All images, those first that others stand on.
pub fn images(program: &Program) -> Result<Vec<Image>> {
    let versions = versions()?;
    let mut images: Vec<Image> = Vec::new();
    for (name, folder, target) in IMAGES {
        let image = image(name, folder, target, &versions, &images, program)?;
        images.push(image);
    }
    Ok(images)
}

/// The image that all own images stand on, which nobody builds here.
pub fn base() -> Result<String> {
    versions()?.remove("DEBIAN_IMAGE").context("docker/versions.env names no DEBIAN_IMAGE")
}

fn image(
    name: &str,
    folder: &'static str,
    target: &'static str,
    versions: &BTreeMap<String, String>,
    before: &[Image],
    program: &Program,
) -> Result<Image> {
    let name = shellexpand::env_with_context_no_errors(name, |name| versions.get(name)).into_owned();
    let dockerfile = format!("{folder}/Dockerfile");
    let text = FOLDER.get_file(&dockerfile).and_then(include_dir::File::contents_utf8);
    let text = text.with_context(|| format!("docker/{dockerfile} is missing from this build of the playground"))?;
    let args: BTreeMap<String, String> = words_after(text, "ARG")
        .map(|name| (name.to_owned(), versions.get(name).cloned().unwrap_or_default()))
        .collect();
    // Two targets of one Dockerfile share their stages, so the second is built on the first one's cache.
    let stands_on = |image: &&Image| image.folder == folder || words_after(text, "FROM").any(|from| from == image.name);
    let below: Vec<&Image> = before.iter().filter(stands_on).collect();
    let after = below.iter().map(|image| image.name.clone()).collect();
    let mut image = Image { name, dockerfile, target, args, after, hash: String::new(), folder };
    image.hash = hash(&image, &below, program);
    Ok(image)
}

/// The first word after an instruction of a Dockerfile, wherever it stands.
fn words_after<'a>(text: &'a str, instruction: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.strip_prefix(instruction)?.strip_prefix(' ')?.split_whitespace().next())
}

fn hash(image: &Image, below: &[&Image], program: &Program) -> String {
    let mut hash = Sha256::new();
    // Each part is led by its length, so that no two lists of parts give the same bytes.
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(image.target.as_bytes());
    for (name, value) in &image.args {
        add(format!("{name}={value}").as_bytes());
    }
    for image in below {
        add(image.hash.as_bytes());
    }
    for (path, content) in context::files(image.folder) {
        add(path.as_bytes());
        add(content);
    }
    if image.folder == PROGRAM {
        add(program.hash().as_bytes());
    }
    hex(&hash.finalize())
}

/// `NAME=value` lines.
fn versions() -> Result<BTreeMap<String, String>> {
    let file = FOLDER.get_file("versions.env").and_then(include_dir::File::contents_utf8);
    let text = file.context("docker/versions.env is missing from this build of the playground")?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    Ok(lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
}

#[cfg(test)]
mod tests;
