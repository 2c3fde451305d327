//! A resolved stack as plain values: exactly what the platforms realise, nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::jar::Jar;
use crate::settings::Ha;

/// A resolved stack: every variable filled in, every value checked, nothing left that a platform would not realise.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Keeps stacks apart.
    pub project: String,
    /// In the order of the file.
    pub services: Vec<Service>,
    /// The networks that services are on.
    pub networks: Vec<Network>,
    /// The named volumes that services mount.
    pub volumes: Vec<Volume>,
    /// The user's jars that Flink's image contains in place of the playground's: those of an application.
    pub jars: Vec<Jar>,
    /// Where Flink's high availability has its leader and its jobs.
    pub ha: Ha,
    /// The class of the volume in a cluster; its usual one when `None`.
    pub storage_class: Option<String>,
    /// The registry that a cluster takes the images from; they are on its nodes when `None`.
    pub registry: Option<String>,
}

/// A service: one or more containers made alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Service {
    /// Its name, and its name in the stack's DNS.
    pub name: String,
    /// The image. Not in the hash: a container's image is compared by what it is, not by what it is called.
    #[serde(skip)]
    pub image: String,
    /// How many containers. Not in the hash: another number of them needs no replacement.
    #[serde(skip)]
    pub replicas: u32,
    /// Whether it is done once it exited with code 0: its `x-one-shot` says so, or a service that waits for its end.
    #[serde(skip)]
    pub one_shot: bool,
    /// What must hold before it is started.
    #[serde(skip)]
    pub depends_on: Vec<Dependency>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables, over those of the image.
    pub environment: BTreeMap<String, String>,
    /// Extra labels of its containers.
    pub labels: BTreeMap<String, String>,
    /// `user[:group]`.
    pub user: Option<String>,
    /// Additional groups.
    pub groups: Vec<String>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The host name inside the container.
    pub hostname: Option<String>,
    /// Ports that other containers see, and those that the host offers.
    pub ports: Vec<Port>,
    /// Volumes, host folders and memory file systems.
    pub mounts: Vec<Mount>,
    /// The networks it is on.
    pub networks: Vec<Attachment>,
    /// How its health is checked.
    pub health: HealthCheck,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// CPU time a second of the clock, in CPUs.
    pub cpus: Option<f64>,
    /// Limit of processes and threads.
    pub pids: Option<u32>,
    /// Size of `/dev/shm` in bytes.
    pub shm: Option<u64>,
    /// Capabilities beyond the engine's default set.
    pub cap_add: Vec<String>,
    /// Capabilities taken out of it.
    pub cap_drop: Vec<String>,
    /// As in `no-new-privileges:true`.
    pub security: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Limits of the process, by name.
    pub ulimits: Vec<Ulimit>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Whether an init process runs as process 1.
    pub init: bool,
    /// How long it may take to stop.
    pub stop_grace: Option<Duration>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Where what it prints goes; as the engine is configured when `None`.
    pub logging: Option<Logging>,
}

impl Service {
    /// A hash of all that a container is made from; two services with the same one need no replacement.
    #[must_use]
    pub fn hash(&self) -> String {
        // A struct of plain values serialises in the order of its fields, so equal services give equal bytes.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(bytes))
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where what a container prints goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// As in `json-file`; the engine's own choice when `None`.
    pub driver: Option<String>,
    /// As in `max-size`; the driver knows them.
    pub options: BTreeMap<String, String>,
}

/// What must hold of another service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// The other service.
    pub service: String,
    /// What must hold of it.
    pub condition: Condition,
}

/// A state that a service may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Condition {
    /// Its containers were started.
    Started,
    /// Their health checks pass.
    Healthy,
    /// They exited with code 0.
    Completed,
}

/// A port of a container and, where published, of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The loopback address that it is published on.
    pub host: IpAddr,
    /// The port on the host; `None` for a port that only other containers see.
    pub published: Option<u16>,
    /// The port in the container.
    pub target: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The absolute path in the container.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
    /// What the container sees there.
    pub source: MountSource,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum MountSource {
    /// A named volume, by its name on the engine.
    Volume(String),
    /// A file or folder of the host.
    Host {
        /// Its absolute path.
        path: String,
        /// Whether it is made when it is not there.
        create: bool,
        /// For whom `SELinux` relabels it, if it does.
        relabel: Option<Relabel>,
    },
    /// A file system in memory.
    Memory {
        /// As in `size=64m,exec`; the engine knows them.
        options: String,
    },
}

/// Who may use a host folder once `SELinux` has labelled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Relabel {
    /// All containers: `z`.
    Shared,
    /// The container that mounts it alone: `Z`.
    Private,
}

/// A service's place on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The network's name on the engine.
    pub network: String,
    /// Names in its DNS besides the service's own.
    pub aliases: Vec<String>,
}

/// How the health of a service is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum HealthCheck {
    /// As the image says, if it says anything.
    Image,
    /// Not at all.
    Off,
    /// By a command.
    Command(HealthCommand),
}

/// A health check's command and its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthCommand {
    /// `CMD` or `CMD-SHELL` first; the image's own when empty.
    pub test: Vec<String>,
    /// Between two checks.
    pub interval: Option<Duration>,
    /// For one check.
    pub timeout: Option<Duration>,
    /// Failures in a row that count.
    pub retries: Option<u64>,
    /// During which failures do not count.
    pub start_period: Option<Duration>,
}

/// A limit of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// As in `nofile`.
    pub name: String,
    /// -1 for none.
    pub soft: i64,
    /// -1 for none.
    pub hard: i64,
}

/// A network of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    /// Its name in the file.
    pub key: String,
    /// Its name on the engine.
    pub name: String,
    /// Whether it has no way out.
    pub internal: bool,
    /// Extra labels.
    pub labels: BTreeMap<String, String>,
}

/// A named volume of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its name in the file.
    pub key: String,
    /// Its name on the engine.
    pub name: String,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
    /// Extra labels.
    pub labels: BTreeMap<String, String>,
}
