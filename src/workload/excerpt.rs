//! The beginning of a record, for messages.

/// The beginning of a payload, fit for a message.
#[must_use]
pub fn excerpt(payload: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(payload);
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    if shown.is_empty() { "an empty record".to_owned() } else { format!("'{shown}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b""), "an empty record");
        assert_eq!(excerpt(b"a\x1b[31m\xff"), "'a\\u{1b}[31m\u{fffd}'");
        assert_eq!(excerpt(&[b'x'; 100]), format!("'{}…'", "x".repeat(60)));
    }
}
