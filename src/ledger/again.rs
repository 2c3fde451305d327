//! What may be emitted again: a job that is restored from a checkpoint repeats what it wrote after that, and no more.

use std::ops::Range;

use super::Emission;

/// For each restore, which offsets of each partition of the output it may repeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Again {
    restores: Vec<Vec<Range<i64>>>,
}

impl Again {
    /// A restore, with the offsets that were written between its checkpoint and itself.
    pub(crate) fn add(&mut self, written_since: Vec<Range<i64>>) {
        self.restores.push(written_since);
    }

    /// Whether one restore may have repeated all of these.
    pub(crate) fn reaches_all(&self, records: &[Emission]) -> bool {
        self.restores.iter().any(|restore| records.iter().all(|record| holds(restore, record)))
    }

    /// Whether a restore may have repeated anything that was emitted from a record on; from the beginning where there is none.
    pub(crate) fn reaches_past(&self, first: Option<&Emission>) -> bool {
        let reaches = |restore: &Vec<Range<i64>>| match first {
            Some(first) => span(restore, first).is_some_and(|span| !span.is_empty() && span.end > first.offset),
            None => restore.iter().any(|span| !span.is_empty()),
        };
        self.restores.iter().any(reaches)
    }

    /// How many of a window's repeated emissions no restore explains. Each restore explains one if it reaches back to one of
    /// the records. Takes how many are repeats, and its records as far as they are kept.
    pub(crate) fn unexplained(&self, repeats: u64, records: &[Emission]) -> u64 {
        if repeats == 0 {
            return 0;
        }
        let reaches = |restore: &&Vec<Range<i64>>| records.iter().any(|record| holds(restore, record));
        repeats.saturating_sub(self.restores.iter().filter(reaches).count() as u64)
    }
}

fn holds(restore: &[Range<i64>], record: &Emission) -> bool {
    span(restore, record).is_some_and(|span| span.contains(&record.offset))
}

fn span<'a>(restore: &'a [Range<i64>], record: &Emission) -> Option<&'a Range<i64>> {
    usize::try_from(record.partition).ok().and_then(|partition| restore.get(partition))
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one partition")]
mod tests {
    use super::*;

    fn at(offsets: &[i64]) -> Vec<Emission> {
        offsets.iter().map(|offset| Emission::at(0, *offset)).collect()
    }

    #[test]
    fn a_restore_explains_one_repeat_of_what_it_reaches_back_to() {
        let mut again = Again::default();
        assert_eq!(again.unexplained(0, &at(&[5])), 0);
        assert_eq!(again.unexplained(1, &at(&[5, 9])), 1);
        again.add(vec![4..8]);
        assert_eq!(again.unexplained(1, &at(&[5, 9])), 0);
        assert_eq!(again.unexplained(2, &at(&[5, 9, 12])), 1);
        assert_eq!(again.unexplained(1, &at(&[3, 9])), 1, "it was written before the checkpoint");
        assert_eq!(again.unexplained(1, &at(&[8, 9])), 1, "it was written after the restore");
        again.add(vec![9..11]);
        assert_eq!(again.unexplained(2, &at(&[5, 9, 12])), 0);
    }
    #[test]
    fn a_restore_from_before_a_window_was_emitted_repeats_nothing_of_it() {
        let mut again = Again::default();
        again.add(vec![0..0]);
        assert!(!again.reaches_past(None) && !again.reaches_past(at(&[0]).first()), "nothing was written in its time");
        again.add(vec![4..8]);
        assert!(again.reaches_past(None) && again.reaches_past(at(&[7]).first()));
        assert!(!again.reaches_past(at(&[8]).first()));
    }
}
