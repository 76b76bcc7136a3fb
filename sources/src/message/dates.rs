//! Dates as header fields write them (RFC 5322, 3.3 and 4.3), also asctime order and missing zones.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::Clock;

/// Reads `Thu, 3 Nov 2022 04:56:17 +0000 (UTC)` and its older spellings; `None` without a day, month, year and time of day:
/// a midnight that nobody stated would look like ten hours of delay.
///
/// `-0000`, `UT`, `GMT`, `Z` and the military letters mean UTC (RFC 5322, 4.3). Letters that nobody defined are read as UTC
/// too, as the standard asks, and the zone says so. A date without any zone is placed by `clock`.
pub(crate) fn instant(said: &str, clock: &Clock) -> Option<When> {
    let (text, comments) = split_comments(said.get(..floor(said, 400))?);
    let mut found = Found::default();
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty()).take(16) {
        found.take(word);
    }
    let date = Date::new(found.year?, found.month?, found.day?).ok()?;
    let civil = DateTime::from_parts(date, found.time?);
    // `04:56:17 (UTC)`: a comment counts only where nothing else names the zone.
    let zone = found.zone.or_else(|| comments.into_iter().find_map(named_zone).map(Offset::Stated));
    let (at, zone) = match zone {
        Some(Offset::Stated(seconds)) => {
            let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            (utc.checked_sub(SignedDuration::from_secs(seconds)).ok()?, Zone::Stated)
        }
        Some(Offset::Unknown(letters)) => {
            let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            (utc, Zone::Assumed(format!("UTC, for the unknown zone `{letters}` (RFC 5322, 4.3)")))
        }
        None => (civil.to_zoned(clock.zone.clone()).ok()?.timestamp(), Zone::Assumed(clock.zone_label.clone())),
    };
    (at > Timestamp::UNIX_EPOCH).then(|| When { at, zone, said: said.trim().to_owned() })
}

/// How far east of UTC a date is.
#[derive(Clone, Debug, PartialEq)]
enum Offset {
    /// By this many seconds.
    Stated(i64),
    /// Letters that no standard defines.
    Unknown(String),
}

/// What the words of a date have said so far.
#[derive(Default)]
struct Found {
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    zone: Option<Offset>,
}

impl Found {
    fn take(&mut self, word: &str) {
        if word.contains(':') && self.time.is_none() {
            self.take_time(word);
        } else if let Some(found) = month_number(word) {
            self.month = self.month.or(Some(found));
        } else if let Some((day, month, year)) = dashed(word).or_else(|| iso(word)) {
            (self.day, self.month, self.year) = (Some(day), Some(month), Some(year));
        } else if word.bytes().all(|b| b.is_ascii_digit()) {
            match word.parse::<i16>() {
                Ok(number) if self.day.is_none() && word.len() <= 2 => self.day = i8::try_from(number).ok(),
                Ok(number) if self.year.is_none() => self.year = Some(full_year(number, word.len())),
                _ => {}
            }
        } else if let (Some(time), Some(afternoon)) = (self.time, half_of_day(word)) {
            self.time = twelve_hours(time, afternoon).or(self.time);
        } else if self.time.is_some() && self.zone.is_none() {
            self.zone = offset(word);
        }
    }

    /// `04:56:17`, with the zone glued to it (`04:56:17+0000`, `04:56:17Z`) or the date (`2022-11-03T04:56:17Z`).
    fn take_time(&mut self, word: &str) {
        let (date, clock_part) = word.split_once(['T', 't']).unwrap_or(("", word));
        if let Some((day, month, year)) = iso(date) {
            (self.day, self.month, self.year) = (Some(day), Some(month), Some(year));
        }
        let clock_part = if iso(date).is_some() { clock_part } else { word };
        let (digits, glued) = split_time(clock_part);
        self.time = clock_time(digits);
        match (self.time, half_of_day(glued)) {
            (Some(time), Some(afternoon)) => self.time = twelve_hours(time, afternoon).or(self.time),
            _ if self.zone.is_none() && !glued.is_empty() => self.zone = offset(glued),
            _ => {}
        }
    }
}

/// Which half of the day a clock of twelve hours means.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    Before,
    After,
}

fn half_of_day(word: &str) -> Option<Half> {
    if word.eq_ignore_ascii_case("am") {
        Some(Half::Before)
    } else {
        word.eq_ignore_ascii_case("pm").then_some(Half::After)
    }
}

fn twelve_hours(time: Time, half: Half) -> Option<Time> {
    let hour = match (time.hour(), half) {
        (12, Half::Before) => 0,
        (hour @ 1..=11, Half::After) => hour + 12,
        (hour, _) => hour,
    };
    Time::new(hour, time.minute(), time.second(), time.subsec_nanosecond()).ok()
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Takes `( ... )` out, nested, without recursion; the comments beside the rest.
fn split_comments(text: &str) -> (String, Vec<&str>) {
    let (mut depth, mut start) = (0usize, 0);
    let mut kept = String::with_capacity(text.len());
    let mut comments = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' => {
                depth += 1;
                start = if depth == 1 { at + 1 } else { start };
            }
            ')' if depth == 1 => {
                depth = 0;
                kept.push(' ');
                comments.push(text[start..at].trim());
            }
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    (kept, comments)
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

/// `2022-11-03`.
fn iso(word: &str) -> Option<(i8, i8, i16)> {
    let mut parts = word.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = year.len() == 4 && month.len() == 2 && day.len() == 2 && parts.next().is_none();
    is_whole.then(|| Some((day.parse().ok()?, month.parse().ok()?, year.parse().ok()?))).flatten()
}

/// `04:56:17+0000` or `04:56:17Z` without a blank, as some write it.
fn split_time(word: &str) -> (&str, &str) {
    let is_clock = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.');
    word.split_at(word.find(|c: char| !is_clock(c)).unwrap_or(word.len()))
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

/// What a word says of the zone; `None` if it is no zone.
fn offset(word: &str) -> Option<Offset> {
    if let Some(seconds) = named_zone(word).or_else(|| numbered_zone(word)) {
        return Some(Offset::Stated(seconds));
    }
    // `GMT+0200`, `UTC-5`
    let digits = word.find(['+', '-']).filter(|at| *at > 0).and_then(|at| {
        let is_utc = ["GMT", "UTC", "UT"].iter().any(|name| name.eq_ignore_ascii_case(&word[..at]));
        is_utc.then(|| numbered_zone(&word[at..])).flatten()
    });
    let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    digits.map(Offset::Stated).or_else(|| letters.then(|| Offset::Unknown(word.to_owned())))
}

/// Seconds east of UTC of a zone by its name: those of RFC 5322, 4.3, and names that mean one offset everywhere.
fn named_zone(word: &str) -> Option<i64> {
    const ZONES: [(&str, i64); 25] = [
        ("UT", 0),
        ("UTC", 0),
        ("GMT", 0),
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
        ("WET", 0),
        ("WEST", 1),
        ("BST", 1),
        ("CET", 1),
        ("MET", 1),
        ("CEST", 2),
        ("EET", 2),
        ("EEST", 3),
        ("MSK", 3),
        ("JST", 9),
        ("KST", 9),
        ("AEST", 10),
        ("AEDT", 11),
        ("NZST", 12),
    ];
    // A military letter means nothing for certain (RFC 5322, 4.3); `Z` is UTC anyway.
    if word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(0);
    }
    ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, hours)| hours * 3600)
}

/// Seconds east of UTC of `+0530`, `-05:00`, `+2`.
fn numbered_zone(word: &str) -> Option<i64> {
    let sign = match word.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = word[1..].chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        3 => digits.split_at(1),
        4.. => (&digits[..2], &digits[2..4]),
        0 => return None,
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
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
            ("half an hour", "Thu, 3 Nov 2022 04:56:17 +0530", "2022-11-02T23:26:17Z"),
            ("no seconds", "Thu, 3 Nov 2022 04:56 -0800", "2022-11-03T12:56:00Z"),
            ("UTC by name", "Thu, 3 Nov 2022 04:56:17 UTC", "2022-11-03T04:56:17Z"),
            ("UT", "3 Nov 2022 04:56:17 UT", "2022-11-03T04:56:17Z"),
            ("a letter, glued", "Thu, 3 Nov 2022 04:56:17Z", "2022-11-03T04:56:17Z"),
            ("a military letter", "Thu, 3 Nov 2022 04:56:17 A", "2022-11-03T04:56:17Z"),
            ("glued", "Thu, 3 Nov 2022 04:56:17+0200", "2022-11-03T02:56:17Z"),
            ("only in a comment", "Wed, 26 Jul 2023 10:59:05 (PDT)", "2023-07-26T17:59:05Z"),
            ("comment against offset", "Wed, 26 Jul 2023 10:59:05 +0200 (UTC)", "2023-07-26T08:59:05Z"),
            ("a comment that is no zone", "Wed, 26 Jul 2023 10:59:05 +0000 (a (b) c)", "2023-07-26T10:59:05Z"),
            ("name and offset", "Thu, 3 Nov 2022 04:56:17 GMT+0200", "2022-11-03T02:56:17Z"),
            ("colon in the offset", "Thu, 3 Nov 2022 04:56:17 -05:00", "2022-11-03T09:56:17Z"),
            ("one digit", "Thu, 3 Nov 2022 04:56:17 +2", "2022-11-03T02:56:17Z"),
            ("ISO 8601", "2022-11-03T04:56:17.25Z", "2022-11-03T04:56:17.25Z"),
            ("ISO 8601 with a blank", "2022-11-03 04:56:17 +0100", "2022-11-03T03:56:17Z"),
            ("twelve hours", "Thu, 3 Nov 2022 04:56:17 PM +0000", "2022-11-03T16:56:17Z"),
            ("noon", "Thu, 3 Nov 2022 12:06:17 PM +0000", "2022-11-03T12:06:17Z"),
            ("two digits of year", "3 Nov 22 04:56:17 EDT", "2022-11-03T08:56:17Z"),
            ("three digits of year", "3 Nov 122 04:56:17 +0000", "2022-11-03T04:56:17Z"),
        ] {
            assert_eq!(instant(said, &clock).map(|when| when.at.to_string()).as_deref(), Some(expected), "{name}");
        }
    }

    /// A zone is stated, or it is assumed and says by whom: a date in UTC is never placed by the clock of the reader.
    #[test]
    fn ok_zones() {
        let clock = Clock {
            zone: TimeZone::fixed(jiff::tz::offset(5)),
            zone_label: "+05 (--tz)".to_owned(),
            reference: Timestamp::UNIX_EPOCH,
        };
        let assumed = |by: &str| Zone::Assumed(by.to_owned());
        for (said, expected, zone) in [
            ("Thu, 3 Nov 2022 04:56:17 -0000", "2022-11-03T04:56:17Z", Zone::Stated),
            ("Thu, 3 Nov 2022 04:56:17 GMT", "2022-11-03T04:56:17Z", Zone::Stated),
            ("03 Nov 2022 04:56:17.1617 (UTC)", "2022-11-03T04:56:17.1617Z", Zone::Stated),
            ("Thu, 3 Nov 2022 04:56:17", "2022-11-02T23:56:17Z", assumed("+05 (--tz)")),
            (
                "Thu, 3 Nov 2022 04:56:17 XYZT",
                "2022-11-03T04:56:17Z",
                assumed("UTC, for the unknown zone `XYZT` (RFC 5322, 4.3)"),
            ),
        ] {
            let when = instant(said, &clock).expect(said);
            assert_eq!((when.at.to_string().as_str(), when.zone), (expected, zone), "{said}");
        }
    }

    /// The way of a message over zones: what is between two fields is exact to the second, whichever way round.
    #[test]
    fn ok_spans() {
        let clock =
            Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH };
        for (earlier, later, seconds) in [
            ("Thu, 3 Nov 2022 04:56:17 +0000", "Thu, 3 Nov 2022 05:56:18 +0100", 1),
            ("Thu, 3 Nov 2022 23:59:59 -0800", "Fri, 4 Nov 2022 08:00:00 +0000", 1),
            // A clock that is an hour slow: minus one hour, and never 23.
            ("Thu, 3 Nov 2022 04:56:17 +0000", "Thu, 3 Nov 2022 03:56:17 +0000", -3600),
            ("Sun, 30 Oct 2022 02:30:00 +0200", "Sun, 30 Oct 2022 02:30:00 +0100", 3600),
        ] {
            let at = |said: &str| instant(said, &clock).expect(said).at;
            assert_eq!(at(later).duration_since(at(earlier)).as_secs(), seconds, "{earlier} to {later}");
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
