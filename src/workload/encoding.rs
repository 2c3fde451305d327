//! Records as JSON, as they are read. Clicks are read by hand: millions a second pass here. Anything that is not exactly as
//! the generator writes it is left to `serde_json`.

use serde::Deserialize;

use super::{Click, WINDOW_MS, WindowCount, window_start};

/// Timestamps beyond this, before or after 1970, are not of the workload: JSON's numbers are exact up to here only, and near
/// the end of an `i64` a window would have no end.
const LATEST: u64 = 1 << 53;

/// Reads a click; none when the record is no click. What is one is said by a table that the job's deserializer is run
/// through as well: `clicks.tsv` among its tests' resources.
#[must_use]
pub fn decode(payload: &[u8]) -> Option<Click<'_>> {
    ours(payload).or_else(|| parsed(payload))
}

/// Reads what the generator writes, of whatever page.
fn ours(payload: &[u8]) -> Option<Click<'_>> {
    let rest = payload.strip_prefix(b"{\"timestamp\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    // 15 digits are in range in any case; a leading zero is no JSON number.
    if digits == 0 || digits > 15 || (rest[0] == b'0' && digits > 1) {
        return None;
    }
    let timestamp = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let page = rest[digits..].strip_prefix(b",\"page\":\"")?.strip_suffix(b"\"}")?;
    // Anything that JSON would escape, or that takes more than a byte, is left to a parser.
    let is_plain = page.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
    let page = std::str::from_utf8(page).ok().filter(|_| is_plain)?;
    Some(Click { timestamp, page: page.into() })
}

fn parsed(payload: &[u8]) -> Option<Click<'_>> {
    object(payload).filter(|click: &Click| click.timestamp.unsigned_abs() < LATEST)
}

/// Reads a JSON object in UTF-8. The parser alone would not look at the bytes of a field that it skips, and would take an
/// array for an object.
fn object<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    let text = std::str::from_utf8(payload).ok()?;
    let is_object = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
    if is_object { serde_json::from_str(text).ok() } else { None }
}

/// Reads a count. An error says what is wrong with a record that is not a window count of this workload.
pub fn decode_count(payload: &[u8]) -> Result<WindowCount, String> {
    let count: WindowCount = object(payload).ok_or_else(|| format!("{} is not a window count", excerpt(payload)))?;
    let (start, end) = (count.window_start, count.window_end);
    let is_window = start.unsigned_abs() < LATEST && window_start(start) == start && start + WINDOW_MS == end;
    if is_window { Ok(count) } else { Err(format!("not a window of 15 s: from {start} to {end} ms")) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_reads_what_serde_json_writes(timestamp in -(1_i64 << 53) + 1..1 << 53, page in "/[a-z]{1,9}") {
            let click = Click { timestamp, page: page.into() };
            let json = serde_json::to_vec(&click).unwrap();
            prop_assert_eq!(decode(&json), Some(click));
        }

        #[test]
        fn the_quick_way_reads_what_the_parser_reads(payload in r#"\{"timestamp":-?[0-9]{1,20}(\.5)?,"page":"/[a-z\\"é]{0,5}"\}"#) {
            let quick = ours(payload.as_bytes());
            prop_assert!(quick.is_none() || quick == parsed(payload.as_bytes()), "{payload}");
        }

        #[test]
        fn no_bytes_make_it_panic(payload: Vec<u8>) {
            let _ = decode(&payload);
        }
    }

    /// A byte that a line of text cannot hold is written as % and its two digits.
    fn bytes(text: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((&first, more)) = rest.split_first() {
            rest = more;
            if first == b'%' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            } else {
                bytes.push(first);
            }
        }
        bytes
    }

    #[test]
    fn what_is_a_click_is_said_in_the_table_that_the_job_is_held_to() {
        let table = include_str!("../../docker/flink/job/src/test/resources/clicks.tsv");
        let rows: Vec<_> = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(rows.len() > 80);
        for row in rows {
            let (expected, payload) = row.split_once('\t').unwrap();
            let payload = bytes(payload);
            let read = decode(&payload).map_or("-".to_owned(), |click| format!("{} {}", click.timestamp, click.page));
            assert_eq!(read.as_bytes(), bytes(expected), "{row}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_limited() {
        let fields = [
            format!(r#""x":{}"#, "1".repeat(2000)),
            format!(r#""x":{}{}"#, "[".repeat(2000), "]".repeat(2000)),
            format!(r#""x":"{}""#, "x".repeat(100_000)),
            format!(r#""{}":1"#, "x".repeat(100_000)),
        ];
        for field in fields {
            let json = format!(r#"{{"timestamp":15,{field},"page":"/shop"}}"#);
            assert_eq!(decode(json.as_bytes()), Some(Click { timestamp: 15, page: "/shop".into() }));
        }
    }

    #[test]
    fn a_count_is_read_with_its_checksum_or_without() {
        let payload = br#"{"windowStart":15000,"windowEnd":30000,"page":"/cart","count":1000}"#;
        let count = decode_count(payload).unwrap();
        assert_eq!(
            (count.page.as_str(), count.window_start, count.count, count.checksum),
            ("/cart", 15_000, 1000, None)
        );
        let payload = br#"{"windowStart":15000,"windowEnd":30000,"page":"/jobs","count":1000,"checksum":7492500}"#;
        assert_eq!(decode_count(payload).unwrap().checksum, Some(7_492_500));
    }

    #[test]
    fn a_record_that_is_no_count_says_why() {
        let why = |payload: &str| decode_count(payload.as_bytes()).unwrap_err();
        assert_eq!(why("{oops"), "'{oops' is not a window count");
        assert!(why(r#"[0,15000,"/help",1,0]"#).ends_with("is not a window count"));
        let no_window = "not a window of 15 s: from 5 to 15005 ms";
        assert_eq!(why(r#"{"windowStart":5,"windowEnd":15005,"page":"/help","count":1}"#), no_window);
        let far = r#"{"windowStart":9223372036854765000,"windowEnd":0,"page":"/help","count":1}"#;
        assert!(why(far).starts_with("not a window of 15 s"));
        assert!(
            why(r#"{"windowStart":0,"windowEnd":15000,"page":"/help","count":-1}"#).ends_with("is not a window count")
        );
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b""), "an empty record");
        assert_eq!(excerpt(b"a\x1b[31m\xff"), "'a\\u{1b}[31m\u{fffd}'");
        assert_eq!(excerpt(&[b'x'; 100]), format!("'{}…'", "x".repeat(60)));
    }
}
