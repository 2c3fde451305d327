//! The `.env` file beside a compose file: values of `${NAME}` that the shell does not set, in Compose's own syntax.

use anyhow::{Context as _, Result, bail, ensure};

use super::Variables;
use super::interpolate::expand;

/// The variables of a `.env` file, under those of the shell: where both set one, the shell's rules.
///
/// # Errors
/// The number of the line that cannot be parsed.
pub(super) fn under(text: &str, shell: &Variables) -> Result<Variables> {
    let mut variables = shell.clone();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    while !rest.is_empty() {
        let number = 1 + text[..text.len() - rest.len()].matches('\n').count();
        rest = entry(rest, shell, &mut variables).with_context(|| format!("line {number}"))?;
    }
    Ok(variables)
}

/// Reads the first line, or more where a value in quotes goes on; what comes after it is returned.
fn entry<'a>(text: &'a str, shell: &Variables, variables: &mut Variables) -> Result<&'a str> {
    let text = text.trim_start_matches([' ', '\t', '\r']);
    if text.is_empty() || text.starts_with(['#', '\n']) {
        return Ok(first_line(text).1);
    }
    let text = text.strip_prefix("export ").unwrap_or(text);
    let end = text.find(['=', ':', '\n']).unwrap_or(text.len());
    let (name, rest) = (text[..end].trim(), &text[end..]);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    ensure!(!name.is_empty() && name.chars().all(is_name), "'{name}' is not a name of a variable");
    // A name alone stands for the shell's value, which is there already.
    let Some(given) = rest.strip_prefix(['=', ':']) else { return Ok(first_line(rest).1) };
    let (value, after) = value(given.trim_start_matches([' ', '\t']), variables).with_context(|| name.to_owned())?;
    if !shell.contains_key(name) {
        variables.insert(name.to_owned(), value);
    }
    Ok(after)
}

/// The first line, and what comes after it.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// In single quotes as it stands, in double quotes with escapes and variables, bare with variables and up to a comment.
fn value<'a>(text: &'a str, variables: &Variables) -> Result<(String, &'a str)> {
    let Some(quote) = text.chars().next().filter(|first| ['\'', '"'].contains(first)) else {
        let (line, after) = first_line(text);
        let bare = line.find(" #").map_or(line, |comment| &line[..comment]);
        return Ok((expand(bare.trim(), variables)?, after));
    };
    let Some(end) = closing(&text[1..], quote) else { bail!("the quote is not closed") };
    let (inner, after) = (&text[1..=end], &text[end + 2..]);
    let (trailing, after) = first_line(after);
    let trailing = trailing.trim();
    ensure!(trailing.is_empty() || trailing.starts_with('#'), "'{trailing}' follows the closing quote");
    Ok((if quote == '"' { expand(&unescaped(inner), variables)? } else { inner.to_owned() }, after))
}

/// Where a quote is closed; within double quotes a backslash takes the meaning of the next character.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('$')) => out.push_str("$$"),
            ('\\', Some(other @ ('"' | '\\'))) => out.push(other),
            ('\\', Some(other)) => out.extend(['\\', other]),
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Variables {
        Variables::from([("SHELL_SET".to_owned(), "shell".to_owned()), ("EMPTY".to_owned(), String::new())])
    }

    fn read(text: &str, name: &str) -> Option<String> {
        under(text, &shell()).unwrap().get(name).cloned()
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        for (text, want) in [
            ("A=1", "1"),
            ("A=1\r\n", "1"),
            ("\u{feff}A=1", "1"),
            ("# a comment\n\n  export A = 1 2 ", "1 2"),
            ("A: 1", "1"),
            ("A=", ""),
            ("A=1 # why\n", "1"),
            ("A=1#2", "1#2"),
            ("A='${B} \\n # x'", "${B} \\n # x"),
            ("A=\"a\\tb \\\"c\\\" \\$B\" # why", "a\tb \"c\" $B"),
            ("A=\"one\ntwo\"\nC=3", "one\ntwo"),
            ("B=2\nA=${B}-${SHELL_SET}-${NONE:-x}", "2-shell-x"),
            ("SHELL_SET=file\nA=$SHELL_SET", "shell"),
            ("A=1\nA=2", "2"),
            ("A=http://x:1/?a=b", "http://x:1/?a=b"),
        ] {
            assert_eq!(read(text, "A").as_deref(), Some(want), "{text}");
        }
        assert_eq!(read("A=\"one\ntwo\"\nC=3", "C").as_deref(), Some("3"));
    }

    #[test]
    fn the_shell_rules_even_with_an_empty_value_and_a_name_alone_adds_nothing() {
        assert_eq!(read("SHELL_SET=file", "SHELL_SET").as_deref(), Some("shell"));
        assert_eq!(read("EMPTY=file", "EMPTY").as_deref(), Some(""));
        assert_eq!(read("A", "A"), None);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for (text, want) in [
            ("A=1\n=2", "line 2: '' is not a name of a variable"),
            ("A=1\n\nB='x\ny", "line 3: B: the quote is not closed"),
            ("A='x' y", "line 1: A: 'y' follows the closing quote"),
            ("two words=1", "line 1: 'two words' is not a name of a variable"),
            ("A=${B:?say B}", "line 1: A: B must be set: say B"),
        ] {
            assert_eq!(format!("{:#}", under(text, &shell()).unwrap_err()), want, "{text}");
        }
    }
}
