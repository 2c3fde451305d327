//! How far the job is behind, polled in the background.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::flink::job::Summary;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::observe::lag;
use crate::report::backpressure::Lag;
use crate::workload::model::Workload;

/// Between two queries: short enough that each measurement of the job has a fresh lag.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the broker may take to answer at all.
const ANSWER: Duration = Duration::from_secs(1);

/// The latest answer.
pub(super) struct Newest {
    answer: watch::Receiver<Option<Lag>>,
}

impl Newest {
    /// Starts polling `kafka` for a job's lag, on a thread of its own, since Kafka's client blocks.
    pub(super) fn of(job: &Summary, workload: Workload, kafka: Result<String>) -> Result<Self> {
        let kafka = match kafka {
            _ if job.name != workload.job.name => {
                let (ours, input) = (&workload.job.name, &workload.input.topic);
                return Ok(Self::never(format!("only {ours} is known to read {input}")));
            }
            Err(error) => return Ok(Self::never(error.to_string())),
            Ok(kafka) => kafka,
        };
        let admin = Admin::new(&kafka, Isolation::Uncommitted)?;
        let (sender, answer) = watch::channel(None);
        // Not a thread of the runtime, which would wait for it when this command ends.
        let work = move || {
            while sender.send(Some(ask(&admin, &workload))).is_ok() {
                std::thread::sleep(PAUSE);
            }
        };
        std::thread::Builder::new().name("lag".to_owned()).spawn(work).context("start a thread")?;
        Ok(Self { answer })
    }

    /// A lag that cannot be queried, and why.
    fn never(why: String) -> Self {
        Self { answer: watch::channel(Some(Lag::Unknown(why))).1 }
    }

    /// Waits for the first answer, but not for long.
    pub(super) async fn answered(&mut self) {
        let _ = timeout(2 * ANSWER, self.answer.wait_for(Option::is_some)).await;
    }

    /// The latest known lag.
    pub(super) fn get(&self) -> Lag {
        let answer = self.answer.borrow().clone();
        answer.unwrap_or_else(|| Lag::Unknown("the broker has not answered yet".to_owned()))
    }
}

fn ask(admin: &Admin, workload: &Workload) -> Lag {
    match admin.wait(ANSWER, |_| Ok(())).and_then(|()| lag::look(admin, workload)) {
        Ok(records) => Lag::Records(records.unsigned_abs()),
        Err(error) => Lag::Unknown(format!("{error:#}")),
    }
}
