//! The lines of `tail`: one a record.

use serde_json::{Value, json};

use super::ledger::clock;
use super::{Paint, plain};
use crate::kafka::record::Record;
use crate::oracle::{Emitted, Outcome, Reader, Sent};
use crate::workload::excerpt::excerpt;
use crate::workload::model::Workload;

/// How a topic's records are to be shown: as what they are for the workload.
#[derive(Debug)]
pub enum Shape {
    /// Those that the job reads.
    Input(Box<dyn Reader>),
    /// Those that it writes.
    Output(Box<dyn Reader>),
}

impl Shape {
    /// That of one of a workload's topics.
    ///
    /// # Errors
    /// What is wrong with a place that the workload names.
    pub fn input(workload: &Workload) -> Result<Self, String> {
        workload.oracle.reader().map(Self::Input)
    }

    /// The same for the other one.
    ///
    /// # Errors
    /// What is wrong with a place that the workload names.
    pub fn output(workload: &Workload) -> Result<Self, String> {
        workload.oracle.reader().map(Self::Output)
    }
}

/// A record of a topic.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// What its records are.
    pub shape: &'a Shape,
    /// The record itself.
    pub record: &'a Record<'a>,
}

impl Line<'_> {
    /// A line for people. What is not of the workload is shown as it is.
    #[must_use]
    pub fn human(&self, paint: Paint) -> String {
        let place = paint.dim(&format!("{}-{} @ {}", self.topic, self.record.partition, self.record.offset));
        let text = match self.shape {
            Shape::Input(reader) => reader.sent(self.record).map(|sent| self.sent(sent)),
            Shape::Output(reader) => reader.emitted(self.record).ok().map(|emitted| self.emitted(emitted)),
        };
        let text = text.unwrap_or_else(|| paint.doubtful(&excerpt(self.record.payload)));
        format!("{text}  {place}")
    }

    fn sent(&self, sent: Sent<'_>) -> String {
        match sent {
            Sent::Counted(record) => {
                format!("{} UTC  {:<7}", clock(record.time, "%T%.3f"), plain::text(&record.key))
            }
            Sent::Record(_) | Sent::Nothing => self.whole(),
        }
    }

    fn emitted(&self, emitted: Emitted) -> String {
        match emitted {
            Emitted::Count(Outcome { key, window, count, .. }) => {
                let (start, end) = (clock(window.start, "%T"), clock(window.end, "%T"));
                format!("{start} to {end} UTC  {:<7}{count:>6}", plain::text(&key))
            }
            Emitted::Record(_) | Emitted::Forbidden { .. } => self.whole(),
        }
    }

    /// The record itself: it has an identity, and what else is in it only its user knows.
    fn whole(&self) -> String {
        plain::text(&String::from_utf8_lossy(self.record.payload)).into_owned()
    }

    /// A JSON document in one line: `topic`, `partition`, `offset`, and `value`, which is a string where it is not JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let value = serde_json::from_slice::<Value>(self.record.payload)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(self.record.payload).into_owned()));
        let Record { partition, offset, .. } = self.record;
        json!({ "topic": self.topic, "partition": partition, "offset": offset, "value": value }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::catalog;

    fn human(topic: &str, payload: &str) -> String {
        let clicks = catalog::find(catalog::USUAL).unwrap();
        let shape = if topic == "input" { Shape::input(&clicks) } else { Shape::output(&clicks) }.unwrap();
        Line { topic, shape: &shape, record: &Record { offset: 1042, ..Record::of(payload.as_bytes()) } }
            .human(Paint::Plain)
    }

    #[test]
    fn records_stand_in_columns() {
        let count = |page, count| {
            let text = json!({"windowStart": 1_604_280_255_000_i64, "windowEnd": 1_604_280_270_000_i64, "page": page, "count": count});
            human("output", &text.to_string())
        };
        let lines = [
            count("/shop", 1000),
            count("/index", 188),
            human("output", "oops"),
            human("input", r#"{"timestamp":1604280262015,"page":"/help"}"#),
        ];
        insta::assert_snapshot!(lines.join("\n"), @"
        01:24:15 to 01:24:30 UTC  /shop    1000  output-0 @ 1042
        01:24:15 to 01:24:30 UTC  /index    188  output-0 @ 1042
        'oops'  output-0 @ 1042
        01:24:22.015 UTC  /help    input-0 @ 1042
        ");
    }

    #[test]
    fn json_has_the_value_as_it_is() {
        let shape = Shape::output(&catalog::find(catalog::USUAL).unwrap()).unwrap();
        let json = |payload| {
            Line { topic: "output", shape: &shape, record: &Record { offset: 7, ..Record::of(payload) } }.json()
        };
        assert_eq!(json(b"{\"a\":1}"), r#"{"offset":7,"partition":0,"topic":"output","value":{"a":1}}"#);
        assert_eq!(json(b"oops\xff"), "{\"offset\":7,\"partition\":0,\"topic\":\"output\",\"value\":\"oops\u{fffd}\"}");
    }
}
