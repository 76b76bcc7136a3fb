//! When an export of settings was taken, as far as its name says.

use evidence::{When, Zone};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use crate::Clock;

/// The instant that the name of a file, or of a folder around it, carries: `policies_2026-11-01.json`,
/// `20261101T040000Z/rules.csv`, `rules 2026-11-01 04-00.json`. The innermost name that carries one counts.
pub fn instant_in_name(name: &str, clock: &Clock) -> Option<When> {
    name.split(['/', '\\']).rev().find_map(|part| instant_in(part, clock))
}

fn instant_in(part: &str, clock: &Clock) -> Option<When> {
    let starts = part.char_indices().map(|(at, _)| at).filter(|at| begins_number(part, *at));
    starts.filter_map(|at| read(part, at, clock)).next()
}

/// Whether a run of digits begins here.
fn begins_number(part: &str, at: usize) -> bool {
    let bytes = part.as_bytes();
    bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit())
}

fn read(part: &str, start: usize, clock: &Clock) -> Option<When> {
    let mut rest = Digits { text: part, at: start };
    let (year, month, day) = (rest.number(4)?, rest.part(2)?, rest.part(2)?);
    if !(2000..2100).contains(&year) {
        return None;
    }
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if rest.next_is_digit() {
        return None;
    }
    let (time, end) = rest.clock_time();
    let civil = DateTime::from_parts(date, time.unwrap_or(Time::midnight()));
    let is_utc = time.is_some() && part[end..].starts_with(['Z', 'z']);
    let zone = if is_utc { jiff::tz::TimeZone::UTC } else { clock.zone.clone() };
    let at: Timestamp = civil.to_zoned(zone).ok()?.timestamp();
    let how =
        if is_utc { "by the file's name".to_owned() } else { format!("by the file's name, {}", clock.zone_label) };
    Some(When { at, zone: Zone::Assumed(how), said: part[start..end].to_owned() })
}

/// Reads digits and what stands between them.
struct Digits<'t> {
    text: &'t str,
    at: usize,
}

impl Digits<'_> {
    fn number(&mut self, digits: usize) -> Option<u16> {
        let text = self.text.get(self.at..self.at + digits)?;
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
        self.at += digits;
        Some(number)
    }

    /// The next number, after one mark at most.
    fn part(&mut self, digits: usize) -> Option<u16> {
        let before = self.at;
        if self.text[self.at..].starts_with(['-', '_', '.', ':', ' ', 'T', 't']) {
            self.at += 1;
        }
        let number = self.number(digits);
        if number.is_none() {
            self.at = before;
        }
        number
    }

    fn next_is_digit(&self) -> bool {
        self.text[self.at..].starts_with(|c: char| c.is_ascii_digit())
    }

    /// The time of day that follows a date, and where it ends.
    fn clock_time(mut self) -> (Option<Time>, usize) {
        let after_date = self.at;
        let (Some(hour), Some(minute)) = (self.part(2), self.part(2)) else { return (None, after_date) };
        let second = self.part(2).unwrap_or(0);
        let narrow = |number: u16| i8::try_from(number).ok();
        let time = narrow(hour).zip(narrow(minute)).zip(narrow(second));
        match time.and_then(|((hour, minute), second)| Time::new(hour, minute, second, 0).ok()) {
            Some(time) => (Some(time), self.at),
            None => (None, after_date),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names() {
        let clock = Clock {
            zone: jiff::tz::TimeZone::UTC,
            zone_label: "UTC (default)".to_owned(),
            reference: Timestamp::UNIX_EPOCH,
        };
        for (name, expected) in [
            ("transport_rules_2026-11-01.json", Some("2026-11-01T00:00:00Z")),
            ("20261101T040000Z/rules.csv", Some("2026-11-01T04:00:00Z")),
            ("rules 2026-11-01 04-05.json", Some("2026-11-01T04:05:00Z")),
            ("2026-10-01/rules_20261101-0405.json", Some("2026-11-01T04:05:00Z")),
            ("rules_v2.json", None),
            ("ticket 20261399/rules.csv", None),
            ("0202611011.csv", None),
            ("192.0.2.1.json", None),
        ] {
            let found = instant_in_name(name, &clock).map(|when| when.at.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
