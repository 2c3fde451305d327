//! Where a stack's own Flink and Kafka are: asked of the platform, which knows its own containers, and never taken for
//! granted. At the port that somebody asks for another project's JobManager may answer.
//!
//! Of two JobManagers one leads, and the other waits. The one that waits answers REST in the name of the one that leads, so that
//! who leads is asked of ZooKeeper. Whoever holds a [`Flink`] from here follows the lead.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::exec::run_in;
use crate::flink::{Flink, Whereabouts};
use crate::platform::{Contract as _, Endpoint, Instance, Platform, State};
use crate::stack::JOBMANAGER;

/// The port of the REST API in its container.
pub const REST: u16 = 8081;
/// The service that is the broker.
pub const KAFKA: &str = "kafka";
/// The port in its container on which the broker talks to the host.
pub const BROKER: u16 = 9094;

/// The command in a JobManager's image that asks ZooKeeper who leads.
const WHO_LEADS: &str = "leading-jobmanager";
/// How long that may take, on a busy machine.
const ASKING: Duration = Duration::from_secs(10);
/// How long a JobManager may take to say that one leads. While none does, one that waits may not answer at all.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Where the REST API of the JobManager that leads is; `None` where no JobManager of the stack is running.
pub async fn rest(platform: &Platform) -> Result<Option<Endpoint>> {
    let running = platform.endpoints(JOBMANAGER, REST).await?;
    if running.len() < 2 {
        return Ok(running.into_iter().next());
    }
    let answering = answering(&running).await;
    // An image that cannot ask who leads is no reason to do without: each of them answers for the one that does.
    let leader = if answering.len() > 1 { leader(platform).await.ok().flatten() } else { None };
    let found = answering.iter().find(|one| Some(&one.instance) == leader.as_ref()).or(answering.first());
    // Where none answers, none leads.
    Ok(found.or(running.first()).cloned())
}

/// Where the web UI is: of several JobManagers at the first one's port, which is the one that was asked for. Whichever it is shows
/// what the one that leads does.
pub async fn page(platform: &Platform) -> Result<Option<Endpoint>> {
    Ok(platform.endpoints(JOBMANAGER, REST).await?.into_iter().next())
}

/// Those that know of a leader.
async fn answering(running: &[Endpoint]) -> Vec<Endpoint> {
    let ask = async |one: &Endpoint| Flink::at(&one.host, one.port).ok()?.overview_within(GLANCE).await.ok();
    let answers = join_all(running.iter().map(ask)).await;
    running.iter().zip(answers).filter(|(_, answer)| answer.is_some()).map(|(one, _)| one.clone()).collect()
}

/// The instance that leads; `None` where none of the stack is running, or ZooKeeper knows of no leader.
///
/// # Errors
/// A platform that cannot tell what runs; of several JobManagers, an image without the command that asks ZooKeeper.
pub async fn leader(platform: &Platform) -> Result<Option<String>> {
    let services = platform.services().await?;
    let running: Vec<&Instance> =
        services.iter().filter(|one| one.service == JOBMANAGER && one.state == State::Running).collect();
    if let [] | [_] = running[..] {
        return Ok(running.first().map(|one| one.name()));
    }
    let (code, printed) = run_in(platform, JOBMANAGER, &[WHO_LEADS.to_owned()], ASKING).await?;
    ensure!(code == 0, "{WHO_LEADS} in {JOBMANAGER} exited with code {code}: {}", printed.all.trim_end());
    let host = printed.stdout.trim();
    Ok(running.into_iter().find(|one| one.calls_itself(host)).map(Instance::name))
}

/// Flink's REST API; `None` where no JobManager of the stack is running.
pub async fn flink(platform: &Platform) -> Result<Option<Flink>> {
    let Some(found) = rest(platform).await? else { return Ok(None) };
    let platform = platform.clone();
    let whereabouts = Whereabouts::by(move || {
        let platform = platform.clone();
        // Where it cannot be found out, it is where it was.
        async move { rest(&platform).await.ok().flatten().map(|rest| (rest.host, rest.port)) }.boxed()
    });
    Ok(Some(Flink::at(&found.host, found.port)?.found_by(whereabouts)))
}

/// The broker; `None` where none of the stack runs.
pub async fn kafka(platform: &Platform) -> Result<Option<Endpoint>> {
    Ok(platform.endpoints(KAFKA, BROKER).await?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::platform::fake::Fake;
    use crate::stack::{Source, Stack, Variables};

    #[tokio::test]
    async fn of_two_jobmanagers_zookeeper_says_which_leads_and_one_that_is_alone_does() {
        let folder = tempfile::tempdir().unwrap();
        let platform = Platform::Fake(Fake::open(folder.path(), "p").unwrap());
        let text = "services: {jobmanager: {image: j, scale: 2}}";
        let source = Source { name: "f", folder: folder.path(), text };
        let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
        platform.apply(&stack, Duration::ZERO, mpsc::unbounded_channel().0).await.unwrap();
        std::fs::create_dir(folder.path().join("exec")).unwrap();
        let say = |host: &str| std::fs::write(folder.path().join("exec").join(WHO_LEADS), host).unwrap();
        say("jobmanager-2-");
        assert_eq!(leader(&platform).await.unwrap().as_deref(), Some("jobmanager-2"));
        say("");
        assert_eq!(leader(&platform).await.unwrap(), None);
        platform.kill("jobmanager-2").await.unwrap();
        assert_eq!(leader(&platform).await.unwrap().as_deref(), Some("jobmanager-1"));
    }
}
