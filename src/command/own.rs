//! One owner of a stack at a time: who changes it takes its lock first, puts right what a killed command left, and lets go.
//! Looking is always free.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use crate::cli::Global;
use crate::operation::marks::{self, Marks};
use crate::operation::reach;
use crate::platform::{Journal as _, Life, Lock, Owner, Platform};
use crate::report::{self, Terminal};
use crate::scenario::fault;
use crate::wait::{Seen, until};

/// Two that ask in the same moment may both be refused: they ask again for so long, unless the other has been at it longer.
const SAME_MOMENT: Duration = Duration::from_secs(1);
/// Between two tries; with it up to as much again, so that two processes do not ask in step.
const LOOK: Duration = Duration::from_millis(100);

/// Does something to the project's stack as its only owner, after what a killed command left there was put right.
///
/// # Errors
/// Another owner, at once or after `--wait`; the error of `work`, to which one of letting go is added.
pub(super) async fn owning<T>(
    global: &Global,
    what: &str,
    terminal: &Terminal,
    work: impl AsyncFnOnce(&Platform) -> Result<T>,
) -> Result<T> {
    alone(global, what, terminal, async |platform| {
        put_right(platform, terminal).await?;
        work(platform).await
    })
    .await
}

/// The same, with all left as it is first: for what takes it away.
pub(super) async fn alone<T>(
    global: &Global,
    what: &str,
    terminal: &Terminal,
    work: impl AsyncFnOnce(&Platform) -> Result<T>,
) -> Result<T> {
    let platform = Platform::connect(&global.project).await?;
    let lock = Lock { what: what.to_owned(), owner: Owner::current()?, since: Timestamp::now().as_millisecond() };
    take(&platform, &lock, global, terminal).await?;
    let done = Box::pin(work(&platform)).await;
    both(done, platform.unlock(&lock).await)
}

/// Puts right what a killed command left, when nobody owns the stack now. An owner has done so, or is about to. Looking is
/// not kept from it by what cannot be put right now: that is told.
pub(super) async fn put_right_if_free(platform: &Platform, terminal: &Terminal) -> Result<()> {
    if let Err(error) = try_to_put_right(platform, terminal).await {
        terminal.progress(&format!("what a killed command left was not put right: {error:#}"));
    }
    Ok(())
}

async fn try_to_put_right(platform: &Platform, terminal: &Terminal) -> Result<()> {
    let marks = platform.marks().await?;
    if !marks.iter().any(marks::is_left) {
        return Ok(());
    }
    let what = "a look at what a killed command left".to_owned();
    let lock = Lock { what, owner: Owner::current()?, since: Timestamp::now().as_millisecond() };
    if platform.lock(&lock).await?.is_some() {
        return Ok(());
    }
    let done = put_right(platform, terminal).await;
    both(done, platform.unlock(&lock).await)
}

/// The first error, with what went wrong while letting go.
fn both<T>(done: Result<T>, released: Result<()>) -> Result<T> {
    match (done, released.context("let the stack go")) {
        (done, Ok(())) => done,
        (Ok(_), Err(error)) => Err(error),
        (Err(error), Err(also)) => Err(error.context(format!("{also:#}"))),
    }
}

/// Undoes faults, and tells of a job that is stopped; one that runs again is nothing to tell of any more.
async fn put_right(platform: &Platform, terminal: &Terminal) -> Result<()> {
    for healed in fault::heal(platform).await? {
        terminal.progress(&report::scenario::healed(&healed));
    }
    let flink = reach::flink(platform).await?;
    for left in marks::left_behind(platform, flink.as_ref()).await? {
        terminal.progress(&report::operation::left(&left));
        if left.advice.is_none() {
            Marks::by(platform, &left.mark.by, left.mark.job.name.as_deref()).settled(&left.mark.target).await?;
        }
    }
    Ok(())
}

async fn take(platform: &Platform, lock: &Lock, global: &Global, terminal: &Terminal) -> Result<()> {
    let begun = std::time::Instant::now();
    let wait = global.wait.map(Duration::from_secs);
    let step = LOOK + Duration::from_millis(u64::from(lock.owner.pid % 100));
    let mut told = false;
    until("the stack to be let go", wait.unwrap_or(SAME_MOMENT), step, async || {
        let Some(other) = platform.lock(lock).await? else { return Ok(Seen::Done(())) };
        let is_new = lock.since.saturating_sub(other.since) < 1000 && begun.elapsed() < SAME_MOMENT;
        if wait.is_none() && !is_new {
            bail!(refusal(&other, global, platform));
        }
        if wait.is_some() && !std::mem::replace(&mut told, true) {
            terminal.progress(&format!("waiting for {}", owner(&other)));
        }
        Ok(Seen::NotYet(owner(&other)))
    })
    .await
}

/// As in `upgrade (process 7, since 13:09:44 UTC)`.
fn owner(lock: &Lock) -> String {
    let since = Timestamp::from_millisecond(lock.since).map(|since| since.strftime("%H:%M:%S UTC").to_string());
    format!("{} ({}, since {})", lock.what, lock.owner.name(), since.unwrap_or_else(|_| "an unknown time".to_owned()))
}

fn refusal(other: &Lock, global: &Global, platform: &Platform) -> String {
    let project = &global.project;
    let advice = match other.owner.life() {
        Life::Unknown => format!(
            "Whether that process still runs cannot be told from here. If it does not, {} frees the stack",
            platform.lock_removal(other)
        ),
        Life::Alive | Life::Ended => {
            "--wait waits until it has ended; ps, logs, verify and tail need not wait".to_owned()
        }
    };
    format!("project {project} is in use by {}\n  Nothing was changed. {advice}", owner(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_with_its_process_and_since_when() {
        let owner_of = Owner { pid: 7, ..Owner::current().unwrap() };
        let lock = Lock { what: "upgrade".into(), owner: owner_of, since: 1_795_784_984_000 };
        assert_eq!(owner(&lock), "upgrade (process 7, since 13:09:44 UTC)");
    }
}
