//! The docker command's configuration: contexts, and where it keeps credentials. Only what is asked for here is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::endpoint::{Endpoint, Source, Tls};
use crate::stack::hex;

/// `~/.docker`, or the folder that `DOCKER_CONFIG` names.
#[derive(Debug)]
pub(in crate::platform::docker) struct Config {
    folder: PathBuf,
    file: File,
}

/// `config.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    current_context: Option<String>,
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

/// What `docker login` writes where no program keeps credentials.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Auth {
    /// `name:password` in Base64.
    pub auth: Option<String>,
    /// Stands for name and password.
    pub identitytoken: Option<String>,
}

/// `meta.json` of a context.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: BTreeMap<String, MetaEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetaEndpoint {
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

impl Config {
    /// Of the user who runs this.
    pub(in crate::platform::docker) fn read() -> Result<Self> {
        let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
        Self::in_folder(&named.or_else(home).unwrap_or_default())
    }

    /// In a folder; a configuration that is not there is an empty one.
    pub(super) fn in_folder(folder: &Path) -> Result<Self> {
        let file = json(&folder.join("config.json"))?.unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), file })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The context that `docker context use` chose.
    pub(super) fn current_context(&self) -> Option<&str> {
        self.file.current_context.as_deref().filter(|name| !name.is_empty())
    }

    /// Where the engine of a context listens. Its files lie under a hash of its name.
    pub(super) fn context(&self, name: &str) -> Result<Endpoint> {
        let id = hex(&Sha256::digest(name));
        let contexts = self.folder.join("contexts");
        let meta: Option<Meta> = json(&contexts.join("meta").join(&id).join("meta.json"))?;
        let Some(meta) = meta else {
            bail!("docker context '{name}' is not in {}; docker context ls shows all", contexts.display())
        };
        let docker = meta.endpoints.get("docker");
        let docker = docker.with_context(|| format!("docker context '{name}' names no Docker engine"))?;
        if docker.skip_tls_verify {
            bail!(
                "docker context '{name}' does not verify the engine's certificate: recreate it without skip-tls-verify"
            );
        }
        let files = contexts.join("tls").join(&id).join("docker");
        let tls = files.is_dir().then(|| Tls::in_folder(&files));
        Ok(Endpoint { address: docker.host.clone(), tls, source: Source::Context(name.to_owned()) })
    }

    /// The program that keeps the credentials of a registry, as in `osxkeychain` of `docker-credential-osxkeychain`.
    pub(super) fn helper(&self, registry: &str) -> Option<&str> {
        let helper = self.file.cred_helpers.get(registry).or(self.file.creds_store.as_ref());
        helper.map(String::as_str).filter(|helper| !helper.is_empty())
    }

    /// What the file itself has of a registry; older entries are addresses.
    pub(super) fn auth(&self, registry: &str) -> Option<&Auth> {
        let host = |key: &str| {
            let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        let auths = &self.file.auths;
        auths.get(registry).or_else(|| auths.iter().find(|(key, _)| host(key) == registry).map(|(_, auth)| auth))
    }
}

/// A file's content; `None` where it is not there.
fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| format!("read {}", path.display())),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A context as `docker context create` writes it; returns the folder of its certificates, which is not made.
    pub(in crate::platform::docker::connect) fn write_context(folder: &Path, name: &str, host: &str) -> PathBuf {
        let id = hex(&Sha256::digest(name));
        let meta = folder.join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        let endpoints = serde_json::json!({"docker": {"Host": host, "SkipTLSVerify": name == "trusting"}});
        let text = serde_json::json!({"Name": name, "Metadata": {}, "Endpoints": endpoints}).to_string();
        std::fs::write(meta.join("meta.json"), text).unwrap();
        folder.join("contexts/tls").join(&id).join("docker")
    }

    #[test]
    fn a_context_is_found_by_its_name_with_its_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = write_context(folder.path(), "build", "tcp://10.1.2.3:2376");
        let config = Config::in_folder(folder.path()).unwrap();
        assert_eq!(config.context("build").unwrap().tls, None);
        std::fs::create_dir_all(&certificates).unwrap();
        let endpoint = config.context("build").unwrap();
        assert_eq!(endpoint.address, "tcp://10.1.2.3:2376");
        assert_eq!(endpoint.tls, Some(Tls::in_folder(&certificates)));
        write_context(folder.path(), "trusting", "tcp://10.1.2.3:2376");
        assert!(config.context("trusting").unwrap_err().to_string().contains("skip-tls-verify"));
    }

    #[test]
    fn a_file_that_is_not_there_is_empty_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::in_folder(folder.path()).unwrap();
        assert_eq!((config.current_context(), config.helper("x").is_none()), (None, true));
        std::fs::write(folder.path().join("config.json"), "{").unwrap();
        let error = format!("{:#}", Config::in_folder(folder.path()).unwrap_err());
        assert!(error.contains("config.json"), "{error}");
    }
}
