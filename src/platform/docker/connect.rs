//! Finding an engine: `DOCKER_HOST`, else the sockets of Docker, rootless Docker, Docker Desktop and Podman.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bollard::{API_DEFAULT_VERSION, Docker};

/// For one request. Streams (logs, a build) may take longer between two of their parts.
const REQUEST_SECONDS: u64 = 120;
/// For the first answer, within which a live engine answers many times over.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// A connection to the first engine that answers.
pub(super) async fn connect() -> Result<Docker> {
    let (address, docker) = match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => (host.clone(), Docker::connect_with_host(&host).context(unreachable(&host))?),
        _ => local()?,
    };
    // The crate speaks a newer version of the API than older engines know.
    let answer = tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version()).await;
    let answer = answer.map_err(|_| anyhow!("no answer within {} s", FIRST_ANSWER.as_secs()));
    answer.and_then(|docker| Ok(docker?)).with_context(|| unreachable(&address))
}

fn unreachable(address: &str) -> String {
    format!("no Docker engine answers at {address}; start it, or run scripts/setup")
}

/// The first local socket that takes a connection.
fn local() -> Result<(String, Docker)> {
    let mut denied = None;
    for path in sockets() {
        match UnixStream::connect(&path) {
            Ok(_) => {
                let address = format!("unix://{}", path.display());
                let docker = Docker::connect_with_unix(&address, REQUEST_SECONDS, API_DEFAULT_VERSION);
                return Ok((address.clone(), docker.with_context(|| unreachable(&address))?));
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => denied = Some(path),
            Err(_) => {}
        }
    }
    Err(match denied {
        Some(path) => anyhow!("add yourself to its group: sudo usermod -aG docker $USER, then log in again")
            .context(format!("no permission to use the Docker engine at {}", path.display())),
        None => anyhow!("scripts/setup installs and starts one on Debian and Ubuntu; elsewhere start Docker or Podman")
            .context("no Docker engine is running"),
    })
}

fn sockets() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR") {
        paths.extend(["docker.sock", "podman/podman.sock"].map(|name| Path::new(&runtime).join(name)));
    }
    if let Some(home) = std::env::var_os("HOME") {
        paths
            .extend([".docker/run/docker.sock", ".docker/desktop/docker.sock"].map(|name| Path::new(&home).join(name)));
    }
    paths.push(PathBuf::from("/run/podman/podman.sock"));
    paths
}
