//! A Kubernetes cluster as a platform: the stack in one namespace, made from the manifests of `kubernetes/`.
//!
//! What runs is told by labels and annotations alone, so another process can go on from there. Each service is a Deployment,
//! and each of its pods an instance with a number. To kill one, its processes are, it is deleted at once, and its Deployment made
//! smaller by it: otherwise the cluster would start another one in its place before anybody has seen that it is gone.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use futures_util::FutureExt as _;
use kube::{Api, Client};
use tokio::sync::{Mutex, mpsc};

use super::{
    Cluster, Contract, Endpoint, ExecEnd, Extent, Instance, Journal, Line, Lock, LogRange, Mark, PlatformNews, Printed,
    parts_of,
};
use crate::platform::lock::{Notes as _, release, take};
use crate::stack::Stack;
use crate::wait::{Seen, until, until_of};

mod apply;
mod clock;
mod connect;
mod drain;
mod exec;
mod fault;
mod forward;
mod journal;
mod labels;
mod lock;
mod logs;
mod manifests;
mod observe;
mod problem;
mod remove;

use fault::Ending;

/// Who applies fields, for the API server.
const MANAGER: &str = "playground";
/// Between two looks at something that changes in a moment. Each takes the API server as long as a node takes for a pod's probe.
const MOMENT: Duration = Duration::from_millis(400);

/// When all instances were looked at, and what was seen.
type Looked = (Instant, Vec<Instance>);

/// A project in a namespace of a cluster.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    /// For what goes on: logs, commands and ports. It knows no deadline, and nothing is asked for again by itself.
    streams: Client,
    namespace: String,
    project: String,
    /// How a command line of kubectl begins that means the same namespace.
    kubectl: String,
    /// What was seen last, for those who ask at the same moment.
    looked: Arc<Mutex<Option<Looked>>>,
    /// Held while a Deployment's size is changed: each change begins from what the one before it wrote.
    sizes: Arc<Mutex<()>>,
}

impl Kubernetes {
    /// A project in a cluster.
    ///
    /// # Errors
    /// A kubeconfig, context or namespace that is not there, or a server that does not answer.
    pub async fn connect(cluster: &Cluster, project: &str) -> Result<Self> {
        let connect::Connected { client, streams, namespace } = connect::connect(cluster).await?;
        let context = cluster.context.as_ref().map(|context| format!(" --context {context}")).unwrap_or_default();
        let kubectl = format!("kubectl{context} --namespace {namespace}");
        let project = project.to_owned();
        Ok(Self { client, streams, namespace, project, kubectl, looked: Arc::default(), sizes: Arc::default() })
    }

    /// See [`super::Platform::way_to`].
    pub(in crate::platform) fn way_to(&self, instance: &str, local: u16, port: u16) -> String {
        let service = parts_of(instance).map_or(instance, |(service, _)| service);
        format!("{} port-forward deployment/{service} {local}:{port}", self.kubectl)
    }

    /// All instances. Those who look at the same moment share a look: each is three lists for the API server.
    async fn seen(&self) -> Result<Vec<Instance>> {
        let mut looked = self.looked.lock().await;
        if let Some((_, instances)) = looked.as_ref().filter(|(at, _)| at.elapsed() < MOMENT) {
            return Ok(instances.clone());
        }
        let instances = self.instances().await?;
        *looked = Some((Instant::now(), instances.clone()));
        Ok(instances)
    }

    /// What is changed here has to be looked at anew.
    async fn changes<T>(&self, change: impl Future<Output = Result<T>>) -> Result<T> {
        let done = change.await;
        *self.looked.lock().await = None;
        done
    }

    /// The objects of a kind in the namespace.
    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The same for what goes on until it is ended.
    fn open<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.streams.clone(), &self.namespace)
    }
}

/// Looks until something is so. An API server that does not answer, or has trouble of its own, is asked again.
async fn wait<T>(what: impl Display, limit: Duration, mut look: impl AsyncFnMut() -> Result<Seen<T>>) -> Result<T> {
    until(what, limit, MOMENT, async || calm(look().await)).await
}

/// The same where the waiting itself may have to go to another thread.
async fn wait_of<T, F>(what: impl Display, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Seen<T>>>,
{
    until_of(what, limit, MOMENT, || {
        let look = look();
        async move { calm(look.await) }
    })
    .await
}

fn calm<T>(looked: Result<Seen<T>>) -> Result<Seen<T>> {
    looked.or_else(|error| if error.is::<Away>() { Ok(Seen::NotYet(format!("{error:#}"))) } else { Err(error) })
}

/// The API server was not reached, or could not answer.
#[derive(Debug)]
struct Away(String);

impl Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer from the API server: {}", self.0)
    }
}

impl std::error::Error for Away {}

fn is_missing(error: &kube::Error) -> bool {
    has_code(error, 404)
}

fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// What the API server refused, in its own words: of a lack of permission they name the verb and the kind.
trait Plain<T> {
    /// The same result with an error for people.
    fn plain(self) -> Result<T>;
}

impl<T> Plain<T> for Result<T, kube::Error> {
    fn plain(self) -> Result<T> {
        self.map_err(plainly)
    }
}

fn plainly(error: kube::Error) -> Error {
    let is_away = matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_));
    if let kube::Error::Api(status) = error {
        let has_trouble = status.code == 429 || status.code >= 500;
        return if has_trouble { Away(status.message).into() } else { anyhow!("{}", status.message) };
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if is_away { Away(cause.to_string()).into() } else { anyhow!("{cause}") }
}

impl Contract for Kubernetes {
    async fn services(&self) -> Result<Vec<Instance>> {
        self.seen().boxed().await
    }
    async fn volumes(&self) -> Result<Vec<String>> {
        self.claims().boxed_local().await
    }
    async fn foreign(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn endpoints(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        self.reached(service, port).boxed().await
    }
    async fn prepare(&self, stack: &Stack, _progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        self.plan(stack).boxed_local().await.map(drop)
    }
    async fn apply(&self, stack: &Stack, limit: Duration, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        self.changes(self.bring_in_line(stack, limit, &progress).boxed_local()).await
    }
    async fn start(&self, instance: &str) -> Result<()> {
        self.changes(self.start_instance(instance).boxed_local()).await
    }
    async fn kill(&self, instance: &str) -> Result<()> {
        self.changes(self.end_instance(instance, Ending::AtOnce).boxed_local()).await
    }
    async fn terminate(&self, instance: &str) -> Result<()> {
        self.changes(self.end_instance(instance, Ending::InItsTime).boxed_local()).await
    }
    async fn drain(&self, instances: &[String]) -> Result<()> {
        self.changes(self.drain_nodes_of(instances).boxed_local()).await
    }
    async fn pause(&self, instance: &str) -> Result<()> {
        Err(fault::impossible("pause", instance))
    }
    async fn disconnect(&self, instance: &str) -> Result<()> {
        Err(fault::impossible("disconnect", instance))
    }
    async fn exec(&self, service: &str, command: &[String], lines: mpsc::Sender<Line>) -> Result<ExecEnd> {
        self.run_command(service, command, lines).boxed().await
    }
    async fn logs(&self, service: Option<&str>, range: LogRange, lines: mpsc::Sender<Printed>) -> Result<()> {
        self.read_logs(service, range, lines).await
    }
    async fn remove(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        match extent {
            Extent::Instance(name) => self.changes(self.let_go(name).boxed_local()).await,
            whole => self.changes(self.remove_project(whole).boxed_local()).await,
        }
    }
}

impl Journal for Kubernetes {
    async fn lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        take(self, &self.lock_name(&lock.owner), lock).boxed_local().await
    }
    async fn unlock(&self, lock: &Lock) -> Result<()> {
        release(self, &self.lock_name(&lock.owner)).boxed_local().await
    }
    fn lock_removal(&self, lock: &Lock) -> String {
        self.removal(&self.lock_name(&lock.owner))
    }
    fn mark_removal(&self, mark: &Mark) -> String {
        format!("{} delete configmap {}", self.kubectl, self.mark_name(&mark.id))
    }
    async fn mark(&self, mark: &Mark) -> Result<()> {
        self.write_mark(mark).boxed_local().await
    }
    async fn forget(&self, id: &str) -> Result<()> {
        self.erase_mark(id).boxed_local().await
    }
    async fn marks(&self) -> Result<Vec<Mark>> {
        self.read_marks().boxed_local().await
    }
}
