//! A record as its reader sees it: where it lies, and what it carries. Its bytes lie where they were received or unpacked.

use super::batch::Cursor;

/// A record of a topic, or a line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record<'a> {
    /// The partition it is in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// When it was made or appended, as the topic is set, in ms since the epoch; -1 where it has none.
    pub timestamp: i64,
    /// Its key, where it has one.
    pub key: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
    /// Its value; empty when it has none.
    pub payload: &'a [u8],
    /// How many offsets between the record before it and itself have no record any more: they were compacted away.
    pub missing: i64,
}

impl<'a> Record<'a> {
    /// A value alone, as of a line.
    #[must_use]
    pub fn of(payload: &'a [u8]) -> Self {
        Self { payload, ..Self::default() }
    }
}

/// The headers of a record, as they lie in its batch: their number, and each with its name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headers<'a>(pub &'a [u8]);

impl<'a> Headers<'a> {
    /// The value of the last header of a name, as consumers take it; none where there is no such header, or it has no value.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        let mut rest = Cursor(self.0);
        let mut found = None;
        for _ in 0..rest.varint()? {
            let (key, value) = (rest.sized()?, rest.nullable()?);
            if key == name.as_bytes() {
                found = value;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_header_of_a_name_counts() {
        // Three headers: a = x, b without a value, a = yz.
        let headers = Headers(b"\x06\x02a\x02x\x02b\x01\x02a\x04yz");
        assert_eq!((headers.get("a"), headers.get("b"), headers.get("c")), (Some(&b"yz"[..]), None, None));
        assert_eq!(Headers::default().get("a"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Headers(&bytes).get("a");
        }
    }
}
