//! `playground doctor`.

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Status;
use crate::image::{Base, Standing};
use crate::platform::engine::{Engine as _, Facts};
use crate::platform::{Contract as _, Platform};
use crate::report::Terminal;
use crate::report::doctor::{Check, DoctorResult};
use crate::settings::{KAFKA_PORT, REST_PORT, project_option};

/// Disk space for the images, including those that they are built with.
const DISK: u64 = 4 << 30;
/// Memory for the running stack, with room for a second TaskManager.
const MEMORY: u64 = 3 << 30;

/// Looks at everything that `up` needs, and says what to do about what is missing.
pub async fn run(global: &Global, terminal: &Terminal) -> Result<Status> {
    let mut checks = Vec::new();
    match Platform::connect(&global.meant()?, &global.project).await {
        Ok(platform) => engine(&platform, &global.project, &mut checks).await?,
        Err(error) => checks.push(Check::bad("engine", error.to_string(), error.root_cause().to_string())),
    }
    let ok = checks.iter().all(|check| check.ok);
    terminal.result(&DoctorResult { ok, checks })?;
    Ok(if ok { Status::Pass } else { Status::Environment })
}

async fn engine(platform: &Platform, project: &str, checks: &mut Vec<Check>) -> Result<()> {
    let facts = platform.facts().await?;
    checks.push(Check::good("engine", format!("{} on {}, {} CPUs", facts.version, facts.system, facts.cpus)));
    checks.extend(images(platform, &facts).await?);
    checks.push(disk(&facts));
    let available = if facts.remote.is_none() { available_memory() } else { None };
    checks.push(memory(facts.memory, available));
    if let Some(host) = &facts.remote {
        let found = format!("they would be published on {host}, not on this machine");
        checks.push(Check::bad(
            "ports",
            found,
            format!("run playground on {host} itself, or use an engine on this machine"),
        ));
        return Ok(());
    }
    let own = platform.services().await?;
    for (port, option) in [(REST_PORT, "--rest-port"), (KAFKA_PORT, "--kafka-port")] {
        let (name, other) = (format!("port {port}"), port + 1);
        let is_own = own.iter().any(|instance| instance.ports.iter().any(|one| one.published == port));
        checks.push(match platform.holder(port).await? {
            _ if is_own => Check::good(&name, "in use by this project"),
            None => Check::good(&name, "free"),
            Some(taken) => {
                let up = format!("playground{} up {option} {other}", project_option(project));
                Check::bad(&name, format!("in use by {}", taken.by), up)
            }
        });
    }
    Ok(())
}

async fn images(platform: &Platform, facts: &Facts) -> Result<[Check; 2]> {
    let images = platform.images().await?;
    let count = |standing| images.iter().filter(|one| one.standing == standing).count();
    let (missing, old) = (count(Standing::Missing), count(Standing::Old));
    let mut found = match missing {
        0 => "all current".to_owned(),
        _ => format!("{missing} missing; playground up builds what it needs"),
    };
    if old > 0 {
        found = format!("{found}; {old} old, which playground images prune removes");
    }
    Ok([base(facts, missing)?, Check::good("images", found)])
}

fn base(facts: &Facts, missing: usize) -> Result<Check> {
    let Base { tag, .. } = Base::read()?;
    Ok(match &facts.base {
        Some(base) => Check::good("base image", base),
        None if missing == 0 => {
            Check::good("base image", format!("{tag} is missing, but not needed: all images are current"))
        }
        None => Check::bad("base image", format!("{tag} is missing"), "scripts/setup pulls or builds it"),
    })
}

fn disk(facts: &Facts) -> Check {
    let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
    match facts.free {
        None => Check::good("disk", format!("{}: the free space cannot be determined from here", facts.folder)),
        Some(free) if free >= DISK => Check::good("disk", format!("{} free in {}", gib(free), facts.folder)),
        Some(free) => Check::bad(
            "disk",
            format!("{} MiB free in {}", free >> 20, facts.folder),
            format!("{} are needed; playground images prune removes old images", gib(DISK)),
        ),
    }
}

/// Available memory says more than total memory, but is known only for this machine.
fn memory(all: u64, available: Option<u64>) -> Check {
    let bytes = available.unwrap_or(all).min(all);
    let found = format!("{} MiB of {} MiB available", bytes >> 20, all >> 20);
    if bytes >= MEMORY {
        Check::good("memory", found)
    } else {
        Check::bad("memory", found, format!("the stack needs about {} MiB", MEMORY >> 20))
    }
}

fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_or_disk_is_told() {
        assert!(memory(8 << 30, Some(4 << 30)).ok);
        assert!(!memory(8 << 30, Some(1 << 30)).ok);
        assert!(!memory(1 << 30, Some(4 << 30)).ok);
        let facts = |free| Facts { folder: "/var/lib/docker".into(), free, ..Facts::default() };
        assert!(disk(&facts(Some(9 << 30))).ok);
        assert!(disk(&facts(None)).ok);
        assert_eq!(disk(&facts(Some(1 << 30))).found, "1024 MiB free in /var/lib/docker");
    }
}
