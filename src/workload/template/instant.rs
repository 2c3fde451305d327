//! Event time as ISO 8601 has it, in UTC and with ms, as in `2020-11-02T01:24:22.000Z`.

/// The earliest event time of a feed.
pub const EARLIEST: i64 = 0;
/// The latest event time of a feed: the last ms of the year 9999, behind which ISO 8601 has another form.
pub const LATEST: i64 = 253_402_300_799_999;

/// How long such a text is.
const LENGTH: usize = 24;
const DAY_MS: u64 = 86_400_000;

/// Writes an event time; one that no feed has is written as the nearest that one may have.
pub(super) fn push_instant(buffer: &mut Vec<u8>, time: i64) {
    let time = time.clamp(EARLIEST, LATEST).unsigned_abs();
    let (year, month, day) = date(time / DAY_MS);
    let time = time % DAY_MS;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], time / 3_600_000);
    put(&mut text[14..16], time / 60_000 % 60);
    put(&mut text[17..19], time / 1000 % 60);
    put(&mut text[20..23], time % 1000);
    buffer.extend_from_slice(&text);
}

/// Writes a number's last digits, as many as there is room for.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Year, month and day, so many days after 1970-01-01. It reckons in years that begin with March, so that a leap day is
/// the last one: a cycle of 400 of them has 146 097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let day_of_cycle = days % 146_097;
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = days / 146_097 * 400 + year_of_cycle;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// The event time that a text begins with.
pub(super) fn read(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text.get(..LENGTH)?).ok()?;
    text.parse().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(time: i64) -> String {
        let mut buffer = Vec::new();
        push_instant(&mut buffer, time);
        String::from_utf8(buffer).unwrap()
    }

    proptest! {
        #[test]
        fn it_writes_what_jiff_writes(time in EARLIEST..=LATEST) {
            let jiff = jiff::Timestamp::from_millisecond(time).unwrap();
            prop_assert_eq!(written(time), format!("{jiff:.3}"));
            prop_assert_eq!(read(written(time).as_bytes()), Some(time));
        }
    }

    #[test]
    fn every_day_has_its_date() {
        let mut day = jiff::civil::date(1970, 1, 1);
        for number in 0..200_000 {
            let expected =
                (day.year().unsigned_abs().into(), day.month().unsigned_abs().into(), day.day().unsigned_abs().into());
            assert_eq!(date(number), expected, "{day}");
            day = day.tomorrow().unwrap();
        }
    }

    #[test]
    fn the_bounds_are_kept() {
        assert_eq!(written(EARLIEST), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(LATEST), "9999-12-31T23:59:59.999Z");
        assert_eq!((written(i64::MIN), written(i64::MAX)), (written(EARLIEST), written(LATEST)));
        assert_eq!(read(b"2020-11-02T01:24:22.000"), None);
    }
}
