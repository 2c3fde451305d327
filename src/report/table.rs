//! Columns that line up.

use super::{Paint, plain as safe};

/// What a cell says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Doubtful,
    Dim,
}

/// A cell's text and its tone.
pub(super) type Cell = (String, Tone);

/// A cell without a tone of its own.
pub(super) fn plain(text: impl Into<String>) -> Cell {
    (text.into(), Tone::Plain)
}

/// Rows of cells as lines, each column as wide as its widest cell. Colour is put on after that, as it takes no room.
pub(super) fn lines(rows: &[Vec<Cell>], paint: Paint) -> String {
    let shown = |(text, tone): &Cell| (safe::text(text).into_owned(), *tone);
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<Cell>| {
        let cells = row.iter().zip(&widths).map(|((text, tone), width)| {
            let padding = " ".repeat(width - text.chars().count());
            format!("{}{padding}", painted(paint, *tone, text))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn painted(paint: Paint, tone: Tone, text: &str) -> String {
    match tone {
        Tone::Plain => text.to_owned(),
        _ if text.is_empty() => String::new(),
        Tone::Good => paint.good(text),
        Tone::Bad => paint.bad(text),
        Tone::Doubtful => paint.doubtful(text),
        Tone::Dim => paint.dim(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let rows = [
            vec![plain("a"), ("größer".to_owned(), Tone::Good), plain("x")],
            vec![plain("long"), plain("b"), plain("")],
        ];
        assert_eq!(lines(&rows, Paint::Plain), "a     größer  x\nlong  b");
        assert_eq!(lines(&rows, Paint::Colour), "a     \x1b[1;32mgrößer\x1b[0m  x\nlong  b");
    }
}
