//! Lines shown while something is in progress: kept once they are done, redrawn in place while they wait.
//!
//! Without a terminal only what is done is written, a line each.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};

use super::steps::Steps;
use super::{Terminal, columns, operation as page, plain, progress_width, up};
use crate::history::clock::Clock;
use crate::operation;
use crate::operation::up::{News, Part};
use crate::platform::PlatformNews;
use crate::scenario::Plan;
use crate::scenario::runner::Told;

/// One line at the bottom of a terminal, and the lines above it.
struct Live {
    terminal: Terminal,
    /// How wide the terminal is; `None` where there is none.
    width: Option<usize>,
    /// The line that waits, while one does.
    bar: Option<ProgressBar>,
}

impl Live {
    fn new(terminal: Terminal) -> Self {
        let width = terminal.live.then(progress_width);
        Self { terminal, width, bar: None }
    }

    /// A line that stays.
    fn keep(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.progress(line)),
            None => self.terminal.progress(line),
        }
    }

    /// The line that waits, in place of the one before.
    fn wait(&mut self, line: &str) {
        if self.terminal.live {
            let bar = self.bar.get_or_insert_with(bare);
            bar.set_message(columns::cut(&plain::page(line, self.terminal.progress), self.width));
            bar.tick();
        }
    }

    /// Nothing waits any more.
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A bar without a spinner in front: the lines here bring their own columns.
fn bare() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// A line on a terminal that says what is in progress, until this is dropped.
pub struct Waiting {
    live: Live,
}

impl Waiting {
    /// Shows the line at once.
    #[must_use]
    pub fn new(terminal: &Terminal, what: &str) -> Self {
        let mut live = Live::new(*terminal);
        live.wait(what);
        Self { live }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.live.clear();
    }
}

/// Shows a stack that comes up.
pub struct UpProgress {
    live: Live,
    /// What is not there yet, with what was last seen: the first of them is shown.
    waiting: Vec<(Part, String)>,
    /// Those that are there, and whether they were built now. Each is looked at several times.
    images: BTreeMap<String, bool>,
    images_told: bool,
}

impl UpProgress {
    /// Nothing is shown before something happens.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        Self { live: Live::new(*terminal), waiting: Vec::new(), images: BTreeMap::new(), images_told: false }
    }

    /// Shows something that happened.
    pub fn tell(&mut self, news: &News) {
        match news {
            News::Platform(progress) => self.platform(progress),
            News::Job(told) => self.live.keep(&up::job(told, self.live.width)),
            News::Reached(reached) => {
                self.waiting.retain(|(part, _)| *part != reached.part);
                self.show_wait();
                self.live.keep(&up::reached(reached, self.live.width));
            }
            News::Waiting(part, seen) => {
                match self.waiting.iter_mut().find(|(waiting, _)| waiting == part) {
                    Some((_, last)) => last.clone_from(seen),
                    None => self.waiting.push((*part, seen.clone())),
                }
                self.show_wait();
            }
        }
    }

    fn platform(&mut self, progress: &PlatformNews) {
        if let Some(line) = up::platform(progress, self.live.width) {
            self.live.keep(&line);
        }
        match progress {
            PlatformNews::Image { image, step } => self.live.wait(&up::building(image, step)),
            PlatformNews::ImageReady { image, built } => {
                // Another image that is still being built tells its next step soon.
                self.live.clear();
                *self.images.entry(image.clone()).or_default() |= built;
            }
            PlatformNews::Operation { .. } if !self.images.is_empty() => {
                if !std::mem::replace(&mut self.images_told, true) {
                    let built = self.images.values().filter(|built| **built).count();
                    self.live.keep(&up::images(self.images.len(), built, self.live.width));
                }
            }
            PlatformNews::Operation { .. } => {}
        }
    }

    fn show_wait(&mut self) {
        match self.waiting.first() {
            Some((part, seen)) => self.live.wait(&up::waiting(*part, seen)),
            None => self.live.clear(),
        }
    }

    /// Removes the waiting line.
    pub fn finish(&mut self) {
        self.live.clear();
    }
}

/// Shows an operation that goes on.
pub struct OperationProgress {
    live: Live,
}

impl OperationProgress {
    /// Nothing is shown before something happens.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        Self { live: Live::new(*terminal) }
    }

    /// Shows something that happened.
    pub fn tell(&mut self, news: &operation::PartNews) {
        let paint = self.live.terminal.progress;
        match news {
            operation::PartNews::Asked { line, .. } => {
                self.live.keep(&columns::cut(&page::asked(line, paint), self.live.width));
            }
            operation::PartNews::Waiting { part, seen } => self.live.wait(&page::waiting(part, seen, paint)),
            operation::PartNews::Done(part) => self.live.keep(&page::part(part, self.live.width)),
        }
    }

    /// Removes the waiting line.
    pub fn finish(&mut self) {
        self.live.clear();
    }
}

/// Shows a scenario that runs.
pub struct RunProgress<'a> {
    /// The line that waits is the stack's while that comes up, and then the steps'.
    up: UpProgress,
    steps: Steps<'a>,
    /// For what is no event: it differs from the run's own by no more than can be shown.
    clock: Clock,
}

impl<'a> RunProgress<'a> {
    /// Begins with the scenario's title.
    #[must_use]
    pub fn new(plan: &'a Plan, terminal: &Terminal) -> Self {
        let up = UpProgress::new(terminal);
        let steps = Steps::new(plan, terminal.progress, up.live.width);
        up.live.keep(&steps.title());
        Self { up, steps, clock: Clock::start() }
    }

    /// Shows something that happened.
    pub fn tell(&mut self, told: Told<'_>) {
        let (now, bottom) = (self.clock.now(), &mut self.up.live);
        match told {
            Told::Up(news) => self.up.tell(news),
            Told::Operation(operation::PartNews::Asked { line, .. }) => {
                let asked = page::asked(line, bottom.terminal.progress);
                bottom.keep(&columns::cut(&format!("        {}", asked.trim_start()), bottom.width));
            }
            Told::Operation(operation::PartNews::Waiting { part, seen }) => {
                bottom.wait(&self.steps.waiting_part(part, seen, now));
            }
            Told::Operation(operation::PartNews::Done(part)) => {
                bottom.keep(&self.steps.part(&part.name, &part.seen, now));
            }
            Told::Asking(program) => bottom.wait(&self.steps.asking(program, now)),
            Told::Waiting(planned, seen) => bottom.wait(&self.steps.waiting(planned, seen, now)),
            Told::Event(event) => {
                if let Some(line) = self.steps.event(event) {
                    bottom.clear();
                    bottom.keep(&line);
                }
            }
        }
    }

    /// Removes the waiting line.
    pub fn finish(&mut self) {
        self.up.finish();
    }
}
