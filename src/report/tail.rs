//! The lines of `tail`: one a record.

use serde_json::{Value, json};

use super::ledger::clock;
use super::{Paint, plain};
use crate::workload::encoding::{decode, decode_count, excerpt};
use crate::workload::{CLICKS_PER_WINDOW, Click, OUTPUT, WindowCount};

/// A record of a topic.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// Where in the partition it lies.
    pub offset: i64,
    /// The record's value, whatever it is.
    pub payload: &'a [u8],
}

impl Line<'_> {
    /// A line for people. What is not of the workload is shown as it is.
    #[must_use]
    pub fn human(&self, paint: Paint) -> String {
        let place = paint.dim(&format!("{}-{} @ {}", self.topic, self.partition, self.offset));
        let text = if self.topic == OUTPUT { self.count(paint) } else { self.click() };
        let text = text.unwrap_or_else(|| paint.doubtful(&excerpt(self.payload)));
        format!("{text}  {place}")
    }

    fn count(&self, paint: Paint) -> Option<String> {
        let WindowCount { window_start, window_end, page, count, .. } = decode_count(self.payload).ok()?;
        let shown = format!("{count:>6}");
        // Another number is no error here: that takes what `input` has, and `verify`.
        let shown = if count == CLICKS_PER_WINDOW { shown } else { paint.doubtful(&shown) };
        let window = format!("{} to {}", clock(window_start, "%T"), clock(window_end, "%T"));
        Some(format!("{window} UTC  {:<7}{shown}", plain::text(&page)))
    }

    fn click(&self) -> Option<String> {
        let Click { timestamp, page } = decode(self.payload)?;
        Some(format!("{} UTC  {:<7}", clock(timestamp, "%T%.3f"), plain::text(&page)))
    }

    /// A JSON document in one line: `topic`, `partition`, `offset`, and `value`, which is a string where it is not JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let value = serde_json::from_slice::<Value>(self.payload)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(self.payload).into_owned()));
        let Self { topic, partition, offset, .. } = self;
        json!({ "topic": topic, "partition": partition, "offset": offset, "value": value }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(topic: &str, payload: &str) -> String {
        Line { topic, partition: 0, offset: 1042, payload: payload.as_bytes() }.human(Paint::Plain)
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
        let json = |payload| Line { topic: "output", partition: 0, offset: 7, payload }.json();
        assert_eq!(json(b"{\"a\":1}"), r#"{"offset":7,"partition":0,"topic":"output","value":{"a":1}}"#);
        assert_eq!(json(b"oops\xff"), "{\"offset\":7,\"partition\":0,\"topic\":\"output\",\"value\":\"oops\u{fffd}\"}");
    }
}
