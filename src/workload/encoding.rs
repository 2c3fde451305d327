//! Clicks as JSON, written and read by hand: millions a second pass here. Anything that is not exactly our own encoding
//! is left to `serde_json`.

use std::io::Write as _;

use super::{Click, PAGES};

/// Writes a click into `buffer`, in place of what was there.
pub fn encode(buffer: &mut Vec<u8>, timestamp: i64, page: usize) {
    buffer.clear();
    // Writing to a vector cannot fail.
    let _ = write!(buffer, "{{\"timestamp\":{timestamp},\"page\":\"{}\"}}", PAGES[page]);
}

/// Reads a click: its timestamp and its page's place in [`PAGES`]. `None` when it is no click of this workload.
#[must_use]
pub fn decode(payload: &[u8]) -> Option<(i64, usize)> {
    ours(payload).or_else(|| {
        let click: Click = serde_json::from_slice(payload).ok()?;
        Some((click.timestamp, page_number(click.page.as_bytes())?))
    })
}

/// Reads exactly what [`encode`] writes.
fn ours(payload: &[u8]) -> Option<(i64, usize)> {
    let rest = payload.strip_prefix(b"{\"timestamp\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    // 18 digits fit in any case; a leading zero is no JSON number.
    if digits == 0 || digits > 18 || (rest[0] == b'0' && digits > 1) {
        return None;
    }
    let timestamp = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let page = rest[digits..].strip_prefix(b",\"page\":\"")?.strip_suffix(b"\"}")?;
    Some((timestamp, page_number(page)?))
}

fn page_number(name: &[u8]) -> Option<usize> {
    PAGES.iter().position(|page| page.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_writes_what_serde_json_writes(timestamp: i64, page in 0..PAGES.len()) {
            let mut buffer = b"left over from the click before, and longer than it".to_vec();
            encode(&mut buffer, timestamp, page);
            let click = Click { timestamp, page: PAGES[page].into() };
            prop_assert_eq!(&buffer, &serde_json::to_vec(&click).unwrap());
            prop_assert_eq!(decode(&buffer), Some((timestamp, page)));
        }

        #[test]
        fn it_reads_what_serde_json_reads(payload in r#"\{"timestamp":-?[0-9]{1,20}(\.5)?,"page":"/[a-z]{0,5}"\}"#) {
            let read = serde_json::from_str::<Click>(&payload).ok();
            let read = read.and_then(|click| Some((click.timestamp, page_number(click.page.as_bytes())?)));
            prop_assert_eq!(decode(payload.as_bytes()), read);
        }

        #[test]
        fn no_bytes_make_it_panic(payload: Vec<u8>) {
            let _ = decode(&payload);
        }
    }

    #[test]
    fn another_writer_of_the_same_click_is_understood() {
        assert_eq!(decode(br#" { "page": "\/shop", "timestamp": 15, "user": 7 } "#), Some((15, 2)));
    }

    #[test]
    fn what_is_not_of_the_workload_is_told_apart() {
        for payload in
            ["", "not json", "{}", r#"{"timestamp":15,"page":"/none"}"#, r#"{"timestamp":"15","page":"/help"}"#]
        {
            assert_eq!(decode(payload.as_bytes()), None, "{payload}");
        }
    }
}
