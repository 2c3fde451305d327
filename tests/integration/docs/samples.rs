//! A document of each kind, from the values that commands print; those that need no stack from the binary itself.
//!
//! Each optional field is there in one of them and missing in another.

use serde::Serialize;
use serde_json::Value;

use crate::support::playground;

mod flink;
mod operations;
mod scenarios;
mod stack;
mod verdicts;

/// The name of a schema, and a document of it.
pub type Sample = (&'static str, Value);

/// All of them.
pub fn samples() -> Vec<Sample> {
    use stack::{records, stack};
    [stack(), records(), flink::flink(), operations::operations(), verdicts::verdicts(), scenarios::scenarios()]
        .concat()
}

fn json(document: impl Serialize) -> Value {
    serde_json::to_value(document).expect("JSON")
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

fn of_binary(args: &[&str]) -> Value {
    playground([args, &["-o", "json"]].concat()).run().expect(0).json()
}

fn text(text: &str) -> String {
    text.to_owned()
}
