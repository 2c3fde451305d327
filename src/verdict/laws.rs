//! What holds of every history: the fold and the verdict, held against an oracle of a few lines.
//!
//! A small world of two keys is played: a job that counts windows, loses records, counts some twice, says nothing, repeats
//! itself after restores; a reader that looks at any time, and may be late with what it tells as far as the watchers allow.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Outcome, Verdict, judge};
use crate::fold::Fold;
use crate::history::seen::{JobFacts, JobSeen, Place, Read, Restored};
use crate::history::traffic::{Emitted, Figures, Sent, Topic, Window};
use crate::history::{Event, Head, Holds, Scope, What};
use crate::settings::{Delivery, JobVariant};

const KEYS: usize = 2;
const RECORDS: u64 = 10;

/// What becomes of a window in this world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Exact,
    /// So many records fewer, or more.
    Lost(u64),
    Twice(u64),
    /// The right count, of other records.
    Swapped,
    Silent,
    /// Emitted again, explained by a restore or not.
    Again {
        explained: bool,
    },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Exact),
        1 => (1..RECORDS).prop_map(Fate::Lost),
        1 => (1..RECORDS).prop_map(Fate::Twice),
        1 => Just(Fate::Swapped),
        1 => Just(Fate::Silent),
        2 => any::<bool>().prop_map(|explained| Fate::Again { explained }),
    ]
}

/// A whole run: what becomes of each window of each key, how it is told, and what happens beside.
#[derive(Debug, Clone)]
struct World {
    windows: Vec<[Fate; KEYS]>,
    /// After how many windows the input is told in two halves instead of at once.
    halves: usize,
    /// How many windows the output is told behind the input.
    behind: usize,
    scope: Scope,
    delivery: Delivery,
    alive: bool,
    /// Up to which window records leave the input, before the first is counted.
    gone: usize,
    ended: bool,
}

fn world() -> impl Strategy<Value = World> {
    let windows = prop::collection::vec(prop::array::uniform2(fate()), 0..12);
    let scope = prop_oneof![Just(Scope::Present), Just(Scope::Past), Just(Scope::Plan)];
    let delivery = prop_oneof![3 => Just(Delivery::AtLeastOnce), 1 => Just(Delivery::ExactlyOnce)];
    let gone = prop_oneof![4 => Just(0_usize), 1 => 0..4_usize];
    (windows, 0..12_usize, 0..4_usize, scope, delivery, prop::bool::weighted(0.8), gone, prop::bool::weighted(0.9))
        .prop_map(|(windows, halves, behind, scope, delivery, alive, gone, ended)| World {
            windows,
            halves,
            behind,
            scope,
            delivery,
            alive,
            gone,
            ended,
        })
}

fn window(number: usize) -> Window {
    let start = i64::try_from(number).unwrap() * 15;
    Window { start, end: start + 15 }
}

fn name(key: usize) -> String {
    format!("k{key}")
}

struct Teller {
    events: Vec<What>,
    offset: i64,
}

impl Teller {
    fn tell(&mut self, what: What) {
        self.events.push(what);
    }

    fn sent(&mut self, key: usize, number: usize, count: u64) {
        let first = i64::try_from(number).unwrap() * 10;
        self.tell(What::Sent(Sent {
            key: name(key),
            window: window(number),
            count,
            figures: Figures::sum(3 * count),
            partition: i32::try_from(key).unwrap(),
            offsets: (first, first + 9),
            late: 0,
            under_way: false,
        }));
    }

    fn emitted(&mut self, key: usize, number: usize, count: u64, checksum: u64) {
        let (window, figures) = (window(number), Figures::sum(checksum));
        self.tell(What::Emitted(Emitted { key: name(key), window, count, figures, partition: 0, offset: self.offset }));
        self.offset += 1;
    }

    fn window(&mut self, key: usize, number: usize, fate: Fate) {
        let (all, sum) = (RECORDS, 3 * RECORDS);
        match fate {
            Fate::Exact => self.emitted(key, number, all, sum),
            Fate::Lost(records) => self.emitted(key, number, all - records, 3 * (all - records)),
            Fate::Twice(records) => self.emitted(key, number, all + records, 3 * (all + records)),
            Fate::Swapped => self.emitted(key, number, all, sum + 1),
            Fate::Silent => {}
            Fate::Again { explained } => {
                let first = self.offset;
                self.emitted(key, number, all, sum);
                if explained {
                    let again = Some(std::iter::once(first..self.offset).collect());
                    self.tell(What::Restored(Restored { job: "a".into(), checkpoint: 1, savepoint: false, again }));
                }
                self.emitted(key, number, all, sum);
            }
        }
    }
}

fn history(world: &World) -> Vec<Event> {
    let mut teller = Teller { events: Vec::new(), offset: 0 };
    let (scenario, purpose, project, plan) = Default::default();
    let job = JobVariant { delivery: world.delivery, ..JobVariant::default() };
    let (holds, scope) = (Holds::Exact, world.scope);
    teller.tell(What::Began(Head {
        workload: Box::new(crate::workload::catalog::usual().unwrap()),
        scenario,
        purpose,
        project,
        speed: 1.0,
        job,
        holds,
        scope,
        steps: 0,
        began: 0,
        plan,
    }));
    let state = if world.alive { "RUNNING" } else { "CANCELED" };
    let (id, name, delivery) = ("a".to_owned(), "job".to_owned(), Some(world.delivery));
    let seen = JobSeen { id: Some(id.clone()), running: 4, subtasks: 4, alive: 1, ..JobSeen::absent(state) };
    teller.tell(What::Found(JobFacts { id, name, since: 0, delivery, checkpoint_interval: None }));
    teller.tell(What::Job(seen));
    let windows = world.windows.len();
    for number in 0..windows + world.behind {
        if number < windows {
            for key in 0..KEYS {
                if number >= world.halves {
                    teller.sent(key, number, RECORDS / 2);
                }
                teller.sent(key, number, if number >= world.halves { RECORDS / 2 } else { RECORDS });
            }
        }
        if number == windows.saturating_sub(1) && world.gone > 0 {
            let to = i64::try_from(world.gone).unwrap() * 10;
            teller.tell(What::Gone { topic: Topic::Input, partition: 0, from: 0, to, unread: false });
        }
        if let Some(fates) = number.checked_sub(world.behind).and_then(|number| world.windows.get(number)) {
            let emitted = number - world.behind;
            (0..KEYS).for_each(|key| teller.window(key, emitted, fates[key]));
        }
    }
    let place = |end| Place { start: 0, read: end, end };
    teller.tell(What::Read(Read {
        committed: vec![None; KEYS],
        input: vec![place(1000); KEYS],
        output: vec![place(teller.offset)],
    }));
    teller.tell(What::Settling);
    if world.ended {
        let events = teller.events.len() as u64;
        teller.tell(What::Ended { events });
    }
    (0..).zip(teller.events).map(|(at, what)| Event { at, what }).collect()
}

/// What the verdict must be, said in the plainest way: of each window by itself, then of the whole.
fn expected(world: &World) -> Outcome {
    let again_is_wrong = world.delivery == Delivery::ExactlyOnce;
    let last_emitted = |key: usize| world.windows.iter().rposition(|fates| fates[key] != Fate::Silent);
    let (mut wrong, mut doubtful, mut decided) = (false, false, 0);
    for key in 0..KEYS {
        for (number, fates) in world.windows.iter().enumerate() {
            // Deleted before the job came to it: the deletion is told in the last round, before what that round emits.
            let before = world.windows.len().saturating_sub(1).saturating_sub(world.behind);
            let was_passed = (number + 1..before).any(|later| world.windows[later][key] != Fate::Silent);
            let came_later = number >= before || (fates[key] == Fate::Silent && !was_passed);
            let is_gone = key == 0 && number < world.gone && came_later;
            doubtful |= is_gone;
            match fates[key] {
                Fate::Exact => decided += 1,
                Fate::Lost(_) | Fate::Silent if is_gone => {}
                Fate::Silent if last_emitted(key).is_some_and(|last| number < last) => wrong = true,
                Fate::Silent => doubtful |= world.scope == Scope::Present,
                Fate::Lost(_) | Fate::Twice(_) | Fate::Swapped => wrong = true,
                Fate::Again { .. } if again_is_wrong => wrong = true,
                Fate::Again { explained } => {
                    decided += 1;
                    doubtful |= !explained;
                }
            }
        }
    }
    doubtful |= world.scope == Scope::Present && !world.alive;
    doubtful |= world.scope == Scope::Plan && !world.ended;
    match (wrong, doubtful || decided == 0) {
        (true, _) => Outcome::Fail,
        (false, true) => Outcome::Unknown,
        (false, false) => Outcome::Pass,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_what_became_of_the_windows(world in world()) {
        let verdict = judge(&Fold::of(&history(&world)));
        prop_assert_eq!(verdict.outcome, expected(&world), "{:?} {:#?}", verdict.reasons, verdict.ledger.counts);
    }

    #[test]
    fn judging_the_same_events_again_gives_the_same(world in world()) {
        let events = history(&world);
        prop_assert_eq!(judge(&Fold::of(&events)), judge(&Fold::of(&events)));
    }

    #[test]
    fn a_history_that_is_cut_off_is_never_a_pass_of_a_plan(world in world(), at: prop::sample::Index) {
        let world = World { scope: Scope::Plan, ended: true, ..world };
        let events = history(&world);
        let cut = at.index(events.len());
        prop_assert_ne!(judge(&Fold::of(&events[..cut])).outcome, Outcome::Pass);
    }

    #[test]
    fn what_comes_of_two_keys_does_not_depend_on_whose_is_told_first(world in world()) {
        let events = history(&world);
        // Neighbours of different keys may be told in either order, as long as each comes after what it is made from.
        let mut swapped = events.clone();
        for place in 1..swapped.len() {
            if let (What::Emitted(before), What::Emitted(after)) = (&swapped[place - 1].what, &swapped[place].what)
                && before.key != after.key
            {
                swapped.swap(place - 1, place);
            }
        }
        let counts = |events: &[Event]| {
            let verdict = judge(&Fold::of(events));
            (verdict.outcome, verdict.ledger.counts)
        };
        prop_assert_eq!(counts(&events), counts(&swapped));
    }

    #[test]
    fn no_clock_changes_a_verdict(world in world(), jumps in prop::collection::vec(-100_000_i64..100_000, 1..20)) {
        // Only the order of events counts for the ledger; times are for the recovery alone.
        let events = history(&world);
        let mut jumping = events.clone();
        for (event, jump) in jumping.iter_mut().zip(jumps.iter().cycle()) {
            event.at += jump;
        }
        prop_assert_eq!(judge(&Fold::of(&jumping)).outcome, judge(&Fold::of(&events)).outcome);
    }
}

/// The same, when the output has so many partitions, its records went into them in turn, and each has lost its oldest ones:
/// those before its offset in `begins`.
fn output_begins_at(events: &[Event], begins: &[i64]) -> Vec<Event> {
    let partitions = i64::try_from(begins.len()).unwrap();
    // How many of the offsets before this one went into a partition.
    let before = |offset: i64, partition: i64| (offset + partitions - 1 - partition) / partitions;
    let mut cut = Vec::new();
    for Event { at, what } in events.iter().cloned() {
        let what = match what {
            What::Emitted(emitted) => {
                let (partition, offset) = (emitted.offset % partitions, emitted.offset / partitions);
                if offset < begins[usize::try_from(partition).unwrap()] {
                    continue;
                }
                What::Emitted(Emitted { partition: i32::try_from(partition).unwrap(), offset, ..emitted })
            }
            What::Restored(Restored { again: Some(again), job, checkpoint, savepoint }) => {
                let span = |partition| before(again[0].start, partition)..before(again[0].end, partition);
                What::Restored(Restored {
                    again: Some((0..partitions).map(span).collect()),
                    job,
                    checkpoint,
                    savepoint,
                })
            }
            What::Read(read) => {
                let end = read.output[0].end;
                let place = |(partition, start): (i64, &i64)| {
                    let end = before(end, partition);
                    Place { start: end.min(*start), read: end, end }
                };
                What::Read(Read { output: (0..).zip(begins).map(place).collect(), ..read })
            }
            what => what,
        };
        cut.push(Event { at, what });
    }
    cut
}

/// The same, when the two partitions of the input have lost what they had of their first windows before they were read, so
/// many of each; a window that is told in two halves lies in both partitions.
fn input_begins_at(events: &[Event], begins: [usize; KEYS]) -> Vec<Event> {
    let (mut cut, mut told) = (Vec::new(), Vec::new());
    let mut opened = begins.map(|begin| begin == 0);
    for Event { at, what } in events.iter().cloned() {
        match what {
            What::Began(_) => {
                cut.push(Event { at, what });
                for (partition, begin) in (0..).zip(begins).filter(|(_, begin)| *begin > 0) {
                    let (topic, to) = (Topic::Input, i64::try_from(begin).unwrap() * 10);
                    cut.push(Event { at, what: What::Gone { topic, partition, from: 0, to, unread: true } });
                }
            }
            What::Sent(mut sent) => {
                let half = (sent.key.clone(), sent.window);
                if told.contains(&half) {
                    sent.partition = 1 - sent.partition;
                }
                told.push(half);
                let partition = usize::try_from(sent.partition).unwrap();
                if sent.window < window(begins[partition]) {
                    continue;
                }
                // As a reader that begins in the middle of a partition tells it.
                if !std::mem::replace(&mut opened[partition], true) {
                    let whole_from = sent.window.end;
                    cut.push(Event { at, what: What::Cut { partition: sent.partition, whole_from } });
                }
                cut.push(Event { at, what: What::Sent(sent) });
            }
            what => cut.push(Event { at, what }),
        }
    }
    cut
}

/// A whole past, or one that a job still adds to.
fn past() -> impl Strategy<Value = World> {
    (world(), prop_oneof![Just(Scope::Present), Just(Scope::Past)]).prop_map(|(world, scope)| World {
        scope,
        gone: 0,
        ..world
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_the_output_lost_is_never_right_and_never_wrong(
        world in past(),
        begins in prop::collection::vec(0..30_i64, 1..3),
    ) {
        let events = history(&world);
        let whole = judge(&Fold::of(&output_begins_at(&events, &vec![0; begins.len()])));
        let cut = judge(&Fold::of(&output_begins_at(&events, &begins)));
        // While a job runs, what is missing may be on its way to another partition than what came later.
        let is_silent = world.windows.iter().flatten().any(|fate| matches!(fate, Fate::Silent));
        if begins.len() > 1 && world.alive && is_silent {
            let is_right = whole.outcome == Outcome::Pass && whole.ledger.counts.undecided == 0;
            prop_assert!(!is_right, "{:#?}", whole.ledger);
        } else {
            prop_assert_eq!(whole.outcome, expected(&world), "so many partitions change nothing");
        }
        let emitted = events.iter().filter(|event| matches!(event.what, What::Emitted(_))).count();
        if emitted >= begins.len() && begins.iter().any(|begin| *begin > 0) {
            prop_assert_ne!(cut.outcome, Outcome::Pass);
            prop_assert!(cut.reasons.iter().any(|reason| reason.contains("no longer holds its oldest records")));
        }
        if whole.outcome != Outcome::Fail {
            prop_assert_ne!(cut.outcome, Outcome::Fail, "{:#?}", cut.ledger);
        }
        // No window vanishes: what is not decided any more is counted as undecided.
        let all = |verdict: &Verdict| verdict.ledger.judged + verdict.ledger.counts.undecided;
        prop_assert_eq!(all(&cut), all(&whole), "{:#?}", cut.ledger);
    }

    #[test]
    fn what_the_input_lost_is_never_right_and_never_wrong(
        world in past(),
        begins in prop::array::uniform2(prop_oneof![1 => Just(0_usize), 2 => 0..14_usize]),
    ) {
        let events = history(&world);
        let whole = judge(&Fold::of(&input_begins_at(&events, [0; KEYS])));
        let cut = judge(&Fold::of(&input_begins_at(&events, begins)));
        if begins != [0; KEYS] {
            prop_assert_ne!(cut.outcome, Outcome::Pass);
        }
        if whole.outcome != Outcome::Fail {
            prop_assert_ne!(cut.outcome, Outcome::Fail, "{:?} {:#?}", cut.reasons, cut.ledger);
        }
    }
}

#[test]
fn the_oracle_knows_each_fate() {
    // The test's own oracle, tested: every fate leads to the outcome that it is there for.
    let world = |fate| World {
        windows: vec![[fate, Fate::Exact], [Fate::Exact, Fate::Exact]],
        halves: 9,
        behind: 0,
        scope: Scope::Present,
        delivery: Delivery::AtLeastOnce,
        alive: true,
        gone: 0,
        ended: true,
    };
    let outcomes: BTreeMap<String, Outcome> = [
        Fate::Exact,
        Fate::Lost(1),
        Fate::Twice(1),
        Fate::Swapped,
        Fate::Silent,
        Fate::Again { explained: true },
        Fate::Again { explained: false },
    ]
    .into_iter()
    .map(|fate| (format!("{fate:?}"), expected(&world(fate))))
    .collect();
    let of = |outcome| outcomes.values().filter(|found| **found == outcome).count();
    assert_eq!((of(Outcome::Pass), of(Outcome::Unknown), of(Outcome::Fail)), (2, 1, 4), "{outcomes:?}");
}
