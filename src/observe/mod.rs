//! Watches a running stack and reports what it sees as events: the job through Flink's REST API, the topics through the
//! broker, the instances through the platform. Watching changes nothing, decides nothing, and goes on while what is
//! watched is down.

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use crate::checker::Spool;
use crate::flink::Flink;
use crate::flink::restore::Tenure;
use crate::history::clock::Clock;
use crate::kafka::Isolation;
use crate::platform::Platform;
use crate::stack::JOBMANAGER;
use crate::workload::model::{LINES, Workload};

use output::Log;
pub use topics::Begin;
use topics::Topics;
use watch::Watch;
pub use watch::{Reading, Seen};

mod batches;
mod instances;
pub mod job;
pub mod lag;
mod opening;
mod output;
mod pressure;
mod restores;
mod round;
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
    /// The platform, for watching the instances; none if they do not matter.
    pub platform: Option<Platform>,
    /// The restores of the stack's jobs so far, for whoever reads the topics from their oldest records.
    pub restores: Vec<Tenure>,
    /// The platform, for reading logs that are a job's output; none where only topics are known.
    pub logs: Option<Platform>,
    /// What the records mean.
    pub workload: Workload,
    /// The isolation level at which to read the output.
    pub isolation: Isolation,
    /// Whether to report uncommitted records of the output as well.
    pub uncommitted: bool,
    /// Where to start reading the topics.
    pub begin: Begin,
    /// Whether to measure back pressure.
    pub pressure: bool,
    /// Where to keep the records themselves, for a workload that a program of its own will judge.
    pub spool: Option<Spool>,
}

/// The watchers of a stack; they end when it is dropped.
#[derive(Debug)]
pub struct Observer {
    /// What they see. A watcher ends with the first error that it reports.
    pub seen: mpsc::Receiver<Result<Seen>>,
    watch: Watch,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Observer {
    /// Starts the watchers.
    pub async fn start(watched: Watched, clock: Clock) -> Result<Self> {
        let (watch, seen) = Watch::new(clock);
        let Watched {
            kafka,
            flink,
            platform,
            restores,
            logs,
            workload,
            isolation,
            uncommitted,
            begin,
            pressure,
            spool,
        } = watched;
        let mut tasks = Vec::new();
        let log = match &workload.output.log {
            Some(service) => {
                let platform = logs.with_context(|| format!("read the log of {service}: no stack is known"))?;
                platform.clocks_must_agree(&[JOBMANAGER, service, LINES]).await?;
                let (log, reading) = Log::follow(platform, service).await?;
                tasks.extend(reading);
                Some(log)
            }
            None => None,
        };
        let begin = if workload.oracle.rule().needs_the_past() { Begin::Oldest } else { begin };
        if let (Begin::Oldest, None) = (begin, &log) {
            // Before the topics are read, so that it is known what may be repeated before a repeat is read.
            restores::tell(restores, &kafka, &workload, &watch).await?;
        }
        if let (Some(flink), true) = (&flink, workload.oracle.rule().needs_the_past()) {
            restores::tell_checkpoints(flink, &workload, &watch).await;
        }
        let topics = Topics { kafka, workload: workload.clone(), isolation, uncommitted, begin, spool };
        watch.thread("topics", move |watch| topics.watch(log, watch))?;
        if let Some(flink) = flink {
            tasks.push(tokio::spawn(job::watch(flink.clone(), workload.clone(), watch.clone())));
            if pressure {
                tasks.push(tokio::spawn(pressure::watch(flink, workload.job.name, watch.clone())));
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
