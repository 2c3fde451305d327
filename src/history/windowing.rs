//! How windows lie in event time, as Flink assigns records to them, and how long they take what comes late.

use super::traffic::Window;

/// How a job's windows lie, and what it does with late records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    /// Which windows a record belongs to.
    pub assigner: Assigner,
    /// How far, in ms of event time, a record may come behind the newest one of its partition after its window has ended, and is
    /// counted in any case: the bound of the watermark's out-of-orderness and the allowed lateness together. None where every
    /// record is to be counted, however late.
    pub waits_ms: Option<i64>,
    /// How long after its end, in ms of event time, a window takes records and is emitted anew with each; 0 for not at all.
    pub allowed_lateness_ms: i64,
}

/// Which windows a record belongs to. Lengths are in ms of event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigner {
    /// One after the other; each starts at a multiple of its length.
    Tumbling {
        /// How long each is.
        length: i64,
    },
    /// One starts at each multiple of the slide, which is shorter than a window.
    Sliding {
        /// How long each is.
        length: i64,
        /// From the start of one to the start of the next.
        slide: i64,
    },
    /// Each goes on until no record of its key has come for the gap.
    Session {
        /// From the last record of one to its end.
        gap: i64,
    },
}

impl Windowing {
    /// Windows one after the other, in which every record counts.
    #[must_use]
    pub fn tumbling(length: i64) -> Self {
        Self { assigner: Assigner::Tumbling { length }, waits_ms: None, allowed_lateness_ms: 0 }
    }

    /// Whether a job may have left a record out of a window, given the newest event time of its partition before it came: with
    /// out-of-orderness B the watermark is then at most `newest` - B (of SQL; the one of `forBoundedOutOfOrderness` is a ms less),
    /// and a window is dropped when that reaches its last ms plus the allowed lateness (`WindowOperator.isWindowLate`). A
    /// session is no longer there to be joined when the record itself is behind that.
    #[must_use]
    pub fn may_be_late(&self, window: Window, newest: Option<i64>) -> bool {
        let (Some(waits), Some(newest)) = (self.waits_ms, newest) else { return false };
        let last = if self.assigner.merges() { window.start } else { window.end.saturating_sub(1) };
        last.saturating_add(waits) <= newest
    }

    /// Whether a window takes no more records once the job has passed this event time.
    #[must_use]
    pub fn is_closed(&self, window: Window, passed: i64) -> bool {
        window.end.saturating_add(self.allowed_lateness_ms) <= passed
    }

    /// Whether windows are emitted anew with records that come late.
    #[must_use]
    pub fn fires_again(&self) -> bool {
        self.allowed_lateness_ms > 0
    }
}

impl Assigner {
    /// The last window that a record of this event time belongs to; of a session, what it is alone.
    #[must_use]
    pub fn last(self, time: i64) -> Window {
        let aligned = |length, step| {
            let start = time - time.rem_euclid(step);
            Window { start, end: start + length }
        };
        match self {
            Self::Tumbling { length } => aligned(length, length),
            Self::Sliding { length, slide } => aligned(length, slide),
            Self::Session { gap } => Window { start: time, end: time + gap },
        }
    }

    /// All windows that a record of this event time belongs to, from the last one on.
    pub fn windows(self, last: Window, time: i64) -> impl Iterator<Item = Window> {
        let before = move |window: &Window| match self {
            Self::Sliding { slide, .. } => Some(Window { start: window.start - slide, end: window.end - slide }),
            Self::Tumbling { .. } | Self::Session { .. } => None,
        };
        std::iter::successors(Some(last), before).take_while(move |window| window.end > time)
    }

    /// Whether a job can emit such a window.
    #[must_use]
    pub fn is_one(self, window: Window) -> bool {
        match self {
            Self::Tumbling { length } => window.start.rem_euclid(length) == 0 && window.length() == length,
            Self::Sliding { length, slide } => window.start.rem_euclid(slide) == 0 && window.length() == length,
            Self::Session { gap } => window.length() >= gap,
        }
    }

    /// From the start of a window to the start of the next one that is like it.
    #[must_use]
    pub fn step(self, window: Window) -> i64 {
        match self {
            Self::Sliding { slide, .. } => slide,
            Self::Tumbling { .. } | Self::Session { .. } => window.length(),
        }
    }

    /// Whether windows that touch become one.
    #[must_use]
    pub fn merges(self) -> bool {
        matches!(self, Self::Session { .. })
    }

    /// The event time from which on a new window shares no record with one in which this one is the newest seen. Sessions that
    /// touch are one, so that the next begins a ms after.
    #[must_use]
    pub fn apart_from(self, window: Window) -> i64 {
        window.end.saturating_add(i64::from(self.merges()))
    }
}

impl Windowing {
    /// The same, of a window that was the newest when reading began in the middle: what came before may be newer by as much as
    /// records come late.
    #[must_use]
    pub fn whole_after(&self, window: Window) -> i64 {
        self.assigner.apart_from(window).saturating_add(self.waits_ms.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(assigner: Assigner, time: i64) -> Vec<(i64, i64)> {
        assigner.windows(assigner.last(time), time).map(Into::into).collect()
    }

    #[test]
    fn a_record_belongs_to_one_window_or_to_all_that_slide_over_it() {
        assert_eq!(spans(Assigner::Tumbling { length: 15 }, 29), [(15, 30)]);
        assert_eq!(spans(Assigner::Tumbling { length: 15 }, -1), [(-15, 0)]);
        assert_eq!(spans(Assigner::Sliding { length: 15, slide: 5 }, 29), [(25, 40), (20, 35), (15, 30)]);
        assert_eq!(spans(Assigner::Sliding { length: 10, slide: 4 }, 9), [(8, 18), (4, 14), (0, 10)]);
        assert_eq!(spans(Assigner::Session { gap: 10 }, 29), [(29, 39)]);
    }

    #[test]
    fn what_comes_within_the_bounds_is_never_late() {
        let windowing = Windowing { waits_ms: Some(20), allowed_lateness_ms: 5, ..Windowing::tumbling(10) };
        let window = Window { start: 0, end: 10 };
        assert!(!windowing.may_be_late(window, Some(28)));
        assert!(windowing.may_be_late(window, Some(29)));
        assert!(!windowing.may_be_late(window, None));
        assert!(!Windowing::tumbling(10).may_be_late(window, Some(i64::MAX)), "every record counts");
        assert_eq!((windowing.is_closed(window, 14), windowing.is_closed(window, 15)), (false, true));
    }

    proptest! {
        #[test]
        fn each_window_of_a_record_holds_it_and_is_one_that_a_job_emits(time in -1000_i64..1000, length in 1_i64..60, slide in 1_i64..60) {
            prop_assume!(slide <= length);
            let assigner = Assigner::Sliding { length, slide };
            let windows = assigner.windows(assigner.last(time), time);
            let expected = (time - length + 1..=time).filter(|start| start.rem_euclid(slide) == 0).count();
            prop_assert_eq!(assigner.windows(assigner.last(time), time).count(), expected);
            for window in windows {
                prop_assert!(window.start <= time && time < window.end && assigner.is_one(window));
            }
        }
    }
}
