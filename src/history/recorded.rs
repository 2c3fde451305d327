//! A run's folder, read back: what is whole of it, and what is not.

use std::path::Path;

use serde_json::Value;

use super::chain::{Chain, digest};
use super::store::{EVENTS, PLAN, VERDICT};
use super::{Event, What};
use crate::failure::Failure;

/// What a run's folder holds.
#[derive(Debug)]
pub struct Recorded {
    /// The events, up to the first line that is not as it was written.
    pub events: Vec<Event>,
    /// What is wrong with the folder, if anything is: one sentence.
    pub broken: Option<String>,
    /// The hash of the lines that were read.
    pub chain: String,
    /// `plan.json`, as far as it can be read.
    pub plan: Option<Value>,
    /// `verdict.json`, as far as it can be read.
    pub verdict: Option<Value>,
}

impl Recorded {
    /// Reads a folder.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it is no run's folder.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(EVENTS);
        let bytes = std::fs::read(&path).map_err(|error| {
            let shown = folder.display();
            Failure::Usage(format!(
                "{shown} is not the folder of a run: {EVENTS}: {error}\n  playground scenario NAME creates one and prints its path"
            ))
        })?;
        let mut recorded = Self::of(&String::from_utf8_lossy(&bytes));
        let plan = std::fs::read(folder.join(PLAN)).unwrap_or_default();
        recorded.check_plan(&plan);
        recorded.plan = serde_json::from_slice(&plan).ok();
        recorded.check_verdict(std::fs::read(folder.join(VERDICT)).ok());
        Ok(recorded)
    }

    fn of(text: &str) -> Self {
        let mut chain = Chain::default();
        let (mut events, mut broken) = (Vec::new(), None);
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            match chain.read(line) {
                Ok(event) => events.push(event),
                Err(error) => {
                    broken = Some(format!("{EVENTS}, line {number}: {error:#}"));
                    break;
                }
            }
        }
        Self { events, broken, chain: chain.last().to_owned(), plan: None, verdict: None }
    }

    /// The head says which plan was run.
    fn check_plan(&mut self, plan: &[u8]) {
        let said = self.events.iter().find_map(|event| match &event.what {
            What::Began(head) => Some(head.plan.clone()),
            _ => None,
        });
        if said.is_some_and(|said| !said.is_empty() && said != digest(plan)) {
            self.broken.get_or_insert_with(|| format!("{PLAN} was changed after it was written, or is gone"));
        }
    }

    /// The verdict is sealed together with the events that it was made from.
    fn check_verdict(&mut self, json: Option<Vec<u8>>) {
        let Some(json) = json else { return };
        self.verdict = serde_json::from_slice(&json).ok();
        let is_sealed =
            self.verdict.as_ref().is_some_and(|verdict| verdict["seal"] == seal(&self.chain, verdict).as_str());
        if !is_sealed {
            let what = format!("{VERDICT} was changed after it was written, or was made from other events");
            self.broken.get_or_insert(what);
        }
    }
}

/// The hash of a verdict, but for the seal that it bears itself, and of the events that it was made from.
#[must_use]
pub fn seal(chain: &str, verdict: &Value) -> String {
    let mut verdict = verdict.clone();
    if let Value::Object(fields) = &mut verdict {
        fields.remove("seal");
    }
    digest(format!("{chain}{verdict}").as_bytes())
}
