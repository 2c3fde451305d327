use super::*;
use std::path::Path;

fn all() -> Vec<Image> {
    images(&Program::at(Path::new("/etc/hostname"))).unwrap()
}

#[test]
fn every_image_of_the_compose_file_is_there_and_stands_on_those_before() {
    let images = all();
    let compose = include_str!("../../compose/docker-compose.yaml");
    for name in compose.split(OWN).skip(1).filter_map(|rest| rest.split(['}', '\n']).next()) {
        assert!(images.iter().any(|image| image.name == format!("{OWN}{name}")), "{OWN}{name}");
    }
    for (index, image) in images.iter().enumerate() {
        assert!(image.after.iter().all(|name| images[..index].iter().any(|one| one.name == *name)), "{image:?}");
        assert!(image.args.values().all(|value| !value.is_empty()), "{image:?}");
    }
    let flink = images.iter().find(|image| image.folder == "flink").unwrap();
    assert_eq!(flink.after, ["playground/base:1", "playground/builder:1"]);
}

#[test]
fn a_hash_follows_arguments_target_and_the_images_below() {
    let images = all();
    let program = Program::at(Path::new("/etc/hostname"));
    let flink = images.iter().find(|image| image.folder == "flink").unwrap();
    let below: Vec<&Image> = images.iter().filter(|image| flink.after.contains(&image.name)).collect();
    assert_eq!(hash(flink, &below, &program), flink.hash);
    assert_ne!(hash(flink, &below[1..], &program), flink.hash);
    let other = Image { args: BTreeMap::new(), ..flink.clone() };
    assert_ne!(hash(&other, &below, &program), flink.hash);
    assert_ne!(images[0].hash, images[1].hash);
}

#[test]
fn only_the_programs_own_image_follows_the_program() {
    let (one, other) = (all(), images(&Program::at(Path::new("/etc/passwd"))).unwrap());
    let changed: Vec<&str> =
        one.iter().zip(&other).filter(|(a, b)| a.hash != b.hash).map(|(a, _)| a.name.as_str()).collect();
    assert_eq!(changed, ["playground/playground:dev"]);
}

#[test]
fn the_context_holds_the_images_folder_and_what_comes_from_the_machine() {
    let images = all();
    let paths = |image: &Image, program: &Program| {
        let bytes = image.context(program, b"certificates").unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap()))
            .collect::<Vec<_>>()
    };
    let base = paths(&images[0], &Program::running());
    for path in ["base/Dockerfile", "base/host-ca.pem"] {
        assert!(base.contains(&(path.to_owned(), 0o644)), "{path}: {base:?}");
    }
    let program = paths(images.last().unwrap(), &Program::running());
    assert!(program.iter().any(|(path, _)| path == "playground/playground"), "{program:?}");
}

/// New files are not noticed by the compiler, but by build.rs.
#[test]
fn what_is_embedded_is_what_is_on_disk() {
    fn walk(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                walk(&entry, found);
            } else {
                let path = entry.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/docker")).unwrap();
                found.push((path.to_str().unwrap().to_owned(), std::fs::read(&entry).unwrap()));
            }
        }
    }
    for folder in ["base", "flink", "kafka", "playground", "zookeeper"] {
        let mut found = Vec::new();
        walk(&Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docker")).join(folder), &mut found);
        found.retain(|(path, _)| !path.contains("/target/") && path != "base/host-ca.pem");
        found.sort();
        let embedded: Vec<(String, Vec<u8>)> =
            context::files(folder).into_iter().map(|(path, content)| (path.to_owned(), content.to_vec())).collect();
        assert_eq!(embedded, found, "{folder}");
    }
}
