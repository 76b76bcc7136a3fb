//! One line of `mail_logs`, taken apart: envelope, level, and the numbers in the text.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::Clock;
use crate::lines::envelope;
use crate::time::{DayOrder, Zoneless, instant};

/// A line: when, on which host, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The instant as written; empty if the line has none.
    pub(super) stamp: &'t str,
    /// The host, where syslog wrote one; else empty.
    pub(super) host: &'t str,
    /// The text after the level.
    pub(super) text: Text<'t>,
}

/// The two forms of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text<'t> {
    /// A line of `mail_logs`.
    Mail(&'t str),
    /// A consolidated event: the extension of the CEF record.
    Event(&'t str),
}

/// What stands before the text.
const LEVELS: &[&str] = &["Info: ", "Warning: ", "Critical: ", "Debug: ", "Trace: ", "Emergency: "];

/// Takes a line apart; `None` if it is none of ESA's.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let (rest, _) = envelope::priority(text.trim_start_matches(['\0', '\u{feff}']));
    if let Some(at) = rest.find("CEF:0|Cisco|").filter(|at| *at == 0 || (*at < 200 && stamp(rest).is_some())) {
        let (stamp, host) = stamp(rest).map_or(("", ""), |(stamp, after)| (stamp, host(after)));
        let extension = rest[at..].splitn(8, '|').nth(7)?;
        return rest[at..].contains("|ESA_CONSOLIDATED_LOG_EVENT|").then_some(Line {
            stamp,
            host,
            text: Text::Event(extension),
        });
    }
    let (stamp, after) = stamp(rest).unwrap_or(("", rest));
    let (at, level) = LEVELS
        .iter()
        .filter_map(|level| {
            let at = after.match_indices(level).map(|(at, _)| at).find(|at| *at == 0 || after[..*at].ends_with(' '))?;
            Some((at, level))
        })
        .min()
        .filter(|(at, _)| *at < 120)?;
    let before = &after[..at];
    if before.split_whitespace().count() > 3 || (stamp.is_empty() && !before.is_empty()) {
        return None;
    }
    Some(Line { stamp, host: host(before), text: Text::Mail(after[at + level.len()..].trim()) })
}

/// The host in `mx1 mail_logs: `; a lone word with a colon is the name of the log subscription.
fn host(before: &str) -> &str {
    before.split_whitespace().next().filter(|word| !word.ends_with(':') && !word.starts_with("CEF:")).unwrap_or("")
}

/// `Mon Apr 17 18:22:30 2003`, or a stamp of syslog; and the text after it.
fn stamp(text: &str) -> Option<(&str, &str)> {
    if asctime(text).is_some() {
        let (stamp, rest) = (text.get(..24)?, text.get(24..)?);
        return Some((stamp, rest.trim_start()));
    }
    // `Jul 16 10:46:46 2013 host tag: Info: text`.
    let (stamp, rest) = envelope::stamp(text)?;
    match rest.split_once(' ') {
        Some((year, after))
            if year.len() == 4 && year.starts_with("20") && year.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Some((text.get(..stamp.len() + 5)?, after.trim_start()))
        }
        _ => Some((stamp, rest)),
    }
}

const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time in `Mon Apr 17 18:22:30 2003` (C, asctime) at the start of a text.
pub(super) fn asctime(text: &str) -> Option<DateTime> {
    let text = text.get(..24)?;
    let bytes = text.as_bytes();
    if bytes[3] != b' ' || bytes[13] != b':' || bytes[16] != b':' || bytes[19] != b' ' {
        return None;
    }
    civil(text.get(4..7)?, text.get(8..10)?, text.get(11..19)?, text.get(20..24)?)
}

fn civil(month: &str, day: &str, clock: &str, year: &str) -> Option<DateTime> {
    let month = MONTHS.iter().position(|known| *known == month)? as i8 + 1;
    let number = |range: std::ops::Range<usize>| clock.get(range)?.parse::<i8>().ok();
    let time = jiff::civil::Time::new(number(0..2)?, number(3..5)?, number(6..8)?.min(59), 0).ok()?;
    Some(DateTime::from_parts(Date::new(year.parse().ok()?, month, day.trim().parse().ok()?).ok()?, time))
}

/// The instant of a stamp; without a zone it is the one that was asked for.
pub(super) fn when(said: &str, clock: &Clock) -> Option<When> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let with_year = match words.as_slice() {
        [month, day, time, year] => civil(month, day, time, year),
        _ => None,
    };
    match asctime(said).or(with_year) {
        Some(civil) => placed(said, civil, &clock.zone, &clock.zone_label),
        None if said.starts_with(|c: char| c.is_ascii_digit()) => {
            instant(said, DayOrder::MonthFirst, Zoneless::AsAsked(clock))
        }
        None => envelope::when(said, clock),
    }
}

fn placed(said: &str, civil: DateTime, zone: &TimeZone, label: &str) -> Option<When> {
    let at = civil.to_zoned(zone.clone()).ok()?.timestamp();
    Some(When { at, zone: Zone::Assumed(label.to_owned()), said: said.to_owned() })
}

/// The number after a word, such as 12 in `MID 12 ICID 5`, with the word: `MID 12`.
pub(super) fn number<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    for (at, _) in text.match_indices(word) {
        if at > 0 && !matches!(text.as_bytes()[at - 1], b' ' | b'(' | b':') {
            continue;
        }
        let rest = &text[at + word.len()..];
        let digits = rest.strip_prefix(' ').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        if digits > 0 {
            return Some(&text[at..at + word.len() + 1 + digits]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_envelopes() {
        for (name, text, stamp, host, body) in [
            (
                "bare",
                "Mon Apr 17 18:22:30 2006 Info: MID 6 ICID 5 From: <a@x.example>",
                "Mon Apr 17 18:22:30 2006",
                "",
                "MID 6 ICID 5 From: <a@x.example>",
            ),
            (
                "syslog without a host",
                "<166>Mar 17 18:24:37 mail_logs: Info: Start MID 6 ICID 5",
                "Mar 17 18:24:37",
                "",
                "Start MID 6 ICID 5",
            ),
            (
                "syslog",
                "<94>Nov 24 14:22:57 esa1.client.example mail_logs: Warning: x",
                "Nov 24 14:22:57",
                "esa1.client.example",
                "x",
            ),
            ("year behind", "Jul 16 10:46:46 2013 esa1 mail_logs: Info: x", "Jul 16 10:46:46 2013", "esa1", "x"),
            ("asctime and host", "Mon Aug 10 09:12:39 2020 esa1 log: Info: x", "Mon Aug 10 09:12:39 2020", "esa1", "x"),
            ("no time", "Info: x", "", "", "x"),
        ] {
            let found = line(text).unwrap_or_else(|| panic!("{name}: no line"));
            assert_eq!(found, Line { stamp, host, text: Text::Mail(body) }, "{name}");
        }
        for text in ["", "x Info: y", "Mon Apr 17 18:22:30 2006", "Aug  3 04:05:06 mx1 postfix/smtpd[1]: 4C0FFEE: Info"]
        {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn ok_numbers() {
        assert_eq!(number("Delivery start DCID 8 MID 16 to RID [0]", "MID"), Some("MID 16"));
        assert_eq!(number("Delivery start DCID 8 MID 16 to RID [0]", "CID"), None);
        assert_eq!(number("MID x", "MID"), None);
    }
}
