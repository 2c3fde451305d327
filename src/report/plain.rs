//! Text from outside on its way to a terminal: what containers print, exceptions, names of jobs, files and records.
//!
//! A terminal obeys control characters: one line of a log could move the cursor, set the clipboard or rewrite what was
//! printed before. So they are shown instead. `text` is for each text from outside; `page` is the guard at the very end, for
//! what is made of our own words and colours with such texts in between.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Paint;

/// All that [`Paint`] writes, and nothing else may start with an escape character.
const STYLES: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[1;33m"];

/// Shows every control character as Rust would write it, as in `\u{1b}`; line breaks and tabs stay.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| show(c, &mut shown));
    Cow::Owned(shown)
}

/// The same for a finished page, whose own colours stay where it may have any.
#[must_use]
pub(super) fn page(page: &str, paint: Paint) -> Cow<'_, str> {
    if paint == Paint::Plain || !page.contains('\x1b') {
        return text(page);
    }
    let mut shown = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(next) = rest.chars().next() {
        let style = STYLES.iter().find(|style| rest.starts_with(**style));
        match style {
            Some(style) => shown.push_str(style),
            None => show(next, &mut shown),
        }
        rest = &rest[style.map_or(next.len_utf8(), |style| style.len())..];
    }
    Cow::Owned(shown)
}

/// The same for a JSON document: within its strings, where alone such characters can be, an escape is the same value.
#[must_use]
pub(super) fn json(document: &str) -> Cow<'_, str> {
    if !document.chars().any(is_control) {
        return Cow::Borrowed(document);
    }
    let mut shown = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if is_control(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn show(c: char, shown: &mut String) {
    if is_control(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
}

/// C0 and C1, DEL, and what turns the direction of writing or breaks lines in some terminals.
fn is_control(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown() {
        for (given, want) in [
            ("plain: äöü → ✓", "plain: äöü → ✓"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("\x1b[2J\x1b]0;title\x07", r"\u{1b}[2J\u{1b}]0;title\u{7}"),
            ("loading 1%\rloading 2%", r"loading 1%\rloading 2%"),
            ("a\u{9b}31mb\u{7f}", r"a\u{9b}31mb\u{7f}"),
            ("user\u{202e}gpj.exe\u{2066}", r"user\u{202e}gpj.exe\u{2066}"),
            ("nul\0", r"nul\u{0}"),
        ] {
            assert_eq!(text(given), want);
        }
    }

    #[test]
    fn a_page_keeps_its_own_colours_and_nothing_else() {
        let own = format!("{} {}", Paint::Colour.good("PASS"), Paint::Colour.dim("note"));
        assert_eq!(page(&own, Paint::Colour), own);
        assert_eq!(page("\x1b[31m\x1b[1;31mx\x1b[0m\x1bc", Paint::Colour), "\\u{1b}[31m\x1b[1;31mx\x1b[0m\\u{1b}c");
        assert_eq!(page("\x1b[1;31mx", Paint::Plain), r"\u{1b}[1;31mx");
    }

    fn is_obeyed(c: char) -> bool {
        c.is_control() && c != '\n' && c != '\t'
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_comes_through(given in any::<String>()) {
            prop_assert!(!text(&given).contains(is_obeyed));
            prop_assert!(!page(&given, Paint::Plain).contains(is_obeyed));
        }

        #[test]
        fn json_is_the_same_value(given in any::<String>()) {
            let document = serde_json::to_string(&format!("{given}\u{9b}\u{202e}\u{7f}")).unwrap();
            let shown = json(&document);
            prop_assert!(!shown.contains(is_obeyed));
            prop_assert_eq!(
                serde_json::from_str::<String>(&shown).unwrap(),
                serde_json::from_str::<String>(&document).unwrap()
            );
        }
    }
}
