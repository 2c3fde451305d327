//! One owner of a stack at a time: a command that changes it takes its lock, notes what its JobManager knows and would take
//! with it, cleans up what a killed command left behind, and releases the lock. Looking never needs the lock.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use crate::cli::Global;
use crate::failure::with;
use crate::operation::marks::{self, Marks};
use crate::operation::workload::Named;
use crate::operation::{reach, restores};
use crate::platform::{Elsewhere, Journal as _, Life, Lock, Owner, Platform};
use crate::report::{self, Terminal};
use crate::scenario::fault;
use crate::wait::{Seen, until};

/// Two commands that ask at the same moment may both be refused. They retry for this long, unless the other owner is
/// older.
const SAME_MOMENT: Duration = Duration::from_secs(1);
/// Between two tries; up to the same is added, so that two processes do not retry in step.
const LOOK: Duration = Duration::from_millis(100);

/// Does `work` as the stack's only owner, after cleaning up what a killed command left behind.
///
/// # Errors
/// Another owner, at once or after `--wait`; or the error of `work`, with that of releasing the stack added.
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

/// The same without cleaning up first: for `down`, which removes everything anyway.
pub(super) async fn alone<T>(
    global: &Global,
    what: &str,
    terminal: &Terminal,
    work: impl AsyncFnOnce(&Platform) -> Result<T>,
) -> Result<T> {
    let platform = Platform::connect(&global.meant()?, &global.project).await?;
    let lock = Lock { what: what.to_owned(), owner: Owner::current()?, since: Timestamp::now().as_millisecond() };
    take(&platform, &lock, global, terminal).await?;
    let done = Box::pin(async {
        // What a JobManager knows of restores goes with it, and whoever asks for a verdict later has only this note.
        if let Err(error) = restores::note(&platform).await
            && !error.is::<Elsewhere>()
        {
            terminal.progress(&format!("could not note the restores so far: {error:#}\n  verify may not be able to explain what was emitted again before now"));
        }
        work(&platform).await
    })
    .await;
    both(done, platform.unlock(&lock).await)
}

/// Puts right what a killed command left, when nobody owns the stack now. An owner has done so, or is about to. Looking is
/// not kept from it by what cannot be put right now: that is told.
pub(super) async fn put_right_if_free(platform: &Platform, terminal: &Terminal) -> Result<()> {
    if let Err(error) = try_to_put_right(platform, terminal).await {
        terminal.progress(&format!("could not clean up after a killed command: {error:#}"));
    }
    Ok(())
}

async fn try_to_put_right(platform: &Platform, terminal: &Terminal) -> Result<()> {
    let marks = platform.marks().await?;
    if !marks.iter().any(marks::is_left) {
        return Ok(());
    }
    let what = "cleaning up after a killed command".to_owned();
    let lock = Lock { what, owner: Owner::current()?, since: Timestamp::now().as_millisecond() };
    if platform.lock(&lock).await?.is_some() {
        return Ok(());
    }
    let done = put_right(platform, terminal).await;
    both(done, platform.unlock(&lock).await)
}

/// The first error, with what went wrong while letting go.
fn both<T>(done: Result<T>, released: Result<()>) -> Result<T> {
    let released = released.context("release the stack");
    match done {
        Ok(done) => released.map(|()| done),
        Err(error) => Err(with(error, released.err())),
    }
}

/// Undoes faults, and reports a job that was left stopped; once it is running again, that is forgotten.
async fn put_right(platform: &Platform, terminal: &Terminal) -> Result<()> {
    for healed in fault::heal(platform).await? {
        terminal.progress(&report::scenario::healed(&healed));
    }
    let flink = match reach::flink(platform).await {
        // Nobody here can ask it, so what is noted stays. What does not need to ask is free all the same.
        Err(error) if error.is::<Elsewhere>() => None,
        flink => flink?,
    };
    // A note that this version cannot read must not keep a command from writing it anew.
    let ours = Named::meant(None, platform).await.map_or_else(|_| String::new(), |named| named.workload.job.name);
    for left in marks::left_behind(platform, flink.as_ref(), &ours).await? {
        if marks::is_left(&left.mark) {
            terminal.progress(&report::operation::left(&left));
        }
        if left.advice.is_none() {
            let id = left.runs.as_ref().unwrap_or(&left.mark.target);
            Marks::by(platform, &left.mark.by, left.mark.job.name.as_deref()).settled(id).await?;
        }
    }
    Ok(())
}

async fn take(platform: &Platform, lock: &Lock, global: &Global, terminal: &Terminal) -> Result<()> {
    let begun = std::time::Instant::now();
    let wait = global.wait.map(Duration::from_secs);
    let step = LOOK + Duration::from_millis(u64::from(lock.owner.pid % 100));
    let mut told = false;
    until("wait for the stack", wait.unwrap_or(SAME_MOMENT), step, async || {
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
            "Whether that process is still running cannot be seen from here. If it is not, {} frees the stack",
            platform.lock_removal(other)
        ),
        Life::Alive | Life::Ended => {
            format!("--wait waits for it to finish; {} work in the meantime", platform.meanwhile())
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
