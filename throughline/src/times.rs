//! Instants and zones as options name them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sources::Clock;

use crate::cli::Clocks;
use crate::failure::Failure;

/// The clock by which records are read that state no zone or year. `around` is an instant near the message (`--at`).
///
/// # Errors
/// [`Failure::Usage`] if an option cannot be read.
pub fn clock(options: &Clocks, around: Option<&str>) -> Result<Clock, Failure> {
    let zone = zone(&options.tz)?;
    let zone_label = if options.tz == "UTC" { "UTC (default)".to_owned() } else { format!("{} by --tz", options.tz) };
    let reference = match (around, &options.now, options.opened) {
        (Some(at), ..) => instant("--at", at, &zone)?,
        (None, Some(now), _) => middle_of_the_past_year(instant("--now", now, &zone)?),
        (None, None, Some(opened)) => around_the_opening(opened),
        (None, None, None) => middle_of_the_past_year(Timestamp::now()),
    };
    Ok(Clock { zone, zone_label, reference })
}

/// The instant that the user calls now, if one was given: the clock of the machine is nobody's evidence.
pub fn now(options: &Clocks) -> Option<Timestamp> {
    let zone = zone(&options.tz).ok()?;
    instant("--now", options.now.as_deref()?, &zone).ok()
}

/// The instant to which a date without a year is brought nearest if nothing else tells the year: the middle of the year
/// that ends now, because a log does not come from the future (a day is allowed for clocks and zones that differ).
fn middle_of_the_past_year(now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * (182 - 1))).unwrap_or(now)
}

/// The instant to which a date without a year is brought nearest in the evidence of a case: most of it is from before the case was
/// opened, and for three months more is added. It is the same whenever somebody looks.
fn around_the_opening(opened: Timestamp) -> Timestamp {
    opened.checked_sub(SignedDuration::from_hours(24 * 91)).unwrap_or(opened)
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(name).map_err(|_| Failure::Usage {
        what: "--tz".to_owned(),
        expected: "UTC, an offset or an IANA zone".to_owned(),
        found: format!("`{}`", name.escape_debug()),
        hint: "Try --tz +02:00 or --tz Europe/Berlin".to_owned(),
    })
}

/// Reads an instant with an offset, or a date or date and time in `zone`.
///
/// # Errors
/// [`Failure::Usage`] if it is none.
pub fn instant(option: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone.clone()).ok();
    text.parse::<Timestamp>().ok().or_else(|| civil().map(|zoned| zoned.timestamp())).ok_or_else(|| Failure::Usage {
        what: option.to_owned(),
        expected: "an instant".to_owned(),
        found: format!("`{}`", text.escape_debug()),
        hint: format!("Try {option} 2026-08-20T09:14Z"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_of_a_case() {
        let opened: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let clocks = Clocks { tz: "UTC".to_owned(), now: None, opened: Some(opened), judged_at: None };
        let reference = clock(&clocks, None).unwrap().reference;
        let nearest = |years: [&str; 2]| years.map(|day| day.parse::<Timestamp>().unwrap());
        // What is added later is of the days after the opening, and not of a year before.
        for (years, expected) in [
            (["2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z"], 0),
            (["2025-11-24T00:00:00Z", "2026-11-24T00:00:00Z"], 1),
            (["2026-01-05T00:00:00Z", "2027-01-05T00:00:00Z"], 1),
        ] {
            let [one, two] = nearest(years).map(|day| day.duration_since(reference).abs());
            assert_eq!(usize::from(two < one), expected, "{years:?}");
        }
    }
}
