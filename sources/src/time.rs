//! The instants that exports print, in every spelling that was met.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::Clock;

/// What an instant without a zone means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zoneless<'a> {
    /// UTC, as the vendor documents: counts as stated.
    Utc,
    /// Whatever the user says: counts as assumed.
    AsAsked(&'a Clock),
}

/// Which of two numbers in `3/4/2026` is the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayOrder {
    /// Month first, as in the United States.
    MonthFirst,
    /// Day first, as in most of Europe.
    DayFirst,
}

impl DayOrder {
    /// Finds the order from all dates of a column: one number above 12 settles it. The flag is `true` if one did.
    pub(crate) fn of<'t>(dates: impl IntoIterator<Item = &'t str>) -> (DayOrder, bool) {
        for date in dates.into_iter().filter(|date| date.trim_start().starts_with(|c: char| c.is_ascii_digit())) {
            let mut numbers = date.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
            let (Some(first), Some(second)) = (numbers.next(), numbers.next()) else { continue };
            if first.len() > 2 {
                continue;
            }
            match (first.parse::<u8>(), second.parse::<u8>()) {
                (Ok(first), _) if first > 12 => return (DayOrder::DayFirst, true),
                (_, Ok(second)) if second > 12 => return (DayOrder::MonthFirst, true),
                _ => {}
            }
        }
        (DayOrder::MonthFirst, false)
    }
}

/// Reads an instant: ISO 8601 with or without zone and up to nine decimals, `/Date(ms)/`, `M/d/yyyy h:mm:ss AM`,
/// `d.M.yyyy HH:mm:ss`, `MMM d, yyyy h:mm AM`, epoch seconds and milliseconds; `None` if it is none of these or a
/// sentinel (before 1971).
pub(crate) fn instant(said: &str, order: DayOrder, zoneless: Zoneless<'_>) -> Option<When> {
    let text = said.trim();
    let (at, zone) = if let Some(at) = epoch(text) {
        (at, Zone::Stated)
    } else if let Some((at, zone)) = iso(text, zoneless) {
        (at, zone)
    } else if let Some((civil, seconds)) =
        zone_word(text).and_then(|(rest, seconds)| Some((local(rest, order)?, seconds)))
    {
        let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (utc.checked_sub(SignedDuration::from_secs(seconds)).ok()?, Zone::Stated)
    } else {
        let civil = local(text, order)?;
        placed(civil, zoneless)?
    };
    (at.as_second() > 31_536_000).then(|| When { at, zone, said: said.to_owned() })
}

/// `/Date(1450000000000)/`, also with `+0000` inside, or a bare epoch of 10 or 13 digits.
fn epoch(text: &str) -> Option<Timestamp> {
    if let Some(inner) = text.strip_prefix("/Date(").or_else(|| text.strip_prefix("\\/Date(")) {
        let digits: String = inner.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        let offset_at = digits.char_indices().skip(1).find(|(_, c)| *c == '-').map_or(digits.len(), |(at, _)| at);
        return Timestamp::from_millisecond(digits[..offset_at].parse().ok()?).ok();
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match text.len() {
        10 => Timestamp::from_second(text.parse().ok()?).ok(),
        13 => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        16 => Timestamp::from_microsecond(text.parse().ok()?).ok(),
        _ => None,
    }
}

/// `2026-07-23T22:01:22.0480000Z`, a blank for the `T`, `+0000` for `+00:00`, or no zone at all.
fn iso(text: &str, zoneless: Zoneless<'_>) -> Option<(Timestamp, Zone)> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let date: Date = text.get(..10)?.parse().ok()?;
    let rest = text[10..].trim_start_matches(['T', 't', ' ']);
    let clock_end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(rest.len());
    let time = clock_time(rest.get(..clock_end)?)?;
    let civil = DateTime::from_parts(date, time);
    let zone = rest[clock_end..].trim();
    if zone.is_empty() {
        return placed(civil, zoneless);
    }
    let offset_seconds = match zone {
        "Z" | "z" | "UTC" | "GMT" | "(UTC)" => 0,
        _ => {
            let (sign, digits) = match zone.as_bytes()[0] {
                b'+' => (1, &zone[1..]),
                b'-' => (-1, &zone[1..]),
                _ => return None,
            };
            let digits: String = digits.chars().filter(|c| *c != ':').collect();
            let hours: i64 = digits.get(..2)?.parse().ok()?;
            let minutes: i64 = digits.get(2..4).unwrap_or("00").parse().ok()?;
            sign * (hours * 3600 + minutes * 60)
        }
    };
    let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((utc.checked_sub(SignedDuration::from_secs(offset_seconds)).ok()?, Zone::Stated))
}

/// Zones by their words, in hours east of Greenwich: those of RFC 5322, 4.3, and those of Europe.
const ZONE_WORDS: &[(&str, i64)] = &[
    ("UTC", 0),
    ("(UTC)", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
];

/// Splits a zone's word off the end of `2026/05/02 10:18:38 CEST`, and gives its offset in seconds.
fn zone_word(text: &str) -> Option<(&str, i64)> {
    let (rest, word) = text.rsplit_once(' ')?;
    let (_, hours) = ZONE_WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
    Some((rest, hours * 3600))
}

/// `22:01`, `22:01:22`, `22:01:22.0480000`; the empty text is midnight.
fn clock_time(text: &str) -> Option<Time> {
    if text.is_empty() {
        return Some(Time::midnight());
    }
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let second: i8 = parts.next().map_or(Some(0), |second| second.parse().ok())?;
    let digits = fraction.get(..fraction.len().min(9))?;
    let mut nanos: i32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    for _ in digits.len()..9 {
        nanos *= 10;
    }
    Time::new(hour, minute, second.min(59), nanos).ok()
}

/// `5/18/2021 9:13:33 PM`, `18/05/2021 21:13`, `18.05.2021 21:13:33`, `May 18, 2021 9:13:33 PM`, with a narrow or plain
/// blank before AM.
fn local(text: &str, order: DayOrder) -> Option<DateTime> {
    let text = text.replace(['\u{202f}', '\u{a0}', ','], " ");
    let mut words = text.split_whitespace();
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let date = worded(&mut words)?;
        return Some(DateTime::from_parts(date, twelve_hours(words)?));
    }
    let date = words.next()?;
    let mut parts = date.split(['/', '.', '-']).filter(|part| !part.is_empty());
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    // `2026/05/18`: the year first, and then nothing is in doubt.
    let year_first = first.len() == 4;
    let (first, second, third) = if year_first { (second, third, first) } else { (first, second, third) };
    let (first, second, year): (i8, i8, i16) = (first.parse().ok()?, second.parse().ok()?, third.parse().ok()?);
    let order = match date.contains('.') || first > 12 {
        _ if year_first => DayOrder::MonthFirst,
        true => DayOrder::DayFirst,
        false => order,
    };
    let (month, day) = match order {
        DayOrder::MonthFirst if second <= 31 => (first, second),
        _ => (second, first),
    };
    let year = if year < 100 { year + 2000 } else { year };
    let date = Date::new(year, month, day).ok()?;
    Some(DateTime::from_parts(date, twelve_hours(words)?))
}

/// `Oct 30 2026` or `October 30 2026`, with or without the day of the week before it.
fn worded<'t>(words: &mut impl Iterator<Item = &'t str>) -> Option<Date> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month_of = |word: &str| {
        let start = word.get(..3)?.to_ascii_lowercase();
        MONTHS.iter().zip(1..).find(|(month, _)| **month == start).map(|(_, number)| number)
    };
    let first = words.next()?;
    let month: i8 = month_of(first).or_else(|| month_of(words.next()?))?;
    let day = words.next()?.parse().ok()?;
    Date::new(words.next()?.parse().ok()?, month, day).ok()
}

/// A time of day, with or without AM and PM after it.
fn twelve_hours<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<Time> {
    let mut time = clock_time(words.next().unwrap_or(""))?;
    match words.next().map(str::to_ascii_uppercase).as_deref() {
        Some("PM") if time.hour() < 12 => time = time.checked_add(SignedDuration::from_hours(12)).ok()?,
        Some("AM") if time.hour() == 12 => time = time.checked_sub(SignedDuration::from_hours(12)).ok()?,
        Some("AM" | "PM" | "UTC" | "(UTC)") | None => {}
        Some(_) => return None,
    }
    Some(time)
}

/// Puts a civil time on the time line; of two candidates at the end of summer time the earlier is taken.
fn placed(civil: DateTime, zoneless: Zoneless<'_>) -> Option<(Timestamp, Zone)> {
    match zoneless {
        Zoneless::Utc => Some((civil.to_zoned(TimeZone::UTC).ok()?.timestamp(), Zone::Stated)),
        Zoneless::AsAsked(clock) => {
            let at = civil.to_zoned(clock.zone.clone()).ok()?.timestamp();
            Some((at, Zone::Assumed(clock.zone_label.clone())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_instants() {
        for (name, said, expected) in [
            ("seven decimals", "2026-07-23T22:01:22.0480000Z", "2026-07-23T22:01:22.048Z"),
            ("offset without colon", "2021-10-18T09:02:43+0100", "2021-10-18T08:02:43Z"),
            ("no zone", "2022-09-05T18:10:13.4907658", "2022-09-05T18:10:13.4907658Z"),
            ("date of .NET", "/Date(1658751973240)/", "2022-07-25T12:26:13.24Z"),
            ("twelve hours", "5/18/2021 9:13:33 PM", "2021-05-18T21:13:33Z"),
            ("midnight", "5/18/2021 12:00:01 AM", "2021-05-18T00:00:01Z"),
            ("day first by number", "18/05/2021 21:13", "2021-05-18T21:13:00Z"),
            ("dots", "08.05.2021 21:13:33", "2021-05-08T21:13:33Z"),
            ("month in letters", "Oct 30, 2026 9:00 PM", "2026-10-30T21:00:00Z"),
            ("day of the week", "Friday, October 30, 2026 9:00:05 AM", "2026-10-30T09:00:05Z"),
            ("month by name", "Nov 5, 2026 2:04:12 PM", "2026-11-05T14:04:12Z"),
            ("zone by its word", "2026/05/02 10:18:38 CEST", "2026-05-02T08:18:38Z"),
            ("year first", "2021/05/08 21:13:33", "2021-05-08T21:13:33Z"),
            ("epoch in milliseconds", "1731621866023", "2024-11-14T22:04:26.023Z"),
        ] {
            let found = instant(said, DayOrder::MonthFirst, Zoneless::Utc).map(|when| when.at.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn refused_instants() {
        for said in [
            "",
            "yesterday",
            "1970-01-01T00:00:00Z",
            "13/13/2026 10:00",
            "2026-02-30T00:00:00Z",
            "12",
            "Octopus",
            "May",
        ] {
            assert_eq!(instant(said, DayOrder::MonthFirst, Zoneless::Utc), None, "{said}");
        }
    }
}
