//! The lines of `playground logs`.

use serde::Serialize;

use super::{Paint, plain};
use crate::platform::Line;

/// A line as JSON: one object a line, as it may go on for ever.
#[derive(Debug, Serialize)]
struct JsonLine<'a> {
    instance: &'a str,
    stream: &'static str,
    text: &'a str,
}

/// A line behind the name of its instance; `width` is that of the longest name.
#[must_use]
pub fn human(line: &Line, width: usize, paint: Paint) -> String {
    format!("{}  {}", paint.dim(&format!("{:<width$}", line.instance)), plain::text(&line.text)).trim_end().to_owned()
}

/// A line as JSON.
#[must_use]
pub fn json(line: &Line) -> String {
    let stream = if line.stderr { "stderr" } else { "stdout" };
    let line = JsonLine { instance: &line.instance, stream, text: &line.text };
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_where_it_comes_from() {
        let line = Line { instance: "kafka-1".into(), log: String::new(), stderr: true, text: "ready".into(), at: 0 };
        assert_eq!(human(&line, 10, Paint::Plain), "kafka-1     ready");
        assert_eq!(json(&line), r#"{"instance":"kafka-1","stream":"stderr","text":"ready"}"#);
        let line = Line { text: "\x1b[1;32mready\r".into(), ..line };
        assert_eq!(human(&line, 10, Paint::Plain), r"kafka-1     \u{1b}[1;32mready\r");
    }
}
