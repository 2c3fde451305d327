//! An engine behind SSH, as the docker command reaches it: `ssh HOST docker system dial-stdio` is a connection to the engine of
//! that machine. OpenSSH knows the user's keys, agents and known hosts; nothing of that is done here.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// For one connection, in seconds, as the docker command has it.
const CONNECT: &str = "ConnectTimeout=30";

/// A client whose every request goes through an `ssh` of its own.
pub(super) fn open(address: &str) -> Result<Docker> {
    let arguments = arguments(address)?;
    let transport = move |request: BollardRequest| send(arguments.clone(), request);
    Docker::connect_with_custom_transport(transport, Some("http://engine"), super::ANSWER, API_DEFAULT_VERSION)
        .with_context(|| format!("open {address}"))
}

/// What `ssh` is called with, for `ssh://[USER@]HOST[:PORT][/SOCKET]`. What follows `--` is never taken for an option.
fn arguments(address: &str) -> Result<Vec<String>> {
    let rest = address.strip_prefix("ssh://").unwrap_or(address);
    let (authority, socket) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    anyhow::ensure!(!host.is_empty(), "{address} has no host; use ssh://USER@HOST");
    let mut words = vec!["-o", CONNECT, "-T"];
    words.extend(user.into_iter().flat_map(|user| ["-l", user]));
    words.extend(port.into_iter().flat_map(|port| ["-p", port]));
    words.extend(["--", host, "docker"]);
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    if let Some(socket) = socket.filter(|socket| !socket.is_empty()) {
        words.extend(["--host".to_owned(), format!("unix:///{socket}")]);
    }
    words.extend(["system", "dial-stdio"].map(str::to_owned));
    Ok(words)
}

async fn send(arguments: Vec<String>, request: BollardRequest) -> Result<Response<Incoming>, Error> {
    let mut ssh = Command::new("ssh")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| io(format!("ssh cannot be started: {error}")))?;
    match exchange(&mut ssh, request).await {
        Ok((response, connection)) => {
            tokio::spawn(async move {
                // Ends with the response; what went wrong by then, its reader has been told.
                let _ = connection.await;
                drop(ssh);
            });
            Ok(response)
        }
        Err(error) => Err(io(words(&mut ssh).await.unwrap_or_else(|| error.to_string()))),
    }
}

/// Sends a request over the pipes of `ssh`. The response can be read as long as the future beside it is driven.
async fn exchange(
    ssh: &mut Child,
    mut request: BollardRequest,
) -> Result<(Response<Incoming>, tokio::task::JoinHandle<()>)> {
    let output = ssh.stdout.take().context("ssh has no output")?;
    let input = ssh.stdin.take().context("ssh has no input")?;
    let pipes = TokioIo::new(tokio::io::join(output, input));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(pipes).await?;
    let driven = tokio::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
    *request.uri_mut() = path;
    request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
    Ok((sender.send_request(request).await?, driven))
}

/// What `ssh` said last before it gave up, as in `Permission denied (publickey).`
async fn words(ssh: &mut Child) -> Option<String> {
    let mut text = String::new();
    ssh.stderr.take()?.read_to_string(&mut text).await.ok()?;
    text.lines().rfind(|line| !line.trim().is_empty()).map(|line| format!("ssh: {}", line.trim()))
}

fn io(text: String) -> Error {
    Error::IOError { err: std::io::Error::other(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_command_calls_it() {
        let of = |address: &str| arguments(address).unwrap().join(" ");
        assert_eq!(of("ssh://build"), "-o ConnectTimeout=30 -T -- build docker system dial-stdio");
        assert_eq!(
            of("ssh://me@build:2222"),
            "-o ConnectTimeout=30 -T -l me -p 2222 -- build docker system dial-stdio"
        );
        assert_eq!(
            of("ssh://me@[::1]:22/run/d.sock"),
            "-o ConnectTimeout=30 -T -l me -p 22 -- ::1 docker --host unix:///run/d.sock system dial-stdio"
        );
        assert!(arguments("ssh://").is_err());
        // Not an option of ssh's.
        assert!(of("ssh://-oProxyCommand=x").contains("-- -oProxyCommand=x docker"));
    }
}
