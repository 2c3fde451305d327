//! Ctrl-C and SIGTERM, as something to wait for.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the user, or whoever supervises this process, wants it to end.
pub(super) async fn interrupted() {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
