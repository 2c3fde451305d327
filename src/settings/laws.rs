//! Laws of the table of options, over all settings: whatever way they are written, they are read as the same settings.

use std::collections::BTreeMap;

use clap::{Parser as _, ValueEnum};
use proptest::prelude::*;

use super::option::{Kind, OPTIONS, Scope, StackOption};
use super::overrides::Overrides;
use super::{Delivery, Ha, JobVariant, Scheduler, StackSettings};
use crate::cli::{Cli, Command};

/// A value of each field, so that a field without a row of the table breaks a law.
fn settings() -> impl Strategy<Value = StackSettings> {
    let ports = (any::<u16>(), any::<u16>());
    let file = proptest::option::of("[a-zA-Z' \"$/.=-]{1,12}");
    let shape = (
        proptest::option::of(1..=128_u32),
        1..=2_u32,
        proptest::option::of(1..=16_u32),
        1..=64_u32,
        proptest::sample::select(Scheduler::value_variants()),
        proptest::sample::select(Ha::value_variants()),
        proptest::option::of("[a-z.-]{1,9}"),
        proptest::option::of("[a-z:/.]{1,9}"),
    );
    let workload = proptest::option::of(proptest::sample::select(vec!["orders", "./own one.toml", "-odd.toml"]));
    (ports, (file, workload), speed(), job(), shape).prop_filter_map(
        "contradicting",
        |(ports, files, speed, job, shape)| {
            let (file, workload) = files;
            let (parallelism, jobmanagers, taskmanagers, slots, scheduler, ha, storage_class, registry) = shape;
            let settings = StackSettings {
                project: "p".to_owned(),
                file: file.map(Into::into),
                workload: workload.map(str::to_owned),
                rest_port: ports.0,
                kafka_port: ports.1,
                speed,
                job,
                parallelism,
                jobmanagers,
                taskmanagers,
                slots,
                scheduler,
                ha,
                storage_class,
                registry,
            };
            settings.checked().ok()
        },
    )
}

fn speed() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), 0.000_001..=1000.0]
}

fn job() -> impl Strategy<Value = JobVariant> {
    let flags = any::<(bool, bool, bool)>();
    let numbers = (10..=600_000_u64, 0..=100_000_u32);
    (flags, proptest::sample::select(Delivery::value_variants()), numbers).prop_map(|(flags, delivery, numbers)| {
        let (checkpointing, event_time, backpressure) = flags;
        let (checkpoint_interval_ms, state_keys) = numbers;
        JobVariant { checkpointing, event_time, backpressure, delivery, checkpoint_interval_ms, state_keys }
    })
}

/// The job's arguments as Flink tells them: by name, a flag that stands alone with a value that means nothing.
fn named(arguments: &[String]) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    let mut words = arguments.iter().peekable();
    while let Some(name) = words.next() {
        let value = words.next_if(|next| !next.starts_with("--")).cloned();
        named.insert(name.trim_start_matches("--").to_owned(), value.unwrap_or_else(|| "__NO_VALUE_KEY".to_owned()));
    }
    named
}

/// The `[stack]` that fixes all that a scenario can.
fn scenario_file(settings: &StackSettings) -> toml::Table {
    let value = |option: &StackOption| {
        let text = (option.get)(settings)?;
        let text = if matches!(option.kind, Kind::Choice(_)) { format!("\"{text}\"") } else { text };
        Some(format!("{} = {text}\n", option.name))
    };
    let lines: String = OPTIONS.iter().filter(|option| option.scope != Scope::User).filter_map(value).collect();
    toml::from_str(&lines).expect("a table")
}

proptest! {
    #[test]
    fn the_command_line_asks_for_the_same_settings(settings in settings()) {
        let words = ["playground", "-p", "p", "up"].map(str::to_owned).into_iter().chain(settings.arguments());
        let Command::Up(up) = Cli::try_parse_from(words).expect("arguments").command else { panic!("not up") };
        prop_assert_eq!(up.stack.settings("p").expect("settings"), settings);
    }

    #[test]
    fn a_scenario_can_fix_all_but_what_is_the_users(settings in settings()) {
        let of_the_user = StackSettings {
            parallelism: None,
            jobmanagers: 1,
            taskmanagers: None,
            slots: 1,
            scheduler: Scheduler::Default,
            job: JobVariant::default(),
            ..settings.clone()
        };
        let fixed = Overrides::of_scenario(&scenario_file(&settings)).expect("a table of options");
        prop_assert_eq!(fixed.over(of_the_user).expect("settings"), settings);
    }

    #[test]
    fn a_job_tells_the_variant_that_it_was_given(job in job()) {
        prop_assert_eq!(JobVariant::from_arguments(&named(&job.arguments())), job);
    }
}

#[test]
fn the_jobs_arguments_are_those_that_its_main_reads() {
    let job = JobVariant { backpressure: true, state_keys: 5, ..JobVariant::default() };
    let line = job.arguments().join(" ");
    assert_eq!(line, "--checkpointing --event-time --backpressure --delivery at-least-once --state-keys 5");
}

#[test]
fn what_is_usual_is_no_argument() {
    assert_eq!(StackSettings::of("p").arguments(), Vec::<String>::new());
}

#[test]
fn each_row_has_a_name_of_its_own_and_a_usual_value_that_it_takes() {
    let mut names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), OPTIONS.len());
    for option in OPTIONS {
        let usual = option.usual();
        assert!(usual.is_none_or(|usual| option.kind.check(&usual).is_ok()), "{}", option.name);
    }
}
