//! What pods print.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use futures_util::{AsyncBufReadExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt as _};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::observe::container;
use super::{Kubernetes, MOMENT, Plain as _, has_code, is_missing};
use crate::platform::{Cut, Line, LogRange, Printed};

/// How often to look for containers that were started since.
const LOOK: Duration = Duration::from_millis(500);

/// The log of a container. One that is started again in the same pod has another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    instance: String,
    pod: String,
    /// The container's name in the pod.
    container: String,
    /// The runtime's id of it.
    id: String,
}

/// What became of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Runs,
    Ended,
    /// Another one was started in its place.
    Replaced,
    /// With its pod, and its log.
    Gone,
}

impl Kubernetes {
    pub(super) async fn read_logs(&self, service: Option<&str>, range: LogRange, lines: Sender<Printed>) -> Result<()> {
        let mut printing = self.printing(service).await?;
        if !range.follow {
            return self.read_once(&printing, range, &lines).await;
        }
        let mut followed = HashSet::new();
        let mut readers = JoinSet::new();
        loop {
            for log in printing.into_iter().filter(|log| followed.insert(log.id.clone())) {
                readers.spawn(Follower { pods: self.api(), log, last: None, lines: lines.clone() }.follow(range));
            }
            tokio::select! {
                () = lines.closed() => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
            }
            // A server that does not answer is asked again: those that read go on.
            printing = self.printing(service).await.unwrap_or_default();
        }
    }

    /// The containers that print, or have printed.
    async fn printing(&self, service: Option<&str>) -> Result<Vec<Log>> {
        let observed = self.observe().await?;
        let instances =
            observed.instances().into_iter().filter(|one| service.is_none_or(|service| one.service == service));
        let log = |instance: String, id: &str| {
            let pod = observed.pods.iter().find(|pod| pod.name_any() == id)?;
            let container = container(pod)?;
            let (name, id) = (container.name.clone(), container.container_id.clone()?);
            Some(Log { instance, pod: pod.name_any(), container: name, id })
        };
        Ok(instances.filter_map(|one| log(one.name(), &one.id)).collect())
    }

    /// In the order in which they were printed.
    async fn read_once(&self, printing: &[Log], range: LogRange, lines: &Sender<Printed>) -> Result<()> {
        let mut all = Vec::new();
        for log in printing {
            let text = self.api::<Pod>().logs(&log.pod, &params(log, range)).await.plain();
            let text = text.with_context(|| format!("read the log of {}", log.instance))?;
            all.extend(text.lines().map(|text| log.line(text).1));
        }
        all.sort_by_key(|line| line.at);
        for line in all {
            if lines.send(Ok(line)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a log to its end.
struct Follower {
    pods: Api<Pod>,
    log: Log,
    /// The time of the last line, and how many lines of that time there were.
    last: Option<(Timestamp, usize)>,
    lines: Sender<Printed>,
}

impl Follower {
    /// A node closes the log of a container that has ended when all of it was read. A connection that breaks is made anew, and the
    /// rest is read on it, as long as the cluster has the log.
    async fn follow(mut self, mut range: LogRange) {
        // Why it is not known that all was read.
        let mut open = Some(Error::msg("its pod was gone before it was asked for"));
        while !self.lines.is_closed() {
            let read = self.read(params(&self.log, range)).await;
            // What is read again is passed over, but not if it is only the last lines.
            range.tail = None;
            open = match read {
                Ok(()) => None,
                // That it is going, or gone, says nothing of what was read before.
                Err(error) if is_going(&error) => open,
                Err(error) => Some(error),
            };
            match self.life().await {
                Some(Life::Gone) => break,
                Some(life @ (Life::Ended | Life::Replaced)) => {
                    let rest = LogRange { follow: false, tail: None };
                    let rest = LogParams { previous: life == Life::Replaced, ..params(&self.log, rest) };
                    if self.read(rest).await.is_ok() {
                        return;
                    }
                }
                Some(Life::Runs) | None => {}
            }
            tokio::time::sleep(MOMENT).await;
        }
        if let Some(why) = open {
            let cut = Cut { instance: self.log.instance.clone(), why: format!("{why:#}") };
            let _ = self.lines.send(Err(cut)).await;
        }
    }

    /// Passes on what is behind the last line.
    async fn read(&mut self, mut how: LogParams) -> Result<()> {
        how.since_time = self.last.map(|(at, _)| at);
        let stream = self.pods.log_stream(&self.log.pod, &how).await?;
        let mut printed = stream.lines();
        let last = self.last;
        let mut passed = 0;
        while let Some(text) = printed.try_next().await? {
            let (at, line) = self.log.line(&text);
            if let (Some(at), Some((until, lines))) = (at, last) {
                // The server counts in whole seconds.
                passed += usize::from(at == until);
                if at < until || (at == until && passed <= lines) {
                    continue;
                }
            }
            let of_same_time = self.last.filter(|(last, _)| Some(*last) == at).map_or(0, |(_, lines)| lines);
            self.last = at.map(|at| (at, of_same_time + 1)).or(self.last);
            if self.lines.send(Ok(line)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// None where the server does not say.
    async fn life(&self) -> Option<Life> {
        let pod = match self.pods.get(&self.log.pod).await {
            Ok(pod) => pod,
            Err(error) if is_missing(&error) => return Some(Life::Gone),
            Err(_) => return None,
        };
        let Some(container) = container(&pod) else { return Some(Life::Gone) };
        let runs = container.state.as_ref().is_some_and(|state| state.running.is_some());
        Some(match container.container_id.as_ref() == Some(&self.log.id) {
            false => Life::Replaced,
            true if runs => Life::Runs,
            true => Life::Ended,
        })
    }
}

/// Whether a node refused since it is about to remove the pod, or has.
fn is_going(error: &Error) -> bool {
    error.downcast_ref::<kube::Error>().is_some_and(|error| is_missing(error) || has_code(error, 400))
}

fn params(log: &Log, range: LogRange) -> LogParams {
    LogParams {
        container: Some(log.container.clone()),
        follow: range.follow,
        tail_lines: range.tail.map(i64::from),
        timestamps: true,
        ..LogParams::default()
    }
}

impl Log {
    /// A line, which begins with its time. A cluster does not tell which of both outputs it went to.
    fn line(&self, text: &str) -> (Option<Timestamp>, Line) {
        let (time, rest) = text.split_once(' ').unwrap_or((text, ""));
        let at = time.parse::<Timestamp>().ok();
        let text = if at.is_some() { rest } else { text };
        let (instance, log) = (self.instance.clone(), self.id.clone());
        let printed = at.map(Timestamp::as_millisecond).unwrap_or_default();
        (at, Line { instance, log, stderr: false, text: text.to_owned(), at: printed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        let [instance, pod, container, id] = ["kafka-1", "kafka-5f", "kafka", "c"].map(str::to_owned);
        let log = Log { instance, pod, container, id };
        let (_, told) = log.line("2026-11-26T13:09:44.123456789Z up and running");
        assert_eq!(
            (told.instance.as_str(), told.at, told.text.as_str()),
            ("kafka-1", 1_795_698_584_123, "up and running")
        );
        assert_eq!(log.line("cut off").1.text, "cut off");
    }
}
