//! Records that must never be emitted, as workload files describe them: kinds of records, each by conditions that all hold of
//! it.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::condition::{Check, Condition};
use super::place::Values;
use crate::workload::excerpt::excerpt;

/// Kinds of records that must never be emitted. A file writes one kind as the list of its conditions, and several as a list of
/// such lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Forbidden(Vec<Vec<Condition>>);

impl Forbidden {
    /// Whether nothing is forbidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each kind is described, by conditions that ask for something.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn check(&self) -> Result<(), String> {
        if self.0.iter().any(Vec::is_empty) {
            return Err("a list without conditions forbids every record".to_owned());
        }
        self.0.iter().flatten().try_for_each(Condition::check)
    }

    /// How the kinds are told; the places that they look at are added to `places`, unless they are there.
    pub(super) fn kinds<'a>(&'a self, places: &mut Vec<&'a str>) -> Kinds {
        Kinds(self.0.iter().map(|kind| (text(kind), Check::all(kind, places))).collect())
    }
}

/// As in `/type is ALERT, or /amount below 0`.
impl fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(|kind| text(kind)).collect();
        formatter.write_str(&kinds.join(", or "))
    }
}

/// As in `/type is ALERT and /amount below 0`.
fn text(kind: &[Condition]) -> String {
    kind.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// The kinds, each with what it is called and the conditions of it.
#[derive(Debug, Clone)]
pub(super) struct Kinds(Vec<(String, Vec<Check>)>);

impl Kinds {
    /// What is wrong with a record, if it is one of them. One that lacks a field that a kind asks for is not of that kind.
    pub(super) fn wrong(&self, values: &Values<'_>, payload: &[u8]) -> Option<String> {
        let is_of = |checks: &Vec<Check>| checks.iter().all(|check| check.holds(values) == Some(true));
        let (kind, _) = self.0.iter().find(|(_, checks)| is_of(checks))?;
        Some(format!("{} must never be emitted: {kind}", excerpt(payload)))
    }
}

impl<'de> Deserialize<'de> for Forbidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts: Vec<Part> = Vec::deserialize(deserializer)?;
        let (mut single, mut kinds) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Condition(condition) => single.push(condition),
                Part::Kind(kind) => kinds.push(kind),
            }
        }
        match (single.is_empty(), kinds.is_empty()) {
            (_, true) if single.is_empty() => Err(D::Error::custom("nothing is forbidden: the list is empty")),
            (_, true) => Ok(Self(vec![single])),
            (true, _) => Ok(Self(kinds)),
            _ => Err(D::Error::custom(
                "conditions and lists of conditions are mixed: one list describes one kind of record, a list of lists several",
            )),
        }
    }
}

/// What stands in the list of a file.
enum Part {
    Condition(Condition),
    Kind(Vec<Condition>),
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parts)
    }
}

/// Tells them apart by their types, so that what is wrong inside is told by its own name.
struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Part;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a condition, or a list of conditions")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part, A::Error> {
        Condition::deserialize(MapAccessDeserializer::new(map)).map(Part::Condition)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Part, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Part::Kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Places;
    use super::*;
    use crate::kafka::record::Record;

    #[derive(Debug, Deserialize)]
    struct File {
        never: Forbidden,
    }

    fn file(text: &str) -> Result<Forbidden, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        file.never.check().map(|()| file.never)
    }

    fn wrong(forbidden: &Forbidden, record: &str) -> Option<String> {
        let mut places = Vec::new();
        let kinds = forbidden.kinds(&mut places);
        let mut values = Values::default();
        Places::of(&places).unwrap().read(&Record::of(record.as_bytes()), &mut values).unwrap();
        kinds.wrong(&values, record.as_bytes())
    }

    #[test]
    fn one_list_is_one_kind_of_record() {
        let one = file(r#"never = [{ field = "/type", is = "ALERT" }, { field = "/amount", below = 0 }]"#).unwrap();
        assert_eq!(one.to_string(), "/type is ALERT and /amount below 0");
        assert_eq!(wrong(&one, r#"{"type":"ALERT","amount":7}"#), None);
        assert_eq!(wrong(&one, r#"{"type":"ALERT"}"#), None, "it lacks what is asked of it");
        insta::assert_snapshot!(wrong(&one, r#"{"type":"ALERT","amount":-7}"#).unwrap(), @r#"'{\"type\":\"ALERT\",\"amount\":-7}' must never be emitted: /type is ALERT and /amount below 0"#);
    }

    #[test]
    fn a_list_of_lists_is_several_kinds() {
        let several =
            file(r#"never = [[{ field = "/type", is = "ALERT" }], [{ field = "/amount", below = 0 }]]"#).unwrap();
        assert_eq!(several.to_string(), "/type is ALERT, or /amount below 0");
        assert!(wrong(&several, r#"{"type":"ALERT","amount":7}"#).unwrap().ends_with(": /type is ALERT"));
        assert!(wrong(&several, r#"{"amount":-7}"#).unwrap().ends_with(": /amount below 0"));
        assert_eq!(wrong(&several, r#"{"type":"OK","amount":7}"#), None);
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let one = file(r#"never = [{ field = "/type", is = "ALERT" }]"#).unwrap();
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"[[{"field":"/type","is":"ALERT"}]]"#);
        assert_eq!(serde_json::from_str::<Forbidden>(&json).unwrap(), one);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said() {
        let lists = [
            "never = []",
            "never = [[]]",
            r#"never = [{ field = "/a", is = "x" }, [{ field = "/a", is = "x" }]]"#,
            r#"never = [{ field = "/a", si = "x" }]"#,
            r#"never = [[{ field = "/a" }]]"#,
            "never = [7]",
        ];
        let messages: Vec<String> = lists.iter().map(|list| file(list).unwrap_err()).collect();
        insta::assert_snapshot!(messages.join("\n"), @r"
        nothing is forbidden: the list is empty
        a list without conditions forbids every record
        conditions and lists of conditions are mixed: one list describes one kind of record, a list of lists several
        unknown field `si`, expected one of `field`, `above`, `below`, `is`, `is-not`
        nothing is said of /a; it takes above, below, is and is-not
        invalid type: integer `7`, expected a condition, or a list of conditions
        ");
    }
}
