//! A Kafka, ZooKeeper and Flink stack on Docker, its operations and failures, and the proof of their outcome.
//!
//! A run is data that flows one way; the modules stand in its order:
//!
//! ```text
//! arguments ─ cli ─▶ Settings ─ scenario ─▶ Plan ─ platform, operation ─▶ Events ─ history ─▶ fold ─▶ Fold ─ verdict ─▶ Verdict ─ report ─▶ terminal, JSON, exit code
//! ```
//!
//! `scenario`, `verify` and `judge` differ in where the events come from, and in nothing after that.
//!
//! A stage takes the previous stage's value, never its object. Planning ([`scenario`]), adding up ([`fold`], [`ledger`]), judging ([`verdict`]) and the
//! pages of [`report`] are pure. Only [`report`] prints.

pub mod checker;
pub mod cli;
pub mod command;
pub mod environment;
pub mod failure;
pub mod flink;
pub mod fold;
pub mod history;
pub mod image;
pub mod kafka;
pub mod ledger;
pub mod meant;
pub mod observe;
pub mod operation;
pub mod oracle;
pub mod platform;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod stack;
pub mod verdict;
pub mod wait;
pub mod work;
pub mod workload;
