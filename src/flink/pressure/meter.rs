//! Shares of time, from counters that were read at several moments. Pure.
//!
//! What the server tells may be old: it answers with what it has, and asks the TaskManagers only then. So time is
//! measured by the counters themselves, which together grow by what the task's own clock grew.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Level, SPAN, Sample, Share, SubtaskSample, VertexPressure, VertexSample};

/// A subtask that has reported nothing new for this long counts as unknown.
const SILENT: Duration = Duration::from_secs(3);
/// By how many ms counters may grow more or less than the clock did. Beyond it, what was told before was old, or of
/// another attempt.
const ODD_MS: f64 = 1500.0;

/// What a task did since it began, in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    /// `None` for a source that does not tell.
    pub(super) busy: Option<f64>,
    pub(super) back_pressured: f64,
    pub(super) idle: f64,
}

impl Times {
    /// How long the task has run, by its own clock.
    fn age(&self) -> Option<f64> {
        self.busy.map(|busy| busy + self.back_pressured + self.idle)
    }

    /// The shares since an earlier moment, which was `clock` ms ago.
    fn since(&self, before: &Self, clock: f64) -> Shares {
        // A wait is added once it ends and passes for work until then, so work may seem to go backwards.
        let grown = |now: f64, before: f64| (now - before).max(0.0);
        let back_pressured = grown(self.back_pressured, before.back_pressured);
        let idle = grown(self.idle, before.idle);
        let busy = self.busy.zip(before.busy).map(|(now, before)| grown(now, before));
        let all = busy.map_or(clock, |busy| busy + back_pressured + idle);
        let share = |part: f64| (part / all).clamp(0.0, 1.0);
        Shares { busy: busy.map(share), back_pressured: share(back_pressured), idle: share(idle) }
    }
}

/// What a subtask did with its time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shares {
    busy: Option<f64>,
    back_pressured: f64,
    idle: f64,
}

/// The counters of a subtask at the last moments that they were new.
#[derive(Debug, Clone, Default)]
struct Series {
    readings: VecDeque<(Instant, Times)>,
}

impl Series {
    fn add(&mut self, at: Instant, times: Times) {
        if let Some((last_at, last)) = self.readings.back() {
            let clock = millis(at.duration_since(*last_at));
            match (times.age(), last.age()) {
                // The same answer again.
                (Some(age), Some(last_age)) if (age - last_age).abs() < 1.0 => return,
                (Some(age), Some(last_age)) if (age - last_age - clock).abs() <= ODD_MS => {}
                (None, None) => {}
                _ => self.readings.clear(),
            }
        }
        self.readings.push_back((at, times));
        // The first one stays as long as the second is too young to be measured from.
        while self.readings.get(1).is_some_and(|(second, _)| at.duration_since(*second) >= SPAN) {
            self.readings.pop_front();
        }
    }

    fn shares(&self, now: Instant) -> Option<Shares> {
        let ((first_at, first), (last_at, last)) = (self.readings.front()?, self.readings.back()?);
        let clock = last_at.duration_since(*first_at);
        let is_known = clock >= SPAN && now.duration_since(*last_at) <= SILENT;
        is_known.then(|| last.since(first, millis(clock)))
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Measures a job's vertices over the last [`SPAN`], each time that it is given a sample; one a second or more.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    series: BTreeMap<(String, usize), Series>,
    newest: Option<Sample>,
}

impl Meter {
    /// Takes in what was read now.
    pub fn add(&mut self, sample: Sample) {
        for vertex in &sample.vertices {
            for (place, subtask) in vertex.subtasks.iter().enumerate() {
                if let Some(times) = subtask.times {
                    self.series.entry((vertex.id.clone(), place)).or_default().add(sample.at, times);
                }
            }
        }
        self.newest = Some(sample);
    }

    /// Whether it is known of every vertex how long it waited.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.vertices().iter().all(|vertex| vertex.back_pressured.is_some())
    }

    /// What is known of the vertices, sources first.
    #[must_use]
    pub fn vertices(&self) -> Vec<VertexPressure> {
        let of = |sample: &Sample| sample.vertices.iter().map(|vertex| self.vertex(vertex, sample.at)).collect();
        self.newest.as_ref().map(of).unwrap_or_default()
    }

    fn vertex(&self, vertex: &VertexSample, now: Instant) -> VertexPressure {
        let shares = |place: usize| self.series.get(&(vertex.id.clone(), place))?.shares(now);
        let shares: Option<Vec<Shares>> = (0..vertex.subtasks.len()).map(shares).collect();
        let share = |pick: fn(&Shares) -> Option<f64>| {
            let subtasks: Option<Vec<f64>> = shares.as_ref()?.iter().map(pick).collect();
            subtasks.filter(|subtasks| !subtasks.is_empty()).map(|subtasks| Share::of(&subtasks))
        };
        let back_pressured = share(|shares| Some(shares.back_pressured));
        let queues: Option<Vec<u64>> = vertex.subtasks.iter().map(|subtask| subtask.output_queue).collect();
        VertexPressure {
            id: vertex.id.clone(),
            name: vertex.name.clone(),
            parallelism: u32::try_from(vertex.subtasks.len()).unwrap_or(u32::MAX),
            inputs: vertex.inputs.clone(),
            busy: share(|shares| shares.busy),
            back_pressured,
            idle: share(|shares| Some(shares.idle)),
            level: back_pressured.map(|share| Level::of(share.worst)),
            output_queue: queues.map(|queues| queues.iter().sum()),
            web_ui: worst(&vertex.subtasks),
        }
    }
}

fn worst(subtasks: &[SubtaskSample]) -> Option<f64> {
    let known: Option<Vec<f64>> = subtasks.iter().map(|subtask| subtask.web_ui).collect();
    known?.into_iter().reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(busy: f64, back_pressured: f64, idle: f64) -> Times {
        Times { busy: Some(busy), back_pressured, idle }
    }

    /// The shares after readings at so many seconds from a common beginning.
    fn measured(readings: &[(f64, Times)], now: f64) -> Option<Shares> {
        let began = Instant::now();
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        let mut series = Series::default();
        for (seconds, times) in readings {
            series.add(at(*seconds), *times);
        }
        series.shares(at(now))
    }

    /// How long it waited, in per cent.
    fn waited(readings: &[(f64, Times)], now: f64) -> Option<String> {
        measured(readings, now).map(|shares| format!("{:.0} %", shares.back_pressured * 100.0))
    }

    #[test]
    fn shares_are_of_what_the_counters_grew() {
        let readings = [(0.0, times(100.0, 0.0, 900.0)), (5.0, times(1100.0, 4000.0, 900.0))];
        let shares = Shares { busy: Some(0.2), back_pressured: 0.8, idle: 0.0 };
        assert_eq!(measured(&readings, 5.0), Some(shares));
    }

    #[test]
    fn what_came_before_the_span_counts_no_more() {
        let minute = (0..=60).map(|second| (f64::from(second), times(f64::from(second) * 1000.0, 0.0, 0.0)));
        let wait = (61..=66).map(|second| (f64::from(second), times(60_000.0, f64::from(second - 60) * 1000.0, 0.0)));
        let readings: Vec<_> = minute.chain(wait).collect();
        assert_eq!(waited(&readings[..=60], 60.0).as_deref(), Some("0 %"));
        assert_eq!(waited(&readings, 66.0).as_deref(), Some("100 %"));
    }

    #[test]
    fn less_than_the_span_is_not_known() {
        assert_eq!(measured(&[], 0.0), None);
        let readings = [(0.0, times(0.0, 0.0, 1000.0)), (4.0, times(0.0, 0.0, 5000.0))];
        assert_eq!(measured(&readings, 4.0), None);
    }

    #[test]
    fn a_first_answer_that_was_old_is_forgotten() {
        // The server had asked the TaskManagers 30 s before it was asked itself.
        let old = (0.0, times(0.0, 0.0, 1000.0));
        let mut readings = vec![old, (0.5, times(0.0, 0.0, 31_000.0))];
        readings.push((5.0, times(0.0, 4500.0, 31_000.0)));
        assert_eq!(measured(&readings, 5.0), None);
        readings.push((5.5, times(0.0, 5000.0, 31_000.0)));
        assert_eq!(waited(&readings, 5.5).as_deref(), Some("100 %"));
    }

    #[test]
    fn another_attempt_begins_anew() {
        let mut readings = vec![(0.0, times(50_000.0, 0.0, 0.0)), (5.0, times(55_000.0, 0.0, 0.0))];
        readings.push((6.0, times(0.0, 0.0, 300.0)));
        assert_eq!(measured(&readings, 6.0), None);
    }

    #[test]
    fn a_task_that_has_just_begun_to_tell_begins_anew() {
        let silent = Times { busy: None, back_pressured: 0.0, idle: 0.0 };
        let mut readings = vec![(0.0, times(0.0, 0.0, 1000.0)), (1.0, silent), (5.0, times(0.0, 0.0, 1000.0))];
        assert_eq!(measured(&readings, 5.0), None);
        readings.push((10.0, times(0.0, 5000.0, 1000.0)));
        assert_eq!(waited(&readings, 10.0).as_deref(), Some("100 %"));
    }

    #[test]
    fn one_that_tells_nothing_new_is_not_known_any_more() {
        let mut readings = vec![(0.0, times(0.0, 0.0, 1000.0)), (5.0, times(0.0, 0.0, 6000.0))];
        readings.extend((6..=9).map(|second| (f64::from(second), times(0.0, 0.0, 6000.0))));
        assert!(measured(&readings, 8.0).is_some());
        assert_eq!(measured(&readings, 8.5), None);
    }

    #[test]
    fn a_source_that_does_not_tell_its_work_is_measured_by_the_clock() {
        let times = |back_pressured| Times { busy: None, back_pressured, idle: 0.0 };
        let shares = measured(&[(0.0, times(0.0)), (5.0, times(1000.0))], 5.0).unwrap();
        assert_eq!(shares, Shares { busy: None, back_pressured: 0.2, idle: 0.0 });
    }

    #[test]
    fn a_vertex_is_known_when_all_its_subtasks_are() {
        let began = Instant::now();
        let told = |times| SubtaskSample { times: Some(times), output_queue: Some(2), web_ui: Some(0.3) };
        let sample = |second: u32, subtasks| Sample {
            at: began + Duration::from_secs(second.into()),
            vertices: vec![VertexSample { id: "v".into(), name: "V".into(), inputs: Vec::new(), subtasks }],
        };
        let mut meter = Meter::default();
        assert!(meter.vertices().is_empty());
        meter.add(sample(0, vec![told(times(0.0, 0.0, 0.0)), told(times(0.0, 0.0, 0.0))]));
        assert!(!meter.is_measured());
        meter.add(sample(5, vec![told(times(5000.0, 0.0, 0.0)), told(times(4000.0, 1000.0, 0.0))]));
        let vertex = &meter.vertices()[0];
        assert_eq!(vertex.busy, Some(Share { mean: 0.9, worst: 1.0 }));
        assert_eq!(vertex.back_pressured, Some(Share { mean: 0.1, worst: 0.2 }));
        assert_eq!((vertex.level, vertex.output_queue, vertex.web_ui), (Some(Level::Low), Some(4), Some(0.3)));
        // The second one's TaskManager is gone, and with it what it told.
        let silent = SubtaskSample { times: None, output_queue: None, web_ui: None };
        meter.add(sample(9, vec![told(times(9000.0, 0.0, 0.0)), silent]));
        let vertex = &meter.vertices()[0];
        assert_eq!((vertex.busy, vertex.level, vertex.output_queue, vertex.web_ui), (None, None, None, None));
    }
}
