//! A fake platform whose state a test writes and reads itself.

use std::path::PathBuf;

use playground::platform::Owner;
use serde_json::{Value, json};

use super::{Call, playground};

const PROJECT: &str = "fake";

/// One instance of each of some services, in states.
pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub fn new(instances: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        let made: Vec<Value> = instances
            .iter()
            .map(|(service, state)| {
                json!({ "hash": "h", "one_shot": false, "instance": { "service": service, "number": 1, "id": service,
                    "state": state, "health": null, "exit_code": null, "ports": [], "connected": true } })
            })
            .collect();
        let world = Self { folder };
        world.write(&json!({ "made": made, "marks": [], "lock": null, "network": true, "volumes": [] }));
        world
    }

    /// With a fault that a process has noted.
    pub fn marked(self, fault: &str, target: &str, owner: &Owner) -> Self {
        let mut state = self.state();
        state["marks"] = json!([{ "id": "m", "kind": "fault", "what": fault, "target": target,
            "by": "scenario failover", "owner": owner }]);
        self.write(&state);
        self
    }

    /// With an owner.
    pub fn locked(self, what: &str, owner: &Owner) -> Self {
        let mut state = self.state();
        state["lock"] = json!({ "what": what, "owner": owner, "since": 0 });
        self.write(&state);
        self
    }

    pub fn playground(&self, args: &[&str]) -> Call {
        let folder = self.folder.path().to_str().expect("UTF-8");
        playground(["-p", PROJECT].iter().chain(args)).env("PLAYGROUND_FAKE_PLATFORM", folder)
    }

    /// The state of the first instance of a service.
    pub fn instance(&self, service: &str) -> String {
        let state = self.state();
        let mut made = state["made"].as_array().into_iter().flatten();
        let found = made.find(|one| one["instance"]["service"] == service).expect("an instance");
        found["instance"]["state"].as_str().expect("a state").to_owned()
    }

    pub fn marks(&self) -> usize {
        self.state()["marks"].as_array().map_or(0, Vec::len)
    }

    fn state(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.file()).expect("the platform")).expect("its JSON")
    }

    fn write(&self, state: &Value) {
        std::fs::write(self.file(), state.to_string()).expect("write the platform");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("{PROJECT}.json"))
    }
}

/// A process that has ended.
pub fn ended() -> Owner {
    let owner = Owner::current().expect("this process");
    Owner { started: owner.started + 1, ..owner }
}

/// A process whose life cannot be told from here.
pub fn elsewhere() -> Owner {
    let (machine, boot) = ("elsewhere 7".to_owned(), "another".to_owned());
    Owner { machine, boot, ..Owner::current().expect("this process") }
}
