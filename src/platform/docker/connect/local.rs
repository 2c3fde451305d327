//! Engines on this machine: the sockets of Docker, rootless Docker, Docker Desktop and Podman.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::endpoint::{Endpoint, Source};

/// The first local socket that takes a connection.
pub(super) fn find() -> Result<Endpoint> {
    let mut refused = None;
    for path in sockets() {
        let address = format!("unix://{}", path.display());
        match UnixStream::connect(&path) {
            Ok(_) => return Ok(Endpoint { address, tls: None, source: Source::Found }),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => refused = refused.or(Some(address)),
            Err(_) => {}
        }
    }
    let nothing = "scripts/setup installs and starts one on Debian and Ubuntu; elsewhere start Docker or Podman";
    Err(refused.map_or_else(|| anyhow!(nothing).context("no Docker engine is running"), |address| denied(&address)))
}

/// The engine is there, and its socket belongs to others.
pub(super) fn denied(address: &str) -> anyhow::Error {
    anyhow!("add yourself to its group: sudo usermod -aG docker $USER, then log in again")
        .context(format!("no permission to use the Docker engine at {address}"))
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
