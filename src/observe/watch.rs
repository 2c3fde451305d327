//! Where a watcher tells what it sees, and learns when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::sync::mpsc;

use crate::history::clock::Clock;
use crate::history::{Event, What};

/// So many events wait for whoever reads them; then the watchers wait.
const WAITING: usize = 1024;

/// What a watcher has to say.
#[derive(Debug)]
pub enum Seen {
    /// Something happened.
    Event(Event),
    /// A topic is being read, and this is how far it is: for showing.
    Reading(Reading),
}

/// How far a topic was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The topic's name.
    pub topic: String,
    /// Records read of it in this round, and how many there are to read.
    pub read: u64,
    /// See `read`.
    pub total: u64,
}

/// Where a watcher tells what it sees, and learns when to stop.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    sender: mpsc::Sender<Result<Seen>>,
    stop: Arc<AtomicBool>,
    clock: Clock,
}

impl Watch {
    /// A watch, and where what is told arrives.
    pub(super) fn new(clock: Clock) -> (Self, mpsc::Receiver<Result<Seen>>) {
        let (sender, seen) = mpsc::channel(WAITING);
        (Self { sender, stop: Arc::default(), clock }, seen)
    }

    /// Tells what is seen now. From a thread of its own; waits while too much waits to be read.
    pub(super) fn tell_blocking(&self, what: What) {
        self.send_blocking(Ok(Seen::Event(self.clock.event(what))));
    }

    /// Tells how far a reading is.
    pub(super) fn reading(&self, reading: Reading) {
        self.send_blocking(Ok(Seen::Reading(reading)));
    }

    fn send_blocking(&self, seen: Result<Seen>) {
        // Nobody listens any more when the run is over; then nothing is left to watch for.
        if self.sender.blocking_send(seen).is_err() {
            self.stop();
        }
    }

    /// Tells what is seen now.
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
