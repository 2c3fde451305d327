//! Orders as requests to the REST API. What takes its time is followed by its trigger.

use anyhow::{Error, Result, anyhow, bail};
use reqwest::StatusCode;

use super::{Answer, Order};
use crate::flink::request::{Request, is_undecided, refused};
use crate::flink::savepoint::{self, Triggered};
use crate::flink::{jar, job};
use crate::operation::control::{Control, LOOK};
use crate::wait::{Seen, until};

/// The request that an order is.
pub(super) fn request(order: &Order) -> Request {
    match order {
        Order::Savepoint { job, trigger } => savepoint::take(job, trigger),
        Order::Dispose { path } => savepoint::dispose(path),
        Order::Stop { job, drain, trigger } => savepoint::stop(job, *drain, trigger),
        Order::Cancel { job } => job::cancel(job),
        Order::Run { id, run } => jar::run(run, id),
    }
}

pub(super) async fn send(control: &Control<'_>, part: &str, order: &Order) -> Answer {
    let (flink, request) = (control.flink(), request(order));
    let sent = match order {
        Order::Savepoint { job, trigger } => match flink.order(&request).await {
            Ok(()) => return follow(control, part, &savepoint::status(job, trigger), Interruption::Heeded).await,
            Err(error) => Err(error),
        },
        Order::Stop { job, trigger, .. } => match flink.order(&request).await {
            Ok(()) => return follow(control, part, &savepoint::status(job, trigger), Interruption::Ignored).await,
            Err(error) => Err(error),
        },
        Order::Dispose { .. } => match flink.trigger(&request).await {
            Ok(trigger) => {
                return follow(control, part, &savepoint::disposal_status(&trigger), Interruption::Heeded).await;
            }
            Err(error) => Err(error),
        },
        Order::Cancel { .. } => flink.order(&request).await.map(|()| None),
        Order::Run { .. } => flink.run(&request, control.limit()).await.map(Some),
    };
    sent.map_or_else(failed, Answer::Done)
}

fn failed(error: Error) -> Answer {
    if is_undecided(&error) { Answer::Lost(error) } else { Answer::Refused(error) }
}

/// Whether the user may end a wait.
enum Interruption {
    Heeded,
    /// A job that is being stopped is not left on its own.
    Ignored,
}

/// Follows a trigger to its end.
async fn follow(control: &Control<'_>, part: &str, status: &Request, interruption: Interruption) -> Answer {
    let look = async || {
        Ok(match control.flink().triggered(status).await {
            Ok(Triggered::UnderWay) => {
                control.waiting(part, "in progress");
                Seen::NotYet("in progress".to_owned())
            }
            Ok(Triggered::Done(told)) => Seen::Done(Answer::Done(told)),
            Ok(Triggered::Failed(cause)) => Seen::Done(Answer::Refused(anyhow!("{cause}"))),
            // Whatever the server says here, it has taken the order before.
            Err(error) => Seen::Done(Answer::Lost(error)),
        })
    };
    let waited = match interruption {
        Interruption::Heeded => control.until(part, "the savepoint", look).await,
        Interruption::Ignored => until("the savepoint", control.limit(), LOOK, look).await,
    };
    waited.unwrap_or_else(Answer::Lost)
}

/// What a trigger started, if the JobManager that answers now knows it: a new one does not.
pub(in crate::operation) async fn remembered(control: &Control<'_>, order: &Order) -> Result<Option<Triggered>> {
    let (Order::Savepoint { job, trigger } | Order::Stop { job, trigger, .. }) = order else {
        bail!("only savepoints have triggers");
    };
    match control.flink().triggered(&savepoint::status(job, trigger)).await {
        Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND) => Ok(None),
        told => told.map(Some),
    }
}
