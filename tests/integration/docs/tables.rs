//! The tables of `docs/json.md`, made from the schemas.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::markdown::anchor;
use crate::support::schema::Schemas;

/// A section for each schema, by file name.
pub fn tables(schemas: &Schemas) -> String {
    schemas.files().map(|(file, schema)| section(schemas, file, schema)).collect()
}

fn section(schemas: &Schemas, file: &str, schema: &Value) -> String {
    let text = |name: &str| schema[name].as_str().unwrap_or_else(|| panic!("{file} has no {name}")).to_owned();
    let mut table = Table { schemas, rows: String::new() };
    table.fields("", schema);
    format!(
        "\n## {}\n\n{} Schema: [{file}](schema/{file})\n\n| field | type | meaning |\n|---|---|---|\n{}",
        text("title"),
        text("description"),
        table.rows
    )
}

struct Table<'a> {
    schemas: &'a Schemas,
    rows: String,
}

impl Table<'_> {
    /// A row for each field of an object, with the fields of what is in it below.
    fn fields(&mut self, path: &str, schema: &Value) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let optional = if required.contains(&Value::String(name.clone())) { "" } else { ", optional" };
            let (kind, meaning) = (self.kind(property), property["description"].as_str().unwrap_or_default());
            let _ = writeln!(self.rows, "| `{path}` | {kind}{optional} | {meaning} |");
            self.inside(&path, property);
        }
    }

    fn inside(&mut self, path: &str, schema: &Value) {
        self.fields(path, schema);
        if schema["items"].is_object() {
            self.inside(&format!("{path}[]"), &schema["items"]);
        }
        for branch in schema["oneOf"].as_array().into_iter().flatten() {
            self.inside(path, branch);
        }
    }

    /// The type in words: for a value from a list, the list; for a part that has a schema of its own, a link.
    fn kind(&self, schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.reference(reference);
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.iter().map(shown).collect::<Vec<_>>().join(", ");
        }
        if !schema["const"].is_null() {
            return shown(&schema["const"]);
        }
        match (&schema["type"], schema["oneOf"].as_array()) {
            (Value::String(kind), _) if kind == "array" => format!("array of {}", self.items(&schema["items"])),
            (Value::String(kind), _) => kind.clone(),
            (Value::Array(kinds), _) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            (_, Some(branches)) => self.alternatives(branches),
            _ => "any".to_owned(),
        }
    }

    fn items(&self, schema: &Value) -> String {
        let kind = self.kind(schema);
        if schema["$ref"].is_string() { kind } else { format!("{}s", kind.replace(" or null", "")) }
    }

    /// Those that are plain values, and that there are objects.
    fn alternatives(&self, branches: &[Value]) -> String {
        let mut kinds: Vec<String> = branches.iter().map(|branch| self.kind(branch)).collect();
        kinds.sort();
        kinds.dedup();
        kinds.join(" or ")
    }

    fn reference(&self, reference: &str) -> String {
        let file = reference.split('#').next().unwrap_or_default();
        let title =
            self.schemas.files().find(|(name, _)| *name == file).and_then(|(_, schema)| schema["title"].as_str());
        title.map_or_else(|| "as above".to_owned(), |title| format!("see [{title}](#{})", anchor(title)))
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"))
}
