//! Telling a process from later ones that got the same number.

use anyhow::{Context as _, Result};

use super::Owner;

impl Owner {
    /// This process.
    pub fn current() -> Result<Self> {
        let pid = std::process::id();
        Ok(Self { pid, started: started(pid).context("read when this process started")?, boot: boot() })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.boot == boot() && started(self.pid) == Some(self.started)
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

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_an_ended_one_does_not() {
        let owner = Owner::current().unwrap();
        assert!(owner.is_alive());
        assert!(!Owner { started: owner.started + 1, ..owner.clone() }.is_alive());
        assert!(!Owner { boot: "another".into(), ..owner.clone() }.is_alive());

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Owner { pid: child.id(), started: started(child.id()).unwrap_or_default(), ..owner };
        child.wait().unwrap();
        assert!(!ended.is_alive());
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
