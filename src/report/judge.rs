//! The page of `judge`: a run's verdict, and whether its folder is unchanged.

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
    /// Judges what the folder holds. A folder that was changed proves nothing.
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
            None => "complete, unchanged since they were recorded",
            Some(_) => "not as they were recorded",
        };
        let before = match (self.as_before, self.broken.is_some()) {
            (Some(true), false) => format!("the same verdict as on {}, when it ran", self.day),
            (_, true) => "unknown: the folder was changed".to_owned(),
            (Some(false), false) => {
                "a different verdict in verdict.json: recorded by another version of playground".to_owned()
            }
            (None, false) => "none: the folder has no verdict.json".to_owned(),
        };
        format!("events    {events}, {state}\n{}\nbefore    {before}", self.page.human(paint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::clock::Clock;
    use crate::history::store::Store;
    use crate::history::traffic::{Emitted, Figures, Sent, Window};
    use crate::history::{Event, Head, Holds, Scope, What};
    use crate::settings::JobVariant;
    use crate::verdict;

    /// A run of one step, in which two windows were counted right.
    fn run(runs: &Path) -> Store {
        let mut store = Store::create(runs, "failover", Timestamp::UNIX_EPOCH).unwrap();
        let plan = store.plan(&serde_json::json!({"again": "playground scenario failover"})).unwrap();
        let (purpose, project) = Default::default();
        let (holds, scope, job) = (Holds::Exact, Scope::Plan, JobVariant::default());
        let scenario = "failover".to_owned();
        let head = Head {
            scenario,
            purpose,
            project,
            speed: 1.0,
            workload: Box::new(crate::workload::catalog::usual().unwrap()),
            job,
            holds,
            scope,
            steps: 1,
            began: 0,
            plan,
        };
        let window = |number: i64| {
            let (key, window) = ("a".to_owned(), Window { start: 15 * number, end: 15 * number + 15 });
            let offsets = (10 * number, 10 * number + 9);
            let sent = Sent {
                key: key.clone(),
                window,
                count: 10,
                figures: Figures::NONE,
                partition: 0,
                offsets,
                late: 0,
                under_way: false,
            };
            let emitted = Emitted { key, window, count: 10, figures: Figures::NONE, partition: 0, offset: number };
            [What::Sent(sent), What::Emitted(emitted)]
        };
        let mut events = vec![What::Began(head), What::Step { step: 0, title: "judged".into() }];
        events.extend((0..2).flat_map(window));
        events.push(What::Done { step: 0, seen: String::new() });
        events.push(What::Ended { events: events.len() as u64 });
        events.into_iter().for_each(|what| store.add(&Event { at: 7, what }).unwrap());
        let fold = Fold::of(&Recorded::open(store.folder()).unwrap().events);
        let page = RunPage::new("failover", "playground scenario failover", verdict::judge(&fold), store.folder());
        store.verdict(&page).unwrap();
        store
    }

    fn judged(folder: &Path) -> JudgePage {
        let recorded = Recorded::open(folder).unwrap();
        let fold = Fold::of(&recorded.events);
        JudgePage::new(&recorded, &fold, verdict::judge(&fold), Path::new("runs/x"))
    }

    #[test]
    fn a_run_is_judged_again_as_it_was() {
        let runs = tempfile::tempdir().unwrap();
        let page = judged(run(runs.path()).folder());
        assert_eq!((page.as_before, page.status()), (Some(true), Status::Pass));
        insta::assert_snapshot!(page.human(Paint::Plain), @"
        events    8 events, complete, unchanged since they were recorded
        ledger    2 of 2 windows complete, 00:00:00 to 00:00:00 UTC
        verdict   PASS  no click lost, none counted twice
        run       runs/x
        before    the same verdict as on 1970-01-01, when it ran
        ");
    }

    #[test]
    fn whatever_was_changed_in_the_folder_is_named_and_leaves_it_unknown() {
        for (file, from, to, named) in [
            ("events.jsonl", "\"count\":10,\"partition\"", "\"count\":11,\"partition\"", "events.jsonl, line 3"),
            ("plan.json", "failover", "upgrade", "plan.json was changed"),
            ("verdict.json", "\"pass\"", "\"fail\"", "verdict.json was changed"),
        ] {
            let runs = tempfile::tempdir().unwrap();
            let store = run(runs.path());
            let path = store.folder().join(file);
            let text = std::fs::read_to_string(&path).unwrap();
            assert_ne!(text, text.replacen(from, to, 1), "{file}");
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let page = judged(store.folder());
            assert_eq!(page.status(), Status::Unknown, "{file}");
            assert!(page.human(Paint::Plain).contains(named), "{}", page.human(Paint::Plain));
        }
    }

    #[test]
    fn a_run_that_was_cut_off_is_at_best_unknown() {
        let runs = tempfile::tempdir().unwrap();
        let store = run(runs.path());
        let path = store.folder().join("events.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        // The verdict went with the rest.
        std::fs::remove_file(store.folder().join("verdict.json")).unwrap();
        assert_eq!(judged(store.folder()).status(), Status::Pass);
        for (end, _) in text.match_indices('\n').rev().skip(1) {
            std::fs::write(&path, &text[..=end]).unwrap();
            assert_eq!(judged(store.folder()).status(), Status::Unknown, "{end}");
        }
    }

    #[test]
    fn a_clock_counts_from_the_begin() {
        let event = Clock::start().event(What::Settling);
        assert!((0..1000).contains(&event.at));
    }
}
