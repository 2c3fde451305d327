//! What containers print, in the order they printed it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::observe::Container;
use super::{Docker, Plain as _, is_missing};
use crate::platform::{Cut, Instance, Line, LogRange, Printed, State};

/// Between two looks for containers that have come or come back.
const LOOK: Duration = Duration::from_millis(500);

/// A line with the time that the engine gave it, which sorts as text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamped {
    at: String,
    line: Line,
}

impl Docker {
    pub(super) async fn read_logs(&self, service: Option<&str>, range: LogRange, lines: Sender<Printed>) -> Result<()> {
        let containers = self.of_service(service).await?;
        let mut told = try_join_all(containers.iter().map(|one| self.history(one, range.tail))).await?.concat();
        told.sort_by(|a, b| a.at.cmp(&b.at));
        let mut last: BTreeMap<String, String> = BTreeMap::new();
        for Stamped { at, line } in told {
            last.insert(line.instance.clone(), at);
            if lines.send(Ok(line)).await.is_err() {
                return Ok(());
            }
        }
        if range.follow { self.follow(service, last, lines).await } else { Ok(()) }
    }

    async fn of_service(&self, service: Option<&str>) -> Result<Vec<Container>> {
        let mut containers = self.containers().await?;
        containers.retain(|one| !one.one_off && service.is_none_or(|service| one.instance.service == service));
        Ok(containers)
    }

    async fn history(&self, container: &Container, tail: Option<u32>) -> Result<Vec<Stamped>> {
        let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).tail(&tail).build();
        self.read(container, options).await
    }

    async fn read(&self, container: &Container, options: LogsOptions) -> Result<Vec<Stamped>> {
        let mut output = self.api.logs(&container.instance.id, Some(options));
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        while let Some(chunk) = output.next().await {
            if chunk.as_ref().is_err_and(is_missing) {
                break;
            }
            let chunk = chunk.plain().with_context(|| format!("read the log of {}", container.name))?;
            lines.extend(splitter.take(&chunk));
        }
        lines.extend(splitter.rest());
        Ok(lines.into_iter().map(|line| stamped(&container.instance, line)).collect())
    }

    /// What a container printed last, for messages.
    pub(super) async fn last_lines(&self, id: &str, count: u32) -> Result<Vec<String>> {
        let Some(container) = self.container(id).await? else { return Ok(Vec::new()) };
        Ok(self.history(&container, Some(count)).await?.into_iter().map(|stamped| stamped.line.text).collect())
    }

    /// Until the receiver is gone or nothing of the service is left. A container that is started again is followed again.
    async fn follow(
        &self,
        service: Option<&str>,
        mut last: BTreeMap<String, String>,
        lines: Sender<Printed>,
    ) -> Result<()> {
        let mut followed: JoinSet<End> = JoinSet::new();
        let mut running: Vec<String> = Vec::new();
        // What the engine stopped telling. It tells the rest, as long as it has the container.
        let mut broken: Vec<(Instance, String)> = Vec::new();
        loop {
            let containers = self.of_service(service).await?;
            if lines.is_closed() || containers.is_empty() {
                return Ok(());
            }
            let (left, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut broken)
                .into_iter()
                .partition(|(instance, _)| containers.iter().any(|one| one.instance.id == instance.id));
            for (instance, why) in gone {
                let _ = lines.send(Err(Cut { instance: instance.name(), log: instance.id, why })).await;
            }
            let is_left = |one: &Container| left.iter().any(|(instance, _)| instance.id == one.instance.id);
            for container in containers.into_iter().filter(|one| one.instance.state == State::Running || is_left(one)) {
                let name = container.instance.name();
                if !running.contains(&name) {
                    let since = last.get(&name).cloned().unwrap_or_default();
                    followed.spawn(follow_one(self.api.clone(), container, since, lines.clone()));
                    running.push(name);
                }
            }
            tokio::select! {
                () = lines.closed() => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
                Some(ended) = followed.join_next() => {
                    let End { instance, last: at, why } = ended?;
                    let name = instance.name();
                    running.retain(|one| *one != name);
                    last.insert(name, at);
                    broken.extend(why.map(|why| (instance, why)));
                }
            }
        }
    }
}

/// Where following a container ended.
struct End {
    instance: Instance,
    /// The time of its last line.
    last: String,
    /// Why not all was read, where the engine broke off.
    why: Option<String>,
}

/// Follows one container until it ends.
async fn follow_one(api: bollard::Docker, container: Container, mut last: String, lines: Sender<Printed>) -> End {
    let instance = container.instance;
    // The engine counts in whole seconds, so the lines of the last one come again and are left out here.
    let options =
        LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(true).since(seconds(&last));
    let mut output = api.logs(&instance.id, Some(options.build()));
    let mut splitter = Splitter::default();
    let mut why = None;
    while let Some(chunk) = output.next().await {
        let chunk = match chunk.plain() {
            Ok(chunk) => chunk,
            Err(error) => {
                why = Some(format!("{error:#}"));
                break;
            }
        };
        for line in splitter.take(&chunk) {
            let Stamped { at, line } = stamped(&instance, line);
            if at > last {
                last = at;
                if lines.send(Ok(line)).await.is_err() {
                    return End { instance, last, why };
                }
            }
        }
    }
    End { instance, last, why }
}

fn seconds(at: &str) -> i32 {
    let seconds = at.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second).unwrap_or_default();
    i32::try_from(seconds).unwrap_or_default()
}

fn stamped(instance: &Instance, (stderr, text): (bool, String)) -> Stamped {
    let (at, text) = text.split_once(' ').unwrap_or((&text, ""));
    let printed = at.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).unwrap_or_default();
    let line = Line { instance: instance.name(), log: instance.id.clone(), stderr, text: text.to_owned(), at: printed };
    Stamped { at: at.to_owned(), line }
}

/// Puts the pieces that the engine sends together to lines, for each of the two streams.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Splitter {
    /// The lines that a piece ends, and whether they went to standard error.
    pub(super) fn take(&mut self, piece: &LogOutput) -> Vec<(bool, String)> {
        let stderr = matches!(piece, LogOutput::StdErr { .. });
        let buffer = if stderr { &mut self.err } else { &mut self.out };
        buffer.extend_from_slice(piece.as_ref());
        let mut lines = Vec::new();
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            lines.push((stderr, text(&line)));
        }
        lines
    }

    /// What was printed without a line break at its end.
    pub(super) fn rest(self) -> Vec<(bool, String)> {
        [(false, self.out), (true, self.err)]
            .into_iter()
            .filter(|(_, buffer)| !buffer.is_empty())
            .map(|(stderr, buffer)| (stderr, text(&buffer)))
            .collect()
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into_bytes().into() }
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.take(&piece("a\nb")), [(false, "a".to_owned())]);
        assert_eq!(
            splitter.take(&LogOutput::StdErr { message: b"e\r\n"[..].to_vec().into() }),
            [(true, "e".to_owned())]
        );
        assert_eq!(splitter.take(&piece("c\n\nd")), [(false, "bc".to_owned()), (false, String::new())]);
        assert_eq!(splitter.rest(), [(false, "d".to_owned())]);
    }

    #[test]
    fn a_line_is_parted_from_its_time() {
        let Stamped { at, line } =
            stamped(&Instance::default(), (false, "2026-01-02T03:04:05.000000006Z  hello you".to_owned()));
        assert_eq!((at.as_str(), line.text.as_str()), ("2026-01-02T03:04:05.000000006Z", " hello you"));
        assert_eq!(seconds(&at), 1_767_323_045);
    }
}
