//! What every operation works with: the stack, the channel to Flink, and the receiver of its progress.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::{mpsc, watch};

use super::channel::Via;
use super::marks::Marks;
use crate::failure::Failure;
use crate::flink::Flink;
use crate::flink::request::is_undecided;
use crate::history::operated;
use crate::platform::Platform;
use crate::wait::{Seen, until};
use crate::workload::model::Workload;

/// How often to look at something that changes in a moment.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Progress of a part of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum PartNews {
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
    Done(operated::Part),
}

/// A stack to operate on.
pub struct Control<'a> {
    platform: &'a Platform,
    flink: &'a Flink,
    workload: &'a Workload,
    via: Via,
    limit: Duration,
    by: String,
    news: mpsc::UnboundedSender<PartNews>,
    interrupted: watch::Receiver<bool>,
    /// Whether Ctrl-C is heeded; not while a job is being brought back.
    deaf: Cell<bool>,
    parts: RefCell<Vec<operated::Part>>,
}

impl<'a> Control<'a> {
    /// Operates on a stack for the command `by`, and tells through `news` what happens. Each wait may take `limit`.
    /// `interrupted` becomes true when the user wants it to end; a job that was stopped by then is started again first.
    pub fn new(
        (platform, flink, workload): (&'a Platform, &'a Flink, &'a Workload),
        (via, limit): (Via, Duration),
        by: &str,
        news: mpsc::UnboundedSender<PartNews>,
        interrupted: watch::Receiver<bool>,
    ) -> Self {
        let (by, deaf, parts) = (by.to_owned(), Cell::new(false), RefCell::default());
        Self { platform, flink, workload, via, limit, by, news, interrupted, deaf, parts }
    }

    pub(super) fn platform(&self) -> &'a Platform {
        self.platform
    }

    pub(super) fn flink(&self) -> &'a Flink {
        self.flink
    }

    /// What the stack runs.
    pub(super) fn workload(&self) -> &'a Workload {
        self.workload
    }

    /// What is noted of the job of this name, in the name of the command.
    pub(super) fn marks<'b>(&'b self, name: Option<&'b str>) -> Marks<'b> {
        Marks::by(self.platform, &self.by, name)
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

    /// From now on Ctrl-C is ignored, because a job has to be brought back.
    pub(super) fn heed_no_interruption(&self) {
        self.deaf.set(true);
    }

    /// Carries out a part, times it and reports its end. `work` returns a result, and what was seen.
    pub(super) async fn part<T>(
        &self,
        name: &str,
        asked: Option<String>,
        work: impl Future<Output = Result<(T, String)>>,
    ) -> Result<T> {
        let begun = Instant::now();
        if let Some(line) = &asked {
            self.tell(PartNews::Asked { part: name.to_owned(), line: line.clone() });
        }
        let (result, seen) = work.await?;
        let part = operated::Part { name: name.to_owned(), asked, seen, seconds: begun.elapsed().as_secs_f64() };
        self.parts.borrow_mut().push(part.clone());
        self.tell(PartNews::Done(part));
        Ok(result)
    }

    /// Waits as [`Control::settle`] does, and gives up when the user wants it to end.
    pub(super) async fn until<T>(
        &self,
        part: &str,
        what: impl Display,
        mut look: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        let what = what.to_string();
        self.settle(part, &what, async || {
            if self.is_interrupted() {
                bail!(Failure::Interrupted(format!(
                    "interrupted while waiting for {what}\n  the request itself is not cancelled; playground job and ps show its progress"
                )));
            }
            look().await
        })
        .await
    }

    /// Waits within the time limit, and tells what is seen meanwhile. An error of the look that says only that nobody
    /// answers now, or that a JobManager which is just losing its lead cannot tell, is something seen; any other ends the
    /// wait.
    pub(super) async fn settle<T>(
        &self,
        part: &str,
        what: impl Display,
        mut look: impl AsyncFnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        until(&what, self.limit, LOOK, async || {
            let seen = match look().await {
                Err(error) if is_undecided(&error) => Seen::NotYet("the JobManager does not answer".to_owned()),
                seen => seen?,
            };
            if let Seen::NotYet(last) = &seen {
                self.waiting(part, last);
            }
            Ok(seen)
        })
        .await
    }

    /// Applies the time limit to work of the platform, which has none of its own.
    pub(super) async fn in_time<T>(&self, what: impl Display, work: impl Future<Output = Result<T>>) -> Result<T> {
        let in_time = tokio::time::timeout(self.limit, work).await;
        in_time.with_context(|| format!("{what}: timed out after {} s", self.limit.as_secs()))?
    }

    pub(super) fn waiting(&self, part: &str, seen: &str) {
        self.tell(PartNews::Waiting { part: part.to_owned(), seen: seen.to_owned() });
    }

    fn tell(&self, news: PartNews) {
        // The receiver is gone only if the operation was aborted.
        let _ = self.news.send(news);
    }

    /// The parts so far, and how long they took in all.
    pub(super) fn take_parts(&self) -> (Vec<operated::Part>, f64) {
        let parts = std::mem::take(&mut *self.parts.borrow_mut());
        let seconds = parts.iter().map(|part| part.seconds).sum();
        (parts, seconds)
    }
}

/// Seconds from one time to another, both in ms since the epoch.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of an operation are far below 2^52")]
pub(super) fn seconds(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1000.0
}
