//! A connection to a broker: requests out, answers in, each in the order of the other.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// An answer of more bytes than this is none.
const LONGEST: usize = 256 << 20;
/// How long a broker may take to take a connection: a network that swallows packets does not refuse one.
const CONNECT: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Where a broker listens: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// An address as brokers tell it.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        // An IPv6 address has colons of its own.
        Self(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }

    /// The addresses of a list as users give it: `host:port,host:port`.
    #[must_use]
    pub fn list(bootstrap: &str) -> Vec<Self> {
        bootstrap.split(',').map(|address| Self(address.trim().to_owned())).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A connection. After an error it is of no use: an answer may be under way still.
#[derive(Debug)]
pub struct Connection {
    address: Address,
    stream: TcpStream,
    /// The number of the next request, and of the next answer.
    next: (i32, i32),
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to a broker, without delaying small packets.
    pub fn open(address: &Address) -> Result<Self> {
        let stream = connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        Ok(Self { address: address.clone(), stream, next: (0, 0), answer: Vec::new() })
    }

    /// Sends the request that `request` makes for the number given to it.
    pub fn send(&mut self, request: impl FnOnce(i32) -> Result<Vec<u8>>) -> Result<()> {
        let request = request(self.next.0)?;
        self.next.0 = self.next.0.wrapping_add(1);
        self.stream.write_all(&request).with_context(|| format!("ask {}", self.address))
    }

    /// The answer to the oldest request that has none yet, without its length and number.
    pub fn receive(&mut self) -> Result<&[u8]> {
        self.read().with_context(|| format!("read the answer of {}", self.address))?;
        let (number, body) = self.answer.split_at_checked(4).context("an answer without a number")?;
        ensure!(number == self.next.1.to_be_bytes(), "{} answers something else", self.address);
        self.next.1 = self.next.1.wrapping_add(1);
        Ok(body)
    }

    fn read(&mut self) -> Result<()> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length))?;
        ensure!(length <= LONGEST, "it has {length} bytes");
        self.answer.resize(length, 0);
        Ok(self.stream.read_exact(&mut self.answer)?)
    }
}

/// Tries each address that the name has.
fn connect(address: &Address) -> Result<TcpStream> {
    let mut failed = None;
    for address in address.0.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.map_or_else(|| anyhow::anyhow!("the name has no address"), Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_connects() {
        assert_eq!(Address::new("::1", 9092).to_string(), "[::1]:9092");
        assert_eq!(Address::list("a:1, b:2"), [Address::new("a", 1), Address::new("b", 2)]);
        let error = Connection::open(&Address::new("127.0.0.1", 1)).unwrap_err();
        assert_eq!(error.to_string(), "connect to 127.0.0.1:1");
    }
}
