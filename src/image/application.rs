//! The image of an application: Flink's, with the jars of a user's own job under `/opt/flink/usrlib`. Its content is that of the
//! jars, so a jar that is built anew is another image, and the cluster that runs keeps the one that it was started with.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Image, Machine, TAG_DIGITS, digest, images, recipe};
use crate::stack::{JOBMANAGER, Stack, TASKMANAGER};

/// The folder that its Dockerfile is in.
pub(super) const FOLDER: &str = "application";
/// As it is called in lists of images.
const NAME: &str = "playground/application:1";
/// The build argument that stands for Flink's image.
const FLINK: &str = "FLINK_IMAGE";

/// A jar of the user's, read once: its file may be built anew at any time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Jar {
    /// The name of its file.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// The images that a stack can be made from: the playground's own, and that of its application, where its jars are the user's.
pub fn images_of(stack: &Stack, machine: &Machine) -> Result<Vec<Image>> {
    let mut all = images(machine)?;
    if let (false, Some(jobmanager)) = (stack.jars.is_empty(), stack.service(JOBMANAGER)) {
        let jars: Vec<Jar> = stack.jars.iter().map(|jar| read(jar)).collect::<Result<_>>()?;
        let application = application(&jobmanager.image, jars, &all, machine);
        all.push(application);
    }
    Ok(all)
}

/// Lets the processes of Flink's cluster run in the application's image, if there is one.
pub(super) fn runs_in(stack: &mut Stack, images: &[Image]) {
    let Some(application) = images.iter().find(|image| image.folder == FOLDER) else { return };
    for service in stack.services.iter_mut().filter(|one| [JOBMANAGER, TASKMANAGER].contains(&one.name.as_str())) {
        service.image.clone_from(&application.tag);
    }
}

/// On top of an image: one of these, or one of the user's, which is known by its name alone.
fn application(flink: &str, jars: Vec<Jar>, all: &[Image], machine: &Machine) -> Image {
    let own = all.iter().find(|image| image.name == flink);
    let recipe = recipe(FOLDER, &BTreeMap::new(), own.as_slice(), machine);
    let mut parts = vec![recipe.as_bytes(), flink.as_bytes()];
    parts.extend(jars.iter().flat_map(|jar| [jar.name.as_bytes(), &jar.content]));
    let hash = digest(parts);
    Image {
        name: NAME.to_owned(),
        tag: format!("{NAME}-{}", &hash[..TAG_DIGITS]),
        dockerfile: format!("{FOLDER}/Dockerfile"),
        args: BTreeMap::from([(FLINK.to_owned(), own.map_or(flink, |image| &image.tag).to_owned())]),
        after: own.iter().map(|image| image.name.clone()).collect(),
        recipe: hash.clone(),
        hash,
        folder: FOLDER,
        jars: jars.into(),
    }
}

fn read(jar: &Path) -> Result<Jar> {
    let name = jar.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content = std::fs::read(jar).with_context(|| format!("read {}", jar.display()))?;
    Ok(Jar { name, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flink: &str, content: &[u8]) -> Image {
        let machine = Machine::this();
        let jars = vec![Jar { name: "job.jar".to_owned(), content: content.to_vec() }];
        application(flink, jars, &images(&machine).unwrap(), &machine)
    }

    #[test]
    fn an_application_is_known_by_what_is_in_its_jars_and_by_what_it_stands_on() {
        let one = of("playground/flink:2.2.1", b"1");
        assert_eq!(one, of("playground/flink:2.2.1", b"1"));
        assert_ne!(one.tag, of("playground/flink:2.2.1", b"2").tag);
        assert_eq!(one.after, ["playground/flink:2.2.1"]);
        assert!(one.args[FLINK].starts_with("playground/flink:2.2.1-"), "{:?}", one.args);
        let theirs = of("flink:2.2.1-java21", b"1");
        assert_eq!((&theirs.after[..], theirs.args[FLINK].as_str()), (&[][..], "flink:2.2.1-java21"));
        assert_ne!(theirs.tag, one.tag);
    }

    #[test]
    fn its_jars_are_what_its_dockerfile_copies() {
        let context = of("playground/flink:2.2.1", b"content").context(&Machine::this()).unwrap();
        let mut archive = tar::Archive::new(context.as_slice());
        let names: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["application/Dockerfile", "application/job.jar"]);
    }
}
