//! The envelope of a log line: when, on which host, by which program; and the text that follows.

use evidence::{When, Zone};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::Clock;
use crate::time::{DayOrder, Zoneless, instant};

/// One line of a mail log, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The instant as written; `None` for a line without syslog prefix.
    pub(super) stamp: Option<&'t str>,
    /// The host as written; empty for a line without syslog prefix.
    pub(super) host: &'t str,
    /// Who wrote the line.
    pub(super) program: Program<'t>,
    /// The text after the program's tag.
    pub(super) body: &'t str,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program<'t> {
    /// A daemon of Postfix.
    Postfix {
        /// The instance: the first part of the syslog name; `postfix` is the default one.
        instance: &'t str,
        /// The service between instance and daemon, such as `submission`.
        service: Option<&'t str>,
        /// The daemon, such as `smtpd`; empty for a line without syslog prefix.
        daemon: &'t str,
    },
    /// amavis.
    Amavis,
    /// Dovecot: the process within it, such as `lmtp`, stands in the text.
    Dovecot,
    /// Another program, by its tag.
    Other(&'t str),
}

/// Every program that Postfix logs by, as of release 3.10.
const DAEMONS: &[&str] = &[
    "anvil",
    "bounce",
    "cleanup",
    "defer",
    "discard",
    "dnsblog",
    "error",
    "flush",
    "lmtp",
    "local",
    "master",
    "nqmgr",
    "oqmgr",
    "pickup",
    "pipe",
    "postalias",
    "postdrop",
    "postfix-script",
    "postlog",
    "postlogd",
    "postmap",
    "postmulti",
    "postqueue",
    "postscreen",
    "postsuper",
    "proxymap",
    "proxywrite",
    "qmgr",
    "qmqpd",
    "retry",
    "scache",
    "sendmail",
    "showq",
    "smtp",
    "smtpd",
    "spawn",
    "tlsmgr",
    "tlsproxy",
    "trace",
    "trivial-rewrite",
    "verify",
    "virtual",
];

/// Takes a line apart; `None` if it is neither a syslog line nor a bare text of Postfix.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let text = text.trim_start_matches('\0');
    syslog(text).or_else(|| bare(text))
}

/// `<PRI>`, the instant, the host, the tag.
fn syslog(text: &str) -> Option<Line<'_>> {
    let (rest, version) = priority(text);
    let (stamp, rest) = stamp(rest)?;
    let (host, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    let (tag, body) = if version { rfc5424_tag(rest)? } else { tag(rest)? };
    Some(Line { stamp: Some(stamp), host, program: program(tag), body })
}

/// The text after `<22>` (RFC 3164, 4.1.1), and whether the version `1` of RFC 5424 follows.
fn priority(text: &str) -> (&str, bool) {
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
fn stamp(text: &str) -> Option<(&str, &str)> {
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

fn program(tag: &str) -> Program<'_> {
    if let Some((instance, rest)) = tag.split_once('/') {
        let (service, daemon) = match rest.rsplit_once('/') {
            Some((service, daemon)) => (Some(service), daemon),
            None => (None, rest),
        };
        if DAEMONS.contains(&daemon) || instance == "postfix" {
            return Program::Postfix { instance, service, daemon };
        }
    }
    if tag == "postfix" {
        return Program::Postfix { instance: tag, service: None, daemon: "" };
    }
    if tag.eq_ignore_ascii_case("amavis") || tag.eq_ignore_ascii_case("amavisd") {
        return Program::Amavis;
    }
    if tag == "dovecot" { Program::Dovecot } else { Program::Other(tag) }
}

/// A line that starts with Postfix's own text, as some collectors export it.
fn bare(text: &str) -> Option<Line<'_>> {
    let known = match text.split_once(": ") {
        Some((id, rest)) => (is_queue_id(id) || id == "NOQUEUE") && AFTER_ID.iter().any(|word| rest.starts_with(word)),
        None => false,
    };
    let program = Program::Postfix { instance: "postfix", service: None, daemon: "" };
    (known || SESSION.iter().any(|word| text.starts_with(word))).then_some(Line {
        stamp: None,
        host: "",
        program,
        body: text,
    })
}

/// How the text after a queue id starts.
const AFTER_ID: &[&str] = &[
    "to=",
    "from=",
    "client=",
    "message-id=",
    "resent-message-id=",
    "uid=",
    "removed",
    "sender ",
    "postmaster ",
    "reject",
    "milter-",
    "hold:",
    "discard:",
    "warning:",
    "info:",
    "filter:",
    "redirect:",
    "prepend:",
    "replace:",
    "host ",
    "lost connection",
    "conversation with",
    "placed on hold",
    "released from hold",
    "requeued",
    "skipped",
];

/// How lines of a session start.
pub(super) const SESSION: &[&str] = &[
    "connect from ",
    "disconnect from ",
    "connect to ",
    "lost connection after ",
    "timeout after ",
    "statistics: max ",
    "too many errors after ",
    "improper command pipelining after ",
    "PASS OLD ",
    "PASS NEW ",
    "CONNECT from ",
    "DISCONNECT ",
    "WHITELIST",
    "ALLOWLIST",
    "DENYLIST",
    "BLACKLIST",
    "HANGUP after ",
    "PREGREET ",
    "DNSBL rank ",
    "COMMAND ",
    "NON-SMTP COMMAND",
    "BARE NEWLINE",
    "SSL_accept error",
    "Anonymous TLS connection ",
    "Untrusted TLS connection ",
    "Trusted TLS connection ",
    "Verified TLS connection ",
    "setting up TLS connection ",
    "warning: hostname ",
    "initializing the ",
];

/// Whether a word is a queue id: short (upper-case hexadecimal) or long (digits and consonants with a `z`).
pub(super) fn is_queue_id(word: &str) -> bool {
    let bytes = word.as_bytes();
    let short = (6..=20).contains(&bytes.len()) && bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
    short || ((12..=30).contains(&bytes.len()) && bytes.iter().all(|b| is_long_id_byte(*b)))
}

fn is_long_id_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || (byte.is_ascii_alphabetic() && !b"aeiouAEIOU".contains(&byte))
}

impl<'t> Line<'t> {
    /// The first label of the host's name, lower case: the same text as in a queue id.
    pub(super) fn host_label(&self) -> String {
        self.host.split('.').next().unwrap_or("").to_ascii_lowercase()
    }

    /// The instance, if it is not the default one.
    pub(super) fn instance(&self) -> Option<&'t str> {
        match self.program {
            Program::Postfix { instance, .. } if instance != "postfix" => Some(instance),
            _ => None,
        }
    }

    /// The instant; `None` if the line has none that can be read.
    pub(super) fn when(&self, clock: &Clock) -> Option<When> {
        let said = self.stamp?;
        match civil(said) {
            Some(parts) => in_nearest_year(said, parts, clock),
            None => instant(said, DayOrder::MonthFirst, Zoneless::AsAsked(clock)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(reference: &str) -> Clock {
        Clock {
            zone: TimeZone::UTC,
            zone_label: "UTC (default)".to_owned(),
            reference: reference.parse().expect("an instant"),
        }
    }

    #[test]
    fn ok_envelopes() {
        for (name, text, host, program, body) in [
            (
                "plain",
                "Aug  3 04:05:06 mx1 postfix/smtpd[11]: connect from x",
                "mx1",
                Program::Postfix { instance: "postfix", service: None, daemon: "smtpd" },
                "connect from x",
            ),
            (
                "service",
                "<22>Aug 13 04:05:06 mx1 postfix/submission/smtpd[11]: x",
                "mx1",
                Program::Postfix { instance: "postfix", service: Some("submission"), daemon: "smtpd" },
                "x",
            ),
            (
                "instance",
                "2026-08-03T04:05:06.123456+02:00 mx1.example.com postfix-out/smtp[1]: x",
                "mx1.example.com",
                Program::Postfix { instance: "postfix-out", service: None, daemon: "smtp" },
                "x",
            ),
            (
                "RFC 5424",
                "<22>1 2026-08-03T04:05:06Z mx1 postfix/qmgr 9 - - 4C0FFEE: removed",
                "mx1",
                Program::Postfix { instance: "postfix", service: None, daemon: "qmgr" },
                "4C0FFEE: removed",
            ),
            ("dovecot", "Aug  3 04:05:06 mx1 dovecot: lmtp(7): x", "mx1", Program::Dovecot, "lmtp(7): x"),
            (
                "bare",
                "4C0FFEE: removed",
                "",
                Program::Postfix { instance: "postfix", service: None, daemon: "" },
                "4C0FFEE: removed",
            ),
        ] {
            let found = line(text).unwrap_or_else(|| panic!("{name}: no line"));
            assert_eq!((found.host, found.program, found.body), (host, program, body), "{name}");
        }
    }

    #[test]
    fn refused_envelopes() {
        for text in [
            "",
            "hello",
            "Aug",
            "Aug  3 04:05",
            "Aug 3 aa:bb:cc mx1 x: y",
            "<22>",
            "Received: from x",
            "Äug  3 04:05:06 h p: x",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn ok_years() {
        for (name, said, reference, expected) in [
            ("same year", "Aug  3 04:05:06", "2026-08-20T00:00:00Z", "2026-08-03T04:05:06Z"),
            ("New Year behind", "Dec 31 23:59:59", "2026-01-02T00:00:00Z", "2025-12-31T23:59:59Z"),
            ("New Year ahead", "Jan  1 00:00:01", "2025-12-30T00:00:00Z", "2026-01-01T00:00:01Z"),
            ("leap day", "Feb 29 12:00:00", "2025-06-01T00:00:00Z", "2024-02-29T12:00:00Z"),
        ] {
            let text = format!("{said} mx1 postfix/smtpd[1]: x");
            let when = line(&text).and_then(|line| line.when(&clock(reference)));
            let when = when.unwrap_or_else(|| panic!("{name}: no instant"));
            assert_eq!(when.at.to_string(), expected, "{name}");
            assert_eq!(when.zone, Zone::Assumed(format!("year {}, UTC (default)", &expected[..4])), "{name}");
        }
    }

    #[test]
    fn ok_queue_ids() {
        for (word, expected) in [
            ("4C0FFEE", true),
            ("E19A55F945", true),
            ("44JCRG5tYPzCqt2", true),
            ("NOQUEUE", false),
            ("warning", false),
            ("statistics", false),
            ("4c0ffee", false),
            ("4C0F", false),
        ] {
            assert_eq!(is_queue_id(word), expected, "{word}");
        }
    }
}
