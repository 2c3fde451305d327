//! What ends a command early, as something to wait for: Ctrl-C, SIGTERM, and a terminal that is closed.

use tokio::signal::unix::{Signal, SignalKind, signal};

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
        () = hung_up() => {}
    }
}

/// The terminal was closed (SIGHUP). Never resolves under `nohup`, which makes this process ignore that.
async fn hung_up() {
    let hangup = if is_ignored(SIGHUP) { None } else { signal(SignalKind::hangup()).ok() };
    match hangup {
        Some(mut hangup) => drop(Signal::recv(&mut hangup).await),
        None => std::future::pending().await,
    }
}

/// The number of SIGHUP on Linux.
const SIGHUP: u32 = 1;

/// Whether this process was started with a signal ignored: `SigIgn` in `/proc/self/status`, a bit a signal. Only right
/// before a handler is installed.
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
