//! Arguments of the commands on the stack.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand};

use super::seconds;
use crate::settings::option::{Kind, OPTIONS, StackOption};
use crate::settings::overrides::Overrides;

/// The options of the table, for `up` and `scenario`: an argument for each row, and those that were given as its values.
impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        command.args(OPTIONS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for option in OPTIONS {
            if let Some(value) = given(option, matches) {
                self.give(option, &value).map_err(|error| {
                    clap::Error::raw(ErrorKind::ValueValidation, format!("--{}: {error}\n", option.flag()))
                })?;
            }
        }
        Ok(())
    }
}

/// What the user gave an option, if anything.
fn given(option: &StackOption, matches: &ArgMatches) -> Option<String> {
    if matches.value_source(option.name) != Some(ValueSource::CommandLine) {
        return None;
    }
    match option.kind {
        // The flag is named by what it does.
        Kind::Flag => Some((option.flag() == option.name).to_string()),
        _ => matches.get_one::<String>(option.name).cloned(),
    }
}

fn argument(option: &'static StackOption) -> Arg {
    let argument = Arg::new(option.name).long(option.flag()).short(option.short).help(option.help);
    let argument = match &option.kind {
        Kind::Flag => return argument.action(ArgAction::SetTrue),
        Kind::Number(name, _) | Kind::Path(name) => argument.value_name(name),
        Kind::Speed => argument.value_name("N"),
        Kind::Choice(values) => {
            argument.value_name(option.name.to_uppercase()).value_parser(PossibleValuesParser::new(values()))
        }
    };
    let argument = match option.kind {
        Kind::Choice(_) => argument,
        _ => argument.value_parser(|text: &str| option.kind.check(text).map(|()| text.to_owned())),
    };
    match option.usual() {
        Some(value) => argument.default_value(value),
        None => argument,
    }
}

/// `playground up`
#[derive(Debug, Args)]
pub struct Up {
    /// The stack to start, and the variant of its job.
    #[command(flatten)]
    pub stack: Overrides,
    /// Start the job with empty state, ignoring existing savepoints and checkpoints
    #[arg(long)]
    pub fresh: bool,
    /// Timeout in seconds, not counting image builds
    #[arg(long, default_value_t = 180, value_name = "SECONDS", value_parser = seconds())]
    pub timeout: u64,
}

/// `playground logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// Show this service only
    pub service: Option<String>,
    /// Follow new lines until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// Start with the last N lines of each container
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<u32>,
}

/// `playground down`
#[derive(Debug, Args)]
pub struct Down {
    /// Remove the volumes as well, and the data in them
    #[arg(short, long)]
    pub volumes: bool,
}

/// `playground images`
#[derive(Debug, Args)]
pub struct Images {
    /// Whether to build or to list them.
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// As in `registry.example.org/team`, without a slash at the end.
fn registry(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('/');
    let is_part = |part: &str| {
        let is_of_name =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-_:".contains(letter);
        !part.is_empty() && part.chars().all(is_of_name)
    };
    if name.contains("://") {
        return Err("a registry has no scheme, as in registry.example.org/team".to_owned());
    }
    if name.split('/').all(is_part) {
        Ok(name.to_owned())
    } else {
        Err("no registry, as in registry.example.org/team".to_owned())
    }
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImagesAction {
    /// Build images that are missing or out of date
    Build {
        /// Rebuild all images without using the build cache
        #[arg(long)]
        no_cache: bool,
    },
    /// List the current images and old ones
    List,
    /// Write the images of a stack to a file, for the nodes of a cluster: ctr images import, kind load image-archive
    Export {
        /// File to write; an existing file is overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Workload whose job the images run; a jar of your own gets its own image
        #[arg(short, long, value_name = "NAME|FILE")]
        workload: Option<String>,
    },
    /// Push a stack's images to a registry, from which a cluster pulls them (up --platform kubernetes --registry REGISTRY)
    Push {
        /// As in registry.example.org/team
        #[arg(value_name = "REGISTRY", value_parser = registry)]
        registry: String,
        /// Workload whose job the images run; a jar of your own gets its own image
        #[arg(short, long, value_name = "NAME|FILE")]
        workload: Option<String>,
    },
    /// Remove old images that no container uses; another checkout rebuilds its own when it needs them
    Prune {
        /// Tags of the images to remove [default: all old images]
        images: Vec<String>,
        /// Only show what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

/// `playground flink`
#[derive(Debug, Args)]
pub struct Flink {
    /// Arguments for Flink's CLI, passed on unchanged
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

/// `playground kill`, `playground start`
#[derive(Debug, Args)]
pub struct Instance {
    /// A service (all its containers) or one container, as in taskmanager or taskmanager-1
    pub name: String,
}
