//! Where a stack runs: the contract every platform keeps, and the enum that forwards to one of them.
//!
//! A platform knows services, containers and their faults; it knows no scenario, no job and no topic.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::stack::Stack;

pub mod docker;
pub mod engine;
pub mod fake;
mod journal;
pub mod kubernetes;
mod lock;
mod owner;

pub use journal::{Journal, Kind, Lock, Mark, NotedJob, NotedRun};
pub use owner::{Life, Owner};

/// One running or ended replica of a service, as observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Instance {
    /// The service's name in the compose file.
    pub service: String,
    /// Counts a service's replicas from 1.
    pub number: u32,
    /// The platform's own id of it.
    pub id: String,
    /// By what its own processes know it, where that is not the beginning of its id.
    #[serde(default, skip_serializing)]
    pub host: String,
    /// What it is doing.
    pub state: State,
    /// What its health check says, where it has one and runs.
    pub health: Option<Health>,
    /// How its process ended, where it did.
    pub exit_code: Option<i64>,
    /// Published ports, host side first.
    pub ports: Vec<Port>,
    /// Whether it is on the stack's network.
    pub connected: bool,
    /// How far it has come, where it is a pod.
    #[serde(default, skip_serializing)]
    pub stage: Option<Stage>,
}

/// How far a pod has come on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A node is to run it.
    Scheduled,
    /// The node has its images.
    ImageThere,
    /// Its process runs.
    Started,
    /// It passes its readiness probe.
    Ready,
}

impl Instance {
    /// The name that people use, as in `taskmanager-1`.
    #[must_use]
    pub fn name(&self) -> String {
        instance_name(&self.service, self.number)
    }

    /// Whether this is the host name or address by which its own processes know it.
    #[must_use]
    pub fn calls_itself(&self, host: &str) -> bool {
        !host.is_empty() && (self.host == host || self.id.starts_with(host))
    }
}

/// The name of a service's instance, there or not, as in `taskmanager-1`: what [`Instance::name`] would be, and what the
/// methods of the [`Contract`] take. Nobody composes one outside of the platforms.
#[must_use]
pub fn instance_name(service: &str, number: u32) -> String {
    format!("{service}-{number}")
}

/// The service and the number in an instance's name; none where it is no such name.
#[must_use]
pub fn parts_of(instance: &str) -> Option<(&str, u32)> {
    let (service, number) = instance.rsplit_once('-')?;
    Some((service, number.parse().ok()?))
}

/// Whether a name is that of a service's instance, as `taskmanager-1` is of `taskmanager`.
#[must_use]
pub fn is_instance_of(name: &str, service: &str) -> bool {
    parts_of(name).is_some_and(|(of, _)| of == service)
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Made, never started.
    #[cfg_attr(test, default)]
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// Its process has ended, by itself or not.
    Exited,
}

impl State {
    /// As people and Docker name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Exited => "exited",
        }
    }
}

/// What a health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No result yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// The last checks failed.
    Unhealthy,
}

/// A port that the host offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The address on the host, always a loopback one.
    pub host: String,
    /// The port on the host.
    pub published: u16,
    /// The port inside the container.
    pub target: u16,
}

/// Where a port of an instance is reached from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose it is, as in `jobmanager-1`.
    pub instance: String,
    /// The host, as in `127.0.0.1`.
    pub host: String,
    /// The port on it.
    pub port: u16,
}

/// As in `127.0.0.1:8081`.
impl std::fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// What a command in a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEnd {
    /// The command's exit code.
    pub exit_code: i64,
}

/// A line that a container printed, or that a command in one did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The instance's name, as in `taskmanager-1`.
    pub instance: String,
    /// Which of the instance's logs it is in: what takes the place of a container that is gone begins another one. Empty for
    /// what a command printed.
    pub log: String,
    /// Whether it went to standard error.
    pub stderr: bool,
    /// The line, without its end.
    pub text: String,
    /// When it was printed, in ms since the epoch; 0 where the platform does not know.
    pub at: i64,
}

/// Of what an instance printed, an unknown part was never read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log of {instance} was deleted before all of it had been read: {why}")]
pub struct Cut {
    /// As in `taskmanager-1`.
    pub instance: String,
    /// Which of its logs, as in [`Line::log`].
    pub log: String,
    /// What is known of the reason.
    pub why: String,
}

/// What is read of a log.
pub type Printed = Result<Line, Cut>;

/// Which lines to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// Go on with new lines until the receiver is dropped.
    pub follow: bool,
    /// How many of the last lines to begin with; all when `None`.
    pub tail: Option<u32>,
}

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent<'a> {
    /// One instance, as in `taskmanager-2`, in its own time: it is asked to end before it is made to.
    Instance(&'a str),
    /// Containers and networks; data stays.
    Containers,
    /// All that carries the project's label.
    Everything,
}

/// What a platform does. Every method names the object it failed on and says what to do next.
#[allow(async_fn_in_trait, reason = "only `Platform` calls it, so its futures need no further bounds")]
pub trait Contract {
    /// All instances of the project, in the order of service name and number, one-off containers left out.
    async fn services(&self) -> Result<Vec<Instance>>;

    /// The names of the volumes that hold the project's data.
    async fn volumes(&self) -> Result<Vec<String>>;

    /// What bears the project's name without being the playground's, as in `container playground-web-1`: it is never
    /// changed, removed or counted. Where there is any, `apply` refuses.
    async fn foreign(&self) -> Result<Vec<String>>;

    /// Where this machine reaches a port of a service of this project, by the project's own containers alone: an endpoint for
    /// each instance of it that runs and publishes the port, in the order of their numbers. [`Elsewhere`] where ports are
    /// published on another machine than this: at the same address of this one, another stack may answer.
    async fn endpoints(&self, service: &str, port: u16) -> Result<Vec<Endpoint>>;

    /// Does all of [`Contract::apply`] that can fail before anything of the project is changed: whether all that bears its
    /// name, or a name that the stack needs, is ours; whether its ports are free, whether its images are there or can be
    /// built. It has no limit: what takes long in it is building images.
    async fn prepare(&self, stack: &Stack, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()>;

    /// Brings what runs in line with `stack`: makes what is missing, replaces what was made from something else, starts
    /// what is stopped, removes surplus replicas. Services without a `depends_on` between them start side by side.
    /// Each operation is told through `progress` with its cause. Applying the same stack twice changes nothing.
    /// The first instance of a service publishes its ports as the stack has them, each other one at ports that are free.
    /// Images that are missing or stale are built first, where they are ours. Returns once each instance is what its
    /// description promises: healthy, where it has a health check; exited with code 0, where it is one-shot. One that
    /// ends otherwise is an error at once, with what it printed last, and so is one that is not as promised within `limit`
    /// from when it is waited for. A one-shot service that is done is left alone.
    async fn apply(&self, stack: &Stack, limit: Duration, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()>;

    /// Makes an instance run and be reachable, whether it was killed, paused, disconnected, or its node drained. One that is not there is
    /// made like another of its service, with ports that are free and no fixed name; where there is no other, it is an error.
    async fn start(&self, instance: &str) -> Result<()>;

    /// Ends an instance's process with SIGKILL, at once or as soon as the platform can, and returns once it has ended. An ended one stays ended.
    async fn kill(&self, instance: &str) -> Result<()>;

    /// Asks an instance's process to end, and makes it once its time is up; returns once it has ended. An ended one stays ended.
    async fn terminate(&self, instance: &str) -> Result<()>;

    /// Takes all that the project runs off the nodes of instances, which then take nothing new, until each of these instances was
    /// asked to [`Contract::start`], or is removed.
    async fn drain(&self, instances: &[String]) -> Result<()>;

    /// Freezes an instance's processes.
    async fn pause(&self, instance: &str) -> Result<()>;

    /// Takes an instance off the stack's network.
    async fn disconnect(&self, instance: &str) -> Result<()>;

    /// Runs `command` in the service's running instance or, where none runs, in a one-off container of the service
    /// that is removed afterwards. Its output goes to `lines` as it comes.
    async fn exec(&self, service: &str, command: &[String], lines: mpsc::Sender<Line>) -> Result<ExecEnd>;

    /// Sends the lines of a service's instances, or of all, in the order they were printed. A log that is followed and goes
    /// before all of it was read is told as [`Cut`].
    async fn logs(&self, service: Option<&str>, range: LogRange, lines: mpsc::Sender<Printed>) -> Result<()>;

    /// Removes what carries the project's label, or one instance of it. Returns what was removed, one line each. It is
    /// not an error if there is nothing.
    async fn remove(&self, extent: Extent<'_>) -> Result<Vec<String>>;
}

/// Something that happened during [`Contract::prepare`], [`Contract::apply`] or a build of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformNews {
    /// An operation on an instance, and why.
    Operation {
        /// As in `create`, `start`, `replace`, `remove`; `ready` when an instance is what its description promises.
        verb: &'static str,
        /// As in `taskmanager-1`.
        object: String,
        /// As in `its command changed`.
        cause: String,
        /// How long it took.
        took: Duration,
    },
    /// An image is being built: the line its progress display shows now.
    Image {
        /// As in `playground/flink:2.2.1`.
        image: String,
        /// The step being done, as the engine names it.
        step: String,
    },
    /// An image is there; `built` says whether it had to be made.
    ImageReady {
        /// As in `playground/flink:2.2.1`.
        image: String,
        /// Whether it was built just now.
        built: bool,
    },
}

/// A port of the host that something else holds. Its advice is the commands': they know which option moves it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is taken by {by}")]
pub struct PortTaken {
    /// The address that was to be published.
    pub address: SocketAddr,
    /// As in `java (process 4123)`.
    pub by: String,
    /// Whose port it was to be.
    pub service: String,
}

/// The ports of a stack are published on another machine than this one, so nothing here can speak to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the Docker engine is on {host}: a stack's ports are published there, not on this machine\n  \
     Nothing was done; {instead}, or run playground on {host} itself"
)]
pub struct Elsewhere {
    /// The other machine.
    pub host: String,
    /// How to use an engine here instead, as in `unset DOCKER_HOST to use an engine here`.
    pub instead: String,
}

/// Which platform is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Meant {
    /// The Docker engine that this machine uses.
    #[default]
    Docker,
    /// A Kubernetes cluster.
    Kubernetes(Cluster),
}

/// A cluster that a kubeconfig has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// A context of the kubeconfig; the current one when `None`.
    pub context: Option<String>,
    /// The stack's namespace; the context's own when `None`.
    pub namespace: Option<String>,
}

/// One of the platforms.
#[derive(Clone)]
pub enum Platform {
    /// A Docker engine.
    Docker(docker::Docker),
    /// A Kubernetes cluster.
    Kubernetes(kubernetes::Kubernetes),
    /// A platform in memory, for tests of the binary.
    Fake(fake::Fake),
}

impl Platform {
    /// The platform that this process is to use, for one project.
    pub async fn connect(meant: &Meant, project: &str) -> Result<Self> {
        match (std::env::var_os(FAKE), meant) {
            (Some(folder), _) => Ok(Self::Fake(fake::Fake::open(folder.as_ref(), project)?)),
            (None, Meant::Docker) => Ok(Self::Docker(docker::Docker::connect(project).await?)),
            (None, Meant::Kubernetes(cluster)) => {
                Ok(Self::Kubernetes(kubernetes::Kubernetes::connect(cluster, project).await?))
            }
        }
    }
}

impl Platform {
    /// The command by which a user reaches a port of an instance at `local` of this machine; none where it is reached without one.
    #[must_use]
    pub fn way_to(&self, instance: &str, local: u16, port: u16) -> Option<String> {
        match self {
            Self::Kubernetes(cluster) => Some(cluster.way_to(instance, local, port)),
            Self::Docker(_) | Self::Fake(_) => None,
        }
    }

    /// Refuses instances of these services whose clocks are known to differ: on one machine they have the same.
    ///
    /// # Errors
    /// Which of them differ, and by how much; an instance that does not tell its time.
    pub async fn clocks_must_agree(&self, services: &[&str]) -> Result<()> {
        match self {
            Self::Kubernetes(cluster) => Box::pin(cluster.clocks_must_agree(services)).await,
            Self::Docker(_) | Self::Fake(_) => Ok(()),
        }
    }

    /// The commands that look at a stack while another one owns it. The broker in a cluster advertises one port of this machine, which that
    /// one may hold.
    #[must_use]
    pub fn meanwhile(&self) -> &'static str {
        match self {
            Self::Kubernetes(_) => "ps and logs",
            Self::Docker(_) | Self::Fake(_) => "ps, logs, verify and tail",
        }
    }
}

/// Names the folder of a [`fake::Fake`], for tests of the binary without an engine.
const FAKE: &str = "PLAYGROUND_FAKE_PLATFORM";

/// Forwards a call to the platform at hand.
macro_rules! forward {
    ($self:ident, $platform:ident => $call:expr) => {
        match $self {
            Platform::Docker($platform) => $call.await,
            Platform::Kubernetes($platform) => $call.await,
            Platform::Fake($platform) => $call.await,
        }
    };
}

impl Contract for Platform {
    async fn services(&self) -> Result<Vec<Instance>> {
        forward!(self, platform => platform.services())
    }
    async fn volumes(&self) -> Result<Vec<String>> {
        forward!(self, platform => platform.volumes())
    }
    async fn foreign(&self) -> Result<Vec<String>> {
        forward!(self, platform => platform.foreign())
    }
    async fn endpoints(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        forward!(self, platform => platform.endpoints(service, port))
    }
    async fn prepare(&self, stack: &Stack, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        forward!(self, platform => platform.prepare(stack, progress))
    }
    async fn apply(&self, stack: &Stack, limit: Duration, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        forward!(self, platform => platform.apply(stack, limit, progress))
    }
    async fn start(&self, instance: &str) -> Result<()> {
        forward!(self, platform => platform.start(instance))
    }
    async fn kill(&self, instance: &str) -> Result<()> {
        forward!(self, platform => platform.kill(instance))
    }
    async fn terminate(&self, instance: &str) -> Result<()> {
        forward!(self, platform => platform.terminate(instance))
    }
    async fn drain(&self, instances: &[String]) -> Result<()> {
        forward!(self, platform => platform.drain(instances))
    }
    async fn pause(&self, instance: &str) -> Result<()> {
        forward!(self, platform => platform.pause(instance))
    }
    async fn disconnect(&self, instance: &str) -> Result<()> {
        forward!(self, platform => platform.disconnect(instance))
    }
    async fn exec(&self, service: &str, command: &[String], lines: mpsc::Sender<Line>) -> Result<ExecEnd> {
        forward!(self, platform => platform.exec(service, command, lines))
    }
    async fn logs(&self, service: Option<&str>, range: LogRange, lines: mpsc::Sender<Printed>) -> Result<()> {
        forward!(self, platform => platform.logs(service, range, lines))
    }
    async fn remove(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        forward!(self, platform => platform.remove(extent))
    }
}

impl Journal for Platform {
    async fn lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        forward!(self, platform => platform.lock(lock))
    }
    async fn unlock(&self, lock: &Lock) -> Result<()> {
        forward!(self, platform => platform.unlock(lock))
    }
    fn lock_removal(&self, lock: &Lock) -> String {
        match self {
            Self::Docker(platform) => platform.lock_removal(lock),
            Self::Kubernetes(platform) => platform.lock_removal(lock),
            Self::Fake(platform) => platform.lock_removal(lock),
        }
    }
    fn mark_removal(&self, mark: &Mark) -> String {
        match self {
            Self::Docker(platform) => platform.mark_removal(mark),
            Self::Kubernetes(platform) => platform.mark_removal(mark),
            Self::Fake(platform) => platform.mark_removal(mark),
        }
    }
    async fn mark(&self, mark: &Mark) -> Result<()> {
        forward!(self, platform => platform.mark(mark))
    }
    async fn forget(&self, id: &str) -> Result<()> {
        forward!(self, platform => platform.forget(id))
    }
    async fn marks(&self) -> Result<Vec<Mark>> {
        forward!(self, platform => platform.marks())
    }
}
