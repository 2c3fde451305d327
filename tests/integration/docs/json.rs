//! JSON documents: each has a schema that names every field, and `docs/json.md` shows the same as tables.

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use serde_json::Value;

use super::samples::samples;
use super::tables::tables;
use crate::support::markdown::{page, root};
use crate::support::schema::{Place, Schemas, documented};

/// A field that no schema names fails here, and so does one that a schema names and no document has.
#[test]
fn every_document_is_as_its_schema_says() {
    let (schemas, mut wrong, mut seen) = (Schemas::load(), Vec::new(), BTreeSet::<Place>::new());
    for (file, document) in samples() {
        let checked = schemas.check(&format!("{file}.json"), &document);
        wrong.extend(checked.problems.into_iter().map(|problem| format!("{file}: {problem}")));
        seen.extend(checked.properties);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let never: Vec<Place> = schemas
        .files()
        .flat_map(|(file, schema)| documented(file, schema))
        .filter(|(place, property)| !seen.contains(place) && !is_reference_of(property, place, &seen))
        .map(|(place, _)| place)
        .collect();
    assert!(never.is_empty(), "documented, and in no document: {never:#?}");
}

/// A property that only refers to another document's is seen there.
fn is_reference_of(property: &Value, (file, _): &Place, seen: &BTreeSet<Place>) -> bool {
    property["$ref"].is_string() && seen.iter().any(|(of, _)| of == file)
}

#[test]
fn every_property_is_described() {
    let schemas = Schemas::load();
    let all = schemas.files().flat_map(|(file, schema)| documented(file, schema));
    // Alternatives that are told apart by a name alone need no more words.
    let silent =
        all.filter(|((_, pointer), property)| !pointer.contains("/oneOf/") && property["description"].is_null());
    assert_eq!(silent.map(|(place, _)| place).collect::<Vec<_>>(), []);
}

#[test]
fn every_command_with_a_result_has_its_document() {
    let schemas = Schemas::load();
    let titles: Vec<&str> = schemas.files().filter_map(|(_, schema)| schema["title"].as_str()).collect();
    let words: BTreeSet<&str> = titles.iter().flat_map(|title| title.split([' ', ','])).collect();
    // Another program's output, and a shell's script.
    let without = ["flink", "completions"];
    let command = playground::cli::Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    let missing: Vec<&str> = names.filter(|name| !without.contains(name) && !words.contains(name)).collect();
    assert!(missing.is_empty(), "no schema's title names {missing:?}; titles: {titles:#?}");
}

/// The tables below the marker in `docs/json.md` are made from the schemas: `UPDATE_DOCS=1` writes them.
#[test]
fn the_tables_say_what_the_schemas_say() {
    const MARKER: &str = "<!-- From here on made from docs/schema by UPDATE_DOCS=1 cargo test -->\n";
    let path = root().join("docs/json.md");
    let text = std::fs::read_to_string(&path).expect("docs/json.md");
    let (head, shown) = text.split_once(MARKER).expect("the marker");
    let made = tables(&Schemas::load());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{MARKER}{made}")).expect("write docs/json.md");
    } else {
        assert!(shown == made, "docs/json.md is not what the schemas say: UPDATE_DOCS=1 cargo test writes it");
    }
    assert!(!page("docs/json.md").anchors().is_empty());
}
