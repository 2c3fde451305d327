//! Commands that work until they are told to end: by Ctrl-C, or by SIGTERM, which is how a container is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

/// What told it to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Does work that blocks, on a thread of its own, until it is done or `stop`, which it is given, is set by a signal. Returns what
/// came of it, and the signal.
pub(super) async fn until_told<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send + 'static,
) -> Result<(T, Option<Signal>)> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut working = tokio::task::spawn_blocking({
        let stop = Arc::clone(&stop);
        move || work(&stop)
    });
    let mut told = None;
    loop {
        tokio::select! {
            done = &mut working => return Ok((done.context("the work ended unexpectedly")??, told)),
            _ = interrupt.recv() => told = Some(Signal::Interrupt),
            _ = terminate.recv() => told = Some(Signal::Terminate),
        }
        stop.store(true, Ordering::Relaxed);
    }
}

/// The file that the compose file's health check looks at. Process 1 is the main process of a container.
pub(super) fn alive_in_a_container() -> Option<std::path::PathBuf> {
    (std::process::id() == 1).then(|| "/tmp/alive".into())
}
