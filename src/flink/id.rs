//! Ids that the caller gives: of a job that is submitted, of a savepoint that is asked for. Flink takes 32 hexadecimal
//! digits for either. One who gives the id can ask what became of a request whose answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::stack::hex;

/// Counts the ids of this process: the clock may stand still between two of them.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// An id that no other has.
#[must_use]
pub fn fresh() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{} {count} {:?}", std::process::id(), std::time::SystemTime::now());
    hex(&Sha256::digest(seed)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_flink_takes_for_one_and_no_other_has_it() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
