//! Where in a record a value stands, as workload files say it.
//!
//! A JSON pointer (RFC 6901) as `/user/id` is a place in its value, and with `key:` before it one in its key. Beside these there
//! are `key` (all of it, as text), `header:NAME`, `partition`, `offset` and `timestamp` (of the record, in ms since the epoch),
//! and `value`: all of it, as a hash, so that records can be opaque.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::json::{MOST, Pointers};
pub(super) use super::json::{Scalar, Values};
use crate::history::chain::hex;
use crate::kafka::record::Record;

/// A place, or several whose values are one key together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a place in a record, as in \"/user/id\", or a list of such places")]
pub enum Fields {
    /// The value at this place.
    One(String),
    /// The values at these places.
    Several(Vec<String>),
}

impl Fields {
    /// The places.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Several(places) => places,
        }
    }

    /// How they are read; the places are added to `asked`, unless they are there.
    pub(super) fn key<'a>(&'a self, asked: &mut Vec<&'a str>) -> Key {
        Key(self.all().iter().map(|place| slot(asked, place)).collect())
    }

    /// Whether both sides name a key by as many parts.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check_both(input: &Self, output: &Self) -> Result<(), String> {
        input.check()?;
        output.check()?;
        let (asked, given) = (input.all().len(), output.all().len());
        if asked == given { Ok(()) } else { Err(format!("it has {asked} parts in input and {given} in output")) }
    }

    /// Whether they name anything.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.all().is_empty() {
            return Err("a list of places is empty: at least one is needed".to_owned());
        }
        Ok(())
    }
}

/// As in `/user and /kind`.
impl fmt::Display for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.all().join(" and "))
    }
}

/// The slot of a place among those that are asked for, which it is added to if it is not there.
pub(super) fn slot<'a>(asked: &mut Vec<&'a str>, place: &'a str) -> usize {
    asked.iter().position(|known| *known == place).unwrap_or_else(|| {
        asked.push(place);
        asked.len() - 1
    })
}

/// The slots of the values that are a key together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Vec<usize>);

impl Key {
    /// The key; none where a value is missing, or null. Several values stand with a comma between them, and a backslash before a
    /// comma or a backslash of their own, so that no two keys are alike.
    pub(super) fn text<'a>(&self, values: &Values<'a>) -> Option<Cow<'a, str>> {
        if let [slot] = self.0[..] {
            return values[slot].as_ref()?.to_text();
        }
        let mut key = String::new();
        for (number, slot) in self.0.iter().enumerate() {
            if number > 0 {
                key.push(',');
            }
            for c in values[*slot].as_ref()?.to_text()?.chars() {
                if matches!(c, ',' | '\\') {
                    key.push('\\');
                }
                key.push(c);
            }
        }
        Some(key.into())
    }

    /// The value, where it is a single one.
    pub(super) fn scalar<'v, 'a>(&self, values: &'v Values<'a>) -> Option<&'v Scalar<'a>> {
        match self.0[..] {
            [slot] => values[slot].as_ref(),
            _ => None,
        }
    }
}

/// The places of a record that are read, each into a slot of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places {
    in_value: Option<Pointers>,
    in_key: Option<Pointers>,
    beside: Vec<(usize, Beside)>,
}

/// A place that is not a field of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Beside {
    Key,
    Header(String),
    Partition,
    Offset,
    Timestamp,
    Value,
}

impl Places {
    /// The places that are asked for.
    ///
    /// # Errors
    /// What is wrong with one, by its text.
    pub(super) fn of(asked: &[&str]) -> Result<Self, String> {
        if asked.len() > MOST {
            return Err(format!("{} fields of a record are asked for; {MOST} are supported", asked.len()));
        }
        let (mut in_value, mut in_key, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, place) in asked.iter().copied().enumerate() {
            match place.split_once(':') {
                _ if place.starts_with('/') => in_value.push((slot, place)),
                Some(("key", pointer)) => in_key.push((slot, pointer)),
                Some(("header", name)) if !name.is_empty() => beside.push((slot, Beside::Header(name.to_owned()))),
                _ => beside.push((slot, Beside::of(place)?)),
            }
        }
        let pointers = |of: Vec<(usize, &str)>| if of.is_empty() { Ok(None) } else { Pointers::of(&of).map(Some) };
        Ok(Self { in_value: pointers(in_value)?, in_key: pointers(in_key)?, beside })
    }

    /// Reads a record into slots that are empty; none when a place lies in its value, or its key, and that is no JSON object. What
    /// a record does not have is none in its slot.
    #[must_use]
    pub(super) fn read<'a>(&self, record: &Record<'a>, values: &mut Values<'a>) -> Option<()> {
        if let Some(pointers) = &self.in_value {
            pointers.read(record.payload, values)?;
        }
        if let Some(pointers) = &self.in_key {
            pointers.read(record.key.unwrap_or_default(), values)?;
        }
        for (slot, beside) in &self.beside {
            values[*slot] = beside.read(record);
        }
        Some(())
    }
}

impl Beside {
    fn of(place: &str) -> Result<Self, String> {
        Ok(match place {
            "key" => Self::Key,
            "partition" => Self::Partition,
            "offset" => Self::Offset,
            "timestamp" => Self::Timestamp,
            "value" => Self::Value,
            _ => {
                return Err(format!(
                    "'{place}' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, \
                     key:/POINTER, header:NAME, partition, offset, timestamp and value"
                ));
            }
        })
    }

    fn read<'a>(&self, record: &Record<'a>) -> Option<Scalar<'a>> {
        match self {
            Self::Key => record.key.map(text),
            Self::Header(name) => record.headers.get(name).map(text),
            Self::Partition => Some(Scalar::Integer(record.partition.into())),
            Self::Offset => Some(Scalar::Integer(record.offset)),
            Self::Timestamp => Some(Scalar::Integer(record.timestamp)),
            Self::Value => Some(Scalar::Text(hash(record.payload).into())),
        }
    }
}

/// Bytes as text; those that are none, in hexadecimal.
fn text(bytes: &[u8]) -> Scalar<'_> {
    Scalar::Text(std::str::from_utf8(bytes).map_or_else(|_| format!("0x{}", hex(bytes)).into(), Cow::Borrowed))
}

/// As long as no two of ten million are alike by chance.
fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::record::Headers;
    use proptest::prelude::*;

    fn read(asked: &[&str], record: &Record<'_>) -> Option<Vec<Option<String>>> {
        let mut values = Values::default();
        Places::of(asked).unwrap().read(record, &mut values)?;
        let text = |value: &Option<Scalar<'_>>| value.as_ref().and_then(Scalar::as_text).map(Cow::into_owned);
        Some(values[..asked.len()].iter().map(text).collect())
    }

    fn some(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    #[test]
    fn a_value_stands_in_the_value_the_key_or_beside_them() {
        let (key, headers) = (Some(&br#"{"user":7}"#[..]), Headers(b"\x02\x08from\x06web"));
        let payload = br#"{"id":"a"}"#;
        let record = Record { partition: 3, offset: 17, timestamp: 99, key, headers, payload, missing: 0 };
        let asked = ["/id", "key:/user", "header:from", "partition", "offset", "timestamp", "key"];
        let read = read(&asked, &record).unwrap();
        assert_eq!(read, some(&["a", "7", "web", "3", "17", "99", r#"{"user":7}"#]));
    }

    #[test]
    fn what_is_not_there_is_none_and_what_is_no_json_is_not_read() {
        let opaque = Record { key: Some(b"\xff\x01"), payload: b"\x00\x01", ..Record::default() };
        assert_eq!(read(&["/id"], &opaque), None);
        assert_eq!(read(&["key:/id"], &opaque), None);
        assert_eq!(read(&["key", "header:x"], &opaque).unwrap(), [Some("0xff01".to_owned()), None]);
        let hash = read(&["value"], &opaque).unwrap().remove(0).unwrap();
        assert_eq!(hash, "b413f47d13ee2fe6c845b2ee141af81d");
    }

    #[test]
    fn a_place_that_cannot_be_meant_is_told() {
        insta::assert_snapshot!(
            ["id", "header:", "Key"].map(|place| Places::of(&[place]).unwrap_err()).join("\n"),
            @r"
        'id' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        'header:' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        'Key' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        "
        );
        assert!(Places::of(&["key:id"]).is_err());
    }

    proptest! {
        #[test]
        fn no_two_keys_of_several_values_are_alike(one in "[a,\\\\]{0,3}", other in "[a,\\\\]{0,3}", third in "[a,\\\\]{0,3}", fourth in "[a,\\\\]{0,3}") {
            let key = |first: &str, second: &str| {
                let mut values = Values::default();
                values[0] = Some(Scalar::Text(first.to_owned().into()));
                values[1] = Some(Scalar::Text(second.to_owned().into()));
                Key(vec![0, 1]).text(&values).unwrap().into_owned()
            };
            prop_assert_eq!(key(&one, &other) == key(&third, &fourth), (one, other) == (third, fourth));
        }
    }
}
