//! From the file's text to a [`Stack`]: YAML, variables, supported keys, types, values.

use std::collections::BTreeMap;
use std::fmt::Display;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use compose_spec::{Compose, Resource};
use serde_yaml::Value;

use super::{Condition, Dependency, Network, Service, Source, Stack, Variables, Volume, interpolate, keys};
use crate::settings::Ha;

mod container;
mod mount;
mod network;
mod port;

/// What resolving a service needs to know besides the service.
struct Scope<'a> {
    project: &'a str,
    source: &'a Source<'a>,
    variables: &'a Variables,
    compose: &'a Compose,
}

pub(super) fn stack(source: &Source<'_>, project: &str, variables: &Variables) -> Result<Stack> {
    let mut file: Value = serde_yaml::from_str(source.text)?;
    file.apply_merge()?;
    interpolate::tree(&mut file, "", variables)?;
    keys::check(&mut file)?;
    let compose = typed(&file)?;
    let scope = Scope { project, source, variables, compose: &compose };
    let mut services: Vec<Service> =
        compose.services.iter().map(|(name, service)| scope.service(name.as_str(), service)).collect::<Result<_>>()?;
    check_dependencies(&services)?;
    find_one_shots(&mut services);
    let stack = Stack {
        project: project.to_owned(),
        networks: scope.networks(&services)?,
        volumes: scope.volumes()?,
        services,
        jars: Vec::new(),
        ha: Ha::default(),
        storage_class: None,
        registry: None,
    };
    Ok(stack)
}

/// Types the whole file; where that fails, finds the key that is to blame, since the YAML reader no longer knows lines.
fn typed(file: &Value) -> Result<Compose> {
    let error = match serde_yaml::from_value::<Compose>(file.clone()) {
        Ok(compose) => return Ok(compose),
        Err(error) => error,
    };
    for (name, service) in entries(&file["services"]) {
        for (key, value) in entries(service) {
            let alone = Value::Mapping([(Value::from(key), value.clone())].into_iter().collect());
            if let Err(error) = serde_yaml::from_value::<compose_spec::Service>(alone) {
                return Err(anyhow!("services.{name}.{key}: {}", chain(&error)));
            }
        }
    }
    Err(anyhow!("{}", chain(&error)))
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_mapping().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Every dependency must be there, must be able to hold, and must not lead back.
fn check_dependencies(services: &[Service]) -> Result<()> {
    for service in services {
        for dependency in &service.depends_on {
            let found = services.iter().any(|other| other.name == dependency.service);
            ensure!(found, "services.{}.depends_on: no service '{}'", service.name, dependency.service);
        }
    }
    let mut done: Vec<&str> = Vec::new();
    while done.len() < services.len() {
        let ready = |service: &&Service| {
            !done.contains(&service.name.as_str())
                && service.depends_on.iter().all(|one| done.contains(&one.service.as_str()))
        };
        let Some(next) = services.iter().find(ready) else {
            let rest = services.iter().map(|service| service.name.as_str()).filter(|name| !done.contains(name));
            bail!("services depend on each other in a cycle: {}", rest.collect::<Vec<_>>().join(", "));
        };
        done.push(&next.name);
    }
    Ok(())
}

/// A service whose end another one waits for is done once it has ended, whether it says so itself or not.
fn find_one_shots(services: &mut [Service]) {
    let awaited = |one: &Dependency| (one.condition == Condition::Completed).then(|| one.service.clone());
    let names: Vec<String> = services.iter().flat_map(|service| &service.depends_on).filter_map(awaited).collect();
    for service in services {
        service.one_shot |= names.contains(&service.name);
    }
}

impl Scope<'_> {
    fn service(&self, name: &str, service: &compose_spec::Service) -> Result<Service> {
        self.container(name, service).with_context(|| format!("services.{name}"))
    }

    /// The networks that services are on, in the order of the file.
    fn networks(&self, services: &[Service]) -> Result<Vec<Network>> {
        let mut networks = Vec::new();
        let used = |name: &str| services.iter().flat_map(|one| &one.networks).any(|one| one.network == name);
        let default = self.network_name("default")?;
        if used(&default) && !self.compose.networks.keys().any(|key| key.as_str() == "default") {
            networks.push(Network {
                key: "default".to_owned(),
                name: default,
                internal: false,
                labels: BTreeMap::new(),
            });
        }
        for (key, network) in &self.compose.networks {
            let name = self.network_name(key.as_str())?;
            let own = network.as_ref().and_then(Resource::as_compose);
            let internal = own.is_some_and(|network| network.internal);
            let labels = own.map(|own| self.pairs(&own.labels, false)).unwrap_or_default();
            if used(&name) {
                networks.push(Network { key: key.to_string(), name, internal, labels });
            }
        }
        Ok(networks)
    }

    fn volumes(&self) -> Result<Vec<Volume>> {
        let volumes = self.compose.volumes.iter().map(|(key, volume)| {
            let own = volume.as_ref().and_then(Resource::as_compose);
            let options = own.map(|own| &own.driver_opts).into_iter().flatten();
            let options = options.map(|(key, value)| (key.to_string(), value.to_string())).collect();
            let labels = own.map(|own| self.pairs(&own.labels, false)).unwrap_or_default();
            Ok(Volume { key: key.to_string(), name: self.volume_name(key.as_str())?, options, labels })
        });
        volumes.collect()
    }

    fn network_name(&self, key: &str) -> Result<String> {
        let found = self.compose.networks.iter().find(|(name, _)| name.as_str() == key);
        let given = found.and_then(|(_, network)| network.as_ref());
        ensure!(given.is_none_or(Resource::is_compose), "networks.{key}.external: not supported");
        Ok(self.engine_name(key, given.and_then(Resource::as_compose).and_then(|own| own.name.as_ref())))
    }

    fn volume_name(&self, key: &str) -> Result<String> {
        let found = self.compose.volumes.iter().find(|(name, _)| name.as_str() == key);
        let Some((_, given)) = found else { bail!("no volume '{key}' under 'volumes:'") };
        let given = given.as_ref();
        ensure!(given.is_none_or(Resource::is_compose), "volumes.{key}.external: not supported");
        Ok(self.engine_name(key, given.and_then(Resource::as_compose).and_then(|own| own.name.as_ref())))
    }

    /// Compose's own rule, so both find each other's.
    fn engine_name(&self, key: impl Display, given: Option<&String>) -> String {
        given.cloned().unwrap_or_else(|| format!("{}_{key}", self.project))
    }
}
