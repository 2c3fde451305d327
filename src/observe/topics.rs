//! The two topics of a job, read side by side in rounds.
//!
//! In each round the order matters: first the committed offsets, then the ends of the output, then the ends of the
//! input, and only then the records, those of the input first. So what a checkpoint covers was emitted before the ends
//! of the output were taken, and whatever was emitted comes from records that are reported before it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::batches::Batches;
use super::opening::Opening;
use super::output::{Log, Output, place};
use super::round::{Compacted, Foreign, Progress};
use super::sums::Sums;
use super::watch::Watch;
use crate::checker::Spool;
use crate::checker::spool::Writer;
use crate::history::What;
use crate::history::seen::Read;
use crate::history::traffic::{Emitted, Stray, Topic};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::follow::{Follower, Loss, Partition};
use crate::kafka::record::Record;
use crate::kafka::tail;
use crate::oracle::{self, Meaning, Reader};
use crate::workload::model::Workload;

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
    pub(super) spool: Option<Spool>,
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

/// The topics while they are read.
struct Rounds<'a> {
    topics: Topics,
    watch: &'a Watch,
    admin: Admin,
    input: Follower,
    output: Output,
    /// Reads uncommitted records as well, next to the read-committed reader.
    written: Option<Follower>,
    openings: Vec<Opening>,
    reader: Box<dyn Reader>,
    sums: Option<Sums>,
    spool: Option<Writer>,
    foreign: Foreign,
    committed: Vec<Option<i64>>,
    asked: Option<Instant>,
    told: Option<Instant>,
}

impl Topics {
    /// Reads until the watch is over. In many runs the broker is down for a while.
    pub(super) fn watch(self, log: Option<Log>, watch: &Watch) -> Result<()> {
        let mut rounds = Rounds::open(self, log, watch)?;
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
    fn open(topics: Topics, log: Option<Log>, watch: &'a Watch) -> Result<Self> {
        let (kafka, workload, isolation) = (&topics.kafka, &topics.workload, topics.isolation);
        let (at_output, at_input) = match topics.begin {
            Begin::Oldest => (tail::Begin::Oldest, tail::Begin::Oldest),
            Begin::End => (tail::Begin::End, tail::Begin::Back(LOOK_BACK)),
        };
        // The output's end first: the result of a window that is read completely then comes after the offset where
        // reading the output starts.
        let output = match log {
            Some(log) => Output::Log(log),
            None => Output::Topic(Box::new(Follower::new(kafka, &workload.output.topic, isolation, at_output)?)),
        };
        let of_input = workload.input.isolation.unwrap_or(Isolation::Uncommitted);
        let input = Follower::new(kafka, &workload.input.topic, of_input, at_input)?;
        let from: Vec<i64> = output.places().iter().map(|place| place.read).collect();
        let written = (topics.uncommitted && workload.output.log.is_none())
            .then(|| Follower::at(kafka, &workload.output.topic, Isolation::Uncommitted, &from))
            .transpose()?;
        let begin = topics.begin;
        let first_counted = move |partition: &Partition| match begin {
            Begin::Oldest => partition.position,
            Begin::End => partition.end,
        };
        let openings = input.partitions().iter().map(|partition| Opening::of(first_counted(partition))).collect();
        let admin = Admin::new(kafka, Isolation::Uncommitted)?;
        let reader = workload.oracle.reader().map_err(anyhow::Error::msg)?;
        let spool = topics.spool.as_ref().map(Spool::writer).transpose()?;
        let committed = Vec::new();
        let sums = topics.workload.oracle.window().map(|window| Sums::of(window.windowing()));
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
            spool,
            foreign: Foreign::default(),
            committed,
            asked: None,
            told: None,
        };
        rounds.tell_what_was_gone();
        rounds.tell_where_it_begins(first_counted);
        Ok(rounds)
    }

    /// Records that are judged one by one need no window to begin with.
    fn tell_where_it_begins(&self, first_counted: impl Fn(&Partition) -> i64) {
        if self.topics.workload.oracle.window().is_none() {
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
        if !self.output.is_due() {
            return Ok(());
        }
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
        if let Some(spool) = &mut self.spool {
            spool.round_is_over()?;
        }
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
        let Self { topics, watch, input, openings, reader, sums, spool, foreign, .. } = self;
        openings.resize(until.len(), Opening::Whole);
        let topic = &topics.workload.input.topic;
        let is_socket = topics.workload.input.socket.is_some();
        let mut progress = Progress::new(topic, &input.partitions().iter().map(place).collect::<Vec<_>>());
        let mut batches = Batches::new(Topic::Input, What::Records);
        let mut compacted = Compacted::of(Topic::Input);
        let losses = input.read_to(&until, |record| {
            progress.one_more(watch);
            if is_socket && record.payload.is_empty() {
                batches.tell(watch);
                let (partition, offset, at) = (record.partition, record.offset, record.timestamp);
                watch.tell_blocking(What::Connected { partition, offset, at });
                return Ok(());
            }
            if let Some(spool) = spool {
                spool.add(Topic::Input, record.partition, record.offset, record.payload)?;
            }
            let partition = usize::try_from(record.partition)?;
            let opening = openings.get_mut(partition).with_context(|| format!("a new partition, {partition}"))?;
            if opening.counts(record.offset) {
                compacted.add(record);
            }
            match (reader.sent(record), &mut *sums) {
                (Some(oracle::Sent::Counted(meaning)), Some(sums)) => count(record, &meaning, opening, sums, watch),
                (Some(oracle::Sent::Record(entry)), _) if opening.counts(record.offset) => {
                    batches.add(record, entry, watch);
                }
                (Some(_), _) => {}
                (None, _) => foreign.add(topic, record),
            }
            Ok(())
        })?;
        let news = batches.tell(watch) | compacted.tell(watch) | self.tell_round();
        self.losses(Topic::Input, &losses);
        Ok(news)
    }

    /// A round of reading the input is over. Returns whether anything was reported that is not under way.
    fn tell_round(&mut self) -> bool {
        let Self { topics, watch, openings, sums, foreign, .. } = self;
        let mut news = false;
        for (partition, opening) in (0..).zip(openings.iter_mut()) {
            if let Some(whole_from) = opening.round_is_over() {
                watch.tell_blocking(What::Cut { partition, whole_from });
            }
        }
        if let Some(sums) = sums {
            sums.tell_old(&mut |sent| {
                news = true;
                watch.tell_blocking(What::Sent(sent));
            });
            // A reader of everything in the topics also needs the windows in progress; a recorded run would be ten times as
            // long.
            if topics.begin == Begin::Oldest || sums.needs_all() {
                sums.tell_under_way(&mut |sent| watch.tell_blocking(What::Sent(sent)));
            }
        }
        foreign.tell(watch);
        news
    }

    fn read_output(&mut self) -> Result<bool> {
        let Self { topics, watch, output, written, reader, sums, spool, .. } = self;
        let mut news = false;
        let mut batches = Batches::new(Topic::Output, What::Records);
        if let Some(written) = written {
            let mut batches = Batches::new(Topic::Output, What::WrittenRecords);
            let ends: Vec<i64> = output.places().iter().map(|place| place.end).collect();
            written.look()?;
            written.read_to(&ends, |record| {
                match reader.emitted(record) {
                    Ok(oracle::Emitted::Count(count)) => watch.tell_blocking(What::Written(emitted(record, count))),
                    Ok(oracle::Emitted::Record(entry)) => batches.add(record, entry, watch),
                    Ok(oracle::Emitted::Forbidden { .. }) | Err(_) => {}
                }
                Ok(())
            })?;
            batches.tell(watch);
        }
        let mut compacted = Compacted::of(Topic::Output);
        let is_log = topics.workload.output.log.is_some();
        let mut progress = Progress::new(topics.workload.output.place(), &output.places());
        let losses = output.read(|record| {
            progress.one_more(watch);
            let (partition, offset) = (record.partition, record.offset);
            compacted.add(record);
            if let Some(spool) = spool {
                spool.add(Topic::Output, partition, offset, record.payload)?;
            }
            let read = reader.emitted(record);
            // A log has other lines as well.
            if is_log && read.is_err() {
                return Ok(());
            }
            news = true;
            let what = match read {
                Ok(oracle::Emitted::Count(count)) => What::Emitted(emitted(record, count)),
                Ok(oracle::Emitted::Record(entry)) => {
                    batches.add(record, entry, watch);
                    return Ok(());
                }
                Ok(oracle::Emitted::Forbidden { key, what }) => What::Stray(Stray { partition, offset, what, key }),
                Err(what) => What::Stray(Stray { partition, offset, what, key: None }),
            };
            if let (What::Emitted(Emitted { key, window, .. }), Some(sums)) = (&what, sums.as_mut()) {
                sums.tell_of(key, *window, &mut |sent| watch.tell_blocking(What::Sent(sent)));
            }
            watch.tell_blocking(what);
            Ok(())
        })?;
        batches.tell(watch);
        compacted.tell(watch);
        self.losses(Topic::Output, &losses);
        Ok(news)
    }

    /// Reports how far both topics were read: if something else was reported in this round, and every now and then.
    fn tell_read(&mut self, news: bool) {
        let read = Read {
            committed: self.committed.clone(),
            input: self.input.partitions().iter().map(place).collect(),
            output: self.output.places(),
        };
        if self.told.is_none_or(|told| news || told.elapsed() >= LOOK) {
            self.watch.tell_blocking(What::Read(read));
            self.told = Some(Instant::now());
        }
    }
}

/// Adds a record to the sums of its windows, unless it was only read to find the one in progress.
fn count(record: &Record<'_>, meaning: &Meaning<'_>, opening: &mut Opening, sums: &mut Sums, watch: &Watch) {
    let (counts, whole_from) = opening.record(record.offset, sums.whole_after(meaning.window));
    if let Some(whole_from) = whole_from {
        watch.tell_blocking(What::Cut { partition: record.partition, whole_from });
    }
    if counts {
        let partition = usize::try_from(record.partition).unwrap_or_default();
        sums.add(partition, record.offset, meaning, &mut |sent| watch.tell_blocking(What::Sent(sent)));
    }
}

fn number(partition: usize) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// A count, as it lies in the output.
fn emitted(record: &Record<'_>, count: oracle::Outcome) -> Emitted {
    let oracle::Outcome { key, window, count, figures } = count;
    Emitted { key, window, count, figures, partition: record.partition, offset: record.offset }
}
