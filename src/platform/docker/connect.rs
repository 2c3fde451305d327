//! Finding an engine: `DOCKER_HOST`, else the sockets of Docker, rootless Docker, Docker Desktop and Podman.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use bollard::Docker;

/// For the first answer, within which a live engine answers many times over.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// A connection to the engine that `DOCKER_HOST` names or, without it, to the first that is found here.
pub(super) async fn connect() -> Result<Docker> {
    let named = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let address = named.map_or_else(local, Ok)?;
    let docker = Docker::connect_with_host(&address).map_err(|error| unreachable(&address, &error))?;
    // The crate speaks a newer version of the API than older engines know.
    match tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version()).await {
        Ok(answer) => answer.map_err(|error| unreachable(&address, &error)),
        Err(_) => bail!("the Docker engine at {address} does not answer within {} s", FIRST_ANSWER.as_secs()),
    }
}

/// Of a chain of causes only the last one tells anything: the others are layers of the client.
fn unreachable(address: &str, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    if io == Some(ErrorKind::PermissionDenied) {
        return denied(address);
    }
    anyhow!("{cause}; start it, or run scripts/setup").context(format!("no Docker engine answers at {address}"))
}

fn denied(address: &str) -> anyhow::Error {
    anyhow!("add yourself to its group: sudo usermod -aG docker $USER, then log in again")
        .context(format!("no permission to use the Docker engine at {address}"))
}

/// The first local socket that takes a connection.
fn local() -> Result<String> {
    let mut refused = None;
    for path in sockets() {
        let address = format!("unix://{}", path.display());
        match UnixStream::connect(&path) {
            Ok(_) => return Ok(address),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => refused = refused.or(Some(address)),
            Err(_) => {}
        }
    }
    let nothing = "scripts/setup installs and starts one on Debian and Ubuntu; elsewhere start Docker or Podman";
    Err(refused.map_or_else(|| anyhow!(nothing).context("no Docker engine is running"), |address| denied(&address)))
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
