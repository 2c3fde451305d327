//! The compose model: parse, validate, resolve. Pure: files come in as text.
//!
//! A compose file may hold only what the platforms realise ([`keys`]); any other key is an error that names it, so no
//! file runs differently here than under Compose without saying so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::failure::Failure;
use crate::settings::{Ha, PARALLELISM, StackSettings};
use crate::workload::model::Workload;

mod dotenv;
mod interpolate;
pub mod jar;
mod keys;
mod model;
mod needs;
mod resolve;
mod workload;

pub use model::*;

/// The service that has Flink's REST API, and runs jobs.
pub const JOBMANAGER: &str = "jobmanager";
/// The service that processes records.
pub const TASKMANAGER: &str = "taskmanager";
/// The service that knows who leads.
pub const ZOOKEEPER: &str = "zookeeper";
/// The compose file inside the binary.
const BUILTIN: &str = include_str!("../../compose/docker-compose.yaml");
/// What messages call it.
const BUILTIN_NAME: &str = "compose/docker-compose.yaml (built in)";

/// The values of `${NAME}` in a compose file.
pub type Variables = BTreeMap<String, String>;

/// A compose file before it is resolved.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// What relative host paths start from.
    pub folder: &'a Path,
    /// Its content.
    pub text: &'a str,
}

impl Stack {
    /// The stack that the settings ask for: the user's file, or else the built-in one.
    pub fn load(settings: &StackSettings, workload: &Workload) -> Result<Self> {
        let mut stack = Self::file(settings)?.of_workload(workload, settings)?;
        stack.ha = settings.ha;
        (stack.storage_class, stack.registry) = (settings.storage_class.clone(), settings.registry.clone());
        if stack.ha == Ha::Kubernetes {
            stack = stack.without(ZOOKEEPER);
        }
        // One is what the file has.
        if settings.jobmanagers > 1 { stack.with_replicas(JOBMANAGER, settings.jobmanagers) } else { Ok(stack) }
    }

    /// As the file has it.
    fn file(settings: &StackSettings) -> Result<Self> {
        let shell = crate::environment::variables().collect();
        let Some(file) = &settings.file else {
            let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
            let source = Source { name: BUILTIN_NAME, folder: &folder, text: BUILTIN };
            return Self::parse(&source, &settings.project, &variables(settings, shell));
        };
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| usage(format!("{name}: {error}")))?;
        let folder = std::path::absolute(file).map_err(|error| usage(format!("{name}: {error}")))?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        let variables = variables(settings, with_dotenv(folder, shell)?);
        let stack = Self::parse(&Source { name: &name, folder, text: &text }, &settings.project, &variables)?;
        needs::check(&stack).map_err(|error| usage(format!("{name}: {error}")))?;
        Ok(stack)
    }

    /// Resolves a compose file.
    ///
    /// # Errors
    /// [`Failure::Usage`], with the file's name and the place in it.
    pub fn parse(source: &Source<'_>, project: &str, variables: &Variables) -> Result<Self> {
        resolve::stack(source, project, variables).map_err(|error| usage(format!("{}: {error:#}", source.name)))
    }

    /// The same stack with another number of replicas of a service. Only the first is published at the ports of the file.
    pub fn with_replicas(mut self, service: &str, replicas: u32) -> Result<Self> {
        let names: Vec<String> = self.services.iter().map(|service| service.name.clone()).collect();
        let Some(found) = self.services.iter_mut().find(|one| one.name == service) else {
            return Err(usage(format!("no service '{service}'; the services are {}", names.join(", "))));
        };
        found.replicas = replicas;
        Ok(self)
    }

    /// The same stack without a service.
    #[must_use]
    pub fn without(mut self, service: &str) -> Self {
        self.services.retain(|one| one.name != service);
        self
    }

    /// A service by its name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// Adds what the `.env` file beside a compose file says, where there is one.
fn with_dotenv(folder: &Path, shell: Variables) -> Result<Variables> {
    let file = folder.join(".env");
    let refused = |why: String| usage(format!("{}: {why}", file.display()));
    match std::fs::read_to_string(&file) {
        Ok(text) => dotenv::under(&text, &shell).map_err(|error| refused(format!("{error:#}"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(shell),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// The settings as variables of the compose file, over all others.
fn variables(settings: &StackSettings, mut variables: Variables) -> Variables {
    variables.extend([
        ("REST_PORT".to_owned(), settings.rest_port.to_string()),
        ("KAFKA_PORT".to_owned(), settings.kafka_port.to_string()),
        ("SPEED".to_owned(), settings.speed.to_string()),
        ("JOB_ARGS".to_owned(), settings.job.arguments().join(" ")),
        ("PARALLELISM".to_owned(), settings.parallelism.unwrap_or(PARALLELISM).to_string()),
        ("SLOTS".to_owned(), settings.slots.to_string()),
        ("SCHEDULER".to_owned(), settings.scheduler.name().to_owned()),
    ]);
    variables
}

fn usage(message: String) -> anyhow::Error {
    anyhow!(Failure::Usage(message))
}

#[cfg(test)]
mod tests;
