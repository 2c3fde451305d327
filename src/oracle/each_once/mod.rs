//! `each-once`: each record of the input appears in the output under its identity, once, or again where the delivery
//! guarantee allows that.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::condition::{Check, Condition};
use super::forbidden::{Forbidden, Kinds};
use super::place::{Fields, Key, Places, Values};
use super::{ByRecord, Emitted, Entry, Reader, Rule, Sent};
use crate::kafka::record::Record;
use crate::workload::excerpt::excerpt;

mod identities;
mod kept;

use kept::Content;
pub use kept::Unchanged;

/// Each record of the input appears in the output under its identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EachOnce {
    /// Where a record of the input has its identity.
    pub input: Fields,
    /// Where a record of the output has it.
    pub output: Fields,
    /// What a record of the input must be to appear; one that is not must never appear.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Condition>,
    /// What of a record has to be the same in the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<Unchanged>,
    /// Where a record of the output has a key: those of one key keep the order that they have in their partition of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<Fields>,
    /// Records of the output that must not be emitted, though their identity was sent.
    #[serde(default, skip_serializing_if = "Forbidden::is_empty")]
    pub never: Forbidden,
}

impl Rule for EachOnce {
    fn name(&self) -> &'static str {
        "each-once"
    }

    fn check(&self) -> Result<(), String> {
        self.only.iter().try_for_each(Condition::check).map_err(|error| format!("where: {error}"))?;
        self.unchanged.iter().try_for_each(Unchanged::check).map_err(|error| format!("unchanged: {error}"))?;
        Fields::check_both(&self.input, &self.output).map_err(|error| format!("the identity: {error}"))?;
        self.ordered_by.iter().try_for_each(Fields::check).map_err(|error| format!("ordered-by: {error}"))?;
        self.never.check().map_err(|error| format!("never: {error}"))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        let (mut sent, mut emitted) = (Vec::new(), Vec::new());
        let (sent_key, emitted_key) = (self.input.key(&mut sent), self.output.key(&mut emitted));
        let checks = Check::all(&self.only, &mut sent);
        let (sent_content, emitted_content) = Content::of(&self.unchanged, &mut sent, &mut emitted);
        let wanted = sent.join(", ");
        let ordered_by = self.ordered_by.as_ref().map(|key| key.key(&mut emitted));
        let never = self.never.kinds(&mut emitted);
        let input = Side { places: Places::of(&sent)?, key: sent_key, content: sent_content };
        let output = Side { places: Places::of(&emitted)?, key: emitted_key, content: emitted_content };
        Ok(Box::new(Identified { input, output, wanted, checks, ordered_by, never }))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        Some(Box::<identities::Identities>::default())
    }

    fn says(&self) -> String {
        let mut each = format!("each {} of the input as {} in the output", self.input, self.output);
        if !self.unchanged.is_empty() {
            each.push_str(", unchanged");
        }
        if let Some(key) = &self.ordered_by {
            each = format!("{each}, in order for each {key}");
        }
        if self.never.is_empty() { each } else { format!("{each}, and never one with {}", self.never) }
    }

    fn unexpected(&self) -> Option<&'static str> {
        Some("that must not be there").filter(|_| !self.never.is_empty())
    }
}

/// Reads records by their identities.
#[derive(Debug)]
struct Identified {
    input: Side,
    output: Side,
    /// The places of the input that a record needs, as they were asked for.
    wanted: String,
    checks: Vec<Check>,
    ordered_by: Option<Key>,
    never: Kinds,
}

/// How the records of a topic are read.
#[derive(Debug)]
struct Side {
    places: Places,
    key: Key,
    content: Content,
}

impl Reader for Identified {
    fn wanted(&self) -> String {
        format!("it needs an identity, and what is asked of it, at {}", self.wanted)
    }

    fn sent<'a>(&self, record: &Record<'a>) -> Option<Sent<'a>> {
        let mut values = Values::default();
        self.input.places.read(record, &mut values)?;
        let mut appears = true;
        for check in &self.checks {
            appears &= check.holds(&values)?;
        }
        let (key, content) = (self.input.key.text(&values)?, self.input.content.text(&values));
        // What has to stay as it is has to be there, or nothing would be proved of it.
        if !self.input.content.is_whole(&values) {
            return None;
        }
        Some(if appears { Sent::Record(Entry { key, content, ..Entry::default() }) } else { Sent::Nothing })
    }

    fn emitted(&self, record: &Record<'_>) -> Result<Emitted, String> {
        let mut values = Values::default();
        if self.output.places.read(record, &mut values).is_none() {
            values = Values::default();
        }
        let wrong = self.never.wrong(&values, record.payload);
        let owned = |key: &Key| key.text(&values).map(|text| Cow::from(text.into_owned()));
        match (wrong, owned(&self.output.key)) {
            (Some(what), key) => Ok(Emitted::Forbidden { key: key.map(Cow::into_owned), what }),
            (None, Some(key)) => {
                let content = self.output.content.text(&values);
                // A batch has the key of each record, or of none.
                let ordered_by = self.ordered_by.as_ref().map(|by| owned(by).ok_or(())).transpose();
                let ordered_by = ordered_by.map_err(|()| {
                    format!("{} has nothing at the place that it is to be ordered by", excerpt(record.payload))
                })?;
                Ok(Emitted::Record(Entry { key, content, ordered_by, ..Entry::default() }))
            }
            (None, None) => Err(format!("{} has no identity", excerpt(record.payload))),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_has_to_stay_as_it_is_has_to_be_there() {
        let text = "name = \"o\"\npurpose = \"x\"\njob = { name = \"O\" }\ninput = { topic = \"i\" }\noutput = { topic = \"o\" }\n\
                    [oracle.each-once]\ninput = \"/id\"\noutput = \"/id\"\nunchanged = [\"/items\"]\nordered-by = \"/user\"\n";
        let reader = parse::workload("o.toml", text).unwrap().oracle.reader().unwrap();
        assert_eq!(reader.sent(&Record::of(br#"{"id":1,"items":[1]}"#)), None, "an array is no value");
        assert!(reader.sent(&Record::of(br#"{"id":1,"items":"x"}"#)).is_some());
        let unordered = reader.emitted(&Record::of(br#"{"id":1,"items":"x"}"#)).unwrap_err();
        assert!(unordered.ends_with("has nothing at the place that it is to be ordered by"), "{unordered}");
        let Ok(Emitted::Record(entry)) = reader.emitted(&Record::of(br#"{"id":1,"user":7}"#)) else { panic!() };
        assert_eq!((entry.content.as_deref(), entry.ordered_by.as_deref()), (Some("/items missing"), Some("7")));
    }

    use super::*;
    use crate::workload::parse;

    fn orders(only: &str) -> Box<dyn Reader> {
        let text = format!(
            "name = \"orders\"\npurpose = \"x\"\njob = {{ name = \"Orders\" }}\ninput = {{ topic = \"orders\" }}\n\
             output = {{ topic = \"accepted\" }}\n[oracle.each-once]\ninput = \"/id\"\noutput = \"/order/id\"\nwhere = [{only}]\n\
             never = [{{ field = \"/order/amount\", below = 1 }}]\n"
        );
        parse::workload("orders.toml", &text).unwrap().oracle.reader().unwrap()
    }

    fn record(key: &str) -> Entry<'static> {
        Entry { key: key.to_owned().into(), ..Entry::default() }
    }

    #[test]
    fn what_must_appear_and_what_must_not_is_told_apart() {
        let reader = orders("{ field = \"/amount\", above = 0 }, { field = \"/state\", is-not = \"void\" }");
        let sent = |json: &'static str| reader.sent(&Record::of(json.as_bytes()));
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"open"}"#), Some(Sent::Record(record("17"))));
        assert_eq!(sent(r#"{"id":17,"amount":0,"state":"open"}"#), Some(Sent::Nothing));
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"void"}"#), Some(Sent::Nothing));
        assert_eq!(sent(r#"{"id":17,"state":"open"}"#), None, "what is asked of it is not there");
        assert_eq!(sent(r#"{"id":null,"amount":1,"state":"open"}"#), None);
        assert_eq!(reader.emitted(&Record::of(br#"{"order":{"id":"a-7"}}"#)), Ok(Emitted::Record(record("a-7"))));
        assert!(reader.emitted(&Record::of(b"{}")).unwrap_err().ends_with("has no identity"));
    }

    #[test]
    fn what_must_never_be_emitted_keeps_its_identity() {
        let reader = orders("");
        let Ok(Emitted::Forbidden { key, what }) = reader.emitted(&Record::of(br#"{"order":{"id":7,"amount":0}}"#))
        else {
            panic!()
        };
        assert_eq!(key.as_deref(), Some("7"));
        assert!(what.ends_with("must never be emitted: /order/amount below 1"), "{what}");
        assert!(matches!(reader.emitted(&Record::of(br#"{"order":{"id":7,"amount":1}}"#)), Ok(Emitted::Record(_))));
    }
}
