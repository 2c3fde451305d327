//! What a scenario file does a fault to, and which instances of a stack that is: one, every one of a service, or several.
//!
//! ```toml
//! on = "taskmanager"                           # the first instance of the service
//! on = "jobmanager"                            # of two, the one that leads when it comes to it
//! on = "taskmanager-2"                         # this instance
//! on = "every taskmanager"                     # all instances that there are then
//! on = ["jobmanager", "every taskmanager"]     # all of these together
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InstanceName;
use crate::meant::did_you_mean;
use crate::platform::{instance_name, is_instance_of};
use crate::settings::Ha;
use crate::stack::{JOBMANAGER, Service, Stack, TASKMANAGER, ZOOKEEPER};

/// Stands before a service's name for all of its instances. No name of a service has a space.
const EVERY: &str = "every ";

/// What breaks together, as a scenario file names it; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets(Vec<String>);

impl Targets {
    fn of(names: Vec<String>) -> Result<Self, &'static str> {
        if names.is_empty() { Err("'on' names nothing to break") } else { Ok(Self(names)) }
    }

    /// What is meant, in the order of the names in the file.
    ///
    /// # Errors
    /// A name that nothing bears, with what there is instead; an instance that is named twice, or may be.
    pub(super) fn meant(&self, there: &There<'_>) -> Result<Vec<Target>, String> {
        let mut all: Vec<Target> = Vec::new();
        for name in &self.0 {
            for target in there.meant(name)? {
                if let Some(other) = all.iter().find(|one| one.may_be(&target)) {
                    return Err(if *other == target {
                        format!("'on' names {target} twice")
                    } else {
                        format!("'on' names {other} and {target}, which may be the same")
                    });
                }
                all.push(target);
            }
        }
        if all.is_empty() {
            return Err(format!("the stack has no {self}, as the cluster itself elects the leader"));
        }
        Ok(all)
    }
}

/// What a plan says a fault is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An instance, as in `taskmanager-1`.
    Instance(InstanceName),
    /// The JobManager that leads when the fault is injected.
    Leader,
}

impl Target {
    /// As the undo of its fault calls it: by then another one may lead.
    pub(super) fn when_undone(&self) -> String {
        match self {
            Self::Instance(name) => name.clone(),
            Self::Leader => format!("the {JOBMANAGER} that led"),
        }
    }

    fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leader, Self::Instance(name)) | (Self::Instance(name), Self::Leader) => {
                is_instance_of(name, JOBMANAGER)
            }
            _ => self == other,
        }
    }
}

/// As in `taskmanager-1`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(name) => formatter.write_str(name),
            Self::Leader => write!(formatter, "the leading {JOBMANAGER}"),
        }
    }
}

/// As text: for whoever reads a plan.
impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    /// What a name means: every instance of a service, its first one or the one that leads, or the one that bears it.
    fn meant(&self, name: &str) -> Result<Vec<Target>, String> {
        // Where the cluster itself elects the leader, nothing of the stack breaks in ZooKeeper's place.
        if self.stack.ha == Ha::Kubernetes && name.strip_prefix(EVERY).unwrap_or(name) == ZOOKEEPER {
            return Ok(Vec::new());
        }
        if let Some(service) = name.strip_prefix(EVERY) {
            let found = self.stack.service(service).map(|service| self.instances_of(service));
            let found = found.ok_or_else(|| self.unknown("service", service, &[]))?;
            return Ok(found.into_iter().map(Target::Instance).collect());
        }
        if let Some(service) = self.stack.service(name) {
            let is_led = service.name == JOBMANAGER && service.replicas > 1;
            let first = || Target::Instance(instance_name(&service.name, 1));
            return Ok(vec![if is_led { Target::Leader } else { first() }]);
        }
        let instances: Vec<InstanceName> =
            self.stack.services.iter().flat_map(|service| self.instances_of(service)).collect();
        if instances.iter().any(|instance| instance == name) {
            return Ok(vec![Target::Instance(name.to_owned())]);
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
        of_jobmanagers(1, on)
    }

    fn of_jobmanagers(jobmanagers: u32, on: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Fault {
            on: Targets,
        }
        let workload = crate::workload::catalog::usual().unwrap();
        let stack = Stack::load(&StackSettings { jobmanagers, ..StackSettings::of("p") }, &workload).unwrap();
        let Fault { on } = toml::from_str(&format!("on = {on}")).map_err(|error| error.message().to_owned())?;
        let targets = on.meant(&There { stack: &stack, taskmanagers: 2 })?;
        Ok(targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
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
    fn of_two_jobmanagers_the_one_that_leads_is_meant() {
        assert_eq!(of_jobmanagers(2, "['jobmanager', 'kafka']").unwrap(), "the leading jobmanager kafka-1");
        assert_eq!(of_jobmanagers(2, "'every jobmanager'").unwrap(), "jobmanager-1 jobmanager-2");
        assert_eq!(of_jobmanagers(2, "'jobmanager-2'").unwrap(), "jobmanager-2");
        let twice = of_jobmanagers(2, "['jobmanager-2', 'jobmanager']").unwrap_err();
        assert_eq!(twice, "'on' names jobmanager-2 and the leading jobmanager, which may be the same");
        assert_eq!(Target::Leader.when_undone(), "the jobmanager that led");
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
