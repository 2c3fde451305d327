//! The environment variables of this process as text, whatever is in them.
//!
//! A value that is no UTF-8 is taken with the replacement character: left out, it would silently give way to a default, and
//! the standard library's own way ends the process.

use std::ffi::OsString;

/// All of them.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| (text(&name), text(&value)))
}

/// The one of a name, where it is set.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| text(&value))
}

fn text(given: &OsString) -> String {
    given.to_string_lossy().into_owned()
}
