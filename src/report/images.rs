//! The pages of `playground images`.

use serde::Serialize;

use super::table::{Cell, Tone, lines, plain};
use super::{Paint, Render};
use crate::image::Standing;

/// Own images: those that are wanted now, then old ones.
#[derive(Debug, Serialize)]
pub struct ImagesResult {
    /// In the order in which they are built; old ones after them, the newest first.
    pub images: Vec<ImageLine>,
    /// The time now, in seconds since 1970: what ages are counted from.
    #[serde(skip)]
    pub now: i64,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct ImageLine {
    /// As the compose file calls it: `playground/flink:2.2.1`.
    pub name: String,
    /// With its content: `playground/flink:2.2.1-0a1b2c3d4e5f`.
    pub tag: String,
    /// What it is good for.
    pub state: Standing,
    /// Its size in bytes, with what it shares with other images, where it is there.
    pub size: Option<u64>,
    /// When it was made, in seconds since 1970, where it is there.
    pub created: Option<i64>,
    /// The containers, and images of others, that need it.
    pub used_by: Vec<String>,
    /// Whether this command built it.
    pub built: bool,
}

/// Images that were brought somewhere.
#[derive(Debug, Serialize)]
pub struct Shipped {
    /// What they are called there.
    pub images: Vec<String>,
    /// The file, or the registry.
    pub to: String,
    /// Which of both it is.
    #[serde(skip)]
    pub way: Way,
}

/// How images were brought somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In a file.
    File,
    /// To a registry.
    Registry,
}

impl Render for Shipped {
    fn human(&self, paint: Paint) -> String {
        let done = match self.way {
            Way::File => format!("written to {}", self.to),
            Way::Registry => format!("pushed to {}", self.to),
        };
        let next = match self.way {
            Way::File => format!("ctr --namespace k8s.io images import {0} · kind load image-archive {0}", self.to),
            Way::Registry => format!("playground --platform kubernetes up --registry {}", self.to),
        };
        format!("{done}\n  {}\n{}  {next}", self.images.join("\n  "), paint.bold("next"))
    }
}

/// What came of old images.
#[derive(Debug, Serialize)]
pub struct PruneResult {
    /// The newest first.
    pub images: Vec<PrunedLine>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct PrunedLine {
    /// With its content: `playground/flink:2.2.1-0a1b2c3d4e5f`.
    pub tag: String,
    /// Its size in bytes, with what it shares with other images.
    pub size: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an old image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It was removed.
    Removed,
    /// It would be removed.
    Removable,
    /// It is still there, for a reason.
    Kept(String),
}

impl Render for ImagesResult {
    fn human(&self, paint: Paint) -> String {
        let rows: Vec<Vec<Cell>> = self.images.iter().map(|image| row(image, self.now)).collect();
        let is = |state| self.images.iter().any(|image| image.state == state);
        let mut next = Vec::new();
        if is(Standing::Missing) {
            next.push("playground images build");
        }
        if is(Standing::Old) {
            next.push("playground images prune --dry-run");
        }
        let table = lines(&rows, paint);
        if next.is_empty() { table } else { format!("{table}\n{}  {}", paint.bold("next"), next.join(" · ")) }
    }
}

fn row(image: &ImageLine, now: i64) -> Vec<Cell> {
    let state = match image.state {
        Standing::Current if image.built => ("built".to_owned(), Tone::Good),
        Standing::Current => ("current".to_owned(), Tone::Good),
        Standing::Missing => ("missing".to_owned(), Tone::Bad),
        Standing::Old if image.used_by.is_empty() => ("old".to_owned(), Tone::Doubtful),
        Standing::Old => (format!("old, needed by {}", image.used_by.join(", ")), Tone::Doubtful),
    };
    let age = image.created.map_or_else(String::new, |created| age(now - created));
    vec![plain(shown(&image.tag)), plain(image.size.map_or_else(String::new, size)), plain(format!("{age:>7}")), state]
}

/// A stage of a build has no tag, but the beginning of an id.
fn shown(tag: &str) -> String {
    if tag.contains(':') { tag.to_owned() } else { format!("stage of a build {tag}") }
}

fn size(bytes: u64) -> String {
    format!("{:>5} MB", bytes / 1_000_000)
}

fn age(seconds: i64) -> String {
    match seconds.max(0) / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

impl Render for PruneResult {
    fn human(&self, paint: Paint) -> String {
        if self.images.is_empty() {
            return "no old images".to_owned();
        }
        let rows: Vec<Vec<Cell>> = self.images.iter().map(pruned).collect();
        lines(&rows, paint)
    }
}

fn pruned(image: &PrunedLine) -> Vec<Cell> {
    let fate = match &image.fate {
        Fate::Removed => ("removed".to_owned(), Tone::Good),
        Fate::Removable => ("would be removed".to_owned(), Tone::Plain),
        Fate::Kept(why) => (format!("kept: {why}"), Tone::Doubtful),
    };
    vec![plain(shown(&image.tag)), plain(size(image.size)), fate]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tag: &str, state: Standing, megabytes: Option<u64>, age: i64) -> ImageLine {
        ImageLine {
            name: String::new(),
            tag: tag.to_owned(),
            state,
            size: megabytes.map(|megabytes| megabytes * 1_000_000),
            created: megabytes.map(|_| 1_000_000 - age),
            used_by: Vec::new(),
            built: false,
        }
    }

    #[test]
    fn a_line_an_image() {
        let mut images = vec![
            line("playground/base:1-0a1b2c3d4e5f", Standing::Current, Some(340), 90),
            line("playground/kafka:4.2.0-1a1b2c3d4e5f", Standing::Current, Some(96), 3 * 3600),
            line("playground/flink:2.2.1-2a1b2c3d4e5f", Standing::Missing, None, 0),
            line("playground/flink:2.2.1-3a1b2c3d4e5f", Standing::Old, Some(1694), 3 * 86_400),
            line("3f2a1b2c3d4e", Standing::Old, Some(900), 3 * 86_400),
        ];
        images[1].built = true;
        images[3].used_by = vec!["container a-jobmanager-1".to_owned(), "container a-client-1".to_owned()];
        insta::assert_snapshot!(ImagesResult { images, now: 1_000_000 }.human(Paint::Plain), @r"
        playground/base:1-0a1b2c3d4e5f         340 MB    1 min  current
        playground/kafka:4.2.0-1a1b2c3d4e5f     96 MB      3 h  built
        playground/flink:2.2.1-2a1b2c3d4e5f                     missing
        playground/flink:2.2.1-3a1b2c3d4e5f   1694 MB   3 days  old, needed by container a-jobmanager-1, container a-client-1
        stage of a build 3f2a1b2c3d4e          900 MB   3 days  old
        next  playground images build · playground images prune --dry-run
        ");
    }

    #[test]
    fn what_stays_is_told_with_its_reason() {
        let line = |tag: &str, fate| PrunedLine { tag: tag.to_owned(), size: 96_000_000, fate };
        let images = vec![
            line("playground/kafka:4.2.0-1a1b2c3d4e5f", Fate::Removed),
            line("playground/kafka:4.2.0-2a1b2c3d4e5f", Fate::Kept("needed by container a-kafka-1".to_owned())),
            line("3f2a1b2c3d4e", Fate::Removable),
        ];
        insta::assert_snapshot!(PruneResult { images }.human(Paint::Plain), @r"
        playground/kafka:4.2.0-1a1b2c3d4e5f     96 MB  removed
        playground/kafka:4.2.0-2a1b2c3d4e5f     96 MB  kept: needed by container a-kafka-1
        stage of a build 3f2a1b2c3d4e           96 MB  would be removed
        ");
        assert_eq!(PruneResult { images: Vec::new() }.human(Paint::Plain), "no old images");
    }
}
