//! Transcripts of swaks: a mail handed over by hand, command by command, with what the server answered.

use std::ops::Range;
use std::sync::Arc;

use evidence::{Fact, Observation, Outcome, Peer, ProbeStep, Product, Reading, SourceId, System, Unit};

use crate::page::{Page, lines};
use crate::snapshot::instant_in_name;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Transcripts of swaks.
pub(crate) struct Swaks;

impl Source for Swaks {
    fn id(&self) -> SourceId {
        "probe/swaks"
    }

    fn title(&self) -> &'static str {
        "swaks transcript"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "swaks --to {recipient} --from {sender} --server mx.example.com --tls > swaks_2026-11-21.txt 2>&1",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "when the test was made, unless the file's name says so",
            "what happened to real mail: the test comes from its own address, and a server may treat that differently",
            "that a message which was taken arrived: that is in the server's log, by the id of its last answer",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let has = |prefix: &str| head.text.lines().take(200).any(|line| line.starts_with(prefix));
        let is_talk = [" -> ", "<-  ", "<** ", "*** "].iter().any(|prefix| has(prefix));
        if has("=== Trying ") && is_talk { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Swaks {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let mut page = Page::of(input)?;
        let text = page.text();
        let when = instant_in_name(&input.name, query.clock);
        let mut reading = Reading::default();
        for row in rows(&text) {
            reading.rows += 1;
            let cite = page.cite(row.span);
            let Some(step) = row.step else {
                reading.pass_over("line without an answer", 1, Some(cite));
                continue;
            };
            reading.observed += 1;
            when.iter().for_each(|when| reading.covers(when.at));
            let speaker = System::of(Product::Other("swaks".to_owned()));
            let (when, about, fact) = (when.clone(), Arc::default(), Fact::Probe(step));
            reading.observations.push(Observation { cite, when, speaker, about, fact });
        }
        query.progress.advance(input.bytes.len() as u64);
        Ok(reading)
    }
}

/// A command with its answer, or a line that stands by itself.
struct Row {
    span: Range<usize>,
    step: Option<ProbeStep>,
}

/// What is being read.
#[derive(Default)]
struct Talk {
    target: Option<Peer>,
    /// The lines of a command and of what answers it.
    span: Option<Range<usize>>,
    command: String,
    reply: Vec<String>,
    in_message: bool,
    /// Whether the server asked for a user name or a password: what is sent then is not repeated.
    in_sign_in: bool,
    rows: Vec<Row>,
}

fn rows(text: &str) -> Vec<Row> {
    let mut talk = Talk::default();
    for (span, line) in lines(text).filter(|(_, line)| !line.trim().is_empty()) {
        if let Some(sent) = line.strip_prefix(" -> ").or_else(|| line.strip_prefix(" ~> ")) {
            talk.sent(span, sent);
        } else if let Some(answer) =
            ["<-  ", "<~  ", "<** ", "<~* "].iter().find_map(|prefix| line.strip_prefix(prefix))
        {
            talk.answered(span, answer);
        } else {
            talk.close();
            talk.remarked(span, line);
        }
    }
    talk.close();
    talk.rows
}

impl Talk {
    fn sent(&mut self, span: Range<usize>, command: &str) {
        if !self.reply.is_empty() {
            self.close();
        }
        match &mut self.span {
            Some(whole) => whole.end = span.end,
            None => {
                self.command = match command.trim() {
                    _ if self.in_message => "message".to_owned(),
                    _ if self.in_sign_in => "AUTH".to_owned(),
                    command if command.to_ascii_uppercase().starts_with("AUTH") => {
                        command.split(' ').take(2).collect::<Vec<_>>().join(" ")
                    }
                    command => command.to_owned(),
                };
                self.span = Some(span);
            }
        }
    }

    fn answered(&mut self, span: Range<usize>, answer: &str) {
        match &mut self.span {
            Some(whole) => whole.end = span.end,
            // The server speaks first.
            None => {
                self.command = "greeting".to_owned();
                self.span = Some(span);
            }
        }
        self.reply.push(answer.trim().to_owned());
    }

    /// A line of swaks itself: `=== ` reports, `*** ` complains.
    fn remarked(&mut self, span: Range<usize>, line: &str) {
        let report = line.strip_prefix("=== ").map(str::trim);
        if let Some(target) = report.and_then(|report| report.strip_prefix("Trying ")) {
            self.target = Some(peer(target.trim_end_matches('.')));
            self.in_message = false;
        }
        let step = match (report, line.strip_prefix("*** ")) {
            (Some(report), _) if report.starts_with("Connected to") => Some(("connect", Outcome::Accepted, report)),
            (Some(report), _) if report.starts_with("TLS started") => Some(("tls", Outcome::Accepted, report)),
            (_, Some(fault)) if fault.trim_start().starts_with("TLS") => Some(("tls", Outcome::Refused, fault.trim())),
            (_, Some(fault)) if fault.starts_with("Error connecting") => {
                Some(("connect", Outcome::Refused, fault.trim()))
            }
            (_, Some(fault)) => Some(("fault", Outcome::NotSaid, fault.trim())),
            _ => None,
        };
        let step = step.map(|(step, outcome, said)| self.step(step.to_owned(), outcome, said.to_owned()));
        self.rows.push(Row { span, step });
    }

    /// Ends a command: answered or not.
    fn close(&mut self) {
        let Some(span) = self.span.take() else { return };
        let (command, reply) = (std::mem::take(&mut self.command), std::mem::take(&mut self.reply));
        let code = reply.last().and_then(|last| last.get(..3)).and_then(|code| code.parse::<u16>().ok());
        (self.in_message, self.in_sign_in) = (code == Some(354), code == Some(334));
        let outcome = match code {
            Some(200..=399) => Outcome::Accepted,
            Some(400..=499) => Outcome::Deferred,
            Some(500..=599) => Outcome::Refused,
            _ => Outcome::NotSaid,
        };
        let word = command.split([' ', ':']).next().unwrap_or("").to_lowercase();
        let step = (!reply.is_empty()).then(|| {
            let said = if command == "greeting" || command == "message" {
                reply.join("\n")
            } else {
                format!("{command}\n{}", reply.join("\n"))
            };
            self.step(word, outcome, said)
        });
        self.rows.push(Row { span, step });
    }

    fn step(&self, step: String, outcome: Outcome, said: String) -> ProbeStep {
        let probe = "swaks".to_owned();
        ProbeStep { probe, step, target: self.target.clone(), outcome, took: None, said, details: Vec::new() }
    }
}

/// `mx.example.com:25`.
fn peer(said: &str) -> Peer {
    let (host, port) = match said.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (said, None),
    };
    let host = host.trim_matches(['[', ']']);
    let is_ip = host.parse::<std::net::IpAddr>().is_ok();
    Peer { name: (!is_ip).then(|| host.to_lowercase()), ip: is_ip.then(|| host.to_owned()), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_repeated() {
        let talk = "=== Trying mx.example.com:587...\n -> AUTH LOGIN dXNlcg==\n<-  334 UGFzc3dvcmQ6\n -> c2VjcmV0\n<** 535 5.7.8 no\n";
        let steps: Vec<ProbeStep> = rows(talk).into_iter().filter_map(|row| row.step).collect();
        let said: Vec<&str> = steps.iter().map(|step| step.said.as_str()).collect();
        assert_eq!(said, ["AUTH LOGIN\n334 UGFzc3dvcmQ6", "AUTH\n535 5.7.8 no"]);
        assert_eq!(steps.last().map(|step| step.outcome), Some(Outcome::Refused));
    }
}
