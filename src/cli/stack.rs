//! Arguments of the commands on the stack.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::settings::{
    CHECKPOINT_INTERVAL_MS, Delivery, JobVariant, KAFKA_PORT, MAX_TASKMANAGERS, REST_PORT, SLOTS, Scheduler,
    StackSettings,
};

/// Which stack to bring up, for `up` and `scenario`.
#[derive(Debug, Args)]
pub struct StackOptions {
    /// A compose file of your own instead of the built-in one
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Host port of Flink's web UI and REST API, on 127.0.0.1
    #[arg(long, default_value_t = REST_PORT, value_name = "PORT")]
    pub rest_port: u16,
    /// Host port of the broker, on 127.0.0.1
    #[arg(long, default_value_t = KAFKA_PORT, value_name = "PORT")]
    pub kafka_port: u16,
    /// Run event time N times as fast as the clock
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = super::topic::speed)]
    pub speed: f64,
    /// Run the job without checkpoints: a failure loses clicks
    #[arg(long)]
    pub no_checkpointing: bool,
    /// Count by the clock instead of by the clicks' own time
    #[arg(long)]
    pub no_event_time: bool,
    /// Add an operator that throttles in even minutes
    #[arg(long)]
    pub backpressure: bool,
    /// What the job promises of its output
    #[arg(long, value_enum, default_value_t = Delivery::AtLeastOnce)]
    pub delivery: Delivery,
    /// Time between two checkpoints, in ms
    #[arg(long, default_value_t = CHECKPOINT_INTERVAL_MS, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub checkpoint_interval: u64,
    /// Keys of each page that an added operator keeps a KiB of state for, to see how times grow with state
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub state_keys: u32,
    /// Subtasks of each vertex of the job [default: as they are, or 2]
    #[arg(long, value_name = "N", value_parser = super::job::parallelism())]
    pub parallelism: Option<u32>,
    /// How many TaskManagers [default: as many as there are, and enough for the parallelism]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TASKMANAGERS)))]
    pub taskmanagers: Option<u32>,
    /// Slots of each TaskManager
    #[arg(long, default_value_t = SLOTS, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub slots: u32,
    /// What schedules the job: adaptive runs with the slots that there are, and rescales in place
    #[arg(long, value_enum, default_value_t = Scheduler::Default)]
    pub scheduler: Scheduler,
}

impl StackOptions {
    /// The same, as values.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn settings(&self, project: &str) -> Result<StackSettings, Failure> {
        if self.no_checkpointing && self.delivery == Delivery::ExactlyOnce {
            let text = "--delivery exactly-once needs checkpoints: output is committed with each of them\n  \
                        Leave out --no-checkpointing or --delivery";
            return Err(Failure::Usage(text.to_owned()));
        }
        if let Some(parallelism) = self.parallelism.filter(|wanted| *wanted > MAX_TASKMANAGERS * self.slots) {
            return Err(Failure::Usage(format!(
                "--parallelism {parallelism} needs more than {MAX_TASKMANAGERS} TaskManagers of {} slots, the most there are\n  \
                 --slots {} is enough",
                self.slots,
                parallelism.div_ceil(MAX_TASKMANAGERS)
            )));
        }
        if let (Some(parallelism), Some(taskmanagers)) = (self.parallelism, self.taskmanagers) {
            let (slots, each) = (taskmanagers * self.slots, self.slots);
            if parallelism > slots {
                let enough = parallelism.div_ceil(each);
                return Err(Failure::Usage(format!(
                    "--parallelism {parallelism} needs {parallelism} slots; --taskmanagers {taskmanagers} with {each} slots each has {slots}\n  \
                     --taskmanagers {enough} is enough, and so is leaving it out"
                )));
            }
        }
        Ok(StackSettings {
            project: project.to_owned(),
            file: self.file.clone(),
            rest_port: self.rest_port,
            kafka_port: self.kafka_port,
            speed: self.speed,
            job: JobVariant {
                checkpointing: !self.no_checkpointing,
                event_time: !self.no_event_time,
                backpressure: self.backpressure,
                delivery: self.delivery,
                checkpoint_interval_ms: self.checkpoint_interval,
                state_keys: self.state_keys,
            },
            parallelism: self.parallelism,
            taskmanagers: self.taskmanagers,
            slots: self.slots,
            scheduler: self.scheduler,
        })
    }
}

/// `playground up`
#[derive(Debug, Args)]
pub struct Up {
    /// Which stack.
    #[command(flatten)]
    pub stack: StackOptions,
    /// Start the job from nothing, whatever savepoint or checkpoint there is
    #[arg(long)]
    pub fresh: bool,
    /// Time limit in seconds, images not counted
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    pub timeout: u64,
}

/// `playground logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// A service; all when left out
    pub service: Option<String>,
    /// Go on with new lines
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with the last N lines of each container
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<u32>,
}

/// `playground down`
#[derive(Debug, Args)]
pub struct Down {
    /// Take the data away as well
    #[arg(short, long)]
    pub volumes: bool,
}

/// `playground images`
#[derive(Debug, Args)]
pub struct Images {
    /// What to do.
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImagesAction {
    /// Build what is missing or has changed
    Build {
        /// Build even what is there, without the engine's cache
        #[arg(long)]
        no_cache: bool,
    },
    /// List the images that are wanted now, and old ones
    List,
    /// Remove old images that no container uses; those of another checkout are old here, and made again there when needed
    Prune {
        /// Only these, by their tags; all old ones when left out
        images: Vec<String>,
        /// Only show what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

/// `playground flink`
#[derive(Debug, Args)]
pub struct Flink {
    /// Passed to Flink's command line as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

/// `playground kill`, `playground start`
#[derive(Debug, Args)]
pub struct Instance {
    /// A service (all its instances) or one instance, as in taskmanager or taskmanager-1
    pub name: String,
}
