//! `playground verify`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use super::interrupt::interrupted;
use super::kafka_of;
use crate::cli::{Global, topic::Verify};
use crate::failure::{Failure, Status};
use crate::observe::audit::{Audit, Reading, Source};
use crate::report::Terminal;
use crate::report::verify::{Ticker, Verification};
use crate::verdict::Outcome;
use crate::verdict::ledger::Judgement;
use crate::workload::PAGES;

/// How long the broker may take to answer at all.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads both topics and judges them: once, until enough windows are judged, or until Ctrl-C.
pub async fn run(global: &Global, args: Verify, terminal: &Terminal) -> Result<Status> {
    let goal = match (args.windows, args.follow) {
        (Some(windows), _) => {
            Goal::Windows { windows: windows * PAGES.len() as u64, limit: Duration::from_secs(args.timeout) }
        }
        (None, true) => Goal::Interrupt,
        (None, false) => Goal::Now,
    };
    let source = Source {
        bootstrap: kafka_of(global, terminal, args.bootstrap_server).await?,
        input: args.input,
        output: args.output_topic,
        delivery: args.delivery,
    };
    let verification = watched(&global.project, source, goal, terminal).await?;
    terminal.result(&verification)?;
    Ok(verification.verdict.into())
}

/// When to end.
#[derive(Debug, Clone, Copy)]
enum Goal {
    Now,
    /// So many windows, each page's counted by itself.
    Windows {
        windows: u64,
        limit: Duration,
    },
    Interrupt,
}

/// What the reading thread says.
enum Told {
    Reading(Reading),
    Judged(Judgement),
    Ended(Result<Verification>),
}

/// Runs the audit on a thread of its own, because it blocks, and shows what it says.
async fn watched(project: &str, source: Source, goal: Goal, terminal: &Terminal) -> Result<Verification> {
    let (sender, mut told) = mpsc::unbounded_channel();
    let stop = Arc::new(AtomicBool::new(false));
    // Not one of the runtime's threads: when this command ends early, nobody waits for it.
    let audit = {
        let stop = Arc::clone(&stop);
        let project = project.to_owned();
        move || {
            // A receiver that has gone away is a command that has ended.
            let tell = |what| drop(sender.send(what));
            let ended = audit(project, source, goal, &stop, &tell);
            tell(Told::Ended(ended));
        }
    };
    std::thread::Builder::new().name("audit".to_owned()).spawn(audit).context("start a thread")?;
    let mut ticker = Ticker::new(terminal);
    let mut interrupt = Box::pin(interrupted());
    loop {
        tokio::select! {
            told = told.recv() => match told.context("the audit ended without a word")? {
                Told::Reading(reading) => ticker.reading(&reading),
                Told::Judged(judgement) => ticker.judged(&judgement),
                Told::Ended(ended) => return ended,
            },
            () = &mut interrupt => {
                // The second one, or one that nobody was asked for, ends without a verdict.
                if !matches!(goal, Goal::Interrupt) || stop.swap(true, Ordering::Relaxed) {
                    return Err(Failure::Interrupted("interrupted before there was a verdict".to_owned()).into());
                }
                interrupt = Box::pin(interrupted());
            }
        }
    }
}

fn audit(project: String, source: Source, goal: Goal, stop: &AtomicBool, tell: &dyn Fn(Told)) -> Result<Verification> {
    let began = Instant::now();
    let mut audit = Audit::new(source)?;
    audit.admin().wait(ANSWER, |_| Ok(()))?;
    loop {
        audit.round(|reading| tell(Told::Reading(reading.clone())))?;
        let judgement = audit.settled()?;
        let enough = match goal {
            Goal::Now => Some(judgement.outcome_until_now()),
            Goal::Windows { windows, limit } => enough(&judgement, windows, began.elapsed() >= limit),
            Goal::Interrupt => stop.load(Ordering::Relaxed).then_some(judgement.outcome_until_now()),
        };
        if let Some(verdict) = enough {
            let (input, output, not_clicks) = audit.read();
            let (input, output, not_clicks) = (input.clone(), output.clone(), not_clicks.clone());
            let seconds = began.elapsed().as_secs_f64();
            return Ok(Verification { project, verdict, ledger: judgement, input, not_clicks, output, seconds });
        }
        tell(Told::Judged(judgement));
        sleep(PAUSE);
    }
}

/// The verdict, when so many windows were wanted: a fail at once, because nothing that follows can mend it.
fn enough(judgement: &Judgement, windows: u64, too_late: bool) -> Option<Outcome> {
    let certain = judgement.outcome == Outcome::Fail || (judgement.windows_judged >= windows && !judgement.is_behind());
    match (certain, too_late) {
        (true, _) => Some(judgement.outcome),
        (false, true) => Some(judgement.outcome.max(Outcome::Unknown)),
        (false, false) => None,
    }
}
