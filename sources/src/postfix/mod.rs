//! Mail logs of Postfix, with the lines of amavis and Dovecot that stand in the same syslog.

pub(crate) mod access_map;
mod amavis;
pub(crate) mod codes;
pub(crate) mod configuration;
mod door;
pub(crate) mod dovecot;
pub(crate) mod event;
pub(crate) mod facts;
mod helpers;
mod line;
mod lives;
pub(crate) mod logical;

use std::ops::Range;

use evidence::{Cite, Fact, Identifier, LooksUsed, Observation, Place, Problem, Reading, SourceId, Unit};
use rayon::prelude::*;

use crate::lines::reveal;
use crate::lines::search::{self, Log, Needles, Scan};
use crate::{
    Export, Head, Input, Likeness, MatchedBy, Message, Query, ReadError, Reader, Recognition, Source, Wanted, ZoneRule,
};
use door::Door;
use facts::{Meaning, Role};
use line::Program;
use lives::{Follow, Followed, Order, Start};

/// Mail logs of Postfix.
pub(crate) struct PostfixLog;

/// Up to this size in bytes a log is searched whole for every id, in whatever order its lines stand.
const SMALL_BYTES: usize = 64 << 20;
/// Up to this size in bytes every line's instant is read for the coverage.
const EVERY_INSTANT_BYTES: usize = 4 << 20;
/// How far in seconds an ordered log may step back.
const ORDER_SECONDS: i64 = 60;

impl Source for PostfixLog {
    fn id(&self) -> SourceId {
        "postfix/log"
    }

    fn title(&self) -> &'static str {
        "Postfix mail log"
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
            command: Some(
                "journalctl -o short-iso-precise -t postfix/smtpd -t postfix/cleanup -t postfix/qmgr -t postfix/smtp -t postfix/lmtp -t amavis -t dovecot --since {start} --until {end} > mail.log",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "`status=sent` to a filter on the same host is no delivery, and to another server no proof of a mailbox.",
            "Syslog cuts long lines and drops lines under load: a missing line is no proof of absence.",
            "Header and body content, except where a header check logged it.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let mut syslog = 0;
        let mut near = false;
        let mut fits = false;
        for text in crate::lines::journal::first_lines(head.text) {
            let Some(line) = line::line(&text) else { continue };
            syslog += usize::from(line.stamp.is_some());
            match line.program {
                Program::Postfix { .. } if line.stamp.is_some() => return Recognition::Certain,
                Program::Postfix { .. }
                | Program::Amavis
                | Program::Dovecot
                | Program::Proxmox
                | Program::Helper(_) => fits = true,
                Program::Rspamd => near = true,
                Program::Other(_) => near = true,
            }
        }
        match () {
            _ if fits => Recognition::Fits,
            _ if near && syslog > 0 => Recognition::Near { missing: "lines of `postfix/...`".to_owned() },
            _ => Recognition::No,
        }
    }
}

impl Reader for PostfixLog {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        read(input, query, SMALL_BYTES)
    }

    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        if let Wanted::Message(_) = query.wanted {
            take(self.read(input, query)?);
            return Ok(());
        }
        everything(input, &Log::of(input.bytes, &input.name)?, query, take)
    }
}

fn read(input: &Input<'_>, query: &Query<'_>, small_bytes: usize) -> Result<Reading, ReadError> {
    let log = Log::of(input.bytes, &input.name)?;
    match query.wanted {
        Wanted::Everything => {
            let mut reading = Reading::default();
            everything(input, &log, query, &mut |part| reading.absorb(part))?;
            Ok(reading)
        }
        Wanted::Message(message) => {
            let mut reading = one_message(input, &log, query, message, small_bytes)?;
            search::suspect_cut(&mut reading);
            Ok(reading)
        }
    }
}

/// Reads every line.
fn everything(
    input: &Input<'_>,
    log: &Log<'_>,
    query: &Query<'_>,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    let nothing = Needles::new([]);
    let scan = search::scan(log.bytes(), &nothing, &crate::NoProgress, &input.name)?;
    let read = |chunk| every_line(input, log, query, &scan, chunk);
    search::in_order(log.bytes(), query.progress, &input.name, read, take)
}

fn every_line(input: &Input<'_>, log: &Log<'_>, query: &Query<'_>, scan: &Scan, chunk: Range<usize>) -> Reading {
    let bytes = log.bytes();
    let mut reading = Reading::default();
    let mut start = chunk.start;
    let mut number = log.line_number(scan, start);
    while start < chunk.end {
        let range = search::line_from(bytes, start);
        if !bytes[range.clone()].iter().all(u8::is_ascii_whitespace) {
            let row = Row { input, log, range: range.clone(), number };
            row.state(query, Role::Own, &mut reading);
        }
        start = memchr::memchr(b'\n', &bytes[range.end..]).map_or(bytes.len(), |end| range.end + end + 1);
        number = match log {
            Log::Exported { .. } => log.line_number(scan, start),
            _ => number + 1,
        };
    }
    reading
}

/// Reads the lines about one message.
fn one_message(
    input: &Input<'_>,
    log: &Log<'_>,
    query: &Query<'_>,
    message: &Message,
    small_bytes: usize,
) -> Result<Reading, ReadError> {
    let bytes = log.bytes();
    let words = lives::words(message);
    let start = if words.is_empty() { Start::Looks } else { Start::Ids };
    let looks = looks_words(&message.likeness);
    let needles = match start {
        Start::Ids => Needles::new(words),
        Start::Looks | Start::Refusals => Needles::any_case(looks.iter().map(String::as_str)),
    };
    let scan = search::scan(bytes, &needles, query.progress, &input.name)?;
    let clock = ChunkClock::of(log, &scan, query);
    let order = if bytes.len() > small_bytes { clock.order() } else { Order::Any };
    let mut followed = Follow::new(log, query, message, order, start).run(&scan.hits);
    if start == Start::Ids && followed.lines.is_empty() {
        let within = if order == Order::ByTime { clock.around(&message.likeness, bytes.len()) } else { 0..bytes.len() };
        let refused = refused_unread(log, query, &looks, within);
        followed = Follow::new(log, query, message, order, Start::Refusals).run(&refused);
    }
    if query.progress.is_cancelled() {
        return Err(ReadError::Cancelled { file: input.name.to_string() });
    }

    let mut reading = Reading { rows: scan.rows, looks: LooksUsed::WithOwn, ..Reading::default() };
    coverage(log, &clock, query, &mut reading);
    for (line, role) in &followed.lines {
        row(input, log, &scan, *line).state(query, *role, &mut reading);
    }
    instances(&mut reading, &followed);
    let likeness = learnt(&message.likeness, &reading, &followed, log);
    let within = if order == Order::ByTime { clock.around(&likeness, bytes.len()) } else { 0..bytes.len() };
    let is_known = !followed.lines.is_empty();
    let door = Door { log, query, likeness: &likeness, within, clients: clients(&reading), is_known };
    reading.others_taken = door.others_taken();
    for line in door.unnamed(&reading.others_taken).iter().filter(|line| !followed.lines.contains_key(line)) {
        row(input, log, &scan, *line).state(query, Role::Own, &mut reading);
    }
    reading.observations.sort_by_key(|observation| observation.cite.bytes.start);
    reveal(&mut reading, message);
    reading.pass_over("other message", reading.rows.saturating_sub(reading.rows_accounted_for()), None);
    Ok(reading)
}

fn row<'a>(input: &'a Input<'a>, log: &'a Log<'a>, scan: &Scan, start: usize) -> Row<'a> {
    let number = log.line_number(scan, start);
    Row { input, log, range: search::line_from(log.bytes(), start), number }
}

/// The addresses of the looks, as words to look for.
fn looks_words(likeness: &Likeness) -> Vec<String> {
    likeness.senders.iter().chain(&likeness.envelope_recipients).map(|address| address.as_str().to_owned()).collect()
}

/// When the chunks of a log begin: their starts, and the instants of their first lines.
struct ChunkClock(Vec<(usize, Option<jiff::Timestamp>)>);

impl ChunkClock {
    fn of(log: &Log<'_>, scan: &Scan, query: &Query<'_>) -> ChunkClock {
        ChunkClock(scan.chunks.par_iter().map(|(start, _)| (*start, instant_at(log, *start, query))).collect())
    }

    /// Whether the first lines of all chunks stand in the order of time.
    fn order(&self) -> Order {
        let mut last = i64::MIN;
        for at in self.0.iter().filter_map(|(_, at)| *at) {
            if at.as_second() < last.saturating_sub(ORDER_SECONDS) {
                return Order::Any;
            }
            last = last.max(at.as_second());
        }
        if last == i64::MIN { Order::Any } else { Order::ByTime }
    }

    /// The part of an ordered log in which a line can lie within a day of the message.
    fn around(&self, likeness: &Likeness, end: usize) -> Range<usize> {
        let (Some(first), Some(last)) = (likeness.around.first(), likeness.around.last()) else { return 0..end };
        let day = 24 * 60 * 60 + ORDER_SECONDS;
        let is_early = |at: &jiff::Timestamp| at.as_second() < first.as_second().saturating_sub(day);
        let is_late = |at: &jiff::Timestamp| at.as_second() > last.as_second().saturating_add(day);
        let from = self.0.iter().rev().find(|(_, at)| at.as_ref().is_some_and(is_early)).map_or(0, |(start, _)| *start);
        let to = self.0.iter().find(|(_, at)| at.as_ref().is_some_and(is_late)).map_or(end, |(start, _)| *start);
        from..to.max(from)
    }
}

fn instant_at(log: &Log<'_>, start: usize, query: &Query<'_>) -> Option<jiff::Timestamp> {
    let range = search::line_from(log.bytes(), start);
    let end = range.end.min(range.start + 4096);
    let raw = log.text(range.start..end);
    line::line(&search::unwrapped(&raw))?.when(query.clock).map(|when| when.at)
}

/// The instants that the log covers: all of a small one, the first of each chunk and the last of a large one.
fn coverage(log: &Log<'_>, clock: &ChunkClock, query: &Query<'_>, reading: &mut Reading) {
    let bytes = log.bytes();
    if bytes.len() <= EVERY_INSTANT_BYTES {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
        for at in starts.filter(|start| *start < bytes.len()).filter_map(|start| instant_at(log, start, query)) {
            reading.covers(at);
        }
        return;
    }
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let last = log.line_at(end).start;
    for at in clock.0.iter().filter_map(|(_, at)| *at).chain(instant_at(log, last, query)) {
        reading.covers(at);
    }
}

/// Corrects the instance in the ids of next hops where the log shows on which instance of the host the id lives.
fn instances(reading: &mut Reading, followed: &Followed) {
    for observation in &mut reading.observations {
        let next = match &mut observation.fact {
            Fact::Handover(handover) => &mut handover.next,
            Fact::Arrival(arrival) => &mut arrival.earlier,
            _ => continue,
        };
        let Some(Identifier::QueueId { host, id }) = next else { continue };
        let label = host.split('/').next().unwrap_or(host).to_owned();
        if let Some(instance) = followed.instances.get(&(label.clone(), id.clone())) {
            *host = if instance.is_empty() { label } else { format!("{label}/{instance}") };
        }
    }
}

/// The looks of the message with what its own lines add; a notice's lines add nothing.
fn learnt(likeness: &Likeness, reading: &Reading, followed: &Followed, log: &Log<'_>) -> Likeness {
    let notices: std::collections::HashSet<u64> = followed
        .lines
        .iter()
        .filter(|(_, role)| **role == Role::Notice)
        .map(|(start, _)| log.raw(*start..*start).start)
        .collect();
    let mut likeness = likeness.clone();
    for observation in reading.observations.iter().filter(|o| !notices.contains(&o.cite.bytes.start)) {
        if let Fact::Identity(identity) = &observation.fact {
            likeness.senders.extend(identity.envelope_sender.iter().filter(|sender| !sender.is_null()).cloned());
        }
        likeness.envelope_recipients.extend(observation.about.envelope_recipients.iter().cloned());
        likeness.around.extend(observation.when.as_ref().map(|when| when.at));
    }
    likeness
}

/// Whence the message came to this log's hosts, and when.
fn clients(reading: &Reading) -> Vec<(String, jiff::Timestamp)> {
    let arrivals = reading.observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Arrival(arrival) => Some((arrival.client.as_ref()?.ip.clone()?, observation.when.as_ref()?.at)),
        _ => None,
    });
    arrivals.collect()
}

/// The lines by which a message with a queue id was refused or thrown away, of those that name one of the addresses.
fn refused_unread(log: &Log<'_>, query: &Query<'_>, looks: &[String], within: Range<usize>) -> Vec<usize> {
    let Ok(looks) = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(looks) else {
        return Vec::new();
    };
    let keep = |line: &[u8]| looks.is_match(line) && memchr::memmem::find(line, b"NOQUEUE").is_none();
    search::find_kept(log.bytes(), within, &Needles::new(["reject", "discard"]), &keep, query.progress)
}

/// One line and its place.
struct Row<'a> {
    input: &'a Input<'a>,
    log: &'a Log<'a>,
    range: Range<usize>,
    number: u64,
}

impl Row<'_> {
    /// Puts the line into one heap of the reading.
    fn state(&self, query: &Query<'_>, role: Role, reading: &mut Reading) {
        let plain = self.log.text(self.range.clone());
        let text = search::unwrapped(&plain);
        let raw = self.log.raw_text(self.range.clone());
        let Some(line) = line::line(&text) else {
            reading.problems.push(Problem {
                cite: self.cite(&raw, ""),
                expected: "`<time> <host> <program>[<pid>]: <text>`".to_owned(),
                found: crate::text::first_words(&raw),
            });
            return;
        };
        let when = line.when(query.clock);
        if let Some(when) = &when {
            reading.covers(when.at);
        }
        match facts::meaning(&line, role) {
            Meaning::PassedOver(reason) => {
                let is_first = !reading.passed_over.iter().any(|heap| heap.reason == reason);
                reading.pass_over(reason, 1, is_first.then(|| self.cite(&raw, "")));
            }
            Meaning::Facts(speaker, said) => {
                reading.observed += 1;
                reading.observations.extend(said.into_iter().map(|said| Observation {
                    cite: self.cite(&raw, said.word),
                    when: when.clone(),
                    speaker: speaker.clone(),
                    about: said.about.into(),
                    fact: said.fact,
                }));
            }
        }
    }

    /// A cite of the line with the deciding word marked.
    fn cite(&self, text: &str, word: &str) -> Cite {
        let cite = Cite::new(self.input.name.clone(), Place::Line(self.number), self.log.raw(self.range.clone()), text);
        if word.is_empty() || matches!(self.log, Log::Exported { .. }) {
            return cite;
        }
        match memchr::memmem::find(&self.log.bytes()[self.range.clone()], word.as_bytes()) {
            Some(at) => {
                let start = self.range.start + at;
                cite.marked(self.log.raw(start..start + word.len()))
            }
            None => cite,
        }
    }
}

#[cfg(test)]
mod tests;
