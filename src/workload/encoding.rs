//! Records as JSON. Clicks are written and read by hand: millions a second pass here. Anything that is not exactly our
//! own encoding is left to `serde_json`.

use super::{Click, PAGES, WINDOW_MS, WindowCount, window_start};

/// Timestamps beyond this, before or after 1970, are not of the workload: JSON's numbers are exact up to here only.
const LATEST: u64 = 1 << 53;

/// Writes a click into `buffer`, in place of what was there.
pub fn encode(buffer: &mut Vec<u8>, timestamp: i64, page: usize) {
    buffer.clear();
    buffer.extend_from_slice(b"{\"timestamp\":");
    push_decimal(buffer, timestamp);
    buffer.extend_from_slice(b",\"page\":\"");
    buffer.extend_from_slice(PAGES[page].as_bytes());
    buffer.extend_from_slice(b"\"}");
}

fn push_decimal(buffer: &mut Vec<u8>, number: i64) {
    // 19 digits and a sign.
    let mut digits = [b'-'; 20];
    let mut place = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        place -= 1;
        digits[place] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[place - usize::from(number < 0)..]);
}

/// Reads a click: its timestamp and its page's place in [`PAGES`]. `None` when it is no click of this workload.
#[must_use]
pub fn decode(payload: &[u8]) -> Option<(i64, usize)> {
    ours(payload).or_else(|| {
        let click: Click = serde_json::from_slice(payload).ok()?;
        let page = page_number(click.page.as_bytes())?;
        (click.timestamp.unsigned_abs() < LATEST).then_some((click.timestamp, page))
    })
}

/// Reads exactly what [`encode`] writes.
fn ours(payload: &[u8]) -> Option<(i64, usize)> {
    let rest = payload.strip_prefix(b"{\"timestamp\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    // 15 digits are in range in any case; a leading zero is no JSON number.
    if digits == 0 || digits > 15 || (rest[0] == b'0' && digits > 1) {
        return None;
    }
    let timestamp = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let page = rest[digits..].strip_prefix(b",\"page\":\"")?.strip_suffix(b"\"}")?;
    Some((timestamp, page_number(page)?))
}

/// Reads a count: its page's place in [`PAGES`], its window's first ms, how many clicks. An error says what is wrong with
/// a record that is no count of a window of this workload.
pub fn decode_count(payload: &[u8]) -> Result<(usize, i64, u64), String> {
    let count: WindowCount =
        serde_json::from_slice(payload).map_err(|_| format!("{} is no count of a window", excerpt(payload)))?;
    let Some(page) = page_number(count.page.as_bytes()) else {
        return Err(format!("no page of this workload: {}", excerpt(count.page.as_bytes())));
    };
    let (start, end) = (count.window_start, count.window_end);
    let is_window = start.unsigned_abs() < LATEST && window_start(start) == start && start + WINDOW_MS == end;
    if is_window { Ok((page, start, count.count)) } else { Err(format!("no window of 15 s: from {start} to {end} ms")) }
}

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

fn page_number(name: &[u8]) -> Option<usize> {
    PAGES.iter().position(|page| page.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_writes_what_serde_json_writes(timestamp in -(1_i64 << 53) + 1..1 << 53, page in 0..PAGES.len()) {
            let mut buffer = b"left over from the click before, and longer than it".to_vec();
            encode(&mut buffer, timestamp, page);
            let click = Click { timestamp, page: PAGES[page].into() };
            prop_assert_eq!(&buffer, &serde_json::to_vec(&click).unwrap());
            prop_assert_eq!(decode(&buffer), Some((timestamp, page)));
        }

        #[test]
        fn it_reads_what_serde_json_reads(payload in r#"\{"timestamp":-?[0-9]{1,20}(\.5)?,"page":"/[a-z]{0,5}"\}"#) {
            let read = serde_json::from_str::<Click>(&payload).ok();
            let read = read.filter(|click| click.timestamp.unsigned_abs() < LATEST);
            let read = read.and_then(|click| Some((click.timestamp, page_number(click.page.as_bytes())?)));
            prop_assert_eq!(decode(payload.as_bytes()), read);
        }

        #[test]
        fn no_bytes_make_it_panic(payload: Vec<u8>) {
            let _ = decode(&payload);
        }
    }

    #[test]
    fn every_timestamp_is_written() {
        for timestamp in [0, -1, 9, 10, i64::MIN, i64::MAX] {
            let mut buffer = Vec::new();
            encode(&mut buffer, timestamp, 0);
            assert_eq!(String::from_utf8(buffer).unwrap(), format!(r#"{{"timestamp":{timestamp},"page":"/help"}}"#));
        }
    }

    #[test]
    fn another_writer_of_the_same_click_is_understood() {
        assert_eq!(decode(br#" { "page": "\/shop", "timestamp": 15, "user": 7 } "#), Some((15, 2)));
    }

    #[test]
    fn a_count_is_read() {
        let payload = br#"{"windowStart":15000,"windowEnd":30000,"page":"/jobs","count":1000}"#;
        assert_eq!(decode_count(payload), Ok((3, 15_000, 1000)));
    }

    #[test]
    fn a_record_that_is_no_count_says_why() {
        let why = |payload: &str| decode_count(payload.as_bytes()).unwrap_err();
        assert_eq!(why("{oops"), "'{oops' is no count of a window");
        assert_eq!(
            why(r#"{"windowStart":0,"windowEnd":15000,"page":"/x","count":1}"#),
            "no page of this workload: '/x'"
        );
        let no_window = "no window of 15 s: from 5 to 15005 ms";
        assert_eq!(why(r#"{"windowStart":5,"windowEnd":15005,"page":"/help","count":1}"#), no_window);
        let far = r#"{"windowStart":9223372036854765000,"windowEnd":0,"page":"/help","count":1}"#;
        assert!(why(far).starts_with("no window of 15 s"));
        assert!(
            why(r#"{"windowStart":0,"windowEnd":15000,"page":"/help","count":-1}"#)
                .ends_with("is no count of a window")
        );
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b""), "an empty record");
        assert_eq!(excerpt(b"a\x1b[31m\xff"), "'a\\u{1b}[31m\u{fffd}'");
        assert_eq!(excerpt(&[b'x'; 100]), format!("'{}…'", "x".repeat(60)));
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
