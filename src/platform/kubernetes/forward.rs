//! Ports of pods at ports of this machine: whoever may ask the API server reaches them, wherever the cluster is.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Kubernetes;
use crate::platform::{Endpoint, State, instance_name};

/// The variable that tells the broker under which port of this machine it is reached: it tells its clients the same.
const BROKER_PORT: &str = "KAFKA_PORT";
/// The port in its pod at which the broker is reached from outside.
const BROKER: u16 = 9094;

/// A port of this machine that leads to a pod's, until it is dropped.
pub(super) struct Forward {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Forward {
    /// Listens at a port of this machine, any that is free for 0, and passes each connection on.
    async fn listen(pods: Api<Pod>, pod: String, port: u16, local: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, local));
        let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => anyhow!(
                "{address} is taken, and the broker in the cluster tells its clients that it is there\n  \
                 One command at a time reaches it; playground up --kafka-port N moves it"
            ),
            _ => anyhow!(error).context(format!("listen at {address}")),
        })?;
        let local = listener.local_addr().context("listen")?.port();
        let task = tokio::spawn(async move {
            // Whoever connects finds out for itself that a connection has ended, and connects again.
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(pass_on(pods.clone(), pod.clone(), port, connection));
            }
        });
        Ok(Self { port: local, task })
    }
}

async fn pass_on(pods: Api<Pod>, pod: String, port: u16, mut connection: TcpStream) {
    let Ok(mut forwarder) = pods.portforward(&pod, &[port]).await else { return };
    if let Some(mut stream) = forwarder.take_stream(port) {
        let _ = copy_bidirectional(&mut connection, &mut stream).await;
    }
    forwarder.abort();
}

impl Kubernetes {
    /// The endpoints of a service's pods that run.
    pub(super) async fn reached(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        let observed = self.observe().await?;
        let Some(deployment) = observed.deployments.iter().find(|one| one.name_any() == service) else {
            return Ok(Vec::new());
        };
        let instances = observed.instances();
        let runs = |number: u32| {
            instances
                .iter()
                .any(|one| (one.service.as_str(), one.number, one.state) == (service, number, State::Running))
        };
        let numbered = observed.numbered(deployment);
        let running: Vec<(u32, &Pod)> = numbered.into_iter().filter(|(number, _)| runs(*number)).collect();
        let mut forwards = self.forwards.lock().await;
        // A pod that is gone gives its port of this machine back, which the one in its place may need.
        let is_there = |name: &str| observed.pods.iter().any(|pod| pod.name_any() == name);
        let over = forwards.extract_if(|(pod, _), forward| !is_there(pod) || forward.task.is_finished());
        for (_, mut forward) in over.collect::<Vec<_>>() {
            forward.task.abort();
            // Its port is free once the task is dropped, and not when it is told to end.
            let _ = (&mut forward.task).await;
        }
        let mut endpoints = Vec::new();
        for (number, pod) in running {
            let name = pod.name_any();
            let key = (name.clone(), port);
            if !forwards.contains_key(&key) {
                let local = if port == BROKER { told_port(pod).unwrap_or(port) } else { 0 };
                forwards.insert(key.clone(), Forward::listen(self.api(), name, port, local).await?);
            }
            let instance = instance_name(service, number);
            let local = forwards.get(&key).map(|forward| forward.port);
            endpoints.extend(local.map(|port| Endpoint { instance, host: Ipv4Addr::LOCALHOST.to_string(), port }));
        }
        Ok(endpoints)
    }
}

/// The port of this machine that a broker tells its clients.
fn told_port(pod: &Pod) -> Option<u16> {
    let variables = pod.spec.as_ref()?.containers.first()?.env.as_ref()?;
    variables.iter().find(|one| one.name == BROKER_PORT)?.value.as_ref()?.parse().ok()
}
