//! Finds the service or instance that a name refers to.

use anyhow::{Result, anyhow};

use crate::failure::Failure;
use crate::meant::did_you_mean;
use crate::platform::Instance;
use crate::settings::project_option;

/// All instances of the service of this name, or the instance of this name.
///
/// # Errors
/// [`Failure::Usage`], with the existing names and a suggestion.
pub(super) fn find<'a>(name: &str, project: &str, instances: &'a [Instance]) -> Result<Vec<&'a Instance>> {
    let found: Vec<&Instance> =
        instances.iter().filter(|instance| instance.service == name || instance.name() == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let services: Vec<&str> = services(instances);
    let names: Vec<String> = instances.iter().map(Instance::name).collect();
    let known = services.iter().copied().chain(names.iter().map(String::as_str));
    Err(unknown(name, project, known, &services))
}

/// Checks that there is a service of this name.
pub(super) fn service(name: &str, project: &str, instances: &[Instance]) -> Result<()> {
    let services = services(instances);
    if services.contains(&name) {
        return Ok(());
    }
    Err(unknown(name, project, services.iter().copied(), &services))
}

fn services(instances: &[Instance]) -> Vec<&str> {
    let mut services: Vec<&str> = instances.iter().map(|instance| instance.service.as_str()).collect();
    services.dedup();
    services
}

fn unknown<'a>(name: &str, project: &str, known: impl Iterator<Item = &'a str>, services: &[&str]) -> anyhow::Error {
    if services.is_empty() {
        let advice = format!("playground{} up starts it", project_option(project));
        return anyhow!(advice).context(format!("project {project} has no containers"));
    }
    let hint = did_you_mean(name, known);
    anyhow!(Failure::Usage(format!("no service '{name}'{hint}\n  the services are {}", services.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Status;
    use crate::platform::State;

    fn instance(service: &str, number: u32) -> Instance {
        Instance {
            service: service.into(),
            number,
            id: String::new(),
            host: String::new(),
            state: State::Running,
            health: None,
            exit_code: None,
            ports: Vec::new(),
            connected: true,
            stage: None,
        }
    }

    #[test]
    fn a_service_is_all_its_instances() {
        let instances = [instance("kafka", 1), instance("taskmanager", 1), instance("taskmanager", 2)];
        let names = |name: &str| find(name, "p", &instances).unwrap().iter().map(|one| one.name()).collect::<Vec<_>>();
        assert_eq!(names("taskmanager"), ["taskmanager-1", "taskmanager-2"]);
        assert_eq!(names("taskmanager-2"), ["taskmanager-2"]);
        assert!(service("kafka", "p", &instances).is_ok());
    }

    #[test]
    fn what_is_not_there_is_told_with_what_may_be_meant() {
        let instances = [instance("kafka", 1), instance("taskmanager", 1)];
        let error = find("taskmanger", "p", &instances).unwrap_err();
        assert_eq!(Status::of(&error), Status::Usage);
        insta::assert_snapshot!(error, @r"
        no service 'taskmanger'; did you mean 'taskmanager'?
          the services are kafka, taskmanager
        ");
        insta::assert_snapshot!(service("kafka-1", "p", &instances).unwrap_err(), @r"
        no service 'kafka-1'; did you mean 'kafka'?
          the services are kafka, taskmanager
        ");
        assert!(!find("postgres", "p", &instances).unwrap_err().to_string().contains("did you mean"));
        let error = find("kafka", "p", &[]).unwrap_err();
        assert_eq!(Status::of(&error), Status::Environment);
    }
}
