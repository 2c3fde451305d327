//! `playground generate`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::kafka_of;
use crate::cli::{Global, topic::Generate};
use crate::failure::{Failure, Status};
use crate::report::{Terminal, generate::Ticker};
use crate::workload::alive::Alive;
use crate::workload::catalog;
use crate::workload::feed::Records;
use crate::workload::generator::{self, Order};

/// Sends records until told to stop. SIGTERM, which is how a container is stopped, gives exit code 0 if all records were
/// acknowledged and 4 if not; Ctrl-C gives 130.
pub async fn run(global: &Global, args: Generate, terminal: &Terminal) -> Result<Status> {
    let workload = match (&args.workload, &args.bootstrap_server) {
        (None, Some(_)) => catalog::usual()?,
        (asked, _) => super::workload_of(global, asked.as_deref()).await?.workload,
    };
    let (name, input) = (workload.name, workload.input);
    let none = || Failure::Usage(format!("workload {name} has no input.feed: its input is written by somebody else"));
    let feed = args.feed.over(input.feed).ok_or_else(none)?;
    let records = Records::of(&feed).map_err(Failure::Usage)?;
    let order = Order {
        bootstrap: kafka_of(global, terminal, args.bootstrap_server).await?,
        topic: args.topic.unwrap_or(input.topic),
        also: args.also,
        records,
        speed: args.rate.map_or(args.speed, |rate| rate / feed.per_second()),
        limit: args.records,
        wait: Duration::from_secs(args.timeout),
    };
    let alive = args.alive.or_else(in_a_container).map(Alive::new);
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut ticker = Ticker::new(*terminal);
    let mut sending = tokio::task::spawn_blocking({
        let stop = Arc::clone(&stop);
        move || generator::generate(&order, &stop, alive, |progress| ticker.tick(progress))
    });
    let mut told = None;
    let summary = loop {
        tokio::select! {
            summary = &mut sending => break summary.context("send records")??,
            _ = interrupt.recv() => told = Some(Signal::Interrupt),
            _ = terminate.recv() => told = Some(Signal::Terminate),
        }
        stop.store(true, Ordering::Relaxed);
    };
    terminal.result(&summary)?;
    Ok(match told {
        Some(Signal::Interrupt) => Status::Interrupted,
        Some(Signal::Terminate) if summary.unacknowledged > 0 => Status::Environment,
        Some(Signal::Terminate) | None => Status::Pass,
    })
}

/// The file that the compose file's health check looks at. Process 1 is the main process of a container.
fn in_a_container() -> Option<PathBuf> {
    (std::process::id() == 1).then(|| "/tmp/alive".into())
}

/// What told it to end.
enum Signal {
    Interrupt,
    Terminate,
}
