//! Where to begin in a topic, and how to read a span of it.

use std::ops::Range;

use anyhow::{Result, bail};

use super::Isolation;
use super::follow::{Follower, Loss};
use super::record::Record;

/// Where in a partition to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record.
    Oldest,
    /// With the next record to come.
    End,
    /// So many records before the end.
    Back(u64),
}

impl Begin {
    /// The offset that it means in a partition with these ends.
    #[must_use]
    pub fn offset(self, ends: &Range<i64>) -> i64 {
        match self {
            Self::Oldest => ends.start,
            Self::End => ends.end,
            Self::Back(records) => ends.end.saturating_sub_unsigned(records).max(ends.start),
        }
    }
}

/// Reads each partition of `topic` over its span of offsets, and gives the records to `each`. An error of `each` ends
/// the reading; a record of a span that is not there any more is an error as well.
pub fn read(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
    spans: &[Range<i64>],
    each: impl FnMut(&Record<'_>) -> Result<()>,
) -> Result<()> {
    if spans.iter().all(Range::is_empty) {
        return Ok(());
    }
    let (starts, ends): (Vec<_>, Vec<_>) = spans.iter().map(|span| (span.start, span.end)).unzip();
    match Follower::at(bootstrap, topic, isolation, &starts)?.read_to(&ends, each)?.first() {
        None => Ok(()),
        Some(Loss::Unread { partition, offsets }) => bail!(
            "{topic}-{partition}: the records {} to {} were deleted before they could be read",
            offsets.start,
            offsets.end - 1
        ),
        Some(Loss::Anew { partition }) => {
            bail!("{topic}-{partition} was deleted and recreated while it was being read")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_back_is_never_before_the_oldest() {
        assert_eq!(Begin::Back(3).offset(&(10..20)), 17);
        assert_eq!(Begin::Back(30).offset(&(10..20)), 10);
        assert_eq!(Begin::Oldest.offset(&(10..20)), 10);
        assert_eq!(Begin::End.offset(&(10..20)), 20);
    }
}
