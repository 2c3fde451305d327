//! One service of the file as a [`Service`].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use compose_spec::service::healthcheck::{Healthcheck, Test};
use compose_spec::service::{self, ByteValue, Command, Condition as Given, Limit, Restart, Ulimits, deploy};
use compose_spec::{ListOrMap, ShortOrLong, StringOrNumber, YamlValue};

use super::Scope;
use crate::stack::{Condition, Dependency, HealthCheck, HealthCommand, Logging, Service, Ulimit};

/// Of a `cpu_quota` without a `cpu_period`: the kernel's own.
const PERIOD: Duration = Duration::from_millis(100);

impl Scope<'_> {
    pub(super) fn container(&self, name: &str, given: &compose_spec::Service) -> Result<Service> {
        let limits = given.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref()?.limits.as_ref());
        let image =
            given.image.as_ref().context("image is missing; the playground does not build images of your own")?;
        // Each fault is a decision of the user's or a scenario's, and so is its undo.
        ensure!(given.restart.is_none_or(|restart| restart == Restart::No), "restart: only \"no\" is supported");
        let ports = self.ports(given)?;
        let replicas = replicas(given)?;
        let publishes = ports.iter().any(|port| port.published.is_some());
        ensure!(replicas < 2 || !publishes, "ports: only one replica can publish a port");
        Ok(Service {
            name: name.to_owned(),
            image: image.to_string(),
            replicas,
            one_shot: given
                .extensions
                .iter()
                .any(|(key, value)| key.as_str() == "x-one-shot" && *value == YamlValue::Bool(true)),
            depends_on: dependencies(given),
            command: words(given.command.as_ref()).context("command")?,
            entrypoint: words(given.entrypoint.as_ref()).context("entrypoint")?,
            environment: self.pairs(&given.environment, true),
            labels: self.pairs(&given.labels, false),
            user: given.user.as_ref().map(ToString::to_string),
            groups: given.group_add.iter().map(ToString::to_string).collect(),
            working_dir: given.working_dir.as_ref().map(|path| path.as_path().display().to_string()),
            hostname: given.hostname.as_ref().map(ToString::to_string),
            ports,
            mounts: self.mounts(given)?,
            networks: self.attachments(given)?,
            health: health(given.healthcheck.as_ref()),
            memory: memory(given, limits)?,
            cpus: cpus(given, limits)?,
            pids: pids(given.pids_limit.as_ref().or(limits.and_then(|limits| limits.pids.as_ref()))),
            shm: given.shm_size.map(bytes).transpose().context("shm_size")?,
            cap_add: given.cap_add.iter().cloned().collect(),
            cap_drop: given.cap_drop.iter().cloned().collect(),
            security: given.security_opt.iter().cloned().collect(),
            sysctls: self.pairs(&given.sysctls, false),
            ulimits: ulimits(&given.ulimits)?,
            read_only: given.read_only,
            init: given.init,
            stop_grace: given.stop_grace_period,
            stop_signal: given.stop_signal.clone(),
            logging: given.logging.as_ref().map(logging),
        })
    }

    /// `NAME=value` pairs. A name without a value takes the process's own where `inherit` says so, as in Compose.
    pub(super) fn pairs(&self, given: &ListOrMap, inherit: bool) -> BTreeMap<String, String> {
        let split = |item: String| match item.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None if inherit => self.variables.get(&item).map(|value| (item, value.clone())),
            None => Some((item, String::new())),
        };
        given.clone().into_list().into_iter().filter_map(split).collect()
    }
}

/// A command written as one string is split as a shell would; no shell runs it.
fn words(command: Option<&Command>) -> Result<Option<Vec<String>>> {
    Ok(match command {
        None => None,
        Some(Command::List(words)) => Some(words.clone()),
        Some(Command::String(text)) => {
            Some(shlex::split(text).ok_or_else(|| anyhow!("a quote is not closed: {text}"))?)
        }
    })
}

fn replicas(given: &compose_spec::Service) -> Result<u32> {
    let deployed = given.deploy.as_ref().and_then(|deploy| deploy.replicas);
    u32::try_from(given.scale.or(deployed).unwrap_or(1)).context("scale")
}

fn dependencies(given: &compose_spec::Service) -> Vec<Dependency> {
    let condition = |given| match given {
        Given::ServiceStarted => Condition::Started,
        Given::ServiceHealthy => Condition::Healthy,
        Given::ServiceCompletedSuccessfully => Condition::Completed,
    };
    let one = |service: &compose_spec::Identifier, condition| Dependency { service: service.to_string(), condition };
    match &given.depends_on {
        ShortOrLong::Short(services) => services.iter().map(|service| one(service, Condition::Started)).collect(),
        ShortOrLong::Long(services) => {
            services.iter().map(|(service, how)| one(service, condition(how.condition))).collect()
        }
    }
}

fn health(given: Option<&Healthcheck>) -> HealthCheck {
    let command = match given {
        None => return HealthCheck::Image,
        Some(Healthcheck::Disable) => return HealthCheck::Off,
        Some(Healthcheck::Command(command)) => command,
    };
    let test = match &command.test {
        None => Vec::new(),
        Some(Test::Command(words)) => ["CMD".to_owned()].into_iter().chain(words.iter().cloned()).collect(),
        Some(Test::ShellCommand(text)) => vec!["CMD-SHELL".to_owned(), text.clone()],
    };
    HealthCheck::Command(HealthCommand {
        test,
        interval: command.interval,
        timeout: command.timeout,
        retries: command.retries,
        start_period: command.start_period,
    })
}

fn memory(given: &compose_spec::Service, limits: Option<&deploy::resources::Limits>) -> Result<Option<u64>> {
    let limit = given.mem_limit.or(limits.and_then(|limits| limits.memory));
    limit.map(bytes).transpose().context("mem_limit")
}

/// A quota is of a period, and so the same as a number of CPUs; the engine does not take both either.
fn cpus(given: &compose_spec::Service, limits: Option<&deploy::resources::Limits>) -> Result<Option<f64>> {
    let number = given.cpus.or(limits.and_then(|limits| limits.cpus)).map(deploy::resources::Cpus::into_inner);
    ensure!(given.cpu_period.is_none() || given.cpu_quota.is_some(), "cpu_period: it needs a cpu_quota");
    let Some(quota) = given.cpu_quota else { return Ok(number) };
    ensure!(number.is_none(), "cpu_quota: cpus is already set");
    let period = given.cpu_period.unwrap_or(PERIOD);
    ensure!(!period.is_zero(), "cpu_period: it must be above 0");
    Ok(Some(quota.as_secs_f64() / period.as_secs_f64()))
}

fn logging(given: &service::Logging) -> Logging {
    let text = |value: &Option<StringOrNumber>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let options = given.options.iter().map(|(name, value)| (name.to_string(), text(value)));
    Logging { driver: given.driver.clone(), options: options.collect() }
}

/// Compose's `m` is 1024², where the reader of the format says 1000².
pub(super) fn bytes(given: ByteValue) -> Result<u64> {
    let (number, unit) = match given {
        ByteValue::Bytes(number) => (number, 1),
        ByteValue::Kilobytes(number) => (number, 1 << 10),
        ByteValue::Megabytes(number) => (number, 1 << 20),
        ByteValue::Gigabytes(number) => (number, 1 << 30),
    };
    number.checked_mul(unit).with_context(|| format!("{given} is too large"))
}

fn pids(given: Option<&Limit<u32>>) -> Option<u32> {
    match given {
        Some(Limit::Value(number)) => Some(*number),
        Some(Limit::Unlimited) | None => None,
    }
}

fn ulimits(given: &Ulimits) -> Result<Vec<Ulimit>> {
    let number = |limit: &Limit<u64>| match limit {
        Limit::Value(number) => i64::try_from(*number).context("ulimits"),
        Limit::Unlimited => Ok(-1),
    };
    let one = |name: String, soft, hard| Ok(Ulimit { name, soft: number(soft)?, hard: number(hard)? });
    given
        .iter()
        .map(|(name, limit)| match limit {
            ShortOrLong::Short(both) => one(name.to_string(), both, both),
            ShortOrLong::Long(long) => one(name.to_string(), &long.soft, &long.hard),
        })
        .collect()
}
