//! The brokers that lead a topic's partitions: who they are, and a connection to each.

use std::collections::BTreeMap;

use anyhow::{Context as _, Error, Result, ensure};

use super::connection::{Address, Connection};
use super::failure::{self, Failure};
use super::metadata::{self, Topic};

/// Connections to a topic's leaders.
#[derive(Debug)]
pub struct Cluster {
    bootstrap: Vec<Address>,
    topic: String,
    leaders: Vec<Option<Address>>,
    connections: BTreeMap<Address, Connection>,
}

impl Cluster {
    /// Of a topic on `bootstrap`, as `host:port,host:port`. Nothing is connected yet, and no leader known.
    #[must_use]
    pub fn new(bootstrap: &str, topic: &str) -> Self {
        let bootstrap = Address::list(bootstrap);
        Self { bootstrap, topic: topic.to_owned(), leaders: Vec::new(), connections: BTreeMap::new() }
    }

    /// Asks who leads, first on connections that are there. Returns what the topic is now.
    pub fn resolve(&mut self) -> Result<Topic> {
        let mut asked: Vec<_> = self.connections.keys().cloned().collect();
        asked.extend(self.leaders.iter().flatten().cloned());
        asked.extend(self.bootstrap.iter().cloned());
        let mut failed = None;
        for address in asked {
            match self.describe(&address) {
                Ok(topic) => {
                    self.leaders.clone_from(&topic.leaders);
                    return Ok(topic);
                }
                Err(error) => failed = Some(error),
            }
            // Its next answer may be to this question.
            self.disconnect(&address);
        }
        Err(failed.context("no broker was named")?)
    }

    fn describe(&mut self, address: &Address) -> Result<Topic> {
        let topic = self.topic.clone();
        let connection = self.connection(address)?;
        connection.send(|number| metadata::request(number, &topic))?;
        let (error, topic) = metadata::answer(connection.receive()?)?;
        // A topic whose leaders are being chosen says so, and its partitions say who has one.
        ensure!(error == 0 || failure::of(error) == Failure::Early, "topic '{}': {}", self.topic, failure::name(error));
        Ok(topic)
    }

    /// Which of these partitions each leader leads, and what is wrong with those that nobody leads.
    pub fn led(&self, partitions: &[usize]) -> (BTreeMap<Address, Vec<usize>>, Option<Error>) {
        let mut led = BTreeMap::<_, Vec<usize>>::new();
        let mut missing = None;
        for &partition in partitions {
            match self.leaders.get(partition) {
                Some(Some(leader)) => led.entry(leader.clone()).or_default().push(partition),
                _ => missing = Some(Error::msg(format!("{}-{partition} has no leader", self.topic))),
            }
        }
        (led, missing)
    }

    /// The connection to a broker, made if there is none.
    pub fn connection(&mut self, address: &Address) -> Result<&mut Connection> {
        if !self.connections.contains_key(address) {
            self.connections.insert(address.clone(), Connection::open(address)?);
        }
        self.connections.get_mut(address).context("no connection")
    }

    /// Ends the connection to a broker.
    pub fn disconnect(&mut self, address: &Address) {
        self.connections.remove(address);
    }

    /// Ends all connections.
    pub fn disconnect_all(&mut self) {
        self.connections.clear();
    }
}
