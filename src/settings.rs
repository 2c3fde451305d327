//! What the user asked for, as plain values: the first stage of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::workload::model::Workload;
use option::{Kind, ON, OPTIONS, Scope, StackOption};

pub mod option;
pub mod overrides;

/// The usual project.
pub const PROJECT: &str = "playground";
/// The variable of the environment that names another one.
pub const PROJECT_VARIABLE: &str = "PLAYGROUND_PROJECT";

/// The variable of the environment that names the platform.
pub const PLATFORM_VARIABLE: &str = "PLAYGROUND_PLATFORM";

/// The usual host port of Flink's web UI and REST API.
pub const REST_PORT: u16 = 8081;
/// The usual host port of the broker.
pub const KAFKA_PORT: u16 = 9094;
/// The usual parallelism of the job.
pub const PARALLELISM: u32 = 2;
/// The usual slots of a TaskManager.
pub const SLOTS: u32 = 2;
/// The most JobManagers that are started: one leads, and one waits.
pub const MAX_JOBMANAGERS: u32 = 2;
/// The most TaskManagers that are started: each may take 1.25 GiB.
pub const MAX_TASKMANAGERS: u32 = 16;
/// The most subtasks that a vertex can have: Flink cuts the state of a job this small into so many key groups.
pub const MAX_PARALLELISM: u32 = 128;
/// The usual time between two checkpoints, in ms.
pub const CHECKPOINT_INTERVAL_MS: u64 = 1000;

/// With which words this process was told its platform, once it knows: command lines that it advises mean the same one.
pub static PLATFORM_WORDS: OnceLock<Vec<String>> = OnceLock::new();

/// The words with which a command line means a project, on this process's platform, in whatever shell it is run: none for the
/// usual one, unless this shell names one in [`PROJECT_VARIABLE`], which the other may as well.
#[must_use]
pub fn project_words(project: &str) -> Vec<String> {
    let mut words = PLATFORM_WORDS.get().cloned().unwrap_or_default();
    if project != PROJECT || std::env::var_os(PROJECT_VARIABLE).is_some() {
        words.extend(["-p".to_owned(), project.to_owned()]);
    }
    words
}

/// How a command line names a project, with a space in front; nothing where any shell would take it for this one.
#[must_use]
pub fn project_option(project: &str) -> String {
    let quoted = |word: String| shlex::try_quote(&word).map(Into::into).unwrap_or(word);
    let words = project_words(project).into_iter().map(quoted).collect::<Vec<String>>().join(" ");
    if words.is_empty() { words } else { format!(" {words}") }
}

/// Which stack is meant, and how it is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSettings {
    /// Keeps stacks apart: every name and label carries it.
    pub project: String,
    /// A compose file of the user's own; the built-in one when `None`.
    pub file: Option<PathBuf>,
    /// The workload: a built-in one by its name, any other by its file's path. When `None`, the one that the stack runs, or else
    /// the usual one.
    pub workload: Option<String>,
    /// The host port of Flink's web UI and REST API.
    pub rest_port: u16,
    /// The host port of the broker.
    pub kafka_port: u16,
    /// How many times as fast as real time the generator's event time runs.
    pub speed: f64,
    /// How the job is to run.
    pub job: JobVariant,
    /// Parallelism of the job; when `None`, that of the running job, or else [`PARALLELISM`].
    pub parallelism: Option<u32>,
    /// Number of JobManagers: one leads, the others wait.
    pub jobmanagers: u32,
    /// Number of TaskManagers; when `None`, those that run, and as many as the parallelism needs.
    pub taskmanagers: Option<u32>,
    /// Slots of each of them.
    pub slots: u32,
    /// What schedules the job.
    pub scheduler: Scheduler,
    /// What elects the JobManager that leads, and knows its jobs.
    pub ha: Ha,
    /// The class of the volume in a cluster; its usual one when `None`.
    pub storage_class: Option<String>,
    /// The registry that a cluster takes the images from; they are on its nodes when `None`.
    pub registry: Option<String>,
}

/// Where Flink's high availability has its leader and its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Ha {
    /// In ZooKeeper
    #[default]
    Zookeeper,
    /// In the cluster itself, with --platform kubernetes
    Kubernetes,
}

impl Ha {
    /// The value of `high-availability.type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zookeeper => "zookeeper",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// What schedules a job in the JobManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// Waits until there is a slot for every subtask
    #[default]
    Default,
    /// Runs with the slots that are available, and can rescale in place
    Adaptive,
}

impl Scheduler {
    /// The value of `jobmanager.scheduler`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Adaptive => "adaptive",
        }
    }
}

impl StackSettings {
    /// The built-in stack as it is by default.
    #[must_use]
    pub fn of(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            file: None,
            workload: None,
            rest_port: REST_PORT,
            kafka_port: KAFKA_PORT,
            speed: 1.0,
            job: JobVariant::default(),
            parallelism: None,
            jobmanagers: 1,
            taskmanagers: None,
            slots: SLOTS,
            scheduler: Scheduler::Default,
            ha: Ha::Zookeeper,
            storage_class: None,
            registry: None,
        }
    }

    /// How many TaskManagers to run, where `there` run already.
    #[must_use]
    pub fn taskmanagers(&self, there: u32) -> u32 {
        let needed = self.parallelism.unwrap_or(1).div_ceil(self.slots.max(1));
        self.taskmanagers.unwrap_or_else(|| there.max(needed).max(1))
    }

    /// The words of the command line that ask for these settings, the project aside: what is usual is left out.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        OPTIONS.iter().flat_map(|option| option.words(self)).collect()
    }

    /// The words that keep its ports, its JobManagers and what is a cluster's, where they are not the usual ones: no command finds
    /// them by itself.
    #[must_use]
    pub fn kept(&self) -> Vec<String> {
        let (rest_port, kafka_port, jobmanagers) = (self.rest_port, self.kafka_port, self.jobmanagers);
        let (storage_class, registry) = (self.storage_class.clone(), self.registry.clone());
        let ha = self.ha;
        Self { rest_port, kafka_port, jobmanagers, ha, storage_class, registry, ..Self::of("") }.arguments()
    }

    /// The same settings for a workload: its job promises what it promises, and takes the options that it takes.
    ///
    /// # Errors
    /// An option of a job that the workload's job does not take.
    pub fn of_workload(mut self, workload: &Workload) -> Result<Self, Failure> {
        let usual = Self::of("");
        let has = |option: &StackOption| workload.job.options.iter().any(|name| name == option.name);
        if !workload.job.options.iter().any(|name| name == "delivery") && self.job.delivery == usual.job.delivery {
            self.job.delivery = workload.job.delivery;
        }
        let mut usual = usual;
        usual.job.delivery = workload.job.delivery;
        for option in job_options().filter(|option| !has(option)) {
            let (asked, there) = ((option.get)(&self), (option.get)(&usual));
            if asked != there {
                let (name, flag) = (&workload.name, option.flag());
                return Err(Failure::Usage(format!(
                    "--{flag}: the job of workload {name} does not take it\n  job.options in its file lists what its main() takes"
                )));
            }
        }
        Ok(self)
    }

    /// The same settings, if a stack can have them.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn checked(self) -> Result<Self, Failure> {
        match self.contradiction() {
            Some(text) => Err(Failure::Usage(text)),
            None => Ok(self),
        }
    }

    fn contradiction(&self) -> Option<String> {
        if !self.job.checkpointing && self.job.delivery == Delivery::ExactlyOnce {
            let text = "--delivery exactly-once needs checkpoints: output is committed when one completes\n  \
                        Leave out --no-checkpointing or --delivery";
            return Some(text.to_owned());
        }
        if self.ha == Ha::Kubernetes && self.jobmanagers > 1 {
            let text = "--jobmanagers 2 needs --ha zookeeper: with --ha kubernetes one JobManager runs, and the cluster replaces it\n  \
                        Leave out --jobmanagers or --ha";
            return Some(text.to_owned());
        }
        let (parallelism, each) = (self.parallelism?, self.slots);
        if parallelism > MAX_TASKMANAGERS * each {
            return Some(format!(
                "--parallelism {parallelism} needs more than {MAX_TASKMANAGERS} TaskManagers with {each} slots each, which is the limit\n  \
                 --slots {} is enough",
                parallelism.div_ceil(MAX_TASKMANAGERS)
            ));
        }
        let (taskmanagers, enough) = (self.taskmanagers?, parallelism.div_ceil(each.max(1)));
        (taskmanagers < enough).then(|| {
            format!(
                "--parallelism {parallelism} needs {parallelism} slots; --taskmanagers {taskmanagers} with {each} slots each has {}\n  \
                 --taskmanagers {enough} is enough, and so is leaving it out",
                taskmanagers * each
            )
        })
    }
}

/// The variants of the job that its arguments choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobVariant {
    /// Whether it takes checkpoints, and so survives a failure without loss.
    pub checkpointing: bool,
    /// Whether windows are in event time or in processing time.
    pub event_time: bool,
    /// Whether an operator throttles in even minutes.
    pub backpressure: bool,
    /// The delivery guarantee of the sink.
    pub delivery: Delivery,
    /// The time between two checkpoints, in ms.
    pub checkpoint_interval_ms: u64,
    /// Keys for each page that an added operator keeps a KiB of state for; 0 for no such operator.
    #[serde(default)]
    pub state_keys: u32,
}

impl Default for JobVariant {
    fn default() -> Self {
        Self {
            checkpointing: true,
            event_time: true,
            backpressure: false,
            delivery: Delivery::AtLeastOnce,
            checkpoint_interval_ms: CHECKPOINT_INTERVAL_MS,
            state_keys: 0,
        }
    }
}

/// The delivery guarantee of the job's output, which is what the ledger checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// A window may be emitted more than once, with the same count
    AtLeastOnce,
    /// A read-committed consumer sees each window exactly once
    ExactlyOnce,
}

impl Delivery {
    /// The name that the job's `--delivery` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at-least-once",
            Self::ExactlyOnce => "exactly-once",
        }
    }
}

impl JobVariant {
    /// The variant that a job's own arguments choose, by name and value; a flag that stands alone may have any value. What
    /// the job was not given is as its `main` has it: flags are off.
    #[must_use]
    pub fn from_arguments(arguments: &BTreeMap<String, String>) -> Self {
        let mut stack = StackSettings::of("");
        for option in job_options() {
            let given = arguments.get(option.name).map(String::as_str);
            let value = match (&option.kind, given) {
                (Kind::Flag, given) => given.map_or("false", |value| if value == "false" { value } else { ON }),
                (_, Some(value)) => value,
                (_, None) => continue,
            };
            // A job of the user's own may use the name for something else.
            let _ = option.set(&mut stack, value);
        }
        stack.job
    }

    /// The job's arguments, as its `main` reads them. Its promise is always among them: that is where the ledger learns it.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let stack = StackSettings { job: self.clone(), ..StackSettings::of("") };
        job_options().flat_map(|option| argument(option, &stack)).collect()
    }
}

fn job_options() -> impl Iterator<Item = &'static StackOption> {
    OPTIONS.iter().filter(|option| option.scope == Scope::Job)
}

fn argument(option: &StackOption, stack: &StackSettings) -> Vec<String> {
    let flag = format!("--{}", option.name);
    let Some(value) = (option.get)(stack) else { return Vec::new() };
    match option.kind {
        Kind::Flag if value == ON => vec![flag],
        Kind::Flag => Vec::new(),
        Kind::Number(..) if Some(&value) == option.usual().as_ref() => Vec::new(),
        _ => vec![flag, value],
    }
}

#[cfg(test)]
mod laws;
