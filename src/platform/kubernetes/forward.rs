//! Ports of pods at ports of this machine: whoever may ask the API server reaches them, wherever the cluster is.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::core::v1::Pod;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Kubernetes, MOMENT, has_code};
use crate::platform::{Endpoint, Instance, Stage, State};

/// The variable that tells the broker under which port of this machine it is reached: it tells its clients the same.
const BROKER_PORT: &str = "KAFKA_PORT";
/// The port in its pod at which the broker is reached from outside.
const BROKER: u16 = 9094;

/// How often to look whether the pod is there that a connection leads to: a node may leave one open that leads nowhere any more.
const LOOK: Duration = Duration::from_secs(2);

/// The ports of this machine that lead to instances', by what they lead to: this process has them until it ends, whoever asked first
/// for them.
pub(super) static FORWARDS: LazyLock<Mutex<HashMap<Way, Forward>>> = LazyLock::new(Mutex::default);

/// Namespace, project, instance and port.
pub(super) type Way = (String, String, String, u16);

/// A port of this machine that leads to an instance's, until it is dropped.
pub(super) struct Forward {
    port: u16,
    task: JoinHandle<()>,
    trouble: Trouble,
}

/// Why nobody gets through, where that is known: the next one who asks for the port is told.
type Trouble = Arc<std::sync::Mutex<Option<String>>>;

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubernetes {
    /// Listens at a port of this machine, any that is free for 0, and passes each connection on to the pod that is the instance
    /// then.
    async fn listen(&self, instance: (String, u32), port: u16, local: u16) -> Result<Forward> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, local));
        let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => anyhow!(taken(local)),
            _ => anyhow!(error).context(format!("listen at {address}")),
        })?;
        let local = listener.local_addr().context("listen")?.port();
        let (cluster, trouble) = (self.clone(), Trouble::default());
        let told = trouble.clone();
        let task = tokio::spawn(async move {
            let mut listener = Some(listener);
            loop {
                let Some(open) = &listener else {
                    // Who asks meanwhile is refused, as by a broker that is down: a client that is let in and shut out again may
                    // take it for another kind of broker.
                    tokio::time::sleep(MOMENT).await;
                    if cluster.serves(&instance, port).await == Some(true) {
                        listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, local))).await.ok();
                        // Nothing is connected here but ours: whoever has the port now is not who is meant.
                        tell(&told, listener.is_none().then(|| taken(local)));
                    }
                    continue;
                };
                tokio::select! {
                    accepted = open.accept() => match accepted {
                        Ok((connection, _)) => {
                            let (cluster, instance, told) = (cluster.clone(), instance.clone(), told.clone());
                            // Whoever connects finds out for itself that a connection has ended, and connects again.
                            tokio::spawn(async move { cluster.pass_on(&instance, port, connection, &told).await });
                        }
                        // As with no file left to open.
                        Err(_) => tokio::time::sleep(MOMENT).await,
                    },
                    () = cluster.until_none_serves(&instance, port) => listener = None,
                }
            }
        });
        Ok(Forward { port: local, task, trouble })
    }

    async fn until_none_serves(&self, instance: &(String, u32), port: u16) {
        loop {
            tokio::time::sleep(MOMENT).await;
            if self.serves(instance, port).await == Some(false) {
                return;
            }
        }
    }

    /// Whether a pod is that instance and serves the port: a broker does once it is ready. None where the server does not say.
    async fn serves(&self, (service, number): &(String, u32), port: u16) -> Option<bool> {
        let instances = self.seen().await.ok()?;
        let found = instances.iter().find(|one| (&one.service, &one.number) == (service, number));
        let is_ready = |one: &Instance| port != BROKER || one.stage == Some(Stage::Ready);
        Some(found.is_some_and(|one| one.state == State::Running && is_ready(one)))
    }

    async fn pass_on(
        &self,
        (service, number): &(String, u32),
        port: u16,
        mut connection: TcpStream,
        trouble: &Trouble,
    ) -> Result<()> {
        let instances = self.seen().await?;
        let found = instances.into_iter().find(|one| (&one.service, &one.number) == (service, number));
        let pod = found.filter(|one| one.state == State::Running).context("no pod")?.id;
        let opened = self.open::<Pod>().portforward(&pod, &[port]).await;
        // What is refused once is refused always; the rest may be a pod that is about to go.
        let is_refused = |error: &&kube::Error| has_code(error, 403) || has_code(error, 401);
        let refused = opened.as_ref().err().filter(is_refused);
        tell(trouble, refused.map(|error| format!("forward a port to {pod}: {error}")));
        let mut forwarder = opened?;
        let mut stream = forwarder.take_stream(port).context("no stream")?;
        tokio::select! {
            done = copy_bidirectional(&mut connection, &mut stream) => drop(done),
            () = self.until_missing(&pod) => {}
        }
        forwarder.abort();
        Ok(())
    }

    async fn until_missing(&self, pod: &str) {
        // A server that does not answer says nothing of the pod.
        while !matches!(self.api::<Pod>().get_opt(pod).await, Ok(None)) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The endpoints of a service's pods that run.
    pub(super) async fn reached(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        let observed = self.observe().await?;
        let Some(deployment) = observed.deployment(service) else { return Ok(Vec::new()) };
        let pods = observed.numbered(deployment);
        let instances = observed.instances();
        let runs = |one: &&Instance| one.service == service && one.state == State::Running;
        let mut forwards = FORWARDS.lock().await;
        let mut endpoints = Vec::new();
        for instance in instances.iter().filter(runs) {
            let key = (self.namespace.clone(), self.project.clone(), instance.name(), port);
            let told = pods.get(&instance.number).and_then(|pod| told_port(pod));
            let local = if port == BROKER { told.unwrap_or(port) } else { 0 };
            // A broker may tell another port than it did.
            let leads = |forward: &Forward| !forward.task.is_finished() && (local == 0 || forward.port == local);
            if !forwards.get(&key).is_some_and(leads) {
                let forward = self.listen((service.to_owned(), instance.number), port, local).await?;
                forwards.insert(key.clone(), forward);
            }
            // Told once: who asks again tries again.
            let trouble = forwards.get(&key).and_then(|forward| forward.trouble.lock().ok()?.take());
            if let Some(trouble) = trouble {
                bail!("reach {}: {trouble}", instance.name());
            }
            let local = forwards.get(&key).map(|forward| forward.port);
            let (instance, host) = (instance.name(), Ipv4Addr::LOCALHOST.to_string());
            endpoints.extend(local.map(|port| Endpoint { instance, host, port }));
        }
        Ok(endpoints)
    }
}

fn tell(trouble: &Trouble, text: Option<String>) {
    if let Ok(mut trouble) = trouble.lock() {
        *trouble = text;
    }
}

/// Why a broker cannot be reached from here.
fn taken(port: u16) -> String {
    format!(
        "127.0.0.1:{port} is in use, and the broker in the cluster advertises exactly that port, so only one command at a time can reach it\n  \
         Wait for the other command to finish; playground up --kafka-port N changes the port"
    )
}

/// The port of this machine that a broker tells its clients.
fn told_port(pod: &Pod) -> Option<u16> {
    let variables = pod.spec.as_ref()?.containers.first()?.env.as_ref()?;
    variables.iter().find(|one| one.name == BROKER_PORT)?.value.as_ref()?.parse().ok()
}
