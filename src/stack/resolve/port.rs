//! Ports. What is published is published on a loopback address: Flink's REST API runs whatever it is sent.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result, bail, ensure};
use compose_spec::service::ports;

use super::Scope;
use crate::stack::Port;

impl Scope<'_> {
    #[allow(clippy::unused_self, reason = "reads as its siblings do")]
    pub(super) fn ports(&self, given: &compose_spec::Service) -> Result<Vec<Port>> {
        let published = ports::into_long_iter(given.ports.clone()).map(|port| published(&port).context("ports"));
        let exposed = given.expose.iter().map(|expose| {
            ensure!(expose.range.end().is_none(), "expose: ranges are not supported");
            let protocol = expose.protocol.as_ref().map_or("tcp", ports::Protocol::as_str);
            Ok(Port { host: LOOPBACK, published: None, target: expose.range.start(), protocol: protocol.to_owned() })
        });
        published.chain(exposed).collect()
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn published(port: &ports::Port) -> Result<Port> {
    let target = port.target;
    let Some(range) = port.published else {
        bail!("{target}: name the port on the host, as in 127.0.0.1:8081:{target}")
    };
    ensure!(range.end().is_none(), "{target}: a range of host ports is not supported");
    let host = match port.host_ip {
        Some(host) if host.is_loopback() => host,
        Some(host) => {
            bail!("{host}:{}:{target} is open to the network; use 127.0.0.1:{}:{target}", range.start(), range.start())
        }
        None => bail!("{}:{target} is open to the network; use 127.0.0.1:{}:{target}", range.start(), range.start()),
    };
    let protocol = port.protocol.as_ref().map_or("tcp", ports::Protocol::as_str).to_owned();
    Ok(Port { host, published: Some(range.start()), target, protocol })
}
