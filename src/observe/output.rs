//! Where a job's output is read from: the partitions of a topic, or the logs of a service's instances.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::history::seen::Place;
use crate::kafka::follow::{Follower, Loss, Partition};
use crate::kafka::record::Record;
use crate::platform::{Contract as _, Cut, Line, LogRange, Platform, Printed};

/// How many lines may wait to be read.
const WAITING: usize = 1 << 16;
/// How long the history of the logs may take to read.
const HISTORY: Duration = Duration::from_mins(1);
/// How long to wait before a service without instances is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// See the module.
pub(super) enum Output {
    /// The records of a topic.
    Topic(Box<Follower>),
    /// The lines of a log.
    Log(Log),
}

impl Output {
    /// Looks where it ends now.
    pub(super) fn look(&mut self) -> Result<Vec<Loss>> {
        match self {
            Self::Topic(follower) => follower.look(),
            Self::Log(log) => {
                log.look();
                Ok(Vec::new())
            }
        }
    }

    /// How far each partition is read, and where it ends.
    pub(super) fn places(&self) -> Vec<Place> {
        match self {
            Self::Topic(follower) => follower.partitions().iter().map(place).collect(),
            Self::Log(log) => log.places(),
        }
    }

    /// Reads up to the ends of the last look.
    pub(super) fn read(&mut self, each: impl FnMut(&Record<'_>) -> Result<()>) -> Result<Vec<Loss>> {
        match self {
            Self::Topic(follower) => {
                let ends: Vec<i64> = follower.partitions().iter().map(|partition| partition.end).collect();
                follower.read_to(&ends, each)
            }
            Self::Log(log) => log.read(each),
        }
    }
}

/// A partition of a topic, as it is reported.
pub(super) fn place(&Partition { start, position, end, .. }: &Partition) -> Place {
    Place { start, read: position, end }
}

/// The logs of a service. A line's partition is the number of its instance, its offset its number among what that one printed.
pub(super) struct Log {
    printed: mpsc::Receiver<Printed>,
    /// What was there at the last look.
    seen: Vec<Line>,
    cut: Vec<Cut>,
    /// How many lines of each instance were read.
    read: BTreeMap<u32, i64>,
}

impl Log {
    /// Reads what the instances of a service have printed, and goes on with what they print. The task ends when the log is
    /// dropped.
    pub(super) async fn follow(platform: Platform, service: &str) -> Result<(Self, JoinHandle<()>)> {
        let (sender, printed) = mpsc::channel(WAITING);
        // Before the history is counted: what an instance that goes meanwhile has printed is not missed.
        let task = tokio::spawn(follow(platform.clone(), service.to_owned(), sender));
        let mut log = Self { printed, seen: Vec::new(), cut: Vec::new(), read: BTreeMap::new() };
        let read = tokio::time::timeout(HISTORY, log.history(&platform, service)).await;
        read.with_context(|| format!("read the log of {service}: timed out after {} s", HISTORY.as_secs()))??;
        Ok((log, task))
    }

    /// Reads what there is.
    async fn history(&mut self, platform: &Platform, service: &str) -> Result<()> {
        let mut left = counts(platform, service).await?;
        while !left.is_empty() {
            let printed = self.printed.recv().await.with_context(|| format!("the log of {service} ended"))?;
            match &printed {
                Ok(line) => {
                    if let Some(lines) = left.get_mut(&line.log) {
                        *lines -= 1;
                        if *lines == 0 {
                            left.remove(&line.log);
                        }
                    }
                }
                // No more of it comes.
                Err(cut) => drop(left.remove(&cut.log)),
            }
            self.take(printed);
        }
        Ok(())
    }

    fn take(&mut self, printed: Printed) {
        match printed {
            Ok(line) => self.seen.push(line),
            Err(cut) => self.cut.push(cut),
        }
    }

    /// Lines of several instances come in the order in which they were printed.
    fn look(&mut self) {
        while let Ok(printed) = self.printed.try_recv() {
            self.take(printed);
        }
        self.seen.sort_by_key(|line| line.at);
    }

    fn places(&self) -> Vec<Place> {
        let most = self.read.keys().last().map_or(0, |number| *number as usize + 1);
        let mut places = vec![Place::default(); most];
        for (number, read) in &self.read {
            places[*number as usize] = Place { start: 0, read: *read, end: *read };
        }
        places
    }

    fn read(&mut self, mut each: impl FnMut(&Record<'_>) -> Result<()>) -> Result<Vec<Loss>> {
        for line in self.seen.drain(..).filter(|line| !line.stderr) {
            let number = number(&line.instance);
            let offset = self.read.entry(number).or_default();
            let partition = i32::try_from(number)?;
            each(&Record { partition, offset: *offset, timestamp: line.at, ..Record::of(line.text.as_bytes()) })?;
            *offset += 1;
        }
        // How many lines are missing nobody knows: at least one may be.
        let read = &self.read;
        let loss = |cut: Cut| {
            let number = number(&cut.instance);
            let next = read.get(&number).copied().unwrap_or_default();
            Loss::Unread { partition: number as usize, offsets: next..next + 1 }
        };
        Ok(self.cut.drain(..).map(loss).collect())
    }
}

/// The number of an instance, as 2 in `taskmanager-2`.
fn number(instance: &str) -> u32 {
    instance.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
}

/// How many lines there are now in each log.
async fn counts(platform: &Platform, service: &str) -> Result<BTreeMap<String, u64>> {
    let (sender, mut printed) = mpsc::channel::<Printed>(WAITING);
    let range = LogRange { follow: false, tail: None };
    let count = async {
        let mut counts = BTreeMap::new();
        while let Some(printed) = printed.recv().await {
            if let Ok(line) = printed {
                *counts.entry(line.log).or_default() += 1;
            }
        }
        counts
    };
    let (read, counts) = tokio::join!(platform.logs(Some(service), range, sender), count);
    read.map(|()| counts)
}

/// Passes on what was and is printed, for as long as somebody listens. A platform that does not answer is asked again, and tells
/// from the beginning what is passed over here then.
async fn follow(platform: Platform, service: String, passed: mpsc::Sender<Printed>) {
    let mut known: BTreeMap<String, u64> = BTreeMap::new();
    while !passed.is_closed() {
        let (sender, mut printed) = mpsc::channel::<Printed>(WAITING);
        let range = LogRange { follow: true, tail: None };
        let mut again = known.clone();
        let relay = async {
            while let Some(printed) = printed.recv().await {
                if let Ok(line) = &printed {
                    if let Some(left) = again.get_mut(&line.log).filter(|left| **left > 0) {
                        *left -= 1;
                        continue;
                    }
                    *known.entry(line.log.clone()).or_default() += 1;
                }
                if passed.send(printed).await.is_err() {
                    return;
                }
            }
        };
        // What is wrong with it is told by whoever else needs the platform.
        let (_, ()) = tokio::join!(platform.logs(Some(&service), range, sender), relay);
        tokio::select! {
            () = passed.closed() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
