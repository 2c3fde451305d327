//! Watches a running stack and tells what it sees as events: the job through Flink's REST API, the topics through the
//! broker. Watching changes nothing, and goes on while what is watched is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::sync::mpsc;

use crate::flink::Flink;
use crate::history::{Event, What};
use crate::kafka::Isolation;
use crate::settings::JobVariant;

pub mod audit;
mod input;
mod job;
mod output;
mod pressure;
pub mod progress;

/// Where a stack is to be reached from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Flink's REST API, as host and port.
    pub rest: (String, u16),
    /// The broker, as `host:port`.
    pub kafka: String,
}

/// The watchers of a stack; they end when it is dropped.
#[derive(Debug)]
pub struct Observer {
    /// What they see. An error ends the one that met it.
    pub seen: mpsc::UnboundedReceiver<Result<Event>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Where a watcher tells what it sees, and learns when to stop.
#[derive(Debug, Clone)]
struct Watch {
    sender: mpsc::UnboundedSender<Result<Event>>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    fn tell(&self, what: What) {
        // Nobody listens any more when the run is over; the stop flag ends the watcher.
        let _ = self.sender.send(Ok(Event::now(what)));
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Runs a watcher on a thread of its own, since Kafka's client blocks.
    fn thread(&self, name: &str, watcher: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Result<()> {
        let watch = self.clone();
        let run = move || {
            if let Err(error) = watcher(&watch) {
                let _ = watch.sender.send(Err(error));
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(())
    }
}

impl Observer {
    /// Begins to watch. What the topics hold already is left out, but for a topic that has just begun.
    pub async fn start(endpoints: &Endpoints, variant: &JobVariant) -> Result<Self> {
        let (sender, seen) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let watch = Watch { sender, stop: Arc::clone(&stop) };
        // Both ends are taken before anything is read, the output's first: a window whose clicks the run sees whole
        // is then emitted behind the place where its reading of output begins.
        let (kafka, isolation) = (endpoints.kafka.clone(), Isolation::of(variant.delivery));
        let begin = tokio::task::spawn_blocking(move || output::Begin::find(&kafka, isolation)).await??;
        if isolation == Isolation::Committed {
            // Shown beside what is committed, from the same place on.
            watch.thread("uncommitted", begin.clone().uncommitted_watcher())?;
        }
        watch.thread("output", begin.watcher())?;
        watch.thread("input", input::watcher(endpoints.kafka.clone()))?;
        watch.thread("progress", progress::watcher(endpoints.kafka.clone()))?;
        let flink = Flink::at(&endpoints.rest.0, endpoints.rest.1)?;
        let mut tasks = vec![tokio::spawn(job::watch(flink.clone(), watch.clone()))];
        if variant.backpressure {
            tasks.push(tokio::spawn(pressure::watch(flink, watch)));
        }
        Ok(Self { seen, stop, tasks })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
