use super::*;
use crate::workload::clicks::PAGES;
use proptest::prelude::*;

/// That of the issue.
const ORDERS: &str = r#"{"id": {seq}, "user": {choice 100}, "amount": {uniform 1 100}, "ts": {event-time}}"#;

fn written(template: &str, seed: u64, seq: u64, time: i64) -> String {
    let mut buffer = b"left over from the record before, and longer than it, so that it shows".to_vec();
    Template::parse(template).unwrap().render(&mut buffer, seed, Record { seq, time });
    String::from_utf8(buffer).unwrap()
}

fn wrong(template: &str) -> String {
    Template::parse(template).unwrap_err()
}

fn unreadable(template: &str) -> String {
    Template::parse(template).unwrap().is_readable().unwrap_err()
}

#[test]
fn each_placeholder_writes_what_it_says() {
    let time = 1_604_280_262_007;
    assert_eq!(written("{seq} at {event-time}", 0, 12, time), "12 at 1604280262007");
    assert_eq!(written("{event-time iso}", 0, 12, time), "2020-11-02T01:24:22.007Z");
    assert_eq!([0, 1, 2, 3].map(|seq| written("{each  red\tgreen blue }", 0, seq, 0)), ["red", "green", "blue", "red"]);
    assert_eq!(written("{choice 1} {uniform -7 -7}", 9, 12, 0), "0 -7");
    assert_eq!(written("{text 9}", 9, 12, 0).len(), 9);
}

#[test]
fn braces_of_json_are_letters_like_any_other() {
    let nested = r#"{"a": {"b": {seq}}, "c": {}, "d": [{}, { }], "e": "{1}{A}{é}{a:b}"}"#;
    assert_eq!(written(nested, 0, 3, 0), nested.replace("{seq}", "3"));
    assert_eq!(written("}{{seq}}{", 0, 3, 0), "}{3}{");
}

#[test]
fn orders_are_as_in_the_issue() {
    let json: serde_json::Value = serde_json::from_str(&written(ORDERS, 1, 41, 1_604_280_262_000)).unwrap();
    assert_eq!((json["id"].as_u64(), json["ts"].as_i64()), (Some(41), Some(1_604_280_262_000)));
    assert!(json["user"].as_u64().unwrap() < 100);
    assert!((1..=100).contains(&json["amount"].as_u64().unwrap()));
}

/// Whoever changes it makes other records of every feed with a seed: no topic of an older binary could be continued.
#[test]
fn the_same_seed_makes_the_same_records_for_ever() {
    insta::assert_snapshot!(written(ORDERS, 1, 41, 0), @r#"{"id": 41, "user": 76, "amount": 71, "ts": 0}"#);
    insta::assert_snapshot!(written("{seq} {text 30} {uniform -1000 1000}", 7, 1_000_000, 0), @"1000000 yzahpazhuknxxnlalimtobsbdqfcjs 345");
}

#[test]
fn pseudo_random_values_depend_on_seed_record_and_place() {
    let four = "{choice 1000000} {choice 1000000} {text 9} {text 9}";
    let values = written(four, 1, 1, 0);
    let all: std::collections::BTreeSet<&str> = values.split(' ').collect();
    assert_eq!(all.len(), 4, "each place has its own: {values}");
    assert_ne!(written(four, 2, 1, 0), values);
    assert_ne!(written(four, 1, 2, 0), values);
    // A key draws what the value draws, whatever stands around it.
    assert_eq!(written("{choice 1000000}", 1, 1, 0), values.split(' ').next().unwrap());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    insta::assert_snapshot!(wrong(r#"{"id": {sqe}}"#), @"at character 8: there is no placeholder {sqe}; did you mean 'seq'?");
    insta::assert_snapshot!(wrong("é{event_time}"), @"at character 2: there is no placeholder {event_time}; did you mean 'event-time'?");
    insta::assert_snapshot!(wrong("{nonsense 7}"), @"at character 1: there is no placeholder {nonsense}; there are seq, event-time, choice, uniform, each, text");
    insta::assert_snapshot!(wrong("id {seq"), @"at character 4: the placeholder {seq has no closing brace");
    insta::assert_snapshot!(wrong("{seq 7}"), @"at character 1: {seq 7} is written {seq}");
    insta::assert_snapshot!(wrong("{event-time utc}"), @"at character 1: {event-time utc} is written {event-time}, {event-time iso} or {event-time late 5000}");
    insta::assert_snapshot!(wrong("{choice}"), @"at character 1: {choice} is written {choice 100}");
    insta::assert_snapshot!(wrong("{choice 0}"), @"at character 1: '0' is no whole number from 1 to 9007199254740992");
    insta::assert_snapshot!(wrong("{choice many}"), @"at character 1: 'many' is no whole number from 1 to 9007199254740992");
    insta::assert_snapshot!(wrong("{uniform 5 1}"), @"at character 1: {uniform 5 1} begins above its end");
    insta::assert_snapshot!(wrong("{uniform 1 99999999999999999999}"), @"at character 1: '99999999999999999999' is no whole number from -9007199254740992 to 9007199254740992");
    insta::assert_snapshot!(wrong("{each}"), @"at character 1: {each} is written {each red green blue}");
    insta::assert_snapshot!(wrong("{text 1000000}"), @"at character 1: '1000000' is no whole number from 1 to 900000");
    insta::assert_snapshot!(wrong("{text 500000}{text 500000}"), @"a record may have 1000000 bytes, and a broker takes no more than 900000");
}

#[test]
fn what_looks_like_json_must_be_json() {
    insta::assert_snapshot!(wrong(r#"{"id": {seq}, "user": {text 3}}"#), @r#"it makes no valid JSON: expected value at line 1 column 19 of '{\"id\": 0, \"user\": gtj}'"#);
    insta::assert_snapshot!(wrong(r#"{"id": {seq},}"#), @r#"it makes no valid JSON: trailing comma at line 1 column 10 of '{\"id\": 0,}'"#);
    // Only the last of the words makes it wrong.
    assert!(wrong(r#"{"id": {each 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 x}}"#).contains("valid JSON"));
    // What begins with a placeholder does not.
    assert_eq!(written("{seq},{choice 1}", 0, 7, 0), "7,0");
}

#[test]
fn what_could_not_be_resumed_is_said() {
    insta::assert_snapshot!(unreadable(""), @"it has neither {seq} nor {event-time}, so a generator that starts again could not tell where the records end: add one of them");
    insta::assert_snapshot!(unreadable("{choice 100}{seq}"), @"{seq} stands next to other digits, so where it ends could not be told: put something between them");
    insta::assert_snapshot!(unreadable("{event-time}0"), @"{event-time} stands next to other digits, so where it ends could not be told: put something between them");
    for readable in
        ["-{seq}-", "{text 5}{seq}", "{event-time iso}{text 1}", "{seq}{text 1}{event-time}", "1{choice 5} {seq}"]
    {
        assert_eq!(Template::parse(readable).unwrap().is_readable(), Ok(()), "{readable}");
    }
}

#[test]
fn a_record_tells_its_event_time_only_if_all_of_it_is_as_written() {
    let template = Template::parse(ORDERS).unwrap();
    let text = written(ORDERS, 1, 41, 1_604_280_262_000);
    assert_eq!(template.time_in(text.as_bytes(), 1, 41), Some(1_604_280_262_000));
    assert_eq!(template.time_in(text.as_bytes(), 1, 42), None);
    assert_eq!(template.time_in(text.as_bytes(), 2, 41), None, "another seed");
    assert_eq!(template.time_in(format!("{text} ").as_bytes(), 1, 41), None);
    assert_eq!(template.time_in(&text.as_bytes()[..text.len() - 2], 1, 41), None);
    assert_eq!(template.time_in(text.replace("160428", "0160428").as_bytes(), 1, 41), None);
    assert_eq!(template.time_in(b"", 1, 41), None);
}

#[test]
fn every_number_is_written() {
    let edges = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, i64::MAX, -1, -10, -100, i64::MIN];
    for time in edges {
        assert_eq!(written("{event-time}", 0, 0, time), time.to_string());
    }
    assert_eq!(written("{seq}", 0, u64::MAX, 0), u64::MAX.to_string());
}

/// A template and whether it may be resumed; some of its parts stand for what people write.
fn templates() -> impl Strategy<Value = String> {
    let placeholder = prop_oneof![
        Just("{seq}".to_owned()),
        Just("{event-time}".to_owned()),
        Just("{event-time iso}".to_owned()),
        (1_u64..10_000).prop_map(|most| format!("{{event-time late {most}}}")),
        (1_i64..1 << 53).prop_map(|count| format!("{{choice {count}}}")),
        (-1000_i64..1000, 0_i64..1 << 40).prop_map(|(low, more)| format!("{{uniform {low} {}}}", low + more)),
        prop::collection::vec("[a-z0-9/]{1,5}", 1..5).prop_map(|words| format!("{{each {}}}", words.join(" "))),
        (1_usize..40).prop_map(|letters| format!("{{text {letters}}}")),
    ];
    let parts = prop::collection::vec((placeholder, "[ -z}é]{0,5}"), 0..6);
    parts.prop_map(|parts| {
        parts.into_iter().flat_map(|(placeholder, literal)| [literal, placeholder]).collect::<String>()
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r"(\{|\}| |-|seq|event-time|iso|choice|uniform|each|text|[0-9]{1,20}|\PC){0,20}") {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.is_readable();
            let mut buffer = Vec::new();
            template.render(&mut buffer, u64::MAX, Record { seq: u64::MAX, time: i64::MIN });
            let _ = template.time_in(text.as_bytes(), 0, 0);
        }
    }

    #[test]
    fn what_is_written_is_read_again(
        text in templates(), seed: u64, seq: u64, time in EARLIEST + 10_000..=LATEST,
    ) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        prop_assume!(template.is_readable().is_ok());
        let mut record = Vec::new();
        template.render(&mut record, seed, Record { seq, time });
        let told = if template.tells_time() { time } else { 0 };
        prop_assert_eq!(template.time_in(&record, seed, seq), Some(told));
        if template.tells_seq() {
            prop_assert!(numbers::<u64>(&record).any(|number| number == seq));
        }
        let mut again = record.clone();
        template.render(&mut again, seed, Record { seq, time });
        prop_assert_eq!(again, record);
    }

    #[test]
    fn clicks_are_what_serde_json_writes(timestamp in -(1_i64 << 53) + 1..1 << 53, page in 0..PAGES.len()) {
        let clicks = crate::workload::clicks::feed();
        let page = (page as u64, PAGES[page]);
        let click = format!(r#"{{"timestamp":{timestamp},"page":"{}"}}"#, page.1);
        prop_assert_eq!(written(&clicks.template, 0, page.0, timestamp), click);
    }

    #[test]
    fn numbers_are_in_their_range(seed: u64, seq: u64, low in -(1_i64 << 53)..=1 << 53, high in -(1_i64 << 53)..=1 << 53) {
        let (low, high) = (low.min(high), low.max(high));
        let number: i64 = written(&format!("{{uniform {low} {high}}}"), seed, seq, 0).parse().unwrap();
        prop_assert!((low..=high).contains(&number));
        if high > 0 {
            let number: i64 = written(&format!("{{choice {high}}}"), seed, seq, 0).parse().unwrap();
            prop_assert!((0..high).contains(&number));
        }
    }
}
