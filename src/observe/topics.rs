//! The two topics of a job, read side by side in rounds.
//!
//! In each round the order matters: first the committed offsets, then the ends of the output, then the ends of the
//! input, and only then the records, those of the input first. So what a checkpoint covers was emitted before the ends
//! of the output were taken, and whatever was emitted comes from records that are reported before it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::opening::Opening;
use super::sums::Sums;
use super::watch::{Reading, Watch};
use crate::history::What;
use crate::history::seen::{Place, Read};
use crate::history::traffic::{Emitted, Identities, Stray, Topic};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::follow::{Follower, Loss, Partition, Record};
use crate::kafka::tail;
use crate::workload::excerpt::excerpt;
use crate::workload::model::{Oracle, Workload};
use crate::workload::reader::{self, Reader};

/// Where reading of the topics starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// All that they hold.
    Oldest,
    /// Only what arrives from now on.
    End,
}

/// What to read.
pub(super) struct Topics {
    pub(super) kafka: String,
    pub(super) workload: Workload,
    pub(super) isolation: Isolation,
    pub(super) uncommitted: bool,
    pub(super) begin: Begin,
}

/// From the start of one round to the start of the next.
const ROUND: Duration = Duration::from_millis(100);
/// How often to query committed offsets, and to report how far the topics were read if nothing else happens.
const LOOK: Duration = Duration::from_millis(250);
/// How many records before the end are read to find the window in progress: more than one, since the last one may not
/// belong to the workload.
const LOOK_BACK: u64 = 100;
/// How long the broker may be down before that is an error: longer than any outage that a step waits for.
const AWAY: Duration = Duration::from_mins(5);
/// How many records are read between two updates of the terminal.
const SHOWN_EVERY: u64 = 1 << 14;
/// How many identities are reported at once at most.
const MOST_OF_A_BATCH: usize = 1000;

/// The topics while they are read.
struct Rounds<'a> {
    topics: Topics,
    watch: &'a Watch,
    admin: Admin,
    input: Follower,
    output: Follower,
    /// Reads uncommitted records as well, next to the read-committed reader.
    written: Option<Follower>,
    openings: Vec<Opening>,
    reader: Reader,
    sums: Sums,
    foreign: Foreign,
    committed: Vec<Option<i64>>,
    asked: Option<Instant>,
    told: Option<Instant>,
}

impl Topics {
    /// Reads until the watch is over. In many runs the broker is down for a while.
    pub(super) fn watch(self, watch: &Watch) -> Result<()> {
        let mut rounds = Rounds::open(self, watch)?;
        let mut well = Instant::now();
        while watch.goes_on() {
            let began = Instant::now();
            match rounds.round() {
                Ok(()) => well = began,
                Err(error) if rounds.told.is_none() || well.elapsed() > AWAY => return Err(error),
                Err(_) => {}
            }
            std::thread::park_timeout(ROUND.saturating_sub(began.elapsed()));
        }
        Ok(())
    }
}

impl<'a> Rounds<'a> {
    fn open(topics: Topics, watch: &'a Watch) -> Result<Self> {
        let (kafka, workload, isolation) = (&topics.kafka, &topics.workload, topics.isolation);
        let (at_output, at_input) = match topics.begin {
            Begin::Oldest => (tail::Begin::Oldest, tail::Begin::Oldest),
            Begin::End => (tail::Begin::End, tail::Begin::Back(LOOK_BACK)),
        };
        // The output's end first: the result of a window that is read completely then comes after the offset where
        // reading the output starts.
        let output = Follower::new(kafka, &workload.output.topic, isolation, at_output)?;
        let input = Follower::new(kafka, &workload.input.topic, Isolation::Uncommitted, at_input)?;
        let from = positions(&output);
        let written = topics
            .uncommitted
            .then(|| Follower::at(kafka, &workload.output.topic, Isolation::Uncommitted, &from))
            .transpose()?;
        let begin = topics.begin;
        let first_counted = move |partition: &Partition| match begin {
            Begin::Oldest => partition.position,
            Begin::End => partition.end,
        };
        let openings = input.partitions().iter().map(|partition| Opening::of(first_counted(partition))).collect();
        let admin = Admin::new(kafka, Isolation::Uncommitted)?;
        let reader = Reader::of(workload).map_err(anyhow::Error::msg)?;
        let (sums, committed) = Default::default();
        let rounds = Self {
            topics,
            watch,
            admin,
            input,
            output,
            written,
            openings,
            reader,
            sums,
            foreign: Foreign::default(),
            committed,
            asked: None,
            told: None,
        };
        rounds.tell_what_was_gone();
        rounds.tell_where_it_begins(first_counted);
        Ok(rounds)
    }

    /// Records with identities need no window to begin with.
    fn tell_where_it_begins(&self, first_counted: impl Fn(&Partition) -> i64) {
        if matches!(self.topics.workload.oracle, Oracle::EachOnce(_)) {
            for (partition, ends) in (0..).zip(self.input.partitions()) {
                self.watch.tell_blocking(What::Begins { partition, from: first_counted(ends) });
            }
        }
    }

    /// Records deleted from the input before it was read cannot be held against the job, but must not be ignored
    /// either.
    fn tell_what_was_gone(&self) {
        if self.topics.begin == Begin::End {
            return;
        }
        for (partition, ends) in (0..).zip(self.input.partitions()) {
            if ends.start > 0 {
                let topic = Topic::Input;
                self.watch.tell_blocking(What::Gone { topic, partition, from: 0, to: ends.start, unread: true });
            }
        }
    }

    fn round(&mut self) -> Result<()> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= LOOK) {
            let Workload { job, input, .. } = &self.topics.workload;
            self.committed = match &job.group {
                Some(group) => self.admin.committed(group, &input.topic)?,
                None => vec![None; self.input.partitions().len()],
            };
            self.asked = Some(Instant::now());
        }
        let before: Vec<i64> = self.input.partitions().iter().map(|partition| partition.start).collect();
        let lost_output = self.output.look()?;
        let lost_input = self.input.look()?;
        self.losses(Topic::Output, &lost_output);
        self.losses(Topic::Input, &lost_input);
        self.deleted(&before);
        let mut news = self.read_input()?;
        news |= self.read_output()?;
        self.tell_read(news);
        Ok(())
    }

    fn losses(&mut self, topic: Topic, losses: &[Loss]) {
        for loss in losses {
            let (Loss::Unread { partition, .. } | Loss::Anew { partition }) = loss;
            if topic == Topic::Input
                && let Some(opening) = self.openings.get_mut(*partition)
            {
                // Its next window may lack what was deleted, or sent before the new topic existed.
                *opening = Opening::somewhere();
            }
            self.watch.tell_blocking(match loss {
                Loss::Unread { partition, offsets } => What::Gone {
                    topic,
                    partition: number(*partition),
                    from: offsets.start,
                    to: offsets.end,
                    unread: true,
                },
                Loss::Anew { partition } => What::Anew { topic, partition: number(*partition) },
            });
        }
    }

    /// Records of the input that were read here and have been deleted since: the job may not have read them.
    fn deleted(&self, before: &[i64]) {
        for ((partition, before), now) in (0..).zip(before).zip(self.input.partitions()) {
            if now.start > *before {
                let (topic, from, to) = (Topic::Input, *before, now.start);
                self.watch.tell_blocking(What::Gone { topic, partition, from, to, unread: false });
            }
        }
    }

    /// Returns whether anything was reported.
    fn read_input(&mut self) -> Result<bool> {
        let until: Vec<i64> = self.input.partitions().iter().map(|partition| partition.end).collect();
        let Self { topics, watch, input, openings, reader, sums, foreign, .. } = self;
        openings.resize(until.len(), Opening::Whole);
        let topic = &topics.workload.input.topic;
        let mut progress = Progress::new(topic, input.partitions(), &until);
        let mut news = false;
        let mut batches = Batches::new(Topic::Input, What::Identities);
        let losses = input.read_to(&until, |record| {
            progress.one_more(watch);
            let meaning = match reader.sent(record.payload()) {
                Some(reader::Sent::Counted(meaning)) => meaning,
                Some(reader::Sent::Each(id)) => {
                    let opening = openings.get(usize::try_from(record.partition())?);
                    if opening.is_none_or(|opening| opening.counts(record.offset())) {
                        batches.add(record, id.into_owned(), watch);
                    }
                    return Ok(());
                }
                Some(reader::Sent::Never) => return Ok(()),
                None => {
                    foreign.add(topic, record);
                    return Ok(());
                }
            };
            let partition = usize::try_from(record.partition())?;
            let opening = openings.get_mut(partition).with_context(|| format!("a new partition, {partition}"))?;
            let end = meaning.window.map_or(i64::MIN, |window| window.end);
            let (counts, whole_from) = opening.record(record.offset(), end);
            if let Some(whole_from) = whole_from {
                watch.tell_blocking(What::Cut { partition: record.partition(), whole_from });
            }
            if counts {
                sums.add(partition, record.offset(), &meaning, &mut |sent| watch.tell_blocking(What::Sent(sent)));
            }
            Ok(())
        })?;
        news |= batches.tell(watch);
        for (partition, opening) in (0..).zip(openings.iter_mut()) {
            if let Some(whole_from) = opening.round_is_over() {
                watch.tell_blocking(What::Cut { partition, whole_from });
            }
        }
        sums.tell_old(&mut |sent| {
            news = true;
            watch.tell_blocking(What::Sent(sent));
        });
        // A reader of everything in the topics also needs the windows in progress; a recorded run would be ten times as
        // long.
        if topics.begin == Begin::Oldest {
            sums.tell_under_way(&mut |sent| watch.tell_blocking(What::Sent(sent)));
        }
        foreign.tell(watch);
        self.losses(Topic::Input, &losses);
        Ok(news)
    }

    fn read_output(&mut self) -> Result<bool> {
        let ends: Vec<i64> = self.output.partitions().iter().map(|partition| partition.end).collect();
        let Self { topics, watch, output, written, reader, sums, .. } = self;
        let mut news = false;
        let mut batches = Batches::new(Topic::Output, What::Identities);
        if let Some(written) = written {
            let mut batches = Batches::new(Topic::Output, What::WrittenIdentities);
            written.look()?;
            written.read_to(&ends, |record| {
                match reader.emitted(record.payload()) {
                    Ok(reader::Emitted::Count(count)) => watch.tell_blocking(What::Written(emitted(record, count))),
                    Ok(reader::Emitted::Each(id)) => batches.add(record, id, watch),
                    Err(_) => {}
                }
                Ok(())
            })?;
            batches.tell(watch);
        }
        let mut progress = Progress::new(&topics.workload.output.topic, output.partitions(), &ends);
        let losses = output.read_to(&ends, |record| {
            progress.one_more(watch);
            news = true;
            let (partition, offset) = (record.partition(), record.offset());
            let what = match reader.emitted(record.payload()) {
                Ok(reader::Emitted::Count(count)) => What::Emitted(emitted(record, count)),
                Ok(reader::Emitted::Each(id)) => {
                    batches.add(record, id, watch);
                    return Ok(());
                }
                Err(what) => What::Stray(Stray { partition, offset, what }),
            };
            if let What::Emitted(Emitted { key, window, .. }) = &what {
                let until = window.map_or(i64::MAX, |window| window.start);
                sums.tell_of(key, until, &mut |sent| watch.tell_blocking(What::Sent(sent)));
            }
            watch.tell_blocking(what);
            Ok(())
        })?;
        batches.tell(watch);
        self.losses(Topic::Output, &losses);
        Ok(news)
    }

    /// Reports how far both topics were read: if something else was reported in this round, and every now and then.
    fn tell_read(&mut self, news: bool) {
        let read = Read { committed: self.committed.clone(), input: places(&self.input), output: places(&self.output) };
        if self.told.is_none_or(|told| news || told.elapsed() >= LOOK) {
            self.watch.tell_blocking(What::Read(read));
            self.told = Some(Instant::now());
        }
    }
}

fn number(partition: usize) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn positions(follower: &Follower) -> Vec<i64> {
    follower.partitions().iter().map(|partition| partition.position).collect()
}

fn places(follower: &Follower) -> Vec<Place> {
    let place = |&Partition { start, position, end, .. }: &Partition| Place { start, read: position, end };
    follower.partitions().iter().map(place).collect()
}

/// A count, as it lies in the output.
fn emitted(record: &Record<'_>, count: reader::Outcome) -> Emitted {
    let reader::Outcome { key, window, count, checksum } = count;
    Emitted { key, window, count, checksum, partition: record.partition(), offset: record.offset() }
}

/// Identities that lie one after the other in a partition, so that a thousand records become one event.
struct Batches {
    batch: Identities,
    /// What is said of them.
    what: fn(Identities) -> What,
    told: bool,
}

impl Batches {
    fn new(topic: Topic, what: fn(Identities) -> What) -> Self {
        Self { batch: Identities { topic, partition: 0, from: 0, ids: Vec::new() }, what, told: false }
    }

    fn add(&mut self, record: &Record<'_>, id: String, watch: &Watch) {
        let Identities { partition, from, ids, .. } = &self.batch;
        let next = from.saturating_add(i64::try_from(ids.len()).unwrap_or(i64::MAX));
        if ids.len() >= MOST_OF_A_BATCH || (*partition, next) != (record.partition(), record.offset()) {
            self.tell(watch);
            (self.batch.partition, self.batch.from) = (record.partition(), record.offset());
        }
        self.batch.ids.push(id);
    }

    /// Reports what is left. Returns whether anything was reported, now or before.
    fn tell(&mut self, watch: &Watch) -> bool {
        let ids = std::mem::take(&mut self.batch.ids);
        if !ids.is_empty() {
            self.told = true;
            watch.tell_blocking((self.what)(Identities { ids, ..self.batch }));
        }
        self.told
    }
}

/// Records of the input that do not belong to the workload.
#[derive(Debug, Default)]
struct Foreign {
    records: u64,
    told: u64,
    first: String,
}

impl Foreign {
    fn add(&mut self, topic: &str, record: &Record<'_>) {
        if self.records == 0 {
            self.first = format!("{topic}-{} @ {}: {}", record.partition(), record.offset(), excerpt(record.payload()));
        }
        self.records += 1;
    }

    fn tell(&mut self, watch: &Watch) {
        if self.records > self.told {
            self.told = self.records;
            watch.tell_blocking(What::Foreign { records: self.records, first: self.first.clone() });
        }
    }
}

/// How far a topic was read in a round.
struct Progress {
    reading: Reading,
}

impl Progress {
    fn new(topic: &str, partitions: &[Partition], until: &[i64]) -> Self {
        let span = |(partition, until): (&Partition, &i64)| u64::try_from(until - partition.position).unwrap_or(0);
        let total = partitions.iter().zip(until).map(span).sum();
        Self { reading: Reading { topic: topic.to_owned(), read: 0, total } }
    }

    fn one_more(&mut self, watch: &Watch) {
        self.reading.read += 1;
        if self.reading.read.is_multiple_of(SHOWN_EVERY) {
            watch.reading(self.reading.clone());
        }
    }
}
