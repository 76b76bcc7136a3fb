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
    let reference = match (around, &options.now) {
        (Some(at), _) => instant("--at", at, &zone)?,
        (None, Some(now)) => middle_of_the_past_year(instant("--now", now, &zone)?),
        (None, None) => middle_of_the_past_year(Timestamp::now()),
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
    now - SignedDuration::from_hours(24 * (182 - 1))
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
