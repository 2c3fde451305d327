//! Links and paths in the documentation lead to what is there.

use crate::support::markdown::{Page, page, pages, root};

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for from in pages() {
        let links = from.links();
        let own = links.iter().filter(|link| !link.contains("://"));
        dead.extend(own.filter(|link| !leads_somewhere(&from, link)).map(|link| format!("{}: {link}", from.name)));
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

fn leads_somewhere(from: &Page, link: &str) -> bool {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let folder = std::path::Path::new(&from.name).parent().unwrap_or(std::path::Path::new(""));
    let target = if path.is_empty() { from.name.clone().into() } else { folder.join(path) };
    let has = |anchor: &str| page(target.to_str().expect("UTF-8")).anchors().iter().any(|one| one == anchor);
    root().join(&target).exists() && anchor.is_none_or(has)
}

/// What to change, in `CONTRIBUTING.md`, is a list of files: none of them is gone.
#[test]
fn every_path_named_is_there() {
    let mut gone = Vec::new();
    for page in pages() {
        let blocks = page.blocks().into_iter().flat_map(|block| block.lines);
        let code: Vec<String> = page.code().into_iter().chain(blocks).collect();
        let paths = code.iter().filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)));
        let missing = paths.flat_map(|path| alternatives(path)).filter(|path| !root().join(path).exists());
        gone.extend(missing.map(|path| format!("{}: {path}", page.name)));
    }
    assert!(gone.is_empty(), "{gone:#?}");
}

/// Where code is a path, or a line that begins with one.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "compose/", "docker/", "scripts/", ".ci/"];

/// `src/{a,b}.rs` is two paths. One with a placeholder is none, and neither are the words behind a script's name.
fn alternatives(path: &str) -> Vec<String> {
    let path = path.split(' ').next().unwrap_or(path);
    if path.contains("NAME") || path.contains('*') {
        return Vec::new();
    }
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (middle, after))) => middle.split(',').map(|one| format!("{before}{one}{after}")).collect(),
        None => vec![path.to_owned()],
    }
}
