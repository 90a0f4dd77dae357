//! Dates as text: a day, or a moment as RFC 3339 writes it.

/// The milliseconds since the epoch of `2026-11-23` (midnight, UTC) or of `2026-11-23T10:11:12.5+01:00`. The `T` may be
/// a blank; what is finer than a millisecond is cut off; the second 60 is the next one's start.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    expect(&mut rest, "-")?;
    let month = digits(&mut rest, 2).filter(|month| (1..=12).contains(month))?;
    expect(&mut rest, "-")?;
    let day = digits(&mut rest, 2).filter(|day| (1..=days_in(year, month)).contains(day))?;
    let midnight = days_before(year, month, day) * 86_400_000;
    if rest.is_empty() {
        return Some(midnight);
    }
    expect(&mut rest, "Tt ")?;
    let hour = digits(&mut rest, 2).filter(|hour| *hour < 24)?;
    expect(&mut rest, ":")?;
    let minute = digits(&mut rest, 2).filter(|minute| *minute < 60)?;
    expect(&mut rest, ":")?;
    let second = digits(&mut rest, 2).filter(|second| *second <= 60)?;
    let millis = if rest.starts_with('.') { fraction(&mut rest)? } else { 0 };
    let offset = offset(&mut rest)?;
    rest.is_empty().then_some(midnight + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis)
}

fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// One of some characters.
fn expect(rest: &mut &str, one_of: &str) -> Option<char> {
    let char = rest.chars().next().filter(|char| one_of.contains(*char))?;
    *rest = rest.get(char.len_utf8()..)?;
    Some(char)
}

/// Milliseconds of a point and digits.
fn fraction(rest: &mut &str) -> Option<i64> {
    expect(rest, ".")?;
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    *rest = after;
    digits
        .bytes()
        .chain(*b"00")
        .take(3)
        .try_fold(0, |millis, digit| Some(millis * 10 + i64::from(digit.checked_sub(b'0')?)))
}

/// Minutes ahead of UTC.
fn offset(rest: &mut &str) -> Option<i64> {
    let sign = match expect(rest, "Zz+-")? {
        '+' => 1,
        '-' => -1,
        _ => return Some(0),
    };
    let hours = digits(rest, 2).filter(|hours| *hours < 24)?;
    expect(rest, ":")?;
    let minutes = digits(rest, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 60 + minutes))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to a day of the Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Whole years since the year 0, which has a leap day.
    let past = year - 1;
    let leap_days = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    let in_year: i64 = (1..month).map(|month| days_in(year, month)).sum();
    // 719,162 days lie between the first of January of the year 1 and the epoch.
    past * 365 + leap_days + in_year + (day - 1) - 719_162
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn days_and_moments() {
        let known = [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("2026-11-23", 1_795_392_000_000),
            ("0000-01-01", -62_167_219_200_000),
            ("9999-12-31", 253_402_214_400_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2026-11-23T10:11:12Z", 1_795_428_672_000),
            ("2026-11-23t10:11:12.5z", 1_795_428_672_500),
            ("2026-11-23 10:11:12.123999+01:30", 1_795_423_272_123),
            ("2026-11-23T10:11:12-00:01", 1_795_428_732_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ];
        for (text, millis) in known {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn no_dates() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "1900-02-29",
            "2026-11-31",
            "2026-11-23T",
            "2026-11-23T10:11Z",
            "2026-11-23T10:11:12",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:60:00Z",
            "2026-11-23T10:11:61Z",
            "2026-11-23T10:11:12.Z",
            "2026-11-23T10:11:12Zx",
            "2026-11-23T10:11:12+1:00",
            "2026-11-23T10:11:12+24:00",
            "+026-11-23",
            "2026-1\u{e9}",
            "2026-11-23\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// Day after day, by counting.
    #[test]
    fn every_day_is_one_after_the_day_before() {
        let mut expected = parse("1890-01-01").unwrap();
        for year in 1890..2110 {
            for (month, days) in [
                31,
                if year % 4 == 0 && year != 1900 && year != 2100 { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ]
            .into_iter()
            .enumerate()
            {
                for day in 1..=days {
                    assert_eq!(parse(&format!("{year:04}-{:02}-{day:02}", month + 1)), Some(expected));
                    expected += 86_400_000;
                }
            }
        }
    }
}
