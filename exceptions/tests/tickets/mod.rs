//! The tickets of `cases/`, followed: evidence and options as they stand there (format: `cases/README.md`).

#![allow(dead_code)] // Each test binary uses its own part.

use std::fs;
use std::path::Path;

use evidence::{Address, Identifier};
use exceptions::{Cure, Need, World, propose};
use findings::Scene;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress};

/// One ticket: its evidence, and what its `expected` block asks for.
pub struct Ticket {
    /// File name without `.md`.
    pub name: String,
    /// Name and text of each file.
    pub evidence: Vec<(String, String)>,
    /// Options such as `("message-id", "<...>")`.
    pub options: Vec<(String, String)>,
    /// What each section takes away, and says then; the first takes nothing.
    pub sections: Vec<(Vec<Gone>, Vec<String>)>,
}

/// A file, or one line of it, that a section takes away.
pub type Gone = (String, Option<usize>);

/// All tickets, by name.
pub fn tickets() -> Vec<Ticket> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "md") && !file.ends_with("README.md"));
    files.sort();
    let named = std::env::var("TICKETS").unwrap_or_default();
    let text = |file: &Path| fs::read_to_string(file).unwrap();
    let tickets = files.iter().map(|file| ticket(&file.file_stem().unwrap().to_string_lossy(), &text(file)));
    tickets.filter(|ticket| ticket.name.contains(&named)).collect()
}

/// Reads one ticket.
pub fn ticket(name: &str, text: &str) -> Ticket {
    let mut ticket =
        Ticket { name: name.to_owned(), evidence: vec![], options: vec![], sections: vec![Default::default()] };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if info != "expected" {
            let name = info.split_whitespace().nth(1).expect("a file name").to_owned();
            ticket.evidence.push((name, block.join("\n") + "\n"));
            continue;
        }
        for line in block {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            if key == "without" {
                ticket.sections.push((value.split(',').map(gone).collect(), vec![]));
                continue;
            }
            let options = ["message-id", "sender", "recipient", "subject", "at", "tz", "now"];
            match options.contains(&key) {
                true => ticket.options.push((key.to_owned(), value.trim().to_owned())),
                false => ticket.sections.last_mut().unwrap().1.push(line.to_owned()),
            }
        }
    }
    ticket
}

fn gone(place: &str) -> Gone {
    let place = place.trim();
    match place.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => (file.to_owned(), line.parse().ok()),
        _ => (place.to_owned(), None),
    }
}

/// What was found out about a ticket.
pub struct Followed {
    pub lake: Lake,
    pub needs: Vec<Need>,
    pub cures: Vec<Cure>,
    pub now: Option<Timestamp>,
}

impl Followed {
    /// What is known beside a candidate.
    pub fn world(&self) -> World<'_> {
        World { lake: &self.lake, needs: &self.needs, now: self.now }
    }
}

impl Ticket {
    fn option(&self, name: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The evidence without what a section takes away.
    pub fn without(&self, gone: &[Gone]) -> Vec<(String, String)> {
        let is_gone = |file: &str, line: Option<usize>| gone.iter().any(|(name, at)| name == file && *at == line);
        let left = self.evidence.iter().filter(|(name, _)| !is_gone(name, None));
        let lines = left.map(|(name, text)| {
            let kept = text.lines().enumerate().filter(|(at, _)| !is_gone(name, Some(at + 1)));
            (name.clone(), kept.flat_map(|(_, line)| [line, "\n"]).collect())
        });
        lines.collect()
    }

    /// The same ticket with one more file.
    pub fn with(mut self, name: &str, text: &str) -> Ticket {
        self.evidence.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Follows the message; `None` if the ticket is about several messages, or none.
    pub fn follow(&self) -> Option<Followed> {
        self.follow_in(&self.evidence)
    }

    /// Follows the message in other evidence.
    pub fn follow_in(&self, evidence: &[(String, String)]) -> Option<Followed> {
        let zone = self.option("tz").next().unwrap_or("UTC");
        let zone = jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(zone).unwrap();
        let instant = |text: &str| -> Timestamp {
            let civil = |text: &str| text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap();
            text.parse().unwrap_or_else(|_| civil(text).timestamp())
        };
        let now = instant(self.option("now").next().unwrap_or("2026-11-20T08:00:00Z"));
        let at = self.option("at").next().map(instant);
        let reference = at.unwrap_or(now - SignedDuration::from_hours(24 * 181));
        let clock = Clock { zone: zone.clone(), zone_label: "UTC".to_owned(), reference };
        let inputs: Vec<Input<'_>> =
            evidence.iter().map(|(name, text)| Input { name: name.as_str().into(), bytes: text.as_bytes() }).collect();
        let mut message = Message::default();
        message.ids.extend(self.option("message-id").filter_map(Identifier::message_id));
        message.likeness.senders.extend(self.option("sender").map(Address::new));
        let recipients: Vec<Address> = self.option("recipient").map(Address::new).collect();
        message.likeness.envelope_recipients.extend(recipients.iter().cloned());
        message.likeness.subjects.extend(self.option("subject").map(str::to_owned));
        message.likeness.around.extend(at);
        let readings = sources::read_all(&inputs, message, &clock, &NoProgress).ok()?;
        let lake = Lake::of(readings);
        let trace = trace::follow(&lake, &recipients, &[]);
        let copies = layers::explain(&trace, &lake);
        let scene = Scene { lake: &lake, trace: &trace, copies: &copies, now: Some(now) };
        let found = findings::find(&scene);
        let needs = Need::of(&scene, &found.answers, &found.findings);
        let cures = propose(&needs, &World { lake: &lake, needs: &needs, now: Some(now) });
        Some(Followed { needs, cures, now: Some(now), lake })
    }
}

/// A clock in UTC.
pub fn utc(reference: Timestamp) -> Clock {
    Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}
