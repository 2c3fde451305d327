//! What can be set in the compose file from the environment is in `docs/compose.md`, with its default.

use std::collections::BTreeMap;

use crate::support::markdown::{page, root};

#[test]
fn every_variable_of_the_compose_file_is_documented() {
    let compose = std::fs::read_to_string(root().join("compose/docker-compose.yaml")).expect("the compose file");
    let page = page("docs/compose.md");
    let rows: Vec<&str> = page.prose().filter(|line| line.starts_with("| `")).collect();
    let mut wrong = Vec::new();
    for (name, default) in variables(&compose) {
        let row = rows.iter().find(|row| row.contains(&format!("`{name}`")));
        // An image has its version in its name, which changes more often than this page.
        let is_image = name.ends_with("_IMAGE");
        if row.is_none_or(|row| !is_image && !row.contains(&default)) {
            wrong.push(format!("{name}, by default {default}: {row:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let named = rows.iter().filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let gone: Vec<&str> = named.filter(|name| !compose.contains(&format!("${{{name}:-"))).collect();
    assert!(gone.is_empty(), "documented, and not in the compose file: {gone:?}");
}

/// Each `${NAME:-default}`.
fn variables(compose: &str) -> BTreeMap<String, String> {
    let inside = compose.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    let pair = |text: &str| text.split_once(":-").map(|(name, default)| (name.to_owned(), default.to_owned()));
    inside.filter_map(pair).collect()
}
