//! A judged ledger: its line, its verdict, its evidence. Used by `verify`, `scenario` and `judge`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Paint;
use super::number::{counted, grouped};
use crate::history::traffic::Figures;
use crate::ledger::{Class, Counterexample, Emission, Judgement, Outcome, Span, Words};
use crate::settings::Delivery;

/// The line with the number of windows of each class.
#[must_use]
pub fn line(judgement: &Judgement) -> String {
    let counts = &judgement.counts;
    let allowed = judgement.delivery == Delivery::AtLeastOnce;
    let complete = counts.complete + if allowed { counts.duplicate } else { 0 };
    let span = judgement.span.map_or_else(String::new, |span| format!(", {}", self::span(span)));
    let unit = &judgement.words.unit;
    let mut parts = vec![match judgement.judged {
        0 if judgement.answer.is_some() => format!("no {unit} judged"),
        judged if judgement.answer.is_some() => format!("{} judged", counted(judged, unit)),
        0 => format!("no {unit} decided"),
        judged => format!("{} of {} complete{span}", grouped(complete), counted(judged, unit)),
    }];
    let twice = if allowed { "emitted again, as at-least-once allows" } else { "emitted again" };
    for (number, what) in [
        (counts.duplicate, twice),
        (counts.short, "short"),
        (counts.over, "over"),
        (counts.conflicting, "conflicting"),
        (counts.missing, "missing"),
        (counts.unexpected, "unexpected"),
        (judgement.records_not_resent, "not resent, as a socket is not read again"),
        (counts.undecided.saturating_sub(judgement.before_output), "still open"),
        (judgement.before_output, "older than what output still holds"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    }
    format!("ledger    {}", parts.join(" · "))
}

/// As in `13:09:00 to 13:12:30 UTC`, with the days where they differ.
fn span(span: Span) -> String {
    let day = |at| clock(at, "%F");
    let format = if day(span.from) == day(span.to) { "%T" } else { "%F %T" };
    format!("{} to {} UTC", clock(span.from, format), clock(span.to, format))
}

/// The verdict, and what it is based on. `outcome` may be worse than the ledger's own.
#[must_use]
pub fn verdict(outcome: Outcome, judgement: &Judgement, paint: Paint) -> String {
    let (word, text) = match outcome {
        Outcome::Pass => (paint.good("PASS"), passes(judgement)),
        Outcome::Fail => (paint.bad("FAIL"), wrongs(judgement).join(", ")),
        Outcome::Unknown => (paint.doubtful("UNKNOWN"), doubt(judgement)),
    };
    format!("verdict   {word}  {text}")
}

/// What a pass proves.
fn passes(judgement: &Judgement) -> String {
    let (words, unsent) = (&judgement.words, judgement.records_not_resent);
    if unsent > 0 {
        let lines = counted(unsent, &words.record);
        return format!(
            "no state lost, nothing counted twice; {lines} came while nobody was connected, and cannot be sent again"
        );
    }
    words.passes.clone().unwrap_or_else(|| format!("no {} lost, none counted twice", words.record))
}

/// What is wrong, the worst first.
fn wrongs(judgement: &Judgement) -> Vec<String> {
    if let Some(answer) = &judgement.answer {
        let found = counted(answer.counterexamples_total, "counterexample");
        return vec![format!("{} says so, with {found}", answer.program)];
    }
    let counts = &judgement.counts;
    let Words { record, unit, .. } = &judgement.words;
    let windows = counts.short + counts.over + counts.conflicting + counts.missing;
    let of_windows = format!("in {} of {}", grouped(windows), counted(judgement.judged, unit));
    let mut wrongs = Vec::new();
    if unit == record && windows > 0 {
        let totals = counts.short + counts.over + counts.conflicting;
        let lost = format!("{} of {} lost", grouped(counts.missing), counted(judgement.judged, record));
        wrongs.extend((counts.missing > 0).then_some(lost));
        wrongs.extend((totals > 0).then(|| format!("{} out of line with those before", counted(totals, "total"))));
        wrongs.extend(also_wrong(judgement));
        return wrongs;
    }
    if judgement.records_lost > 0 {
        wrongs.push(format!("{} lost", counted(judgement.records_lost, record)));
    }
    if judgement.records_counted_twice > 0 {
        wrongs.push(format!("{} counted twice", counted(judgement.records_counted_twice, record)));
    }
    if wrongs.is_empty() && windows > 0 {
        wrongs.push("different counts".to_owned());
    }
    if let Some(last) = wrongs.last_mut() {
        *last = format!("{last} {of_windows}");
    }
    wrongs.extend(also_wrong(judgement));
    wrongs
}

fn also_wrong(judgement: &Judgement) -> Vec<String> {
    let (counts, Words { unit, input, output, unexpected, .. }) = (&judgement.counts, &judgement.words);
    let mut wrongs = Vec::new();
    if counts.duplicate > 0 && judgement.delivery == Delivery::ExactlyOnce {
        wrongs.push(format!("{} emitted again, which violates exactly-once", counted(counts.duplicate, unit)));
    }
    if counts.unexpected > 0 {
        let why = unexpected.clone().unwrap_or_else(|| format!("that {input} does not explain"));
        wrongs.push(format!("{} in {output} {why}", counted(counts.unexpected, "record")));
    }
    wrongs
}

fn doubt(judgement: &Judgement) -> String {
    if let Some(answer) = judgement.answer.as_ref() {
        return match answer.problem {
            Some(_) => format!("{} gave no answer", answer.program),
            None => format!("{} says {}", answer.program, answer.verdict.name()),
        };
    }
    let unit = &judgement.words.unit;
    match (judgement.judged, judgement.counts.undecided) {
        (0, 0) => "nothing was seen".to_owned(),
        (0, open) if judgement.before_output == 0 => {
            format!("nothing was decided: {} still open", counted(open, unit))
        }
        (0, undecided) => format!("nothing was decided of {}", counted(undecided, unit)),
        _ if !wrongs(judgement).is_empty() => "not everything was seen, so what looks wrong may be right".to_owned(),
        _ => "not everything was seen; what was seen is right".to_owned(),
    }
}

/// The evidence against a pass, a line each.
#[must_use]
pub fn counterexamples(judgement: &Judgement) -> Vec<String> {
    let examples = &judgement.counterexamples;
    let days: std::collections::BTreeSet<_> = examples.iter().filter_map(day).collect();
    let format = if days.len() > 1 { "%F %T" } else { "%T" };
    let mut lines: Vec<_> =
        examples.iter().map(|example| format!("            {}", shown(example, &judgement.words, format))).collect();
    let more = judgement.counterexamples_total.saturating_sub(u64::try_from(examples.len()).unwrap_or(u64::MAX));
    if more > 0 {
        lines.push(format!("            and {} more", grouped(more)));
    }
    lines
}

fn shown(example: &Counterexample, words: &Words, format: &str) -> String {
    let Words { record, output: topic, .. } = words;
    match example {
        Counterexample::Identity { .. } => identity(example, words),
        Counterexample::Total { key, what, sent, emitted, .. } => {
            let sent = sent.map(|sent| place(&words.input, sent));
            let places: Vec<String> =
                sent.into_iter().chain(emitted.iter().map(|at| place(topic, at.place()))).collect();
            format!("{key:<7} {what}   {}", places.join(", "))
        }
        Counterexample::Said { key: Some(key), what } => format!("{record} {key:<7} {what}"),
        Counterexample::Said { key: None, what } => what.clone(),
        Counterexample::Stray { partition, offset, what, .. } => {
            format!("{}   {what}", place(topic, (*partition, *offset)))
        }
        Counterexample::Window { .. } => window(example, words, format),
    }
}

/// As in `output-0 @ 7`.
fn place(topic: &str, (partition, offset): (i32, i64)) -> String {
    format!("{topic}-{partition} @ {offset}")
}

fn identity(example: &Counterexample, words: &Words) -> String {
    let Counterexample::Identity { class, identity, sent, emitted, what } = example else { return String::new() };
    let sent = sent.map_or_else(String::new, |sent| format!("   {}", place(&words.input, sent)));
    let places: Vec<String> = emitted.iter().map(|at| place(&words.output, at.place())).collect();
    let places = places.join(", ");
    let what = match class {
        Class::Conflicting => format!("{}{sent}, {places}", what.as_deref().unwrap_or("differs")),
        Class::Missing => format!("never emitted{sent}"),
        Class::Unexpected => format!("emitted, though nobody sent it or it was to be left out   {places}"),
        _ => format!("emitted {}   {places}", counted(emitted.len() as u64, "time")),
    };
    format!("{} {identity:<7} {what}", words.record)
}

fn window(example: &Counterexample, words: &Words, format: &str) -> String {
    let Counterexample::Window { class, key, window_start, window_end, expected, expected_figures, emitted, records } =
        example
    else {
        return String::new();
    };
    let window = format!("{} to {}", clock(*window_start, format), clock(*window_end, "%T"));
    let in_input = match expected {
        0 => format!("no {} in {}", words.record, words.input),
        records => format!("{} in {}", counted(*records, &words.record), words.input),
    };
    let found = match class {
        Class::Missing => "nothing emitted".to_owned(),
        // The count is right in every record, so it is something else that is not.
        Class::Conflicting if records.iter().all(|record| record.count == *expected) => {
            let counted = format!("counted, but not the same ones: {}", differing(expected_figures, records));
            found(*emitted, records, &words.output).replacen("counted", &counted, 1)
        }
        _ => found(*emitted, records, &words.output),
    };
    format!("{key:<7} {window} UTC   {in_input}, {found}")
}

/// What records say of a window besides its count that the input does not.
fn differing(expected: &Figures, records: &[Emission]) -> String {
    let other = |of: fn(&Figures) -> Option<f64>| {
        let expected = of(expected)?;
        #[allow(clippy::float_cmp, reason = "the same number, written and read again")]
        let told = records.iter().filter_map(|record| of(&record.figures)).find(|told| *told != expected)?;
        Some(format!("{told}, {expected} expected"))
    };
    if let Some(what) = other(|figures| figures.min) {
        return format!("the minimum is {what}");
    }
    if let Some(what) = other(|figures| figures.max) {
        return format!("the maximum is {what}");
    }
    let sums = |record: &Emission| record.figures.contradict(expected);
    if records.iter().any(sums) { "the checksum differs".to_owned() } else { "the window differs".to_owned() }
}

/// What was counted, and which records say so.
fn found(emitted: u64, records: &[Emission], topic: &str) -> String {
    /// How many fit on a line.
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
        _ => None,
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
    use crate::history::answer::Answer;
    use crate::history::traffic::{Emitted, Sent, Stray, Window};
    use crate::ledger::{Counts, Ledger, Terms};

    /// 2020-11-02, 01:24:15 UTC.
    const START: i64 = 1_604_280_255_000;
    const LENGTH: i64 = 15_000;
    const KEYS: [&str; 6] = ["/help", "/index", "/shop", "/jobs", "/about", "/news"];

    fn window(start: i64) -> Window {
        Window { start, end: start + LENGTH }
    }

    /// Six windows of every key, of which `count` makes the records.
    fn judged(delivery: Delivery, mut count: impl FnMut(&mut Ledger, usize, i64, i64)) -> Judgement {
        let mut ledger = Ledger::default();
        for number in 0..6 {
            for (key, offset) in (0..KEYS.len()).zip(6 * number..) {
                let start = START + number * LENGTH;
                let (name, partition) = (KEYS[key].to_owned(), i32::try_from(key).unwrap());
                let offsets = (number * 1000, number * 1000 + 999);
                ledger.sent(&Sent {
                    key: name,
                    window: window(start),
                    count: 1000,
                    figures: Figures::sum(0),
                    partition,
                    offsets,
                    late: 0,
                    under_way: false,
                });
                count(&mut ledger, key, start, offset);
            }
        }
        let words = Words { record: "click".to_owned(), ..Words::default() };
        Judgement { words, ..ledger.judge(&Terms::of(delivery)) }
    }

    fn page_of(judgement: &Judgement) -> String {
        let mut lines = vec![line(judgement), verdict(judgement.outcome, judgement, Paint::Plain)];
        lines.extend(counterexamples(judgement));
        lines.join("\n")
    }

    fn one(ledger: &mut Ledger, key: usize, start: i64, count: u64, offset: i64) {
        let (key, figures, partition) = (KEYS[key].to_owned(), Figures::NONE, 0);
        ledger.emitted(&Emitted { key, window: window(start), count, figures, partition, offset });
    }

    #[test]
    fn all_well() {
        let judgement = judged(Delivery::AtLeastOnce, |ledger, key, start, offset| {
            one(ledger, key, start, 1000, offset);
            if key == 1 && start < START + 2 * LENGTH {
                one(ledger, key, start, 1000, offset + 100);
            }
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    36 of 36 windows complete, 01:24:15 to 01:25:45 UTC · 2 emitted again, as at-least-once allows
        verdict   PASS  no click lost, none counted twice
        ");
    }

    #[test]
    fn clicks_lost() {
        let judgement = judged(Delivery::AtLeastOnce, |ledger, key, start, offset| {
            let is_victim = key == 2 && start == START + LENGTH;
            one(ledger, key, start, if is_victim { 188 } else { 1000 }, offset);
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    35 of 36 windows complete, 01:24:15 to 01:25:45 UTC · 1 short
        verdict   FAIL  812 clicks lost in 1 of 36 windows
                    /shop   01:24:30 to 01:24:45 UTC   1000 clicks in input, 188 counted   output-0 @ 8
        ");
    }

    #[test]
    fn every_kind_of_wrong() {
        let judgement = judged(Delivery::ExactlyOnce, |ledger, key, start, offset| {
            match (key, (start - START) / LENGTH) {
                (0, 1) => {}
                (1, 1) => one(ledger, key, start, 1500, offset),
                (2, 1) => {
                    one(ledger, key, start, 1000, offset);
                    one(ledger, key, start, 12, offset + 100);
                }
                (3, 1) => (0..12).for_each(|again| one(ledger, key, start, 1000, offset + again * 100)),
                (4, 1) => {
                    one(ledger, key, start, 1000, offset);
                    one(ledger, key, start + 24 * 3_600_000, 7, offset + 100);
                }
                _ => one(ledger, key, start, 1000, offset),
            }
            if (key, start) == (0, START) {
                ledger.stray(Stray {
                    partition: 0,
                    offset: 400,
                    what: "'oops' is not a window count".into(),
                    key: None,
                });
            }
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    32 of 36 windows complete, 01:24:15 to 01:25:45 UTC · 1 emitted again · 1 over · 1 conflicting · 1 missing · 2 unexpected
        verdict   FAIL  1988 clicks lost, 500 clicks counted twice in 3 of 36 windows, 1 window emitted again, which violates exactly-once, 2 records in output that input does not explain
                    /help   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, nothing emitted
                    /index  2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1500 counted   output-0 @ 7
                    /jobs   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1000 counted   output-0 @ 9, output-0 @ 109, output-0 @ 209 and 9 more
                    /shop   2020-11-02 01:24:30 to 01:24:45 UTC   1000 clicks in input, 1000 counted at output-0 @ 8, 12 counted at output-0 @ 108
                    /about  2020-11-03 01:24:30 to 01:24:45 UTC   no click in input, 7 counted   output-0 @ 110
                    output-0 @ 400   'oops' is not a window count
        ");
    }

    #[test]
    fn a_count_of_other_clicks_is_told_by_its_checksum() {
        let judgement = judged(Delivery::AtLeastOnce, |ledger, key, start, offset| {
            let figures = Figures::sum(u64::from((key, start) == (2, START)));
            let key = KEYS[key].to_owned();
            ledger.emitted(&Emitted { key, window: window(start), count: 1000, figures, partition: 0, offset });
        });
        insta::assert_snapshot!(page_of(&judgement), @"
        ledger    35 of 36 windows complete, 01:24:15 to 01:25:45 UTC · 1 conflicting
        verdict   FAIL  1 click lost, 1 click counted twice in 1 of 36 windows
                    /shop   01:24:15 to 01:24:30 UTC   1000 clicks in input, 1000 counted, but not the same ones: the checksum differs   output-0 @ 2
        ");
    }

    #[test]
    fn totals_that_are_wrong() {
        let counts = Counts { complete: 7, over: 1, missing: 1, unexpected: 1, ..Counts::default() };
        let what = "count 3, sum 4 emitted, count 2, sum 3 expected".to_owned();
        let emitted = vec![Emission { partition: 1, offset: 9, count: 3, figures: Figures::NONE }];
        let (class, key) = (Class::Over, "event-1".to_owned());
        let example = Counterexample::Total { class, key, what, sent: None, emitted };
        let words =
            Words { record: "line".into(), unit: "line".into(), output: "taskmanager".into(), ..Words::default() };
        let judgement = Judgement::by_record(Delivery::AtLeastOnce, counts, vec![example]);
        insta::assert_snapshot!(page_of(&Judgement { words, records_not_resent: 31, ..judgement }), @"
        ledger    7 of 9 lines complete · 1 over · 1 missing · 1 unexpected · 31 not resent, as a socket is not read again
        verdict   FAIL  1 of 9 lines lost, 1 total out of line with those before, 1 record in taskmanager that input does not explain
                    event-1 count 3, sum 4 emitted, count 2, sum 3 expected   taskmanager-1 @ 9
                    and 2 more
        ");
    }

    #[test]
    fn nothing_decided() {
        insta::assert_snapshot!(page_of(&judged(Delivery::AtLeastOnce, |_, _, _, _| {})), @"
        ledger    no window decided · 36 still open
        verdict   UNKNOWN  nothing was decided: 36 windows still open
        ");
        let nothing = Ledger::default().judge(&Terms::of(Delivery::AtLeastOnce));
        insta::assert_snapshot!(page_of(&nothing), @"
        ledger    no window decided
        verdict   UNKNOWN  nothing was seen
        ");
    }

    #[test]
    fn what_a_program_says_is_quoted() {
        let said = |verdict, problem: Option<&str>| {
            let program = "./judge.py".to_owned();
            let (judged, problem) = (if problem.is_some() { 0 } else { 1003 }, problem.map(str::to_owned));
            let total = u64::from(verdict == Outcome::Fail) * 2;
            let answer =
                Answer { program, verdict, judged, counterexamples_total: total, problem, ..Answer::default() };
            let unit = "order".to_owned();
            let words =
                Words { record: unit.clone(), unit, passes: Some("./judge.py says so".to_owned()), ..Words::default() };
            let counterexamples = match verdict {
                Outcome::Fail => vec![
                    Counterexample::Said { key: Some("17".into()), what: "never came out".into() },
                    Counterexample::Said { key: None, what: "out of order".into() },
                ],
                _ => Vec::new(),
            };
            let ledger = Judgement::by_record(Delivery::AtLeastOnce, Counts::default(), counterexamples);
            let (outcome, answer, counterexamples_total) = (verdict, Some(answer), total);
            page_of(&Judgement { outcome, words, judged, counterexamples_total, answer, ..ledger })
        };
        let pages = [
            said(Outcome::Pass, None),
            said(Outcome::Fail, None),
            said(Outcome::Unknown, None),
            said(Outcome::Unknown, Some("exited with code 1")),
        ];
        insta::assert_snapshot!(pages.join("\n"), @"
        ledger    1003 orders judged
        verdict   PASS  ./judge.py says so
        ledger    1003 orders judged
        verdict   FAIL  ./judge.py says so, with 2 counterexamples
                    order 17      never came out
                    out of order
        ledger    1003 orders judged
        verdict   UNKNOWN  ./judge.py says unknown
        ledger    no order judged
        verdict   UNKNOWN  ./judge.py gave no answer
        ");
    }

    #[test]
    fn many_are_cut_short() {
        let judgement =
            judged(Delivery::AtLeastOnce, |ledger, key, start, offset| one(ledger, key, start, 999, offset));
        let lines = counterexamples(&judgement);
        assert_eq!((lines.len(), lines[20].trim()), (21, "and 16 more"));
    }
}
