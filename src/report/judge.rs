//! The page of `judge`: a run's verdict, and whether its folder is as it was left.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::number::counted;
use super::scenario::RunPage;
use super::{Paint, Render};
use crate::failure::Status;
use crate::fold::Fold;
use crate::history::recorded::Recorded;
use crate::ledger::Outcome;
use crate::verdict::Verdict;

/// A run, judged again.
#[derive(Debug, Serialize)]
pub struct JudgePage {
    /// What the run proved.
    #[serde(flatten)]
    page: RunPage,
    /// How many events were read.
    events: usize,
    /// What is wrong with the folder; null when it is as it was left.
    broken: Option<String>,
    /// Whether the verdict in the folder is the same; null when there is none.
    as_before: Option<bool>,
    /// The day of the run, in UTC.
    day: String,
}

/// Fields that say where a folder lies, not what it proves.
const ELSEWHERE: [&str; 2] = ["run", "seal"];

impl JudgePage {
    /// Of what the folder holds. A folder that was changed proves nothing.
    #[must_use]
    pub fn new(recorded: &Recorded, fold: &Fold, verdict: Verdict, run: &Path) -> Self {
        let scenario = fold.head.as_ref().map_or("", |head| head.scenario.as_str());
        let again = recorded.plan.as_ref().and_then(|plan| plan["again"].as_str()).unwrap_or_default();
        let mut page = RunPage::new(scenario, again, verdict, run);
        let as_before = recorded
            .verdict
            .as_ref()
            .map(|kept| Some(without(kept)) == serde_json::to_value(&page).ok().map(|page| without(&page)));
        let broken = recorded.broken.clone();
        if let Some(broken) = &broken {
            page.verdict = Outcome::Unknown;
            page.reasons.insert(0, broken.clone());
        }
        let began = fold.head.as_ref().map_or(0, |head| head.began);
        let day =
            Timestamp::from_millisecond(began).unwrap_or_default().to_zoned(TimeZone::UTC).strftime("%F").to_string();
        Self { page, events: recorded.events.len(), broken, as_before, day }
    }

    /// The exit code.
    #[must_use]
    pub fn status(&self) -> Status {
        self.page.status()
    }
}

fn without(page: &Value) -> Value {
    let mut page = page.clone();
    if let Value::Object(fields) = &mut page {
        for field in ELSEWHERE {
            fields.remove(field);
        }
    }
    page
}

impl Render for JudgePage {
    fn human(&self, paint: Paint) -> String {
        let events = counted(self.events as u64, "event");
        let state = match &self.broken {
            None => "whole, unchanged since they were written",
            Some(_) => "not as they were written",
        };
        let before = match (self.as_before, self.broken.is_some()) {
            (Some(true), false) => format!("the same as on {}, when it ran", self.day),
            (_, true) => "of a folder that was changed".to_owned(),
            (Some(false), false) => "another verdict, in verdict.json: by another version of this program".to_owned(),
            (None, false) => "the first: the folder has no verdict.json".to_owned(),
        };
        format!("events    {events}, {state}\n{}\nbefore    {before}", self.page.human(paint))
    }
}
