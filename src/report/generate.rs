//! The page of `generate`, and the lines that it shows on the way.

use std::time::{Duration, Instant};

use super::number::grouped;
use super::{Paint, Render, Terminal};
use crate::workload::generator::{Progress, Sending, Summary};

/// Between two lines where nobody looks at once, as in a container's log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Between two looks of the live line.
const LIVE_INTERVAL: Duration = Duration::from_millis(200);

impl Render for Summary {
    fn human(&self, paint: Paint) -> String {
        let mut text = format!(
            "{} records to topic '{}' in {:.1} s, {} a second",
            paint.bold(&grouped(self.records)),
            self.topic,
            self.seconds,
            grouped(whole(self.records_per_second))
        );
        if self.unacknowledged > 0 {
            let left = paint.doubtful(&grouped(self.unacknowledged));
            text = format!("{text}\n{left} not acknowledged; the next run resumes after the last one that arrived");
        }
        text
    }
}

/// Shows progress: one line that is redrawn on a terminal, otherwise a line every 10 s.
pub struct Ticker {
    terminal: Terminal,
    bar: Option<indicatif::ProgressBar>,
    shown: Option<Instant>,
    before: (Duration, u64),
}

impl Ticker {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        let bar = terminal.live.then(|| {
            indicatif::ProgressBar::new_spinner().with_style(
                indicatif::ProgressStyle::with_template("{wide_msg}")
                    .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()),
            )
        });
        Self { terminal, bar, shown: None, before: (Duration::ZERO, 0) }
    }

    /// Shows how far it is, when it is time to.
    pub fn tick(&mut self, progress: &Progress) {
        let interval = if self.bar.is_some() { LIVE_INTERVAL } else { LOG_INTERVAL };
        let at_once = matches!(progress, Progress::Begins { .. });
        if !at_once && self.shown.is_some_and(|at| at.elapsed() < interval) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = match progress {
            Progress::Waiting(seen) => format!("waiting for the broker: {seen}"),
            Progress::Begins { resumed, timestamp } => begins(*resumed, *timestamp),
            Progress::Sending(sending) => self.sending(sending),
        };
        match &self.bar {
            Some(bar) => bar.set_message(super::plain::text(&line).into_owned()),
            None => self.terminal.progress(&line),
        }
    }

    fn sending(&mut self, now: &Sending) -> String {
        let (elapsed, before) = std::mem::replace(&mut self.before, (now.elapsed, now.acknowledged));
        let rate = rate(now.acknowledged.saturating_sub(before), now.elapsed.saturating_sub(elapsed));
        let mut line = format!("{} records, {} a second", grouped(now.acknowledged), grouped(rate));
        if now.behind > 1000 {
            line = format!("{line}, {} s behind", now.behind / 1000);
        }
        if let Some(complaint) = now.complaint.as_ref().filter(|_| rate == 0) {
            line = format!("{line}: {complaint}");
        }
        line
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn begins(resumed: bool, timestamp: i64) -> String {
    let clock =
        jiff::Timestamp::from_millisecond(timestamp).map_or_else(|_| timestamp.to_string(), |at| at.to_string());
    if resumed { format!("resumes with the record of {clock}") } else { format!("starts with the record of {clock}") }
}

fn rate(records: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    records.saturating_mul(1000) / millis
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_many_and_how_fast() {
        let summary = Summary {
            topic: "input".into(),
            records: 1_234_567,
            unacknowledged: 0,
            seconds: 2.0,
            records_per_second: 617_283.5,
            first_timestamp: 0,
            next_timestamp: 15,
        };
        insta::assert_snapshot!(summary.human(Paint::Plain), @"1 234 567 records to topic 'input' in 2.0 s, 617 284 a second");
        let cut = Summary { unacknowledged: 12, ..summary };
        insta::assert_snapshot!(cut.human(Paint::Plain), @"
        1 234 567 records to topic 'input' in 2.0 s, 617 284 a second
        12 not acknowledged; the next run resumes after the last one that arrived
        ");
    }
}
