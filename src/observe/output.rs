//! Where a job's output is read from: the partitions of a topic, or the logs of a service's instances.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::history::seen::Place;
use crate::kafka::follow::{Follower, Loss, Partition};
use crate::kafka::record::Record;
use crate::platform::{Contract as _, Line, LogRange, Platform};

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
            Self::Log(log) => log.read(each).map(|()| Vec::new()),
        }
    }
}

/// A partition of a topic, as it is reported.
pub(super) fn place(&Partition { start, position, end, .. }: &Partition) -> Place {
    Place { start, read: position, end }
}

/// The logs of a service. A line's partition is the number of its instance, its offset its number among what that one printed.
pub(super) struct Log {
    lines: mpsc::Receiver<Line>,
    /// Those that were there at the last look.
    seen: Vec<Line>,
    /// How many lines of each instance were read.
    read: BTreeMap<u32, i64>,
}

impl Log {
    /// Reads what the instances of a service have printed, and goes on with what they print. The task ends when the log is
    /// dropped.
    pub(super) async fn follow(platform: Platform, service: &str) -> Result<(Self, JoinHandle<()>)> {
        let (sender, lines) = mpsc::channel(WAITING);
        let (history, counts) = tokio::time::timeout(HISTORY, history(&platform, service))
            .await
            .with_context(|| format!("read the log of {service}: timed out after {} s", HISTORY.as_secs()))??;
        let task = tokio::spawn(go_on(platform, service.to_owned(), counts, sender));
        Ok((Self { lines, seen: history, read: BTreeMap::new() }, task))
    }

    /// Lines of several instances come in the order in which they were printed.
    fn look(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.seen.push(line);
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

    fn read(&mut self, mut each: impl FnMut(&Record<'_>) -> Result<()>) -> Result<()> {
        for line in self.seen.drain(..).filter(|line| !line.stderr) {
            let number = number(&line.instance);
            let offset = self.read.entry(number).or_default();
            let partition = i32::try_from(number)?;
            each(&Record { partition, offset: *offset, timestamp: line.at, ..Record::of(line.text.as_bytes()) })?;
            *offset += 1;
        }
        Ok(())
    }
}

/// The number of an instance, as 2 in `taskmanager-2`.
fn number(instance: &str) -> u32 {
    instance.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
}

/// What there is, and how many lines each instance has of it.
async fn history(platform: &Platform, service: &str) -> Result<(Vec<Line>, BTreeMap<String, usize>)> {
    let (sender, mut lines) = mpsc::channel(WAITING);
    let range = LogRange { follow: false, tail: None };
    let read = platform.logs(Some(service), range, sender);
    let take = async {
        let mut taken = Vec::new();
        while let Some(line) = lines.recv().await {
            taken.push(line);
        }
        taken
    };
    let (read, taken) = tokio::join!(read, take);
    read?;
    let mut counts = BTreeMap::new();
    for line in &taken {
        *counts.entry(line.instance.clone()).or_default() += 1;
    }
    Ok((taken, counts))
}

/// Passes on what is printed after the history, for as long as somebody listens. A platform that does not answer is asked again:
/// what instances printed meanwhile is still there then.
async fn go_on(platform: Platform, service: String, mut known: BTreeMap<String, usize>, lines: mpsc::Sender<Line>) {
    while !lines.is_closed() {
        let (sender, mut more) = mpsc::channel(WAITING);
        let range = LogRange { follow: true, tail: None };
        let follow = platform.logs(Some(&service), range, sender);
        let mut left = known.clone();
        let relay = async {
            while let Some(line) = more.recv().await {
                let skip = left.get_mut(&line.instance).filter(|left| **left > 0);
                if let Some(left) = skip {
                    *left -= 1;
                    continue;
                }
                *known.entry(line.instance.clone()).or_default() += 1;
                if lines.send(line).await.is_err() {
                    return;
                }
            }
        };
        let (followed, ()) = tokio::join!(follow, relay);
        if followed.is_ok() {
            // Nothing of the service is left, and what comes after it has a log of its own.
            known.clear();
        }
        tokio::select! {
            () = lines.closed() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
