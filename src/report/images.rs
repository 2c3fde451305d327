//! The pages of `playground images`.

use serde::Serialize;

use super::table::{Cell, Tone, lines, plain};
use super::{Paint, Render};
use crate::image::Freshness;

/// Own images and whether they are up to date.
#[derive(Debug, Serialize)]
pub struct ImagesResult {
    /// In the order in which they are built.
    pub images: Vec<ImageLine>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct ImageLine {
    /// As in `playground/flink:2.2.1`.
    pub name: String,
    /// Whether it is there and up to date.
    pub state: Freshness,
    /// Its size in bytes, where it is there.
    pub size: Option<u64>,
    /// Whether this command built it.
    pub built: bool,
}

impl Render for ImagesResult {
    fn human(&self, paint: Paint) -> String {
        let rows: Vec<Vec<Cell>> = self.images.iter().map(row).collect();
        let table = lines(&rows, paint);
        if self.images.iter().all(|image| image.state == Freshness::Current) {
            return table;
        }
        format!("{table}\n{}      playground images build · playground up builds what it needs", paint.bold("next"))
    }
}

fn row(image: &ImageLine) -> Vec<Cell> {
    let state = match image.state {
        Freshness::Current if image.built => ("built".to_owned(), Tone::Good),
        Freshness::Current => ("current".to_owned(), Tone::Good),
        Freshness::Stale => ("stale".to_owned(), Tone::Doubtful),
        Freshness::Missing => ("missing".to_owned(), Tone::Bad),
    };
    let size = image.size.map_or_else(String::new, |bytes| format!("{:>5} MB", bytes / 1_000_000));
    vec![plain(&image.name), plain(format!("{size:>8}")), state]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_an_image() {
        let line = |name: &str, state, size, built| ImageLine { name: name.into(), state, size, built };
        let result = ImagesResult {
            images: vec![
                line("playground/base:1", Freshness::Current, Some(340_000_000), false),
                line("playground/kafka:4.2.0", Freshness::Current, Some(96_000_000), true),
                line("playground/flink:2.2.1", Freshness::Stale, Some(1_694_000_000), false),
                line("playground/playground:dev", Freshness::Missing, None, false),
            ],
        };
        insta::assert_snapshot!(result.human(Paint::Plain), @r"
        playground/base:1            340 MB  current
        playground/kafka:4.2.0        96 MB  built
        playground/flink:2.2.1      1694 MB  stale
        playground/playground:dev            missing
        next      playground images build · playground up builds what it needs
        ");
    }
}
