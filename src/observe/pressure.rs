//! Measures the back pressure of a job that has a throttle, again and again.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::Watch;
use crate::flink::Flink;
use crate::flink::pressure::{Bottleneck, Meter, SPAN, VertexPressure, bottleneck};
use crate::history::What;
use crate::history::seen::PressureSeen;

/// How often to measure. Each measurement covers the last [`SPAN`].
const LOOK: Duration = Duration::from_secs(1);

/// Measures until the run is over, while there is a running job.
pub(super) async fn watch(flink: Flink, name: String, watch: Watch) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut meter = Meter::default();
    while watch.goes_on() {
        ticks.tick().await;
        let Ok(jobs) = flink.jobs().await else { continue };
        let Some(summary) = jobs.into_iter().find(|job| job.name == name && !job.is_over()) else { continue };
        let Ok(job) = flink.job(&summary.id).await else { continue };
        let Ok(sample) = flink.pressure_sample(&job).await else { continue };
        meter.add(sample);
        if meter.is_measured()
            && let Some(seen) = seen(&meter.vertices(), Timestamp::now())
        {
            watch.tell(What::Pressure(seen)).await;
        }
    }
}

fn seen(vertices: &[VertexPressure], now: Timestamp) -> Option<PressureSeen> {
    let source = vertices.iter().find(|vertex| vertex.inputs.is_empty())?.back_pressured?.mean;
    let slow = match bottleneck(vertices) {
        Bottleneck::Slow { vertex } => Some(vertex),
        _ => None,
    };
    Some(PressureSeen { source, slow, even_minute: even_minute(now.as_second()) })
}

/// Whether the minute is even; `None` if the measured span falls into two minutes. Takes seconds since the epoch.
fn even_minute(now: i64) -> Option<bool> {
    // One second more, because the readings at the ends of the span may be that old.
    let span = i64::try_from(SPAN.as_secs()).unwrap_or_default() + 1;
    let (first, last) = ((now - span).div_euclid(60), now.div_euclid(60));
    (first == last).then_some(last.rem_euclid(2) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_two_minutes_is_of_neither() {
        assert_eq!(even_minute(120 + 5), None);
        assert_eq!(even_minute(120 + 6), Some(true));
        assert_eq!(even_minute(60 + 59), Some(false));
    }
}
