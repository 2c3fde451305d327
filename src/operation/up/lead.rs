//! A JobManager that waits for a lead that it will never get.
//!
//! One whose session with ZooKeeper was lost more than once within seconds, as on a machine that is out of breath, may have a new
//! session and take part in no election with it (seen with Flink 2.2.1: eight minutes, until it was started again). It
//! answers that an election is under way. Started again it leads, and its jobs go on from their newest checkpoints.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::LOOK;
use super::containers::Bringing;
use crate::flink::Flink;
use crate::flink::request::{is_unavailable, refused};
use crate::operation::reach;
use crate::platform::{Contract as _, Health, Instance, State};
use crate::stack::{JOBMANAGER, ZOOKEEPER};
use crate::wait::{Seen, until};

/// Longer than any election, and than it takes a leader to recover its jobs: ZooKeeper forgets a leader after 6 s, and its health
/// checks have failed by now.
const ELECTED: Duration = Duration::from_secs(30);

impl Bringing<'_> {
    /// Starts JobManagers again that wait for the lead although nobody else has it, and ZooKeeper is well.
    pub(super) async fn revive(&self) -> Result<()> {
        let platform = self.up.platform;
        let services = platform.services().await?;
        let waiting = leaderless(&services);
        if waiting.is_empty() {
            return Ok(());
        }
        let Some(flink) = reach::flink(platform).await? else { return Ok(()) };
        let elected = until("a JobManager that leads", ELECTED, LOOK, async || Ok(elected(&flink).await)).await;
        if elected.is_ok() {
            return Ok(());
        }
        // What is killed here is started here, though somebody wants to stop.
        self.stopped.set(true);
        let started = self.start_again(&waiting).await;
        self.stopped.set(false);
        started
    }

    async fn start_again(&self, jobmanagers: &[&Instance]) -> Result<()> {
        let (platform, waited) = (self.up.platform, ELECTED.as_secs());
        for jobmanager in jobmanagers {
            let name = jobmanager.name();
            self.told(format!("{name} has not led for {waited} s, and ZooKeeper is well: it is started again"));
            platform.kill(&name).await.with_context(|| format!("start {name} again"))?;
            platform.start(&name).await.with_context(|| format!("start {name} again"))?;
        }
        Ok(())
    }
}

/// The JobManagers of a stack, if none of them can lead although ZooKeeper is well.
fn leaderless(services: &[Instance]) -> Vec<&Instance> {
    let waiting: Vec<&Instance> = services.iter().filter(|one| is(one, JOBMANAGER, Health::Unhealthy)).collect();
    let running = services.iter().filter(|one| one.service == JOBMANAGER && one.state == State::Running).count();
    let can_elect = services.iter().any(|one| is(one, ZOOKEEPER, Health::Healthy));
    if can_elect && waiting.len() == running { waiting } else { Vec::new() }
}

fn is(one: &Instance, service: &str, health: Health) -> bool {
    one.service == service && one.state == State::Running && one.health == Some(health)
}

/// Whatever else is wrong with a JobManager is not for an election to mend.
async fn elected(flink: &Flink) -> Seen<()> {
    match flink.jobs().await {
        Err(error) if refused(&error).is_some() && is_unavailable(&error) => {
            Seen::NotYet("an election is under way".to_owned())
        }
        _ => Seen::Done(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(service: &str, state: State, health: Option<Health>) -> Instance {
        Instance { service: service.to_owned(), state, health, ..Instance::default() }
    }

    #[test]
    fn jobmanagers_are_leaderless_when_none_of_them_is_well_and_zookeeper_is() {
        let zookeeper = || one(ZOOKEEPER, State::Running, Some(Health::Healthy));
        let jobmanager = |health| one(JOBMANAGER, State::Running, health);
        let count = |services: &[Instance]| leaderless(services).len();
        let (well, ill) = (Some(Health::Healthy), Some(Health::Unhealthy));
        assert_eq!(count(&[zookeeper(), jobmanager(ill), jobmanager(ill)]), 2);
        assert_eq!(count(&[zookeeper(), jobmanager(ill), one(JOBMANAGER, State::Exited, None)]), 1);
        assert_eq!(count(&[zookeeper(), jobmanager(ill), jobmanager(well)]), 0);
        assert_eq!(count(&[zookeeper(), jobmanager(ill), jobmanager(Some(Health::Starting))]), 0);
        assert_eq!(count(&[one(ZOOKEEPER, State::Running, ill), jobmanager(ill)]), 0);
        assert_eq!(count(&[zookeeper()]), 0);
    }
}
