use super::*;
use std::path::Path;

/// A machine whose program is a file.
fn machine(program: &str) -> Machine {
    Machine {
        program: Program::at(Path::new(program)),
        certificates: b"certificates".to_vec(),
        proxies: BTreeMap::new(),
    }
}

fn all() -> Vec<Image> {
    images(&machine("/etc/hostname")).unwrap()
}

/// The folders of the images whose hashes differ.
fn changed(one: &[Image], other: &[Image]) -> Vec<&'static str> {
    one.iter().zip(other).filter(|(a, b)| a.hash != b.hash).map(|(a, _)| a.folder).collect()
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
    }
    let flink = images.iter().find(|image| image.folder == "flink").unwrap();
    assert_eq!(flink.after, ["playground/base:1", "playground/builder:1"]);
    assert_eq!(flink.args["BUILDER_IMAGE"], images[1].tag);
    assert_eq!(flink.tag, format!("playground/flink:2.2.1-{}", &flink.hash[..12]));
}

/// Otherwise a build would fail, or take something that is not part of the hash.
#[test]
fn every_argument_of_a_dockerfile_has_a_value() {
    for image in all() {
        let text = FOLDER.get_file(&image.dockerfile).unwrap().contents_utf8().unwrap();
        for argument in arguments(text) {
            assert!(image.args.contains_key(argument), "{argument} of {}", image.dockerfile);
        }
    }
}

#[test]
fn a_hash_follows_what_an_image_and_those_below_it_are_made_from() {
    let versions = BTreeMap::from([("JAVA_VERSION".to_owned(), "21".to_owned())]);
    let machine = machine("/etc/hostname");
    let base = |versions| image("playground/base:1", "base", versions, &[], &machine).unwrap();
    let (one, other) = (base(&versions), base(&BTreeMap::new()));
    assert_ne!(one.hash, other.hash);
    let above = |base| image("playground/builder:1", BUILDER, &versions, &[base], &machine).unwrap();
    assert_eq!(above(one.clone()).hash, above(one.clone()).hash);
    assert_ne!(above(one).hash, above(other).hash);
}

#[test]
fn only_the_programs_own_image_follows_the_program() {
    let other = images(&machine("/etc/passwd")).unwrap();
    assert_eq!(changed(&all(), &other), [PROGRAM]);
}

/// What they let through is checked by its checksum: the images that are made with it stay the same.
#[test]
fn only_the_builder_follows_the_certificates_of_the_machine() {
    let rotated = Machine { certificates: b"others".to_vec(), ..machine("/etc/hostname") };
    let rotated = images(&rotated).unwrap();
    assert_eq!(changed(&all(), &rotated), [BUILDER]);
    assert_eq!(rotated[4].args["BUILDER_IMAGE"], rotated[1].tag);
}

#[test]
fn a_stack_goes_by_what_is_in_its_images() {
    let settings = crate::settings::StackSettings::of("p");
    let mut stack = Stack::load(&settings, &crate::workload::catalog::usual().unwrap()).unwrap();
    stack.services[0].image = "elsewhere/zookeeper:3".to_owned();
    let pinned = pinned(&stack, &all());
    assert_eq!(pinned.services[0].image, "elsewhere/zookeeper:3");
    assert_eq!(pinned.service("kafka").unwrap().image, all()[3].tag);
    // A container's image is compared by its id, so a new name is no reason to recreate it.
    assert_eq!(pinned.service("kafka").unwrap().hash(), stack.service("kafka").unwrap().hash());
}

#[test]
fn the_context_holds_the_images_folder_and_what_comes_from_the_machine() {
    let images = all();
    let machine = Machine { program: Program::running(), ..machine("/etc/hostname") };
    let paths = |image: &Image| {
        let bytes = image.context(&machine).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.path().unwrap().display().to_string(), entry.header().size().unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(paths(&images[1]).contains(&("builder/host-ca.pem".to_owned(), 12)), "{:?}", paths(&images[1]));
    let program = paths(images.last().unwrap());
    assert!(program.iter().any(|(path, _)| path == "playground/playground"), "{program:?}");
}

/// Whoever brings a jar in through a pom has to look at it: what Maven fetches and is not listed fails the build.
#[test]
fn every_pom_has_its_jars_listed_by_their_checksums() {
    for folder in ["kafka", "zookeeper", "flink"] {
        let list = FOLDER.get_file(format!("{folder}/jars.sha256")).unwrap().contents_utf8().unwrap();
        assert!(list.lines().count() > 10, "{folder}");
        for line in list.lines() {
            let (sum, path) = line.split_once("  ").unwrap();
            assert!(sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit()), "{folder}: {line}");
            assert_eq!(Path::new(path).extension().unwrap(), "jar", "{folder}: {line}");
        }
    }
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
    for folder in ["base", BUILDER, "flink", "kafka", PROGRAM, "zookeeper"] {
        let mut found = Vec::new();
        walk(&Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docker")).join(folder), &mut found);
        found.retain(|(path, _)| !path.contains("/target/") && path != context::CERTIFICATES);
        found.sort();
        let embedded: Vec<(String, Vec<u8>)> =
            context::files(folder).into_iter().map(|(path, content)| (path.to_owned(), content.to_vec())).collect();
        assert_eq!(embedded, found, "{folder}");
    }
}
