//! A Kafka, ZooKeeper and Flink stack on Docker, its operations and failures, and the proof of their outcome.
//!
//! A run is data that flows one way; the modules stand in its order:
//!
//! ```text
//! arguments ─ cli ─▶ Settings ─ scenario ─▶ Plan ─ platform ─▶ Events ─ history ─▶ History ─ verdict ─▶ Verdict ─ report ─▶ terminal, JSON, exit code
//! ```
//!
//! A stage takes the previous stage's value, never its object. Planning ([`scenario`]), judging ([`verdict`]) and the
//! pages of [`report`] are pure. Only [`report`] prints.

pub mod cli;
pub mod command;
pub mod failure;
pub mod flink;
pub mod history;
pub mod image;
pub mod kafka;
pub mod observe;
pub mod operation;
pub mod platform;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod stack;
pub mod verdict;
pub mod wait;
pub mod workload;
