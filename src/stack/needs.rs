//! What the workload needs of a compose file of the user's own. Everything else in it is the user's affair.

use anyhow::{Result, ensure};

use super::{JOBMANAGER, Stack};

/// A service that the workload cannot do without, by the name that commands know it by.
struct Need {
    service: &'static str,
    /// The port that is to be published, in the container.
    port: Option<u16>,
    /// What for.
    why: &'static str,
}

const NEEDS: [Need; 4] = [
    Need { service: "kafka", port: Some(9094), why: "it holds the topics, and is read from the host" },
    Need { service: JOBMANAGER, port: Some(8081), why: "it runs the job, and its REST API is used from the host" },
    Need { service: "taskmanager", port: None, why: "its slots are where the job runs" },
    Need { service: "client", port: None, why: "it submits the job, and runs Flink's command line" },
];

/// Whether all that the workload needs is there.
///
/// # Errors
/// Every service or port that is missing, by name, with what it is needed for.
pub(super) fn check(stack: &Stack) -> Result<()> {
    let missing: Vec<String> = NEEDS.iter().filter_map(|need| missing(stack, need)).collect();
    ensure!(missing.is_empty(), "the compose file lacks what the workload needs\n  {}", missing.join("\n  "));
    Ok(())
}

fn missing(stack: &Stack, need: &Need) -> Option<String> {
    let Need { service: name, port, why } = need;
    let Some(service) = stack.service(name) else { return Some(format!("no service '{name}': {why}")) };
    let port = (*port)?;
    let is_published = service.ports.iter().any(|one| one.target == port && one.published.is_some());
    (!is_published).then(|| format!("services.{name}.ports: {port} is not published: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Source, Variables};

    fn told(text: &str) -> String {
        let source = Source { name: "f", folder: std::path::Path::new("/"), text };
        check(&Stack::parse(&source, "p", &Variables::new()).unwrap())
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_is_missing_is_named_with_what_it_is_for() {
        let text =
            "services: {kafka: {image: k}, web: {image: w}, jobmanager: {image: j, ports: ['127.0.0.1:1:8081']}}";
        insta::assert_snapshot!(told(text), @r"
        the compose file lacks what the workload needs
          services.kafka.ports: 9094 is not published: it holds the topics, and is read from the host
          no service 'taskmanager': its slots are where the job runs
          no service 'client': it submits the job, and runs Flink's command line
        ");
    }

    #[test]
    fn other_services_are_welcome_and_zookeeper_and_generator_are_not_needed() {
        let text = "services: {kafka: {image: k, ports: ['127.0.0.1:1:9094']}, web: {image: w}, client: {image: c}, \
            jobmanager: {image: j, ports: ['127.0.0.1:2:8081']}, taskmanager: {image: t}}";
        assert_eq!(told(text), "");
    }
}
