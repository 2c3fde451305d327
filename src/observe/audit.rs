//! Reads both topics into a ledger.
//!
//! In each round the order matters: first what the job has committed, then where `output` ends, then where `input` ends,
//! and only then the records. So what a checkpoint covers was emitted before the output's end was taken, and whatever was
//! emitted was clicked before the input's end was taken.

use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::kafka::admin::Admin;
use crate::kafka::{Isolation, tail};
use crate::settings::Delivery;
use crate::verdict::ledger::{Judgement, Ledger};
use crate::workload::encoding::{decode, excerpt};
use crate::workload::{GROUP, OUT_OF_ORDERNESS_MS, PAGES, WINDOW_MS, window_start};

/// How many records before a committed offset are asked for their time: more than one, because the last may be no click.
const LOOK_BACK: i64 = 100;

/// From a checkpoint's offsets to its counts, at the longest.
const STROKE: Duration = Duration::from_secs(3);

/// What to read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The broker, as `host:port`.
    pub bootstrap: String,
    /// The topic of clicks.
    pub input: String,
    /// The topic of counts.
    pub output: String,
    /// What the job promises, and so as which reader to read `output`.
    pub delivery: Delivery,
}

/// How far a round has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The topic being read.
    pub topic: String,
    /// Records read of it in this round, and how many there are to read.
    pub read: u64,
    /// See `read`.
    pub total: u64,
}

/// What was read of a topic.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// The topic.
    pub topic: String,
    /// Its records, of whatever kind.
    pub records: u64,
    /// Whether its oldest records were gone already.
    pub cut: bool,
}

/// Records of `input` that are no clicks. The job skips them, and so does the ledger.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// How many there are.
    pub records: u64,
    /// The first one, as in `input-3 @ 77: 'hello'`.
    pub first: Option<String>,
}

/// The ledger of two topics, as far as they were read.
pub struct Audit {
    source: Source,
    admin: Admin,
    ledger: Ledger,
    input: Progress,
    output: Progress,
    foreign: Foreign,
    closed_before: i64,
}

/// How far a topic was read.
#[derive(Debug, Default)]
struct Progress {
    read: Read,
    /// For each partition, the offset to go on with.
    next: Vec<i64>,
}

impl Progress {
    fn new(topic: &str) -> Self {
        Self { read: Read { topic: topic.to_owned(), ..Read::default() }, next: Vec::new() }
    }

    /// What is to be read for the topic to be read up to these ends.
    fn spans(&mut self, ends: &[Range<i64>]) -> Result<Vec<Range<i64>>> {
        for ends in ends.iter().skip(self.next.len()) {
            self.read.cut |= ends.start > 0;
            self.next.push(ends.start);
        }
        let made_anew =
            self.next.len() > ends.len() || ends.iter().zip(&self.next).any(|(ends, next)| ends.end < *next);
        ensure!(!made_anew, "topic '{}' was deleted while it was read: begin again", self.read.topic);
        Ok(ends.iter().zip(&self.next).map(|(ends, next)| *next..ends.end).collect())
    }
}

impl Audit {
    /// Nothing is read yet.
    pub fn new(source: Source) -> Result<Self> {
        let isolation = Isolation::of(source.delivery);
        Ok(Self {
            admin: Admin::new(&source.bootstrap, isolation)?,
            ledger: Ledger::new(),
            input: Progress::new(&source.input),
            output: Progress::new(&source.output),
            foreign: Foreign::default(),
            closed_before: i64::MIN,
            source,
        })
    }

    /// The broker.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Reads on to where the topics end now.
    pub fn round(&mut self, mut tell: impl FnMut(&Reading)) -> Result<()> {
        let committed = self.admin.committed(GROUP, &self.source.input)?;
        let covered = self.covered(&committed)?;
        self.read_on(&mut tell)?;
        self.closed_before = self.closed_before.max(covered);
        Ok(())
    }

    /// Reads on without asking what the job has committed since.
    fn read_on(&mut self, mut tell: impl FnMut(&Reading)) -> Result<()> {
        let output = self.admin.ends(&self.source.output)?;
        let input = self.admin.ends(&self.source.input)?;
        self.read_input(&input, &mut tell)?;
        self.read_output(&output, &mut tell)
    }

    /// Judges what was read.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        self.ledger.judge(self.closed_before, self.source.delivery)
    }

    /// Judges, and looks again before it calls a window missing only because a checkpoint covers it: with exactly-once,
    /// counts are committed by the same stroke as the offsets, but not in the same moment.
    pub fn settled(&mut self) -> Result<Judgement> {
        let judgement = self.judge();
        let certain = self.ledger.judge(i64::MIN, self.source.delivery);
        if judgement.counts.missing == certain.counts.missing {
            return Ok(judgement);
        }
        sleep(STROKE);
        self.read_on(|_| {})?;
        Ok(self.judge())
    }

    /// What was read of `input`, of `output`, and what of `input` is no click.
    #[must_use]
    pub fn read(&self) -> (&Read, &Read, &Foreign) {
        (&self.input.read, &self.output.read, &self.foreign)
    }

    fn read_input(&mut self, ends: &[Range<i64>], tell: &mut impl FnMut(&Reading)) -> Result<()> {
        let spans = self.input.spans(ends)?;
        let first_is_cut = self.input.read.cut && self.input.read.records == 0;
        let mut counter = Counter::new(&mut self.ledger, first_is_cut);
        let mut reading = Reading::of(&self.input.read.topic, &spans);
        tail::read(&self.source.bootstrap, &self.source.input, Isolation::Uncommitted, &spans, |record| {
            reading.one_more(tell);
            match decode(record.payload()) {
                Some((timestamp, page)) => counter.click(page, timestamp),
                None => self.foreign.add(&self.source.input, record),
            }
            Ok(())
        })?;
        counter.finish();
        self.input.read.records += reading.read;
        self.input.next = ends.iter().map(|ends| ends.end).collect();
        Ok(())
    }

    fn read_output(&mut self, ends: &[Range<i64>], tell: &mut impl FnMut(&Reading)) -> Result<()> {
        let isolation = self.admin.isolation();
        let spans = self.output.spans(ends)?;
        let mut reading = Reading::of(&self.output.read.topic, &spans);
        let mut first = FirstWindows::default();
        tail::read(&self.source.bootstrap, &self.source.output, isolation, &spans, |record| {
            reading.one_more(tell);
            if let Some((page, start)) = self.ledger.emitted(record.partition(), record.offset(), record.payload()) {
                first.see(page, start);
            }
            Ok(())
        })?;
        // Records that are gone may have counted windows before the first that is left of each page.
        if self.output.read.cut && self.output.read.records == 0 {
            first.latest().into_iter().for_each(|start| self.ledger.begin_at(start));
        }
        self.output.read.records += reading.read;
        self.output.next = ends.iter().map(|ends| ends.end).collect();
        Ok(())
    }

    /// Up to which event time (ms since the epoch) all windows are closed, given what the job has committed: its
    /// watermark was that far. One window of slack is left for counts that are on their way.
    fn covered(&self, committed: &[Option<i64>]) -> Result<i64> {
        let Some(committed) = committed.iter().copied().collect::<Option<Vec<_>>>() else { return Ok(i64::MIN) };
        let ends = self.admin.ends(&self.source.input)?;
        // An offset beyond the end is of a topic that was deleted since.
        let span = |(committed, ends): (i64, &Range<i64>)| {
            let known = committed <= ends.end;
            if known { (committed - LOOK_BACK).max(ends.start)..committed } else { 0..0 }
        };
        let spans: Vec<_> = committed.into_iter().zip(&ends).map(span).collect();
        let mut reached = vec![i64::MIN; spans.len()];
        tail::read(&self.source.bootstrap, &self.source.input, Isolation::Uncommitted, &spans, |record| {
            let partition = usize::try_from(record.partition())?;
            let timestamp = decode(record.payload()).map_or(i64::MIN, |(timestamp, _)| timestamp);
            reached[partition] = reached[partition].max(timestamp);
            Ok(())
        })?;
        let reached = reached.into_iter().min().unwrap_or(i64::MIN);
        Ok(reached.saturating_sub(OUT_OF_ORDERNESS_MS + WINDOW_MS))
    }
}

impl Reading {
    fn of(topic: &str, spans: &[Range<i64>]) -> Self {
        let total = spans.iter().map(|span| u64::try_from(span.end - span.start).unwrap_or(0)).sum();
        Self { topic: topic.to_owned(), read: 0, total }
    }

    fn one_more(&mut self, tell: &mut impl FnMut(&Self)) {
        self.read += 1;
        if self.read.is_multiple_of(1 << 14) {
            tell(self);
        }
    }
}

impl Foreign {
    fn add(&mut self, topic: &str, record: &crate::kafka::follow::Record<'_>) {
        self.records += 1;
        self.first.get_or_insert_with(|| {
            format!("{topic}-{} @ {}: {}", record.partition(), record.offset(), excerpt(record.payload()))
        });
    }
}

/// Adds clicks up by window before the ledger hears of them: it is told once a window, not once a click.
struct Counter<'a> {
    ledger: &'a mut Ledger,
    open: [Option<(i64, u64)>; PAGES.len()],
    /// The oldest clicks are gone, so the first window of each page may lack some.
    first_is_cut: bool,
}

impl<'a> Counter<'a> {
    fn new(ledger: &'a mut Ledger, first_is_cut: bool) -> Self {
        Self { ledger, open: [None; PAGES.len()], first_is_cut }
    }

    fn click(&mut self, page: usize, timestamp: i64) {
        let start = window_start(timestamp);
        match &mut self.open[page] {
            Some((open, clicks)) if *open == start => *clicks += 1,
            open => {
                let before = open.replace((start, 1));
                self.close(page, before);
                if before.is_none() && self.first_is_cut {
                    self.ledger.begin_at(start + WINDOW_MS);
                }
            }
        }
    }

    fn close(&mut self, page: usize, window: Option<(i64, u64)>) {
        if let Some((start, clicks)) = window {
            self.ledger.clicked(page, start, clicks);
        }
    }

    fn finish(mut self) {
        for page in 0..PAGES.len() {
            let open = self.open[page].take();
            self.close(page, open);
        }
    }
}

/// The earliest window of each page.
#[derive(Debug, Default)]
struct FirstWindows([Option<i64>; PAGES.len()]);

impl FirstWindows {
    fn see(&mut self, page: usize, start: i64) {
        let first = &mut self.0[page];
        *first = Some(first.map_or(start, |first| first.min(start)));
    }

    /// The window from which on every page was seen.
    fn latest(&self) -> Option<i64> {
        self.0.iter().copied().flatten().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::produce::Producer;
    use crate::verdict::Outcome;
    use crate::workload::encoding::encode;
    use rdkafka::TopicPartitionList;
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::topic_partition_list::Offset;

    /// How many windows of every page `input` holds, each of 10 clicks.
    const WINDOWS: i64 = 8;
    const CLICKS: i64 = 10;

    struct Topics(MockCluster<'static, DefaultProducerContext>);

    impl Topics {
        fn new() -> Self {
            let cluster = MockCluster::new(1).unwrap();
            cluster.create_topic("input", 6, 1).unwrap();
            cluster.create_topic("output", 1, 1).unwrap();
            let topics = Self(cluster);
            let clicks = (0..WINDOWS * CLICKS).flat_map(|click| (0..6).map(move |page| (page, click)));
            let records = clicks.map(|(page, click)| {
                let mut buffer = Vec::new();
                encode(&mut buffer, click * WINDOW_MS / CLICKS, page);
                (i32::try_from(page).unwrap(), buffer)
            });
            topics.send("input", records);
            topics
        }

        fn bootstrap(&self) -> String {
            self.0.bootstrap_servers()
        }

        fn send(&self, topic: &str, records: impl IntoIterator<Item = (i32, Vec<u8>)>) {
            let mut producer = Producer::new(&self.bootstrap(), topic).unwrap();
            for (partition, payload) in records {
                producer.send(partition, 0, &payload).unwrap();
            }
            assert_eq!(producer.flush(Duration::from_secs(30)), 0);
        }

        fn emit(&self, windows: Range<i64>) {
            let counts = windows.flat_map(|window| PAGES.map(|page| (window * WINDOW_MS, page)));
            self.send(
                "output",
                counts.map(|(start, page)| {
                    let end = start + WINDOW_MS;
                    let json =
                        format!(r#"{{"windowStart":{start},"windowEnd":{end},"page":"{page}","count":{CLICKS}}}"#);
                    (0, json.into_bytes())
                }),
            );
        }

        /// The job's group has covered so many clicks of every page.
        fn commit(&self, clicks: i64) {
            let mut config = rdkafka::ClientConfig::new();
            config.set("bootstrap.servers", self.bootstrap()).set("group.id", GROUP);
            let client: BaseConsumer = config.create().unwrap();
            let mut offsets = TopicPartitionList::new();
            for partition in 0..6 {
                offsets.add_partition_offset("input", partition, Offset::Offset(clicks)).unwrap();
            }
            client.commit(&offsets, CommitMode::Sync).unwrap();
        }

        fn audit(&self) -> Audit {
            let (input, output) = ("input".to_owned(), "output".to_owned());
            Audit::new(Source { bootstrap: self.bootstrap(), input, output, delivery: Delivery::AtLeastOnce }).unwrap()
        }
    }

    #[test]
    fn rounds_go_on_where_the_last_one_ended() {
        let topics = Topics::new();
        topics.emit(0..3);
        let mut audit = topics.audit();
        audit.round(|_| {}).unwrap();
        assert_eq!((audit.judge().counts.complete, audit.judge().counts.undecided), (18, 30));

        topics.emit(3..8);
        topics.send("input", [(4, b"hello".to_vec())]);
        audit.round(|_| {}).unwrap();
        let judgement = audit.judge();
        assert_eq!((judgement.outcome, judgement.counts.complete, judgement.counts.undecided), (Outcome::Pass, 48, 0));
        let (input, output, foreign) = audit.read();
        assert_eq!((input.records, output.records, input.cut), (481, 48, false));
        assert_eq!(foreign.first.as_deref(), Some("input-4 @ 80: 'hello'"));
    }

    #[test]
    fn silence_is_a_loss_once_the_job_has_committed_a_window_more() {
        let topics = Topics::new();
        topics.emit(0..3);
        // The job has read the first click of window 6: its watermark is short of window 5's end, and 4 is the slack.
        topics.commit(6 * CLICKS + 1);
        let mut audit = topics.audit();
        audit.round(|_| {}).unwrap();
        assert_eq!((audit.judge().counts.missing, audit.judge().counts.undecided), (6, 24));

        // The counts were on their way.
        topics.emit(3..5);
        assert_eq!(audit.settled().unwrap().counts.missing, 0);
    }

    #[test]
    fn an_offset_of_an_older_topic_of_the_same_name_says_nothing() {
        let topics = Topics::new();
        topics.emit(0..3);
        topics.commit(WINDOWS * CLICKS + 1);
        let mut audit = topics.audit();
        audit.round(|_| {}).unwrap();
        assert_eq!(audit.judge().counts.missing, 0);
    }
}
