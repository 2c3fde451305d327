//! The one way to wait: a condition, a deadline, an interval. A timeout reports what was last seen.

use std::fmt::Display;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep, timeout_at};

/// How long a look may go on when the time is up: it may be about to find what is waited for.
const HANGS: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(30) };

/// What one look at a condition found.
#[derive(Debug)]
pub enum Seen<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; the text says what was seen instead, for the message of a timeout.
    NotYet(String),
}

/// Looks every `interval` until the condition holds.
///
/// # Errors
/// The look's own error at once; after `limit`, one that names `what` and what was last seen.
pub async fn until<T>(
    what: impl Display,
    limit: Duration,
    interval: Duration,
    mut look: impl AsyncFnMut() -> Result<Seen<T>>,
) -> Result<T> {
    let limit = Limit::from_now(limit);
    loop {
        if let Some(value) = limit.holds(&what, limit.looks(&what, look()).await?)? {
            return Ok(value);
        }
        sleep(interval).await;
    }
}

/// The same where the waiting itself may have to go to another thread: of an async closure the compiler cannot tell whether its
/// futures may.
///
/// # Errors
/// As [`until`].
pub async fn until_of<T, F: Future<Output = Result<Seen<T>>>>(
    what: impl Display,
    limit: Duration,
    interval: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T> {
    let limit = Limit::from_now(limit);
    loop {
        if let Some(value) = limit.holds(&what, limit.looks(&what, look()).await?)? {
            return Ok(value);
        }
        sleep(interval).await;
    }
}

struct Limit {
    is: Duration,
    /// Without an end where no clock tells one.
    deadline: Option<Instant>,
}

impl Limit {
    fn from_now(limit: Duration) -> Self {
        Self { is: limit, deadline: Instant::now().checked_add(limit) }
    }

    /// One look. A connection that hangs is no reason to wait for ever: what it was to find is not known then.
    async fn looks<T>(&self, what: &impl Display, look: impl Future<Output = Result<Seen<T>>>) -> Result<Seen<T>> {
        let Some(deadline) = self.deadline else { return Box::pin(look).await };
        timeout_at(deadline + HANGS, Box::pin(look)).await.unwrap_or_else(|_| {
            bail!("{what}: timed out after {} s; the last look at it did not come to an end", self.is.as_secs())
        })
    }

    fn holds<T>(&self, what: &impl Display, seen: Seen<T>) -> Result<Option<T>> {
        match seen {
            Seen::Done(value) => Ok(Some(value)),
            Seen::NotYet(last) if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                bail!("{what}: timed out after {} s; last seen: {last}", self.is.as_secs())
            }
            Seen::NotYet(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_ends_the_wait_as_well() {
        let look = async || std::future::pending::<Result<Seen<()>>>().await;
        let error = until("slots", Duration::ZERO, Duration::ZERO, look).await.unwrap_err();
        assert_eq!(error.to_string(), "slots: timed out after 0 s; the last look at it did not come to an end");
    }

    #[tokio::test]
    async fn a_time_out_tells_what_was_last_seen() {
        let look = async || Ok(Seen::<()>::NotYet("1 of 2 slots".into()));
        let error = until("slots", Duration::ZERO, Duration::ZERO, look).await.unwrap_err();
        assert_eq!(error.to_string(), "slots: timed out after 0 s; last seen: 1 of 2 slots");
    }

    #[tokio::test]
    async fn a_limit_that_no_clock_tells_is_none() {
        let mut looks = 0;
        let value = until("second look", Duration::MAX, Duration::ZERO, async || {
            looks += 1;
            Ok(if looks == 2 { Seen::Done(looks) } else { Seen::NotYet(String::new()) })
        });
        assert_eq!(value.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn it_returns_what_the_condition_gives() {
        let mut looks = 0;
        let value = until("third look", Duration::from_secs(9), Duration::ZERO, async || {
            looks += 1;
            Ok(if looks == 3 { Seen::Done(looks) } else { Seen::NotYet(format!("look {looks}")) })
        });
        assert_eq!(value.await.unwrap(), 3);
    }
}
