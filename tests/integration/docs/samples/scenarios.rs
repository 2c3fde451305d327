//! Scenarios as they are listed, shown and planned.

use serde_json::Value;

use super::{Sample, of_binary, text};

pub fn scenarios() -> Vec<Sample> {
    let list = of_binary(&["scenario", "list"]);
    let names: Vec<String> = list["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .map(|one| text(one["name"].as_str().expect("a name")))
        .collect();
    let built_in = names.iter().map(|name| ("scenario-plan", of_binary(&["scenario", name, "--dry-run"])));
    let mut all: Vec<(&str, Value)> = built_in.collect();
    let folder = tempfile::tempdir().expect("make a folder");
    let own = folder.path().join("own.toml");
    std::fs::write(&own, OWN).expect("write a scenario");
    all.push(("scenario-plan", of_binary(&["scenario", own.to_str().expect("UTF-8"), "--dry-run"])));
    all.push(("scenario-text", of_binary(&["scenario", "show", "failover"])));
    all.push(("scenario-list", list));
    all
}

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
arguments = ["--checkpointing"]
reason = "x"

[[steps]]
operation = "upgrade"
jar = "./job.jar"
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
