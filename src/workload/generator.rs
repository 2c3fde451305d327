//! Sends clicks to a topic: the [`Sequence`] says which, the [`Pace`] when, the [`Producer`] that each arrives once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::alive::Alive;
use super::encoding::encode;
use super::pace::Pace;
use super::resume::resume;
use super::sequence::Sequence;
use super::{INPUT, OUTPUT, PAGES};
use crate::failure::Failure;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::produce::{Producer, Sent};

/// Clicks between two looks at the clock and at what the broker answered.
const BURST: u32 = 1000;
/// The shortest rest when nothing is due: the price of an exact 15 ms would be waking up for every six clicks.
const SHORTEST_REST: Duration = Duration::from_millis(10);
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
    /// Seconds of event time a second; infinite for as fast as the broker takes clicks.
    pub speed: f64,
    /// How many clicks to send; no end when `None`.
    pub clicks: Option<u64>,
    /// How long to wait for the broker at the start.
    pub wait: Duration,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The broker does not answer yet, and why.
    Waiting(String),
    /// It is known where the clicks begin.
    Begins {
        /// Whether the topic held clicks already.
        resumed: bool,
        /// First click to send, in ms since the epoch.
        timestamp: i64,
    },
    /// Clicks go out.
    Sending(Sending),
}

/// How far sending has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Clicks that the broker acknowledged.
    pub acknowledged: u64,
    /// Clicks that are under way.
    pub under_way: u64,
    /// How far, in ms of event time, what was sent stays behind what is due; 0 when no pace is set.
    pub behind: i64,
    /// Since sending began.
    pub elapsed: Duration,
    /// What the client last complained about, while clicks are under way.
    pub complaint: Option<String>,
}

/// What was sent in the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The topic to send to.
    pub topic: String,
    /// Clicks that the broker acknowledged.
    pub clicks: u64,
    /// Clicks that it did not before the generator was stopped. Nothing is lost: the next start begins after the last
    /// one that arrived.
    pub unacknowledged: u64,
    /// From the first click to the last acknowledgement, in seconds.
    pub seconds: f64,
    /// Clicks acknowledged a second.
    pub clicks_per_second: f64,
    /// Timestamp of the first click, in ms since the epoch of event time.
    pub first_timestamp: i64,
    /// Timestamp of the click that would be next.
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
    let began = Instant::now();
    let mut run = Run {
        first: sequence.nearest(),
        pace: Pace::new(anchor, began, order.speed),
        producer: Producer::new(&order.bootstrap, &order.topic)?,
        left: order.clicks.unwrap_or(u64::MAX),
        buffer: Vec::with_capacity(64),
        sent: 0,
        full_rest: FULL_REST,
        began,
        sequence,
    };
    while run.left > 0 && !stop.load(Ordering::Relaxed) {
        let rest = run.burst()?;
        run.producer.serve(rest)?;
        run.report(alive.as_mut(), &mut tell)?;
    }
    run.finish(stop, |run| run.report(alive.as_mut(), &mut tell))?;
    Ok(run.summary(&order.topic))
}

/// Waits for the broker, makes the topics, finds where the clicks begin. The event time that is now comes with them.
fn prepare(order: &Order, stop: &AtomicBool, tell: &mut impl FnMut(&Progress)) -> Result<(Sequence, i64)> {
    let admin = Admin::new(&order.bootstrap, Isolation::Uncommitted)?;
    admin.wait(order.wait, |seen| {
        tell(&Progress::Waiting(seen.to_owned()));
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted("interrupted while waiting for the broker".to_owned()).into());
        }
        Ok(())
    })?;
    let mut topics = vec![(order.topic.as_str(), PAGES.len())];
    if order.topic == INPUT {
        topics.push((OUTPUT, 1));
    }
    admin.ensure_topics(&topics)?;
    let resumed = resume(&admin, &order.bootstrap, &order.topic)?;
    let (sequence, anchor, resumed) = match resumed {
        Some(sequence) => (sequence.clone(), sequence.furthest(), true),
        None => (Sequence::fresh(now()?), now()?, false),
    };
    tell(&Progress::Begins { resumed, timestamp: sequence.nearest() });
    Ok((sequence, anchor))
}

/// The clock, in ms since the epoch.
fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    i64::try_from(since.as_millis()).context("read the clock")
}

struct Run {
    sequence: Sequence,
    pace: Pace,
    producer: Producer,
    left: u64,
    sent: u64,
    buffer: Vec<u8>,
    first: i64,
    began: Instant,
    /// How long to rest when the queue is full.
    full_rest: Duration,
}

impl Run {
    /// Sends what is due, at most a burst. Returns how long to rest.
    fn burst(&mut self) -> Result<Duration> {
        let due = self.pace.due(Instant::now());
        let now = now()?;
        for _ in 0..BURST {
            let Some((page, timestamp)) = self.sequence.peek(due).filter(|_| self.left > 0) else {
                let rest = self.pace.until(self.sequence.nearest(), Instant::now());
                return Ok(rest.clamp(SHORTEST_REST, LONGEST_REST));
            };
            encode(&mut self.buffer, timestamp, page);
            match self.producer.send(i32::try_from(page)?, now, &self.buffer)? {
                Sent::Accepted => self.sequence.advance(page),
                // The click stays where it is, and the broker gets a moment.
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
        let acknowledged = self.producer.acknowledged();
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
        let clicks = self.producer.acknowledged();
        let seconds = self.began.elapsed().as_secs_f64();
        Summary {
            topic: topic.to_owned(),
            clicks,
            unacknowledged: self.sent - clicks,
            seconds,
            clicks_per_second: per_second(clicks, seconds),
            first_timestamp: self.first,
            next_timestamp: self.sequence.nearest(),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(clicks: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { clicks as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::tail;
    use crate::workload::encoding::decode;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;

    const TOPIC: &str = "clicks";

    fn cluster() -> MockCluster<'static, DefaultProducerContext> {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 6, 1).unwrap();
        cluster
    }

    fn order(bootstrap: String, clicks: u64) -> Order {
        let wait = Duration::from_secs(30);
        Order { bootstrap, topic: TOPIC.into(), speed: f64::INFINITY, clicks: Some(clicks), wait }
    }

    /// All clicks of the topic, each partition's in its order.
    fn clicks(bootstrap: &str) -> Vec<Vec<i64>> {
        let ends = Admin::new(bootstrap, Isolation::Uncommitted).unwrap().ends(TOPIC).unwrap();
        let mut clicks = vec![Vec::new(); 6];
        tail::read(bootstrap, TOPIC, Isolation::Uncommitted, &ends, |record| {
            let click = decode(record.payload()).unwrap();
            let partition = usize::try_from(record.partition())?;
            assert_eq!(click.page, PAGES[partition]);
            clicks[partition].push(click.timestamp);
            Ok(())
        })
        .unwrap();
        clicks
    }

    #[test]
    fn two_runs_make_one_sequence() {
        let cluster = cluster();
        let bootstrap = cluster.bootstrap_servers();
        let mut begins = Vec::new();
        let mut run = |clicks| {
            let tell = |progress: &Progress| {
                if let Progress::Begins { resumed, timestamp } = progress {
                    begins.push((*resumed, *timestamp));
                }
            };
            generate(&order(bootstrap.clone(), clicks), &AtomicBool::new(false), None, tell).unwrap()
        };
        let first = run(7_001);
        let second = run(4_999);
        assert_eq!((first.clicks, first.unacknowledged, second.clicks), (7_001, 0, 4_999));

        let start = first.first_timestamp;
        assert_eq!(begins, [(false, start), (true, second.first_timestamp)]);
        assert_eq!(start, crate::workload::window_start(start));
        let expected: Vec<i64> = (0..2000).map(|number| start + number * 15).collect();
        assert_eq!(clicks(&bootstrap), vec![expected; 6]);
    }

    #[test]
    fn pages_that_a_killed_run_left_behind_catch_up() {
        let cluster = cluster();
        let bootstrap = cluster.bootstrap_servers();
        let start = 1_604_280_255_000;
        // As far as the batches of each page got: one has none at all.
        let sent = [300, 7, 0, 120, 300, 1];
        let mut producer = Producer::new(&bootstrap, TOPIC).unwrap();
        for (page, sent) in sent.into_iter().enumerate() {
            for number in 0..sent {
                let mut buffer = Vec::new();
                encode(&mut buffer, start + number * 15, page);
                producer.send(i32::try_from(page).unwrap(), 0, &buffer).unwrap();
            }
        }
        assert_eq!(producer.flush(Duration::from_secs(30)), 0);

        let missing = 6 * 300 - u64::try_from(sent.iter().sum::<i64>()).unwrap();
        generate(&order(bootstrap.clone(), missing), &AtomicBool::new(false), None, |_| {}).unwrap();
        let expected: Vec<i64> = (0..300).map(|number| start + number * 15).collect();
        assert_eq!(clicks(&bootstrap), vec![expected; 6]);
    }

    #[test]
    fn a_topic_that_ends_with_something_else_is_not_continued() {
        let cluster = cluster();
        let bootstrap = cluster.bootstrap_servers();
        let mut producer = Producer::new(&bootstrap, TOPIC).unwrap();
        producer.send(3, 0, b"hello").unwrap();
        assert_eq!(producer.flush(Duration::from_secs(30)), 0);
        let error = generate(&order(bootstrap, 1), &AtomicBool::new(false), None, |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("clicks-3 @ 0 is not a click of this generator: 'hello'"), "{error}");
    }
}
