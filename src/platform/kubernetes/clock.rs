//! Whether the clocks of the nodes agree. What a line of a log says is set against what a JobManager and another log say, by their times,
//! and each of them has the time of its own node.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Kubernetes;
use crate::platform::{Instance, State};

/// By how much the clocks may differ, in ms: less than passes between the loss of a process and the first line of its successor.
const AGREE: i64 = 500;
/// How long a pod may take to tell its time.
const TELLS: Duration = Duration::from_secs(20);
/// Prints the time in ms since 1970.
const NOW: [&str; 2] = ["date", "+%s%3N"];

/// By how much a clock is ahead of this machine's, in ms: somewhere between the two, since a request takes its time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ahead {
    instance: String,
    least: i64,
    most: i64,
}

impl Kubernetes {
    /// See [`crate::platform::Platform::clocks_must_agree`].
    pub(in crate::platform) async fn clocks_must_agree(&self, services: &[&str]) -> Result<()> {
        let instances = self.seen().await?;
        let runs = |one: &&Instance| one.state == State::Running && services.contains(&one.service.as_str());
        let clocks = try_join_all(instances.iter().filter(runs).map(|one| self.clock_of(one))).await?;
        match apart(&clocks) {
            Some((fast, slow, by)) => bail!(
                "the clock of {fast} is at least {by} ms ahead of that of {slow}, and lines of their logs are judged by their times\n  \
                 Their nodes need clocks that agree, as by NTP"
            ),
            None => Ok(()),
        }
    }

    async fn clock_of(&self, instance: &Instance) -> Result<Ahead> {
        let name = instance.name();
        let (lines, mut printed) = mpsc::channel(8);
        let before = Timestamp::now().as_millisecond();
        let command = NOW.map(str::to_owned);
        let ended = timeout(TELLS, self.run_in(&name, &instance.id, &command, &lines)).await;
        let after = Timestamp::now().as_millisecond();
        let ended = ended.unwrap_or_else(|_| bail!("timed out after {} s", TELLS.as_secs()));
        let told = printed.try_recv().ok().and_then(|line| line.text.trim().parse::<i64>().ok());
        ended.with_context(|| format!("ask {name} for its time"))?;
        let told = told.with_context(|| format!("{name} did not tell its time"))?;
        Ok(Ahead { instance: name, least: told - after, most: told - before })
    }
}

/// The two clocks that are known to differ most, the one that is ahead first, and by how many ms; none where they may agree.
fn apart(clocks: &[Ahead]) -> Option<(&str, &str, i64)> {
    let fast = clocks.iter().max_by_key(|one| one.least)?;
    let slow = clocks.iter().min_by_key(|one| one.most)?;
    let by = fast.least - slow.most;
    (by > AGREE).then_some((fast.instance.as_str(), slow.instance.as_str(), by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_by_what_no_request_can_have_taken() {
        let clock = |name: &str, least, most| Ahead { instance: name.to_owned(), least, most };
        let [one, slow, close] = [clock("a-1", -100, 0), clock("b-1", -5_900, -5_000), clock("c-1", -800, 200)];
        assert_eq!(apart(&[one.clone(), close, slow]), Some(("a-1", "b-1", 4_900)));
        // A request that took so long says little.
        assert_eq!(apart(&[one, clock("b-1", -5_900, 10)]), None);
        assert_eq!(apart(&[]), None);
    }
}
