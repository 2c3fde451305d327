//! `playground doctor`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use crate::cli::Global;
use crate::failure::Status;
use crate::image::{self, Freshness, Program};
use crate::platform::docker::{Docker, Facts};
use crate::report::Terminal;
use crate::report::doctor::{Check, DoctorResult};

/// What the images take, those included that they are built with.
const DISK: u64 = 4 << 30;
/// What the running stack takes, with room for a second TaskManager.
const MEMORY: u64 = 3 << 30;

/// Looks at everything that `up` needs, and says what to do about what is missing.
pub async fn run(global: &Global, terminal: &Terminal) -> Result<Status> {
    let mut checks = Vec::new();
    match Docker::connect(&global.project).await {
        Ok(docker) => engine(&docker, &mut checks).await?,
        Err(error) => checks.push(Check::bad("engine", error.to_string(), error.root_cause().to_string())),
    }
    let ok = checks.iter().all(|check| check.ok);
    terminal.result(&DoctorResult { ok, checks })?;
    Ok(if ok { Status::Pass } else { Status::Environment })
}

async fn engine(docker: &Docker, checks: &mut Vec<Check>) -> Result<()> {
    let facts = docker.facts().await?;
    checks.push(Check::good("engine", format!("{} on {}, {} CPUs", facts.version, facts.system, facts.cpus)));
    checks.extend(images(docker).await?);
    checks.push(disk(&facts));
    checks.push(memory(facts.memory, available_memory()));
    for (name, port, option) in [("port 8081", 8081, "--rest-port 8082"), ("port 9094", 9094, "--kafka-port 9095")] {
        let taken = docker.holder(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        checks.push(match taken {
            None => Check::good(name, "free"),
            Some(taken) => Check::bad(name, format!("in use by {}", taken.by), format!("playground up {option}")),
        });
    }
    Ok(())
}

async fn images(docker: &Docker) -> Result<Vec<Check>> {
    let observed = docker.observe_images(&Program::running()).await?;
    let count = |freshness| observed.iter().filter(|one| one.freshness == freshness).count();
    let (stale, missing) = (count(Freshness::Stale), count(Freshness::Missing));
    let base = image::base()?;
    let found = if docker.has_image(&base).await? {
        Check::good("base image", base)
    } else if stale + missing == 0 {
        Check::good("base image", format!("{base} is missing, but not needed: all images are up to date"))
    } else {
        Check::bad(
            "base image",
            format!("{base} is missing"),
            format!("scripts/setup builds it; or docker pull {base}"),
        )
    };
    let images = match (stale, missing) {
        (0, 0) => format!("{} current", observed.len()),
        _ => format!("{stale} stale, {missing} missing of {}; playground up builds what it needs", observed.len()),
    };
    Ok(vec![found, Check::good("images", images)])
}

fn disk(facts: &Facts) -> Check {
    let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
    match facts.free {
        None => Check::good("disk", format!("{}: free space is unknown from here", facts.folder)),
        Some(free) if free >= DISK => Check::good("disk", format!("{} free in {}", gib(free), facts.folder)),
        Some(free) => Check::bad(
            "disk",
            format!("{} MiB free in {}", free >> 20, facts.folder),
            format!("{} are needed; docker system prune frees what no container uses", gib(DISK)),
        ),
    }
}

/// What is available now says more than what the engine's machine has; but only of this machine.
fn memory(all: u64, available: Option<u64>) -> Check {
    let bytes = available.unwrap_or(all).min(all);
    let found = format!("{} MiB of {} MiB available", bytes >> 20, all >> 20);
    if bytes >= MEMORY {
        Check::good("memory", found)
    } else {
        Check::bad("memory", found, format!("the stack takes about {} MiB", MEMORY >> 20))
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
        let facts = |free| Facts {
            version: String::new(),
            system: String::new(),
            memory: 0,
            cpus: 2,
            folder: "/var/lib/docker".into(),
            free,
        };
        assert!(disk(&facts(Some(9 << 30))).ok);
        assert!(disk(&facts(None)).ok);
        assert_eq!(disk(&facts(Some(1 << 30))).found, "1024 MiB free in /var/lib/docker");
    }
}
