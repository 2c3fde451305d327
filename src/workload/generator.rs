//! Sends a feed to a topic: the [`Sequence`] says which records, the [`Pace`] when, the [`Producer`] that each arrives once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::alive::Alive;
use super::feed::Records;
use super::pace::Pace;
use super::resume::resume;
use super::sequence::Sequence;
use super::template::LATEST;
use crate::failure::Failure;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::produce::{Producer, Sent};

/// Records between two looks at the clock and at what the broker answered.
const BURST: u32 = 1000;
/// The shortest rest when nothing is due: the price of an exact 15 ms would be waking up for every six records.
const SHORTEST_REST: Duration = Duration::from_millis(10);
/// How long nothing may be acknowledged by a broker that answers before the producer is given up for a new one: seen, one that never
/// connected again after the broker was fenced for a moment and told it that there are no brokers.
const STUCK: Duration = Duration::from_secs(30);
/// The longest rest, so that a stop is noticed.
const LONGEST_REST: Duration = Duration::from_millis(50);
/// The first rest when the queue is full: it drains within a few ms. Each further one is twice as long, for a broker
/// that has stalled.
const FULL_REST: Duration = Duration::from_millis(1);
/// How long a stopped generator waits for acknowledgements: less than the 2 s after which Compose kills it.
const LAST_WAIT: Duration = Duration::from_millis(1500);

/// What to send, where, how fast.
#[derive(Debug, Clone)]
pub struct Order {
    /// The broker, as `host:port`.
    pub bootstrap: String,
    /// The topic; created when it is missing.
    pub topic: String,
    /// Topics with their numbers of partitions that are created as well when they are missing: a job wants its output to
    /// be there.
    pub also: Vec<(String, usize)>,
    /// What to send.
    pub records: Records,
    /// Seconds of event time a second; infinite for as fast as the broker takes records.
    pub speed: f64,
    /// How many records to send; no end when `None`.
    pub limit: Option<u64>,
    /// How long to wait for the broker at the start.
    pub wait: Duration,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The broker does not answer yet, and why.
    Waiting(String),
    /// It is known where the records begin.
    Begins {
        /// Whether the topic held records already.
        resumed: bool,
        /// Event time of the first record to send, in ms since the epoch.
        timestamp: i64,
    },
    /// Records go out.
    Sending(Sending),
}

/// How far sending has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Records that the broker acknowledged.
    pub acknowledged: u64,
    /// Records that are under way.
    pub under_way: u64,
    /// How far, in ms of event time, what was sent stays behind what is due; 0 when no pace is set.
    pub behind: i64,
    /// Since sending began.
    pub elapsed: Duration,
    /// What the client last complained about, while records are under way.
    pub complaint: Option<String>,
}

/// What was sent in the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The topic to send to.
    pub topic: String,
    /// Records that the broker acknowledged.
    pub records: u64,
    /// Records that it did not before the generator was stopped. Nothing is lost: the next start begins after the last
    /// one that arrived.
    pub unacknowledged: u64,
    /// From the first record to the last acknowledgement, in seconds.
    pub seconds: f64,
    /// Records acknowledged a second.
    pub records_per_second: f64,
    /// Event time of the first record, in ms since the epoch.
    pub first_timestamp: i64,
    /// Event time of the record that would be next.
    pub next_timestamp: i64,
}

/// Sends until the order is done or `stop` is set. `tell` hears of progress some twenty times a second; an error from it
/// ends the run.
pub fn generate(
    order: &Order,
    stop: &AtomicBool,
    mut alive: Option<Alive>,
    mut tell: impl FnMut(&Progress),
) -> Result<Summary> {
    let (sequence, anchor) = prepare(order, stop, &mut tell)?;
    let mut run = Run::begin(order, sequence, anchor)?;
    while run.left > 0 && !stop.load(Ordering::Relaxed) {
        let rest = run.burst()?;
        run.producer.serve(rest)?;
        run.report(alive.as_mut(), &mut tell)?;
        if run.is_stuck() {
            run.begin_anew()?;
        }
    }
    run.finish(stop, |run| run.report(alive.as_mut(), &mut tell))?;
    Ok(run.summary(&order.topic))
}

/// Waits for the broker, makes the topics, finds where the records begin. The event time that is now comes with them.
fn prepare(order: &Order, stop: &AtomicBool, tell: &mut impl FnMut(&Progress)) -> Result<(Sequence, i64)> {
    let admin = Admin::new(&order.bootstrap, Isolation::Uncommitted)?;
    admin.wait(order.wait, |seen| {
        tell(&Progress::Waiting(seen.to_owned()));
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted("interrupted while waiting for the broker".to_owned()).into());
        }
        Ok(())
    })?;
    let mut topics = vec![(order.topic.as_str(), order.records.partitions())];
    topics.extend(order.also.iter().map(|(topic, partitions)| (topic.as_str(), *partitions)));
    admin.ensure_topics(&topics)?;
    let resumed = resume(&admin, &order.bootstrap, &order.topic, &order.records, now()?)?;
    let (sequence, anchor, resumed) = match resumed {
        Some(sequence) => (sequence.clone(), sequence.furthest(), true),
        None => (order.records.fresh(now()?), now()?, false),
    };
    tell(&Progress::Begins { resumed, timestamp: sequence.nearest() });
    Ok((sequence, anchor))
}

/// The clock, in ms since the epoch.
fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    i64::try_from(since.as_millis()).context("read the clock")
}

struct Run<'a> {
    order: &'a Order,
    /// Where it began.
    begun: Sequence,
    /// Records of this run that arrived through producers which were given up.
    before: u64,
    /// How many records were acknowledged when that number last changed, and when that was.
    moved: (u64, Instant),
    records: &'a Records,
    sequence: Sequence,
    pace: Pace,
    producer: Producer,
    left: u64,
    sent: u64,
    value: Vec<u8>,
    key: Vec<u8>,
    first: i64,
    began: Instant,
    /// How long to rest when the queue is full.
    full_rest: Duration,
}

impl<'a> Run<'a> {
    /// Begins with this sequence, with event time at `anchor` (ms since the epoch).
    fn begin(order: &'a Order, sequence: Sequence, anchor: i64) -> Result<Self> {
        let began = Instant::now();
        Ok(Self {
            order,
            begun: sequence.clone(),
            before: 0,
            moved: (0, began),
            first: sequence.nearest(),
            pace: Pace::new(anchor, began, order.speed),
            producer: Producer::new(&order.bootstrap, &order.topic)?,
            records: &order.records,
            left: order.limit.unwrap_or(u64::MAX),
            value: Vec::with_capacity(256),
            key: Vec::new(),
            sent: 0,
            full_rest: FULL_REST,
            began,
            sequence,
        })
    }

    /// Sends what is due, at most a burst. Returns how long to rest.
    fn burst(&mut self) -> Result<Duration> {
        let due = self.pace.due(Instant::now());
        let now = now()?;
        for _ in 0..BURST {
            let Some(next) = self.sequence.peek(due).filter(|_| self.left > 0) else {
                let rest = self.pace.until(self.sequence.nearest(), Instant::now());
                return Ok(rest.clamp(SHORTEST_REST, LONGEST_REST));
            };
            ensure!(next.record.time <= LATEST, "event time has passed the year 9999: the feed ends here");
            self.records.value(&mut self.value, next.record);
            let key = self.records.key(&mut self.key, next.record);
            match self.producer.send(i32::try_from(next.partition)?, now, key, &self.value)? {
                Sent::Accepted => self.sequence.advance(),
                // The record stays where it is, and the broker gets a moment.
                Sent::Full => {
                    let next = (self.full_rest * 2).min(LONGEST_REST);
                    return Ok(std::mem::replace(&mut self.full_rest, next));
                }
            }
            self.full_rest = FULL_REST;
            self.sent += 1;
            self.left -= 1;
        }
        Ok(Duration::ZERO)
    }

    fn acknowledged(&self) -> u64 {
        self.before + self.producer.acknowledged()
    }

    /// Whether nothing was acknowledged for long, though there is something to acknowledge.
    fn is_stuck(&mut self) -> bool {
        let acknowledged = self.acknowledged();
        if acknowledged != self.moved.0 || acknowledged == self.sent {
            self.moved = (acknowledged, Instant::now());
        }
        self.moved.1.elapsed() > STUCK
    }

    /// Goes on with another producer behind what arrived, unless it is the broker that does not answer.
    fn begin_anew(&mut self) -> Result<()> {
        self.moved.1 = Instant::now();
        let Order { bootstrap, topic, records, limit, .. } = self.order;
        let admin = Admin::new(bootstrap, Isolation::Uncommitted)?;
        if admin.ends(topic).is_err() {
            return Ok(());
        }
        // The old one sends nothing any more once it is gone, and what arrived is known for certain then.
        self.producer = Producer::new(bootstrap, topic)?;
        let arrived = resume(&admin, bootstrap, topic, records, now()?)?;
        let sequence = arrived.unwrap_or_else(|| self.begun.clone());
        self.before = sequence.total().saturating_sub(self.begun.total());
        (self.sent, self.sequence) = (self.before, sequence);
        self.left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.before));
        Ok(())
    }

    /// Waits for acknowledgements: for all of them when the order is done, for a few seconds when stopped.
    fn finish(&mut self, stop: &AtomicBool, mut report: impl FnMut(&Self) -> Result<()>) -> Result<()> {
        let mut stopped = None;
        while self.producer.flush(LONGEST_REST) > 0 {
            self.producer.serve(Duration::ZERO)?;
            report(self)?;
            if stop.load(Ordering::Relaxed) && stopped.get_or_insert_with(Instant::now).elapsed() > LAST_WAIT {
                break;
            }
        }
        self.producer.serve(Duration::ZERO)?;
        report(self)
    }

    fn report(&self, alive: Option<&mut Alive>, tell: &mut impl FnMut(&Progress)) -> Result<()> {
        let acknowledged = self.acknowledged();
        if let Some(alive) = alive {
            alive.acknowledged(acknowledged)?;
        }
        let due = self.pace.due(Instant::now());
        let behind = if due == i64::MAX { 0 } else { (due - self.sequence.nearest()).max(0) };
        let under_way = self.sent - acknowledged;
        let complaint = if under_way > 0 { self.producer.last_error() } else { None };
        let elapsed = self.began.elapsed();
        tell(&Progress::Sending(Sending { acknowledged, under_way, behind, elapsed, complaint }));
        Ok(())
    }

    fn summary(&self, topic: &str) -> Summary {
        let records = self.acknowledged();
        let seconds = self.began.elapsed().as_secs_f64();
        Summary {
            topic: topic.to_owned(),
            records,
            unacknowledged: self.sent - records,
            seconds,
            records_per_second: per_second(records, seconds),
            first_timestamp: self.first,
            next_timestamp: self.sequence.nearest(),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(records: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { records as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests;
