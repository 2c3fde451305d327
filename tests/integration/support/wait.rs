//! Waiting for what a test needs: a condition, a deadline, and what it is called when it does not come.

use std::time::{Duration, Instant};

/// Between two looks.
const POLL: Duration = Duration::from_millis(200);

/// Looks until there is something, for so many seconds at the longest.
#[track_caller]
pub fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(POLL);
    }
}
