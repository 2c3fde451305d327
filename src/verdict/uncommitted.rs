//! What a read-uncommitted reader saw beside the read-committed one that an exactly-once job writes for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::history::{Event, What};

/// Records of `output` as the two readers saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted {
    /// Records that the read-uncommitted reader saw.
    pub records: usize,
    /// Those of them that a later committed record lies behind, and that were never committed: of an aborted transaction.
    pub aborted: usize,
    /// Windows that it saw more than once.
    pub windows_twice: usize,
}

/// Of a run; `None` when nobody read uncommitted.
#[must_use]
pub fn uncommitted(events: &[Event]) -> Option<Uncommitted> {
    let (mut seen, mut committed) = (BTreeSet::new(), BTreeSet::new());
    let mut windows: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for event in events {
        match &event.what {
            What::Uncommitted { page, start, partition, offset, .. } => {
                seen.insert((*partition, *offset));
                *windows.entry((page, *start)).or_default() += 1;
            }
            What::Counted { partition, offset, .. } => {
                committed.insert((*partition, *offset));
            }
            _ => {}
        }
    }
    let last = committed.last().copied()?;
    // The last ones may be committed yet.
    let aborted = seen.iter().filter(|place| **place < last && !committed.contains(place)).count();
    let windows_twice = windows.values().filter(|times| **times > 1).count();
    (!seen.is_empty()).then_some(Uncommitted { records: seen.len(), aborted, windows_twice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_later_ones_overtook_uncommitted_was_aborted() {
        let record = |offset, committed: bool| {
            let (page, start, count, partition) = ("/shop".to_owned(), 0, 1000, 0);
            let what = if committed {
                What::Counted { page, start, count, partition, offset }
            } else {
                What::Uncommitted { page, start, count, partition, offset }
            };
            Event { at: 0, what }
        };
        let events = [record(1, false), record(3, false), record(3, true), record(4, false)];
        assert_eq!(uncommitted(&events), Some(Uncommitted { records: 3, aborted: 1, windows_twice: 1 }));
        assert_eq!(uncommitted(&[record(3, true)]), None);
    }
}
