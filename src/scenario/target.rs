//! What a scenario file does a fault to, and which instances of a stack that is: one, every one of a service, or several.
//!
//! ```toml
//! on = "taskmanager"                           # the first instance of the service
//! on = "taskmanager-2"                         # this instance
//! on = "every taskmanager"                     # all instances that there are then
//! on = ["jobmanager", "every taskmanager"]     # all of these together
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::InstanceName;
use crate::meant::did_you_mean;
use crate::operation::scale::TASKMANAGER;
use crate::platform::instance_name;
use crate::stack::{Service, Stack};

/// Stands before a service's name for all of its instances. No name of a service has a space.
const EVERY: &str = "every ";

/// What breaks together, as a scenario file names it; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets(Vec<String>);

impl Targets {
    fn of(names: Vec<String>) -> Result<Self, &'static str> {
        if names.is_empty() { Err("'on' names nothing to break") } else { Ok(Self(names)) }
    }

    /// The instances that are meant, in the order of their names in the file.
    ///
    /// # Errors
    /// A name that nothing bears, with what there is instead; an instance that is named twice.
    pub(super) fn instances(&self, there: &There<'_>) -> Result<Vec<InstanceName>, String> {
        let mut all: Vec<InstanceName> = Vec::new();
        for name in &self.0 {
            for instance in there.meant(name)? {
                if all.contains(&instance) {
                    return Err(format!("'on' names {instance} twice"));
                }
                all.push(instance);
            }
        }
        Ok(all)
    }
}

/// As in the file, as far as a message needs it.
impl fmt::Display for Targets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(", "))
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "'on' must be a name, or a list of names")]
        enum Form {
            One(String),
            Several(Vec<String>),
        }
        let names = match Form::deserialize(deserializer)? {
            Form::One(name) => vec![name],
            Form::Several(names) => names,
        };
        Self::of(names).map_err(serde::de::Error::custom)
    }
}

/// What there is when a step begins.
pub(super) struct There<'a> {
    pub(super) stack: &'a Stack,
    /// Earlier steps may have added some, or removed them.
    pub(super) taskmanagers: u32,
}

impl There<'_> {
    /// The instances of a name: every one of a service or its first one, or the one that bears it.
    fn meant(&self, name: &str) -> Result<Vec<InstanceName>, String> {
        if let Some(service) = name.strip_prefix(EVERY) {
            let found = self.stack.service(service).map(|service| self.instances_of(service));
            return found.ok_or_else(|| self.unknown("service", service, &[]));
        }
        if let Some(service) = self.stack.service(name) {
            return Ok(vec![instance_name(&service.name, 1)]);
        }
        let instances: Vec<InstanceName> =
            self.stack.services.iter().flat_map(|service| self.instances_of(service)).collect();
        if instances.iter().any(|instance| instance == name) {
            return Ok(vec![name.to_owned()]);
        }
        Err(self.unknown("service or instance", name, &instances))
    }

    /// That there is no such thing; `instances` may have been meant as well as the services.
    fn unknown(&self, what: &str, name: &str, instances: &[InstanceName]) -> String {
        let services: Vec<&str> = self.stack.services.iter().map(|service| service.name.as_str()).collect();
        let known = services.iter().copied().chain(instances.iter().map(String::as_str));
        let (hint, list) = (did_you_mean(name, known), services.join(", "));
        format!("the stack has no {what} '{name}' then{hint}\n  the services are {list}")
    }

    fn instances_of(&self, service: &Service) -> Vec<InstanceName> {
        let last = if service.name == TASKMANAGER { self.taskmanagers } else { service.replicas };
        (1..=last).map(|number| instance_name(&service.name, number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::StackSettings;

    fn instances(on: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Fault {
            on: Targets,
        }
        let workload = crate::workload::catalog::usual().unwrap();
        let stack = Stack::load(&StackSettings::of("p"), &workload).unwrap();
        let Fault { on } = toml::from_str(&format!("on = {on}")).map_err(|error| error.message().to_owned())?;
        on.instances(&There { stack: &stack, taskmanagers: 2 }).map(|instances| instances.join(" "))
    }

    #[test]
    fn a_name_is_a_service_s_first_instance_an_instance_or_every_one() {
        assert_eq!(instances("'taskmanager'").unwrap(), "taskmanager-1");
        assert_eq!(instances("'taskmanager-2'").unwrap(), "taskmanager-2");
        assert_eq!(instances("'every taskmanager'").unwrap(), "taskmanager-1 taskmanager-2");
        let several = "['jobmanager', 'every taskmanager', 'zookeeper']";
        assert_eq!(instances(several).unwrap(), "jobmanager-1 taskmanager-1 taskmanager-2 zookeeper-1");
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_may_be_meant() {
        let refused = |on| instances(on).unwrap_err();
        let hint = "the stack has no service or instance 'taskmanager-3' then; did you mean 'taskmanager-1'?\n";
        assert!(refused("'taskmanager-3'").starts_with(hint), "{}", refused("'taskmanager-3'"));
        assert!(refused("'kafak'").contains("did you mean 'kafka'?"));
        assert!(refused("['kafka', 'something-else']").contains("'something-else' then\n  the services are "));
        assert!(
            refused("'every taskmanager-1'")
                .starts_with("the stack has no service 'taskmanager-1' then; did you mean 'taskmanager'?")
        );
    }

    #[test]
    fn nothing_and_the_same_twice_are_mistakes() {
        assert_eq!(instances("['every taskmanager', 'taskmanager-2']").unwrap_err(), "'on' names taskmanager-2 twice");
        assert_eq!(instances("[]").unwrap_err(), "'on' names nothing to break");
        assert_eq!(instances("7").unwrap_err(), "'on' must be a name, or a list of names");
    }
}
