//! `never`: records that must not be emitted, whatever was sent.
//!
//! A job that only raises alarms is right as long as it is silent, so what is decided is the input: a record of it is right once
//! the job has passed it and nothing forbidden has come out. What the output holds besides is right as well, and counts where it
//! is more than that, as of a job that emits many records for each.

use serde::{Deserialize, Serialize};

use super::forbidden::{Forbidden, Kinds};
use super::passing::Passing;
use super::place::{Places, Values};
use super::{ByRecord, Decided, Emitted, Entry, Reader, Rule, Sent};
use crate::history::What;
use crate::history::traffic::{Records, Topic};
use crate::kafka::record::Record;
use crate::ledger::{Counterexample, Counts, Judgement, SHOWN};
use crate::settings::Delivery;
use crate::workload::excerpt::excerpt;

/// Records that must not be emitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Never {
    /// Which records of the output those are.
    pub output: Forbidden,
}

impl Rule for Never {
    fn name(&self) -> &'static str {
        "never"
    }

    fn check(&self) -> Result<(), String> {
        self.output.check().map_err(|error| format!("output: {error}"))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        let mut places = Vec::new();
        let kinds = self.output.kinds(&mut places);
        Ok(Box::new(Guard { places: Places::of(&places)?, kinds }))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        Some(Box::<Watch>::default())
    }

    fn decided(&self) -> Decided {
        Decided::ByCheckpoint
    }

    fn says(&self) -> String {
        format!("no record of the output with {}", self.output)
    }

    fn passes(&self) -> Option<String> {
        Some("nothing was emitted that must never be".to_owned())
    }

    fn unexpected(&self) -> Option<&'static str> {
        Some("that must never be emitted")
    }
}

/// Tells records of the output that are forbidden from all others.
#[derive(Debug)]
struct Guard {
    places: Places,
    kinds: Kinds,
}

impl Reader for Guard {
    fn wanted(&self) -> String {
        "any record will do".to_owned()
    }

    /// Whatever was sent: how far the job has come in it is all that matters, and told by its offsets.
    fn sent<'a>(&self, _: &Record<'a>) -> Option<Sent<'a>> {
        Some(Sent::Nothing)
    }

    fn emitted(&self, record: &Record<'_>) -> Result<Emitted, String> {
        let mut values = Values::default();
        let read = self.places.read(record, &mut values);
        read.ok_or_else(|| format!("{} is not a JSON object", excerpt(record.payload)))?;
        Ok(match self.kinds.wrong(&values, record.payload) {
            Some(what) => Emitted::Forbidden { key: None, what },
            None => Emitted::Record(Entry::default()),
        })
    }
}

/// What was emitted so far, and how far the job has come without it.
#[derive(Debug, Clone, Default)]
struct Watch {
    passing: Passing,
    /// Records of the output that may be there.
    allowed: u64,
    forbidden: u64,
    examples: Vec<Counterexample>,
}

impl ByRecord for Watch {
    fn add(&mut self, what: &What) {
        self.passing.add(what);
        match what {
            What::Records(Records { topic: Topic::Output, keys, .. }) => self.allowed += keys.len() as u64,
            What::Stray(stray) => {
                self.forbidden += 1;
                if self.examples.len() < SHOWN {
                    self.examples.push(Counterexample::of(stray));
                }
            }
            _ => {}
        }
    }

    fn output_is_cut(&mut self) {
        self.passing.output_is_cut();
    }

    fn due(&self) -> u64 {
        self.passing.due()
    }

    fn judge(&self, delivery: Delivery) -> Judgement {
        let counts = Counts {
            complete: self.passing.passed().max(self.allowed),
            unexpected: self.forbidden,
            undecided: self.passing.open(),
            ..Counts::default()
        };
        Judgement::by_record(delivery, counts, self.examples.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::passing::testing::{begins, pass, read};
    use super::*;
    use crate::history::traffic::Stray;
    use crate::ledger::Outcome;
    use crate::workload::parse;

    fn text(group: &str, output: &str) -> String {
        format!(
            "name = \"alerts\"\npurpose = \"x\"\njob = {{ name = \"Alerts\"{group} }}\ninput = {{ topic = \"events\" }}\n\
             output = {{ topic = \"alerts\" }}\n[oracle.never]\noutput = {output}\n"
        )
    }

    fn alerts() -> Box<dyn Reader> {
        let text = text(", group = \"alerts\"", "[{ field = \"/type\", is = \"ALERT\" }]");
        parse::workload("alerts.toml", &text).unwrap().oracle.reader().unwrap()
    }

    fn judged(events: &[What]) -> Judgement {
        let mut watch = Watch::default();
        events.iter().for_each(|event| watch.add(event));
        watch.judge(Delivery::AtLeastOnce)
    }

    fn emitted(records: usize) -> What {
        What::Records(Records {
            topic: Topic::Output,
            keys: std::iter::repeat_n("", records).collect(),
            ..Records::default()
        })
    }

    #[test]
    fn what_is_forbidden_is_told_from_what_is_not() {
        let reader = alerts();
        let Ok(Emitted::Forbidden { what, .. }) = reader.emitted(&Record::of(br#"{"type":"ALERT"}"#)) else { panic!() };
        assert!(what.ends_with("must never be emitted: /type is ALERT"), "{what}");
        assert!(matches!(reader.emitted(&Record::of(br#"{"type":"INFO"}"#)), Ok(Emitted::Record(_))));
        assert!(matches!(reader.emitted(&Record::of(b"{}")), Ok(Emitted::Record(_))));
        assert_eq!(reader.emitted(&Record::of(b"[1]")), Err("'[1]' is not a JSON object".to_owned()));
        assert_eq!(reader.sent(&Record::of(b"whatever")), Some(Sent::Nothing));
    }

    #[test]
    fn silence_is_right_of_what_the_job_has_passed_and_of_nothing_else() {
        let of = |events: &[What]| {
            let judgement = judged(events);
            (judgement.outcome, judgement.counts.complete, judgement.counts.undecided)
        };
        assert_eq!(of(&[]), (Outcome::Unknown, 0, 0));
        let sent = vec![begins(0), read(5, 0)];
        assert_eq!(of(&sent), (Outcome::Unknown, 0, 5));
        assert_eq!(of(&[sent, pass(5)].concat()), (Outcome::Pass, 5, 0));
    }

    #[test]
    fn one_forbidden_record_is_a_fail() {
        let stray = Stray { partition: 0, offset: 7, what: "'x' must never be emitted".into(), key: None };
        let judgement = judged(&[vec![begins(0)], pass(5), vec![emitted(2), What::Stray(stray)]].concat());
        assert_eq!((judgement.outcome, judgement.counts.complete, judgement.counts.unexpected), (Outcome::Fail, 5, 1));
        assert_eq!(judgement.counterexamples.len(), 1);
    }

    #[test]
    fn a_job_that_emits_more_than_it_reads_is_judged_by_what_it_emits() {
        assert_eq!(judged(&[vec![begins(0)], pass(5), vec![emitted(9)]].concat()).judged, 9);
    }

    #[test]
    fn without_a_group_silence_would_prove_nothing() {
        let refused =
            |group: &str, output: &str| parse::workload("x.toml", &text(group, output)).unwrap_err().to_string();
        let list = "[{ field = \"/type\", is = \"ALERT\" }]";
        insta::assert_snapshot!([refused("", list), refused(", group = \"g\"", "[{ field = \"type\", is = \"x\" }]")].join("\n"), @r"
        workload x.toml: oracle.never: job.group is missing: the offsets that the job's consumer group commits tell how far it has come
        workload x.toml: oracle.never: output: 'type' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        ");
    }
}
