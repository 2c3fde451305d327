//! What only an engine's answers show, with an engine that gives those of the test: each by the request's method and path.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::connect::Remote;
use super::reconcile::Plan;
use super::{Contract as _, Docker};
use crate::platform::{Elsewhere, Extent};
use crate::stack::{Source, Stack, Variables};

/// The status and the document that a request is answered with; none is never answered.
type Answer = Option<(u16, Value)>;

/// A project on an engine that answers like this.
async fn engine(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Docker {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move { serve(stream, &*answer).await });
        }
    });
    let api = bollard::Docker::connect_with_http(&address, 9, bollard::API_DEFAULT_VERSION).unwrap();
    Docker { api, project: "p".to_owned(), remote: None, making: Arc::default(), cut_off: Arc::default() }
}

async fn serve(mut stream: TcpStream, answer: &(impl Fn(&str, &str) -> Answer + Sync)) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let path = path.split('?').next().unwrap();
    let Some((status, document)) = answer(method, path) else { return std::future::pending().await };
    let body = document.to_string();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\n");
    let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn stack() -> Stack {
    let text = "services: {a: {image: b, volumes: ['data:/d'], healthcheck: {test: [CMD, ok]}}}\nvolumes: {data: }";
    let source = Source { name: "f", folder: std::path::Path::new("/"), text };
    Stack::parse(&source, "p", &Variables::new()).unwrap()
}

fn network() -> Value {
    json!([{ "Name": "p_default", "Labels": { "com.docker.compose.project": "p", "io.playground.stack": "" } }])
}

/// Of a project with nothing in it.
fn nothing(path: &str) -> (u16, Value) {
    (200, if path == "/volumes" { json!({ "Volumes": [] }) } else { json!([]) })
}

async fn carry_out(docker: &Docker, plan: Plan) -> anyhow::Result<()> {
    let (news, _) = mpsc::unbounded_channel();
    docker.carry_out(&stack(), plan, Duration::from_secs(1), &news).await
}

#[tokio::test]
async fn what_an_interrupted_apply_asked_for_is_taken_away_though_it_comes_late() {
    let begun = Instant::now();
    let removed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let docker = engine(move |method, path| match (method, path) {
        ("POST", "/networks/create") => None,
        ("DELETE", "/networks/p_default") => {
            removed.store(true, Ordering::Relaxed);
            Some((204, json!("")))
        }
        ("GET", "/networks") if begun.elapsed() > Duration::from_millis(500) && !removed.load(Ordering::Relaxed) => {
            Some((200, network()))
        }
        _ => Some(nothing(path)),
    })
    .await;
    let plan = Plan { networks: stack().networks, ..Plan::default() };
    let interrupted = tokio::time::timeout(Duration::from_millis(100), carry_out(&docker, plan)).await;
    assert!(interrupted.is_err(), "{interrupted:?}");
    assert_eq!(docker.remove(Extent::Everything).await.unwrap(), ["network p_default"]);
    // Once it is taken away, there is nothing to wait for any more.
    let begun = Instant::now();
    assert!(docker.remove(Extent::Everything).await.unwrap().is_empty());
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_carried_out_is_not_waited_for() {
    let docker = engine(|_, path| Some(nothing(path))).await;
    carry_out(&docker, Plan::default()).await.unwrap();
    let begun = Instant::now();
    assert!(docker.remove(Extent::Everything).await.unwrap().is_empty());
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_name_that_somebody_else_took_meanwhile_is_refused() {
    let theirs = || {
        json!({ "Name": "p_data", "Driver": "local", "Mountpoint": "", "Labels": {}, "Scope": "local",
        "Options": {} })
    };
    let docker = engine(move |method, path| match (method, path) {
        ("POST", "/networks/create") => Some((409, json!({ "message": "network with name p_default already exists" }))),
        ("POST", "/volumes/create") => Some((201, theirs())),
        _ => Some(nothing(path)),
    })
    .await;
    let error = carry_out(&docker, Plan { networks: stack().networks, ..Plan::default() }).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "create network p_default: network with name p_default already exists");
    let error = carry_out(&docker, Plan { volumes: stack().volumes, ..Plan::default() }).await.unwrap_err();
    assert!(format!("{error:#}").starts_with("create volume p_data: somebody else has just created it"), "{error:#}");
}

#[tokio::test]
async fn a_network_that_a_command_asked_for_that_was_cut_off_is_taken_as_made() {
    let docker = engine(move |method, path| match (method, path) {
        ("POST", "/networks/create") => Some((409, json!({ "message": "already exists" }))),
        ("GET", "/networks") => Some((200, network())),
        _ => Some(nothing(path)),
    })
    .await;
    carry_out(&docker, Plan { networks: stack().networks, ..Plan::default() }).await.unwrap();
}

#[tokio::test]
async fn what_a_service_promises_is_waited_for_as_long_as_was_asked_for() {
    let docker = engine(|_, path| match path {
        "/containers/p-a-1/json" => {
            let health = json!({ "Status": "starting", "FailingStreak": 0, "Log": [] });
            Some((200, json!({ "Id": "1", "State": { "Status": "running", "Health": health } })))
        }
        _ => Some(nothing(path)),
    })
    .await;
    let stack = stack();
    let begun = Instant::now();
    let error = docker.wait_for_promise(&stack.services[0], 1, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "wait until a-1 is healthy: timed out after 1 s; last seen: starting");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_port_that_the_engine_chose_is_found_where_it_is_now() {
    let container = |number: u8, published: &str| {
        json!({ "Id": number.to_string(), "Name": format!("/p-jobmanager-{number}"), "State": { "Status": "running" },
        "Config": { "Labels": { "com.docker.compose.project": "p", "io.playground.stack": "",
            "com.docker.compose.service": "jobmanager", "com.docker.compose.container-number": number.to_string() } },
        "HostConfig": { "PortBindings": { "8081/tcp": [{ "HostIp": "127.0.0.1", "HostPort": published }] } },
        "NetworkSettings": { "Ports": { "8081/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "32769" }] } } })
    };
    let docker = engine(move |_, path| match path {
        "/containers/json" => Some((200, json!([{ "Id": "1" }, { "Id": "2" }]))),
        "/containers/1/json" => Some((200, container(1, "8081"))),
        "/containers/2/json" => Some((200, container(2, "0"))),
        _ => Some(nothing(path)),
    })
    .await;
    let found = docker.endpoints("jobmanager", 8081).await.unwrap();
    let found: Vec<String> = found.iter().map(|one| format!("{} {one}", one.instance)).collect();
    assert_eq!(found, ["jobmanager-1 127.0.0.1:8081", "jobmanager-2 127.0.0.1:32769"]);
}

/// What publishes a port there answers at another machine's loopback address; at this one's, somebody else may.
#[tokio::test]
async fn an_engine_elsewhere_has_no_endpoint_here() {
    let container = || {
        json!({ "Id": "1", "Name": "/p-jobmanager-1", "State": { "Status": "running" },
        "Config": { "Labels": { "com.docker.compose.project": "p", "io.playground.stack": "",
            "com.docker.compose.service": "jobmanager", "com.docker.compose.container-number": "1" } },
        "HostConfig": { "PortBindings": { "8081/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "8081" }] } } })
    };
    let mut docker = engine(move |_, path| match path {
        "/containers/json" => Some((200, json!([{ "Id": "1" }]))),
        "/containers/1/json" => Some((200, container())),
        _ => Some(nothing(path)),
    })
    .await;
    assert_eq!(docker.endpoints("jobmanager", 8081).await.unwrap()[0].to_string(), "127.0.0.1:8081");
    docker.remote = Some(Remote { host: "far".to_owned(), instead: "unset DOCKER_HOST".to_owned() });
    let error = docker.endpoints("jobmanager", 8081).await.unwrap_err();
    assert!(error.is::<Elsewhere>(), "{error:#}");
    assert!(error.to_string().starts_with("the Docker engine is on far: "), "{error}");
    assert_eq!(docker.services().await.unwrap().len(), 1);
}
