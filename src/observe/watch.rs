//! The channel from the watchers to whoever reads their events, and how they learn that they should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::sync::mpsc;

use crate::history::clock::Clock;
use crate::history::{Event, What};

/// How many events are queued before the watchers have to wait for the reader.
const WAITING: usize = 256;

/// A report of a watcher.
#[derive(Debug)]
pub enum Seen {
    /// Something happened.
    Event(Event),
    /// How far a topic has been read, for display.
    Reading(Reading),
}

/// How far a topic was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The topic's name.
    pub topic: String,
    /// Records read in this round, and how many there are to read.
    pub read: u64,
    /// See `read`.
    pub total: u64,
}

/// Where a watcher reports what it sees, and learns when to stop.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    sender: mpsc::Sender<Result<Seen>>,
    stop: Arc<AtomicBool>,
    clock: Clock,
}

impl Watch {
    /// A watch, and the receiver of its reports.
    pub(super) fn new(clock: Clock) -> (Self, mpsc::Receiver<Result<Seen>>) {
        let (sender, seen) = mpsc::channel(WAITING);
        (Self { sender, stop: Arc::default(), clock }, seen)
    }

    /// Reports what is seen now, from a thread of its own. Blocks while the queue is full.
    pub(super) fn tell_blocking(&self, what: What) {
        self.send_blocking(Ok(Seen::Event(self.clock.event(what))));
    }

    /// Reports how far a topic has been read.
    pub(super) fn reading(&self, reading: Reading) {
        self.send_blocking(Ok(Seen::Reading(reading)));
    }

    fn send_blocking(&self, seen: Result<Seen>) {
        // If nobody is listening any more, the run is over and there is nothing left to watch.
        if self.sender.blocking_send(seen).is_err() {
            self.stop();
        }
    }

    /// Reports what is seen now.
    pub(super) async fn tell(&self, what: What) {
        if self.sender.send(Ok(Seen::Event(self.clock.event(what)))).await.is_err() {
            self.stop();
        }
    }

    pub(super) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Runs a watcher on a thread of its own, since Kafka's client blocks.
    pub(super) fn thread(&self, name: &str, watcher: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Result<()> {
        let watch = self.clone();
        let run = move || {
            if let Err(error) = watcher(&watch) {
                watch.send_blocking(Err(error));
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(())
    }
}
