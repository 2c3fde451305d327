//! Watches a running stack and tells what it sees as events: the job through Flink's REST API, the topics through the
//! broker, the instances through the platform. Watching changes nothing, decides nothing, and goes on while what is watched
//! is away.

use anyhow::Result;
use tokio::sync::mpsc;

use crate::flink::Flink;
use crate::history::clock::Clock;
use crate::kafka::Isolation;
use crate::platform::Platform;
use crate::workload::meaning::Workload;

pub use topics::Begin;
use topics::Topics;
use watch::Watch;
pub use watch::{Reading, Seen};

mod instances;
pub mod job;
pub mod lag;
mod opening;
mod pressure;
mod restores;
mod sums;
mod topics;
mod watch;

/// What to watch.
#[derive(Clone)]
pub struct Watched {
    /// The broker, as `host:port`.
    pub kafka: String,
    /// Flink's REST API; none where only topics are known.
    pub flink: Option<Flink>,
    /// Where the instances are seen come and go; none where they do not matter.
    pub platform: Option<Platform>,
    /// What the records mean.
    pub workload: Workload,
    /// As which reader to read the output.
    pub isolation: Isolation,
    /// Whether to tell what is written beside what is committed.
    pub uncommitted: bool,
    /// From where on to read the topics.
    pub begin: Begin,
    /// Whether to measure how the vertices wait for each other.
    pub pressure: bool,
}

/// The watchers of a stack; they end when it is dropped.
#[derive(Debug)]
pub struct Observer {
    /// What they see. An error ends the one that met it.
    pub seen: mpsc::Receiver<Result<Seen>>,
    watch: Watch,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Observer {
    /// Begins to watch.
    pub async fn start(watched: Watched, clock: Clock) -> Result<Self> {
        let (watch, seen) = Watch::new(clock);
        let Watched { kafka, flink, platform, workload, isolation, uncommitted, begin, pressure } = watched;
        if let (Some(flink), Begin::Oldest) = (&flink, begin) {
            // Before the topics are read: what may be repeated is known before a repeat is met.
            restores::tell(flink, &kafka, &workload, &watch).await?;
        }
        let topics = Topics { kafka, workload: workload.clone(), isolation, uncommitted, begin };
        watch.thread("topics", move |watch| topics.watch(watch))?;
        let mut tasks = Vec::new();
        if let Some(flink) = flink {
            tasks.push(tokio::spawn(job::watch(flink.clone(), workload.clone(), watch.clone())));
            if pressure {
                tasks.push(tokio::spawn(pressure::watch(flink, workload.job, watch.clone())));
            }
        }
        if let Some(platform) = platform {
            tasks.push(tokio::spawn(instances::watch(platform, watch.clone())));
        }
        Ok(Self { seen, watch, tasks })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.watch.stop();
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
