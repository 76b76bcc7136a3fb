//! `mail_logs` of Cisco Secure Email Gateway, and its consolidated events.

mod event;
mod facts;
mod line;

use std::sync::LazyLock;

use evidence::{Identifier, Product, Reading, SourceId, System, Unit, When};

use crate::codes::Codes;
use crate::lines::{self, Around, LineLog, Meaning, Names, Read, Seen, envelope};
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use event::Event;
use line::{Line, Text};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// `mail_logs` of Cisco Secure Email Gateway.
pub(crate) struct EsaLog;

impl Source for EsaLog {
    fn id(&self) -> SourceId {
        "cisco/esa-log"
    }

    fn title(&self) -> &'static str {
        "Cisco Secure Email Gateway mail log"
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
            command: Some("findevent -i '{message_id}' mail_logs"),
            clicks: Some(
                "System Administration > Log Subscriptions > mail_logs: download the files of the day; Monitor > Message Tracking shows the same lines, a message at a time",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "`Message done` proves that the next server took the message, no mailbox; which server it was stands in the line of its DCID.",
            "An interim verdict may still change; a policy may do nothing about a positive one.",
            "MIDs start anew after a reset and are the same on other appliances: lines of several appliances without host names cannot be told apart.",
            "Who released a message by hand: the quarantine's own log says it.",
            "Log files roll over by size: 10 files of 10 MB by default.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let mut best = Recognition::No;
        for text in lines::journal::first_lines(head.text) {
            let Some(line) = line::line(&text) else { continue };
            match line.text {
                Text::Event(_) => return Recognition::Certain,
                Text::Mail(text) if is_mail(text) => return Recognition::Certain,
                Text::Mail(_) if !line.stamp.is_empty() && best == Recognition::No => {
                    best = Recognition::Near { missing: "lines with `MID`, `ICID` or `DCID`".to_owned() };
                }
                Text::Mail(_) => {}
            }
        }
        best
    }
}

impl Reader for EsaLog {
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

fn is_mail(text: &str) -> bool {
    ["MID", "ICID", "DCID"].iter().any(|word| line::number(text, word).is_some())
}

impl LineLog for EsaLog {
    const NAMING: &'static [&'static str] = &["RID", "New SMTP DCID"];

    fn name(&self, text: &str, names: &mut Names) {
        if let Some(Line { text: Text::Mail(text), .. }) = line::line(text) {
            facts::name(text, names);
        }
    }

    fn see(&self, text: &str, clock: &Clock) -> Option<Seen> {
        let line = line::line(text)?;
        let mut seen = Seen { host: label(line.host), at: when(&line, clock).map(|when| when.at), ..Seen::default() };
        match line.text {
            Text::Mail(text) => facts::see(text, &mut seen),
            Text::Event(text) => event::see(&Event::of(text), &mut seen),
        }
        Some(seen)
    }

    fn say<'t>(&self, text: &'t str, around: &Around<'_>) -> Read<'t> {
        let Some(line) = line::line(text) else {
            if envelope::split(text).is_some() {
                return Read::Line { when: None, meaning: Meaning::PassedOver("other daemon") };
            }
            return Read::Torn { expected: "`<time> [<host>] [<log>:] <level>: <text>`, or a CEF record of Cisco's" };
        };
        let when = when(&line, around.clock);
        let host = if line.host.is_empty() { around.host.to_owned() } else { label(line.host) };
        let speaker = match host.as_str() {
            "" => System::of(Product::CiscoSecureEmail),
            host => System::at(Product::CiscoSecureEmail, host),
        };
        let said = match line.text {
            Text::Event(text) => Ok(event::said(&Event::of(text), &host)),
            Text::Mail(text) => {
                facts::said(text, &facts::Context { host: &host, role: around.role, names: around.names })
            }
        };
        let meaning = match said {
            Ok(said) => lines::facts(speaker, said),
            Err(reason) => Meaning::PassedOver(reason),
        };
        Read::Line { when, meaning }
    }

    fn when(&self, text: &str, clock: &Clock) -> Option<When> {
        when(&line::line(text)?, clock)
    }

    fn identifier(&self, host: &str, key: &str) -> Identifier {
        key_id(host, key)
    }
}

/// The id that `MID 12` of an appliance stands for; the word belongs to it, so that no queue id is taken for it.
fn key_id(host: &str, key: &str) -> Identifier {
    Identifier::QueueId { host: host.to_owned(), id: key.to_owned() }
}

fn label(host: &str) -> String {
    match host.parse::<std::net::IpAddr>() {
        Ok(_) => host.to_owned(),
        Err(_) => host.split('.').next().unwrap_or(host).to_ascii_lowercase(),
    }
}

/// The instant: of an event its own, else that of the line.
fn when(line: &Line<'_>, clock: &Clock) -> Option<When> {
    let own = match line.text {
        Text::Event(text) => Event::of(text).stamp().and_then(|stamp| line::when(stamp, clock)),
        Text::Mail(_) => None,
    };
    own.or_else(|| line::when(line.stamp, clock).filter(|_| !line.stamp.is_empty()))
}

#[cfg(test)]
mod tests;
