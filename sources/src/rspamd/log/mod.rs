//! The log of rspamd.

use evidence::{Identifier, Product, Reading, SourceId, System, Unit, When};

use super::task;
use crate::lines::{self, Around, LineLog, Meaning, Read, Seen, envelope, facts, service};
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Clock, Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The log of rspamd.
pub(crate) struct RspamdLog;

impl Source for RspamdLog {
    fn id(&self) -> SourceId {
        "rspamd/log"
    }

    fn title(&self) -> &'static str {
        "rspamd log"
    }

    fn unit(&self) -> Unit {
        Unit::Message
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn is_written_in_order(&self) -> bool {
        true
    }

    fn export(&self) -> Export {
        Export { command: Some("grep -F '{message_id}' /var/log/rspamd/rspamd.log* > rspamd.log"), clicks: None }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "rspamd only advises: what was done stands in the mail server's log (`milter-reject`, `milter-hold`).",
            "It has no quarantine and no release of its own.",
            "Options of symbols are cut (`...`), and a changed `log_format` may leave out ids or symbols.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let mut best = Recognition::No;
        for text in lines::journal::first_lines(head.text) {
            match line(&text) {
                // A mail log that holds such lines among others is read as a mail log.
                Some(line) if line.is_own_file => return Recognition::Certain,
                Some(line) if line.body.contains("rspamd_task_write_log: ") => best = Recognition::Fits,
                Some(_) if best == Recognition::No => {
                    best = Recognition::Near { missing: "a line of `rspamd_task_write_log`".to_owned() };
                }
                _ => {}
            }
        }
        best
    }
}

impl Reader for RspamdLog {
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

/// A line: when, on which host, and what.
pub(crate) struct Line<'t> {
    /// The instant as written.
    pub(crate) stamp: &'t str,
    host: &'t str,
    /// The text after process and tag.
    pub(crate) body: &'t str,
    is_own_file: bool,
}

/// `2026-05-02 10:00:00 #123(normal) <abcdef>; task; text`, or the same in syslog.
pub(crate) fn line(text: &str) -> Option<Line<'_>> {
    if let Some(envelope) = envelope::split(text)
        && envelope.tag.split('[').next() == Some("rspamd")
    {
        return Some(Line { stamp: envelope.stamp, host: envelope.host, body: envelope.body, is_own_file: false });
    }
    let bytes = text.as_bytes();
    let is_date = bytes.len() > 22 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b' ' && bytes[13] == b':';
    if !is_date || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let hash = text.find(" #").filter(|at| *at <= 26)?;
    let (process, body) = text[hash + 2..].split_once(' ')?;
    let is_process =
        process.starts_with(|c: char| c.is_ascii_digit()) && process.ends_with(')') && process.contains('(');
    is_process.then_some(Line { stamp: text.get(..hash)?, host: "", body, is_own_file: true })
}

impl Line<'_> {
    /// The instant.
    pub(crate) fn when(&self, clock: &Clock) -> Option<When> {
        match self.is_own_file {
            true => instant(self.stamp, DayOrder::MonthFirst, Zoneless::AsAsked(clock)),
            false => envelope::when(self.stamp, clock),
        }
    }

    fn host_label(&self) -> String {
        self.host.split('.').next().unwrap_or("").to_ascii_lowercase()
    }
}

impl LineLog for RspamdLog {
    fn see(&self, text: &str, clock: &Clock) -> Option<Seen> {
        let line = line(text)?;
        let task = task::task(line.body)?;
        let mut seen = Seen { host: line.host_label(), at: line.when(clock).map(|when| when.at), ..Seen::default() };
        task::see(&task, &mut seen);
        Some(seen)
    }

    fn say<'t>(&self, text: &'t str, around: &Around<'_>) -> Read<'t> {
        let Some(line) = line(text) else {
            if envelope::split(text).is_some() {
                return Read::Line { when: None, meaning: Meaning::PassedOver("other daemon") };
            }
            return Read::Torn { expected: "`<date> <time> #<process>(<worker>) <tag>; <module>; <text>`" };
        };
        let host = if line.host.is_empty() { around.host.to_owned() } else { line.host_label() };
        let when = line.when(around.clock);
        let Some(task) = task::task(line.body) else {
            if line.body.contains("rspamd_task_write_log: ") {
                return Read::Torn { expected: "`(default: <T|F> (<action>): [<score>/<required>] [<symbols>])`" };
            }
            let of_the_server = service::of("rspamd", line.body).into_iter().collect();
            return Read::Line { when, meaning: facts(speaker(&host), of_the_server) };
        };
        let said = task::facts(&task, line.body, &host);
        Read::Line { when, meaning: Meaning::Facts(speaker(&host), said) }
    }

    fn when(&self, text: &str, clock: &Clock) -> Option<When> {
        line(text)?.when(clock)
    }

    fn identifier(&self, host: &str, key: &str) -> Identifier {
        Identifier::QueueId { host: host.to_owned(), id: key.to_owned() }
    }
}

/// rspamd on a host.
pub(crate) fn speaker(host: &str) -> System {
    match host {
        "" => System::of(Product::Rspamd),
        host => System::at(Product::Rspamd, host),
    }
}
