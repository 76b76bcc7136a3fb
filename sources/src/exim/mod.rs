//! Logs of Exim: main log, reject log, panic log.

mod facts;
mod line;

use evidence::{Identifier, Reading, SourceId, Unit, When};

use crate::lines::{self, Around, LineLog, Meaning, Read, Seen, envelope};
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use line::Line;

/// Logs of Exim.
pub(crate) struct EximLog;

impl Source for EximLog {
    fn id(&self) -> SourceId {
        "exim/log"
    }

    fn title(&self) -> &'static str {
        "Exim main, reject or panic log"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn is_written_in_order(&self) -> bool {
        true
    }

    fn export(&self) -> Export {
        Export {
            command: Some("exigrep -l '{message_id}' /var/log/exim4/mainlog /var/log/exim4/rejectlog > exim.log"),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "`=>` to another server proves that this server took the message, no mailbox; without `C=` not even its answer is known.",
            "The main log does not name the Message-ID of a message that was refused after DATA: the reject log does, if the header was logged.",
            "Which condition of an ACL decided, unless its message says so.",
            "What was logged before log rotation (daily; 10 files by default on Debian) is gone.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let mut best = Recognition::No;
        for text in lines::journal::first_lines(head.text) {
            let Some(line) = line::line(&text) else { continue };
            if line.id.is_some() || !line.host.is_empty() {
                return Recognition::Certain;
            }
            if WITHOUT_ID.iter().any(|words| line.rest.starts_with(words)) {
                best = Recognition::Fits;
            }
        }
        best
    }
}

impl Reader for EximLog {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        lines::read(self, input, query)
    }

    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        lines::read_in_parts(self, input, query, take)
    }
}

/// How lines without a message id start.
const WITHOUT_ID: &[&str] = &[
    "Start queue run: pid=",
    "End queue run: pid=",
    "exim ",
    "Exim ",
    "H=",
    "U=",
    "F=<",
    "SMTP connection from ",
    "SMTP call from ",
    "SMTP protocol ",
    "SMTP command timeout ",
    "SMTP syntax error ",
    "TLS error on connection ",
    "no host name found for IP address ",
    "no IP address found for host ",
    "no MAIL in SMTP connection",
    "unexpected disconnection while reading SMTP command",
    "VRFY failed for ",
    "rejected HELO ",
    "rejected EHLO ",
    "Warning: No server certificate defined",
    "cwd=",
    "Failed to get user name for uid",
    "socket bind() to port",
    "overlong message header line",
    "temporarily rejected connection",
    "refused connection from ",
    "connection from ",
];

impl LineLog for EximLog {
    const UNNAMED: &'static [&'static str] = &["rejected", "discarded"];

    fn see(&self, text: &str, clock: &Clock) -> Option<Seen> {
        let first = text.lines().next().unwrap_or("");
        let line = line::line(first)?;
        let mut seen = Seen {
            host: label(line.host),
            at: when(&line, clock).map(|when| when.at),
            keys: line.id.map(str::to_owned).into_iter().collect(),
            ..Seen::default()
        };
        facts::see(&line, text, &mut seen);
        Some(seen)
    }

    fn say<'t>(&self, text: &'t str, around: &Around<'_>) -> Read<'t> {
        let first = text.lines().next().unwrap_or("");
        match line::line(first) {
            Some(line) => {
                let host = if line.host.is_empty() { around.host.to_owned() } else { label(line.host) };
                Read::Line { when: when(&line, around.clock), meaning: facts::meaning(&line, text, &host, around.role) }
            }
            None if envelope::split(first).is_some() => {
                Read::Line { when: None, meaning: Meaning::PassedOver("other daemon") }
            }
            None => Read::Torn { expected: "`<date> <time> [<message id>] <text>`" },
        }
    }

    fn when(&self, text: &str, clock: &Clock) -> Option<When> {
        when(&line::line(text)?, clock)
    }

    fn identifier(&self, host: &str, key: &str) -> Identifier {
        Identifier::QueueId { host: host.to_owned(), id: key.to_owned() }
    }

    /// Header lines of a refused message in the reject log.
    fn continues(&self, line: &[u8]) -> bool {
        match line {
            [b'-', b'-', b'-', b'-', b'-', ..] | [b'\t', ..] | [b' ', b' ', b' ', ..] => true,
            [kind, b' ', rest @ ..] if b"BCFIPRSTt* 0123456789".contains(kind) => is_field(rest),
            _ => line.starts_with(b"Envelope-from: <") || line.starts_with(b"Envelope-to: <"),
        }
    }
}

/// Whether a line is a header field: a name without blanks before a colon.
fn is_field(line: &[u8]) -> bool {
    let end = line.iter().take(77).position(|byte| *byte == b':');
    end.is_some_and(|end| end > 0 && line[..end].iter().all(|byte| (33..127).contains(byte)))
}

fn label(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

/// The instant of a line: Exim's own form, or that of syslog.
fn when(line: &Line<'_>, clock: &Clock) -> Option<When> {
    match line.stamp.as_bytes().get(10) {
        Some(b' ') if line.stamp.as_bytes()[4] == b'-' => {
            instant(line.stamp, DayOrder::MonthFirst, Zoneless::AsAsked(clock))
        }
        _ => envelope::when(line.stamp, clock),
    }
}

#[cfg(test)]
mod tests;
