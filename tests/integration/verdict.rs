//! The laws of the verdict, each in the situation in which it was once broken: on a real stack, by words and exit codes.

use serde_json::Value;

use crate::support::Answer;
use crate::support::stack::Stack;

mod copy;
pub mod excuse;
pub mod fault;
pub mod input;
mod job;
pub mod judge;
mod transaction;

/// `verify` with its JSON.
fn verify(stack: &Stack, more: &[&str]) -> Answer {
    stack.playground(&[&["verify", "-o", "json"], more].concat()).run()
}

/// How many of the ledger are of a class, or another number of it.
#[track_caller]
fn class(answer: &Answer, name: &str) -> u64 {
    answer.json()["ledger"][name].as_u64().unwrap_or_else(|| panic!("no number of {name}: {}", answer.stdout))
}

/// Why it is not a pass, in one text.
fn reasons(answer: &Answer) -> String {
    let json = answer.json();
    let reasons = json["reasons"].as_array().into_iter().flatten();
    reasons.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Fails the test unless one of the reasons has this.
#[track_caller]
fn because(answer: &Answer, part: &str) {
    assert!(reasons(answer).contains(part), "no reason has '{part}': {}", answer.stdout);
}
