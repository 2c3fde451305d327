//! Lines that come while something goes on: kept when they are done, redrawn in place while they wait.
//!
//! Without a terminal only what is done is written, a line each.

use indicatif::{ProgressBar, ProgressStyle};

use super::steps::Steps;
use super::{Terminal, operation as page, plain, up};
use crate::history::clock::Clock;
use crate::operation;
use crate::operation::up::{News, Part};
use crate::platform::Progress;
use crate::scenario::Plan;
use crate::scenario::runner::Told;

/// One line at the bottom of a terminal, and the lines above it.
struct Live {
    terminal: Terminal,
    bar: Option<ProgressBar>,
}

impl Live {
    fn new(terminal: Terminal) -> Self {
        let bar = terminal.live.then(|| {
            let bar = ProgressBar::new_spinner();
            // Without a template the bar has a spinner in front; the lines here bring their own columns.
            bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        Self { terminal, bar }
    }

    /// A line that stays.
    fn keep(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.progress(line)),
            None => self.terminal.progress(line),
        }
    }

    /// The line that waits.
    fn wait(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(plain::page(line, self.terminal.progress).into_owned());
            bar.tick();
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on a terminal that says what is going on, until this is dropped.
pub struct Waiting {
    live: Live,
}

impl Waiting {
    /// Shows it.
    #[must_use]
    pub fn new(terminal: &Terminal, what: &str) -> Self {
        let live = Live::new(*terminal);
        live.wait(what);
        Self { live }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.live.finish();
    }
}

/// Shows a stack that comes up.
pub struct UpProgress {
    live: Live,
    /// What is not there yet, with what was last seen: the first of them is shown.
    waiting: Vec<(Part, String)>,
    images: usize,
    built: usize,
    images_told: bool,
}

impl UpProgress {
    /// Nothing is shown before something happens.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        Self { live: Live::new(*terminal), waiting: Vec::new(), images: 0, built: 0, images_told: false }
    }

    /// Shows something that happened.
    pub fn tell(&mut self, news: &News) {
        match news {
            News::Platform(progress) => self.platform(progress),
            News::Job(told) => self.live.keep(&up::job(told)),
            News::Reached(reached) => {
                self.waiting.retain(|(part, _)| *part != reached.part);
                self.live.keep(&up::reached(reached));
                self.show_wait();
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

    fn platform(&mut self, progress: &Progress) {
        if let Some(line) = up::platform(progress) {
            self.live.keep(&line);
        }
        match progress {
            Progress::Image { image, step } => self.live.wait(&up::building(image, step)),
            Progress::ImageReady { built, .. } => {
                self.images += 1;
                self.built += usize::from(*built);
            }
            Progress::Operation { .. } if self.images > 0 => {
                // Looked at a second time when a job is replaced; nothing is built then.
                if !std::mem::replace(&mut self.images_told, true) {
                    self.live.keep(&up::images(self.images, self.built));
                }
                self.images = 0;
            }
            Progress::Operation { .. } => {}
        }
    }

    fn show_wait(&self) {
        if let Some((part, seen)) = self.waiting.first() {
            self.live.wait(&up::waiting(*part, seen));
        }
    }

    /// Takes the waiting line away.
    pub fn finish(&self) {
        self.live.finish();
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
    pub fn tell(&mut self, news: &operation::News) {
        let paint = self.live.terminal.progress;
        match news {
            operation::News::Asked { line, .. } => self.live.keep(&page::asked(line, paint)),
            operation::News::Waiting { part, seen } => self.live.wait(&page::waiting(part, seen, paint)),
            operation::News::Done(part) => self.live.keep(&page::part(part)),
        }
    }

    /// Takes the waiting line away.
    pub fn finish(&self) {
        self.live.finish();
    }
}

/// Shows a scenario that runs.
pub struct RunProgress<'a> {
    live: Live,
    up: UpProgress,
    steps: Steps<'a>,
    /// For what is no event: it differs from the run's own by no more than can be shown.
    clock: Clock,
}

impl<'a> RunProgress<'a> {
    /// Begins with the scenario's title.
    #[must_use]
    pub fn new(plan: &'a Plan, terminal: &Terminal) -> Self {
        let live = Live::new(*terminal);
        let steps = Steps::new(plan, terminal.progress);
        live.keep(&steps.title());
        Self { live, up: UpProgress::new(terminal), steps, clock: Clock::start() }
    }

    /// Shows something that happened.
    pub fn tell(&mut self, told: Told<'_>) {
        match told {
            Told::Up(news) => self.up.tell(news),
            Told::Operation(operation::News::Asked { line, .. }) => {
                self.live.keep(&format!("        {}", page::asked(line, self.live.terminal.progress).trim_start()));
            }
            Told::Operation(operation::News::Waiting { part, seen }) => {
                self.live.wait(&self.steps.part(part, seen, self.clock.now()));
            }
            Told::Operation(operation::News::Done(part)) => {
                self.live.keep(&self.steps.part(&part.name, &part.seen, self.clock.now()));
            }
            Told::Waiting(planned, seen) => self.live.wait(&self.steps.waiting(planned, seen, self.clock.now())),
            Told::Event(event) => {
                if let Some(line) = self.steps.event(event) {
                    self.up.finish();
                    self.live.keep(&line);
                }
            }
        }
    }

    /// Takes the waiting line away.
    pub fn finish(&self) {
        self.up.finish();
        self.live.finish();
    }
}
