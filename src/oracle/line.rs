//! Lines of text, read by a pattern: what a socket sends, or a job prints, is no JSON.

use regex::bytes::{CaptureLocations, Regex};

/// A pattern, and where in it the parts are that are asked for.
#[derive(Debug, Clone)]
pub(super) struct Line {
    regex: Regex,
    groups: Vec<usize>,
}

impl Line {
    /// A pattern for whole lines; each part is a named group of it, as in `(?<key>\S+)`.
    pub(super) fn of(pattern: &str, parts: &[&str]) -> Result<Self, String> {
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| format!("line: {error}"))?;
        let group = |part: &&str| {
            let found = regex.capture_names().position(|name| name == Some(part));
            found.ok_or_else(|| format!("line: the pattern has no group (?<{part}>…)"))
        };
        let groups = parts.iter().map(group).collect::<Result<_, _>>()?;
        Ok(Self { regex, groups })
    }

    /// The parts of a line, in the order in which they were asked for; none where it does not match, or is no UTF-8.
    pub(super) fn read<'a>(&self, line: &'a [u8]) -> Option<Vec<&'a str>> {
        let mut places: CaptureLocations = self.regex.capture_locations();
        self.regex.captures_read(&mut places, line)?;
        let part = |group: &usize| {
            let (start, end) = places.get(*group)?;
            std::str::from_utf8(&line[start..end]).ok()
        };
        self.groups.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_whole_or_not_at_all() {
        let line = Line::of(r"(?<key>\S+) count=(?<count>\d+)", &["count", "key"]).unwrap();
        assert_eq!(line.read(b"event-1 count=3"), Some(vec!["3", "event-1"]));
        assert_eq!(line.read(b"1> event-1 count=3"), None);
        assert_eq!(line.read(b"event-1 count=3 "), None);
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said() {
        assert_eq!(Line::of(r"(?<key>\S+)", &["value"]).unwrap_err(), "line: the pattern has no group (?<value>…)");
        assert!(Line::of("(?<key>", &["key"]).unwrap_err().contains("regex parse error"));
    }
}
