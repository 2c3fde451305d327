//! What commands do with the platform they find: one on another machine, an environment that is no text, times that no
//! clock tells. No Docker.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Answer, playground};

/// Runs the binary on a platform in memory, which is on another machine and has a note that a killed upgrade left.
fn far(folder: &Path, args: &[&str]) -> Answer {
    let platform = folder.to_str().expect("UTF-8");
    playground(["-p", "p"].iter().chain(args)).env("PLAYGROUND_FAKE_PLATFORM", platform).run()
}

fn world(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("p.json")).expect("read the platform");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_stack_on_another_machine_is_looked_at_and_what_answers_here_is_not_taken_for_it() {
    let folder = tempfile::tempdir().expect("make a folder");
    let instance = |service: &str, port: u16| {
        let ports = json!([{ "host": "127.0.0.1", "published": 1, "target": port }]);
        json!({ "hash": "h", "one_shot": false, "instance": { "service": service, "number": 1, "id": service,
            "state": "running", "health": "healthy", "exit_code": null, "ports": ports, "connected": true } })
    };
    // This test's own kernel, and a process that never was: it has ended.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("read the boot");
    let namespace = std::fs::read_link("/proc/self/ns/pid").expect("read the namespace");
    let owner = json!({ "pid": std::process::id(), "started": 1, "boot": boot.trim(), "machine": "",
        "namespace": namespace.to_str() });
    let mark = json!({ "id": "stopped", "kind": "stopped", "what": "upgrade", "target": "1", "by": "upgrade",
        "owner": owner, "savepoint": "/savepoint" });
    let world_of = json!({ "made": [instance("jobmanager", 8081), instance("kafka", 9094)], "marks": [mark],
        "network": true, "volumes": [], "remote": "far" });
    std::fs::write(folder.path().join("p.json"), world_of.to_string()).expect("write the platform");

    for args in [
        &["stop"][..],
        &["cancel"],
        &["rescale", "--parallelism", "3"],
        &["verify"],
        &["jobs"],
        &["tail", "input"],
        &["generate"],
    ] {
        let refused = far(folder.path(), args).expect(4);
        assert!(refused.stderr.contains("the Docker engine is on far"), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("run playground on far itself"), "{args:?}: {}", refused.stderr);
    }
    let ps = far(folder.path(), &["ps", "-o", "json"]).expect(0).json();
    assert_eq!(ps["instances"].as_array().map(Vec::len), Some(2));
    far(folder.path(), &["logs"]).expect(0);
    assert_eq!(world(folder.path())["marks"].as_array().map(Vec::len), Some(1), "what is noted stays");
}

#[test]
fn variables_that_are_no_text_end_no_command() {
    let folder = tempfile::tempdir().expect("make a folder");
    let odd = OsStr::from_bytes(b"\xff\xfe");
    for args in [&["up", "--file", "/nowhere.yaml"][..], &["images", "list"]] {
        let mut command =
            playground(args).env("PLAYGROUND_FAKE_PLATFORM", folder.path().to_str().expect("UTF-8")).command();
        command.env("ODD", odd).env(odd, "odd").env("http_proxy", odd);
        let output = command.output().expect("run the binary");
        let code = if args[0] == "up" { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn times_are_whole_seconds_of_a_day_at_most() {
    let folder = tempfile::tempdir().expect("make a folder");
    let most = u64::MAX.to_string();
    for time in ["0", "86401", &most] {
        for args in [
            &["up", "--timeout", time, "--file", "/nowhere.yaml"][..],
            &["stop", "--timeout", time],
            &["verify", "--windows", "1", "--timeout", time],
            &["generate", "--bootstrap-server", "127.0.0.1:1", "--timeout", time],
            &["scenario", "failover", "--dry-run", "--timeout", time],
            &[&format!("--wait={time}"), "down"],
        ] {
            let refused = far(folder.path(), args).expect(2);
            assert!(refused.stderr.contains("1..=86400"), "{args:?}: {}", refused.stderr);
        }
    }
}

/// Its own project's broker, as `tail` does; without one, nothing is sent to whoever listens on the usual port.
#[test]
fn clicks_are_sent_to_the_projects_own_broker() {
    let folder = tempfile::tempdir().expect("make a folder");
    let refused = far(folder.path(), &["generate", "--timeout", "1"]).expect(4);
    assert!(refused.stderr.contains("no kafka of project p is running"), "{}", refused.stderr);
}
