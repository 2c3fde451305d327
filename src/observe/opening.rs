//! From which window on a partition of the input is read completely.

/// How reading a partition began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With its very first record: every window is complete.
    Whole,
    /// In the middle. Some records before `from` are read only to find the window in progress, and are not counted;
    /// `newest` is the end of the newest window among them.
    LookBack {
        /// The first offset that is counted.
        from: i64,
        /// In ms since the epoch.
        whole_from: Option<i64>,
    },
    /// It was reported.
    Told,
}

impl Opening {
    /// For a partition with these ends that is read from `from` on.
    pub(super) fn of(from: i64) -> Self {
        if from == 0 { Self::Whole } else { Self::LookBack { from, whole_from: None } }
    }

    /// For a partition that may have had records before its first one.
    pub(super) fn somewhere() -> Self {
        Self::LookBack { from: 0, whole_from: None }
    }

    /// Adds a record, by its offset and the end of its window. Returns whether it counts and, if it is to be reported
    /// now, from which window on the partition is complete.
    pub(super) fn record(&mut self, offset: i64, window_end: i64) -> (bool, Option<i64>) {
        match self {
            Self::Whole | Self::Told => (true, None),
            Self::LookBack { from, whole_from } if offset < *from => {
                *whole_from = (*whole_from).max(Some(window_end));
                (false, None)
            }
            Self::LookBack { whole_from, .. } => {
                let told = whole_from.unwrap_or(window_end);
                *self = Self::Told;
                (true, Some(told))
            }
        }
    }

    /// Whether a record at this offset counts, without regard to windows.
    pub(super) fn counts(&self, offset: i64) -> bool {
        !matches!(self, Self::LookBack { from, .. } if offset < *from)
    }

    /// The first round of reading is over: what is known so far is reported.
    pub(super) fn round_is_over(&mut self) -> Option<i64> {
        let Self::LookBack { whole_from: Some(whole_from), .. } = *self else { return None };
        *self = Self::Told;
        Some(whole_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_under_way_is_known_from_the_records_before() {
        let mut opening = Opening::of(100);
        assert_eq!(opening.record(98, 15), (false, None));
        assert_eq!(opening.record(99, 30), (false, None));
        assert_eq!(opening.record(100, 30), (true, Some(30)));
        assert_eq!(opening.record(101, 45), (true, None));
    }

    #[test]
    fn a_partition_in_which_nothing_comes_is_told_of_as_well() {
        let mut opening = Opening::of(100);
        opening.record(99, 30);
        assert_eq!((opening.round_is_over(), opening.round_is_over()), (Some(30), None));
        assert_eq!(Opening::of(0).round_is_over(), None);
    }

    #[test]
    fn the_first_window_after_records_that_are_gone_is_not_whole() {
        let mut opening = Opening::of(100);
        assert_eq!(opening.round_is_over(), None);
        assert_eq!(opening.record(100, 30), (true, Some(30)));
    }

    #[test]
    fn a_topic_from_its_first_record_on_is_whole() {
        assert_eq!(Opening::of(0).record(0, 15), (true, None));
    }
}
