//! The page of `verify`, and the lines that it shows on the way.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::number::{counted, grouped};
use super::{Paint, Render, Terminal, ledger};
use crate::observe::audit::{Foreign, Read, Reading};
use crate::settings::Delivery;
use crate::verdict::Outcome;
use crate::verdict::ledger::{Counts, Judgement};

/// What `verify` found.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The stack.
    pub project: String,
    /// Pass, fail or unknown.
    pub verdict: Outcome,
    /// A count for each class of page and window, and examples of what is wrong.
    pub ledger: Judgement,
    /// The topic of clicks.
    pub input: Read,
    /// Records of `input` that are no clicks; the job skips them.
    pub not_clicks: Foreign,
    /// The topic of counts.
    pub output: Read,
    /// How long it took.
    pub seconds: f64,
}

impl Render for Verification {
    fn human(&self, paint: Paint) -> String {
        let mut lines = vec![ledger::line(&self.ledger), ledger::verdict(self.verdict, &self.ledger, paint)];
        lines.extend(ledger::counterexamples_of(&self.ledger, &self.output.topic));
        lines.extend(self.notes().into_iter().map(|note| format!("note      {note}")));
        lines.extend(self.reasons().into_iter().map(|why| format!("why       {why}")));
        let option = super::project_option(&self.project);
        let next: Vec<String> = self.next().iter().map(|command| format!("playground{option} {command}")).collect();
        lines.push(format!("next      {}", next.join(" · ")));
        lines.join("\n")
    }
}

impl Verification {
    /// What a reader should know who looks at the verdict alone.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(first) = &self.not_clicks.first {
            let records = counted(self.not_clicks.records, "record");
            notes.push(format!("{records} of {} not of the workload, and not counted: {first}", self.input.topic));
        }
        for topic in [&self.input, &self.output] {
            if topic.cut {
                notes.push(format!(
                    "the oldest records of {} are gone; judged from the first whole window",
                    topic.topic
                ));
            }
        }
        notes
    }

    fn reasons(&self) -> Vec<String> {
        if self.verdict == Outcome::Unknown {
            return vec![self.silence()];
        }
        suspicions(&self.ledger.counts, self.ledger.delivery)
    }

    fn silence(&self) -> String {
        match (self.input.records, self.output.records) {
            (0, _) => format!("topic {} is empty: the generator has sent nothing", self.input.topic),
            (_, 0) => format!("topic {} is empty: the job has emitted nothing yet", self.output.topic),
            _ if self.ledger.is_behind() => {
                let open = counted(self.ledger.counts.undecided, "window");
                format!("the job is far behind or does not run: {open} with clicks are not judged yet")
            }
            _ if self.ledger.windows_judged > 0 => "the time limit came before enough windows were judged".to_owned(),
            _ => "no window is closed yet: a page's window is judged when a later one of it is emitted".to_owned(),
        }
    }

    /// Commands that follow.
    fn next(&self) -> &'static [&'static str] {
        match self.verdict {
            Outcome::Pass => &["verify --follow", "scenario failover"],
            Outcome::Fail => &["job", "logs taskmanager", "tail output -n 20"],
            Outcome::Unknown => &["job", "verify --windows 6"],
        }
    }
}

/// What usually is behind each kind of wrong.
fn suspicions(counts: &Counts, delivery: Delivery) -> Vec<String> {
    let twice = if delivery == Delivery::ExactlyOnce { counts.duplicate } else { 0 };
    [
        (counts.short, "short: the job went on without what it had counted before (no checkpoint), or took clicks for late"),
        (counts.over, "over: the job read clicks again and kept what it had counted of them"),
        (counts.conflicting, "conflicting: the window was emitted again with another count, as after a restart without a checkpoint"),
        (counts.missing, "missing: the job is past the window, by a later one or by its checkpoint, and never emitted it"),
        (twice, "emitted twice: the output is not transactional; was the job started with --delivery exactly-once?"),
        (counts.unexpected, "unexpected: a record of another run or of another program; topics begin anew after: playground down --volumes"),
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
            self.show(format!("reading {topic}: {} of {} records", grouped(*read), grouped(*total)));
        }
    }

    /// What is judged so far, while more is to come.
    pub fn judged(&mut self, judgement: &Judgement) {
        self.show(ledger::line(judgement));
    }

    fn show(&mut self, line: String) {
        self.shown = Some(Instant::now());
        if let Some(bar) = &self.bar {
            bar.set_message(line);
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
    use crate::verdict::ledger::{Counted, Ledger};
    use crate::workload::WINDOW_MS;

    fn verification(ledger: &Ledger, delivery: Delivery) -> Verification {
        let judgement = ledger.judge(i64::MIN, delivery);
        let read = |topic: &str, records| Read { topic: topic.into(), records, cut: false };
        Verification {
            project: "playground".into(),
            verdict: judgement.outcome,
            ledger: judgement,
            input: read("input", 2000),
            not_clicks: Foreign::default(),
            output: read("output", 2),
            seconds: 0.5,
        }
    }

    fn two_windows(count: u64) -> Ledger {
        let mut ledger = Ledger::new();
        for (offset, start) in [(7, 0), (8, WINDOW_MS)] {
            ledger.clicked(2, start, 1000);
            ledger.counted(Counted { page: 2, start, count, partition: 0, offset });
        }
        ledger
    }

    #[test]
    fn a_pass_says_what_to_do_next() {
        let page = verification(&two_windows(1000), Delivery::AtLeastOnce).human(Paint::Plain);
        insta::assert_snapshot!(page, @"
        ledger    2 of 2 windows complete
        verdict   PASS  no click lost, none counted twice
        next      playground verify --follow · playground scenario failover
        ");
    }

    #[test]
    fn a_fail_says_why_and_shows_the_evidence() {
        let page = verification(&two_windows(188), Delivery::AtLeastOnce).human(Paint::Plain);
        insta::assert_snapshot!(page, @"
        ledger    0 of 2 windows complete · 2 short
        verdict   FAIL  1624 clicks lost in 2 of 2 windows
                    /shop   00:00:00 to 00:00:15 UTC   1000 clicks in input, 188 counted   output-0 @ 7
                    /shop   00:00:15 to 00:00:30 UTC   1000 clicks in input, 188 counted   output-0 @ 8
        why       short: the job went on without what it had counted before (no checkpoint), or took clicks for late
        next      playground job · playground logs taskmanager · playground tail output -n 20
        ");
    }

    #[test]
    fn silence_says_who_is_silent() {
        let mut silent = verification(&Ledger::new(), Delivery::AtLeastOnce);
        silent.output.records = 0;
        insta::assert_snapshot!(silent.human(Paint::Plain), @"
        ledger    no window decided
        verdict   UNKNOWN  nothing was seen
        why       topic output is empty: the job has emitted nothing yet
        next      playground job · playground verify --windows 6
        ");
    }

    #[test]
    fn notes_tell_what_was_left_out() {
        let mut page = verification(&two_windows(1000), Delivery::AtLeastOnce);
        page.input.cut = true;
        page.not_clicks = Foreign { records: 3, first: Some("input-3 @ 77: 'hello'".into()) };
        page.ledger.counts.undecided = 600;
        insta::assert_snapshot!(page.human(Paint::Plain), @"
        ledger    2 of 2 windows complete · 600 still open
        verdict   PASS  no click lost, none counted twice
        note      3 records of input not of the workload, and not counted: input-3 @ 77: 'hello'
        note      the oldest records of input are gone; judged from the first whole window
        next      playground verify --follow · playground scenario failover
        ");
    }

    #[test]
    fn its_json_has_the_documented_fields() {
        let json = serde_json::to_value(verification(&two_windows(188), Delivery::AtLeastOnce)).unwrap();
        assert_eq!((&json["verdict"], &json["ledger"]["short"]), (&"fail".into(), &2.into()));
        assert_eq!(json["ledger"]["counterexamples"][0]["records"][0]["offset"], 7);
        assert_eq!((&json["input"]["records"], &json["not_clicks"]["records"]), (&2000.into(), &0.into()));
    }
}
