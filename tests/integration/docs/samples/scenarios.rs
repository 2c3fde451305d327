//! Scenarios as they are listed, shown and planned.

use serde_json::Value;

use playground::report::workload::Drafted;

use super::{Sample, json, of_binary, text};

pub fn scenarios() -> Vec<Sample> {
    let list = of_binary(&["scenario", "list"]);
    let names: Vec<String> = list["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .map(|one| text(one["name"].as_str().expect("a name")))
        .collect();
    // One of them needs what only a cluster has.
    let platform = |name: &str| if name == "node-drain" { "kubernetes" } else { "docker" };
    let plan = |name: &str| of_binary(&["--platform", platform(name), "scenario", name, "--dry-run"]);
    let built_in = names.iter().map(|name| ("scenario-plan", plan(name)));
    let mut all: Vec<(&str, Value)> = built_in.collect();
    let folder = tempfile::tempdir().expect("make a folder");
    let own = folder.path().join("own.toml");
    std::fs::write(&own, OWN).expect("write a scenario");
    all.push(("scenario-plan", of_binary(&["scenario", own.to_str().expect("UTF-8"), "--dry-run"])));
    all.push(("scenario-text", of_binary(&["scenario", "show", "failover"])));
    all.push(("scenario-list", list));
    all.extend(workloads());
    all
}

fn workloads() -> Vec<Sample> {
    let folder = tempfile::tempdir().expect("make a folder");
    let check = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("write a workload");
        ("workload", of_binary(&["workload", "check", file.to_str().expect("UTF-8")]))
    };
    for jar in ["payments.jar", "rates.jar"] {
        std::fs::write(folder.path().join(jar), b"PK\x03\x04").expect("write a jar");
    }
    let clicks = of_binary(&["workload", "show", "click-count"]);
    let file = clicks["text"].as_str().expect("a text").to_owned();
    vec![
        check("clicks.toml", &file),
        check("payments.toml", PAYMENTS),
        check("alerts.toml", ALERTS),
        check("judged.toml", JUDGED),
        check("sales.toml", SALES),
        check("visits.toml", VISITS),
        check("spent.toml", SPENT),
        ("workload", of_binary(&["workload", "check", "orders"])),
        ("workload", of_binary(&["workload", "check", "event-counter"])),
        ("workload-list", of_binary(&["workload", "list"])),
        ("workload-text", clicks),
        ("workload-new", json(Drafted { file: Some(text("own.toml")), text: text("name = \"own\"") })),
    ]
}

/// A total of records that are JSON.
const SPENT: &str = r#"
name = "spent"
purpose = "adds up what each user spends"
job = { name = "Spent" }
flink = { "state.backend.type" = "rocksdb" }
input = { topic = "orders" }
output = { topic = "spent" }
[oracle.total]
input = { key = "/user", value = "/amount" }
output = { key = "/user", count = "/count", sum = "/sum" }
"#;

/// What no built-in workload has.
const PAYMENTS: &str = r#"
name = "payments"
purpose = "every key that a workload can have"
record = "payment"

[job]
name = "Payments"
jar = "./payments.jar"
libraries = ["./rates.jar"]
entry-class = "com.example.Payments"
arguments = ["--brokers", "{broker}"]
delivery = "exactly-once"

[input]
topic = "payments"
partitions = 4
feed = { template = '{"id":{seq},"amount":1,"state":"open","kind":"card"}', every-ms = 10, key = "{seq}" }

[output]
topic = "screened"

[oracle.each-once]
input = "/id"
output = "/id"
unchanged = ["/amount", { input = "/kind", output = "/type" }]
ordered-by = "/state"
where = [{ field = "/amount", above = 0, below = 100 }, { field = "/state", is = "open" }, { field = "/kind", is-not = "test" }]
never = [
  [{ field = "/amount", above = 99 }, { field = "/kind", is-not = "card" }],
  [{ field = "/amount", below = 1 }, { field = "/state", is = "void" }],
]
"#;

/// Windows that overlap, late records, a key with parts, and every figure.
const SALES: &str = r#"
name = "sales"
purpose = "counts sales"
job = { name = "Sales" }
input = { topic = "sales", isolation = "read-committed" }
output = { topic = "counts" }

[oracle.window]
length-ms = 60000
slide-ms = 10000
out-of-orderness-ms = 5000
allowed-lateness-ms = 20000
decimals = 2
input = { key = ["/shop", "/item"], time = "/at", time-type = "text", sum = "/pieces", min = "/price", max = "/price" }
output = { key = ["/shop", "/item"], start = "/from", end = "/to", count = "/n", sum = "/pieces", min = "/low", max = "/high" }
"#;

/// Sessions, of records that say who they are beside their values.
const VISITS: &str = r#"
name = "visits"
purpose = "counts the pages of each visit"
job = { name = "Visits" }
input = { topic = "pages" }
output = { topic = "visits" }

[oracle.window]
gap-ms = 30000
input = { key = "header:user", time = "timestamp" }
output = { key = "/user", start = "/from", end = "/to", count = "/n" }
"#;

/// A job whose silence is right.
const ALERTS: &str = r#"
name = "alerts"
purpose = "raises alarms"
job = { name = "Alerts", group = "alerts" }
input = { topic = "events" }
output = { topic = "alerts" }

[oracle.never]
output = [{ field = "/level", above = 3, below = 5 }, { field = "/type", is = "ALERT" }, { field = "/room", is-not = "lab" }]
"#;

/// One that a program judges.
const JUDGED: &str = r#"
name = "judged"
purpose = "is judged by a program"
job = { name = "Judged", group = "judged" }
input = { topic = "events" }
output = { topic = "results" }

[oracle.command]
program = ["true"]
"#;

/// What no built-in scenario does.
const OWN: &str = r#"
name = "own"
purpose = "every step there is"

[[steps]]
await = "backlog"
windows = 1
reason = "x"

[[steps]]
await = "waiting-for-slots"
reason = "x"

[[steps]]
operation = "savepoint"
reason = "x"

[[steps]]
operation = "cancel"
reason = "x"

[[steps]]
operation = "submit"
from-savepoint = "file:/s"
jar = "./job.jar"
entry-class = "com.example.Job"
libraries = ["./rates.jar", "codec"]
arguments = ["--checkpointing"]
reason = "x"

[[steps]]
operation = "upgrade"
jar = "./job.jar"
entry-class = "com.example.Job"
libraries = ["./rates.jar", "codec"]
parallelism = 3
arguments = ["--event-time"]
reason = "x"

[[steps]]
operation = "submit"
jar = "click-event-count"
reason = "x"

[[steps]]
operation = "scale"
taskmanagers = 2
reason = "x"

[[steps]]
operation = "rescale"
parallelism = 128
reason = "refused: it would take too many TaskManagers"

[[steps]]
await = "judged"
reason = "x"
"#;
