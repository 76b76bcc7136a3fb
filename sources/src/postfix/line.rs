//! The envelope of a log line: when, on which host, by which program; and the text that follows.

use evidence::When;

use super::helpers::Helper;
use crate::Clock;
use crate::lines::envelope::{self, Envelope};
use crate::proxmox;

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
    /// rspamd, by syslog or in the form of its own file.
    Rspamd,
    /// The filter or quarantine of Proxmox Mail Gateway.
    Proxmox,
    /// A milter or policy server.
    Helper(Helper),
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
    syslog(text).or_else(|| scanned(text)).or_else(|| bare(text))
}

/// A line of rspamd's own file, as it stands between the others where both are collected in one.
fn scanned(text: &str) -> Option<Line<'_>> {
    let line = crate::rspamd::log::line(text)?;
    Some(Line { stamp: Some(line.stamp), host: "", program: Program::Rspamd, body: line.body })
}

/// `<PRI>`, the instant, the host, the tag.
fn syslog(text: &str) -> Option<Line<'_>> {
    let Envelope { stamp, host, tag, body } = envelope::split(text)?;
    Some(Line { stamp: Some(stamp), host, program: program(tag), body })
}

fn program(tag: &str) -> Program<'_> {
    if let Some(helper) = Helper::of(tag) {
        return Program::Helper(helper);
    }
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
    if tag == "rspamd" {
        return Program::Rspamd;
    }
    if proxmox::filter::is_tag(tag) {
        return Program::Proxmox;
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
        envelope::when(self.stamp?, clock)
    }
}

#[cfg(test)]
mod tests {
    use evidence::Zone;
    use jiff::tz::TimeZone;

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
