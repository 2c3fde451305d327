//! Serves a topic's records as lines on a TCP port, for a job that reads a socket.
//!
//! The topic is the record of what was sent: a line is sent to whoever is connected when it is read from the topic, and to nobody
//! if nobody is. An empty record marks that somebody connected: what lies behind it is sent on the new connection. So the
//! topic alone tells which lines a job cannot have read. The group's committed offset follows what was sent.
//!
//! A job has one source for its socket: a connection takes the place of the one before it.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use socket2::SockRef;

use super::alive::Alive;
use crate::failure::Failure;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::commit::Commits;
use crate::kafka::follow::Follower;
use crate::kafka::produce::{Producer, Sent};
use crate::kafka::record::Record;
use crate::kafka::tail::Begin;

/// Between two looks for new records and new connections.
const LOOK: Duration = Duration::from_millis(10);
/// Between two commits.
const COMMIT: Duration = Duration::from_millis(250);
/// How long a connection that answers nothing is kept.
const SILENCE: Duration = Duration::from_secs(2);
/// How long the broker may take to acknowledge that somebody connected.
const ACKNOWLEDGED: Duration = Duration::from_secs(30);

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Order {
    /// The broker, as `host:port`.
    pub bootstrap: String,
    /// The topic; created with one partition when it is missing.
    pub topic: String,
    /// The group whose committed offset follows what was sent.
    pub group: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How long to wait for the broker at the start.
    pub wait: Duration,
}

/// What is told meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The broker does not answer yet, and why.
    Waiting(String),
    /// It listens here.
    Listening(SocketAddr),
    /// Somebody connected.
    Connected(SocketAddr),
    /// Whoever was connected is no more, and why.
    Disconnected(String),
}

/// What was served in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The topic.
    pub topic: String,
    /// Lines that were sent.
    pub sent: u64,
    /// Lines that were not, as nobody was connected.
    pub unsent: u64,
    /// How often somebody connected.
    pub connections: u64,
}

/// Serves until `stop` is set.
pub fn serve(
    order: &Order,
    stop: &AtomicBool,
    mut alive: Option<Alive>,
    mut tell: impl FnMut(&Progress),
) -> Result<Summary> {
    prepare(order, stop, &mut tell)?;
    let listener = TcpListener::bind(order.listen).with_context(|| format!("listen on {}", order.listen))?;
    listener.set_nonblocking(true).context("set up the listener")?;
    tell(&Progress::Listening(listener.local_addr().context("find out where it listens")?));
    let mut serving = Serving::new(order, listener)?;
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        serving.round(&mut tell)?;
        rounds += 1;
        if let Some(alive) = &mut alive {
            alive.acknowledged(rounds)?;
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(serving.summary)
}

fn prepare(order: &Order, stop: &AtomicBool, tell: &mut impl FnMut(&Progress)) -> Result<()> {
    let admin = Admin::new(&order.bootstrap, Isolation::Uncommitted)?;
    admin.wait(order.wait, |seen| {
        tell(&Progress::Waiting(seen.to_owned()));
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted("interrupted while waiting for the broker".to_owned()).into());
        }
        Ok(())
    })?;
    admin.ensure_topics(&[(&order.topic, 1)])?;
    let partitions = admin.ends(&order.topic)?.len();
    let topic = &order.topic;
    ensure!(partitions == 1, "topic '{topic}' has {partitions} partitions: lines come one after the other out of one");
    Ok(())
}

struct Serving {
    listener: TcpListener,
    follower: Follower,
    marks: Producer,
    commits: Commits,
    client: Client,
    /// The next record, once something was sent.
    reached: Option<i64>,
    committed: Option<i64>,
    asked: Instant,
    summary: Summary,
}

/// Who is connected, and how many marks of connections are still to be read from the topic: it is sent what lies behind its own.
#[derive(Default)]
struct Client {
    stream: Option<TcpStream>,
    awaited: u64,
}

impl Serving {
    fn new(order: &Order, listener: TcpListener) -> Result<Self> {
        let Order { bootstrap, topic, group, .. } = order;
        Ok(Self {
            listener,
            follower: Follower::new(bootstrap, topic, Isolation::Uncommitted, Begin::End)?,
            marks: Producer::new(bootstrap, topic)?,
            commits: Commits::new(bootstrap, group, topic)?,
            client: Client::default(),
            reached: None,
            committed: None,
            asked: Instant::now(),
            summary: Summary { topic: topic.clone(), ..Summary::default() },
        })
    }

    fn round(&mut self, tell: &mut impl FnMut(&Progress)) -> Result<()> {
        self.accept(tell)?;
        if let Some(why) = self.client.has_gone() {
            self.client.stream = None;
            tell(&Progress::Disconnected(why));
        }
        self.follower.look()?;
        let ends: Vec<i64> = self.follower.partitions().iter().map(|partition| partition.end).collect();
        let Self { follower, client, reached, summary, .. } = self;
        follower.read_to(&ends, |record| {
            if client.take(record, summary, tell) {
                *reached = Some(record.offset + 1);
            }
            Ok(())
        })?;
        if self.reached != self.committed && self.asked.elapsed() >= COMMIT {
            self.reached.map_or(Ok(()), |reached| self.commits.commit(0, reached))?;
            (self.committed, self.asked) = (self.reached, Instant::now());
        }
        Ok(())
    }

    /// Takes who has connected, the last one if they are several, and marks it in the topic.
    fn accept(&mut self, tell: &mut impl FnMut(&Progress)) -> Result<()> {
        loop {
            let (stream, from) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept a connection"),
            };
            let socket = SockRef::from(&stream);
            socket.set_tcp_user_timeout(Some(SILENCE)).context("set up a connection")?;
            stream.set_nonblocking(true).context("set up a connection")?;
            let at = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
            let sent = self.marks.send(0, i64::try_from(at.as_millis())?, None, b"")?;
            let left = self.marks.flush(ACKNOWLEDGED);
            ensure!(sent == Sent::Accepted && left == 0, "the broker does not acknowledge that {from} connected");
            self.client = Client { stream: Some(stream), awaited: self.client.awaited + 1 };
            self.summary.connections += 1;
            tell(&Progress::Connected(from));
        }
    }
}

impl Client {
    /// Sends a record to whoever is connected. Returns whether it went on a connection, or began one.
    fn take(&mut self, record: &Record<'_>, summary: &mut Summary, tell: &mut impl FnMut(&Progress)) -> bool {
        if record.payload.is_empty() {
            self.awaited = self.awaited.saturating_sub(1);
            return true;
        }
        let Some(stream) = self.stream.as_mut().filter(|_| self.awaited == 0) else {
            summary.unsent += 1;
            return false;
        };
        let line = [record.payload, b"\n"].concat();
        match send(stream, &line) {
            Ok(()) => {
                summary.sent += 1;
                true
            }
            Err(error) => {
                self.stream = None;
                summary.unsent += 1;
                tell(&Progress::Disconnected(error.to_string()));
                false
            }
        }
    }

    /// Why whoever is connected is there no more, if so. What it sends is of no interest.
    fn has_gone(&self) -> Option<String> {
        let mut read = [0; 64];
        let stream = self.stream.as_ref()?;
        match std::io::Read::read(&mut &*stream, &mut read) {
            Ok(0) => Some("it closed the connection".to_owned()),
            Ok(_) => None,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

/// Sends all of it, to one that may be slow but answers.
fn send(stream: &mut TcpStream, mut line: &[u8]) -> std::io::Result<()> {
    let begun = Instant::now();
    while !line.is_empty() {
        match stream.write(line) {
            Ok(sent) => line = &line[sent..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && begun.elapsed() < SILENCE => {
                std::thread::park_timeout(LOOK);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(std::io::Error::new(ErrorKind::TimedOut, "it takes no more lines"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
