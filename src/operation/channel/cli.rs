//! Orders as command lines of Flink's own, run in a client container.

use anyhow::anyhow;

use super::{Answer, Order};
use crate::flink::cli;
use crate::flink::request::says_undecided;
use crate::operation::control::Control;
use crate::operation::exec::{Printed, run_in};

/// The service in whose container it is typed.
const CLIENT: &str = "client";

/// What the command line prints when it did not reach a JobManager, or lost it: it may have been heard before.
const LOST: [&str; 6] = [
    "Connection refused",
    "Connection reset",
    "ConnectException",
    "ClosedChannelException",
    "retries has been exhausted",
    "Service Unavailable",
];

/// The command line that an order is.
pub(super) fn command(order: &Order) -> Vec<String> {
    match order {
        Order::Savepoint { job, .. } => cli::savepoint(job),
        Order::Dispose { path } => cli::dispose(path),
        Order::Stop { job, drain, .. } => cli::stop(job, *drain),
        Order::Cancel { job } => cli::cancel(job),
        Order::Run { id, run } => cli::run(run, id),
    }
}

pub(super) async fn send(control: &Control<'_>, order: &Order) -> Answer {
    let command = command(order);
    match run_in(control.platform(), CLIENT, &command, control.limit()).await {
        Ok((0, printed)) => done(order, &printed, &command),
        Ok((code, printed)) => {
            let failed = anyhow!("{}: exit code {code}: {}", name(&command), cli::cause(&printed.all));
            if is_lost(&printed.all) || !is_left_alone(control, order).await {
                Answer::Lost(failed)
            } else {
                Answer::Refused(failed)
            }
        }
        Err(error) => Answer::Lost(error),
    }
}

fn done(order: &Order, printed: &Printed, command: &[String]) -> Answer {
    let told = match order {
        Order::Savepoint { .. } | Order::Stop { .. } => cli::location(&printed.stdout),
        Order::Run { .. } => cli::job(&printed.stdout),
        Order::Dispose { .. } | Order::Cancel { .. } => return Answer::Done(None),
    };
    match told {
        Some(told) => Answer::Done(Some(told)),
        None => Answer::Lost(anyhow!("{} succeeded, but printed no result", name(command))),
    }
}

/// As in `flink run`; the whole line was told when it was typed.
fn name(command: &[String]) -> String {
    command.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn is_lost(printed: &str) -> bool {
    says_undecided(printed) || LOST.iter().any(|word| printed.contains(word))
}

/// A `flink stop` that fails does not tell whether the job was stopped before it did: the job itself does.
async fn is_left_alone(control: &Control<'_>, order: &Order) -> bool {
    let Order::Stop { job: id, .. } = order else { return true };
    let look = async {
        let runs = control.flink().job(id).await?.is_running();
        anyhow::Ok(runs && !control.flink().is_savepoint_under_way(id).await?)
    };
    look.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_manager_that_is_gone_is_told_from_one_that_refuses() {
        assert!(is_lost("Caused by: java.net.ConnectException: Connection refused: jobmanager:8081"));
        assert!(is_lost("Caused by: java.util.concurrent.TimeoutException"));
        assert!(!is_lost("Caused by: java.lang.IllegalArgumentException: unknown options: [nonsense]"));
    }
}
