//! `playground tail`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

use super::interrupt::interrupted;
use super::kafka_of;
use crate::cli::Global;
use crate::cli::topic::{Tail, Topic};
use crate::failure::Status;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::follow::{Follower, Loss};
use crate::kafka::record::Record;
use crate::kafka::tail::{Begin, read};
use crate::operation::workload::Named;
use crate::report::Terminal;
use crate::report::tail::{Line, Shape};
use crate::workload::catalog;

mod log;

/// How long the broker may take to answer at all.
const ANSWER: Duration = Duration::from_secs(5);
/// How many records of each partition are shown by default with `--no-follow`, like the lines of `tail`.
const USUAL: u64 = 10;
/// From one look for new records to the next.
const LOOK: Duration = Duration::from_millis(100);

/// Shows records until there are enough, or until Ctrl-C with exit code 130, as for anything that is interrupted.
pub async fn run(global: &Global, args: Tail, terminal: &Terminal) -> Result<Status> {
    let workload = match (&args.workload, &args.bootstrap_server) {
        (None, Some(_)) => Named::find(catalog::USUAL)?.workload,
        (asked, _) => super::workload_of(global, asked.as_deref()).await?.workload,
    };
    let until = if args.no_follow { Until::End } else { Until::Enough };
    if let (Topic::Output, Some(service)) = (args.topic, &workload.output.log) {
        let reader = workload.oracle.reader().map_err(anyhow::Error::msg)?;
        return log::run(global, &args, (service, reader), until, terminal).await;
    }
    let tailing = Tailing {
        bootstrap: kafka_of(global, terminal, args.bootstrap_server).await?,
        topic: match args.topic {
            Topic::Input => workload.input.topic.clone(),
            Topic::Output => workload.output.topic.clone(),
        },
        shape: match args.topic {
            Topic::Input => Shape::input(&workload),
            Topic::Output => Shape::output(&workload),
        }
        .map_err(anyhow::Error::msg)?,
        isolation: if args.read_committed { Isolation::Committed } else { Isolation::Uncommitted },
        begin: match (args.from_beginning, args.back) {
            (true, _) => Begin::Oldest,
            (false, Some(back)) => Begin::Back(back),
            (false, None) if until == Until::Enough => Begin::End,
            (false, None) => Begin::Back(USUAL),
        },
        until,
        left: args.count.unwrap_or(u64::MAX),
        terminal: *terminal,
    };
    let (sender, ended) = oneshot::channel();
    // Not a thread of the runtime, which would wait for it when this command is interrupted.
    let work = move || drop(sender.send(tailing.run()));
    std::thread::Builder::new().name("tail".to_owned()).spawn(work).context("start a thread")?;
    tokio::select! {
        ended = ended => ended.context("the reader ended unexpectedly")?.map(|()| Status::Pass),
        () = interrupted() => Ok(Status::Interrupted),
    }
}

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// To where the topic ends now.
    End,
    /// On with what comes, until there are enough records.
    Enough,
}

struct Tailing {
    bootstrap: String,
    topic: String,
    shape: Shape,
    isolation: Isolation,
    begin: Begin,
    until: Until,
    /// Records still to show.
    left: u64,
    terminal: Terminal,
}

impl Tailing {
    fn run(mut self) -> Result<()> {
        let admin = Admin::new(&self.bootstrap, self.isolation)?;
        admin.wait(ANSWER, |_| Ok(()))?;
        let ends = admin.ends(&self.topic)?;
        let spans: Vec<_> = ends.iter().map(|ends| self.begin.offset(ends)..ends.end).collect();
        if self.until == Until::Enough {
            let from: Vec<_> = spans.iter().map(|span| span.start).collect();
            return self.follow(&from);
        }
        let (bootstrap, topic) = (self.bootstrap.clone(), self.topic.clone());
        read(&bootstrap, &topic, self.isolation, &spans, |record| self.show(record))
    }

    fn follow(&mut self, from: &[i64]) -> Result<()> {
        let mut follower = Follower::at(&self.bootstrap, &self.topic, self.isolation, from)?;
        loop {
            let mut losses = follower.look()?;
            let ends: Vec<_> = follower.partitions().iter().map(|partition| partition.end).collect();
            losses.extend(follower.read_to(&ends, |record| self.show(record))?);
            losses.iter().for_each(|loss| self.terminal.progress(&lost(&self.topic, loss)));
            if self.left == 0 {
                return Ok(());
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn show(&mut self, record: &Record<'_>) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let line = Line { topic: &self.topic, shape: &self.shape, record };
        let text = if self.terminal.is_json() { line.json() } else { line.human(self.terminal.paint()) };
        self.terminal.line(&text)
    }
}

/// What is not shown, and why.
fn lost(topic: &str, loss: &Loss) -> String {
    match loss {
        Loss::Unread { partition, offsets } => {
            format!(
                "{topic}-{partition}: the records {} to {} were deleted before they were read",
                offsets.start,
                offsets.end - 1
            )
        }
        Loss::Anew { partition } => {
            format!("{topic}-{partition}: the topic was deleted and made anew; this is what it holds now")
        }
    }
}
