//! The two channels to Flink: its REST API and its command line. Both take the same orders, show the line that they
//! send, and report whether an order was carried out, was not, or that this is unknown.

use anyhow::{Error, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::control::Control;
use crate::flink::id;
use crate::flink::jar::Run;
use crate::wait::Seen;

mod cli;
pub(super) mod rest;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Its REST API
    #[default]
    Rest,
    /// Its command line, in a client container
    Cli,
}

/// Something that Flink is asked to do, by either channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Take a savepoint; the job runs on.
    Savepoint {
        /// Of which job, by its id.
        job: String,
        /// The caller's id of it; the command line has none.
        trigger: String,
    },
    /// Delete a savepoint's files.
    Dispose {
        /// Its path.
        path: String,
    },
    /// Stop a job with a savepoint.
    Stop {
        /// Which job, by its id.
        job: String,
        /// Whether all windows fire first.
        drain: bool,
        /// The caller's id of it; the command line has none.
        trigger: String,
    },
    /// End a job without a savepoint.
    Cancel {
        /// Which job, by its id.
        job: String,
    },
    /// Run an uploaded jar.
    Run {
        /// The id that the job gets.
        id: String,
        /// What, and from where.
        run: Run,
    },
}

impl Order {
    /// The same under another trigger: to the old one, Flink gives the old answer.
    pub(super) fn anew(&self) -> Self {
        let mut order = self.clone();
        if let Self::Savepoint { trigger, .. } | Self::Stop { trigger, .. } = &mut order {
            *trigger = id::fresh();
        }
        order
    }
}

/// The part that waits for a job that restarts.
const RESTART: &str = "restarting";
/// In Flink's reason for a savepoint that it did not begin, because the job was restarting just then
/// (`NOT_ALL_REQUIRED_TASKS_RUNNING` in its `CheckpointFailureReason`).
const NOT_ALL_RUNNING: &str = "Not all required tasks are currently running";

/// Whether Flink refused an order because the job was restarting just then.
pub(super) fn came_during_a_restart(cause: &Error) -> bool {
    format!("{cause:#}").contains(NOT_ALL_RUNNING)
}

/// What a channel reports about an order.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was carried out: a savepoint's path, the id of a running job, or nothing to report.
    Done(Option<String>),
    /// It was not carried out and will not be, and why.
    Refused(Error),
    /// It may have been carried out, or may be later: the answer was lost, came too late, or says so itself.
    Lost(Error),
}

impl Answer {
    fn seen(&self) -> String {
        match self {
            Self::Done(Some(told)) => told.clone(),
            Self::Done(None) => "done".to_owned(),
            Self::Refused(cause) => format!("refused: {cause:#}"),
            Self::Lost(error) => format!("no answer: {error:#}"),
        }
    }
}

impl Via {
    /// The request or command line that an order is.
    #[must_use]
    pub fn line(self, order: &Order) -> String {
        match self {
            Self::Rest => rest::request(order).to_string(),
            Self::Cli => super::exec::shown(&cli::command(order)),
        }
    }
}

impl Control<'_> {
    /// Waits until a job that restarts runs in every subtask again, as a part.
    pub(super) async fn await_restart(&self, job: &str) -> Result<()> {
        let wait = self.until(RESTART, "the job to run again", async || {
            let job = self.flink().job(job).await?;
            let (running, all) = job.subtasks();
            let text = format!("{running} of {all} subtasks RUNNING");
            if matches!(job.state.as_str(), "FINISHED" | "CANCELED" | "FAILED") {
                bail!("the job is {}", job.state);
            }
            Ok(if job.is_running() { Seen::Done(text) } else { Seen::NotYet(format!("{}, {text}", job.state)) })
        });
        self.part(RESTART, None, async { Ok(((), format!("{}; asking again", wait.await?))) }).await
    }

    /// Gives Flink an order, as a part, and follows it as far as the channel can.
    pub(super) async fn ask(&self, part: &str, order: &Order) -> Result<Answer> {
        self.part(part, Some(self.via().line(order)), async {
            let answer = match self.via() {
                Via::Rest => rest::send(self, part, order).await,
                Via::Cli => cli::send(self, order).await,
            };
            let seen = answer.seen();
            Ok((answer, seen))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_that_a_restart_prevented_is_asked_for_under_another_trigger() {
        let refused = |why: &'static str| came_during_a_restart(&Error::msg(why).context("stop"));
        assert!(refused(
            "org.apache.flink.runtime.checkpoint.CheckpointException: Checkpoint triggering task Source: orders[13] (1/2) of job 78b4 \
             is not being executed at the moment. Aborting checkpoint. Failure reason: Not all required tasks are currently running."
        ));
        assert!(!refused("Failure reason: Checkpoint expired before completing."));
        let stop = Order::Stop { job: "7".to_owned(), drain: true, trigger: "a".to_owned() };
        assert!(matches!(stop.anew(), Order::Stop { job, drain: true, trigger } if job == "7" && trigger != "a"));
    }
}
