//! Lines that fit into a terminal: what does not fit in one goes on below, under its own text. Elsewhere, as in a file or a
//! pipe, a line stays one line, however long.

use console::{measure_text_width, truncate_str};

/// The column at which times end, where the terminal is as wide as that.
const EDGE: usize = 80;
/// A column of text that is narrower than this is not worth having: the text goes below.
const NARROW: usize = 12;
/// How far a text is indented that goes below.
const BELOW: usize = 4;

/// A line: what stands in front, a text, and a time at the right, which may be empty. `width` is the terminal's.
pub(super) fn line(front: &str, text: &str, time: &str, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let tail = if time.is_empty() { 0 } else { 1 + measure_text_width(time) };
    let indent = measure_text_width(front);
    let room = width.saturating_sub(indent + tail);
    if measure_text_width(text) <= room {
        return with_time(&format!("{front}{text}"), time, width);
    }
    if room < NARROW {
        let below = wrapped(text, width.saturating_sub(BELOW).max(1));
        return joined(with_time(front.trim_end(), time, width), &below, BELOW);
    }
    let rows = wrapped(text, room);
    joined(with_time(&format!("{front}{}", rows[0]), time, width), &rows[1..], indent)
}

fn joined(first: String, rows: &[String], indent: usize) -> String {
    rows.iter().fold(first, |page, row| format!("{page}\n{}{row}", " ".repeat(indent)))
}

/// The labels of a verdict's page whose text may go on below. Commands and paths stay whole, to be copied.
const LABELS: [&str; 15] = [
    "ledger", "counts", "readers", "pressure", "recovery", "output", "verdict", "why", "note", "job", "kept",
    "upgrade", "rescale", "submit", "scale",
];
/// Between things of which each stays whole.
const BETWEEN: &str = " · ";
/// How wide a label is, with the spaces after it.
const LABEL: usize = 10;

/// A page whose labelled lines fit into a terminal.
pub(super) fn page(text: &str, width: usize) -> String {
    text.lines().map(|line| labelled(line, width)).collect::<Vec<_>>().join("\n")
}

fn labelled(text: &str, width: usize) -> String {
    match text.split_at_checked(LABEL) {
        Some((label, rest))
            if LABELS.contains(&label.trim_end()) || (label.trim().is_empty() && !rest.starts_with(' ')) =>
        {
            line(label, rest, "", Some(width))
        }
        _ if measure_text_width(text) > width => in_rows(text, width),
        _ => text.to_owned(),
    }
}

/// A line of several things, as of commands to go on with, broken between them.
fn in_rows(text: &str, width: usize) -> String {
    let mut rows: Vec<String> = Vec::new();
    for thing in text.split(BETWEEN) {
        match rows.last_mut() {
            Some(row) if measure_text_width(row) + measure_text_width(BETWEEN) + measure_text_width(thing) <= width => {
                row.extend([BETWEEN, thing]);
            }
            Some(_) => rows.push(format!("{:LABEL$}{thing}", "")),
            None => rows.push(thing.to_owned()),
        }
    }
    rows.join("\n")
}

/// A line that is drawn again in place: it must not take a second row, so what does not fit is cut off.
pub(super) fn cut(line: &str, width: Option<usize>) -> String {
    width.map_or_else(|| line.to_owned(), |width| truncate_str(line, width, "…").into_owned())
}

fn with_time(line: &str, time: &str, width: usize) -> String {
    if time.is_empty() {
        return line.trim_end().to_owned();
    }
    let taken = measure_text_width(line) + time.chars().count();
    let gap = width.min(EDGE).saturating_sub(taken).max(1);
    format!("{line}{}{time}", " ".repeat(gap))
}

/// A text in rows of at most `room` characters, broken between words, and within a word only where that alone is longer.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        for (number, piece) in pieces(word, room).iter().enumerate() {
            let row = rows.len() - 1;
            let gap = usize::from(number == 0 && !rows[row].is_empty());
            if measure_text_width(&rows[row]) + gap + measure_text_width(piece) <= room {
                rows[row].extend([&" ".repeat(gap), piece.as_str()]);
            } else {
                rows.push(piece.clone());
            }
        }
    }
    rows
}

/// A word, or its pieces of `room` characters.
fn pieces(word: &str, room: usize) -> Vec<String> {
    if measure_text_width(word) <= room {
        return vec![word.to_owned()];
    }
    word.chars().collect::<Vec<_>>().chunks(room).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: [usize; 3] = [40, 80, 120];

    fn shown(width: Option<usize>) -> String {
        let lines = [
            line("  10.8    detected           ", "job RESTARTING: Heartbeat of TaskManager timed out", "+1.6", width),
            line("  19.2    backlog            ", "12 040 of 12 000 records wait", "+8.4", width),
            line("  stop         ", "file:/flink-data/savepoints/savepoint-199a34-7f5063b109d0", "0.4 s", width),
        ];
        lines.join("\n")
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in WIDTHS {
            for line in shown(Some(width)).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn text_goes_on_under_itself() {
        insta::assert_snapshot!(shown(Some(80)), @"
        10.8    detected           job RESTARTING: Heartbeat of TaskManager timed +1.6
                                   out
        19.2    backlog            12 040 of 12 000 records wait                  +8.4
        stop         file:/flink-data/savepoints/savepoint-199a34-7f5063b109d0   0.4 s
        ");
        insta::assert_snapshot!(line("  stop         ", "file:/flink-data/savepoints/savepoint-199a34", "0.4 s", Some(40)), @"
        stop         file:/flink-data/sa 0.4 s
                     vepoints/savepoint-
                     199a34
        ");
    }

    #[test]
    fn a_verdict_goes_on_under_itself_and_a_command_stays_whole() {
        let again = "again     playground scenario failover --no-checkpointing";
        let text = format!(
            "recovery  24.1 s = detect 2.3 + restart 9.3\n          caught up at 6.8 × the usual rate\n{again}"
        );
        insta::assert_snapshot!(page(&text, 36), @"
        recovery  24.1 s = detect 2.3 +
                  restart 9.3
                  caught up at 6.8 × the
                  usual rate
        again     playground scenario failover --no-checkpointing
        ");
    }

    #[test]
    fn without_a_terminal_a_line_is_one_line() {
        assert_eq!(shown(None).lines().count(), 3);
    }

    #[test]
    fn what_is_drawn_in_place_takes_one_row_in_colour_as_well() {
        let text = "  checkpoint   \x1b[2mnone complete, and a text that is longer than any terminal is wide, so that it has to end somewhere before its own end\x1b[0m";
        for width in WIDTHS {
            assert_eq!(measure_text_width(&cut(text, Some(width))), width);
        }
        assert_eq!(cut(text, None), text);
    }
}
