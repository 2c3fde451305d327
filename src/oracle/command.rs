//! `command`: a program of the user's says what is right. It is given what was sent and emitted once all is over, and its answer
//! is an event: judging the same events again asks nobody. Until then nothing is decided.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::passing::Passing;
use super::{ByRecord, Decided, Emitted, Entry, Reader, Rule, Sent};
use crate::history::What;
use crate::history::answer::{Answer, Said};
use crate::kafka::record::Record;
use crate::ledger::{Counterexample, Counts, Judgement, Outcome};
use crate::settings::Delivery;

/// How long a program may take at most, in s.
const LONGEST: u64 = 86_400;

/// A program that judges what was sent and emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// The program and its arguments; no shell reads them. One with a `/` lies in the folder, any other is looked up in PATH.
    pub program: Vec<String>,
    /// How long it may take, in s; then it is killed.
    #[serde(default = "minute")]
    pub timeout_s: u64,
    /// The folder that it runs in; that of the workload's file where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

fn minute() -> u64 {
    60
}

impl Command {
    /// The program as it was written, as in `./judge.py --strict`.
    #[must_use]
    pub fn title(&self) -> String {
        self.program.join(" ")
    }

    /// The workload's file lies in this folder, which is what its paths are relative to.
    pub fn lies_in(&mut self, folder: &Path) {
        let folder = self.folder.as_ref().map_or_else(|| folder.to_owned(), |own| folder.join(own));
        // Without a name it is the folder that we are in.
        let folder = if folder.as_os_str().is_empty() { Path::new(".").to_owned() } else { folder };
        self.folder = Some(std::path::absolute(&folder).unwrap_or(folder).display().to_string());
    }
}

impl Rule for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn check(&self) -> Result<(), String> {
        if self.program.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(
                "program is empty: it is a program and its arguments, as in [\"./judge.py\", \"--strict\"]".to_owned()
            );
        }
        if !(1..=LONGEST).contains(&self.timeout_s) {
            return Err(format!("timeout-s is {}, and has to be from 1 to {LONGEST}", self.timeout_s));
        }
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        Ok(Box::new(Anything))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        Some(Box::new(Awaited { program: self.title(), ..Awaited::default() }))
    }

    fn decided(&self) -> Decided {
        Decided::ByCheckpoint
    }

    /// What was emitted of records that the program was not given would look as if nobody had sent it.
    fn needs_the_past(&self) -> bool {
        true
    }

    fn says(&self) -> String {
        format!("what {} says of all records", self.title())
    }

    fn passes(&self) -> Option<String> {
        Some(format!("{} says so", self.title()))
    }
}

/// Takes every record as it is.
#[derive(Debug)]
struct Anything;

impl Reader for Anything {
    fn wanted(&self) -> String {
        "any record will do".to_owned()
    }

    fn sent<'a>(&self, _: &Record<'a>) -> Option<Sent<'a>> {
        Some(Sent::Nothing)
    }

    fn emitted(&self, _: &Record<'_>) -> Result<Emitted, String> {
        Ok(Emitted::Record(Entry::default()))
    }
}

/// How far the job has come, until the program has answered; then its answer.
#[derive(Debug, Clone, Default)]
struct Awaited {
    program: String,
    passing: Passing,
    answer: Option<Answer>,
}

impl ByRecord for Awaited {
    fn add(&mut self, what: &What) {
        self.passing.add(what);
        if let What::Answered(answer) = what {
            self.answer = Some(answer.clone());
        }
    }

    fn output_is_cut(&mut self) {
        self.passing.output_is_cut();
    }

    fn due(&self) -> u64 {
        self.passing.due()
    }

    fn passed(&self) -> Option<u64> {
        Some(self.passing.passed_since())
    }

    fn covered(&self) -> BTreeMap<i32, i64> {
        self.passing.all_until()
    }

    fn judge(&self, delivery: Delivery) -> Judgement {
        let undecided = self.passing.open();
        let Some(answer) = &self.answer else {
            return Judgement::by_record(delivery, Counts { undecided, ..Counts::default() }, Vec::new());
        };
        let (judged, wrong) = (answer.judged, answer.counterexamples_total);
        let counts = Counts { complete: judged.saturating_sub(wrong), undecided, ..Counts::default() };
        let said = |Said { key, what }: &Said| Counterexample::Said { key: key.clone(), what: what.clone() };
        let counterexamples = answer.counterexamples.iter().map(said).collect();
        Judgement {
            outcome: outcome(answer),
            judged,
            records_expected: judged,
            counterexamples_total: wrong,
            answer: Some(Answer { counterexamples: Vec::new(), ..answer.clone() }),
            ..Judgement::by_record(delivery, counts, counterexamples)
        }
    }

    fn doubts(&self, _: &str) -> Vec<String> {
        let program = &self.program;
        let Some(answer) = &self.answer else {
            return vec![format!("{program} was not asked: the run did not come to its end")];
        };
        match (&answer.problem, answer.verdict) {
            (Some(problem), _) => vec![format!("{program} {problem}")],
            (None, Outcome::Pass) if answer.judged == 0 => vec![format!("{program} says pass, and has judged nothing")],
            (None, Outcome::Unknown) if answer.reasons.is_empty() => {
                vec![format!("{program} says unknown, and gives no reason")]
            }
            (None, Outcome::Unknown) => answer.words().collect(),
            _ => Vec::new(),
        }
    }
}

/// Of nothing there is no pass.
fn outcome(answer: &Answer) -> Outcome {
    match (&answer.problem, answer.verdict) {
        (Some(_), _) => Outcome::Unknown,
        (None, Outcome::Pass) if answer.judged == 0 => Outcome::Unknown,
        (None, verdict) => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::super::passing::testing::{begins, pass, read};
    use super::*;
    use crate::workload::parse;

    fn answer(verdict: Outcome, judged: u64) -> Answer {
        Answer { program: "./judge.py".to_owned(), verdict, judged, ..Answer::default() }
    }

    fn awaited(events: &[What]) -> Awaited {
        let mut awaited = Awaited { program: "./judge.py".to_owned(), ..Awaited::default() };
        events.iter().for_each(|event| awaited.add(event));
        awaited
    }

    fn after(answer: Answer) -> (Judgement, Vec<String>) {
        let awaited = awaited(&[vec![begins(0)], pass(5), vec![What::Answered(answer)]].concat());
        (awaited.judge(Delivery::AtLeastOnce), awaited.doubts("order"))
    }

    #[test]
    fn nothing_is_decided_before_it_has_answered() {
        let awaited = awaited(&[vec![begins(0), read(2, 0)], pass(5), vec![read(7, 5)]].concat());
        let judgement = awaited.judge(Delivery::AtLeastOnce);
        assert_eq!((judgement.outcome, judgement.judged, judgement.counts.undecided), (Outcome::Unknown, 0, 2));
        assert_eq!((awaited.passed(), awaited.covered()), (Some(3), [(0, 5)].into()));
        assert_eq!(awaited.doubts("order"), ["./judge.py was not asked: the run did not come to its end"]);
    }

    #[test]
    fn its_answer_is_the_judgement() {
        let (judgement, doubts) = after(answer(Outcome::Pass, 5));
        assert_eq!((judgement.outcome, judgement.judged, judgement.counts.complete), (Outcome::Pass, 5, 5));
        assert_eq!(doubts, Vec::<String>::new());
        let counterexamples = vec![Said { key: Some("7".into()), what: "never came out".into() }];
        let wrong = Answer { counterexamples, counterexamples_total: 3, ..answer(Outcome::Fail, 5) };
        let (judgement, _) = after(wrong);
        assert_eq!(
            (judgement.outcome, judgement.counts.complete, judgement.counterexamples_total),
            (Outcome::Fail, 2, 3)
        );
        assert_eq!(judgement.counterexamples.len(), 1);
    }

    #[test]
    fn whatever_is_no_answer_is_unknown_with_its_reason() {
        let problem = Answer { problem: Some("exited with code 1".into()), ..answer(Outcome::Pass, 5) };
        let reasons = Answer { reasons: vec!["too few orders".into()], ..answer(Outcome::Unknown, 5) };
        let of = |answer| {
            let (judgement, doubts) = after(answer);
            assert_eq!(judgement.outcome, Outcome::Unknown);
            doubts.join("\n")
        };
        let all = [of(problem), of(reasons), of(answer(Outcome::Unknown, 5)), of(answer(Outcome::Pass, 0))];
        insta::assert_snapshot!(all.join("\n"), @r"
        ./judge.py exited with code 1
        ./judge.py says: too few orders
        ./judge.py says unknown, and gives no reason
        ./judge.py says pass, and has judged nothing
        ");
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let refused = |group: &str, rest: &str| {
            let text = format!(
                "name = \"x\"\npurpose = \"x\"\njob = {{ name = \"X\"{group} }}\ninput = {{ topic = \"a\" }}\n\
                 output = {{ topic = \"b\" }}\n[oracle.command]\n{rest}\n"
            );
            parse::workload("x.toml", &text).unwrap_err().to_string()
        };
        let group = ", group = \"g\"";
        let all = [
            refused(group, "program = []"),
            refused(group, "program = [\"./judge.py\"]\ntimeout-s = 0"),
            refused("", "program = [\"./judge.py\"]"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        workload x.toml: oracle.command: program is empty: it is a program and its arguments, as in ["./judge.py", "--strict"]
        workload x.toml: oracle.command: timeout-s is 0, and has to be from 1 to 86400
        workload x.toml: oracle.command: job.group is missing: the offsets that the job's consumer group commits tell how far it has come
        "#);
    }

    #[test]
    fn its_folder_is_that_of_the_file() {
        let folder = |own: Option<&str>, file: &str| {
            let mut command = Command { program: vec!["x".into()], timeout_s: 1, folder: own.map(str::to_owned) };
            command.lies_in(Path::new(file));
            command.folder.unwrap()
        };
        assert_eq!(folder(None, "/w"), "/w");
        assert_eq!(folder(Some("judges"), "/w"), "/w/judges");
        assert_eq!(folder(None, ""), std::env::current_dir().unwrap().display().to_string());
    }
}
