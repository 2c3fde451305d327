//! The process that owns something: told apart from later ones that got the same number, and from those of other machines
//! and PID namespaces, whose life cannot be told from here.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A process, as it notes itself in a lock, a mark or a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Process id, in its own PID namespace.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub started: u64,
    /// The boot it belongs to (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The machine: its host name and `/etc/machine-id`.
    #[serde(default)]
    pub machine: String,
    /// Its PID namespace, as `/proc/self/ns/pid` names it.
    #[serde(default)]
    pub namespace: String,
}

/// Whether a process still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Alive,
    /// It has ended.
    Ended,
    /// It is another machine's or another PID namespace's, or hidden from this user: it counts as alive.
    Unknown,
}

impl Owner {
    /// This process.
    pub fn current() -> Result<Self> {
        let pid = std::process::id();
        Ok(Self {
            pid,
            started: started(pid).context("read when this process started")?,
            boot: read("/proc/sys/kernel/random/boot_id"),
            machine: format!("{} {}", read("/proc/sys/kernel/hostname"), read("/etc/machine-id")).trim().to_owned(),
            namespace: namespace(),
        })
    }

    /// Whether this is the same process, whatever its machine is called by now.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_of_same_kernel(other)
            && self.namespace == other.namespace
            && (self.pid, self.started) == (other.pid, other.started)
    }

    /// A boot has an id that no other has, on no machine; so it alone tells, and a host name may change. Where there is no
    /// such id, the machine has to do.
    fn is_of_same_kernel(&self, other: &Self) -> bool {
        self.boot == other.boot && (!self.boot.is_empty() || self.machine == other.machine)
    }

    /// Whether it still runs, as far as it can be told from here.
    #[must_use]
    pub fn life(&self) -> Life {
        let Ok(here) = Self::current() else { return Life::Unknown };
        if !self.is_of_same_kernel(&here) {
            // Nothing outlives a reboot of its machine.
            let rebooted = self.machine == here.machine && !self.machine.is_empty();
            return if rebooted { Life::Ended } else { Life::Unknown };
        }
        if self.namespace != here.namespace {
            return Life::Unknown;
        }
        match started(self.pid) {
            Some(started) if started == self.started => Life::Alive,
            Some(_) => Life::Ended,
            // Mounted with `hidepid`, /proc shows a user no process of others, the first one included.
            None if Path::new("/proc/1").exists() => Life::Ended,
            None => Life::Unknown,
        }
    }

    /// Whether it is known to have ended, so that what it left behind may be cleaned up.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.life() == Life::Ended
    }

    /// As people look for it: `process 7`, with its machine where it may not be this one.
    #[must_use]
    pub fn name(&self) -> String {
        let host = self.machine.split(' ').next().unwrap_or_default();
        match self.life() {
            Life::Unknown if host.is_empty() => format!("process {}, not visible from here", self.pid),
            Life::Unknown => format!("process {} on {host}, not visible from here", self.pid),
            Life::Alive | Life::Ended => format!("process {}", self.pid),
        }
    }
}

/// Field 22 of `/proc/PID/stat`; the command before it may hold anything, so fields are counted from its end.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // A process that has ended but that its parent has not asked about yet does nothing any more.
    if fields.next() == Some("Z") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Nothing where there is no such file, as on a system that has none.
fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_an_ended_one_does_not() {
        let owner = Owner::current().unwrap();
        assert_eq!(owner.life(), Life::Alive);
        assert_eq!(Owner { started: owner.started + 1, ..owner.clone() }.life(), Life::Ended);

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Owner { pid: child.id(), started: started(child.id()).unwrap_or_default(), ..owner };
        child.wait().unwrap();
        assert_eq!(ended.life(), Life::Ended);
    }

    #[test]
    fn what_another_machine_or_namespace_does_cannot_be_told_from_here() {
        let owner = Owner::current().unwrap();
        let elsewhere = Owner { machine: "elsewhere 7".into(), boot: "another".into(), ..owner.clone() };
        assert_eq!(elsewhere.life(), Life::Unknown);
        assert_eq!(elsewhere.name(), format!("process {} on elsewhere, not visible from here", owner.pid));
        let in_container = Owner { namespace: "pid:[1]".into(), ..owner.clone() };
        assert_eq!(in_container.life(), Life::Unknown);
        // A note of a version that knew no machines.
        assert_eq!(Owner { machine: String::new(), boot: "another".into(), ..owner.clone() }.life(), Life::Unknown);
        // Without the id of a boot, the machine has to do.
        assert_eq!(Owner { machine: "elsewhere 7".into(), boot: String::new(), ..owner }.life(), Life::Unknown);
    }

    #[test]
    fn a_process_is_the_same_when_its_machine_is_called_otherwise() {
        let owner = Owner::current().unwrap();
        let before = Owner { machine: "as-it-was-called 7".into(), ..owner.clone() };
        assert_eq!(before.life(), Life::Alive);
        assert_eq!(Owner { started: owner.started + 1, ..before.clone() }.life(), Life::Ended);
        assert!(before.is_same(&owner) && owner.is_same(&before));
        for other in [
            Owner { pid: owner.pid + 1, ..owner.clone() },
            Owner { started: owner.started + 1, ..owner.clone() },
            Owner { boot: "another".into(), ..owner.clone() },
            Owner { namespace: "pid:[1]".into(), ..owner.clone() },
            Owner { boot: String::new(), ..owner.clone() },
        ] {
            assert!(!other.is_same(&owner), "{other:?}");
        }
        let without = Owner { boot: String::new(), ..owner };
        assert!(without.is_same(&without.clone()));
        assert!(!without.is_same(&Owner { boot: String::new(), ..before }));
    }

    #[test]
    fn nothing_outlives_a_reboot_of_its_machine() {
        let before = Owner { boot: "another".into(), namespace: "pid:[1]".into(), ..Owner::current().unwrap() };
        assert_eq!(before.life(), Life::Ended);
    }

    #[test]
    fn a_new_process_started_now() {
        let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
        #[allow(clippy::cast_precision_loss, reason = "exact for some millions of years")]
        let age = uptime * 100.0 - started(child.id()).unwrap() as f64;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!((-2.0..200.0).contains(&age), "{age} hundredths of a second old");
    }
}
