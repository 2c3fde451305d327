//! Checks documents against the JSON Schemas in `docs/schema`. It knows the few keywords that these use, and refuses any
//! other: a whole validator would add 38 crates to the 188 that there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::markdown::root;

/// The keywords that say something about a document, and those that only describe it.
const KEYWORDS: [&str; 8] =
    ["$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "const"];
const DESCRIPTIONS: [&str; 4] = ["$schema", "title", "description", "oneOf"];

/// All schemas, by file name.
pub struct Schemas(BTreeMap<String, Value>);

/// A place in a schema: the file, and a JSON pointer.
pub type Place = (String, String);

/// What checking a document came to.
#[derive(Default)]
pub struct Checked {
    /// What is wrong, by its place in the document.
    pub problems: Vec<String>,
    /// The properties that the document has, by their place in the schema.
    pub properties: BTreeSet<Place>,
}

impl Schemas {
    pub fn load() -> Self {
        let files = std::fs::read_dir(root().join("docs/schema")).expect("the schemas");
        let read = |file: std::fs::DirEntry| {
            let name = file.file_name().into_string().expect("UTF-8");
            let text = std::fs::read_to_string(file.path()).expect("read a schema");
            (name.clone(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
        };
        Self(files.map(|file| read(file.expect("a file"))).collect())
    }

    pub fn files(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Checks a document against the schema of this file name.
    pub fn check(&self, file: &str, document: &Value) -> Checked {
        let mut checked = Checked::default();
        self.value(&(file.to_owned(), String::new()), document, "", &mut checked);
        checked
    }

    /// The schema at a place.
    fn at(&self, (file, pointer): &Place) -> &Map<String, Value> {
        let schema = self.0.get(file).and_then(|schema| schema.pointer(pointer)).and_then(Value::as_object);
        schema.unwrap_or_else(|| panic!("no schema {file}#{pointer}"))
    }

    /// Where a `$ref` leads.
    fn target((file, _): &Place, reference: &str) -> Place {
        let (other, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        (if other.is_empty() { file.clone() } else { other.to_owned() }, pointer.to_owned())
    }

    fn value(&self, place: &Place, value: &Value, path: &str, checked: &mut Checked) {
        let schema = self.at(place);
        let unknown =
            schema.keys().find(|key| !KEYWORDS.contains(&key.as_str()) && !DESCRIPTIONS.contains(&key.as_str()));
        assert!(unknown.is_none(), "{place:?}: the keyword {unknown:?} is not known here");
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.value(&Self::target(place, reference), value, path, checked);
        }
        if !is_of_type(schema.get("type"), value) {
            checked.problems.push(format!("{path}: {value} is not {}", schema["type"]));
        }
        let allowed = schema.get("enum").and_then(Value::as_array).is_none_or(|all| all.contains(value));
        if !allowed || schema.get("const").is_some_and(|only| only != value) {
            checked.problems.push(format!("{path}: {value} is none of the values in {}#{}", place.0, place.1));
        }
        self.one_of(place, value, path, checked);
        match value {
            Value::Object(fields) => self.object(place, fields, path, checked),
            Value::Array(items) if schema.contains_key("items") => {
                for (number, item) in items.iter().enumerate() {
                    self.value(&below(place, "items"), item, &format!("{path}[{number}]"), checked);
                }
            }
            _ => {}
        }
    }

    fn one_of(&self, place: &Place, value: &Value, path: &str, checked: &mut Checked) {
        let Some(branches) = self.at(place).get("oneOf").and_then(Value::as_array) else { return };
        let try_one = |number: usize| {
            let mut branch = Checked::default();
            self.value(&below(place, &format!("oneOf/{number}")), value, path, &mut branch);
            branch
        };
        let mut fitting: Vec<Checked> =
            (0..branches.len()).map(try_one).filter(|branch| branch.problems.is_empty()).collect();
        match fitting.len() {
            1 => checked.properties.append(&mut fitting[0].properties),
            many => {
                checked.problems.push(format!("{path}: {value} fits {many} alternatives of {}#{}", place.0, place.1));
            }
        }
    }

    fn object(&self, place: &Place, fields: &Map<String, Value>, path: &str, checked: &mut Checked) {
        let schema = self.at(place);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let missing = required.filter(|name| !fields.contains_key(*name));
        checked.problems.extend(missing.map(|name| format!("{path}.{name} is missing")));
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields {
            if properties.is_some_and(|properties| properties.contains_key(name)) {
                let place = below(place, &format!("properties/{name}"));
                checked.properties.insert(place.clone());
                self.value(&place, field, &format!("{path}.{name}"), checked);
            } else if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
                checked.problems.push(format!("{path}.{name} is not documented in docs/schema/{}", place.0));
            }
        }
    }
}

fn below((file, pointer): &Place, more: &str) -> Place {
    (file.clone(), format!("{pointer}/{more}"))
}

fn is_of_type(wanted: Option<&Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    match wanted {
        None => true,
        Some(Value::Array(any)) => any.iter().filter_map(Value::as_str).any(is),
        Some(one) => is(one.as_str().expect("the name of a type")),
    }
}

/// Every property that a schema documents, by its place, with what stands there.
pub fn documented<'a>(file: &str, schema: &'a Value) -> Vec<(Place, &'a Value)> {
    let mut found = Vec::new();
    collect(&(file.to_owned(), String::new()), schema, &mut found);
    found
}

fn collect<'a>(place: &Place, schema: &'a Value, found: &mut Vec<(Place, &'a Value)>) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = below(place, &format!("properties/{name}"));
        collect(&place, property, found);
        found.push((place, property));
    }
    if let Some(items) = schema.get("items") {
        collect(&below(place, "items"), items, found);
    }
    for (number, branch) in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        collect(&below(place, &format!("oneOf/{number}")), branch, found);
    }
}
