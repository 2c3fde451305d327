//! What holds of every ledger, whatever was read.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::verdict::Outcome;

/// Something that a ledger is told.
#[derive(Debug, Clone)]
enum Entry {
    Clicks(usize, i64, u64),
    Count(Counted),
    Stray(Stray),
}

fn ledger(bounds: Bounds, entries: &[Entry]) -> Ledger {
    let mut ledger = Ledger::within(bounds);
    for entry in entries {
        match entry.clone() {
            Entry::Clicks(page, start, clicks) => ledger.clicked(page, start, clicks),
            Entry::Count(counted) => ledger.counted(counted),
            Entry::Stray(stray) => ledger.stray(stray),
        }
    }
    ledger
}

fn judge(entries: &[Entry], closed_before: i64) -> Judgement {
    ledger(BOUNDS, entries).judge(closed_before, Delivery::AtLeastOnce)
}

fn outcome(entries: &[Entry], closed_before: i64) -> Outcome {
    judge(entries, closed_before).outcome
}

/// A run in which all is well: so many windows of every page, each emitted once. Input in two halves, then output.
fn well(windows: i64) -> Vec<Entry> {
    let each = || (0..windows).flat_map(|window| (0..PAGES.len()).map(move |page| (page, window * WINDOW_MS)));
    let clicks = each().flat_map(|(page, start)| [Entry::Clicks(page, start, 400), Entry::Clicks(page, start, 600)]);
    let counts = each().enumerate().map(|(offset, (page, start))| {
        let offset = i64::try_from(offset).unwrap();
        Entry::Count(Counted { page, start, count: 1000, partition: 0, offset })
    });
    clicks.chain(counts).collect()
}

/// The places of the counts among the entries.
fn counts(entries: &[Entry]) -> Vec<usize> {
    let is_count = |place: &usize| matches!(entries[*place], Entry::Count(_));
    (0..entries.len()).filter(is_count).collect()
}

fn anything() -> impl Strategy<Value = Entry> {
    let start = (0_i64..12).prop_map(|window| window * WINDOW_MS);
    let count = prop_oneof![4 => Just(1000_u64), 1 => 0..3000_u64];
    prop_oneof![
        3 => (0..PAGES.len(), start.clone(), prop_oneof![3 => Just(1000_u64), 1 => 1..1000_u64])
            .prop_map(|(page, start, clicks)| Entry::Clicks(page, start, clicks)),
        3 => (0..PAGES.len(), start, count).prop_map(|(page, start, count)| Entry::Count(Counted {
            page, start, count, partition: 0, offset: 0
        })),
        1 => Just(Entry::Stray(Stray { partition: 0, offset: 0, what: "not JSON".into() })),
    ]
}

/// Any entries, each record with an offset of its own.
fn any_run() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(anything(), 0..120).prop_map(|mut entries| {
        for (place, entry) in (0..).zip(&mut entries) {
            match entry {
                Entry::Clicks(..) => {}
                Entry::Count(counted) => counted.offset = place,
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
        closed in (0_i64..14).prop_map(|window| window * WINDOW_MS),
    ) {
        prop_assert_eq!(judge(&entries, closed), judge(&shuffled, closed));
    }

    #[test]
    fn folding_changes_no_judgement(entries in any_run(), closed in (0_i64..14).prop_map(|window| window * WINDOW_MS)) {
        let tight = Bounds { recent: 2, irregular: usize::MAX };
        let folded = ledger(tight, &entries).judge(closed, Delivery::AtLeastOnce);
        let plain = judge(&entries, closed);
        prop_assert_eq!(folded.counts, plain.counts);
        prop_assert_eq!(folded.clicks_expected, plain.clicks_expected);
        prop_assert_eq!(folded.counterexamples_total, plain.counterexamples_total);
    }

    #[test]
    fn no_dropped_record_goes_unnoticed(windows in 2_i64..9, victim: Index) {
        let mut entries = well(windows);
        let victim = *victim.get(&counts(&entries));
        let Entry::Count(lost) = entries.remove(victim) else { unreachable!() };
        // The checkpoint covers everything: there is no doubt.
        prop_assert_eq!(outcome(&entries, windows * WINDOW_MS), Outcome::Fail);
        // Nothing is known of the job: a later window of the page decides, and the last one may still be open.
        let last = lost.start == (windows - 1) * WINDOW_MS;
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!(judgement.outcome, if last { Outcome::Pass } else { Outcome::Fail });
        prop_assert_eq!(judgement.counts.undecided, u64::from(last));
        prop_assert_eq!(judgement.clicks_lost, if last { 0 } else { 1000 });
    }

    #[test]
    fn no_wrong_count_goes_unnoticed(windows in 1_i64..9, victim: Index, count in 0_u64..5000) {
        prop_assume!(count != 1000);
        let mut entries = well(windows);
        let victim = *victim.get(&counts(&entries));
        let Entry::Count(changed) = &mut entries[victim] else { unreachable!() };
        changed.count = count;
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!(judgement.outcome, Outcome::Fail);
        prop_assert_eq!(judgement.counts.short + judgement.counts.over, 1);
        prop_assert_eq!(judgement.clicks_lost, 1000_u64.saturating_sub(count));
        prop_assert_eq!(judgement.clicks_counted_twice, count.saturating_sub(1000));
    }

    #[test]
    fn a_record_twice_is_a_duplicate(windows in 1_i64..9, victim: Index, times in 1_u64..20) {
        let mut entries = well(windows);
        let victim = entries[*victim.get(&counts(&entries))].clone();
        for again in 0..times {
            let Entry::Count(mut again_counted) = victim.clone() else { unreachable!() };
            again_counted.offset = 10_000 + i64::try_from(again).unwrap();
            entries.push(Entry::Count(again_counted));
        }
        let judgement = judge(&entries, i64::MIN);
        prop_assert_eq!((judgement.outcome, judgement.counts.duplicate), (Outcome::Pass, 1));
        let exactly = ledger(BOUNDS, &entries).judge(i64::MIN, Delivery::ExactlyOnce);
        prop_assert_eq!((exactly.outcome, exactly.counterexamples.len()), (Outcome::Fail, 1));
    }
}

#[test]
fn all_well_is_a_pass() {
    let judgement = judge(&well(6), i64::MIN);
    assert_eq!((judgement.outcome, judgement.windows_judged, judgement.clicks_expected), (Outcome::Pass, 36, 36_000));
    assert_eq!((judgement.counterexamples_total, judgement.counterexamples.len()), (0, 0));
}

#[test]
fn silence_is_unknown() {
    assert_eq!(outcome(&[], i64::MAX), Outcome::Unknown);
    let only_input: Vec<_> = well(6).into_iter().filter(|entry| matches!(entry, Entry::Clicks(..))).collect();
    assert_eq!(outcome(&only_input, i64::MIN), Outcome::Unknown);
    // Whatever the job has committed: the topic may be the wrong one, or wiped.
    let judgement = judge(&only_input, 6 * WINDOW_MS);
    assert_eq!((judgement.outcome, judgement.counts.undecided), (Outcome::Unknown, 36));
}

#[test]
fn silence_about_windows_that_a_checkpoint_covers_is_a_loss() {
    let mut entries = well(6);
    entries.retain(|entry| !matches!(entry, Entry::Count(counted) if counted.start > 0));
    let judgement = judge(&entries, 3 * WINDOW_MS);
    assert_eq!((judgement.outcome, judgement.counts.missing, judgement.clicks_lost), (Outcome::Fail, 12, 12_000));
}

#[test]
fn a_count_of_a_window_that_input_does_not_have_is_unexpected_and_closes_nothing() {
    let mut entries = well(2);
    entries.retain(|entry| !matches!(entry, Entry::Count(counted) if counted.start > 0));
    entries.push(Entry::Count(Counted { page: 0, start: 900 * WINDOW_MS, count: 1000, partition: 0, offset: 99 }));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.outcome, judgement.counts.unexpected, judgement.counts.missing), (Outcome::Fail, 1, 0));
}

#[test]
fn different_counts_of_a_window_conflict_and_the_newest_record_says_what_is_lost() {
    let mut entries = well(2);
    entries.push(Entry::Count(Counted { page: 2, start: 0, count: 188, partition: 0, offset: 1042 }));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.counts.conflicting, judgement.clicks_lost), (1, 812));
    let first = Emission { partition: 0, offset: 2, count: 1000 };
    let again = Emission { partition: 0, offset: 1042, count: 188 };
    let expected = Counterexample::Window {
        class: Class::Conflicting,
        page: "/shop".into(),
        window_start: 0,
        window_end: WINDOW_MS,
        expected: 1000,
        emitted: 2,
        records: vec![first, again],
    };
    assert_eq!(judgement.counterexamples, [expected]);
}

#[test]
fn a_stray_record_is_a_fail_that_names_it() {
    let mut ledger = ledger(BOUNDS, &well(2));
    ledger.emitted(0, 77, b"hello");
    let judgement = ledger.judge(i64::MIN, Delivery::AtLeastOnce);
    assert_eq!((judgement.outcome, judgement.counts.unexpected), (Outcome::Fail, 1));
    assert_eq!(
        serde_json::to_value(&judgement.counterexamples).unwrap(),
        serde_json::json!([
            {"class": "unexpected", "partition": 0, "offset": 77, "what": "'hello' is no count of a window"}
        ])
    );
}

#[test]
fn windows_before_the_beginning_are_not_judged() {
    let mut ledger = ledger(BOUNDS, &well(4));
    ledger.begin_at(3 * WINDOW_MS);
    assert_eq!(ledger.judge(i64::MIN, Delivery::AtLeastOnce).windows_judged, 6);
}

#[test]
fn the_first_counterexamples_in_event_time_are_shown() {
    let mut entries = well(30);
    entries.retain(|entry| !matches!(entry, Entry::Count(counted) if counted.start % (2 * WINDOW_MS) == 0));
    let judgement = judge(&entries, i64::MIN);
    assert_eq!((judgement.counterexamples_total, judgement.counterexamples.len()), (90, SHOWN));
    let Counterexample::Window { page, window_start, .. } = &judgement.counterexamples[7] else { unreachable!() };
    assert_eq!((page.as_str(), *window_start), ("/index", 2 * WINDOW_MS));
}

#[test]
fn its_json_has_a_count_for_each_class() {
    let json = serde_json::to_value(judge(&well(2), i64::MIN)).unwrap();
    for field in ["complete", "duplicate", "short", "over", "conflicting", "missing", "unexpected", "undecided"] {
        assert!(json[field].is_u64(), "{field}");
    }
    assert_eq!((&json["outcome"], &json["delivery"]), (&"pass".into(), &"at-least-once".into()));
}
