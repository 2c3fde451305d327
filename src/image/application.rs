//! The image of an application: Flink's, with the jars of the user's own job under `/opt/flink/usrlib`. Its tag is of their content,
//! so a rebuilt jar is another image, and a running cluster keeps the one that it was started from.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Image, Machine, TAG_DIGITS, digest, recipe};
use crate::stack::{JOBMANAGER, Stack, TASKMANAGER};

/// The folder that its Dockerfile is in.
const FOLDER: &str = "application";
/// As it is called in lists of images.
pub(super) const NAME: &str = "playground/application:1";
/// The build argument that stands for Flink's image.
const FLINK: &str = "FLINK_IMAGE";

/// The image that the application of a stack runs in, on top of one that is known by its id where it is the user's own; none where
/// no jar is the user's.
///
/// # Errors
/// A jar that cannot be read.
pub fn application(stack: &Stack, own: &[Image], flink_id: Option<&str>, machine: &Machine) -> Result<Option<Image>> {
    let Some(flink) = below_application(stack) else { return Ok(None) };
    let jars = stack.jars.iter().map(|jar| Ok((jar.name(), jar.content()?.to_vec()))).collect::<Result<Vec<_>>>()?;
    let below = own.iter().find(|image| image.name == flink);
    let recipe = recipe(FOLDER, &BTreeMap::new(), below.as_slice(), machine);
    let mut parts = vec![recipe.as_bytes(), flink.as_bytes(), flink_id.unwrap_or_default().as_bytes()];
    parts.extend(jars.iter().flat_map(|(name, content)| [name.as_bytes(), content]));
    let hash = digest(parts);
    Ok(Some(Image {
        name: NAME.to_owned(),
        tag: format!("{NAME}-{}", &hash[..TAG_DIGITS]),
        dockerfile: format!("{FOLDER}/Dockerfile"),
        args: BTreeMap::from([(FLINK.to_owned(), below.map_or(flink, |image| &image.tag).to_owned())]),
        after: below.iter().map(|image| image.name.clone()).collect(),
        recipe: hash.clone(),
        hash,
        folder: FOLDER,
        jars: jars.into(),
    }))
}

/// The image that the one of an application stands on; none where no jar is the user's.
#[must_use]
pub fn below_application(stack: &Stack) -> Option<&str> {
    stack.service(JOBMANAGER).filter(|_| !stack.jars.is_empty()).map(|service| service.image.as_str())
}

/// Gives JobManagers and TaskManagers the application's image, if there is one.
pub(super) fn use_application_image(stack: &mut Stack, images: &[Image]) {
    let Some(application) = images.iter().find(|image| image.folder == FOLDER) else { return };
    for service in stack.services.iter_mut().filter(|one| [JOBMANAGER, TASKMANAGER].contains(&one.name.as_str())) {
        service.image.clone_from(&application.tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::images;
    use crate::settings::StackSettings;
    use crate::stack::jar::Jar;
    use crate::workload::catalog;

    fn of(flink: &str, id: Option<&str>, content: &[u8]) -> Image {
        let folder = tempfile::tempdir().unwrap();
        let (file, machine) = (folder.path().join("job.jar"), Machine::this());
        std::fs::write(&file, [b"PK\x03\x04", content].concat()).unwrap();
        let workload = catalog::find("event-counter").unwrap();
        let mut stack = Stack::load(&StackSettings::of("p"), &workload).unwrap();
        stack.jars = vec![Jar::at(&file)];
        stack.services.iter_mut().for_each(|service| flink.clone_into(&mut service.image));
        application(&stack, &images(&machine).unwrap(), id, &machine).unwrap().unwrap()
    }

    #[test]
    fn an_application_is_known_by_what_is_in_its_jars_and_by_what_it_stands_on() {
        let one = of("playground/flink:2.2.1", None, b"1");
        assert_eq!(one, of("playground/flink:2.2.1", None, b"1"));
        assert_ne!(one.tag, of("playground/flink:2.2.1", None, b"2").tag);
        assert_eq!(one.after, ["playground/flink:2.2.1"]);
        assert!(one.args[FLINK].starts_with("playground/flink:2.2.1-"), "{:?}", one.args);
        let theirs = of("flink:2.2.1-java21", Some("sha256:1"), b"1");
        assert_eq!((&theirs.after[..], theirs.args[FLINK].as_str()), (&[][..], "flink:2.2.1-java21"));
        assert_ne!(theirs.tag, one.tag);
        assert_ne!(theirs.tag, of("flink:2.2.1-java21", Some("sha256:2"), b"1").tag, "pulled or rebuilt");
    }

    #[test]
    fn its_jars_are_what_its_dockerfile_copies() {
        let context = of("playground/flink:2.2.1", None, b"content").context(&Machine::this()).unwrap();
        let mut archive = tar::Archive::new(context.as_slice());
        let names: Vec<String> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["application/Dockerfile", "application/job.jar"]);
    }
}
