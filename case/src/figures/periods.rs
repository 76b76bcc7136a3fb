//! Stretches of time: weeks if few are asked for, else months, else years.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// `2026-08-17` for a week by its Monday, `2026-08` for a month, `2026` for a year, `before 2021` for all before.
    pub label: String,
    /// Its first instant; null for all before.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Timestamp,
}

/// Weeks are told apart up to so many.
const MAX_WEEKS: i64 = 26;
/// Months are told apart up to so many; and there are never more stretches, whatever clock a case was opened by.
const MAX_PERIODS: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Week,
    Month,
    Year,
}

/// Stretches that cover both instants, in order. What is before the first of the last 60 is one stretch.
pub fn between(first: Timestamp, last: Timestamp) -> Vec<Period> {
    let (first, last) = (day(first.min(last)), day(last.max(first)));
    let days = i64::from(first.until(last).map(|span| span.get_days()).unwrap_or(i32::MAX));
    let months = i64::from(last.year() - first.year()) * 12 + i64::from(last.month() - first.month());
    let step = match () {
        () if days <= MAX_WEEKS * 7 => Step::Week,
        () if months < MAX_PERIODS as i64 => Step::Month,
        () => Step::Year,
    };
    let mut begin = begins(last, step);
    let mut periods = Vec::new();
    while let Some(end) = moved(begin, step, 1) {
        periods.push(Period {
            label: label(begin, step),
            from: instant(begin),
            to: instant(end).unwrap_or(Timestamp::MAX),
        });
        if begin <= first {
            break;
        }
        if periods.len() == MAX_PERIODS {
            let to = instant(begin).unwrap_or(Timestamp::MIN);
            periods.push(Period { label: format!("before {}", label(begin, step)), from: None, to });
            break;
        }
        let Some(before) = moved(begin, step, -1) else { break };
        begin = before;
    }
    periods.reverse();
    periods
}

/// The stretch in which an instant lies.
pub fn place(periods: &[Period], at: Timestamp) -> Option<usize> {
    let place = periods.partition_point(|period| period.to <= at);
    periods.get(place).filter(|period| period.from.is_none_or(|from| from <= at)).map(|_| place)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn instant(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn begins(day: Date, step: Step) -> Date {
    match step {
        Step::Week => {
            let since = i64::from(day.weekday().since(Weekday::Monday));
            day.checked_sub(Span::new().days(since)).unwrap_or(day)
        }
        Step::Month => day.first_of_month(),
        Step::Year => day.first_of_year(),
    }
}

fn moved(day: Date, step: Step, by: i64) -> Option<Date> {
    let span = match step {
        Step::Week => Span::new().weeks(by),
        Step::Month => Span::new().months(by),
        Step::Year => Span::new().years(by),
    };
    day.checked_add(span).ok()
}

fn label(begin: Date, step: Step) -> String {
    match step {
        Step::Week => begin.strftime("%Y-%m-%d").to_string(),
        Step::Month => begin.strftime("%Y-%m").to_string(),
        Step::Year => begin.year().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_months_years() {
        for (name, first, last, expected) in [
            ("one day", "2026-08-20T10:00:00Z", "2026-08-20T11:00:00Z", vec!["2026-08-17"]),
            ("sunday and monday", "2026-08-16T23:59:59Z", "2026-08-17T00:00:00Z", vec!["2026-08-10", "2026-08-17"]),
            ("over the year", "2025-12-30T00:00:00Z", "2026-01-06T00:00:00Z", vec!["2025-12-29", "2026-01-05"]),
        ] {
            let labels: Vec<String> =
                between(first.parse().unwrap(), last.parse().unwrap()).into_iter().map(|period| period.label).collect();
            assert_eq!(labels, expected, "{name}");
        }
        for (name, first, last, count, first_label) in [
            ("half a year", "2026-01-05T00:00:00Z", "2026-07-06T00:00:00Z", 27, "2026-01-05"),
            ("a day more", "2026-01-05T00:00:00Z", "2026-07-07T00:00:00Z", 7, "2026-01"),
            ("five years", "2021-09-01T00:00:00Z", "2026-08-20T00:00:00Z", 60, "2021-09"),
            ("six years", "2020-08-01T00:00:00Z", "2026-08-20T00:00:00Z", 7, "2020"),
            ("a wild clock", "-009000-01-01T00:00:00Z", "9990-01-01T00:00:00Z", 61, "before 9931"),
        ] {
            let periods = between(first.parse().unwrap(), last.parse().unwrap());
            assert_eq!((periods.len(), periods[0].label.as_str()), (count, first_label), "{name}");
        }
    }

    #[test]
    fn every_instant_has_its_place() {
        let (first, last) = ("2026-08-03T00:00:00Z".parse().unwrap(), "2026-08-20T00:00:00Z".parse().unwrap());
        let periods = between(first, last);
        for (at, expected) in [
            ("2026-08-03T00:00:00Z", Some(0)),
            ("2026-08-09T23:59:59Z", Some(0)),
            ("2026-08-10T00:00:00Z", Some(1)),
            ("2026-08-23T23:59:59Z", Some(2)),
            ("2026-08-24T00:00:00Z", None),
            ("2026-08-02T23:59:59Z", None),
        ] {
            assert_eq!(place(&periods, at.parse().unwrap()), expected, "{at}");
        }
        for (first, last) in
            [(Timestamp::MIN, Timestamp::MAX), (Timestamp::MIN, Timestamp::MIN), (Timestamp::MAX, Timestamp::MAX)]
        {
            let periods = between(first, last);
            assert!(place(&periods, first).is_some() || periods.is_empty(), "{first} {last}");
        }
    }
}
