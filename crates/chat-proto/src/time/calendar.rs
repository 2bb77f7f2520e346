//! The calendar, as far as the services need it: RFC 3339 and the dates of HTTP, in UTC.
//!
//! So little that a library for dates would be half of what this crate takes to compile. Tests
//! compare it with one.

/// 0000-01-01T00:00:00Z, in microseconds since 1970.
const FIRST: i64 = -62_167_219_200_000_000;
/// The end of the year 9999.
const LAST: i64 = 253_402_300_799_999_999;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Microseconds since 1970 of an RFC 3339 time stamp with at most nine digits of fraction; those
/// beyond the sixth are cut off. A leap second is taken for the second before it.
pub(crate) fn read_rfc3339(text: &str) -> Option<i64> {
    let (stamp, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [y @ .., b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _] =
        stamp
    else {
        return None;
    };
    let day = day_number(digits(y)?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?)?;
    let seconds = day * 86_400 + time_of_day(&stamp[11..])?;
    let (micros, zone) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at(len);
            let mut six = [b'0'; 6];
            six.iter_mut().zip(fraction).for_each(|(digit, given)| *digit = *given);
            ((1..10).contains(&len).then(|| digits(&six))??, zone)
        }
        None => (0, rest),
    };
    Some((seconds - offset(zone)?) * 1_000_000 + micros)
}

/// Seconds by which a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let ahead = time_of_day(&[*h1, *h2, b':', *m1, *m2, b':', b'0', b'0'])?;
            Some(if *sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

/// Writes microseconds since 1970 in RFC 3339, without trailing zeros. What lies beyond the years 0
/// to 9999 is clamped.
pub(crate) fn write_rfc3339(micros: i64) -> String {
    let micros = micros.clamp(FIRST, LAST);
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let (minutes, second) = (seconds.rem_euclid(86_400) / 60, seconds.rem_euclid(60));
    let (hour, minute) = (minutes / 60, minutes % 60);
    let stamp =
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}");
    format!("{}Z", stamp.trim_end_matches('0').trim_end_matches('.'))
}

/// Seconds since 1970 of a date as HTTP writes it today, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn read_http_date(text: &str) -> Option<i64> {
    let (_weekday, date) = text.split_once(", ")?;
    let [d1, d2, b' ', month @ .., b' ', y1, y2, y3, y4, b' ', _, _, b':', _, _, b':', _, _] =
        date.strip_suffix(" GMT")?.as_bytes()
    else {
        return None;
    };
    let month = MONTHS.iter().zip(1..).find_map(|(name, at)| (month == *name).then_some(at))?;
    let day = day_number(digits(&[*y1, *y2, *y3, *y4])?, month, digits(&[*d1, *d2])?)?;
    Some(day * 86_400 + time_of_day(&date.as_bytes()[12..20])?)
}

/// Seconds since midnight, of `hh:mm:ss`.
fn time_of_day(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text else { return None };
    let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[m1, m2])?, digits(&[s1, s2])?);
    (hour < 24 && minute < 60 && second < 61).then(|| hour * 3600 + minute * 60 + second.min(59))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days since 1970 of a date; `None` where the calendar has none.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    // Years from March on, so that the leap day is the last.
    let (of_year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = of_year.div_euclid(4) - of_year.div_euclid(100) + of_year.div_euclid(400);
    let number = of_year * 365 + leap_days + (153 * shifted + 2) / 5 + day - 1 - 719_468;
    (date(number) == (year, month, day)).then_some(number)
}

/// Year, month and day of a day since 1970.
const fn date(number: i64) -> (i64, i64, i64) {
    // Again from March on: in eras of 400 years, which are all alike.
    let (era, day) =
        ((number + 719_468).div_euclid(146_097), (number + 719_468).rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::fmt::rfc2822;
    use proptest::prelude::*;

    #[test]
    fn each_day_of_four_centuries_is_where_jiff_has_it() {
        // From 1899 to 2301: all that 400 years bring.
        for day in -25_932..121_180 {
            let stamp = Timestamp::from_second(day * 86_400).unwrap();
            let text = write_rfc3339(day * 86_400_000_000);
            assert_eq!(text, stamp.to_string());
            assert_eq!(read_rfc3339(&text), Some(day * 86_400_000_000));
        }
    }

    #[test]
    fn what_is_beyond_is_clamped() {
        assert_eq!(write_rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(write_rfc3339(i64::MAX), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_time_stamp_is_refused() {
        for text in [
            "",
            "2024-10-24",
            "2024-10-24T08:24:41",
            "2024-10-24T08:24:41.Z",
            "2024-10-24T08:24:41.1234567890Z",
            "2024-10-24T08:24:41Zz",
            "2024-10-24T24:00:00Z",
            "2024-10-24T08:60:00Z",
            "2024-10-24T08:24:61Z",
            "2024-00-24T08:24:41Z",
            "2024-13-24T08:24:41Z",
            "2024-10-00T08:24:41Z",
            "2023-02-29T08:24:41Z",
            "1900-02-29T08:24:41Z",
            "2024-04-31T08:24:41Z",
            "2024-10-24T08:24:41+24:00",
            "2024-10-24T08:24:41+0200",
            "+024-10-24T08:24:41Z",
            "２024-10-24T08:24:41Z",
        ] {
            assert_eq!(read_rfc3339(text), None, "{text}");
        }
        let day = Some(951_827_696_000_000);
        assert_eq!(read_rfc3339("2000-02-29t12:34:56z"), day);
        assert_eq!(read_rfc3339("2000-02-29 14:04:56+01:30"), day);
        assert_eq!(read_rfc3339("2000-02-28T23:34:56-13:00"), day);
        assert_eq!(read_rfc3339("2016-12-31T23:59:60Z"), read_rfc3339("2016-12-31T23:59:59Z"));
    }

    #[test]
    fn what_is_no_http_date_is_refused() {
        assert_eq!(read_http_date("Thu, 01 Jan 1970 00:00:01 GMT"), Some(1));
        for text in [
            "",
            "Sun, ",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 é 1994 08:49:37 GMT",
        ] {
            assert_eq!(read_http_date(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn jiff_agrees(micros in FIRST..LAST - 200_000_000_000) {
            let stamp = Timestamp::from_microsecond(micros).unwrap();
            let text = write_rfc3339(micros);
            prop_assert_eq!(&text, &stamp.to_string());
            prop_assert_eq!(read_rfc3339(&text), Some(micros));
        }

        #[test]
        fn jiff_reads_the_same_http_dates(second in FIRST / 1_000_000..LAST / 1_000_000 - 200_000) {
            let stamp = Timestamp::from_second(second).unwrap();
            let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp).unwrap();
            prop_assert_eq!(read_http_date(&text), Some(second));
        }

        #[test]
        fn a_zone_is_an_offset(hours in 0i64..24, minutes in 0i64..60, ahead: bool) {
            let sign = if ahead { '+' } else { '-' };
            let text = format!("2024-10-24T08:24:41.5{sign}{hours:02}:{minutes:02}");
            prop_assert_eq!(
                read_rfc3339(&text),
                Some(text.parse::<Timestamp>().unwrap().as_microsecond())
            );
        }

        #[test]
        fn nothing_panics(text in "[-+0-9TZ:. ,a-zA-Zü]{0,40}") {
            let _ = (read_rfc3339(&text), read_http_date(&text));
        }
    }
}
