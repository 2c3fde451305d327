//! Where a job's output is read from: the partitions of a topic, or the logs of a service's instances.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::history::seen::Place;
use crate::kafka::follow::{Follower, Loss, Partition};
use crate::kafka::record::Record;
use crate::platform::{Contract as _, Cut, Line, LogRange, Platform, Printed, parts_of};

/// How many lines may wait to be read.
const WAITING: usize = 1 << 16;
/// How long the history of the logs may take to read.
const HISTORY: Duration = Duration::from_mins(1);
/// From one look where the logs end to the next: each asks the platform for the last lines of every instance.
const LOOK: Duration = Duration::from_millis(400);
/// How long that may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long lines that were printed may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);
/// Between two looks whether they have.
const MOMENT: Duration = Duration::from_millis(20);
/// How many of the last lines are asked for: more than have the same time.
const LAST: u32 = 200;
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
    /// Whether it is time to look again.
    pub(super) fn is_due(&self) -> bool {
        match self {
            Self::Topic(_) => true,
            Self::Log(log) => log.looked.is_none_or(|looked| looked.elapsed() >= LOOK),
        }
    }

    /// Looks where it ends now.
    pub(super) fn look(&mut self) -> Result<Vec<Loss>> {
        match self {
            Self::Topic(follower) => follower.look(),
            Self::Log(log) => log.look().map(|()| Vec::new()),
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

/// The newest line of a log: its time in ms, and how many lines of that time there are.
type Newest = (i64, usize);
/// Where each log ends, with its instance.
type Ends = BTreeMap<String, (Newest, String)>;
/// Who wants to know.
type Asked = oneshot::Sender<Result<Ends>>;

/// The logs of a service. A line's partition is the number of its instance, its offset its number among what that one printed.
pub(super) struct Log {
    printed: mpsc::Receiver<Printed>,
    /// What was there at the last look.
    seen: Vec<Line>,
    cut: Vec<Cut>,
    /// The newest line that has arrived of each log.
    newest: Ends,
    /// Those of which no more arrives.
    ended: BTreeSet<String>,
    looks: mpsc::Sender<Asked>,
    looked: Option<Instant>,
    /// How many lines of each instance were read.
    read: BTreeMap<u32, i64>,
}

impl Log {
    /// Reads what the instances of a service have printed, and goes on with what they print. The tasks end when the log is
    /// dropped.
    pub(super) async fn follow(platform: Platform, service: &str) -> Result<(Self, [JoinHandle<()>; 2])> {
        let (sender, printed) = mpsc::channel(WAITING);
        // Before the history is counted: what an instance that goes meanwhile has printed is not missed.
        let follows = tokio::spawn(follow(platform.clone(), service.to_owned(), sender));
        let (looks, asked) = mpsc::channel(1);
        let tasks = [follows, tokio::spawn(ends(platform.clone(), service.to_owned(), asked))];
        let mut log = Self {
            printed,
            seen: Vec::new(),
            cut: Vec::new(),
            newest: BTreeMap::new(),
            ended: BTreeSet::new(),
            looks,
            looked: None,
            read: BTreeMap::new(),
        };
        let read = tokio::time::timeout(HISTORY, log.history(&platform, service)).await;
        read.with_context(|| format!("read the log of {service}: timed out after {} s", HISTORY.as_secs()))??;
        Ok((log, tasks))
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
            Ok(line) => {
                count(&mut self.newest, &line);
                self.seen.push(line);
            }
            Err(cut) => {
                self.ended.insert(cut.log.clone());
                self.cut.push(cut);
            }
        }
    }

    /// Asks where the logs end, and waits for all lines that were printed until then: of what a checkpoint covers, no line may be on
    /// its way. Lines of several instances come in the order in which they were printed.
    fn look(&mut self) -> Result<()> {
        let (asked, told) = oneshot::channel();
        self.looks.blocking_send(asked).ok().context("nobody looks at the logs any more")?;
        let ends =
            told.blocking_recv().context("nobody looks at the logs any more")?.context("look where the logs end")?;
        self.looked = Some(Instant::now());
        let deadline = Instant::now() + ARRIVES;
        loop {
            while let Ok(printed) = self.printed.try_recv() {
                self.take(printed);
            }
            let is_there = |(log, (end, _)): &(&String, &(Newest, String))| {
                self.ended.contains(*log) || self.newest.get(*log).is_some_and(|(newest, _)| newest >= end)
            };
            let Some((log, (_, instance))) = ends.iter().find(|end| !is_there(end)) else { break };
            if Instant::now() > deadline {
                let why = format!("lines that were printed have not arrived for {} s", ARRIVES.as_secs());
                self.take(Err(Cut { instance: instance.clone(), log: log.clone(), why }));
                continue;
            }
            std::thread::sleep(MOMENT);
        }
        self.seen.sort_by_key(|line| line.at);
        Ok(())
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
    parts_of(instance).map_or(0, |(_, number)| number)
}

/// Counts a line as the newest of its log, unless it is older than another one. What goes to standard error is no output.
fn count(newest: &mut Ends, line: &Line) {
    if line.stderr {
        return;
    }
    let ((at, lines), _) = newest.entry(line.log.clone()).or_insert_with(|| ((line.at, 0), line.instance.clone()));
    match line.at.cmp(at) {
        Ordering::Greater => (*at, *lines) = (line.at, 1),
        Ordering::Equal => *lines += 1,
        Ordering::Less => {}
    }
}

/// Tells where each log ends whenever somebody asks.
async fn ends(platform: Platform, service: String, mut asked: mpsc::Receiver<Asked>) {
    while let Some(asked) = asked.recv().await {
        let told = tokio::time::timeout(ANSWER, newest(&platform, &service)).await;
        let told = told.unwrap_or_else(|_| bail!("timed out after {} s", ANSWER.as_secs()));
        // Whoever does not wait any more needs no answer.
        let _ = asked.send(told);
    }
}

async fn newest(platform: &Platform, service: &str) -> Result<Ends> {
    let (sender, mut printed) = mpsc::channel::<Printed>(WAITING);
    let range = LogRange { follow: false, tail: Some(LAST) };
    let counted = async {
        let mut newest = BTreeMap::new();
        while let Some(printed) = printed.recv().await {
            if let Ok(line) = printed {
                count(&mut newest, &line);
            }
        }
        newest
    };
    let (read, newest) = tokio::join!(platform.logs(Some(service), range, sender), counted);
    read.map(|()| newest)
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn line(log: &str, at: i64) -> Line {
        let (instance, log, text) = ("taskmanager-2".to_owned(), log.to_owned(), at.to_string());
        Line { instance, log, stderr: false, text, at }
    }

    /// A log that ends where `ends` says, and what arrives of it after that was told.
    fn looked(ends: &[(&str, Newest)], arrives: Vec<Printed>) -> Log {
        let (sender, printed) = mpsc::channel(8);
        let (looks, mut asked) = mpsc::channel::<Asked>(1);
        let end = |(log, newest): &(&str, Newest)| ((*log).to_owned(), (*newest, "taskmanager-2".to_owned()));
        let ends: Ends = ends.iter().map(end).collect();
        let platform = thread::spawn(move || {
            asked.blocking_recv().expect("a look").send(Ok(ends)).expect("somebody who waits");
            for printed in arrives {
                thread::sleep(MOMENT);
                sender.blocking_send(printed).expect("somebody who reads");
            }
        });
        let (seen, cut, newest, ended, read) = Default::default();
        let mut log = Log { printed, seen, cut, newest, ended, looks, looked: None, read };
        log.look().expect("a look");
        platform.join().expect("no panic");
        log
    }

    fn read(log: &mut Log) -> Vec<String> {
        let mut read = Vec::new();
        log.read(|record| {
            read.push(format!("{}-{} {}", record.partition, record.offset, String::from_utf8_lossy(record.payload)));
            Ok(())
        })
        .expect("to read");
        read
    }

    /// Read: a record counted as passed while its line was still on its way.
    #[test]
    fn what_was_printed_before_a_look_is_read_with_it() {
        let mut log = looked(&[("a", (7, 2))], [6, 7, 7].map(|at| Ok(line("a", at))).into());
        assert_eq!(read(&mut log), ["2-0 6", "2-1 7", "2-2 7"]);
        assert_eq!(log.places()[2], Place { start: 0, read: 3, end: 3 });
    }

    #[test]
    fn a_log_that_was_cut_is_not_waited_for_and_is_told() {
        let (instance, log, why) = ("taskmanager-2".to_owned(), "b".to_owned(), "gone".to_owned());
        let mut log = looked(&[("a", (7, 1)), ("b", (9, 1))], vec![Ok(line("a", 7)), Err(Cut { instance, log, why })]);
        assert_eq!(log.read(|_| Ok(())).unwrap().len(), 1);
    }
}
