//! `each-once`: each record of the input appears in the output under its identity, once, or again where the delivery
//! guarantee allows that.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::condition::{Check, Condition};
use super::forbidden::{Forbidden, Kinds};
use super::json::{Places, Scalar};
use super::{ByRecord, Emitted, Entry, Reader, Rule, Sent};
use crate::workload::excerpt::excerpt;

mod identities;

/// Each record of the input appears in the output under its identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EachOnce {
    /// Where a record of the input has its identity: a JSON pointer into its value, as in `/order/id`.
    pub input: String,
    /// Where a record of the output has it.
    pub output: String,
    /// What a record of the input must be to appear; one that is not must never appear.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Condition>,
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
        self.never.check().map_err(|error| format!("never: {error}"))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        let mut sent = vec![self.input.as_str()];
        let checks = Check::all(&self.only, &mut sent);
        let wanted = sent.join(", ");
        let mut emitted = vec![self.output.as_str()];
        let never = self.never.kinds(&mut emitted);
        let (input, output) = (Places::of(&sent)?, Places::of(&emitted)?);
        Ok(Box::new(Identified { input, output, wanted, checks, never }))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        Some(Box::<identities::Identities>::default())
    }

    fn says(&self) -> String {
        let each = format!("each {} of the input as {} in the output", self.input, self.output);
        if self.never.is_empty() { each } else { format!("{each}, and never one with {}", self.never) }
    }

    fn unexpected(&self) -> Option<&'static str> {
        Some("that must not be there").filter(|_| !self.never.is_empty())
    }
}

/// Reads records by their identities.
#[derive(Debug)]
struct Identified {
    input: Places,
    output: Places,
    /// The places of the input, as they were asked for.
    wanted: String,
    checks: Vec<Check>,
    never: Kinds,
}

impl Reader for Identified {
    fn wanted(&self) -> String {
        format!("it needs an identity, and what is asked of it, at {}", self.wanted)
    }

    fn sent<'a>(&self, payload: &'a [u8]) -> Option<Sent<'a>> {
        let mut values = self.input.read(payload)?;
        let mut appears = true;
        for check in &self.checks {
            appears &= check.holds(&values)?;
        }
        let key = values[0].take()?.into_text()?;
        Some(if appears { Sent::Record(Entry { key, numbers: Vec::new() }) } else { Sent::Nothing })
    }

    fn emitted(&self, payload: &[u8]) -> Result<Emitted, String> {
        let mut values = self.output.read(payload).unwrap_or_default();
        let wrong = self.never.wrong(&values, payload);
        let identity = values[0].take().and_then(Scalar::into_text).map(Cow::into_owned);
        match (wrong, identity) {
            (Some(what), key) => Ok(Emitted::Forbidden { key, what }),
            (None, Some(key)) => Ok(Emitted::Record(Entry { key: key.into(), numbers: Vec::new() })),
            (None, None) => Err(format!("{} has no identity", excerpt(payload))),
        }
    }
}

#[cfg(test)]
mod tests {
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
        Entry { key: key.to_owned().into(), numbers: Vec::new() }
    }

    #[test]
    fn what_must_appear_and_what_must_not_is_told_apart() {
        let reader = orders("{ field = \"/amount\", above = 0 }, { field = \"/state\", is-not = \"void\" }");
        let sent = |json: &'static str| reader.sent(json.as_bytes());
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"open"}"#), Some(Sent::Record(record("17"))));
        assert_eq!(sent(r#"{"id":17,"amount":0,"state":"open"}"#), Some(Sent::Nothing));
        assert_eq!(sent(r#"{"id":17,"amount":1,"state":"void"}"#), Some(Sent::Nothing));
        assert_eq!(sent(r#"{"id":17,"state":"open"}"#), None, "what is asked of it is not there");
        assert_eq!(sent(r#"{"id":null,"amount":1,"state":"open"}"#), None);
        assert_eq!(reader.emitted(br#"{"order":{"id":"a-7"}}"#), Ok(Emitted::Record(record("a-7"))));
        assert!(reader.emitted(b"{}").unwrap_err().ends_with("has no identity"));
    }

    #[test]
    fn what_must_never_be_emitted_keeps_its_identity() {
        let reader = orders("");
        let Ok(Emitted::Forbidden { key, what }) = reader.emitted(br#"{"order":{"id":7,"amount":0}}"#) else {
            panic!()
        };
        assert_eq!(key.as_deref(), Some("7"));
        assert!(what.ends_with("must never be emitted: /order/amount below 1"), "{what}");
        assert!(matches!(reader.emitted(br#"{"order":{"id":7,"amount":1}}"#), Ok(Emitted::Record(_))));
    }
}
