//! What the containers of a stack may do to the machine, and what web pages may do to Flink.
//!
//! The rules are those of section 5 of the CIS Docker Benchmark 1.6 that can be told from a container's description, with
//! their numbers, and two of our own. Not among them: 5.6, 5.22 and 5.23 are about what is run inside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::stack::{Stack, docker};

/// What must not be said of any container.
struct Rule {
    name: &'static str,
    is_broken: fn(&Value) -> bool,
}

const RULES: [Rule; 30] = [
    Rule { name: "4.1 runs as a user that is not root", is_broken: is_root },
    Rule { name: "5.1 AppArmor is not switched off", is_broken: |one| has_option(one, "apparmor=unconfined") },
    Rule { name: "5.2 SELinux is not switched off", is_broken: |one| has_option(one, "label=disable") },
    Rule { name: "5.3 has no capability", is_broken: has_capability },
    Rule { name: "5.4 is not privileged", is_broken: |one| host(one, "Privileged") == &json!(true) },
    Rule {
        name: "5.5 mounts no folder of the host",
        is_broken: |one| list(&one["Mounts"]).any(|it| it["Type"] == "bind"),
    },
    Rule { name: "5.7 publishes no privileged port", is_broken: |one| published(one).any(|(_, _, port)| port < 1024) },
    Rule {
        name: "5.8 publishes REST and the broker only",
        is_broken: |one| published(one).any(|(port, ..)| !["8081/tcp", "9094/tcp"].contains(&port)),
    },
    Rule { name: "5.9 is not on the host's network", is_broken: |one| host(one, "NetworkMode") == "host" },
    Rule { name: "5.10 memory is limited", is_broken: |one| number(one, "Memory") <= 0 },
    Rule {
        name: "5.11 CPU time is limited",
        is_broken: |one| number(one, "CpuQuota") <= 0 && number(one, "NanoCpus") <= 0,
    },
    Rule {
        name: "5.12 its root file system is read-only",
        is_broken: |one| host(one, "ReadonlyRootfs") != &json!(true),
    },
    Rule {
        name: "5.13 publishes on loopback only",
        is_broken: |one| published(one).any(|(_, ip, _)| ip != "127.0.0.1"),
    },
    Rule {
        name: "5.14 does not restart by itself",
        is_broken: |one| !["", "no"].contains(&text(&host(one, "RestartPolicy")["Name"])),
    },
    Rule { name: "5.15 does not see the host's processes", is_broken: |one| host(one, "PidMode") == "host" },
    Rule { name: "5.16 does not share the host's IPC", is_broken: |one| host(one, "IpcMode") == "host" },
    Rule { name: "5.17 has no device of the host", is_broken: |one| list(host(one, "Devices")).next().is_some() },
    Rule { name: "5.18 has the engine's ulimits", is_broken: |one| list(host(one, "Ulimits")).next().is_some() },
    Rule {
        name: "5.19 passes no mount on to the host",
        is_broken: |one| list(&one["Mounts"]).any(|it| text(&it["Propagation"]).contains("shared")),
    },
    Rule { name: "5.20 does not share the host's name", is_broken: |one| host(one, "UTSMode") == "host" },
    Rule { name: "5.21 seccomp is not switched off", is_broken: |one| has_option(one, "seccomp=unconfined") },
    Rule { name: "5.24 is in the engine's own cgroup", is_broken: |one| !text(host(one, "CgroupParent")).is_empty() },
    Rule { name: "5.25 can gain no privileges", is_broken: |one| !has_option(one, "no-new-privileges:true") },
    Rule { name: HEALTH, is_broken: |one| one["State"]["Health"].is_null() },
    Rule {
        name: "5.27 its image has a version",
        is_broken: |one| text(&one["Config"]["Image"]).split_once(':').is_none_or(|(_, tag)| tag == "latest"),
    },
    Rule { name: "5.28 processes are limited", is_broken: |one| number(one, "PidsLimit") <= 0 },
    Rule {
        name: "5.29 is not on the engine's default network",
        is_broken: |one| ["default", "bridge"].contains(&text(host(one, "NetworkMode"))),
    },
    Rule { name: "5.30 does not share the host's users", is_broken: |one| host(one, "UsernsMode") == "host" },
    Rule {
        name: "its log is bounded",
        is_broken: |one| {
            ["max-size", "max-file"].iter().any(|name| text(&host(one, "LogConfig")["Config"][name]).is_empty())
        },
    },
    Rule {
        name: "its files in memory are bounded",
        is_broken: |one| memory_files(one).any(|options| !options.contains("size=")),
    },
];

/// Not for the container of a single command, which ends by itself.
const HEALTH: &str = "5.26 its health is checked";

fn host<'a>(container: &'a Value, name: &str) -> &'a Value {
    &container["HostConfig"][name]
}

fn number(container: &Value, name: &str) -> i64 {
    host(container, name).as_i64().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn has_option(container: &Value, option: &str) -> bool {
    list(host(container, "SecurityOpt")).any(|one| text(one).replacen(':', "=", 1) == option.replacen(':', "=", 1))
}

fn is_root(container: &Value) -> bool {
    ["", "0", "root"].contains(&text(&container["Config"]["User"]).split(':').next().unwrap_or_default())
}

fn has_capability(container: &Value) -> bool {
    !list(host(container, "CapDrop")).any(|one| one == "ALL") || list(host(container, "CapAdd")).next().is_some()
}

/// The port in the container, the address and the port on the host.
fn published(container: &Value) -> impl Iterator<Item = (&str, &str, u32)> {
    let ports = host(container, "PortBindings").as_object().into_iter().flatten();
    ports.flat_map(|(port, bindings)| {
        list(bindings)
            .map(|one| (port.as_str(), text(&one["HostIp"]), text(&one["HostPort"]).parse().unwrap_or_default()))
    })
}

fn memory_files(container: &Value) -> impl Iterator<Item = &str> {
    host(container, "Tmpfs").as_object().into_iter().flatten().map(|(_, options)| text(options))
}

fn broken(container: &Value) -> Vec<&'static str> {
    RULES.iter().filter(|rule| (rule.is_broken)(container)).map(|rule| rule.name).collect()
}

#[test]
fn a_careless_container_breaks_every_rule() {
    let careless = json!({
        "Config": {"User": "root", "Image": "web:latest"},
        "State": {},
        "Mounts": [{"Type": "bind", "Source": "/var/run/docker.sock", "Propagation": "rshared"}],
        "HostConfig": {
            "SecurityOpt": ["apparmor=unconfined", "label:disable", "seccomp=unconfined"],
            "CapAdd": ["SYS_ADMIN"], "Privileged": true, "PidMode": "host", "IpcMode": "host", "UTSMode": "host",
            "UsernsMode": "host", "CgroupParent": "/mine", "Devices": [{"PathOnHost": "/dev/kvm"}], "Memory": 0,
            "Ulimits": [{"Name": "nofile"}], "RestartPolicy": {"Name": "always"}, "Tmpfs": {"/tmp": "exec"},
            "PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}, "NetworkMode": "host",
        },
    });
    let bridged = json!({"HostConfig": {"NetworkMode": "bridge"}});
    let held: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|name| !broken(&careless).contains(name)).collect();
    assert_eq!(held, ["5.29 is not on the engine's default network"]);
    assert!(broken(&bridged).contains(&held[0]));
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn containers_are_bounded_and_no_web_page_can_read_or_run_anything() {
    let stack = Stack::new("contained");
    stack.up();
    every_container_keeps_the_rules(&stack);
    a_single_commands_container_keeps_them_too(&stack);
    flinks_own_log_rolls(&stack);
    rest_tells_foreign_pages_nothing(&stack);
    browsers_are_not_told_that_a_page_may_do_more_than_a_form(&stack);
}

fn inspect(ids: &str) -> Vec<Value> {
    let ids: Vec<&str> = ids.lines().collect();
    serde_json::from_str(&docker(&[&["inspect"], &ids[..]].concat())).expect("a list")
}

fn every_container_keeps_the_rules(stack: &Stack) {
    let filter = format!("label=com.docker.compose.project={}", stack.project);
    let running = inspect(&docker(&["ps", "-q", "--filter", &filter]));
    assert_eq!(running.len(), 5, "zookeeper, kafka, jobmanager, taskmanager, generator");
    for one in running {
        assert_eq!(broken(&one), [""; 0], "{}", one["Name"]);
    }
}

/// It is there for as long as its command runs.
fn a_single_commands_container_keeps_them_too(stack: &Stack) {
    let filter = format!("name={}-client-run-", stack.project);
    let command = stack.playground(&["flink", "list"]).start();
    let begun = Instant::now();
    let id = loop {
        let id = docker(&["ps", "-q", "--filter", &filter]);
        if !id.is_empty() {
            break id;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no container of the command's own");
    };
    assert_eq!(broken(&inspect(&id)[0]), [HEALTH]);
    command.end().expect(0);
}

/// Its files together are far below the file system in memory that they are in.
fn flinks_own_log_rolls(stack: &Stack) {
    let container = format!("{}-jobmanager-1", stack.project);
    let policy = docker(&[
        "exec",
        &container,
        "grep",
        "-E",
        "^appender.rolling.(policies.size|strategy.max)",
        "conf/log4j-console.properties",
    ]);
    assert!(policy.contains("size.size = 4MB") && policy.contains("max = 3"), "{policy}");
}

/// A request to REST as a browser sends it for a page of another origin.
fn as_a_page_would(
    stack: &Stack,
    request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
) -> reqwest::Response {
    let own = format!("http://127.0.0.1:{}", stack.rest_port);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        request(&client, &own).header("Origin", "http://foreign.example").send().await.expect("an answer")
    })
}

fn allowed(answer: &reqwest::Response, what: &str) -> String {
    let header = answer.headers().get(format!("access-control-allow-{what}"));
    header.map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
}

/// Jobs, jars and configuration are what a page would have to know before it could do anything with them.
fn rest_tells_foreign_pages_nothing(stack: &Stack) {
    let own = format!("http://127.0.0.1:{}", stack.rest_port);
    for path in ["/overview", "/jobs/overview", "/jars", "/jobmanager/config"] {
        let answer = as_a_page_would(stack, |client, own| client.get(format!("{own}{path}")));
        assert_eq!(allowed(&answer, "origin"), own, "{path}");
    }
    // A form of any page can send this, and Flink takes it; but the page is not told the id under which to run it.
    let file = reqwest::multipart::Part::bytes(b"PK".to_vec()).file_name("page.jar");
    let form = reqwest::multipart::Form::new().part("jarfile", file);
    let answer = as_a_page_would(stack, |client, own| client.post(format!("{own}/jars/upload")).multipart(form));
    assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (200, own));
}

/// Anything but a plain form is asked for first, and Flink does not say yes.
fn browsers_are_not_told_that_a_page_may_do_more_than_a_form(stack: &Stack) {
    for method in ["DELETE", "PATCH", "PUT"] {
        let answer = as_a_page_would(stack, |client, own| {
            let asked = client.request(reqwest::Method::OPTIONS, format!("{own}/cluster"));
            asked.header("Access-Control-Request-Method", method)
        });
        assert!(!answer.status().is_success() || !allowed(&answer, "methods").contains(method), "{method}: {answer:?}");
    }
}
