//! Reads line logs: what a line states, and which lines are about the message, in bounded memory.
//!
//! A kind says what one line states ([`LineLog::say`]) and which ids stand in it ([`LineLog::see`]). The rest is the
//! same for all: the log is searched for the words of the message, the lines found bring further ids, which are
//! searched for in turn. Only lines of the message are ever held.

pub(crate) mod envelope;
mod follow;
pub(crate) mod journal;
pub(crate) mod search;
pub(crate) mod service;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use evidence::{
    Address, Cite, CopyKey, Fact, Identifier, LooksUsed, Observation, Place, Problem, Reading, System, When,
};
use jiff::Timestamp;

use crate::{Clock, Input, Likeness, Message, Query, ReadError, Wanted};
use follow::{Follow, Own};
use search::{Log, Needles, Scan};

/// What one line states.
pub(crate) enum Meaning<'t> {
    /// Facts, at least one.
    Facts(System, Vec<Said<'t>>),
    /// Nothing about a message's fate, and why.
    PassedOver(&'static str),
}

/// One fact, about which copies, and the deciding word of the line.
pub(crate) struct Said<'t> {
    /// The copies.
    pub(crate) about: CopyKey,
    /// The fact.
    pub(crate) fact: Fact,
    /// The word of the line that says it.
    pub(crate) word: &'t str,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The followed message.
    Own,
    /// A notice that was made for it: a message of its own, which must not be taken for the followed one.
    Notice,
}

/// What a line says, as far as it can be read.
pub(crate) enum Read<'t> {
    /// Not a line of this kind.
    Torn {
        /// What a line has to be.
        expected: &'static str,
    },
    /// A line.
    Line {
        /// Its instant.
        when: Option<When>,
        /// What it states.
        meaning: Meaning<'t>,
    },
}

/// What stands around a line.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    /// Zone and year.
    pub(crate) clock: &'a Clock,
    /// Whose line it is.
    pub(crate) role: Role,
    /// The host for lines that name none: known from other files, else empty.
    pub(crate) host: &'a str,
    /// What the log calls by numbers of its own: recipients, by their place in a message.
    pub(crate) names: &'a Names,
}

/// Names that a log gives once and then repeats by number.
pub(crate) type Names = HashMap<String, String>;

/// What a line says about ids: of whom it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// First label of the host's name; empty where lines name none.
    pub(crate) host: String,
    /// The instant.
    pub(crate) at: Option<Timestamp>,
    /// Ids that name one message on this host, spelt so that they can be searched for: `MID 12`.
    pub(crate) keys: Vec<String>,
    /// Ids of a session, which may carry several messages: a line that has no other id belongs to all of them.
    pub(crate) sessions: Vec<String>,
    /// Message-IDs, without brackets.
    pub(crate) message_ids: Vec<String>,
    /// Further keys that the line ties to its own.
    pub(crate) links: Vec<(String, Role)>,
    /// Ids that another system gave the message, which may be used again: they are believed where no Message-ID speaks
    /// against it, and lead to no other line.
    pub(crate) borrowed: Vec<String>,
    /// Keys whose message this line is tied to, and as what: the line of a notice names what it is about.
    pub(crate) parents: Vec<(String, Role)>,
    /// Whether the life of the keys, or of the session, starts here.
    pub(crate) begins: bool,
    /// Envelope senders.
    pub(crate) senders: Vec<Address>,
    /// Envelope recipients.
    pub(crate) recipients: Vec<Address>,
}

/// What one kind of line log adds to the common way of reading.
pub(crate) trait LineLog: Sync {
    /// Words of which a line without any id holds one if it can be about a message all the same (a refusal).
    const UNNAMED: &'static [&'static str] = &[];

    /// Words of the lines that give names; none if the log repeats them in full.
    const NAMING: &'static [&'static str] = &[];

    /// Notes the name that a line gives.
    fn name(&self, _text: &str, _names: &mut Names) {}

    /// What a line says about ids; `None` if it cannot be about a message. A record of several lines is given whole.
    fn see(&self, text: &str, clock: &Clock) -> Option<Seen>;

    /// What a line states.
    fn say<'t>(&self, text: &'t str, around: &Around<'_>) -> Read<'t>;

    /// The instant of a line.
    fn when(&self, text: &str, clock: &Clock) -> Option<When>;

    /// The id that a key stands for.
    fn identifier(&self, host: &str, key: &str) -> Identifier;

    /// Whether a line goes on with the record that stands above it.
    fn continues(&self, _line: &[u8]) -> bool {
        false
    }
}

/// Up to this size in bytes every line's instant is read for the coverage.
const EVERY_INSTANT_BYTES: usize = 4 << 20;
/// How long a record of several lines may be.
const MAX_RECORD_BYTES: usize = 64 << 10;
/// How many names are held at most.
const MAX_NAMES: usize = 2_000_000;
/// Why the further lines of a record are left out.
const PART: &str = "part of the record above";

/// Reads a line log.
///
/// # Errors
/// [`ReadError`] if the bytes are no text, or [`ReadError::Cancelled`].
pub(crate) fn read<K: LineLog>(kind: &K, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
    let log = Log::of(input.bytes, &input.name)?;
    let file = File { kind, input, log: &log, query };
    match query.wanted {
        Wanted::Everything => {
            let mut reading = Reading::default();
            file.everything(&mut |part| reading.absorb(part))?;
            Ok(reading)
        }
        Wanted::Message(message) => {
            let mut reading = file.one_message(message)?;
            search::suspect_cut(&mut reading);
            Ok(reading)
        }
    }
}

/// Reads every line of a log, part after part.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_in_parts<K: LineLog>(
    kind: &K,
    input: &Input<'_>,
    query: &Query<'_>,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    if let Wanted::Message(_) = query.wanted {
        take(read(kind, input, query)?);
        return Ok(());
    }
    let log = Log::of(input.bytes, &input.name)?;
    File { kind, input, log: &log, query }.everything(take)
}

/// Line numbers of lines that come one after the other: what lies between two of them is counted once.
#[derive(Default)]
struct Counted {
    last: Option<(usize, u64)>,
}

/// Beyond this distance in bytes a line number is counted from the start of its chunk.
const NEAR_BYTES: usize = 64 << 10;

impl Counted {
    fn number(&mut self, log: &Log<'_>, scan: &Scan, start: usize) -> u64 {
        let number = match self.last {
            Some((last, number))
                if last <= start && start - last < NEAR_BYTES && !matches!(log, Log::Exported { .. }) =>
            {
                number + memchr::memchr_iter(b'\n', &log.bytes()[last..start]).count() as u64
            }
            _ => log.line_number(scan, start),
        };
        self.last = Some((start, number));
        number
    }
}

/// Whose line it is, and what is known of its message.
struct Whose<'a> {
    role: Role,
    host: &'a str,
    /// Ids for a line without ids of its own.
    of: &'a [Identifier],
    names: &'a Names,
}

/// One log, and what is asked of it.
struct File<'a, K> {
    kind: &'a K,
    input: &'a Input<'a>,
    log: &'a Log<'a>,
    query: &'a Query<'a>,
}

impl<K: LineLog> File<'_, K> {
    /// Reads every line, chunks in parallel.
    fn everything(&self, take: &mut dyn FnMut(Reading)) -> Result<(), ReadError> {
        let bytes = self.log.bytes();
        let scan = search::scan(bytes, &Needles::new([]), &crate::NoProgress, &self.input.name)?;
        let mut names = Names::new();
        let naming = Needles::new(K::NAMING.iter().copied());
        for start in search::find(bytes, 0..bytes.len(), &naming, self.query.progress) {
            self.name(start, &mut names);
        }
        let read = |chunk| self.every_line(&scan, chunk, &names);
        search::in_order(bytes, self.query.progress, &self.input.name, read, take)
    }

    fn every_line(&self, scan: &Scan, chunk: Range<usize>, names: &Names) -> Reading {
        let whole = Whose { role: Role::Own, host: "", of: &[], names };
        let bytes = self.log.bytes();
        let mut reading = Reading::default();
        let mut start = chunk.start;
        let mut number = self.log.line_number(scan, start);
        while start < chunk.end {
            let range = search::line_from(bytes, start);
            let line = &bytes[range.clone()];
            if !line.iter().all(u8::is_ascii_whitespace) {
                match self.kind.continues(line) {
                    true => reading.pass_over(PART, 1, None),
                    false => self.state(start, number, &whole, &mut reading),
                }
            }
            start = search::next_line(bytes, range.end);
            number = match self.log {
                Log::Exported { .. } => self.log.line_number(scan, start),
                _ => number + 1,
            };
        }
        reading
    }

    /// Reads the lines about one message.
    fn one_message(&self, message: &Message) -> Result<Reading, ReadError> {
        let bytes = self.log.bytes();
        let words = follow::words(message);
        let by_ids = !words.is_empty();
        let needles = match by_ids {
            true => Needles::new(words),
            false => Needles::any_case(looks_words(&message.likeness).iter().map(String::as_str)),
        };
        let scan = search::scan(bytes, &needles, self.query.progress, &self.input.name)?;
        let own = Follow::new(self, message, by_ids).run(&scan.hits);
        if self.query.progress.is_cancelled() {
            return Err(ReadError::Cancelled { file: self.input.name.to_string() });
        }
        let looks = if K::UNNAMED.is_empty() { LooksUsed::AsAsked } else { LooksUsed::WithOwn };
        let mut reading = Reading { rows: scan.rows, looks, ..Reading::default() };
        self.coverage(&scan, &mut reading);
        let mut names = Names::new();
        own.lines.keys().filter(|_| !K::NAMING.is_empty()).for_each(|start| self.name(*start, &mut names));
        let mut counted = Counted::default();
        for (start, line) in &own.lines {
            let whose = Whose { role: line.role, host: &own.host, of: &line.of, names: &names };
            let number = counted.number(self.log, &scan, *start);
            self.state(*start, number, &whose, &mut reading);
        }
        let likeness = learnt(&message.likeness, &reading, &own, self.log);
        for start in self.unnamed(&likeness).into_iter().filter(|start| !own.lines.contains_key(start)) {
            let whose = Whose { role: Role::Own, host: &own.host, of: &[], names: &names };
            self.state(start, self.log.line_number(&scan, start), &whose, &mut reading);
        }
        reading.observations.sort_by_key(|observation| observation.cite.bytes.start);
        reveal(&mut reading, message);
        reading.pass_over("other message", reading.rows.saturating_sub(reading.rows_accounted_for()), None);
        Ok(reading)
    }

    /// Notes the name that a line gives.
    fn name(&self, start: usize, names: &mut Names) {
        if names.len() < MAX_NAMES {
            let raw = self.log.text(search::line_from(self.log.bytes(), start));
            self.kind.name(&search::unwrapped(&raw), names);
        }
    }

    /// Puts the record that starts at `start` into one heap of the reading.
    fn state(&self, start: usize, number: u64, whose: &Whose<'_>, reading: &mut Reading) {
        let range = self.record(start);
        let line = self.log.text(range.clone());
        let text = search::unwrapped(&line);
        let raw = self.log.raw_text(range.clone());
        let around = Around { clock: self.query.clock, role: whose.role, host: whose.host, names: whose.names };
        let place = Place::Line(number);
        let cite = |word: &str| {
            let cite = Cite::new(self.input.name.clone(), place, self.log.raw(range.clone()), &raw);
            match memchr::memmem::find(&self.log.bytes()[range.clone()], word.as_bytes()) {
                Some(at) if !word.is_empty() && !matches!(self.log, Log::Exported { .. }) => {
                    cite.marked(self.log.raw(range.start + at..range.start + at + word.len()))
                }
                _ => cite,
            }
        };
        let (when, meaning) = match self.kind.say(&text, &around) {
            Read::Line { when, meaning } => (when, meaning),
            Read::Torn { expected } => {
                let found = crate::text::first_words(&raw);
                reading.problems.push(Problem { cite: cite(""), expected: expected.to_owned(), found });
                return;
            }
        };
        if let Some(when) = &when {
            reading.covers(when.at);
        }
        match meaning {
            Meaning::PassedOver(reason) => {
                let is_first = !reading.passed_over.iter().any(|heap| heap.reason == reason);
                reading.pass_over(reason, 1, is_first.then(|| cite("")));
            }
            Meaning::Facts(speaker, said) => {
                reading.observed += 1;
                for mut said in said {
                    if said.about.ids.is_empty() {
                        said.about.ids.extend(whose.of.iter().cloned());
                    }
                    reading.observations.push(Observation {
                        cite: cite(said.word),
                        when: when.clone(),
                        speaker: speaker.clone(),
                        about: said.about.into(),
                        fact: said.fact,
                    });
                }
            }
        }
    }

    /// The record that starts at `start`: its line, and the lines that go on with it.
    fn record(&self, start: usize) -> Range<usize> {
        let bytes = self.log.bytes();
        let mut range = search::line_from(bytes, start);
        loop {
            let next = search::next_line(bytes, range.end);
            if next >= bytes.len() || next - start > MAX_RECORD_BYTES {
                return range;
            }
            let line = search::line_from(bytes, next);
            if line.is_empty() || !self.kind.continues(&bytes[line.clone()]) {
                return range;
            }
            range.end = line.end;
        }
    }

    /// The start of the record to which the line at `start` belongs; `None` if it lies too far above. `last` is a line
    /// above and the start of its record, so that no line is walked over twice.
    fn record_start(&self, start: usize, last: Option<(usize, Option<usize>)>) -> Option<usize> {
        let bytes = self.log.bytes();
        let mut at = start;
        while self.kind.continues(&bytes[search::line_from(bytes, at)]) {
            if let Some((line, record)) = last
                && at <= line
            {
                return record.filter(|record| start - record < MAX_RECORD_BYTES);
            }
            if at == 0 || start - at >= MAX_RECORD_BYTES {
                return None;
            }
            at = self.log.line_at(at - 1).start;
        }
        Some(at)
    }

    fn see(&self, start: usize) -> Option<Seen> {
        let raw = self.log.text(self.record(start));
        self.kind.see(&search::unwrapped(&raw), self.query.clock)
    }

    fn instant_at(&self, start: usize) -> Option<Timestamp> {
        let range = search::line_from(self.log.bytes(), start);
        let raw = self.log.text(range.start..range.end.min(range.start + 4096));
        self.kind.when(&search::unwrapped(&raw), self.query.clock).map(|when| when.at)
    }

    /// The instants that the log covers: all of a small one, the first of each chunk and the last of a large one.
    fn coverage(&self, scan: &Scan, reading: &mut Reading) {
        let bytes = self.log.bytes();
        if bytes.len() <= EVERY_INSTANT_BYTES {
            let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
            for at in starts.filter(|start| *start < bytes.len()).filter_map(|start| self.instant_at(start)) {
                reading.covers(at);
            }
            return;
        }
        let end = bytes.len() - bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let last = self.log.line_at(end).start;
        for at in scan.chunks.iter().map(|(start, _)| *start).chain([last]).filter_map(|at| self.instant_at(at)) {
            reading.covers(at);
        }
    }

    /// The lines without ids that look like the message.
    fn unnamed(&self, likeness: &Likeness) -> Vec<usize> {
        let words = looks_words(likeness);
        if K::UNNAMED.is_empty() || words.is_empty() {
            return Vec::new();
        }
        let Ok(looks) = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(&words) else {
            return Vec::new();
        };
        let bytes = self.log.bytes();
        let needles = Needles::new(K::UNNAMED.iter().copied());
        let keep = |line: &[u8]| looks.is_match(line);
        let mut lines = search::find_kept(bytes, 0..bytes.len(), &needles, &keep, self.query.progress);
        lines.retain(|start| {
            self.see(*start).is_some_and(|seen| {
                let unnamed = seen.keys.is_empty() && seen.message_ids.is_empty();
                unnamed && likeness.fits(&seen.senders, &seen.recipients, None, seen.at)
            })
        });
        lines
    }
}

/// The addresses of the looks, as words to look for.
fn looks_words(likeness: &Likeness) -> Vec<String> {
    let all = likeness.senders.iter().chain(&likeness.envelope_recipients).map(Address::as_str);
    all.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The looks of the message with what its own lines add; a notice's lines add nothing.
fn learnt(likeness: &Likeness, reading: &Reading, own: &Own, log: &Log<'_>) -> Likeness {
    let notices = own.lines.iter().filter(|(_, line)| line.role == Role::Notice);
    let notices: HashSet<u64> = notices.map(|(start, _)| log.raw(*start..*start).start).collect();
    let mut likeness = likeness.clone();
    for observation in reading.observations.iter().filter(|said| !notices.contains(&said.cite.bytes.start)) {
        if let Fact::Identity(identity) = &observation.fact {
            likeness.senders.extend(identity.envelope_sender.iter().filter(|sender| !sender.is_null()).cloned());
        }
        likeness.envelope_recipients.extend(observation.about.envelope_recipients.iter().cloned());
        likeness.around.extend(observation.when.as_ref().map(|when| when.at));
    }
    likeness
}

/// Names the ids that the kept lines brought.
pub(crate) fn reveal(reading: &mut Reading, message: &Message) {
    let mut ids: Vec<Identifier> = Vec::new();
    for observation in &reading.observations {
        ids.extend(observation.about.ids.iter().cloned());
        match &observation.fact {
            Fact::Handover(handover) => ids.extend(handover.next.clone()),
            Fact::Arrival(arrival) => ids.extend(arrival.earlier.clone()),
            Fact::Release(release) => ids.extend(release.next.clone()),
            Fact::NoticeSent { notice } => ids.extend(notice.clone()),
            _ => {}
        }
    }
    let mut known: HashSet<Identifier> = reading.revealed.iter().cloned().collect();
    for id in ids {
        if !message.ids.contains(&id) && known.insert(id.clone()) {
            reading.revealed.push(id);
        }
    }
}

/// Facts, or why there are none.
pub(crate) fn facts(speaker: System, said: Vec<Said<'_>>) -> Meaning<'_> {
    match said.is_empty() {
        true => Meaning::PassedOver("service message"),
        false => Meaning::Facts(speaker, said),
    }
}

#[cfg(test)]
mod tests;
