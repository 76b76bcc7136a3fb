//! Dates as header fields write them (RFC 5322, 3.3 and 4.3), also asctime order and missing zones.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::Clock;

/// Reads `Thu, 3 Nov 2022 04:56:17 +0000 (UTC)` and its older spellings; `None` if there is no day, month and year.
///
/// `-0000` and unknown zone letters mean UTC (RFC 5322, 4.3). A date without any zone is placed by `clock`.
pub(crate) fn instant(said: &str, clock: &Clock) -> Option<When> {
    let text = without_comments(said.get(..floor(said, 400))?);
    let (mut day, mut month, mut year, mut time, mut zone) = (None, None, None, None, None);
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty()).take(16) {
        if word.contains(':') && time.is_none() {
            let (clock_part, glued) = split_time(word);
            time = clock_time(clock_part);
            zone = zone.or_else(|| (!glued.is_empty()).then(|| zone_seconds(glued)).flatten());
        } else if let Some(found) = month_number(word) {
            month = month.or(Some(found));
        } else if let Some((d, m, y)) = dashed(word) {
            (day, month, year) = (Some(d), Some(m), Some(y));
        } else if word.bytes().all(|b| b.is_ascii_digit()) {
            match word.parse::<i16>() {
                Ok(number) if day.is_none() && word.len() <= 2 => day = i8::try_from(number).ok(),
                Ok(number) if year.is_none() => year = Some(full_year(number, word.len())),
                _ => {}
            }
        } else if time.is_some() && zone.is_none() {
            zone = zone_seconds(word);
        }
    }
    let date = Date::new(year?, month?, day?).ok()?;
    let civil = DateTime::from_parts(date, time.unwrap_or_else(Time::midnight));
    let (at, zone) = match zone {
        Some(seconds) => {
            let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            (utc.checked_sub(SignedDuration::from_secs(seconds)).ok()?, Zone::Stated)
        }
        None => (civil.to_zoned(clock.zone.clone()).ok()?.timestamp(), Zone::Assumed(clock.zone_label.clone())),
    };
    (at > Timestamp::UNIX_EPOCH).then(|| When { at, zone, said: said.trim().to_owned() })
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Leaves out `( ... )`, nested, without recursion; `(UTC)` as the only zone is kept as a word.
fn without_comments(text: &str) -> String {
    let text = text.replace("(UTC)", " UTC ").replace("(GMT)", " GMT ");
    let mut depth = 0usize;
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

fn month_number(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let head = word.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == head)?;
    word.bytes().all(|b| b.is_ascii_alphabetic()).then_some(at as i8 + 1)
}

/// `03-Nov-2022`.
fn dashed(word: &str) -> Option<(i8, i8, i16)> {
    let mut parts = word.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    Some((day.parse().ok()?, month_number(month)?, full_year(year.parse().ok()?, year.len())))
}

fn full_year(number: i16, digits: usize) -> i16 {
    match digits {
        0..=2 if number < 50 => number + 2000,
        0..=3 => number + 1900,
        _ => number,
    }
}

/// `04:56:17+0000` without a blank, as some write it.
fn split_time(word: &str) -> (&str, &str) {
    word.split_at(word.find(['+', '-']).unwrap_or(word.len()))
}

fn clock_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let second: i8 = whole.parse().ok()?;
    let digits: String = fraction.chars().filter(char::is_ascii_digit).take(9).collect();
    let nanos: i32 = format!("{digits:0<9}").parse().ok()?;
    Time::new(hour, minute, second.min(59), nanos).ok()
}

/// Seconds east of UTC.
fn zone_seconds(word: &str) -> Option<i64> {
    let hours = |hours: i64| Some(hours * 3600);
    match word.to_ascii_uppercase().as_str() {
        "EST" | "CDT" => return hours(-5),
        "EDT" => return hours(-4),
        "CST" | "MDT" => return hours(-6),
        "MST" | "PDT" => return hours(-7),
        "PST" => return hours(-8),
        "JST" => return hours(9),
        "CET" | "BST" => return hours(1),
        "CEST" => return hours(2),
        _ => {}
    }
    let sign = match word.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        byte if byte.is_ascii_alphabetic() => return Some(0),
        _ => return None,
    };
    let digits: String = word[1..].chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4)?.parse().ok()?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_dates() {
        let clock =
            Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH };
        for (name, said, expected) in [
            ("usual", "Thu, 3 Nov 2022 04:56:17 +0200", "2022-11-03T02:56:17Z"),
            ("comment", " Wed, 26 Jul 2023 10:59:05 -0700 (PDT)", "2023-07-26T17:59:05Z"),
            ("no weekday", "29 Apr 2009 00:00:00 -0000", "2009-04-29T00:00:00Z"),
            ("asctime", "Thu Apr 29 23:34:45 2010", "2010-04-29T23:34:45Z"),
            ("letters", "Thu, 29 Apr 99 23:34 EST", "1999-04-30T04:34:00Z"),
            ("decimals and a comment as zone", "03 Nov 2022 04:56:15.5649 (UTC)", "2022-11-03T04:56:15.5649Z"),
            ("leap second", "Sat, 31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59Z"),
        ] {
            assert_eq!(instant(said, &clock).map(|when| when.at.to_string()).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn refused_dates() {
        let clock =
            Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH };
        for said in ["", "yesterday", "Thu, 32 Nov 2022 04:56:17 +0000", "((((", "ÄÖÜ", "99 99 99"] {
            assert_eq!(instant(said, &clock), None, "{said}");
        }
    }
}
