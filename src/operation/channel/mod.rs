//! The two channels to Flink: its REST API and its command line. Both take the same orders, show the line that they
//! send, and report whether an order was carried out, was not, or that this is unknown.

use anyhow::{Error, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::control::Control;
use crate::flink::jar::Run;

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
