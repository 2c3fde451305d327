//! The recovery time, split by what happened in it.
//!
//! The outage is the scenario's own: how long it left the target broken. The other parts are Flink's.

use serde::Serialize;

use crate::fold::recovery::Recovery as Moments;
use crate::platform::Stage;

/// The parts of a recovery, in seconds; none where the end of a part was not seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// From the fault to the job's first state other than all running.
    pub detect: Option<f64>,
    /// From there to the undo: the scenario's own part.
    pub outage: Option<f64>,
    /// From the undo to a JobManager that answers, where one was lost; from the detection where another one took over.
    pub rest_back: Option<f64>,
    /// From the undo, or from a JobManager that answers, to as many slots as before.
    pub restart: Option<f64>,
    /// What of the restart was the cluster's: from the undo, until the last pod had come so far.
    pub pods: Option<Pods>,
    /// From there to every subtask running.
    pub restore: Option<f64>,
    /// From there to the first complete checkpoint, where a JobManager was lost.
    pub checkpoint_again: Option<f64>,
    /// From there to a lag no higher than before the fault.
    pub catch_up: Option<f64>,
    /// From the fault to caught up.
    pub total: Option<f64>,
    /// The longest time without a record in the output that a reader saw from the fault on.
    pub output_gap: Option<f64>,
    /// Records a second that the job took from the input while it caught up, as a multiple of the usual.
    pub catch_up_speed: Option<f64>,
}

/// When the last pod came as far as each stage, in seconds since the undo; none for a stage that was not seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pods {
    /// A node was found.
    pub scheduled: Option<f64>,
    /// The node had its images.
    pub image_there: Option<f64>,
    /// Its process ran.
    pub started: Option<f64>,
    /// It passed its readiness probe.
    pub ready: Option<f64>,
}

impl Pods {
    /// None where none was seen.
    fn of(moments: &Moments) -> Option<Self> {
        let undone = moments.undone.filter(|_| !moments.pods.is_empty())?;
        let since = |stage| moments.pods.get(&stage).map(|at| seconds((at - undone).max(0)));
        Some(Self {
            scheduled: since(Stage::Scheduled),
            image_there: since(Stage::ImageThere),
            started: since(Stage::Started),
            ready: since(Stage::Ready),
        })
    }
}

impl Recovery {
    /// From its moments.
    #[must_use]
    pub fn of(moments: &Moments) -> Self {
        let Moments { detected, undone, rest_back, registered, running, checkpointed, caught_up, .. } =
            moments.in_order();
        let fault = Some(moments.fault);
        let part = |from: Option<i64>, to: Option<i64>| Some(seconds(to? - from?));
        Self {
            detect: part(fault, detected),
            outage: part(detected, undone),
            rest_back: part(undone, rest_back),
            restart: part(rest_back.or(undone), registered),
            pods: Pods::of(moments),
            restore: part(registered, running),
            checkpoint_again: part(running, checkpointed),
            catch_up: part(checkpointed.or(running), caught_up),
            total: part(fault, caught_up),
            output_gap: moments.output_gap.map(seconds),
            catch_up_speed: moments.catch_up_rate.zip(moments.usual_rate).map(|(rate, usual)| rate / usual),
        }
    }
}

/// Seconds, from ms.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^52")]
pub(super) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
#[allow(clippy::field_reassign_with_default, reason = "some of its fields are its own")]
mod tests {
    use super::*;

    fn moments() -> Moments {
        let mut moments = Moments::default();
        moments.fault = 3_000;
        moments.detected = Some(4_600);
        moments.undone = Some(13_000);
        moments.registered = Some(17_000);
        moments.running = Some(17_600);
        moments.caught_up = Some(19_700);
        moments.output_gap = Some(16_000);
        moments.usual_rate = Some(400.0);
        moments.catch_up_rate = Some(3_200.0);
        moments
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let expected = Recovery {
            detect: Some(1.6),
            outage: Some(8.4),
            rest_back: None,
            restart: Some(4.0),
            pods: None,
            restore: Some(0.6),
            checkpoint_again: None,
            catch_up: Some(2.1),
            total: Some(16.7),
            output_gap: Some(16.0),
            catch_up_speed: Some(8.0),
        };
        assert_eq!(Recovery::of(&moments()), expected);
    }

    #[test]
    fn the_parts_of_a_jobmanager_add_up_as_well() {
        let mut moments = moments();
        moments.jobmanager = true;
        moments.rest_back = Some(16_500);
        moments.checkpointed = Some(18_700);
        let Recovery { detect, outage, rest_back, restart, restore, checkpoint_again, catch_up, total, .. } =
            Recovery::of(&moments);
        let parts = [detect, outage, rest_back, restart, restore, checkpoint_again, catch_up];
        assert_eq!(parts, [1.6, 8.4, 3.5, 0.5, 0.6, 1.1, 1.0].map(Some));
        assert_eq!(total, Some(16.7));
    }

    #[test]
    fn a_part_whose_end_was_not_seen_is_unknown() {
        let mut cut_off = moments();
        (cut_off.running, cut_off.caught_up) = (None, None);
        let recovery = Recovery::of(&cut_off);
        let parts = (recovery.restart, recovery.restore, recovery.catch_up, recovery.total);
        assert_eq!(parts, (Some(4.0), None, None, None));
    }
}
