//! The one table of options: the stack's and the job's, each a row.
//!
//! From a row come an argument of `up` and `scenario` ([`crate::cli`]), a field of [`StackSettings`], a key of `[stack]` in
//! a scenario file, and an argument of the job's own `main`. Adding an option takes a field of the settings and a row here.
//! Values pass between them as text, which each row checks.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::{Delivery, Ha, MAX_JOBMANAGERS, MAX_PARALLELISM, MAX_TASKMANAGERS, Scheduler, StackSettings};

/// A row of the table.
#[derive(Debug)]
pub struct StackOption {
    /// In kebab case: the key in `[stack]`, the job's argument, and the flag without its dashes.
    pub name: &'static str,
    /// The one-letter flag, if it has one.
    pub short: Option<char>,
    /// What values it takes.
    pub kind: Kind,
    /// Who besides the user gives it a value, or needs to know it.
    pub scope: Scope,
    /// What `--help` says of its flag.
    pub help: &'static str,
    /// Its value; `None` where the stack decides.
    pub get: fn(&StackSettings) -> Option<String>,
    /// Gives it a value.
    set: fn(&mut StackSettings, &str) -> Result<(), String>,
}

/// How far an option reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// It concerns the user's machine or patience: no scenario sets it.
    User,
    /// A scenario may fix it in `[stack]`.
    Stack,
    /// The same, and the job takes it as an argument.
    Job,
}

/// What values an option takes.
#[derive(Debug)]
pub enum Kind {
    /// On or off. The flag takes no value and inverts the default: `--backpressure`, `--no-checkpointing`.
    Flag,
    /// A whole number, with its placeholder in `--help`.
    Number(&'static str, RangeInclusive<i64>),
    /// A factor above 0, as of [`speed`].
    Speed,
    /// One of several names.
    Choice(fn() -> Vec<PossibleValue>),
    /// A file's path, or a name; with its placeholder in `--help`.
    Path(&'static str),
}

/// All options. Values stand in this order wherever several are written; those of the job are in the order of its arguments.
pub static OPTIONS: &[StackOption] = &[
    StackOption {
        name: "file",
        short: Some('f'),
        kind: Kind::Path("FILE"),
        scope: Scope::User,
        help: "Use a compose file of your own instead of the built-in one",
        get: |stack| stack.file.as_ref().map(|file| file.display().to_string()),
        set: |stack, text| put_some(&mut stack.file, text),
    },
    StackOption {
        name: "workload",
        short: Some('w'),
        kind: Kind::Path("NAME|FILE"),
        scope: Scope::User,
        help: "The job to run, and what is right of its output: a built-in workload or a file of your own [default: what the stack runs, or else click-count]",
        get: |stack| stack.workload.clone(),
        set: |stack, text| put_some(&mut stack.workload, text),
    },
    StackOption {
        name: "rest-port",
        short: None,
        kind: Kind::Number("PORT", 0..=65_535),
        scope: Scope::User,
        help: "Host port of Flink's web UI and REST API, on 127.0.0.1",
        get: |stack| Some(stack.rest_port.to_string()),
        set: |stack, text| put(&mut stack.rest_port, text),
    },
    StackOption {
        name: "kafka-port",
        short: None,
        kind: Kind::Number("PORT", 0..=65_535),
        scope: Scope::User,
        help: "Host port of the Kafka broker, on 127.0.0.1",
        get: |stack| Some(stack.kafka_port.to_string()),
        set: |stack, text| put(&mut stack.kafka_port, text),
    },
    StackOption {
        name: "speed",
        short: None,
        kind: Kind::Speed,
        scope: Scope::User,
        help: "Generate clicks so that event time runs N times as fast as real time",
        get: |stack| Some(stack.speed.to_string()),
        set: |stack, text| put(&mut stack.speed, text),
    },
    StackOption {
        name: "checkpointing",
        short: None,
        kind: Kind::Flag,
        scope: Scope::Job,
        help: "Run the job without checkpoints: a failure loses clicks",
        get: |stack| Some(stack.job.checkpointing.to_string()),
        set: |stack, text| put(&mut stack.job.checkpointing, text),
    },
    StackOption {
        name: "event-time",
        short: None,
        kind: Kind::Flag,
        scope: Scope::Job,
        help: "Count in windows of processing time instead of event time",
        get: |stack| Some(stack.job.event_time.to_string()),
        set: |stack, text| put(&mut stack.job.event_time, text),
    },
    StackOption {
        name: "backpressure",
        short: None,
        kind: Kind::Flag,
        scope: Scope::Job,
        help: "Add an operator that throttles the job in every even minute",
        get: |stack| Some(stack.job.backpressure.to_string()),
        set: |stack, text| put(&mut stack.job.backpressure, text),
    },
    StackOption {
        name: "delivery",
        short: None,
        kind: Kind::Choice(choices::<Delivery>),
        scope: Scope::Job,
        help: "Delivery guarantee of the job's Kafka sink",
        get: |stack| Some(stack.job.delivery.name().to_owned()),
        set: |stack, text| choose(&mut stack.job.delivery, text),
    },
    StackOption {
        name: "checkpoint-interval",
        short: None,
        kind: Kind::Number("MS", 10..=600_000),
        scope: Scope::Job,
        help: "Checkpoint interval in milliseconds",
        get: |stack| Some(stack.job.checkpoint_interval_ms.to_string()),
        set: |stack, text| put(&mut stack.job.checkpoint_interval_ms, text),
    },
    StackOption {
        name: "state-keys",
        short: None,
        kind: Kind::Number("N", 0..=100_000),
        scope: Scope::Job,
        help: "Add an operator that keeps 1 KiB of keyed state for each of N keys a page, to see what large state costs",
        get: |stack| Some(stack.job.state_keys.to_string()),
        set: |stack, text| put(&mut stack.job.state_keys, text),
    },
    StackOption {
        name: "scheduler",
        short: None,
        kind: Kind::Choice(choices::<Scheduler>),
        scope: Scope::Stack,
        help: "The JobManager's scheduler",
        get: |stack| Some(stack.scheduler.name().to_owned()),
        set: |stack, text| choose(&mut stack.scheduler, text),
    },
    StackOption {
        name: "parallelism",
        short: None,
        kind: Kind::Number("N", 1..=MAX_PARALLELISM as i64),
        scope: Scope::Stack,
        help: "Parallelism of the job [default: that of the running job, or else 2]",
        get: |stack| stack.parallelism.map(|number| number.to_string()),
        set: |stack, text| put_some(&mut stack.parallelism, text),
    },
    StackOption {
        name: "jobmanagers",
        short: None,
        kind: Kind::Number("N", 1..=MAX_JOBMANAGERS as i64),
        scope: Scope::Stack,
        help: "Number of JobManagers: of 2, one leads, and the other takes over when it is lost",
        get: |stack| Some(stack.jobmanagers.to_string()),
        set: |stack, text| put(&mut stack.jobmanagers, text),
    },
    StackOption {
        name: "taskmanagers",
        short: None,
        kind: Kind::Number("N", 1..=MAX_TASKMANAGERS as i64),
        scope: Scope::Stack,
        help: "Number of TaskManagers [default: as many as are running, or more if the parallelism needs them]",
        get: |stack| stack.taskmanagers.map(|number| number.to_string()),
        set: |stack, text| put_some(&mut stack.taskmanagers, text),
    },
    StackOption {
        name: "slots",
        short: None,
        kind: Kind::Number("N", 1..=64),
        scope: Scope::Stack,
        help: "Task slots of each TaskManager",
        get: |stack| Some(stack.slots.to_string()),
        set: |stack, text| put(&mut stack.slots, text),
    },
    StackOption {
        name: "ha",
        short: None,
        kind: Kind::Choice(choices::<Ha>),
        scope: Scope::User,
        help: "Where Flink's high availability keeps its leader and its jobs",
        get: |stack| Some(stack.ha.name().to_owned()),
        set: |stack, text| choose(&mut stack.ha, text),
    },
    StackOption {
        name: "storage-class",
        short: None,
        kind: Kind::Path("NAME"),
        scope: Scope::User,
        help: "StorageClass of the data's volume, with --platform kubernetes [default: the cluster's]",
        get: |stack| stack.storage_class.clone(),
        set: |stack, text| put_some(&mut stack.storage_class, text),
    },
    StackOption {
        name: "registry",
        short: None,
        kind: Kind::Path("REGISTRY"),
        scope: Scope::User,
        help: "Registry that the images are in, with --platform kubernetes [default: that of the stack that is there, or else none: they are on the nodes]",
        get: |stack| stack.registry.clone(),
        set: |stack, text| put_some(&mut stack.registry, text),
    },
];

impl StackOption {
    /// The row of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        OPTIONS.iter().find(|option| option.name == name)
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the option's name.
    pub fn set(&self, stack: &mut StackSettings, text: &str) -> Result<(), String> {
        self.kind.check(text)?;
        (self.set)(stack, text)
    }

    /// What it is when nobody says anything; `None` where the stack decides.
    #[must_use]
    pub fn usual(&self) -> Option<String> {
        (self.get)(&StackSettings::of(""))
    }

    /// The flag on the command line, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        match self.kind {
            Kind::Flag if self.usual().as_deref() == Some(ON) => format!("no-{}", self.name),
            _ => self.name.to_owned(),
        }
    }

    /// How the command line gives it a value; nothing for the value that is usual.
    #[must_use]
    pub fn words(&self, stack: &StackSettings) -> Vec<String> {
        match (self.get)(stack) {
            Some(value) if Some(&value) != self.usual().as_ref() => match self.kind {
                Kind::Flag => vec![format!("--{}", self.flag())],
                _ => flag_with_value(&self.flag(), &value),
            },
            _ => Vec::new(),
        }
    }
}

/// The text of a flag's value that is on.
pub(super) const ON: &str = "true";

impl Kind {
    /// Whether a text is such a value.
    ///
    /// # Errors
    /// Why it is not, to be read after the option's name.
    pub fn check(&self, text: &str) -> Result<(), String> {
        match self {
            Self::Flag => text.parse::<bool>().map(drop).map_err(|error| error.to_string()),
            Self::Number(_, range) => within(text, range),
            Self::Speed => speed(text).map(drop),
            Self::Choice(values) => one_of(text, &values()),
            Self::Path(_) if text.is_empty() => Err("is empty".to_owned()),
            Self::Path(_) => Ok(()),
        }
    }
}

/// A flag and its value, as words of a command line. A value that looks like a flag itself is tied to its own.
#[must_use]
pub fn flag_with_value(flag: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') { vec![format!("--{flag}={value}")] } else { vec![format!("--{flag}"), value.to_owned()] }
}

/// How many times as fast as real time event time may run: no faster than a generator can send.
///
/// # Errors
/// Why it is no such number.
pub fn speed(text: &str) -> Result<f64, String> {
    match positive(text)? {
        number if number <= 1000.0 => Ok(number),
        _ => Err("must be at most 1000: the generator cannot keep up with more".to_owned()),
    }
}

/// A finite number above 0.
///
/// # Errors
/// That it is none.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("must be a number above 0".to_owned()),
    }
}

fn within(text: &str, range: &RangeInclusive<i64>) -> Result<(), String> {
    let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    if range.contains(&number) {
        Ok(())
    } else {
        Err(format!("{number} is not in {}..={}", range.start(), range.end()))
    }
}

fn one_of(text: &str, values: &[PossibleValue]) -> Result<(), String> {
    if values.iter().any(|value| value.matches(text, false)) {
        return Ok(());
    }
    let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
    Err(format!("'{text}' is not one of {}", names.join(", ")))
}

fn choices<T: ValueEnum>() -> Vec<PossibleValue> {
    T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect()
}

fn put<T: FromStr<Err: Display>>(field: &mut T, text: &str) -> Result<(), String> {
    *field = text.parse().map_err(|error: T::Err| error.to_string())?;
    Ok(())
}

fn put_some<T: FromStr<Err: Display>>(field: &mut Option<T>, text: &str) -> Result<(), String> {
    *field = Some(text.parse().map_err(|error: T::Err| error.to_string())?);
    Ok(())
}

fn choose<T: ValueEnum>(field: &mut T, text: &str) -> Result<(), String> {
    *field = T::from_str(text, false)?;
    Ok(())
}
