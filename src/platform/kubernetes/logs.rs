//! What pods print.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{AsyncBufReadExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::{Kubernetes, Plain as _};
use crate::platform::{Instance, Line, LogRange, State};

/// How often to look for pods that were made since.
const LOOK: Duration = Duration::from_secs(1);

impl Kubernetes {
    pub(super) async fn read_logs(&self, service: Option<&str>, range: LogRange, lines: Sender<Line>) -> Result<()> {
        let mut followed = HashSet::new();
        let mut readers = JoinSet::new();
        loop {
            let printing = self.printing(service).await?;
            if !range.follow {
                return self.read_once(&printing, range, &lines).await;
            }
            for instance in printing.into_iter().filter(|one| followed.insert(one.id.clone())) {
                readers.spawn(follow(self.api(), instance, range, lines.clone()));
            }
            tokio::select! {
                () = lines.closed() => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The instances that print, or have printed.
    async fn printing(&self, service: Option<&str>) -> Result<Vec<Instance>> {
        let prints = |one: &Instance| !one.id.is_empty() && one.state != State::Created;
        let instances = self.observe().await?.instances().into_iter();
        Ok(instances.filter(|one| prints(one) && service.is_none_or(|service| one.service == service)).collect())
    }

    /// In the order in which they were printed.
    async fn read_once(&self, printing: &[Instance], range: LogRange, lines: &Sender<Line>) -> Result<()> {
        let mut all = Vec::new();
        for instance in printing {
            let text = self.api::<Pod>().logs(&instance.id, &params(range)).await.plain();
            let text = text.with_context(|| format!("read the log of {}", instance.name()))?;
            all.extend(text.lines().map(|text| line(instance, text)));
        }
        all.sort_by_key(|line| line.at);
        for line in all {
            if lines.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// A pod that ends, ends its log as well.
async fn follow(pods: Api<Pod>, instance: Instance, range: LogRange, lines: Sender<Line>) {
    let Ok(stream) = pods.log_stream(&instance.id, &params(range)).await else { return };
    let mut printed = stream.lines();
    while let Ok(Some(text)) = printed.try_next().await {
        if lines.send(line(&instance, &text)).await.is_err() {
            return;
        }
    }
}

fn params(range: LogRange) -> LogParams {
    LogParams { follow: range.follow, tail_lines: range.tail.map(i64::from), timestamps: true, ..LogParams::default() }
}

/// A line of a log, which begins with its time. A cluster does not tell which of both outputs it went to.
fn line(instance: &Instance, text: &str) -> Line {
    let (time, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (at, text) = match time.parse::<Timestamp>() {
        Ok(time) => (time.as_millisecond(), rest),
        Err(_) => (0, text),
    };
    Line { instance: instance.name(), stderr: false, text: text.to_owned(), at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        let instance = Instance { service: "kafka".into(), number: 1, ..Instance::default() };
        let told = line(&instance, "2026-11-26T13:09:44.123456789Z up and running");
        assert_eq!(
            (told.instance.as_str(), told.at, told.text.as_str()),
            ("kafka-1", 1_795_698_584_123, "up and running")
        );
        assert_eq!(line(&instance, "cut off").text, "cut off");
    }
}
