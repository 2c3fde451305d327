//! Taking stock: which of an engine's images are the playground's, which of those are of use now, and who uses the others.

use std::collections::BTreeMap;

use super::application::NAME as APPLICATION;
use super::{Image, OWN};

/// An image that an engine has, whoever made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Found {
    /// The engine's id of it.
    pub id: String,
    /// The image that it was made on in a step of a build, where the engine still knows.
    pub parent: String,
    /// Its names with their tags.
    pub tags: Vec<String>,
    /// What it was made from: the label of own images, which images made on top of them inherit.
    pub content: Option<String>,
    /// The name of the own image that was to be made: the other label, inherited as well.
    pub of: Option<String>,
    /// In bytes, with the layers that it shares with others.
    pub size: u64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// The names of the containers that were made from it.
    pub containers: Vec<String>,
}

/// What an own image is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// There, and made from what it would be made from now.
    Current,
    /// Not there.
    Missing,
    /// Made from something else: by an earlier version of the playground, or by another checkout.
    Old,
}

/// An own image, wanted or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As the compose file calls it.
    pub name: String,
    /// Its tag, the content's before any other; of a stage of a build, which has none, the beginning of its id.
    pub tag: String,
    /// What it is good for.
    pub standing: Standing,
    /// What the engine has; nothing where it is missing.
    pub found: Option<Found>,
    /// The containers and images that need it, as in `container playground-kafka-1`.
    pub users: Vec<String>,
}

/// The images that are wanted now, in their order, then all others that are the playground's, the newest first. (In that
/// order, images made on top of others come before those.)
#[must_use]
pub fn take_stock(wanted: &[Image], found: &[Found]) -> Vec<Entry> {
    let uses = uses(found);
    let entry = |name: &str, tag: &str, standing, one: Option<&Found>| Entry {
        name: name.to_owned(),
        tag: tag.to_owned(),
        standing,
        found: one.cloned(),
        users: one.map(|one| users(one, &uses)).unwrap_or_default(),
    };
    let current = |image: &Image| {
        let is = |one: &&Found| one.tags.contains(&image.tag) && one.content.as_ref() == Some(&image.hash);
        found.iter().find(is)
    };
    let mut entries: Vec<Entry> = Vec::new();
    for image in wanted {
        let one = current(image);
        let standing = if one.is_some() { Standing::Current } else { Standing::Missing };
        entries.push(entry(&image.name, &image.tag, standing, one));
    }
    let mut others: Vec<&Found> = found.iter().filter(|one| is_own(one) && !has_children(one, found)).collect();
    others.retain(|one| !wanted.iter().any(|image| current(image).is_some_and(|current| current.id == one.id)));
    others.sort_by_key(|one| std::cmp::Reverse(one.created));
    for one in others {
        let is_of_now = one.tags.is_empty() && wanted.iter().any(|image| Some(&image.hash) == one.content.as_ref());
        // Which applications there are, only their stacks know.
        let is_of_now = is_of_now || (is_application(one) && !one.containers.is_empty());
        let standing = if is_of_now { Standing::Current } else { Standing::Old };
        entries.push(entry(one.of.as_deref().unwrap_or_default(), &shown(one), standing, Some(one)));
    }
    entries
}

/// Whether the playground made an image. The label alone does not say so: an image that a user makes on top of ours inherits
/// it. Of those without a name, only stages of our builds are ours: they stand on the builder, on which nobody else builds.
fn is_own(one: &Found) -> bool {
    let builder = format!("{OWN}builder:");
    match (&one.content, &one.of) {
        (None, _) => false,
        (Some(_), of) if one.tags.is_empty() => of.as_ref().is_some_and(|of| of.starts_with(&builder)),
        (Some(_), _) => one.tags.iter().all(|tag| tag.starts_with(OWN)),
    }
}

fn is_application(one: &Found) -> bool {
    one.of.as_deref() == Some(APPLICATION)
}

/// A step in the making of another image is no image of its own, unless it has a name.
fn has_children(one: &Found, found: &[Found]) -> bool {
    one.tags.is_empty() && found.iter().any(|other| other.parent == one.id)
}

/// The tag that says most: the longest has the content's hash.
fn shown(one: &Found) -> String {
    let longest = one.tags.iter().max_by_key(|tag| tag.len());
    longest.cloned().unwrap_or_else(|| one.id.trim_start_matches("sha256:").chars().take(12).collect())
}

/// Of an image that has one of our names besides one of its owner's, the latter.
fn name_of_theirs(one: &Found) -> String {
    one.tags.iter().find(|tag| !tag.starts_with(OWN)).cloned().unwrap_or_else(|| shown(one))
}

/// For each image the images of others that were made on top of it.
fn uses(found: &[Found]) -> BTreeMap<&str, Vec<String>> {
    let mut uses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for other in found.iter().filter(|one| !is_own(one) && !has_children(one, found)) {
        let mut parent = other.parent.as_str();
        while let Some(below) = found.iter().find(|one| one.id == parent && !parent.is_empty()) {
            uses.entry(&below.id).or_default().push(format!("image {}", name_of_theirs(other)));
            parent = &below.parent;
        }
    }
    uses
}

fn users(one: &Found, uses: &BTreeMap<&str, Vec<String>>) -> Vec<String> {
    let containers = one.containers.iter().map(|name| format!("container {name}"));
    containers.chain(uses.get(one.id.as_str()).into_iter().flatten().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Machine, images};

    fn wanted() -> Vec<Image> {
        images(&Machine::this()).unwrap()
    }

    /// An image of ours by its name, made at a time from some content.
    fn own(name: &str, content: &str, created: i64) -> Found {
        Found {
            id: format!("sha256:{content}{created}"),
            tags: vec![format!("{name}-{content}")],
            content: Some(content.to_owned()),
            of: Some(name.to_owned()),
            created,
            ..Found::default()
        }
    }

    fn of(image: &Image) -> Found {
        let hash = image.hash.clone();
        Found { id: "sha256:now".into(), tags: vec![image.tag.clone()], content: Some(hash), ..own(&image.name, "", 9) }
    }

    /// Tag and standing of what there is.
    fn there(found: &[Found]) -> Vec<(String, Standing)> {
        let entries = take_stock(&wanted(), found).into_iter().filter(|one| one.found.is_some());
        entries.map(|one| (one.tag, one.standing)).collect()
    }

    #[test]
    fn wanted_images_come_first_then_old_ones_the_newest_first() {
        let kafka = &wanted()[3];
        let found = [own(&kafka.name, "aaa", 1), of(kafka), own("playground/flink:1", "bbb", 2)];
        let entries = take_stock(&wanted(), &found);
        assert_eq!(entries.iter().filter(|one| one.standing == Standing::Missing).count(), 5);
        assert_eq!(
            there(&found),
            [
                (kafka.tag.clone(), Standing::Current),
                ("playground/flink:1-bbb".to_owned(), Standing::Old),
                (format!("{}-aaa", kafka.name), Standing::Old),
            ]
        );
    }

    #[test]
    fn a_tag_that_was_moved_to_other_content_is_not_current() {
        let kafka = &wanted()[3];
        let moved = Found { content: Some("other".to_owned()), ..of(kafka) };
        assert_eq!(there(&[moved]), [(kafka.tag.clone(), Standing::Old)]);
    }

    #[test]
    fn what_others_made_on_top_of_ours_is_not_ours_and_keeps_ours() {
        let flink = own("playground/flink:1", "aaa", 1);
        let step = Found { id: "step".into(), tags: vec![], parent: flink.id.clone(), ..flink.clone() };
        let theirs = Found {
            id: "theirs".into(),
            tags: vec!["playground/x:1".into(), "shop/job:1".into()],
            parent: "step".into(),
            ..flink.clone()
        };
        let nameless = Found { id: "sha256:nameless".into(), tags: vec![], parent: String::new(), ..flink.clone() };
        let entries = take_stock(&[], &[flink, step, theirs, nameless]);
        let told: Vec<(&str, &[String])> = entries.iter().map(|one| (one.tag.as_str(), one.users.as_slice())).collect();
        assert_eq!(told, [("playground/flink:1-aaa", &["image shop/job:1".to_owned()][..])]);
    }

    #[test]
    fn stages_of_builds_are_as_old_as_the_builder_that_they_stand_on() {
        let builder = &wanted()[1];
        let now = Found { id: "sha256:stage".into(), tags: vec![], ..of(builder) };
        let before = Found { id: "sha256:before".into(), tags: vec![], ..own(&builder.name, "aaa", 1) };
        assert_eq!(there(&[now, before]), [("stage".into(), Standing::Current), ("before".into(), Standing::Old)]);
    }

    #[test]
    fn an_application_is_of_use_for_as_long_as_its_containers_are_there() {
        let running = Found { containers: vec!["x-jobmanager-1".into()], ..own(APPLICATION, "aaa", 2) };
        let standing = |one: Found| there(&[one])[0].1;
        assert_eq!((standing(running), standing(own(APPLICATION, "bbb", 1))), (Standing::Current, Standing::Old));
    }

    #[test]
    fn containers_of_anybody_use_an_image() {
        let used = Found { containers: vec!["x-kafka-1".into()], ..own("playground/kafka:1", "aaa", 1) };
        assert_eq!(take_stock(&[], &[used])[0].users, ["container x-kafka-1"]);
    }
}
