//! The page of `emit`.

use serde::Serialize;

use super::number::counted;
use super::{Paint, Render};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Emitted {
    /// The topic.
    pub topic: String,
    /// The partition of it.
    pub partition: i32,
    /// How many records; the broker has acknowledged all of them.
    pub records: u64,
}

impl Render for Emitted {
    fn human(&self, _: Paint) -> String {
        format!("{} to {}-{}", counted(self.records, "record"), self.topic, self.partition)
    }
}
