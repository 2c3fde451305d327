//! Values of a JSON record at given places, without building a tree of the rest: millions of records a second pass here.
//!
//! A record has to be one JSON object in UTF-8, whole and well-formed, or it is read as nothing. A flat object without spaces
//! and escapes, as programs write it, is read by hand; any other is left to `serde_json`, which agrees in all that the quick
//! way takes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// How many places a reader looks at, at most.
pub(super) const MOST: usize = 16;

/// A value that is neither an object nor an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number, written as one.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

impl<'a> Scalar<'a> {
    /// As text, for a key or an identity; none of null.
    #[must_use]
    pub(super) fn as_text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(is) => Cow::Borrowed(if *is { "true" } else { "false" }),
            Self::Null => return None,
        })
    }

    /// As a number; none of anything else.
    #[must_use]
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "whole numbers of JSON are exact up to 2^53")]
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(_) | Self::Bool(_) | Self::Null => None,
        }
    }

    /// As a key or an identity, its text as it lies in the record if it can; none of null.
    #[must_use]
    pub(super) fn to_text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            other => other.as_text().map(|text| Cow::Owned(text.into_owned())),
        }
    }
}

/// The values of a record, in the order of the pointers that they were asked by.
pub(super) type Values<'a> = [Option<Scalar<'a>>; MOST];

/// What to read of each record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointers {
    root: Vec<Place>,
    /// Whether all of them are fields of the object itself.
    flat: bool,
}

/// A field of an object: a value that is asked for, or an object that holds some.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    name: String,
    slot: Option<usize>,
    inside: Vec<Place>,
}

impl Pointers {
    /// JSON pointers (RFC 6901), each with the slot that its value goes to.
    ///
    /// # Errors
    /// What is wrong with a pointer, by its text.
    pub(super) fn of(pointers: &[(usize, &str)]) -> Result<Self, String> {
        let mut root = Vec::new();
        for (slot, pointer) in pointers {
            insert(&mut root, &names(pointer)?, *slot, pointer)?;
        }
        let flat = root.iter().all(|place| place.inside.is_empty());
        Ok(Self { root, flat })
    }

    /// Reads a JSON object into its slots, which are empty before; none when it is none. A place that has no value, or an
    /// object or array, gives none.
    #[must_use]
    pub(super) fn read<'a>(&self, json: &'a [u8], values: &mut Values<'a>) -> Option<()> {
        self.quickly(json, values).or_else(|| self.parsed(json, values))
    }

    #[cold]
    fn parsed<'a>(&self, json: &'a [u8], values: &mut Values<'a>) -> Option<()> {
        // The quick way may have come to some of them.
        self.root.iter().for_each(|place| place.clear(values));
        // The parser alone would not look at the bytes of a field that it skips.
        let text = std::str::from_utf8(json).ok()?;
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(Fields { places: &self.root, values }).ok()?;
        json.end().ok()
    }

    /// Reads `{"a":1,"b":"c"}`: no spaces, no escapes, nothing nested, numbers of up to 15 digits.
    fn quickly<'a>(&self, payload: &'a [u8], values: &mut Values<'a>) -> Option<()> {
        if !self.flat {
            return None;
        }
        let mut rest = payload.strip_prefix(b"{")?;
        loop {
            let name;
            (name, rest) = plain_text(rest)?;
            let value;
            (value, rest) = plain_value(rest.strip_prefix(b":")?)?;
            if let Some(slot) =
                self.root.iter().find(|place| place.name.as_bytes() == name).and_then(|place| place.slot)
            {
                // A field that is there twice is an error, which the parser tells from one that is not asked for.
                if values[slot].replace(value).is_some() {
                    return None;
                }
            }
            match rest {
                [b',', more @ ..] => rest = more,
                [b'}'] => return Some(()),
                _ => return None,
            }
        }
    }
}

fn plain_text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'))?;
    (rest[end] == b'"').then(|| (&rest[..end], &rest[end + 1..]))
}

fn plain_value(rest: &[u8]) -> Option<(Scalar<'_>, &[u8])> {
    if rest.first() == Some(&b'"') {
        let (text, rest) = plain_text(rest)?;
        return Some((Scalar::Text(Cow::Borrowed(std::str::from_utf8(text).ok()?)), rest));
    }
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    // 15 digits are in range in any case; a leading zero is no JSON number.
    if digits == 0 || digits > 15 || (rest[0] == b'0' && digits > 1) || !matches!(rest[digits], b',' | b'}') {
        return None;
    }
    let number = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Some((Scalar::Integer(number), &rest[digits..]))
}

impl Place {
    fn clear(&self, values: &mut Values<'_>) {
        self.slot.into_iter().for_each(|slot| values[slot] = None);
        self.inside.iter().for_each(|place| place.clear(values));
    }
}

/// The names that a pointer goes through.
fn names(pointer: &str) -> Result<Vec<String>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(format!("'{pointer}' is not a JSON pointer: it begins with '/', as in '/user/id'"));
    };
    Ok(rest.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect())
}

fn insert(places: &mut Vec<Place>, names: &[String], slot: usize, pointer: &str) -> Result<(), String> {
    let Some((name, inside)) = names.split_first() else { return Ok(()) };
    let index = places.iter().position(|place| place.name == *name).unwrap_or_else(|| {
        places.push(Place { name: name.clone(), slot: None, inside: Vec::new() });
        places.len() - 1
    });
    let place = &mut places[index];
    if inside.is_empty() {
        if place.slot.is_some() || !place.inside.is_empty() {
            return Err(format!("'{pointer}' is used twice, or holds another field that is used"));
        }
        place.slot = Some(slot);
        return Ok(());
    }
    if place.slot.is_some() {
        return Err(format!("'{pointer}' lies inside another field that is used"));
    }
    insert(&mut place.inside, inside, slot, pointer)
}

/// Reads an object's fields into the slots of those that are asked for.
struct Fields<'p, 'v, 'a> {
    places: &'p [Place],
    values: &'v mut Values<'a>,
}

impl<'a> Visitor<'a> for Fields<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u32;
        while let Some(index) = map.next_key_seed(Name { places: self.places })? {
            let Some(index) = index else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen & (1 << index) != 0 {
                return Err(serde::de::Error::custom("a field is there twice"));
            }
            seen |= 1 << index;
            map.next_value_seed(Value { place: &self.places[index], values: self.values })?;
        }
        Ok(())
    }
}

/// The index of a field's name among the places; none of a field that nobody asks for.
struct Name<'p> {
    places: &'p [Place],
}

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.places.iter().position(|place| place.name == name))
    }
}

/// A field's value, into its slot or into those of the fields inside it.
struct Value<'p, 'v, 'a> {
    place: &'p Place,
    values: &'v mut Values<'a>,
}

impl<'a> DeserializeSeed<'a> for Value<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Value<'_, '_, 'a> {
    #[allow(clippy::unnecessary_wraps, reason = "what a visitor returns")]
    fn put<E>(self, value: Scalar<'a>) -> Result<(), E> {
        if let Some(slot) = self.place.slot {
            self.values[slot] = Some(value);
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Value<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.put(Scalar::Integer(number))
    }

    #[allow(clippy::cast_precision_loss, reason = "a number beyond i64 is no offset, time or count")]
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.put(i64::try_from(number).map_or(Scalar::Number(number as f64), Scalar::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.put(Scalar::Number(number))
    }

    fn visit_bool<E>(self, is: bool) -> Result<(), E> {
        self.put(Scalar::Bool(is))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Scalar::Null)
    }

    fn visit_seq<A: serde::de::SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<(), A::Error> {
        Fields { places: &self.place.inside, values: self.values }.visit_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pointers(pointers: &[&str]) -> Result<Pointers, String> {
        Pointers::of(&pointers.iter().copied().enumerate().collect::<Vec<_>>())
    }

    fn read<'a>(asked: &[&str], payload: &'a str) -> Option<Vec<Option<Scalar<'a>>>> {
        let mut values = Values::default();
        pointers(asked).unwrap().read(payload.as_bytes(), &mut values)?;
        Some(values.into_iter().take(asked.len()).collect())
    }

    #[test]
    fn values_are_found_by_their_pointers() {
        let json = r#" {"a": {"b": 7, "c/d": "x\ny"}, "e": -1.5, "f": [1, {"b": 2}], "g": null, "h": true} "#;
        let found = read(&["/a/b", "/a/c~1d", "/e", "/f", "/g", "/h", "/i"], json).unwrap();
        assert_eq!(
            found,
            [
                Some(Scalar::Integer(7)),
                Some(Scalar::Text("x\ny".into())),
                Some(Scalar::Number(-1.5)),
                None,
                Some(Scalar::Null),
                Some(Scalar::Bool(true)),
                None
            ]
        );
    }

    #[test]
    fn what_is_no_whole_object_is_nothing() {
        for json in ["", "[]", "7", "{", r#"{"a":1}x"#, r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":1}}"#, r#"{"a":01}"#] {
            assert_eq!(read(&["/a"], json).filter(|_| json != r#"{"a":{"b":1,"b":1}}"#), None, "{json}");
        }
        assert_eq!(read(&["/a/b"], r#"{"a":{"b":1,"b":1}}"#), None);
        let values = &mut Values::default();
        assert!(pointers(&["/a"]).unwrap().read(b"{\"a\":1,\"x\":\"\xff\"}", values).is_none());
    }

    #[test]
    fn a_pointer_that_cannot_be_read_is_told() {
        let why = |asked: &[&str]| pointers(asked).unwrap_err();
        assert_eq!(why(&["id"]), "'id' is not a JSON pointer: it begins with '/', as in '/user/id'");
        assert_eq!(why(&["/a", "/a/b"]), "'/a/b' lies inside another field that is used");
        assert_eq!(why(&["/a/b", "/a"]), "'/a' is used twice, or holds another field that is used");
    }

    proptest! {
        #[test]
        fn the_quick_way_reads_what_the_parser_reads(
            payload in r#"\{("[ab]":(-?[0-9]{1,17}(\.5)?|"[a-z\\"é]{0,3}"|true|null)(,|\})){0,4}"#,
        ) {
            let pointers = pointers(&["/a", "/b"]).unwrap();
            let (mut quick, mut parsed) = <(Values<'_>, Values<'_>)>::default();
            if pointers.quickly(payload.as_bytes(), &mut quick).is_some() {
                prop_assert_eq!(pointers.parsed(payload.as_bytes(), &mut parsed), Some(()), "{}", payload);
                prop_assert_eq!(&quick, &parsed);
            }
            // What the quick way came to before it gave up is no value of the record.
            let read = pointers.read(payload.as_bytes(), &mut quick);
            prop_assert!(read.is_none() || (pointers.parsed(payload.as_bytes(), &mut parsed).is_some() && quick == parsed));
        }

        #[test]
        fn no_bytes_make_it_panic(payload: Vec<u8>) {
            let _ = pointers(&["/a", "/b/c"]).unwrap().read(&payload, &mut Values::default());
        }
    }
}
