//! The output of a job that writes no topic: its lines in the log of a service, without all that others print there.

use std::collections::VecDeque;

use anyhow::Result;
use tokio::sync::mpsc;

use super::{USUAL, Until};
use crate::cli::Global;
use crate::cli::topic::Tail;
use crate::command::interrupt::interrupted;
use crate::failure::{Failure, Status};
use crate::kafka::record::Record;
use crate::oracle::Reader;
use crate::platform::{Contract as _, Line, LogRange, Printed};
use crate::report::{Terminal, log};

/// How many lines may wait for a slow terminal.
const WAITING: usize = 1000;

/// Shows lines until there are enough, or until Ctrl-C with exit code 130.
pub(super) async fn run(
    global: &Global,
    args: &Tail,
    (service, reader): (&str, Box<dyn Reader>),
    until: Until,
    terminal: &Terminal,
) -> Result<Status> {
    if args.bootstrap_server.is_some() {
        let text = format!("--bootstrap-server: the output is no topic, but lines in the log of {service}");
        return Err(Failure::Usage(text).into());
    }
    let platform = crate::command::connect(global, terminal).await?;
    let range = LogRange { follow: until == Until::Enough, tail: None };
    let (sender, lines) = mpsc::channel::<Printed>(WAITING);
    let mut shown = Shown { left: args.count.unwrap_or(u64::MAX), held: VecDeque::new(), terminal: *terminal };
    let back = match (args.from_beginning, args.back) {
        (true, _) => None,
        (false, back) => back.or((until == Until::End).then_some(USUAL)).or(Some(0)),
    };
    tokio::select! {
        done = async { tokio::try_join!(platform.logs(Some(service), range, sender), shown.all(lines, &*reader, back)) } => {
            done.map(|_| Status::Pass)
        }
        () = interrupted() => Ok(Status::Interrupted),
    }
}

struct Shown {
    left: u64,
    /// The last lines, where only so many of what was printed before are wanted.
    held: VecDeque<Line>,
    terminal: Terminal,
}

impl Shown {
    async fn all(&mut self, mut lines: mpsc::Receiver<Printed>, reader: &dyn Reader, back: Option<u64>) -> Result<()> {
        let began = jiff::Timestamp::now().as_millisecond();
        while self.left > 0 {
            let line = match lines.recv().await {
                Some(Ok(line)) => line,
                Some(Err(cut)) => {
                    self.terminal.progress(&cut.to_string());
                    continue;
                }
                None => break,
            };
            if line.stderr || reader.emitted(&Record::of(line.text.as_bytes())).is_err() {
                continue;
            }
            match back {
                Some(back) if line.at < began => {
                    self.held.push_back(line);
                    let most = usize::try_from(back).unwrap_or(usize::MAX);
                    self.held.drain(..self.held.len().saturating_sub(most));
                }
                _ => {
                    self.release()?;
                    self.show(&line)?;
                }
            }
        }
        self.release()
    }

    fn release(&mut self) -> Result<()> {
        while let Some(line) = self.held.pop_front() {
            self.show(&line)?;
        }
        Ok(())
    }

    fn show(&mut self, line: &Line) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let width = line.instance.len();
        let text =
            if self.terminal.is_json() { log::json(line) } else { log::human(line, width, self.terminal.paint()) };
        self.terminal.line(&text)
    }
}
