//! A Docker engine as a platform, through the Engine API.
//!
//! What runs is told by labels alone ([`labels`]), so another process, or docker-compose, can go on from there. `apply`
//! works as Compose does: observe, [`reconcile`] to a plan with a cause for each operation, carry it out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::sync::{Mutex, mpsc};

use crate::platform::lock::{Notes as _, release, take};
use crate::platform::{
    Contract, Endpoint, ExecEnd, Extent, Instance, Journal, Line, Lock, LogRange, Mark, PlatformNews, Printed,
};
use crate::stack::Stack;

mod apply;
mod connect;
mod container;
mod definition;
mod exec;
mod facts;
mod fault;
mod images;
mod journal;
mod labels;
mod lock;
mod logs;
mod observe;
mod port;
mod problem;
mod reconcile;
mod remove;
mod stopping;
mod strangers;
mod wait;

#[cfg(test)]
mod tests;

use connect::{Connected, Remote};

/// A project on a Docker engine.
#[derive(Clone)]
pub struct Docker {
    api: bollard::Docker,
    project: String,
    /// The machine that the engine runs on, where that is another one than this.
    remote: Option<Remote>,
    /// Held while a container is made: the engine then fills its new volumes from the image, and two at once that share a
    /// volume get into each other's way.
    making: Arc<Mutex<()>>,
    /// Whether an `apply` of this process was cut off or failed, so that the engine may still be at what it asked for.
    cut_off: Arc<AtomicBool>,
}

impl Docker {
    /// A project on the first engine that answers.
    pub async fn connect(project: &str) -> Result<Self> {
        let Connected { api, remote } = connect::connect().await?;
        Ok(Self { api, project: project.to_owned(), remote, making: Arc::default(), cut_off: Arc::default() })
    }
}

/// Whether the engine said that something is not there.
fn is_missing(error: &bollard::errors::Error) -> bool {
    has_code(error, 404)
}

/// Whether the engine said that something is that way already, or is being made so.
fn is_so_already(error: &bollard::errors::Error) -> bool {
    has_code(error, 304) || has_code(error, 409)
}

fn has_code(error: &bollard::errors::Error, code: u16) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code, .. } if *status_code == code)
}

/// The engine's own words, without the crate's around them; of a broken connection the last cause, as the others are
/// layers of the client.
fn words(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        bollard::errors::Error::DockerStreamError { error } => error.trim().to_owned(),
        other => {
            let mut cause: &dyn std::error::Error = other;
            while let Some(source) = cause.source() {
                cause = source;
            }
            cause.to_string()
        }
    }
}

/// What the engine refused, in its own words.
trait Plain<T> {
    /// The same result with an error for people.
    fn plain(self) -> Result<T>;
}

impl<T> Plain<T> for Result<T, bollard::errors::Error> {
    fn plain(self) -> Result<T> {
        self.map_err(|error| anyhow!(words(&error)))
    }
}

/// Between two looks at something that changes in a moment.
const MOMENT: Duration = Duration::from_millis(50);

impl Contract for Docker {
    async fn services(&self) -> Result<Vec<Instance>> {
        let containers = self.containers().await?;
        Ok(containers.into_iter().filter(|one| !one.one_off).map(|one| one.instance).collect())
    }
    async fn volumes(&self) -> Result<Vec<String>> {
        self.volume_names().await
    }
    async fn foreign(&self) -> Result<Vec<String>> {
        Ok(self.observe().await?.foreign)
    }
    async fn endpoints(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        self.published(service, port).await
    }
    async fn prepare(&self, stack: &Stack, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        self.plan(stack, &progress).await.map(drop)
    }
    async fn apply(&self, stack: &Stack, limit: Duration, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        self.bring_in_line(stack, limit, &progress).await
    }
    async fn start(&self, instance: &str) -> Result<()> {
        self.make_reachable(instance).await
    }
    async fn kill(&self, instance: &str) -> Result<()> {
        self.kill_instance(instance).await
    }
    async fn terminate(&self, instance: &str) -> Result<()> {
        self.terminate_instance(instance).await
    }
    async fn drain(&self, instances: &[String]) -> Result<()> {
        Err(anyhow!("a Docker engine has no nodes of {} to drain", instances.join(", ")))
    }
    async fn pause(&self, instance: &str) -> Result<()> {
        self.pause_instance(instance).await
    }
    async fn disconnect(&self, instance: &str) -> Result<()> {
        self.disconnect_instance(instance).await
    }
    async fn exec(&self, service: &str, command: &[String], lines: mpsc::Sender<Line>) -> Result<ExecEnd> {
        self.run_command(service, command, lines).await
    }
    async fn logs(&self, service: Option<&str>, range: LogRange, lines: mpsc::Sender<Printed>) -> Result<()> {
        self.read_logs(service, range, lines).await
    }
    async fn remove(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        match extent {
            Extent::Instance(name) => self.remove_instance(name).await,
            whole => self.remove_project(whole).await,
        }
    }
}

impl Journal for Docker {
    async fn lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        take(self, &self.lock_name(&lock.owner), lock).await
    }
    async fn unlock(&self, lock: &Lock) -> Result<()> {
        release(self, &self.lock_name(&lock.owner)).await
    }
    fn lock_removal(&self, lock: &Lock) -> String {
        self.removal(&self.lock_name(&lock.owner))
    }
    fn mark_removal(&self, mark: &Mark) -> String {
        format!("docker volume rm {}", self.mark_name(&mark.id))
    }
    async fn mark(&self, mark: &Mark) -> Result<()> {
        self.write_mark(mark).await
    }
    async fn forget(&self, id: &str) -> Result<()> {
        self.erase_mark(id).await
    }
    async fn marks(&self) -> Result<Vec<Mark>> {
        self.read_marks().await
    }
}
