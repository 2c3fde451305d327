//! The playground's own images: which there are, what each is made from, and how to tell that one is out of date. Pure but
//! for what [`Machine`] reads; building is the platform's.
//!
//! Each image has a hash over what it is made from: its folder, the build arguments that its Dockerfile asks for, and what
//! the images that it stands on are made from. The hash is a label of the image and the end of its tag. So two checkouts of
//! the playground never take each other's images, and a change is noticed by content, never by date.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};

use crate::stack::{Stack, hex};

mod application;
mod base;
mod context;
mod machine;
mod program;
mod stock;

pub use application::{application, below_application};
pub use base::Base;
pub use machine::Machine;
pub use program::Program;
pub use stock::{Entry, Found, Standing, take_stock};

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docker");

/// What the names of all own images begin with.
pub const OWN: &str = "playground/";
/// The folder of the image that the others are built with.
const BUILDER: &str = "builder";
/// The folder of the image that holds the running program.
const PROGRAM: &str = "playground";
/// How much of the hash is in a tag, in hexadecimal digits.
const TAG_DIGITS: usize = 12;

/// Name and folder of each image, those before that others stand on.
const IMAGES: [(&str, &str); 6] = [
    ("playground/base:1", "base"),
    ("playground/builder:1", BUILDER),
    ("playground/zookeeper:${ZOOKEEPER_VERSION}", "zookeeper"),
    ("playground/kafka:${KAFKA_VERSION}", "kafka"),
    ("playground/flink:${FLINK_VERSION}", "flink"),
    ("playground/playground:dev", PROGRAM),
];

/// The build arguments through which a Dockerfile stands on an own image, and the folders of those.
const BELOW: [(&str, &str); 2] = [("BASE_IMAGE", "base"), ("BUILDER_IMAGE", BUILDER)];

/// An image and what it is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As the compose file calls it: `playground/flink:2.2.1`.
    pub name: String,
    /// The name with the beginning of the hash: `playground/flink:2.2.1-0a1b2c3d4e5f`. It never means another content.
    pub tag: String,
    /// The Dockerfile's path in the build context.
    pub dockerfile: String,
    /// The build arguments that the Dockerfile asks for.
    pub args: BTreeMap<String, String>,
    /// The names of the own images that must be there before.
    pub after: Vec<String>,
    /// Over all that it is made from.
    pub hash: String,
    /// The same without the certificates of the building machine: they decide whether a download works, not what it brings.
    recipe: String,
    folder: &'static str,
    /// The user's jars in its folder, by name and content.
    jars: Arc<[(String, Vec<u8>)]>,
}

/// All images, those first that others stand on.
pub fn images(machine: &Machine) -> Result<Vec<Image>> {
    let versions = versions()?;
    let mut images: Vec<Image> = Vec::new();
    for (name, folder) in IMAGES {
        let image = image(name, folder, &versions, &images, machine)?;
        images.push(image);
    }
    Ok(images)
}

/// The same stack with the tag of its content in place of each own image's name, which another checkout may move.
#[must_use]
pub fn pinned(stack: &Stack, images: &[Image]) -> Stack {
    let mut stack = stack.clone();
    for service in &mut stack.services {
        if let Some(image) = images.iter().find(|image| image.name == service.image) {
            service.image.clone_from(&image.tag);
        }
    }
    application::use_application_image(&mut stack, images);
    stack
}

fn image(
    name: &str,
    folder: &'static str,
    versions: &BTreeMap<String, String>,
    before: &[Image],
    machine: &Machine,
) -> Result<Image> {
    let name = shellexpand::env_with_context_no_errors(name, |name| versions.get(name)).into_owned();
    let dockerfile = format!("{folder}/Dockerfile");
    let text = FOLDER.get_file(&dockerfile).and_then(include_dir::File::contents_utf8);
    let text = text.with_context(|| format!("docker/{dockerfile} is missing from this build of the playground"))?;
    let asked: Vec<&str> = arguments(text).collect();
    let stands_on = |image: &&Image| BELOW.iter().any(|(arg, below)| *below == image.folder && asked.contains(arg));
    let below: Vec<&Image> = before.iter().filter(stands_on).collect();
    let version = |name: &&str| Some(((*name).to_owned(), versions.get(*name)?.clone()));
    let mut args: BTreeMap<String, String> = asked.iter().filter_map(version).collect();
    let recipe = recipe(folder, &args, &below, machine);
    let hash = if folder == BUILDER { digest([recipe.as_bytes(), &machine.certificates]) } else { recipe.clone() };
    args.extend(below.iter().filter_map(|image| Some((argument(image)?.to_owned(), image.tag.clone()))));
    let tag = format!("{name}-{}", &hash[..TAG_DIGITS]);
    let after = below.iter().map(|image| image.name.clone()).collect();
    Ok(Image { name, tag, dockerfile, args, after, hash, recipe, folder, jars: Arc::default() })
}

/// The names of a Dockerfile's build arguments.
fn arguments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("ARG ")?.split(['=', ' ']).next())
}

/// The build argument that stands for an image.
fn argument(image: &Image) -> Option<&'static str> {
    BELOW.iter().find(|(_, folder)| *folder == image.folder).map(|(argument, _)| *argument)
}

fn recipe(folder: &str, args: &BTreeMap<String, String>, below: &[&Image], machine: &Machine) -> String {
    let args: Vec<String> = args.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut parts: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
    parts.extend(below.iter().map(|image| image.recipe.as_bytes()));
    let files = context::files(folder);
    parts.extend(files.iter().flat_map(|(path, content)| [path.as_bytes(), *content]));
    if folder == PROGRAM {
        parts.push(machine.program.hash().as_bytes());
    }
    digest(parts)
}

/// A hash over parts. Each is led by its length, so that no two lists of parts give the same bytes.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
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
