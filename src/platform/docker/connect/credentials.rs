//! Credentials of a registry, from where `docker login` left them: its file, or a program that keeps them.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::config::{Auth, Config};

/// How docker names the registry of images without one.
const HUB: &str = "https://index.docker.io/v1/";
/// For the program's answer, which may wait for somebody to unlock a keychain.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a `docker-credential-…` program answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

/// The registry of an image, as credentials are kept under: `localhost:5000` of `localhost:5000/kafka:4`.
pub(in crate::platform::docker) fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some(("docker.io" | "index.docker.io", _)) | None => HUB,
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        Some(_) => HUB,
    }
}

/// What to show a registry; nothing where nobody has logged in there.
pub(in crate::platform::docker) async fn credentials(
    config: &Config,
    registry: &str,
) -> Result<Option<DockerCredentials>> {
    let found = match config.helper(registry) {
        Some(helper) => ask(helper, registry).await.with_context(|| format!("ask docker-credential-{helper}"))?,
        None => config.auth(registry).map(written).transpose().context("read the docker command's config.json")?,
    };
    Ok(found.map(|found| DockerCredentials { serveraddress: Some(registry.to_owned()), ..found }))
}

fn written(auth: &Auth) -> Result<DockerCredentials> {
    if let Some(token) = auth.identitytoken.clone().filter(|token| !token.is_empty()) {
        return Ok(DockerCredentials { identitytoken: Some(token), ..DockerCredentials::default() });
    }
    // Never told: what is in it.
    let bytes = BASE64_STANDARD.decode(auth.auth.clone().unwrap_or_default()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((name, password)) = text.as_deref().and_then(|text| text.split_once(':')) else {
        bail!("an auth in it is not the Base64 of name:password");
    };
    Ok(named(name, password.trim_end_matches('\0')))
}

fn named(name: &str, password: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(name.to_owned()),
        password: Some(password.to_owned()),
        ..DockerCredentials::default()
    }
}

/// The protocol of these programs: the registry goes in, JSON comes out. One that has nothing says so, and ends with 1.
async fn ask(helper: &str, registry: &str) -> Result<Option<DockerCredentials>> {
    if !helper.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        bail!("'{helper}' is not the name of a credential helper");
    }
    let mut program = Command::new(format!("docker-credential-{helper}"));
    program.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = program.spawn().context("start it")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(registry.as_bytes()).await.context("write to it")?;
    }
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let ended = ended.with_context(|| format!("no answer within {PATIENCE:?}"))?.context("read from it")?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        if said.contains("credentials not found") {
            return Ok(None);
        }
        bail!("{}", if said.is_empty() { ended.status.to_string() } else { said });
    }
    let Kept { username, secret } = serde_json::from_slice(&ended.stdout).context("its answer")?;
    Ok(Some(if username == "<token>" {
        DockerCredentials { identitytoken: Some(secret), ..DockerCredentials::default() }
    } else {
        named(&username, &secret)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(json: &str, registry: &str) -> Result<Option<(Option<String>, Option<String>)>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), json).unwrap();
        let found = credentials(&Config::in_folder(folder.path()).unwrap(), registry).await?;
        Ok(found.map(|one| (one.username.or(one.identitytoken), one.password)))
    }

    #[test]
    fn an_image_without_a_registry_is_the_hubs() {
        for (image, want) in [
            ("kafka:4", HUB),
            ("apache/kafka", HUB),
            ("docker.io/apache/kafka", HUB),
            ("localhost/kafka", "localhost"),
            ("localhost:5000/kafka:4", "localhost:5000"),
            ("registry.example.org/a/b@sha256:c", "registry.example.org"),
        ] {
            assert_eq!(registry(image), want, "{image}");
        }
    }

    #[tokio::test]
    async fn what_docker_login_wrote_is_read() {
        let auths = r#"{"auths": {"r.example.org": {"auth": "bWU6cGE6c3M="}, "https://old.example.org/v1/": {"auth": "YTpi"},
            "t.example.org": {"identitytoken": "tok"}, "bad.example.org": {"auth": "me:pass"}}}"#;
        let pair = |name: &str, password: &str| Some((Some(name.to_owned()), Some(password.to_owned())));
        assert_eq!(of(auths, "r.example.org").await.unwrap(), pair("me", "pa:ss"));
        assert_eq!(of(auths, "old.example.org").await.unwrap(), pair("a", "b"));
        assert_eq!(of(auths, "t.example.org").await.unwrap(), Some((Some("tok".to_owned()), None)));
        assert_eq!(of(auths, "other.example.org").await.unwrap(), None);
        let error = format!("{:#}", of(auths, "bad.example.org").await.unwrap_err());
        assert!(error.contains("not the Base64") && !error.contains("pass\""), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_has_no_proper_name_is_named() {
        let error = format!("{:#}", of(r#"{"credsStore": "no-such-store"}"#, "r").await.unwrap_err());
        assert!(error.starts_with("ask docker-credential-no-such-store: start it"), "{error}");
        let error = format!("{:#}", of(r#"{"credHelpers": {"r": "../x"}}"#, "r").await.unwrap_err());
        assert!(error.contains("'../x' is not the name of a credential helper"), "{error}");
    }
}
