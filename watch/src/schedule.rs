//! When runs are due: cron syntax in a time zone.

use cronexpr::Crontab;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// When runs are due, in cron syntax (minute, hour, day of month, month, day of week) in a time zone.
///
/// An hour that begins with `*` means hours that pass: every matching instant. Any other hour means the clock on the wall: each
/// matching local time once. One that the zone leaves out in spring is due at the end of the hour left out; of one that comes twice in
/// autumn the first is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    said: String,
    /// Read as if the wall's clock were UTC.
    by_wall: Crontab,
    by_instant: Option<Crontab>,
    zone: TimeZone,
}

/// A schedule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{said}`: expected {expected}, found {found}")]
pub struct ScheduleError {
    said: String,
    expected: &'static str,
    found: String,
}

/// Wall times are tried at most so often until one is later than the instant asked about: more than a day of minutes, for an hour that
/// comes twice.
const MAX_TRIES: usize = 2000;

impl Schedule {
    /// Reads `expression`, five fields of cron, in `zone`, an IANA zone or `UTC`. The zone may stand behind the expression instead.
    ///
    /// # Errors
    /// [`ScheduleError`] if the expression or the zone cannot be read, or if no instant ever fits.
    pub fn read(expression: &str, zone: Option<&str>) -> Result<Schedule, ScheduleError> {
        let mut fields: Vec<&str> = expression.split_whitespace().collect();
        let behind = if fields.len() == 6 { fields.pop() } else { None };
        let zone = zone.or(behind).unwrap_or("UTC");
        let cron = fields.join(" ");
        let fault = |expected, found: String| ScheduleError {
            said: format!("{cron} {zone}").escape_debug().to_string(),
            expected,
            found,
        };
        if fields.len() != 5 {
            let found = format!("{} fields", fields.len());
            return Err(fault("minute, hour, day of month, month, day of week", found));
        }
        if zone.eq_ignore_ascii_case("local") {
            return Err(fault("a named zone", "that of the machine".to_owned()));
        }
        let read = |zone: &str| cronexpr::parse_crontab(&format!("{cron} {zone}"));
        let by_wall = read("UTC").map_err(|error| fault("cron syntax", one_line(&error)))?;
        let named =
            TimeZone::get(zone).map_err(|_| fault("an IANA zone such as Europe/Berlin", format!("`{zone}`")))?;
        let is_by_instant = fields.get(1).is_some_and(|hour| hour.starts_with('*'));
        let by_instant = if is_by_instant {
            Some(read(zone).map_err(|error| fault("cron syntax", one_line(&error)))?)
        } else {
            None
        };
        let schedule = Schedule { said: format!("{cron} {zone}"), by_wall, by_instant, zone: named };
        if schedule.after(Timestamp::UNIX_EPOCH).is_none() {
            return Err(fault("a time that comes at least once in four years", "none".to_owned()));
        }
        Ok(schedule)
    }

    /// The expression with its zone, as it is kept.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The first instant after `instant` at which a run is due; `None` if there is none in four years.
    pub fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        if let Some(crontab) = &self.by_instant {
            return crontab.find_next(instant).ok().map(|found| found.timestamp());
        }
        let mut wall = as_if_utc(instant.to_zoned(self.zone.clone()).datetime())?;
        for _ in 0..MAX_TRIES {
            wall = self.by_wall.find_next(wall).ok()?.timestamp();
            let due = self.instant_of(wall.to_zoned(TimeZone::UTC).datetime())?;
            if due > instant {
                return Some(due);
            }
        }
        None
    }

    /// The instants at which runs are due from `from` on, before `before`, oldest first, and whether there are more than `most`.
    pub fn between(&self, from: Timestamp, before: Timestamp, most: usize) -> (Vec<Timestamp>, bool) {
        let mut found = Vec::new();
        let mut next = self.after(from - jiff::SignedDuration::from_nanos(1));
        while let Some(due) = next.filter(|due| *due < before) {
            if found.len() == most {
                return (found, true);
            }
            found.push(due);
            next = self.after(due);
        }
        (found, false)
    }

    /// The instant at which the wall's clock shows this, the first if it does so twice; the end of the gap if it never does.
    fn instant_of(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => {
                let before = ambiguous.earlier().ok()?;
                // The transition is the first one behind any instant before the gap.
                self.zone.following(before).next().map(|transition| transition.timestamp())
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        }
    }
}

fn as_if_utc(wall: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(wall).ok()
}

fn one_line(error: &cronexpr::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expression: &str, zone: &str, from: &str, expected: &[&str]) {
        let schedule = Schedule::read(expression, Some(zone)).expect(name);
        let mut next = from.parse::<Timestamp>().expect(name);
        let mut found = Vec::new();
        for _ in expected {
            next = schedule.after(next).expect(name);
            found.push(next.to_string());
        }
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn each_local_time_is_due_once() {
        let spring = "2026-03-28T12:00:00Z"; // Berlin goes from 02:00 to 03:00 on the 29th, at 01:00Z
        let autumn = "2026-10-24T12:00:00Z"; // and from 03:00 back to 02:00 on October 25th, at 01:00Z
        for (name, expression, zone, from, expected) in [
            ("plain", "15 6 * * *", "UTC", spring, &["2026-03-29T06:15:00Z", "2026-03-30T06:15:00Z"][..]),
            ("zone", "15 6 * * *", "Europe/Berlin", spring, &["2026-03-29T04:15:00Z", "2026-03-30T04:15:00Z"]),
            ("left out", "30 2 * * *", "Europe/Berlin", spring, &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
            (
                "left out thrice is due once",
                "0,20,40 2 * * *",
                "Europe/Berlin",
                spring,
                &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
            ),
            (
                "at the end of the gap",
                "0 3 * * *",
                "Europe/Berlin",
                spring,
                &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
            ),
            ("twice", "30 2 * * *", "Europe/Berlin", autumn, &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
            (
                "around the hour that comes twice",
                "30 1-3 * * *",
                "Europe/Berlin",
                "2026-10-24T23:00:00Z",
                &["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z"],
            ),
            (
                "every hour goes on through it",
                "30 * * * *",
                "Europe/Berlin",
                "2026-10-24T23:00:00Z",
                &["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"],
            ),
            (
                "every half hour over the gap",
                "*/30 * * * *",
                "Europe/Berlin",
                "2026-03-29T00:20:00Z",
                &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
            ),
            (
                "half an hour",
                "45 1 * * *",
                "Australia/Lord_Howe",
                "2026-04-04T12:00:00Z",
                &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
            ),
        ] {
            check(name, expression, zone, from, expected);
        }
    }

    #[test]
    fn from_within_the_hour_that_comes_twice() {
        check("second pass", "*/10 2 * * *", "Europe/Berlin", "2026-10-25T01:05:00Z", &["2026-10-26T01:00:00Z"]);
    }

    #[test]
    fn the_zone_may_stand_behind() {
        let schedule = Schedule::read("15 6 * * MON-FRI Europe/Berlin", None).expect("it is one");
        assert_eq!(schedule.said(), "15 6 * * MON-FRI Europe/Berlin");
    }

    #[test]
    fn refused() {
        for (expression, zone) in [
            ("15 6 * *", None),
            ("61 6 * * *", None),
            ("", None),
            ("15 6 * * *", Some("Nowhere/Land")),
            ("0 0 30 2 *", None),
        ] {
            assert!(Schedule::read(expression, zone).is_err(), "{expression}");
        }
    }
}
