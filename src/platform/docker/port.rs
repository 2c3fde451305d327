//! Ports that are taken: by whom, told before anything is made.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Result, anyhow};
use bollard::errors::Error;
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::observe::{Container, Observed};
use super::reconcile::{Plan, Steps, Verb};
use super::{Docker, Plain as _, labels, words};
use crate::platform::{PortTaken, State};
use crate::stack::Service;

mod holder;

impl Docker {
    /// Refuses a plan whose ports others hold; what the project itself holds now is given up first.
    pub(super) async fn check_ports(&self, plan: &Plan, observed: &Observed) -> Result<()> {
        let starts = plan.instances.iter().filter(|steps| steps.operations.iter().any(|one| one.verb == Verb::Start));
        for Steps { service, number, .. } in starts {
            for address in addresses(service, *number) {
                if is_taken(address) && !holds(observed, address) {
                    return Err(self.taken(address, &service.name).await.into());
                }
            }
        }
        Ok(())
    }

    /// What to say when a service's container did not start.
    pub(super) async fn start_error(&self, service: &Service, number: u32, error: Error) -> anyhow::Error {
        self.explain(&service.name, number, &addresses(service, number), error).await
    }

    /// What to say when a container did not start again.
    pub(super) async fn port_error(&self, container: &Container, error: Error) -> anyhow::Error {
        let address = |port: &crate::platform::Port| Some(SocketAddr::new(port.host.parse().ok()?, port.published));
        let addresses: Vec<SocketAddr> = container.instance.ports.iter().filter_map(address).collect();
        self.explain(&container.instance.service, container.instance.number, &addresses, error).await
    }

    async fn explain(&self, service: &str, number: u32, addresses: &[SocketAddr], error: Error) -> anyhow::Error {
        let text = words(&error);
        let about_a_port =
            ["already in use", "already allocated", "port is already"].iter().any(|one| text.contains(one));
        let address = addresses.iter().find(|address| text.contains(&format!(":{}", address.port())));
        match address {
            Some(address) if about_a_port => self.taken(*address, service).await.into(),
            _ => anyhow!(text).context(format!("start {service}-{number}")),
        }
    }

    pub(super) async fn taken(&self, address: SocketAddr, service: &str) -> PortTaken {
        let by = match self.publisher(address).await {
            Ok(Some(container)) => container,
            _ => holder::process(address).unwrap_or_else(|| "another process".to_owned()),
        };
        PortTaken { address, by, service: service.to_owned() }
    }

    /// The container, of whichever project, that publishes a port.
    async fn publisher(&self, address: SocketAddr) -> Result<Option<String>> {
        let filters = [("publish".to_owned(), vec![address.port().to_string()])].into();
        let options = ListContainersOptionsBuilder::new().filters(&filters).build();
        let Some(found) = self.api.list_containers(Some(options)).await.plain()?.into_iter().next() else {
            return Ok(None);
        };
        let name = found.names.unwrap_or_default().pop().unwrap_or_default();
        let labels = found.labels.unwrap_or_default();
        // As in "Up 3 hours (healthy)".
        let status = found.status.unwrap_or_default().to_lowercase();
        let up = status.split(" (").next().unwrap_or_default();
        let label = |name: &str| labels.get(name).map(String::as_str);
        Ok(Some(match (label(labels::PROJECT), label(labels::SERVICE), label(labels::NUMBER)) {
            (Some(project), Some(service), Some(number)) => format!("project '{project}' ({service}-{number}, {up})"),
            _ => format!("container {} ({up})", name.trim_start_matches('/')),
        }))
    }
}

/// What the first instance takes; the engine gives the others ports that are free.
fn addresses(service: &Service, number: u32) -> Vec<SocketAddr> {
    let published = service.ports.iter().filter_map(|port| Some(SocketAddr::new(port.host, port.published?)));
    published.filter(|_| number == 1).collect()
}

/// Only an engine on this machine publishes on its loopback; for another one this finds nothing, and the engine tells.
pub(super) fn is_taken(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

fn holds(observed: &Observed, address: SocketAddr) -> bool {
    let running = |container: &&Container| matches!(container.instance.state, State::Running | State::Paused);
    let mut ports = observed.containers.iter().filter(running).flat_map(|container| &container.instance.ports);
    ports.any(|port| port.published == address.port())
}
