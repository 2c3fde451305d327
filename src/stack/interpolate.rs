//! `${NAME}` in the values of a compose file, as Compose fills it in: an unset variable is empty, `$$` is a dollar sign.

use std::borrow::Cow;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_yaml::Value;

use super::Variables;

/// Fills in every value below `value`; keys stay as they are.
pub(super) fn tree(value: &mut Value, path: &str, variables: &Variables) -> Result<()> {
    match value {
        Value::String(text) => *text = expand(text, variables).with_context(|| path.to_owned())?,
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                tree(item, &format!("{path}[{index}]"), variables)?;
            }
        }
        Value::Mapping(entries) => {
            for (key, item) in entries.iter_mut() {
                let key = key.as_str().unwrap_or("?");
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                tree(item, &path, variables)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Fills in one text.
pub(super) fn expand(text: &str, variables: &Variables) -> Result<String> {
    let unescaped = text.replace("$$", "");
    refuse_nesting(&unescaped)?;
    let expanded = shellexpand::env_with_context(text, |name| look_up(name, &unescaped, variables));
    Ok(expanded.map_err(|error| error.cause)?.into_owned())
}

/// `shellexpand` ends a default at the first brace, so a variable within a default would come out wrong.
fn refuse_nesting(text: &str) -> Result<()> {
    for (start, _) in text.match_indices("${") {
        let inner = &text[start + 2..];
        let Some(end) = inner.find('}') else { bail!("'${{' without '}}' in '{text}'") };
        if inner[..end].contains('$') {
            bail!("a variable inside the default of another is not supported: '{text}'");
        }
    }
    Ok(())
}

/// Finds what stands between the braces, `:-` and its default cut off; `None` makes `shellexpand` take that default.
fn look_up<'a>(name: &str, text: &str, variables: &'a Variables) -> Result<Option<Cow<'a, str>>> {
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    let (plain, rest) = name.split_at(end);
    let set = variables.get(plain).map(String::as_str);
    let full = set.filter(|value| !value.is_empty());
    let value = match rest.chars().next() {
        None => return plain_value(plain, full, text),
        Some(':') if rest.starts_with(":?") => Some(full.ok_or_else(|| missing(plain, &rest[2..]))?.to_owned()),
        Some('?') => Some(set.ok_or_else(|| missing(plain, &rest[1..]))?.to_owned()),
        Some('-') => Some(set.unwrap_or(&rest[1..]).to_owned()),
        Some(':') if rest.starts_with(":+") => Some(full.map_or("", |_| &rest[2..]).to_owned()),
        Some('+') => Some(set.map_or("", |_| &rest[1..]).to_owned()),
        _ => bail!("'${{{name}}}' is not a variable"),
    };
    Ok(value.map(Cow::Owned))
}

/// An empty variable is the default where there is one, and empty where there is none; the text tells which.
fn plain_value<'a>(name: &str, full: Option<&'a str>, text: &str) -> Result<Option<Cow<'a, str>>> {
    let with_default = text.contains(&format!("${{{name}:-"));
    let without = text.contains(&format!("${{{name}}}"));
    match full {
        None if with_default && without => bail!("{name} is used both with and without a default in '{text}'"),
        None if with_default => Ok(None),
        found => Ok(Some(Cow::Borrowed(found.unwrap_or_default()))),
    }
}

fn missing(name: &str, message: &str) -> anyhow::Error {
    if message.is_empty() { anyhow!("{name} must be set") } else { anyhow!("{name} must be set: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expanded(text: &str) -> Result<String> {
        let variables = [("A", "1"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        expand(text, &Variables::from(variables))
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        for (text, want) in [
            ("${A}", "1"),
            ("x${A}y$A", "x1y1"),
            ("${A:-2}", "1"),
            ("${B:-2}", "2"),
            ("${EMPTY:-2}", "2"),
            ("${EMPTY-2}", ""),
            ("${B-2}", "2"),
            ("${B:-}", ""),
            ("[${B}]", "[]"),
            ("[${EMPTY}]", "[]"),
            ("${A:+set}${B:+set}", "set"),
            ("${A:?needed}", "1"),
            ("$$A $${A} $$$$", "$A ${A} $$"),
            ("a=$", "a=$"),
        ] {
            assert_eq!(expanded(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_an_error() {
        for (text, want) in [
            ("${B:?say where}", "B must be set: say where"),
            ("${B?}", "B must be set"),
            ("${A:-${B}}", "a variable inside the default of another is not supported: '${A:-${B}}'"),
            ("${A", "'${' without '}' in '${A'"),
            ("${A/x}", "'${A/x}' is not a variable"),
            ("${B}${B:-1}", "B is used both with and without a default in '${B}${B:-1}'"),
        ] {
            assert_eq!(expanded(text).unwrap_err().to_string(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_dollars_stays(text in "[^$]*") {
            prop_assert_eq!(expanded(&text).unwrap(), text);
        }

        #[test]
        fn doubled_dollars_come_out_single(text in "[a-z${} ]*") {
            prop_assert_eq!(expanded(&text.replace('$', "$$")).ok(), Some(text));
        }
    }
}
