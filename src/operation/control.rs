//! What every operation works with: where the stack is, how to ask it, and whom to tell.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use super::marks::Marks;
use crate::failure::Failure;
use crate::flink::{Flink, cli};
use crate::history::operated::Part;
use crate::platform::{Contract as _, Line, Platform};
use crate::wait::{Seen, until};

/// How often to look at something that changes in a moment.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// How an operation speaks to Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Its REST API
    #[default]
    Rest,
    /// Its command line, in a client container
    Cli,
}

/// Something to tell while an operation goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A request is sent, or a command typed.
    Asked {
        /// The part that it belongs to.
        part: String,
        /// The request or the command line.
        line: String,
    },
    /// A part waits; what was seen last.
    Waiting {
        /// The part.
        part: String,
        /// What was seen last.
        seen: String,
    },
    /// A part is done.
    Done(Part),
}

/// A stack to operate on.
pub struct Control<'a> {
    platform: &'a Platform,
    flink: &'a Flink,
    via: Via,
    limit: Duration,
    by: String,
    news: mpsc::UnboundedSender<News>,
    interrupted: watch::Receiver<bool>,
    /// Whether an interruption is heeded; not while a job is brought back.
    deaf: Cell<bool>,
    parts: RefCell<Vec<Part>>,
}

impl<'a> Control<'a> {
    /// Operates on a stack for the command `by`, and tells through `news` what happens. Each wait may take `limit`. `interrupted` becomes true
    /// when the user wants it to end; a job that was stopped by then is started again first.
    pub fn new(
        (platform, flink): (&'a Platform, &'a Flink),
        (via, limit): (Via, Duration),
        by: &str,
        news: mpsc::UnboundedSender<News>,
        interrupted: watch::Receiver<bool>,
    ) -> Self {
        let (by, deaf, parts) = (by.to_owned(), Cell::new(false), RefCell::default());
        Self { platform, flink, via, limit, by, news, interrupted, deaf, parts }
    }

    pub(super) fn platform(&self) -> &'a Platform {
        self.platform
    }

    pub(super) fn flink(&self) -> &'a Flink {
        self.flink
    }

    /// What is noted of the job, in the name of the command.
    pub(super) fn marks(&self) -> Marks<'_> {
        Marks::by(self.platform, &self.by)
    }

    pub(super) fn via(&self) -> Via {
        self.via
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the user wants it to end.
    pub(super) fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow() && !self.deaf.get()
    }

    /// From now on nothing is given up: a job is to be brought back.
    pub(super) fn heed_no_interruption(&self) {
        self.deaf.set(true);
    }

    /// Does a part, times it, and tells its end. `work` gives a result, and what was seen.
    pub(super) async fn part<T>(
        &self,
        name: &str,
        asked: Option<String>,
        work: impl Future<Output = Result<(T, String)>>,
    ) -> Result<T> {
        let begun = Instant::now();
        if let Some(line) = &asked {
            self.tell(News::Asked { part: name.to_owned(), line: line.clone() });
        }
        let (result, seen) = work.await?;
        let part = Part { name: name.to_owned(), asked, seen, seconds: begun.elapsed().as_secs_f64() };
        self.parts.borrow_mut().push(part.clone());
        self.tell(News::Done(part));
        Ok(result)
    }

    /// Waits within the time limit, and tells what is seen meanwhile. An error of the look that says only that nobody
    /// answers now is something seen; any other ends the wait.
    pub(super) async fn until<T>(
        &self,
        part: &str,
        what: impl Display,
        mut look: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        until(&what, self.limit, LOOK, async || {
            if self.is_interrupted() {
                bail!(Failure::Interrupted(format!(
                    "interrupted while waiting for {what}\n  what was asked for goes on by itself; playground job and ps show how far"
                )));
            }
            let seen = match look().await {
                Err(error) if crate::flink::request::is_away(&error) => {
                    Seen::NotYet("the JobManager does not answer".to_owned())
                }
                seen => seen?,
            };
            if let Seen::NotYet(last) = &seen {
                self.waiting(part, last);
            }
            Ok(seen)
        })
        .await
    }

    pub(super) fn waiting(&self, part: &str, seen: &str) {
        self.tell(News::Waiting { part: part.to_owned(), seen: seen.to_owned() });
    }

    fn tell(&self, news: News) {
        // Who does not listen does not want to know.
        let _ = self.news.send(news);
    }

    /// The parts so far, and how long they took in all.
    pub(super) fn take_parts(&self) -> (Vec<Part>, f64) {
        let parts = std::mem::take(&mut *self.parts.borrow_mut());
        let seconds = parts.iter().map(|part| part.seconds).sum();
        (parts, seconds)
    }

    /// Types a command line of Flink's in a client container; returns what it printed to standard output.
    ///
    /// # Errors
    /// The root cause that it printed, when it ends with another exit code than 0.
    pub(super) async fn flink_command(&self, command: &[String]) -> Result<String> {
        let (code, printed) = run_in(self.platform, "client", command, self.limit).await?;
        if code != 0 {
            bail!("{}: exit code {code}: {}", shown(command), cli::cause(&printed.all));
        }
        Ok(printed.stdout)
    }
}

/// A command line as one would type it.
pub(super) fn shown(command: &[String]) -> String {
    shlex::try_join(command.iter().map(String::as_str)).unwrap_or_else(|_| command.join(" "))
}

/// What a command printed.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: String,
    /// With standard error.
    pub(super) all: String,
}

/// Runs a command in a service's container and returns its exit code and what it printed.
pub(super) async fn run_in(
    platform: &Platform,
    service: &str,
    command: &[String],
    limit: Duration,
) -> Result<(i64, Printed)> {
    let (sender, mut lines) = mpsc::channel::<Line>(64);
    let collect = async {
        let mut printed = Printed::default();
        while let Some(line) = lines.recv().await {
            for text in [Some(&mut printed.all), (!line.stderr).then_some(&mut printed.stdout)].into_iter().flatten() {
                text.push_str(&line.text);
                text.push('\n');
            }
        }
        printed
    };
    let both = async { tokio::join!(platform.exec(service, command, sender), collect) };
    let in_time = tokio::time::timeout(limit, both).await;
    let (ended, printed) =
        in_time.with_context(|| format!("{}: not done within {} s", shown(command), limit.as_secs()))?;
    Ok((ended.with_context(|| shown(command))?.exit_code, printed))
}

/// Now, in ms since the epoch.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Seconds from one time to another, both in ms since the epoch.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of an operation are far below 2^52")]
pub(super) fn seconds(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1000.0
}
