//! What pods print.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail};
use futures_util::io::{AsyncBufRead, AsyncBufReadExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt as _};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::observe::container;
use super::{Kubernetes, MOMENT, has_code, is_missing, labels};
use crate::platform::{Cut, Line, LogRange, Printed, instance_name};

/// How long to wait for a line before it is asked what became of the container: a connection may be dead and say nothing.
const QUIET: Duration = Duration::from_secs(2);
/// After how long without a line a connection is made anew, whatever the container does.
const STALE: Duration = Duration::from_secs(6);
/// How often to look for containers that were started since.
const LOOK: Duration = Duration::from_millis(500);
/// For how long nothing may be told before it counts as cut: what was printed meanwhile may be gone before it is told again.
const SILENCE: Duration = Duration::from_secs(30);

/// The log of a container. One that is started again in the same pod has another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    instance: String,
    pod: String,
    /// The container's name in the pod.
    container: String,
    /// The runtime's id of it.
    id: String,
    /// Whether another container was started in its place since.
    before: bool,
    /// Whether its pod is about to go: what cannot be read of it then may never be.
    goes: bool,
}

/// What became of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Runs,
    /// Its pod was deleted; it may still run.
    Goes,
    Ended,
    /// Another one was started in its place, and its log is kept as that of the one before.
    Replaced,
    /// With its log.
    Gone,
    /// Other containers were started in its place since, and its log is not kept.
    Forgotten,
}

/// Since when nothing was told.
#[derive(Debug, Default)]
struct Silence {
    since: Option<Instant>,
    told: bool,
}

impl Silence {
    /// Whether it is time to say so, which is once.
    fn is_long(&mut self) -> bool {
        let is_long = self.since.get_or_insert_with(Instant::now).elapsed() > SILENCE;
        is_long && !std::mem::replace(&mut self.told, true)
    }
}

impl Kubernetes {
    pub(super) async fn read_logs(&self, service: Option<&str>, range: LogRange, lines: Sender<Printed>) -> Result<()> {
        let mut printing = self.printing(service).await?;
        if !range.follow {
            return self.read_once(&printing, range, &lines).await;
        }
        let (mut followed, mut readers, mut silence) = (HashSet::new(), JoinSet::new(), Silence::default());
        loop {
            for log in printing.into_iter().filter(|log| followed.insert(log.id.clone())) {
                let reader = Follower { pods: self.api(), streams: self.open(), log, last: None, lines: lines.clone() };
                readers.spawn(reader.follow(range));
            }
            tokio::select! {
                () = lines.closed() => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
            }
            // A server that does not answer is asked again: those that read go on. Pods that come and go meanwhile are not seen.
            let found = self.printing(service).await;
            match &found {
                Ok(_) => silence = Silence::default(),
                Err(error) if silence.is_long() => {
                    let instance = service.unwrap_or("all services").to_owned();
                    let _ = lines.send(Err(Cut { instance, log: String::new(), why: format!("{error:#}") })).await;
                }
                Err(_) => {}
            }
            printing = found.unwrap_or_default();
        }
    }

    /// The containers that print, or have printed.
    async fn printing(&self, service: Option<&str>) -> Result<Vec<Log>> {
        let observed = self.observe().await?;
        let instances =
            observed.instances().into_iter().filter(|one| service.is_none_or(|service| one.service == service));
        let mut named: Vec<(String, &Pod)> = Vec::new();
        for one in instances {
            named.extend(observed.pods.iter().find(|pod| pod.name_any() == one.id).map(|pod| (one.name(), pod)));
        }
        // Those that are about to go may still print, and have printed what nobody has read yet.
        for pod in &observed.going {
            let label = |name| pod.labels().get(name).map(String::as_str);
            if let (Some(of), Some(number)) =
                (label(labels::SERVICE), label(labels::NUMBER).and_then(|one| one.parse().ok()))
                && service.is_none_or(|service| service == of)
            {
                named.push((instance_name(of, number), pod));
            }
        }
        Ok(named.into_iter().flat_map(|(instance, pod)| logs_of(&instance, pod)).collect())
    }

    /// In the order in which they were printed. What is gone since it was found is left out.
    async fn read_once(&self, printing: &[Log], range: LogRange, lines: &Sender<Printed>) -> Result<()> {
        let mut all = Vec::new();
        for log in printing {
            match log.all(&self.open(), &self.api(), range).await {
                Err(error) if log.goes || is_going(&error) => {}
                read => all.extend(read.with_context(|| format!("read the log of {}", log.instance))?),
            }
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
    streams: Api<Pod>,
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
        let mut silence = Silence::default();
        while !self.lines.is_closed() {
            let before = self.last;
            let read = self.read(self.log.params(range)).await;
            if self.last != before {
                silence = Silence::default();
                // What is read again is passed over, but not if it is only the last lines.
                range.tail = None;
            }
            let life = self.life().await;
            match read {
                Ok(()) => {
                    silence = Silence::default();
                    let is_over = !matches!(life, Some(Life::Runs) | None);
                    open = (!is_over).then(|| Error::msg("its connection was closed"));
                }
                // That it is going, or gone, says nothing of what was read before.
                Err(error) if is_going(&error) => {}
                Err(error) => {
                    if silence.is_long() {
                        self.tell_cut(&error).await;
                    }
                    open = Some(error);
                }
            }
            match life {
                Some(Life::Gone | Life::Forgotten) => break,
                Some(life @ (Life::Ended | Life::Replaced)) => {
                    let rest = LogRange { follow: false, ..range };
                    let rest = LogParams { previous: life == Life::Replaced, ..self.log.params(rest) };
                    if self.read(rest).await.is_ok() {
                        return;
                    }
                }
                // The API server takes a connection to the node that broke for the end of the log.
                Some(Life::Goes) => match self.read(self.log.params(LogRange { follow: false, ..range })).await {
                    Err(error) if !is_going(&error) => open = Some(error),
                    _ => {}
                },
                Some(Life::Runs) | None => {}
            }
            tokio::time::sleep(MOMENT).await;
        }
        if let Some(why) = open {
            self.tell_cut(&why).await;
        }
    }

    async fn tell_cut(&self, why: &Error) {
        let cut = Cut { instance: self.log.instance.clone(), log: self.log.id.clone(), why: format!("{why:#}") };
        let _ = self.lines.send(Err(cut)).await;
    }

    /// Passes on what is behind the last line.
    async fn read(&mut self, mut how: LogParams) -> Result<()> {
        // The server counts in whole seconds, and the request would round up.
        how.since_time = self.last.and_then(|(at, _)| Timestamp::from_second(at.as_second()).ok());
        let opened = timeout(STALE, self.streams.log_stream(&self.log.pod, &how)).await;
        let mut printed = opened.context("the API server does not open it")??;
        // The server gives the log of the container that runs now.
        if !how.previous && matches!(self.life().await, None | Some(Life::Replaced | Life::Forgotten)) {
            bail!("it is not known whose log was given");
        }
        let (last, mut passed) = (self.last, 0);
        let (mut begun, mut is_joined) = (Vec::new(), false);
        while let Some(text) = self.next(&mut printed, &mut begun, how.follow).await? {
            let (at, line) = self.log.line(&text);
            if let (Some(at), Some((until, lines))) = (at, last) {
                passed += usize::from(at == until);
                if at < until || (at == until && passed <= lines) {
                    continue;
                }
                if !std::mem::replace(&mut is_joined, true) && passed == 0 {
                    self.tell_cut(&Error::msg("its node began another file meanwhile")).await;
                }
            }
            // The two outputs of a process are stamped side by side: a line may be older than the one before.
            self.last = match (self.last, at) {
                (Some((last, lines)), Some(at)) if at == last => Some((last, lines + 1)),
                (Some((last, _)), Some(at)) if at > last => Some((at, 1)),
                (None, Some(at)) => Some((at, 1)),
                (last, _) => last,
            };
            if self.lines.send(Ok(line)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next line. Of one that is followed, the container is looked at while there is none: a connection that is dead and was not
    /// closed would be waited at for ever.
    async fn next(
        &self,
        printed: &mut (impl AsyncBufRead + Unpin),
        begun: &mut Vec<u8>,
        follow: bool,
    ) -> Result<Option<String>> {
        let since = Instant::now();
        loop {
            match timeout(QUIET, next(printed, begun, follow)).await {
                Ok(next) => return next,
                Err(_)
                    if matches!(
                        self.life().await,
                        Some(Life::Ended | Life::Replaced | Life::Gone | Life::Forgotten)
                    ) =>
                {
                    // What it printed last may be on its way.
                    let rest = timeout(QUIET, next(printed, begun, follow)).await;
                    return rest.unwrap_or_else(|_| bail!("its connection told no end"));
                }
                Err(_) if since.elapsed() > STALE => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// None where the server does not say.
    async fn life(&self) -> Option<Life> {
        match self.pods.get(&self.log.pod).await {
            Ok(pod) => Some(life(&pod, &self.log.id)),
            Err(error) if is_missing(&error) => Some(Life::Gone),
            Err(_) => None,
        }
    }
}

/// The logs of a pod's own container: that of the one before it as well, as long as it is kept.
fn logs_of(instance: &str, pod: &Pod) -> Vec<Log> {
    let Some(container) = container(pod) else { return Vec::new() };
    let before = container.last_state.as_ref().and_then(|state| state.terminated.as_ref()?.container_id.clone());
    // While a node waits with starting it again, the container is the one before as well.
    let before = before.filter(|before| container.container_id.as_ref() != Some(before));
    let log = |(id, before): (String, bool)| Log {
        instance: instance.to_owned(),
        pod: pod.name_any(),
        container: container.name.clone(),
        id,
        before,
        goes: pod.metadata.deletion_timestamp.is_some(),
    };
    let ids = before.map(|id| (id, true)).into_iter().chain(container.container_id.clone().map(|id| (id, false)));
    ids.map(log).collect()
}

/// What became of a container of a pod.
fn life(pod: &Pod, id: &str) -> Life {
    let Some(now) = container(pod) else { return Life::Gone };
    let before = now.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    if now.container_id.as_deref() != Some(id) {
        let is_kept = before.is_some_and(|before| before.container_id.as_deref() == Some(id));
        return if is_kept { Life::Replaced } else { Life::Forgotten };
    }
    match now.state.as_ref().is_some_and(|state| state.running.is_some()) {
        false => Life::Ended,
        true if pod.metadata.deletion_timestamp.is_some() => Life::Goes,
        true => Life::Runs,
    }
}

/// The next line of a stream, whatever bytes are in it. One that is followed ends with the end of a line, unless it broke. Of one that
/// is not waited for to its end, the beginning stays in `begun`.
async fn next(printed: &mut (impl AsyncBufRead + Unpin), begun: &mut Vec<u8>, follow: bool) -> Result<Option<String>> {
    if printed.read_until(b'\n', begun).await? == 0 && begun.is_empty() {
        return Ok(None);
    }
    let bytes = std::mem::take(begun);
    let whole = bytes.strip_suffix(b"\n");
    if whole.is_none() && follow {
        bail!("it broke off in the middle of a line");
    }
    let line = whole.unwrap_or(&bytes);
    Ok(Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()))
}

/// Whether a node refused since it is about to remove the pod, or has.
fn is_going(error: &Error) -> bool {
    error.downcast_ref::<kube::Error>().is_some_and(|error| is_missing(error) || has_code(error, 400))
}

impl Log {
    fn params(&self, range: LogRange) -> LogParams {
        LogParams {
            container: Some(self.container.clone()),
            follow: range.follow,
            tail_lines: range.tail.map(i64::from),
            timestamps: true,
            ..LogParams::default()
        }
    }

    /// What there is of it. Nothing if another container was started in its place meanwhile: the log may be that one's.
    async fn all(&self, streams: &Api<Pod>, pods: &Api<Pod>, range: LogRange) -> Result<Vec<Line>> {
        let how = LogParams { previous: self.before, ..self.params(range) };
        let opened = timeout(STALE, streams.log_stream(&self.pod, &how)).await;
        let mut printed = opened.context("the API server does not open it")??;
        let mut lines = Vec::new();
        let life = pods.get_opt(&self.pod).await?.map(|pod| life(&pod, &self.id));
        if matches!(life, Some(Life::Forgotten)) || (life == Some(Life::Replaced)) != self.before {
            return Ok(lines);
        }
        while let Some(text) = next(&mut printed, &mut Vec::new(), false).await? {
            lines.push(self.line(&text).1);
        }
        Ok(lines)
    }

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
        let log = Log { instance, pod, container, id, before: false, goes: false };
        let (_, told) = log.line("2026-11-26T13:09:44.123456789Z up and running");
        assert_eq!(
            (told.instance.as_str(), told.at, told.text.as_str()),
            ("kafka-1", 1_795_698_584_123, "up and running")
        );
        assert_eq!(log.line("cut off").1.text, "cut off");
    }

    /// Read: the log of a container that is about to be started again was read twice, as its own and as that of the one before.
    #[test]
    fn a_container_that_waits_to_be_started_again_has_one_log() {
        let pod = |before: &str| -> Pod {
            let container = serde_json::json!({
                "name": "t", "containerID": "b", "state": {"waiting": {}}, "ready": false, "restartCount": 1, "image": "", "imageID": "",
                "lastState": {"terminated": {"exitCode": 1, "containerID": before}},
            });
            let status = serde_json::json!({"containerStatuses": [container]});
            serde_json::from_value(serde_json::json!({"metadata": {"name": "p"}, "status": status})).unwrap()
        };
        let ids = |before: &str| logs_of("t-1", &pod(before)).into_iter().map(|log| log.id).collect::<Vec<_>>();
        assert_eq!(ids("b"), ["b"]);
        assert_eq!(ids("a"), ["a", "b"]);
    }

    #[test]
    fn a_container_that_was_started_again_is_another_and_only_the_one_before_is_kept() {
        let pod = |id: &str, before: &str, state: serde_json::Value| -> Pod {
            let container = serde_json::json!({
                "name": "t", "containerID": id, "state": state, "ready": true, "restartCount": 1, "image": "", "imageID": "",
                "lastState": {"terminated": {"exitCode": 1, "containerID": before}},
            });
            serde_json::from_value(serde_json::json!({"status": {"containerStatuses": [container]}})).unwrap()
        };
        let runs = || serde_json::json!({"running": {}});
        assert_eq!(life(&pod("b", "a", runs()), "b"), Life::Runs);
        assert_eq!(life(&pod("b", "a", runs()), "a"), Life::Replaced);
        assert_eq!(life(&pod("c", "b", runs()), "a"), Life::Forgotten);
        assert_eq!(life(&pod("b", "a", serde_json::json!({"terminated": {"exitCode": 0}})), "b"), Life::Ended);
        let mut going = pod("b", "a", runs());
        going.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::now()));
        assert_eq!(life(&going, "b"), Life::Goes);
    }

    #[tokio::test]
    async fn whatever_bytes_a_line_has_the_next_one_is_read_and_one_that_breaks_off_is_none() {
        let mut printed = futures_util::io::Cursor::new(b"a\xff\r\nb\nc".to_vec());
        let mut read = Vec::new();
        while let Ok(Some(line)) = next(&mut printed, &mut Vec::new(), true).await {
            read.push(line);
        }
        assert_eq!(read, ["a\u{fffd}", "b"]);
        let mut ended = futures_util::io::Cursor::new(b"c".to_vec());
        assert_eq!(next(&mut ended, &mut Vec::new(), false).await.unwrap().as_deref(), Some("c"));
    }
}
