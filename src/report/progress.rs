//! A line for each of several things that go on side by side: live on a terminal, one line when done elsewhere.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Terminal, plain};

/// The lines that are open.
pub struct Progress {
    terminal: Terminal,
    bars: MultiProgress,
    open: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// Nothing is shown before something happens.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        Self { terminal: *terminal, bars: MultiProgress::new(), open: BTreeMap::new() }
    }

    /// Shows what something is doing now.
    pub fn doing(&mut self, name: &str, step: &str) {
        if !self.terminal.live {
            return;
        }
        let bars = &self.bars;
        let bar = self.open.entry(name.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template("  {prefix:<26} {elapsed:>4}  {wide_msg:.dim}");
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(std::time::Duration::from_millis(500));
            bar
        });
        bar.set_message(plain::text(step).into_owned());
    }

    /// Closes the line of something that is done.
    pub fn done(&mut self, name: &str, result: &str) {
        if let Some(bar) = self.open.remove(name) {
            bar.finish_and_clear();
        }
        self.bars.suspend(|| self.terminal.progress(&format!("  {name:<26} {result}")));
    }

    /// Removes all open lines.
    pub fn finish(&mut self) {
        for (_, bar) in std::mem::take(&mut self.open) {
            bar.finish_and_clear();
        }
    }
}
