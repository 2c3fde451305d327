//! Finding an engine as the docker command does, and connecting to it.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use bollard::{API_DEFAULT_VERSION, Docker};

pub(super) mod config;
pub(super) mod credentials;
mod endpoint;
mod local;
mod ssh;

use crate::environment;
use crate::platform::Elsewhere;
use config::Config;
use endpoint::{Endpoint, Source};

/// For the first answer, within which a live engine answers many times over. `ssh` gives up on a connection later than that.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// For any answer, in seconds, as the crate has it by default.
const ANSWER: u64 = 120;

/// An engine that answers.
pub(super) struct Connected {
    pub api: Docker,
    /// The machine that it runs on and what named it, where that is another machine than this.
    pub remote: Option<Remote>,
}

/// An engine on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// The machine's name or address.
    pub host: String,
    /// How to use an engine here instead.
    pub instead: String,
}

/// A connection to the engine that `DOCKER_HOST` or a context of the docker command names or, without them, to the first that
/// is found here.
pub(super) async fn connect() -> Result<Connected> {
    let environment = |name: &str| environment::variable(name).filter(|value| !value.is_empty());
    let named = endpoint::choose(environment, &Config::read()?)?;
    let endpoint = named.map_or_else(local::find, Ok)?;
    let docker = open(&endpoint)?;
    // The crate speaks a newer version of the API than older engines know.
    let answer = tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version()).await;
    let Ok(answer) = answer else {
        let (address, note, seconds) = (&endpoint.address, endpoint.source.note(), FIRST_ANSWER.as_secs());
        bail!("the Docker engine at {address} did not answer within {seconds} s{note}")
    };
    let api = answer.map_err(|error| unreachable(&endpoint, &error))?;
    let remote = endpoint.remote().map(|host| Remote { host, instead: endpoint.source.instead() });
    Ok(Connected { api, remote })
}

fn open(endpoint: &Endpoint) -> Result<Docker> {
    let address = endpoint.address.as_str();
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let opened = match (scheme, &endpoint.tls) {
        ("unix", _) => Docker::connect_with_unix(address, ANSWER, API_DEFAULT_VERSION),
        ("ssh", _) => return ssh::open(address),
        ("tcp" | "http", None) => Docker::connect_with_http(address, ANSWER, API_DEFAULT_VERSION),
        ("tcp" | "https", Some(tls)) => {
            Docker::connect_with_ssl(address, &tls.key, &tls.cert, &tls.ca, ANSWER, API_DEFAULT_VERSION)
        }
        ("https", None) => bail!("{address} needs certificates: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"),
        _ => bail!("{address} is not an address that the playground supports; use unix://, tcp:// or ssh://"),
    };
    opened.map_err(|error| unreachable(endpoint, &error))
}

/// Of a chain of causes only the last one tells anything: the others are layers of the client.
fn unreachable(endpoint: &Endpoint, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    if io == Some(ErrorKind::PermissionDenied) && endpoint.address.starts_with("unix://") {
        return local::denied(&endpoint.address);
    }
    let advice = match endpoint.source {
        Source::Found => "; start it, or run scripts/setup".to_owned(),
        _ => endpoint.source.note(),
    };
    anyhow!("{cause}{advice}").context(format!("no Docker engine answers at {}", endpoint.address))
}

impl super::Docker {
    /// A stack's ports are published on the engine's machine. One that could not be reached from here is not
    /// created, and what answers at its address here is another one.
    pub(super) fn check_here(&self) -> Result<(), Elsewhere> {
        match &self.remote {
            Some(Remote { host, instead }) => Err(Elsewhere { host: host.clone(), instead: instead.clone() }),
            None => Ok(()),
        }
    }
}
