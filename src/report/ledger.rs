//! A judged ledger: its line, its verdict, its evidence. Used by `verify` and by `scenario`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Paint;
use super::number::{counted, grouped};
use crate::settings::Delivery;
use crate::verdict::Outcome;
use crate::verdict::ledger::{Class, Counterexample, Emission, Judgement};
use crate::workload::OUTPUT;

/// How many windows are of which kind.
#[must_use]
pub fn line(judgement: &Judgement) -> String {
    let counts = &judgement.counts;
    let allowed = judgement.delivery == Delivery::AtLeastOnce;
    let complete = counts.complete + if allowed { counts.duplicate } else { 0 };
    let mut parts = vec![match judgement.windows_judged {
        0 => "no window decided".to_owned(),
        judged => format!("{} of {} complete", grouped(complete), counted(judged, "window")),
    }];
    let twice = if allowed { "emitted twice, as at-least-once allows" } else { "emitted twice" };
    for (number, what) in [
        (counts.duplicate, twice),
        (counts.short, "short"),
        (counts.over, "over"),
        (counts.conflicting, "conflicting"),
        (counts.missing, "missing"),
        (counts.unexpected, "unexpected"),
        (counts.undecided, "still open"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    }
    format!("ledger    {}", parts.join(" · "))
}

/// The verdict, and what it stands on. `outcome` may be worse than the ledger's own.
#[must_use]
pub fn verdict(outcome: Outcome, judgement: &Judgement, paint: Paint) -> String {
    let (word, text) = match outcome {
        Outcome::Pass => (paint.good("PASS"), "no click lost, none counted twice".to_owned()),
        Outcome::Fail => (paint.bad("FAIL"), wrongs(judgement).join(", ")),
        Outcome::Unknown => (paint.doubtful("UNKNOWN"), doubt(judgement)),
    };
    format!("verdict   {word}  {text}")
}

/// What is wrong, in order of weight.
fn wrongs(judgement: &Judgement) -> Vec<String> {
    let counts = &judgement.counts;
    let windows = counts.short + counts.over + counts.conflicting + counts.missing;
    let of_windows = format!("in {} of {}", grouped(windows), counted(judgement.windows_judged, "window"));
    let mut wrongs = Vec::new();
    if judgement.clicks_lost > 0 {
        wrongs.push(format!("{} lost", counted(judgement.clicks_lost, "click")));
    }
    if judgement.clicks_counted_twice > 0 {
        wrongs.push(format!("{} counted twice", counted(judgement.clicks_counted_twice, "click")));
    }
    if wrongs.is_empty() && windows > 0 {
        wrongs.push("different counts".to_owned());
    }
    if let Some(last) = wrongs.last_mut() {
        *last = format!("{last} {of_windows}");
    }
    if counts.duplicate > 0 && judgement.delivery == Delivery::ExactlyOnce {
        wrongs.push(format!("{} emitted twice, against exactly-once", counted(counts.duplicate, "window")));
    }
    if counts.unexpected > 0 {
        wrongs.push(format!("{} in output that input does not explain", counted(counts.unexpected, "record")));
    }
    wrongs
}

fn doubt(judgement: &Judgement) -> String {
    match (judgement.windows_judged, judgement.counts.undecided) {
        (0, 0) => "nothing was seen".to_owned(),
        (0, open) => format!("nothing was decided: {} still open", counted(open, "window")),
        _ => "not all was seen; what was seen is right".to_owned(),
    }
}

/// The evidence against a pass, a line each.
#[must_use]
pub fn counterexamples(judgement: &Judgement) -> Vec<String> {
    counterexamples_of(judgement, OUTPUT)
}

/// The same for an output topic of another name.
#[must_use]
pub fn counterexamples_of(judgement: &Judgement, topic: &str) -> Vec<String> {
    let examples = &judgement.counterexamples;
    let days: std::collections::BTreeSet<_> = examples.iter().filter_map(day).collect();
    let format = if days.len() > 1 { "%F %T" } else { "%T" };
    let mut lines: Vec<_> =
        examples.iter().map(|example| format!("            {}", shown(example, topic, format))).collect();
    let more = judgement.counterexamples_total.saturating_sub(u64::try_from(examples.len()).unwrap_or(u64::MAX));
    if more > 0 {
        lines.push(format!("            and {} more", grouped(more)));
    }
    lines
}

fn shown(example: &Counterexample, topic: &str, format: &str) -> String {
    match example {
        Counterexample::Stray { partition, offset, what, .. } => format!("{topic}-{partition} @ {offset}   {what}"),
        Counterexample::Window { class, page, window_start, window_end, expected, emitted, records } => {
            let window = format!("{} to {}", clock(*window_start, format), clock(*window_end, "%T"));
            let expected = match expected {
                0 => "no click in input".to_owned(),
                clicks => format!("{} in input", counted(*clicks, "click")),
            };
            let found = match class {
                Class::Missing => "nothing emitted".to_owned(),
                _ => found(*emitted, records, topic),
            };
            format!("{page:<7} {window} UTC   {expected}, {found}")
        }
    }
}

/// What was counted, and which records say so.
fn found(emitted: u64, records: &[Emission], topic: &str) -> String {
    /// A line has room for so many.
    const SHOWN: usize = 3;
    let at = |record: &Emission| format!("{topic}-{} @ {}", record.partition, record.offset);
    let shown = &records[..records.len().min(SHOWN)];
    let same = records.iter().all(|record| record.count == records[0].count);
    let text = match shown {
        [] => return "counts whose records are no longer kept".to_owned(),
        [first, ..] if same => {
            let places: Vec<_> = shown.iter().map(at).collect();
            format!("{} counted   {}", grouped(first.count), places.join(", "))
        }
        _ => {
            let each = |record: &Emission| format!("{} counted at {}", grouped(record.count), at(record));
            shown.iter().map(each).collect::<Vec<_>>().join(", ")
        }
    };
    match emitted.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX)) {
        0 => text,
        more => format!("{text} and {} more", grouped(more)),
    }
}

fn day(example: &Counterexample) -> Option<String> {
    match example {
        Counterexample::Window { window_start, .. } => Some(clock(*window_start, "%F")),
        Counterexample::Stray { .. } => None,
    }
}

/// Event time in UTC; the number itself where it is beyond the calendar.
pub(super) fn clock(timestamp: i64, format: &str) -> String {
    Timestamp::from_millisecond(timestamp)
        .map_or_else(|_| timestamp.to_string(), |at| at.to_zoned(TimeZone::UTC).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::ledger::{Counted, Ledger, Stray};
    use crate::workload::{PAGES, WINDOW_MS};

    /// 2020-11-02, 01:24:15 UTC.
    const START: i64 = 1_604_280_255_000;

    /// Six windows of every page, of which `count` makes the records.
    fn judged(delivery: Delivery, mut count: impl FnMut(&mut Ledger, usize, i64, i64)) -> Judgement {
        let mut ledger = Ledger::new();
        for window in 0..6 {
            for page in 0..PAGES.len() {
                let start = START + window * WINDOW_MS;
                ledger.clicked(page, start, 1000);
                count(&mut ledger, page, start, 6 * window + i64::try_from(page).unwrap());
            }
        }
        ledger.judge(i64::MIN, delivery)
    }

    fn page_of(judgement: &Judgement) -> String {
        let mut lines = vec![line(judgement), verdict(judgement.outcome, judgement, Paint::Plain)];
        lines.extend(counterexamples(judgement));
        lines.join("\n")
    }

    fn one(ledger: &mut Ledger, page: usize, start: i64, count: u64, offset: i64) {
        ledger.counted(Counted { page, start, count, partition: 0, offset });
    }

    #[test]
    fn all_well() {
        let judgement = judged(Delivery::AtLeastOnce, |ledger, page, start, offset| {
            one(ledger, page, start, 1000, offset);
            if page == 1 && start < START + 2 * WINDOW_MS {
                one(ledger, page, start, 1000, offset + 100);
            }
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    36 of 36 windows complete · 2 emitted twice, as at-least-once allows
        verdict   PASS  no click lost, none counted twice
        ");
    }

    #[test]
    fn clicks_lost() {
        let judgement = judged(Delivery::AtLeastOnce, |ledger, page, start, offset| {
            let is_victim = page == 2 && start == START + WINDOW_MS;
            one(ledger, page, start, if is_victim { 188 } else { 1000 }, offset);
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    35 of 36 windows complete · 1 short
        verdict   FAIL  812 clicks lost in 1 of 36 windows
                    /shop   01:24:30 to 01:24:45 UTC   1000 clicks in input, 188 counted   output-0 @ 8
        ");
    }

    #[test]
    fn every_kind_of_wrong() {
        let judgement = judged(Delivery::ExactlyOnce, |ledger, page, start, offset| {
            match (page, (start - START) / WINDOW_MS) {
                (0, 1) => {}
                (1, 1) => one(ledger, page, start, 1500, offset),
                (2, 1) => {
                    one(ledger, page, start, 1000, offset);
                    one(ledger, page, start, 12, offset + 100);
                }
                (3, 1) => (0..12).for_each(|again| one(ledger, page, start, 1000, offset + again * 100)),
                (4, 1) => {
                    one(ledger, page, start, 1000, offset);
                    one(ledger, page, start + 24 * 3_600_000, 7, offset + 100);
                }
                _ => one(ledger, page, start, 1000, offset),
            }
            if (page, start) == (0, START) {
                ledger.stray(Stray { partition: 0, offset: 400, what: "'oops' is no count of a window".into() });
            }
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    32 of 36 windows complete · 1 emitted twice · 1 over · 1 conflicting · 1 missing · 2 unexpected
        verdict   FAIL  1988 clicks lost, 500 clicks counted twice in 3 of 36 windows, 1 window emitted twice, against exactly-once, 2 records in output that input does not explain
                    /help   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, nothing emitted
                    /index  2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1500 counted   output-0 @ 7
                    /shop   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1000 counted at output-0 @ 8, 12 counted at output-0 @ 108
                    /jobs   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1000 counted   output-0 @ 9, output-0 @ 109, output-0 @ 209 and 9 more
                    /about  2020-11-03 01:24:30 to 01:24:45 UTC   no click in input, 7 counted   output-0 @ 110
                    output-0 @ 400   'oops' is no count of a window
        ");
    }

    #[test]
    fn nothing_decided() {
        insta::assert_snapshot!(page_of(&judged(Delivery::AtLeastOnce, |_, _, _, _| {})), @"
        ledger    no window decided · 36 still open
        verdict   UNKNOWN  nothing was decided: 36 windows still open
        ");
        insta::assert_snapshot!(page_of(&Ledger::new().judge(i64::MIN, Delivery::AtLeastOnce)), @"
        ledger    no window decided
        verdict   UNKNOWN  nothing was seen
        ");
    }

    #[test]
    fn many_are_cut_short() {
        let judgement =
            judged(Delivery::AtLeastOnce, |ledger, page, start, offset| one(ledger, page, start, 999, offset));
        let lines = counterexamples(&judgement);
        assert_eq!((lines.len(), lines[20].trim()), (21, "and 16 more"));
    }
}
