//! The envelope of a syslog line: when, on which host, by which program; and the text that follows.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::Clock;
use crate::time::{DayOrder, Zoneless, instant};

/// A syslog line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'t> {
    /// The instant as written.
    pub(crate) stamp: &'t str,
    /// The host as written.
    pub(crate) host: &'t str,
    /// The program's tag, without the process id.
    pub(crate) tag: &'t str,
    /// The text after the tag.
    pub(crate) body: &'t str,
}

/// Takes a line of RFC 3164 or RFC 5424 apart; `None` if it is neither.
pub(crate) fn split(text: &str) -> Option<Envelope<'_>> {
    let (rest, version) = priority(text);
    let (stamp, rest) = stamp(rest)?;
    let (host, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    let (tag, body) = if version { rfc5424_tag(rest)? } else { tag(rest)? };
    Some(Envelope { stamp, host, tag, body })
}

/// The instant of a stamp; one without a year belongs to the year that brings it nearest to the clock's reference.
pub(crate) fn when(said: &str, clock: &Clock) -> Option<When> {
    match civil(said) {
        Some(parts) => in_nearest_year(said, parts, clock),
        None => instant(said, DayOrder::MonthFirst, Zoneless::AsAsked(clock)),
    }
}

/// The text after `<22>` (RFC 3164, 4.1.1), and whether the version `1` of RFC 5424 follows.
pub(crate) fn priority(text: &str) -> (&str, bool) {
    let Some((number, rest)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return (text, false);
    };
    if number.is_empty() || number.len() > 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return (text, false);
    }
    match rest.strip_prefix("1 ") {
        Some(rest) => (rest, true),
        None => (rest, false),
    }
}

/// `Aug  3 04:05:06` or an instant of RFC 3339, and the text after it.
pub(crate) fn stamp(text: &str) -> Option<(&str, &str)> {
    let end = match text.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => text.find(' ')?,
        [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', ..] => {
            let day = 4 + text[4..].bytes().take_while(|b| *b == b' ').count();
            let clock = day + text[day..].find(' ')? + 1;
            let end = clock + 8;
            civil(text.get(..end)?)?;
            end
        }
        _ => return None,
    };
    let rest = text.get(end..)?;
    Some((&text[..end], rest.strip_prefix(' ')?.trim_start_matches(' ')))
}

/// `postfix/smtpd[2001]: text`, `dovecot: text`.
fn tag(text: &str) -> Option<(&str, &str)> {
    let (tag, body) = text.split_once(": ").or_else(|| text.strip_suffix(':').map(|tag| (tag, "")))?;
    let name = tag.split_once('[').map_or(tag, |(name, _)| name);
    (!name.is_empty() && !name.contains(' ')).then_some((name, body))
}

/// `postfix/smtpd 2001 - - text` (RFC 5424, 6); structured data, if any, is one bracketed word.
fn rfc5424_tag(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(4, ' ');
    let (name, _pid, _id, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let body = match rest.strip_prefix("- ") {
        Some(body) => body,
        None => rest.split_once("] ")?.1,
    };
    let body = body.trim_start_matches('\u{feff}');
    Some((name, body))
}

/// Month, day and time of `Aug  3 04:05:06`.
fn civil(said: &str) -> Option<(i8, i8, Time)> {
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|month| said.starts_with(month))? as i8
        + 1;
    let (day, clock) = said.get(4..)?.trim_start_matches(' ').split_once(' ')?;
    let bytes = clock.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| clock.get(range)?.parse::<i8>().ok();
    let time = Time::new(number(0..2)?, number(3..5)?, number(6..8)?.min(59), 0).ok()?;
    Some((month, day.parse().ok()?, time))
}

/// Puts month, day and time into the year that brings them nearest to the clock's reference instant.
fn in_nearest_year(said: &str, (month, day, time): (i8, i8, Time), clock: &Clock) -> Option<When> {
    let reference = clock.reference.to_zoned(TimeZone::UTC).year();
    let placed = |year: i16| {
        let civil = DateTime::from_parts(Date::new(year, month, day).ok()?, time);
        Some((year, civil.to_zoned(clock.zone.clone()).ok()?.timestamp()))
    };
    let far = |at: jiff::Timestamp| at.as_second().abs_diff(clock.reference.as_second());
    const HALF_A_YEAR_SECONDS: u64 = 180 * 24 * 60 * 60;
    let (year, at) = match placed(reference) {
        Some(found) if far(found.1) < HALF_A_YEAR_SECONDS => found,
        _ => (reference.saturating_sub(4)..=reference.saturating_add(4))
            .filter_map(placed)
            .min_by_key(|(_, at)| far(*at))?,
    };
    Some(When { at, zone: Zone::Assumed(format!("year {year}, {}", clock.zone_label)), said: said.to_owned() })
}
