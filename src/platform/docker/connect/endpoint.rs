//! Which engine is meant, by the docker command's rules: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the context in use.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::config::Config;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// As in `unix:///var/run/docker.sock`, always with a scheme.
    pub address: String,
    /// The files that both sides prove themselves with.
    pub tls: Option<Tls>,
    /// What named it.
    pub source: Source,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    /// Who vouches for the engine.
    pub ca: PathBuf,
    /// What this side shows.
    pub cert: PathBuf,
    /// The key to it.
    pub key: PathBuf,
}

/// What named an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// `DOCKER_HOST`.
    Environment,
    /// A context of the docker command.
    Context(String),
    /// Nothing: it is the first that was found.
    Found,
}

impl Source {
    /// For the end of a message about the engine.
    pub(super) fn note(&self) -> String {
        match self {
            Self::Environment => "; the address comes from DOCKER_HOST".to_owned(),
            Self::Context(name) => format!("; the address comes from docker context '{name}'"),
            Self::Found => String::new(),
        }
    }

    /// How not to use the engine that it names.
    pub(super) fn instead(&self) -> String {
        match self {
            Self::Environment => "unset DOCKER_HOST to use an engine on this machine".to_owned(),
            Self::Context(_) => "docker context use default switches to the engine on this machine".to_owned(),
            Self::Found => "use an engine on this machine".to_owned(),
        }
    }
}

impl Tls {
    /// The usual names of the files in a folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        Self { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") }
    }
}

impl Endpoint {
    /// The machine that the engine runs on, where it is another one than this.
    pub(super) fn remote(&self) -> Option<String> {
        let (scheme, rest) = self.address.split_once("://")?;
        if scheme == "unix" {
            return None;
        }
        let authority = rest.split('/').next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let is_here = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
        (!is_here).then(|| host.to_owned())
    }
}

/// The engine that the environment or the docker command's configuration names; `None` where neither does.
pub(super) fn choose(environment: impl Fn(&str) -> Option<String>, config: &Config) -> Result<Option<Endpoint>> {
    if let Some(host) = environment("DOCKER_HOST") {
        let address = if host.contains("://") { host } else { format!("tcp://{host}") };
        let tls = if address.starts_with("tcp://") || address.starts_with("https://") {
            tls(&environment, config)?
        } else {
            None
        };
        return Ok(Some(Endpoint { address, tls, source: Source::Environment }));
    }
    let context = environment("DOCKER_CONTEXT").or_else(|| config.current_context().map(str::to_owned));
    // The default context is no file: it means whatever engine is here.
    match context.filter(|name| name != "default") {
        Some(name) => config.context(&name).map(Some),
        None => Ok(None),
    }
}

/// `DOCKER_TLS_VERIFY` asks for TLS; the files lie in `DOCKER_CERT_PATH`, or else beside the docker command's configuration.
fn tls(environment: &impl Fn(&str) -> Option<String>, config: &Config) -> Result<Option<Tls>> {
    if environment("DOCKER_TLS_VERIFY").is_none() {
        if environment("DOCKER_TLS").is_some() {
            bail!("DOCKER_TLS alone does not verify the engine's certificate: set DOCKER_TLS_VERIFY=1 as well");
        }
        return Ok(None);
    }
    let folder = environment("DOCKER_CERT_PATH").map_or_else(|| config.folder().to_owned(), PathBuf::from);
    Ok(Some(Tls::in_folder(&folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(environment: &[(&str, &str)], config: &Config) -> Result<Option<Endpoint>> {
        let value = |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        choose(value, config)
    }

    fn config_with_context() -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        crate::platform::docker::connect::config::tests::write_context(folder.path(), "build", "tcp://10.1.2.3:2376");
        std::fs::write(folder.path().join("config.json"), r#"{"currentContext": "build"}"#).unwrap();
        let config = Config::in_folder(folder.path()).unwrap();
        (folder, config)
    }

    #[test]
    fn docker_host_comes_before_docker_context_and_that_before_the_context_in_use() {
        let (_folder, config) = config_with_context();
        let address = |environment: &[(&str, &str)]| chosen(environment, &config).unwrap().map(|one| one.address);
        assert_eq!(address(&[("DOCKER_HOST", "unix:///x"), ("DOCKER_CONTEXT", "build")]).as_deref(), Some("unix:///x"));
        assert_eq!(address(&[("DOCKER_CONTEXT", "default")]), None);
        assert_eq!(address(&[]).as_deref(), Some("tcp://10.1.2.3:2376"));
        assert_eq!(address(&[("DOCKER_HOST", "h:2375")]).as_deref(), Some("tcp://h:2375"));
        let error = chosen(&[("DOCKER_CONTEXT", "gone")], &config).unwrap_err();
        assert!(error.to_string().contains("docker context 'gone'"), "{error:#}");
    }

    #[test]
    fn tls_is_asked_for_by_docker_tls_verify() {
        let (folder, config) = config_with_context();
        let tls = |environment: &[(&str, &str)]| chosen(environment, &config).map(|one| one.unwrap().tls);
        let host = ("DOCKER_HOST", "tcp://h:2376");
        assert_eq!(tls(&[host]).unwrap(), None);
        assert_eq!(tls(&[host, ("DOCKER_TLS_VERIFY", "1")]).unwrap(), Some(Tls::in_folder(folder.path())));
        let named = tls(&[host, ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")]).unwrap().unwrap();
        assert_eq!(named.key, Path::new("/certs/key.pem"));
        assert!(tls(&[host, ("DOCKER_TLS", "1")]).unwrap_err().to_string().contains("DOCKER_TLS_VERIFY=1"));
        let unix = ("DOCKER_HOST", "unix:///x");
        assert_eq!(tls(&[unix, ("DOCKER_TLS_VERIFY", "1")]).unwrap(), None);
    }

    #[test]
    fn an_engine_is_remote_unless_it_is_reached_by_a_socket_or_a_loopback_address() {
        for (address, want) in [
            ("unix:///var/run/docker.sock", None),
            ("tcp://127.0.0.1:2376", None),
            ("tcp://localhost:2375", None),
            ("tcp://[::1]:2375", None),
            ("tcp://[2001:db8::1]:2375", Some("2001:db8::1")),
            ("tcp://10.1.2.3:2375", Some("10.1.2.3")),
            ("ssh://me@build.example.org:22", Some("build.example.org")),
            ("ssh://me@localhost", None),
            ("ssh://h/run/docker.sock", Some("h")),
        ] {
            let endpoint = Endpoint { address: address.to_owned(), tls: None, source: Source::Found };
            assert_eq!(endpoint.remote().as_deref(), want, "{address}");
        }
    }
}
