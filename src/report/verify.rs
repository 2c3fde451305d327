//! The page of `verify`, and the lines that it shows on the way.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::number::{counted, grouped};
use super::{Paint, Render, Terminal, ledger};
use crate::fold::Fold;
use crate::history::seen::Place;
use crate::ledger::{Counts, Judgement, Outcome, Span};
use crate::observe::Reading;
use crate::settings::{Delivery, project_option};
use crate::verdict::{JudgedJob, Verdict};
use crate::workload::model::Workload;

/// What `verify` found.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The project whose stack was judged.
    pub project: String,
    /// Pass, fail or unknown.
    pub verdict: Outcome,
    /// Why it is not a pass.
    pub reasons: Vec<String>,
    /// The job that it is about; null where only topics were given, or none was seen.
    pub job: Option<JudgedJob>,
    /// From which event time to which it is about, in ms since the epoch; null when nothing was decided.
    pub span: Option<Span>,
    /// Whether it covers only what has been emitted so far, and says nothing about a running job.
    pub past: bool,
    /// A count for each class of key and window, and examples of what is wrong.
    pub ledger: Judgement,
    /// The topic that the job reads.
    pub input: TopicRead,
    /// Records of it that are none of the workload; the job skips them.
    pub foreign: Foreign,
    /// The topic that the job writes.
    pub output: TopicRead,
    /// How long it took.
    pub seconds: f64,
}

/// A topic, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TopicRead {
    /// The topic's name.
    pub topic: String,
    /// Records that it holds, of whatever kind.
    pub records: u64,
    /// Whether its oldest records are gone.
    pub cut: bool,
}

/// Records that are none of the workload.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// How many there are.
    pub records: u64,
    /// The first one, as in `input-3 @ 77: 'hello'`.
    pub first: Option<String>,
}

impl TopicRead {
    fn of(topic: &str, places: &[Place]) -> Self {
        let records = places.iter().map(|place| u64::try_from(place.end - place.start).unwrap_or(0)).sum();
        Self { topic: topic.to_owned(), records, cut: places.iter().any(|place| place.start > 0) }
    }
}

impl Render for Verification {
    fn human(&self, paint: Paint) -> String {
        let mut lines = vec![self.job_line(), ledger::line(&self.ledger), self.verdict_line(paint)];
        lines.extend(ledger::counterexamples(&self.ledger));
        lines.extend(self.notes().into_iter().map(|note| format!("note      {note}")));
        lines.extend(self.why().into_iter().map(|why| format!("why       {why}")));
        let option = project_option(&self.project);
        let next: Vec<String> = self.next().iter().map(|command| format!("playground{option} {command}")).collect();
        lines.push(format!("next      {}", next.join(" · ")));
        lines.join("\n")
    }
}

impl Verification {
    /// The result for a verdict, and what it is based on.
    #[must_use]
    pub fn new(project: &str, workload: &Workload, verdict: Verdict, fold: &Fold, took: Duration) -> Self {
        let read = fold.read.clone().unwrap_or_default();
        let (records, first) = fold.foreign.clone().unzip();
        Self {
            project: project.to_owned(),
            verdict: verdict.outcome,
            reasons: verdict.reasons,
            job: verdict.job,
            span: verdict.ledger.span,
            past: verdict.past,
            ledger: verdict.ledger,
            input: TopicRead::of(&workload.input.topic, &read.input),
            foreign: Foreign { records: records.unwrap_or_default(), first },
            output: TopicRead::of(workload.output.place(), &read.output),
            seconds: took.as_secs_f64(),
        }
    }

    /// Which job was judged, and its delivery guarantee.
    fn job_line(&self) -> String {
        let delivery = self.ledger.delivery.name();
        match &self.job {
            Some(job) => {
                let held = match job.delivery {
                    Some(own) if own != self.ledger.delivery => format!("{}, judged as {delivery}", own.name()),
                    Some(own) => own.name().to_owned(),
                    None => format!("delivery guarantee unknown, judged as {delivery}"),
                };
                // Of one that is over, it is not known since when.
                let is_over = matches!(job.state.as_str(), "FINISHED" | "CANCELED" | "FAILED");
                let word = if is_over { ", submitted" } else { " since" };
                let since = Timestamp::from_millisecond(job.since)
                    .map_or_else(|_| String::new(), |at| format!("{word} {at:.0}"));
                format!("job       {}, {}{since}, {held}", job.name, job.state)
            }
            None => format!("job       unknown, only the topics were read; judged as {delivery}"),
        }
    }

    fn verdict_line(&self, paint: Paint) -> String {
        let line = ledger::verdict(self.verdict, &self.ledger, paint);
        match (self.past, self.verdict) {
            (true, Outcome::Pass) => format!("{line}, in what has been emitted so far (--past)"),
            _ => line,
        }
    }

    /// Notes for somebody who reads only the verdict.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(first) = &self.foreign.first {
            let records = counted(self.foreign.records, "record");
            notes.push(format!(
                "{records} in {} do not belong to the workload and were not counted: {first}",
                self.input.topic
            ));
        }
        if self.input.cut && self.ledger.span.is_some() {
            notes.push(format!(
                "the oldest records of {} are gone; judged from the first complete window on",
                self.input.topic
            ));
        }
        let times = self.ledger.duplicates_unexplained;
        if self.job.is_none() && times > 0 && self.ledger.delivery == Delivery::AtLeastOnce {
            notes.push("emitted again: unexplained, since no job could be asked about its restarts".to_owned());
        }
        let open = self.ledger.counts.undecided.saturating_sub(self.ledger.before_output);
        if self.past && open > 0 {
            notes.push(format!(
                "{} not emitted; a savepoint or an open transaction may hold them",
                counted(open, &self.ledger.words.unit)
            ));
        }
        notes
    }

    fn why(&self) -> Vec<String> {
        match self.verdict {
            Outcome::Unknown if self.reasons.is_empty() => vec![self.silence()],
            Outcome::Fail => {
                self.reasons.iter().cloned().chain(suspicions(&self.ledger.counts, self.ledger.delivery)).collect()
            }
            _ => self.reasons.clone(),
        }
    }

    fn silence(&self) -> String {
        match (self.input.records, self.output.records) {
            (0, _) => format!("topic {} is empty: the generator has not sent anything", self.input.topic),
            (_, 0) => format!("topic {} is empty: the job has emitted nothing yet", self.output.topic),
            _ => "no window has closed yet: a window is judged once a later one of the same key is emitted".to_owned(),
        }
    }

    /// Whether there is no running job to count new records.
    fn has_no_job(&self) -> bool {
        !self.past
            && self
                .job
                .as_ref()
                .is_none_or(|job| matches!(job.state.as_str(), "FINISHED" | "CANCELED" | "FAILED" | "NONE"))
    }

    /// Commands that follow.
    fn next(&self) -> &'static [&'static str] {
        match self.verdict {
            Outcome::Unknown if self.has_no_job() => &["verify --past", "submit --from-savepoint latest"],
            Outcome::Pass => &["verify --follow", "scenario failover"],
            Outcome::Fail => &["job", "logs taskmanager", "tail output -n 20"],
            Outcome::Unknown if self.ledger.words.unit != "window" => &["job", "verify"],
            Outcome::Unknown => &["job", "verify --windows 6"],
        }
    }
}

/// The usual cause of each kind of wrong window.
fn suspicions(counts: &Counts, delivery: Delivery) -> Vec<String> {
    let twice = if delivery == Delivery::ExactlyOnce { counts.duplicate } else { 0 };
    [
        (counts.short, "short: the job restarted without its state (no checkpoint), or dropped records as late"),
        (counts.over, "over: the job read records again on top of the counts it already had"),
        (
            counts.conflicting,
            "conflicting: the window was emitted again with a different count, as after a restart without a checkpoint",
        ),
        (
            counts.missing,
            "missing: a later window or a checkpoint shows that the job is past this one, but it never emitted it",
        ),
        (twice, "emitted twice: the output is not transactional; was the job started with --delivery exactly-once?"),
        (
            counts.unexpected,
            "unexpected: a record of another run or another program; playground down --volumes clears the topics",
        ),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(_, why)| why.to_owned())
    .collect()
}

/// Shows on a terminal how far reading has come, and windows as they are judged.
pub struct Ticker {
    bar: Option<indicatif::ProgressBar>,
    shown: Option<Instant>,
}

impl Ticker {
    /// Nothing is shown before it takes a while.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        let style = || indicatif::ProgressStyle::with_template("{msg}");
        let bar = terminal.live.then(indicatif::ProgressBar::new_spinner);
        let bar = bar.map(|bar| style().map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)));
        Self { bar, shown: None }
    }

    /// How far a topic was read.
    pub fn reading(&mut self, reading: &Reading) {
        if self.shown.is_none_or(|at| at.elapsed() > Duration::from_millis(100)) {
            let Reading { topic, read, total } = reading;
            self.show(&format!("reading {topic}: {} of {} records", grouped(*read), grouped(*total)));
        }
    }

    /// What is judged so far, while more is to come; asked for only where it is shown.
    pub fn judged(&mut self, judge: impl FnOnce() -> Judgement) {
        if self.bar.is_some() && self.shown.is_none_or(|at| at.elapsed() > Duration::from_millis(500)) {
            self.show(&ledger::line(&judge()));
        }
    }

    fn show(&mut self, line: &str) {
        self.shown = Some(Instant::now());
        if let Some(bar) = &self.bar {
            bar.set_message(super::plain::text(line).into_owned());
            bar.tick();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::{JobFacts, JobSeen, Read};
    use crate::history::traffic::{Emitted, Figures, Sent, Window};
    use crate::history::{Event, Head, Holds, Scope, What};
    use crate::settings::JobVariant;
    use crate::verdict;

    const LENGTH: i64 = 15_000;

    fn began(scope: Scope) -> What {
        let (scenario, purpose, project, plan) = Default::default();
        let (holds, job) = (Holds::Exact, JobVariant::default());
        What::Began(Head {
            scenario,
            purpose,
            project,
            speed: 1.0,
            workload: Box::new(crate::workload::catalog::usual().unwrap()),
            job,
            holds,
            scope,
            steps: 0,
            began: 0,
            plan,
        })
    }

    fn job(state: &str) -> Vec<What> {
        let id = "2367774c".to_owned();
        let (name, delivery) = ("Click Event Count".to_owned(), Some(Delivery::AtLeastOnce));
        let seen = JobSeen { id: Some(id.clone()), running: 4, subtasks: 4, alive: 1, ..JobSeen::absent(state) };
        vec![What::Found(JobFacts { id, name, since: 0, delivery, checkpoint_interval: Some(1000) }), What::Job(seen)]
    }

    fn two_windows(count: u64) -> Vec<What> {
        let of = |number: i64| {
            let (key, window) = ("/shop".to_owned(), Window { start: number * LENGTH, end: (number + 1) * LENGTH });
            let offsets = (number * 1000, number * 1000 + 999);
            let sent = Sent {
                key: key.clone(),
                window,
                count: 1000,
                figures: Figures::NONE,
                partition: 2,
                offsets,
                late: 0,
                under_way: false,
            };
            let emitted = Emitted { key, window, count, figures: Figures::NONE, partition: 0, offset: 7 + number };
            [What::Sent(sent), What::Emitted(emitted)]
        };
        (0..2).flat_map(of).collect()
    }

    fn read(start: i64, input: i64, output: i64) -> What {
        let input = vec![Place { start, read: input, end: input }];
        What::Read(Read { committed: vec![None], input, output: vec![Place { start: 0, read: output, end: output }] })
    }

    fn page(events: Vec<Vec<What>>) -> Verification {
        let mut events: Vec<Event> = events.into_iter().flatten().map(|what| Event { at: 0, what }).collect();
        let written = events.len() as u64;
        events.push(Event { at: 0, what: What::Ended { events: written } });
        let fold = Fold::of(&events);
        Verification::new(
            "playground",
            &crate::workload::catalog::usual().unwrap(),
            verdict::judge(&fold),
            &fold,
            Duration::from_millis(500),
        )
    }

    fn human(events: Vec<Vec<What>>) -> String {
        page(events).human(Paint::Plain)
    }

    #[test]
    fn a_pass_says_of_what_and_what_to_do_next() {
        let events = vec![vec![began(Scope::Present)], job("RUNNING"), two_windows(1000), vec![read(0, 2000, 9)]];
        insta::assert_snapshot!(human(events), @"
        job       Click Event Count, RUNNING since 1970-01-01T00:00:00Z, at-least-once
        ledger    2 of 2 windows complete, 00:00:00 to 00:00:30 UTC
        verdict   PASS  no click lost, none counted twice
        next      playground verify --follow · playground scenario failover
        ");
    }

    #[test]
    fn a_fail_says_why_and_shows_the_evidence() {
        let events = vec![vec![began(Scope::Present)], job("RUNNING"), two_windows(188), vec![read(0, 2000, 9)]];
        insta::assert_snapshot!(human(events), @"
        job       Click Event Count, RUNNING since 1970-01-01T00:00:00Z, at-least-once
        ledger    0 of 2 windows complete, 00:00:00 to 00:00:30 UTC · 2 short
        verdict   FAIL  1624 clicks lost in 2 of 2 windows
                    /shop   00:00:00 to 00:00:15 UTC   1000 clicks in input, 188 counted   output-0 @ 7
                    /shop   00:00:15 to 00:00:30 UTC   1000 clicks in input, 188 counted   output-0 @ 8
        why       short: the job restarted without its state (no checkpoint), or dropped records as late
        next      playground job · playground logs taskmanager · playground tail output -n 20
        ");
    }

    #[test]
    fn silence_says_who_is_silent() {
        let events = vec![vec![began(Scope::Past), read(0, 2000, 0)]];
        insta::assert_snapshot!(human(events), @"
        job       unknown, only the topics were read; judged as at-least-once
        ledger    no window decided
        verdict   UNKNOWN  nothing was seen
        why       topic output is empty: the job has emitted nothing yet
        next      playground job · playground verify --windows 6
        ");
    }

    #[test]
    fn without_a_job_the_past_is_offered() {
        let events = vec![vec![began(Scope::Present)], job("CANCELED"), two_windows(1000), vec![read(0, 2000, 9)]];
        insta::assert_snapshot!(human(events), @"
        job       Click Event Count, CANCELED, submitted 1970-01-01T00:00:00Z, at-least-once
        ledger    2 of 2 windows complete, 00:00:00 to 00:00:30 UTC
        verdict   UNKNOWN  not everything was seen; what was seen is right
        why       no job is running: Click Event Count is CANCELED
        next      playground verify --past · playground submit --from-savepoint latest
        ");
    }

    #[test]
    fn the_past_of_topics_alone_says_what_it_left_out() {
        let again = two_windows(1000).into_iter().filter_map(|what| match what {
            What::Emitted(emitted) => Some(What::Emitted(Emitted { offset: emitted.offset + 10, ..emitted })),
            _ => None,
        });
        let open = What::Sent(Sent {
            key: "/shop".into(),
            window: Window { start: 2 * LENGTH, end: 3 * LENGTH },
            count: 1000,
            late: 0,
            figures: Figures::NONE,
            partition: 2,
            offsets: (2000, 2999),
            under_way: true,
        });
        let foreign = What::Foreign { records: 3, first: "input-3 @ 77: 'hello'".into() };
        let events =
            vec![vec![began(Scope::Past)], two_windows(1000), again.collect(), vec![open, foreign, read(0, 3003, 19)]];
        insta::assert_snapshot!(human(events), @"
        job       unknown, only the topics were read; judged as at-least-once
        ledger    2 of 2 windows complete, 00:00:00 to 00:00:30 UTC · 2 emitted again, as at-least-once allows · 1 still open
        verdict   PASS  no click lost, none counted twice, in what has been emitted so far (--past)
        note      3 records in input do not belong to the workload and were not counted: input-3 @ 77: 'hello'
        note      emitted again: unexplained, since no job could be asked about its restarts
        note      1 window not emitted; a savepoint or an open transaction may hold them
        next      playground verify --follow · playground scenario failover
        ");
    }

    #[test]
    fn records_that_are_gone_leave_it_unknown_and_are_named() {
        let gone =
            What::Gone { topic: crate::history::traffic::Topic::Input, partition: 2, from: 0, to: 4000, unread: true };
        let whole = What::Cut { partition: 2, whole_from: 0 };
        let head = vec![began(Scope::Present), gone, whole];
        let events = vec![head, job("RUNNING"), two_windows(1000), vec![read(4000, 6000, 9)]];
        insta::assert_snapshot!(human(events), @"
        job       Click Event Count, RUNNING since 1970-01-01T00:00:00Z, at-least-once
        ledger    2 of 2 windows complete, 00:00:00 to 00:00:30 UTC
        verdict   UNKNOWN  not everything was seen; what was seen is right
        note      the oldest records of input are gone; judged from the first complete window on
        why       4000 records were deleted from topic input before their counts were seen: input-2 @ 0 to 3999
        next      playground job · playground verify --windows 6
        ");
    }

    #[test]
    fn an_output_that_lost_its_oldest_records_leaves_it_unknown() {
        let mut windows = two_windows(1000);
        windows.remove(1);
        let cut = What::Read(Read {
            committed: vec![None],
            input: vec![Place { start: 0, read: 2000, end: 2000 }],
            output: vec![Place { start: 8, read: 9, end: 9 }],
        });
        let head = vec![began(Scope::Present)];
        let events = vec![head, job("RUNNING"), windows, vec![cut]];
        insta::assert_snapshot!(human(events), @"
        job       Click Event Count, RUNNING since 1970-01-01T00:00:00Z, at-least-once
        ledger    1 of 1 window complete, 00:00:15 to 00:00:30 UTC · 1 older than what output still holds
        verdict   UNKNOWN  not everything was seen; what was seen is right
        why       topic output no longer holds its oldest records: output-0 starts at offset 8
        why       1 windows may have been emitted among the oldest records of topic output, which were deleted
        next      playground job · playground verify --windows 6
        ");
    }

    #[test]
    fn its_json_has_the_documented_fields() {
        let events = vec![vec![began(Scope::Present)], job("RUNNING"), two_windows(188), vec![read(0, 2000, 9)]];
        let json = serde_json::to_value(page(events)).unwrap();
        assert_eq!((&json["verdict"], &json["ledger"]["short"]), (&"fail".into(), &2.into()));
        assert_eq!(json["ledger"]["counterexamples"][0]["records"][0]["offset"], 7);
        assert_eq!((&json["input"]["records"], &json["foreign"]["records"]), (&2000.into(), &0.into()));
        assert_eq!((&json["span"]["from"], &json["span"]["to"]), (&0.into(), &30_000.into()));
        assert_eq!((&json["job"]["state"], &json["past"]), (&"RUNNING".into(), &false.into()));
    }
}
