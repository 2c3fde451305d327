//! What has to be kept of records on their way: what they hold, and their order.
//!
//! Memory: 17 bytes more for each identity whose content is kept, in a table that is filled by half at least, and some 40 for
//! each key whose order is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde::{Deserialize, Serialize};

use crate::oracle::place::{Places, Scalar, Values, slot};

/// A field that is the same in the input and in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a place that is the same in both topics, as in \"/amount\", or one each, as in { input = \"/amount\", output = \"/value\" }"
)]
pub enum Unchanged {
    /// At the same place in both topics.
    Same(String),
    /// At another place in each.
    Moved {
        /// Where a record of the input has it.
        input: String,
        /// Where a record of the output has it.
        output: String,
    },
}

impl Unchanged {
    fn places(&self) -> (&str, &str) {
        match self {
            Self::Same(place) => (place, place),
            Self::Moved { input, output } => (input, output),
        }
    }

    /// Whether there can be such places.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn check(&self) -> Result<(), String> {
        let (input, output) = self.places();
        Places::of(&[input]).and(Places::of(&[output])).map(drop)
    }
}

/// The slots of the values that have to stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Content(Vec<(String, usize)>);

impl Content {
    /// Those of both topics; the places are added to the ones that are asked for, unless they are there.
    pub(super) fn of<'a>(fields: &'a [Unchanged], sent: &mut Vec<&'a str>, emitted: &mut Vec<&'a str>) -> (Self, Self) {
        let both = fields.iter().map(|field| {
            let (input, output) = field.places();
            ((output.to_owned(), slot(sent, input)), (output.to_owned(), slot(emitted, output)))
        });
        let (input, output) = both.unzip();
        (Self(input), Self(output))
    }

    /// Whether a record has all of them: objects and arrays are no values.
    pub(super) fn is_whole(&self, values: &[Option<Scalar<'_>>]) -> bool {
        self.0.iter().all(|(_, slot)| values[*slot].is_some())
    }

    /// The values as one text, by the names that they have in the output; none where nothing has to stay as it is.
    pub(super) fn text(&self, values: &Values<'_>) -> Option<Cow<'static, str>> {
        let text = |(name, slot): &(String, usize)| match &values[*slot] {
            None | Some(Scalar::Null) => format!("{name} missing"),
            Some(Scalar::Text(text)) => format!("{name} {text:?}"),
            Some(value) => format!("{name} {}", value.as_text().unwrap_or_default()),
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(text).collect::<Vec<_>>().join(", ").into())
    }
}

/// What records held when they were sent, by their identities.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents(HashMap<u64, u64>);

impl Contents {
    pub(super) fn sent(&mut self, identity: u64, content: &str) {
        self.0.insert(identity, hash(content));
    }

    /// Whether a record held something else when it was sent.
    pub(super) fn differs(&self, identity: u64, content: &str) -> bool {
        self.0.get(&identity).is_some_and(|sent| *sent != hash(content))
    }
}

/// How far each key has come: what comes of it next lies behind that in the input.
#[derive(Debug, Clone, Default)]
pub(super) struct Order(HashMap<(u64, i32, i32), i64>);

impl Order {
    /// A record of a key appears for the first time, in this partition of the output; where it lies in the input is known. Returns
    /// the offset of the one that appeared before it, though it lies behind it.
    pub(super) fn appears(&mut self, key: &str, partition: i32, (sent_in, offset): (i32, i64)) -> Option<i64> {
        let newest = self.0.entry((hash(key), partition, sent_in)).or_insert(offset);
        if offset < *newest {
            return Some(*newest);
        }
        *newest = offset;
        None
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_comes_after_one_that_lies_behind_it_is_out_of_order() {
        let mut order = Order::default();
        let come = [
            ("a", 0, (1, 5)),
            ("a", 0, (1, 7)),
            ("b", 0, (1, 6)),
            ("a", 1, (1, 6)),
            ("a", 0, (2, 1)),
            ("a", 0, (1, 6)),
        ];
        let found: Vec<_> = come.map(|(key, partition, sent)| order.appears(key, partition, sent)).into();
        assert_eq!(found, [None, None, None, None, None, Some(7)], "each key and each partition for itself");
    }

    #[test]
    fn what_is_missing_is_no_text_of_that_name() {
        let fields = [Unchanged::Same("/a".into()), Unchanged::Moved { input: "/b".into(), output: "/c".into() }];
        let (mut sent, mut emitted) = (vec!["/id"], vec!["/id"]);
        let (input, _) = Content::of(&fields, &mut sent, &mut emitted);
        assert_eq!((sent, emitted), (vec!["/id", "/a", "/b"], vec!["/id", "/a", "/c"]));
        let mut values = Values::default();
        values[1] = Some(Scalar::Text("missing".into()));
        assert_eq!(input.text(&values).unwrap(), r#"/a "missing", /c missing"#);
        values[2] = Some(Scalar::Integer(7));
        assert_eq!(input.text(&values).unwrap(), r#"/a "missing", /c 7"#);
        assert_eq!(Content::default().text(&values), None);
    }
}
