//! What holds for every ledger, whatever was read.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::history::traffic::Figures;

const KEYS: usize = 6;
const LENGTH: i64 = 15_000;

/// An input to a ledger.
#[derive(Debug, Clone)]
enum Entry {
    Sent(Sent),
    Emitted(Emitted),
    Stray(Stray),
}

fn window(number: i64) -> Window {
    Window { start: number * LENGTH, end: number * LENGTH + LENGTH }
}

fn sent(key: usize, number: i64, count: u64) -> Entry {
    let partition = i32::try_from(key).unwrap();
    let offsets = (number * 1000, number * 1000 + 999);
    let (key, figures, under_way) = (format!("k{key}"), Figures::sum(7 * count), false);
    Entry::Sent(Sent { key, window: window(number), count, late: 0, figures, partition, offsets, under_way })
}

fn emitted(key: usize, number: i64, count: u64, offset: i64) -> Entry {
    let figures = Figures::sum(7 * count);
    Entry::Emitted(Emitted { key: format!("k{key}"), window: window(number), count, figures, partition: 0, offset })
}

fn ledger(bounds: Bounds, entries: &[Entry]) -> Ledger {
    let mut ledger = Ledger::within(bounds, Windowing::tumbling(LENGTH));
    for entry in entries {
        match entry {
            Entry::Sent(sent) => ledger.sent(sent),
            Entry::Emitted(emitted) => ledger.emitted(emitted),
            Entry::Stray(stray) => ledger.stray(stray.clone()),
        }
    }
    ledger
}

fn at_least_once(passed: i64) -> Terms {
    Terms { passed, ..Terms::of(Delivery::AtLeastOnce) }
}

fn judge(entries: &[Entry], passed: i64) -> Judgement {
    ledger(BOUNDS, entries).judge(&at_least_once(passed))
}

fn outcome(entries: &[Entry], passed: i64) -> Outcome {
    judge(entries, passed).outcome
}

/// A run in which all is well: every window of every key emitted once. The input in two halves, then the output.
fn well(windows: i64) -> Vec<Entry> {
    let each = || (0..windows).flat_map(|number| (0..KEYS).map(move |key| (key, number)));
    let input = each().flat_map(|(key, number)| [sent(key, number, 400), sent(key, number, 600)]);
    let output = each().zip(0..).map(|((key, number), offset)| emitted(key, number, 1000, offset));
    input.chain(output).collect()
}

/// The indices of the results among the entries.
fn results(entries: &[Entry]) -> Vec<usize> {
    (0..entries.len()).filter(|place| matches!(entries[*place], Entry::Emitted(_))).collect()
}

fn is_of(entry: &Entry, number: i64) -> bool {
    matches!(entry, Entry::Emitted(emitted) if emitted.window == window(number))
}

fn is(entry: &Entry, key: usize, number: i64) -> bool {
    matches!(entry, Entry::Emitted(emitted) if emitted.key == format!("k{key}") && emitted.window == window(number))
}

fn is_sent(entry: &Entry, number: i64) -> bool {
    matches!(entry, Entry::Sent(sent) if sent.window == window(number))
}

fn anything() -> impl Strategy<Value = Entry> {
    let count = prop_oneof![4 => Just(1000_u64), 1 => 0..3000_u64];
    prop_oneof![
        3 => (0..KEYS, 0_i64..12, prop_oneof![3 => Just(1000_u64), 1 => 1..1000_u64])
            .prop_map(|(key, number, count)| sent(key, number, count)),
        3 => (0..KEYS, 0_i64..12, count).prop_map(|(key, number, count)| emitted(key, number, count, 0)),
        1 => Just(Entry::Stray(Stray { partition: 0, offset: 0, what: "not JSON".into(), key: None })),
    ]
}

/// Any entries, each record with an offset of its own.
fn any_run() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(anything(), 0..120).prop_map(|mut entries| {
        for (place, entry) in (0..).zip(&mut entries) {
            match entry {
                Entry::Sent(_) => {}
                Entry::Emitted(emitted) => emitted.offset = place,
                Entry::Stray(stray) => stray.offset = place,
            }
        }
        entries
    })
}

proptest! {
    #[test]
    fn any_order_of_the_same_records_gives_the_same_judgement(
        (entries, shuffled) in any_run().prop_flat_map(|run| (Just(run.clone()), Just(run).prop_shuffle())),
        passed in (0_i64..14).prop_map(|number| number * LENGTH),
    ) {
        prop_assert_eq!(judge(&entries, passed), judge(&shuffled, passed));
    }

    #[test]
    fn folding_changes_no_judgement(entries in any_run(), passed in (0_i64..14).prop_map(|number| number * LENGTH)) {
        let tight = Bounds { recent: 2, irregular: usize::MAX };
        let folded = ledger(tight, &entries).judge(&at_least_once(passed));
        let plain = judge(&entries, passed);
        prop_assert_eq!(folded.counts, plain.counts);
        prop_assert_eq!(folded.records_expected, plain.records_expected);
        prop_assert_eq!(folded.duplicates_unexplained, plain.duplicates_unexplained);
        prop_assert_eq!(folded.counterexamples_total, plain.counterexamples_total);
    }

    #[test]
    fn no_dropped_record_goes_unnoticed(windows in 2_i64..9, victim: Index) {
        let mut entries = well(windows);
        let victim = *victim.get(&results(&entries));
        let Entry::Emitted(lost) = entries.remove(victim) else { unreachable!() };
        // The job is past everything: there is no doubt.
        prop_assert_eq!(outcome(&entries, windows * LENGTH), Outcome::Fail);
        // Nothing is known about the job: a later window of the key decides, and the last one may still be open.
        let last = lost.window == window(windows - 1);
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!(judgement.outcome, if last { Outcome::Pass } else { Outcome::Fail });
        prop_assert_eq!(judgement.counts.undecided, u64::from(last));
        prop_assert_eq!(judgement.records_lost, if last { 0 } else { 1000 });
    }

    #[test]
    fn no_wrong_count_goes_unnoticed(windows in 1_i64..9, victim: Index, count in 0_u64..5000) {
        prop_assume!(count != 1000);
        let mut entries = well(windows);
        let victim = *victim.get(&results(&entries));
        let Entry::Emitted(changed) = &mut entries[victim] else { unreachable!() };
        changed.count = count;
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!(judgement.outcome, Outcome::Fail);
        prop_assert_eq!(judgement.counts.short + judgement.counts.over, 1);
        prop_assert_eq!(judgement.records_lost, 1000_u64.saturating_sub(count));
        prop_assert_eq!(judgement.records_counted_twice, count.saturating_sub(1000));
    }

    #[test]
    fn no_wrong_checksum_goes_unnoticed(windows in 1_i64..9, victim: Index, checksum: u64) {
        prop_assume!(checksum != 7000);
        let mut entries = well(windows);
        let victim = *victim.get(&results(&entries));
        let Entry::Emitted(changed) = &mut entries[victim] else { unreachable!() };
        changed.figures = Figures::sum(checksum);
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!((judgement.outcome, judgement.counts.conflicting), (Outcome::Fail, 1));
        prop_assert_eq!((judgement.records_lost, judgement.records_counted_twice), (1, 1));
    }

    #[test]
    fn a_record_twice_is_a_duplicate(windows in 1_i64..9, victim: Index, times in 1_u64..20) {
        let mut entries = well(windows);
        let Entry::Emitted(victim) = entries[*victim.get(&results(&entries))].clone() else { unreachable!() };
        for again in 0..times {
            let offset = 10_000 + i64::try_from(again).unwrap();
            entries.push(Entry::Emitted(Emitted { offset, ..victim.clone() }));
        }
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!((judgement.outcome, judgement.counts.duplicate), (Outcome::Pass, 1));
        prop_assert_eq!(judgement.duplicates_unexplained, times);
        let exactly_once = Terms::of(Delivery::ExactlyOnce);
        prop_assert_eq!(ledger(BOUNDS, &entries).judge(&exactly_once).outcome, Outcome::Fail);
    }

    #[test]
    fn nothing_before_the_begin_is_judged_however_much_it_is(begin in 0_i64..40, bound in 0_usize..4) {
        // Every window is wrong, and there are more of them than are kept.
        let mut entries = well(40);
        entries.retain(|entry| !matches!(entry, Entry::Emitted(emitted) if emitted.offset % 2 == 0));
        let mut ledger = Ledger::within(Bounds { recent: 2, irregular: bound }, Windowing::tumbling(LENGTH));
        ledger.begin_at(begin * LENGTH);
        for entry in &entries {
            match entry {
                Entry::Sent(sent) => ledger.sent(sent),
                Entry::Emitted(emitted) => ledger.emitted(emitted),
                Entry::Stray(_) => {}
            }
        }
        let counts = ledger.judge(&at_least_once(40 * LENGTH)).counts;
        prop_assert_eq!(counts.complete + counts.missing, u64::try_from(40 - begin).unwrap() * KEYS as u64);
    }
}

#[test]
fn silence_is_unknown() {
    assert_eq!(outcome(&[], i64::MAX), Outcome::Unknown);
    let only_input: Vec<_> = well(6).into_iter().filter(|entry| matches!(entry, Entry::Sent(_))).collect();
    assert_eq!(outcome(&only_input, i64::MIN), Outcome::Unknown);
    // However far the job is: the topic may be the wrong one, or wiped.
    let judgement = judge(&only_input, 6 * LENGTH);
    assert_eq!((judgement.outcome, judgement.counts.undecided), (Outcome::Unknown, 36));
}

#[test]
fn silence_about_windows_that_the_job_is_past_is_a_loss() {
    let mut entries = well(6);
    entries.retain(|entry| !matches!(entry, Entry::Emitted(_)) || is_of(entry, 0));
    let judgement = judge(&entries, 3 * LENGTH);
    assert_eq!((judgement.outcome, judgement.counts.missing, judgement.records_lost), (Outcome::Fail, 12, 12_000));
}

#[test]
fn a_later_window_closes_nothing_while_a_job_writes_to_several_partitions() {
    let mut entries = well(3);
    entries.retain(|entry| !matches!(entry, Entry::Emitted(emitted) if emitted.window == window(1)));
    let mut ledger = ledger(BOUNDS, &entries);
    assert_eq!(ledger.judge(&at_least_once(i64::MIN)).counts.missing, KEYS as u64);
    ledger.set_in_order(false);
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.missing, counts.undecided), (0, KEYS as u64), "it may be on its way");
    assert_eq!(ledger.judge(&at_least_once(2 * LENGTH)).counts.missing, KEYS as u64);
}

#[test]
fn a_count_of_a_window_that_the_input_does_not_have_is_unexpected_and_closes_nothing() {
    let mut entries = well(2);
    entries.retain(|entry| !is_of(entry, 1));
    entries.push(emitted(0, 900, 1000, 99));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.outcome, judgement.counts.unexpected, judgement.counts.missing), (Outcome::Fail, 1, 0));
}

#[test]
fn a_count_from_before_all_of_the_input_is_a_doubt_and_no_fault_of_the_job() {
    let mut entries: Vec<_> = well(4);
    entries.retain(|entry| !matches!(entry, Entry::Sent(sent) if sent.window == window(0)));
    // The first window that is left is no longer complete.
    entries.retain(|entry| !matches!(entry, Entry::Sent(sent) if sent.window == window(1) && sent.count == 400));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.outcome, judgement.before_input), (Outcome::Unknown, 6));
    assert_eq!((judgement.counts.unexpected, judgement.counts.over, judgement.counts.complete), (6, 0, 12));
}

#[test]
fn different_counts_of_a_window_conflict_and_the_newest_record_says_what_is_lost() {
    let mut entries = well(2);
    entries.push(emitted(2, 0, 188, 1042));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.counts.conflicting, judgement.records_lost), (1, 812));
    let first = Emission { partition: 0, offset: 2, count: 1000, figures: Figures::sum(7000) };
    let again = Emission { partition: 0, offset: 1042, count: 188, figures: Figures::sum(1316) };
    let expected = Counterexample::Window {
        class: Class::Conflicting,
        key: "k2".into(),
        window_start: 0,
        window_end: LENGTH,
        expected: 1000,
        expected_figures: Figures::sum(7000),
        emitted: 2,
        records: vec![first, again],
    };
    assert_eq!(judgement.counterexamples, [expected]);
}

#[test]
fn a_stray_record_is_a_fail_that_names_it() {
    let mut ledger = ledger(BOUNDS, &well(2));
    ledger.stray(Stray { partition: 0, offset: 77, what: "'hello' is not a window count".into(), key: None });
    let judgement = ledger.judge(&at_least_once(i64::MIN));
    assert_eq!((judgement.outcome, judgement.counts.unexpected), (Outcome::Fail, 1));
    assert_eq!(
        serde_json::to_value(&judgement.counterexamples).unwrap(),
        serde_json::json!([
            {"class": "unexpected", "partition": 0, "offset": 77, "what": "'hello' is not a window count"}
        ])
    );
}

#[test]
fn a_judgement_names_its_span_and_ends_where_it_is_told_to() {
    let mut ledger = ledger(BOUNDS, &well(6));
    ledger.begin_at(2 * LENGTH);
    let judgement = ledger.judge(&Terms { until: 4 * LENGTH, ..at_least_once(i64::MIN) });
    assert_eq!((judgement.judged, judgement.span), (12, Some(Span { from: 2 * LENGTH, to: 4 * LENGTH })));
}

#[test]
fn what_a_cut_output_does_not_tell_of_is_not_missing() {
    let mut entries = well(6);
    entries.retain(|entry| !is_of(entry, 0) && !is_of(entry, 1));
    assert_eq!(judge(&entries, i64::MIN).counts.missing, 12);
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.output_is_cut(0);
    let judgement = ledger.judge(&at_least_once(i64::MIN));
    assert_eq!((judgement.counts.missing, judgement.counts.complete), (0, 24));
    assert_eq!(judgement.counts.undecided, 12, "they are not forgotten");
}

#[test]
fn a_loss_at_the_cut_of_the_output_is_not_told_from_what_was_deleted() {
    // What is left begins at window 2, and key 0 is silent until 4.
    let mut entries = well(6);
    entries.retain(|entry| !is_of(entry, 0) && !is_of(entry, 1) && !(0..4).any(|number| is(entry, 0, number)));
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.output_is_cut(0);
    let counts = ledger.judge(&at_least_once(6 * LENGTH)).counts;
    assert_eq!((counts.missing, counts.complete, counts.undecided), (0, 22, 14));
}

#[test]
fn a_key_that_is_silent_in_what_is_left_of_the_output_is_not_lost() {
    let mut entries = well(6);
    entries.retain(|entry| !(0..6).any(|number| is(entry, 0, number)));
    assert_eq!(judge(&entries, 6 * LENGTH).counts.missing, 6);
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.output_is_cut(0);
    let counts = ledger.judge(&at_least_once(6 * LENGTH)).counts;
    assert_eq!((counts.missing, counts.complete, counts.undecided), (0, 30, 6));
}

#[test]
fn a_partition_of_the_output_that_is_cut_says_nothing_of_what_the_others_do_not_hold() {
    // Windows go into two partitions in turn, and the first has lost all that it had of windows before 4.
    let mut entries = well(8);
    entries.retain(|entry| ![0, 2].iter().any(|number| is_of(entry, *number)) && !is_of(entry, 7));
    for entry in &mut entries {
        if let Entry::Emitted(emitted) = entry {
            emitted.partition = i32::from(emitted.window.start / LENGTH % 2 != 0);
        }
    }
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.output_is_cut(0);
    let counts = ledger.judge(&at_least_once(8 * LENGTH)).counts;
    assert_eq!((counts.complete, counts.undecided, counts.missing), (30, 12, 6), "7 is after all that is gone");
    assert_eq!(ledger.open_until(8 * LENGTH, 8 * LENGTH), 0, "they are not waited for");
}

#[test]
fn a_window_after_all_that_the_input_had_at_the_cut_of_the_output_is_lost_if_nothing_is_heard_of_it() {
    let (before, later): (Vec<_>, Vec<_>) =
        well(6).into_iter().partition(|entry| (0..3).any(|number| is_sent(entry, number)));
    let mut ledger = ledger(BOUNDS, &before);
    ledger.output_is_cut(0);
    for entry in later {
        match entry {
            Entry::Sent(sent) => ledger.sent(&sent),
            Entry::Emitted(emitted) if emitted.key != "k0" && emitted.window > window(2) => ledger.emitted(&emitted),
            Entry::Emitted(_) | Entry::Stray(_) => {}
        }
    }
    let counts = ledger.judge(&at_least_once(6 * LENGTH)).counts;
    assert_eq!((counts.complete, counts.undecided, counts.missing), (15, 18, 3));
}

#[test]
fn an_input_that_lost_all_of_a_partition_explains_whatever_was_emitted_of_it() {
    let mut entries = well(3);
    entries.retain(|entry| !matches!(entry, Entry::Sent(sent) if sent.partition == 2));
    assert_eq!(judge(&entries, i64::MIN).counts.unexpected, 3);
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.input_is_cut(2);
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.unexpected, counts.complete, counts.undecided), (0, 0, 15));
    ledger.input_is_whole_from(2, LENGTH);
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.unexpected, counts.complete, counts.undecided), (2, 10, 5), "from here on there is no excuse");
}

#[test]
fn what_is_wrong_whatever_the_input_lost_stays_wrong() {
    let mut entries = well(3);
    for entry in &mut entries {
        match entry {
            Entry::Emitted(emitted) if emitted.key == "k0" && emitted.window == window(0) => emitted.count = 900,
            Entry::Emitted(emitted) if emitted.key == "k1" && emitted.window == window(0) => emitted.count = 1100,
            _ => {}
        }
    }
    entries.retain(|entry| !is(entry, 2, 1));
    let mut ledger = ledger(BOUNDS, &entries);
    ledger.input_is_cut(5);
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.short, counts.missing, counts.over, counts.undecided), (1, 1, 0, 16));
}

#[test]
fn records_that_were_deleted_before_they_were_counted_leave_their_windows_undecided() {
    let (later, before): (Vec<_>, Vec<_>) = well(6).into_iter().partition(|entry| is_of(entry, 5));
    let before: Vec<_> = before.into_iter().filter(|entry| !is_of(entry, 3) && !is_of(entry, 4)).collect();
    let mut ledger = ledger(BOUNDS, &before);
    assert_eq!(
        ledger.gone(2, 4000),
        1,
        "window 3 of key 2; window 4 begins at this offset, and older ones were counted"
    );
    assert_eq!(ledger.gone(2, 4000), 0, "it is known already");
    for entry in &later {
        if let Entry::Emitted(emitted) = entry {
            ledger.emitted(emitted);
        }
    }
    assert_eq!(ledger.gone(3, 6000), 0, "the job had passed these over before");
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.missing, counts.undecided), (11, 1));
}

#[test]
fn a_window_that_was_under_way_when_its_records_were_deleted_is_undecided_as_well() {
    let mut ledger = ledger(BOUNDS, &well(3));
    ledger.gone(2, 3500);
    for entry in [sent(2, 3, 1000), emitted(2, 3, 400, 99), sent(2, 4, 1000), emitted(2, 4, 400, 100)] {
        match entry {
            Entry::Sent(sent) => ledger.sent(&sent),
            Entry::Emitted(emitted) => ledger.emitted(&emitted),
            Entry::Stray(_) => {}
        }
    }
    let counts = ledger.judge(&at_least_once(i64::MIN)).counts;
    assert_eq!((counts.undecided, counts.short), (1, 1), "of window 4 nothing was deleted");
}

#[test]
fn the_first_counterexamples_in_event_time_are_shown() {
    let mut entries = well(30);
    entries.retain(|entry| !(0..15).any(|half| is_of(entry, 2 * half)));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.counterexamples_total, judgement.counterexamples.len()), (90, SHOWN));
    let Counterexample::Window { key, window_start, .. } = &judgement.counterexamples[7] else { unreachable!() };
    assert_eq!((key.as_str(), *window_start), ("k1", 2 * LENGTH));
}

#[test]
fn its_json_has_a_count_for_each_class() {
    let json = serde_json::to_value(judge(&well(2), i64::MIN)).unwrap();
    for field in ["complete", "duplicate", "short", "over", "conflicting", "missing", "unexpected", "undecided"] {
        assert!(json[field].is_u64(), "{field}");
    }
    assert_eq!((&json["outcome"], &json["delivery"]), (&"pass".into(), &"at-least-once".into()));
}
