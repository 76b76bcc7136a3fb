//! Reads the rows of one Mimecast file: splits, parses, keeps what is about the message, accounts for all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use evidence::{
    Address, Cite, CopyKey, Fact, Identifier, Identity, Observation, Problem, Product, Reading, System, When,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::values::{Object, address, addresses, direction, subject, text_at};
use crate::records::parts::{PART_BYTES, Parts, in_order};
use crate::records::{Grammar, Record, Records, Sieve, Splitter};
use crate::text::{self, Encoding, first_words};
use crate::{Input, MatchedBy, Message, Progress, Query, ReadError, Wanted};

/// One row, read.
pub(super) enum Parsed {
    /// It states something.
    Row(Box<Row>),
    /// It is left out on purpose, for this reason.
    Pass(&'static str),
    /// It cannot be read.
    Torn {
        /// What was expected there.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// What one row states.
#[derive(Debug)]
pub(super) struct Row {
    /// Ids of the message.
    pub(super) ids: Vec<Identifier>,
    /// Envelope sender and header_from.
    pub(super) senders: Vec<Address>,
    /// Envelope recipients.
    pub(super) recipients: Vec<Address>,
    /// Subject, decoded.
    pub(super) subject: Option<String>,
    /// The row's own instant.
    pub(super) when: Option<When>,
    /// Who speaks.
    pub(super) speaker: System,
    /// The facts, in the order of the message's way.
    pub(super) facts: Vec<Stated>,
}

/// One fact of a row.
#[derive(Debug)]
pub(super) struct Stated {
    fact: Fact,
    when: Option<When>,
    recipients: Option<Vec<Address>>,
    mark: Option<Range<usize>>,
}

impl Row {
    /// A row by `account`, without facts so far.
    pub(super) fn by(account: Option<String>) -> Row {
        let speaker = match account {
            Some(account) => System::at(Product::Mimecast, account),
            None => System::of(Product::Mimecast),
        };
        Row {
            ids: Vec::new(),
            senders: Vec::new(),
            recipients: Vec::new(),
            subject: None,
            when: None,
            speaker,
            facts: Vec::new(),
        }
    }

    /// A row of a list without Message-IDs, with what it says of the message itself: envelope sender and author under
    /// the keys `senders`, and `to`, `subject`, `size`, `route`, which all lists have.
    pub(super) fn listed(object: &Object, senders: [&str; 2], when: Option<When>, sent_at: Option<When>) -> Row {
        let [envelope_sender, header_from] = senders.map(|key| object.get(key).and_then(address));
        let header_from = header_from.filter(|address| !address.is_null());
        let subject = text_at(object, "subject").map(|said| subject(&said));
        let mut row = Row {
            senders: envelope_sender.iter().chain(&header_from).cloned().collect(),
            recipients: object.get("to").map(addresses).unwrap_or_default(),
            subject: subject.clone(),
            when,
            ..Row::by(None)
        };
        let identity = Identity {
            envelope_sender,
            header_from,
            subject,
            size_bytes: object.get("size").and_then(Value::as_u64),
            sent_at,
            direction: text_at(object, "route").and_then(|word| direction(&word)),
            ..Identity::default()
        };
        row.state(Fact::Identity(identity), None);
        row
    }

    /// Adds an id, once.
    pub(super) fn id(&mut self, id: Option<Identifier>) {
        if let Some(id) = id
            && !self.ids.contains(&id)
        {
            self.ids.push(id);
        }
    }

    /// States a fact at the row's own instant about the row's recipients; `mark` is the part of the record that says it.
    pub(super) fn state(&mut self, fact: Fact, mark: Option<Range<usize>>) {
        self.facts.push(Stated { fact, when: self.when.clone(), recipients: None, mark });
    }

    /// States a fact with an instant and recipients of its own.
    pub(super) fn state_at(
        &mut self,
        fact: Fact,
        when: Option<When>,
        recipients: Option<Vec<Address>>,
        mark: Option<Range<usize>>,
    ) {
        self.facts.push(Stated { fact, when, recipients, mark });
    }

    /// States a sentence that decides nothing.
    pub(super) fn note(&mut self, said: impl Into<String>, mark: Option<Range<usize>>) {
        self.state(Fact::Note { said: said.into() }, mark);
    }
}

/// How the file of one kind is read.
pub(super) struct Kind<'k> {
    /// How it is split.
    pub(super) grammar: Grammar,
    /// Whether rows may be left out unparsed by the ids that they do not hold.
    pub(super) large: Large,
    /// By what rows are matched.
    pub(super) by: MatchedBy,
    /// Reads one record; the second argument holds the columns of a CSV.
    pub(super) parse: &'k (dyn Fn(&Record, &[String]) -> Parsed + Sync),
}

/// Whether a kind has files of many gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Large {
    /// Logs: rows of other messages are not parsed.
    Yes,
    /// Answers of one call: every row is parsed.
    No,
}

/// Reads a file.
///
/// # Errors
/// [`ReadError`] if the file is empty, no text, or the user asked to stop.
pub(super) fn read(input: &Input<'_>, query: &Query<'_>, kind: &Kind<'_>) -> Result<Reading, ReadError> {
    if text::is_blank(input.bytes) {
        return Err(ReadError::Empty { file: input.name.to_string() });
    }
    let mut splitter = Splitter::new(input, kind.grammar)?;
    let parsed = match query.wanted {
        Wanted::Everything => File::parse(input, &mut splitter, query, kind, &Sieve::All)?,
        Wanted::Message(message) => closed_over(input, &mut splitter, query, kind, message)?,
    };
    let sieved = parsed.sieved;
    let mut reading = parsed.reading(input);
    let bytes = searchable(input);
    if sieved {
        cover_all(&bytes, &mut reading);
    }
    suspect_cut(&mut reading);
    admitted(&bytes, &mut reading);
    Ok(reading)
}

/// The rows of a file, and which of them are wanted.
struct File {
    records: Records,
    parsed: Vec<Parsed>,
    kept: Vec<bool>,
    revealed: Vec<Identifier>,
    sieved: bool,
}

impl File {
    fn parse(
        input: &Input<'_>,
        splitter: &mut Splitter<'_>,
        query: &Query<'_>,
        kind: &Kind<'_>,
        sieve: &Sieve,
    ) -> Result<File, ReadError> {
        let records = splitter.split(sieve, query)?;
        let mut parsed = Vec::with_capacity(records.records.len());
        for record in &records.records {
            if query.progress.is_cancelled() {
                return Err(ReadError::Cancelled { file: input.name.to_string() });
            }
            parsed.push((kind.parse)(record, &records.columns));
        }
        let kept = vec![true; parsed.len()];
        Ok(File { records, parsed, kept, revealed: Vec::new(), sieved: matches!(sieve, Sieve::AnyOf(_)) })
    }

    fn reading(self, input: &Input<'_>) -> Reading {
        let mut reading = Reading { rows: self.records.rows, revealed: self.revealed, ..Reading::default() };
        for ((record, parsed), kept) in self.records.records.iter().zip(self.parsed).zip(self.kept) {
            account(input, record, parsed, kept, &mut reading);
        }
        reading.pass_over("other message", self.records.sieved_out, None);
        reading
    }
}

/// Puts a row into its heap.
fn account(input: &Input<'_>, record: &Record, parsed: Parsed, is_kept: bool, reading: &mut Reading) {
    match parsed {
        Parsed::Torn { expected, found } => {
            reading.problems.push(Problem { cite: record.cite(&input.name), expected, found });
        }
        Parsed::Pass(reason) => reading.pass_over(reason, 1, Some(record.cite(&input.name))),
        Parsed::Row(row) => {
            if let Some(when) = &row.when {
                reading.covers(when.at);
            }
            reading.names(&row.senders, &row.recipients, row.when.as_ref().map(|when| when.at));
            if !is_kept {
                reading.pass_over("other message", 1, Some(record.cite(&input.name)));
            } else if row.facts.is_empty() {
                reading.pass_over("states nothing", 1, Some(record.cite(&input.name)));
            } else {
                reading.observed += 1;
                observe(input, record, *row, &mut reading.observations);
            }
        }
    }
}

/// Reads every row of a file, part after part; the last reading holds what there is to say of all of them.
///
/// # Errors
/// As [`read`].
pub(super) fn read_in_parts(
    input: &Input<'_>,
    query: &Query<'_>,
    kind: &Kind<'_>,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    let is_whole = text::is_blank(input.bytes) || matches!(query.wanted, Wanted::Message(_));
    let Some(parts) = (if is_whole { None } else { Parts::new(input, kind.grammar, PART_BYTES)? }) else {
        take(read(input, query, kind)?);
        return Ok(());
    };
    let columns = parts.columns().to_vec();
    let mut rows = 0;
    in_order(
        parts,
        &input.name,
        query.progress,
        |part| {
            let mut reading = Reading::default();
            part.each_record(&mut |record| {
                reading.rows += 1;
                account(input, &record, (kind.parse)(&record, &columns), true, &mut reading);
            });
            reading
        },
        |reading: Reading| {
            rows += reading.rows;
            take(reading);
        },
    )?;
    let mut last = Reading { rows, ..Reading::default() };
    suspect_cut(&mut last);
    admitted(&searchable(input), &mut last);
    take(Reading { rows: 0, ..last });
    Ok(())
}

fn observe(input: &Input<'_>, record: &Record, row: Row, observations: &mut Vec<Observation>) {
    for Stated { fact, when, recipients, mark } in row.facts {
        let cite: Cite = match mark {
            Some(mark) => record.cite_range(&input.name, mark),
            None => record.cite(&input.name),
        };
        let envelope_recipients = recipients.unwrap_or_else(|| row.recipients.clone());
        let about = CopyKey { ids: row.ids.clone(), envelope_recipients };
        observations.push(Observation { cite, when, speaker: row.speaker.clone(), about: about.into(), fact });
    }
}

/// How often a log is searched anew for ids that it revealed itself, before it is parsed as a whole.
const MAX_SEARCHES: usize = 4;

/// Reads the rows about `message`, and those about the ids that these rows reveal.
fn closed_over(
    input: &Input<'_>,
    splitter: &mut Splitter<'_>,
    query: &Query<'_>,
    kind: &Kind<'_>,
    message: &Message,
) -> Result<File, ReadError> {
    let quiet = Quiet(query.progress);
    let mut known = message.ids.clone();
    for search in 0.. {
        let sieve = if kind.large == Large::Yes && search < MAX_SEARCHES { sieve_of(&known) } else { Sieve::All };
        let progress: &dyn Progress = if search == 0 { query.progress } else { &quiet };
        let query = Query { progress, ..*query };
        let mut file = File::parse(input, splitter, &query, kind, &sieve)?;
        let before = known.len();
        keep(&mut file, kind.by, message, &mut known);
        if known.len() == before || !file.sieved {
            file.revealed = known.into_iter().filter(|id| !message.ids.contains(id)).collect();
            return Ok(file);
        }
    }
    Err(ReadError::Cancelled { file: input.name.to_string() })
}

/// Counts no byte twice.
struct Quiet<'p>(&'p dyn Progress);

impl Progress for Quiet<'_> {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Marks the rows that are about the message, following ids from row to row; `known` grows by what they reveal.
fn keep(file: &mut File, by: MatchedBy, message: &Message, known: &mut BTreeSet<Identifier>) {
    let rows: Vec<(usize, &Row)> = file
        .parsed
        .iter()
        .enumerate()
        .filter_map(|(at, parsed)| match parsed {
            Parsed::Row(row) => Some((at, &**row)),
            _ => None,
        })
        .collect();
    let mut by_id: BTreeMap<&Identifier, Vec<usize>> = BTreeMap::new();
    for (at, row) in &rows {
        for id in &row.ids {
            by_id.entry(id).or_default().push(*at);
        }
    }
    file.kept = vec![false; file.parsed.len()];
    let mut due: Vec<usize> = known.iter().filter_map(|id| by_id.get(id)).flatten().copied().collect();
    due.extend(rows.iter().filter(|(_, row)| looks_alike(row, by, message)).map(|(at, _)| *at));
    while let Some(at) = due.pop() {
        if std::mem::replace(&mut file.kept[at], true) {
            continue;
        }
        let Parsed::Row(row) = &file.parsed[at] else { continue };
        for id in &row.ids {
            if known.insert(id.clone()) {
                due.extend(by_id.get(id).into_iter().flatten());
            }
        }
    }
}

/// Whether a row is the message's by its looks, where ids cannot tell.
fn looks_alike(row: &Row, by: MatchedBy, message: &Message) -> bool {
    let ids_cannot_tell = message.ids.is_empty() || (by == MatchedBy::IdsOrLooks && row.ids.is_empty());
    let at = row.when.as_ref().map(|when| when.at).filter(|at| !is_later_release(row, *at, message));
    let may_be_it = ids_cannot_tell && !message.is_other(&row.ids);
    may_be_it && message.likeness.fits(&row.senders, &row.recipients, row.subject.as_deref(), at)
}

/// How long after its arrival a message can be released at most: it is held for 14 days.
const HELD_AT_MOST: SignedDuration = SignedDuration::from_hours(15 * 24);

/// Whether a row tells of a release while the message can still be held: its instant is that of the release, days after
/// the message travelled.
fn is_later_release(row: &Row, at: Timestamp, message: &Message) -> bool {
    let is_release = row.facts.iter().any(|stated| matches!(stated.fact, Fact::Release(_)));
    let around = &message.likeness.around;
    let within = |(first, last): (&Timestamp, &Timestamp)| *first <= at && at.duration_since(*last) <= HELD_AT_MOST;
    is_release && around.first().zip(around.last()).is_some_and(within)
}

/// Words that keep answers of the API itself (failures, empty pages) from being counted as rows of other messages.
const ENVELOPE_WORDS: [&str; 3] = ["\"errors\"", "\"meta\"", "\"isCaughtUp\""];

/// What a row about one of these ids must hold; everything passes if there is no id, or one that has no word of its own.
///
/// JSON may escape `/`, `+`, `<`, quotes and whatever is not ASCII, so the longest run of other characters is searched.
fn sieve_of(ids: &BTreeSet<Identifier>) -> Sieve {
    let ours = ids
        .iter()
        .filter(|id| matches!(id, Identifier::MessageId(_) | Identifier::Acode(_) | Identifier::ProcessingId(_)));
    let words: Option<Vec<String>> = ours.map(|id| longest_plain_run(id.text())).collect();
    match words {
        Some(mut words) if !words.is_empty() => {
            words.extend(ENVELOPE_WORDS.map(str::to_owned));
            Sieve::AnyOf(words)
        }
        Some(_) if !ids.is_empty() => Sieve::AnyOf(ENVELOPE_WORDS.map(str::to_owned).to_vec()),
        _ => Sieve::All,
    }
}

/// The shortest run that is worth a search.
const SHORTEST_RUN: usize = 5;

/// The longest run of characters that no export escapes: of the part before `@` if it is long enough there, because the
/// part after it is shared by many messages.
fn longest_plain_run(id: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$' | '!' | '*');
    let longest = |text: &str| {
        let run = text.split(|c| !is_plain(c)).max_by_key(|run| run.len())?;
        (run.len() >= SHORTEST_RUN).then(|| run.to_owned())
    };
    longest(id.split('@').next().unwrap_or(id)).or_else(|| longest(id))
}

/// The bytes of a file in which words of ASCII can be searched: decoded only if it is UTF-16.
fn searchable<'i>(input: &Input<'i>) -> Cow<'i, [u8]> {
    match text::encoding_of(input.bytes).0 {
        Encoding::Utf16Le | Encoding::Utf16Be => match text::Text::decode(input.bytes, &input.name) {
            Ok(decoded) => Cow::Owned(decoded.as_str().as_bytes().to_vec()),
            Err(_) => Cow::Borrowed(&[]),
        },
        Encoding::Utf8 | Encoding::Windows1252 => Cow::Borrowed(input.bytes),
    }
}

/// Earliest and latest spelling of instants that can be compared as text: of one length and with one offset.
struct Spellings<'t> {
    tail: &'t str,
    first: &'t str,
    last: &'t str,
}

/// Offsets and lengths that one log is expected to have; further ones are parsed one by one.
const MAX_SPELLINGS: usize = 16;

/// Length of `2026-07-03T11:00:00`, after which the offset stands.
const CLOCK_CHARS: usize = 19;

/// Widens the coverage by the instants of the rows that were not parsed.
fn cover_all(bytes: &[u8], reading: &mut Reading) {
    let mut spellings: Vec<Spellings<'_>> = Vec::new();
    for word in ["timestamp", "datetime"] {
        for at in memchr::memmem::find_iter(bytes, word) {
            let Some(said) = instant_after(&bytes[at + word.len()..]) else { continue };
            let tail = said.get(CLOCK_CHARS..).unwrap_or("");
            match spellings.iter().position(|known| known.first.len() == said.len() && known.tail == tail) {
                Some(at) => {
                    let known = &mut spellings[at];
                    known.first = known.first.min(said);
                    known.last = known.last.max(said);
                }
                None if spellings.len() < MAX_SPELLINGS => spellings.push(Spellings { tail, first: said, last: said }),
                None => cover(said, reading),
            }
        }
    }
    for known in spellings {
        cover(known.first, reading);
        cover(known.last, reading);
    }
}

/// The instant that follows a key within a few characters of quotes and blanks.
fn instant_after(bytes: &[u8]) -> Option<&str> {
    let start = bytes.iter().take(12).position(u8::is_ascii_digit)?;
    let said = &bytes[start..bytes.len().min(start + 40)];
    let end = said.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-+:.".contains(byte)));
    std::str::from_utf8(&said[..end.unwrap_or(said.len())]).ok()
}

fn cover(said: &str, reading: &mut Reading) {
    let clock = crate::Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: jiff::Timestamp::UNIX_EPOCH,
    };
    if let Some(when) = super::values::instant(said, &clock) {
        reading.covers(when.at);
    }
}

/// Row counts at which Mimecast's and others' exports end.
const ROW_CAPS: [u64; 5] = [1_000, 5_000, 10_000, 50_000, 100_000];

fn suspect_cut(reading: &mut Reading) {
    if ROW_CAPS.contains(&reading.rows) {
        reading.coverage.suspected_cut = true;
        reading.coverage.limits.push(format!("exactly {} rows: probably cut at the row cap", reading.rows));
    }
}

/// Says what the answer itself admits to be missing.
fn admitted(bytes: &[u8], reading: &mut Reading) {
    if last_value(bytes, "\"isCaughtUp\"").is_some_and(|value| value.trim_ascii_start().starts_with(b"false")) {
        let said = "not caught up: the service had further events when the last page of this file was fetched";
        reading.coverage.suspected_cut = true;
        reading.coverage.limits.push(said.to_owned());
    }
    if names_a_next_page(bytes) {
        let said = "further pages exist: the answer names a next page that is not in this file";
        reading.coverage.suspected_cut = true;
        reading.coverage.limits.push(said.to_owned());
    }
}

/// Says what the pages of a file admit to be missing.
pub(super) fn say_what_is_missing(input: &Input<'_>, reading: &mut Reading) {
    admitted(&searchable(input), reading);
}

/// What stands after the last occurrence of a quoted key and its colon.
fn last_value<'b>(bytes: &'b [u8], key: &str) -> Option<&'b [u8]> {
    let at = memchr::memmem::rfind(bytes, key.as_bytes())?;
    bytes[at + key.len()..].trim_ascii_start().strip_prefix(b":")
}

/// Whether the last page of the file names a next one. Earlier pages may: the next one follows them in the file.
fn names_a_next_page(bytes: &[u8]) -> bool {
    let Some(last) = last_value(bytes, "\"pagination\"") else { return false };
    let mut values = serde_json::Deserializer::from_slice(last).into_iter::<Value>();
    matches!(values.next(), Some(Ok(Value::Object(page))) if text_at(&page, "next").is_some())
}

/// The object of a record, or what else the record is: a failure, an empty page, a torn row.
pub(super) fn object_of(record: &Record) -> Result<Object, Parsed> {
    let object = match serde_json::from_str(&record.text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(torn("a JSON object", first_words(&record.text))),
        Err(error) => {
            return Err(torn(
                "a whole JSON object",
                format!("{}: {}", crate::text::json_fault(&error), first_words(&record.text)),
            ));
        }
    };
    match envelope(&object) {
        Some(parsed) => Err(parsed),
        None => Ok(object),
    }
}

pub(super) fn torn(expected: &str, found: impl Into<String>) -> Parsed {
    Parsed::Torn { expected: expected.to_owned(), found: found.into() }
}

/// What a record of the API's envelope says; `None` if it is a row.
fn envelope(object: &Object) -> Option<Parsed> {
    if let Some(Value::Array(errors)) = object.get("errors") {
        let said: Vec<String> = errors
            .iter()
            .filter_map(Value::as_object)
            .map(|error| {
                let part = |key| text_at(error, key).unwrap_or_else(|| format!("no {key}"));
                format!("{}: {}", part("code"), part("message"))
            })
            .collect();
        return Some(torn("an answer without failures", said.join("; ")));
    }
    let empty = |key: &str| object.get(key).is_some_and(|value| value.as_array().is_some_and(Vec::is_empty));
    if let Some(status) = object.get("meta").and_then(|meta| meta.get("status")).and_then(Value::as_u64)
        && status >= 400
    {
        return Some(torn("an answer with status 200", format!("status {status}")));
    }
    let is_page = (object.contains_key("meta") && object.contains_key("data"))
        || ["value", "data", "trackedEmails", "heldReleaseLogs"].iter().any(|key| empty(key));
    is_page.then_some(Parsed::Pass("empty page"))
}

/// In records longer than this no place is marked: searching them for each of their facts takes too long.
pub(super) const MARKABLE_BYTES: usize = 256 * 1024;

/// The place of `value` after the key `key` in a record; `None` if the value is spelled otherwise.
pub(super) fn place(record: &Record, key: &str, value: &str) -> Option<Range<usize>> {
    let text = record.text.as_str();
    if value.is_empty() || text.len() > MARKABLE_BYTES {
        return None;
    }
    let in_json = format!("\"{key}\"");
    let in_line = format!("{key}=");
    let mut has_key = false;
    for end in
        [&in_json, &in_line].iter().flat_map(|key| text.match_indices(key.as_str()).map(|(at, key)| at + key.len()))
    {
        has_key = true;
        // Only blanks, a colon and one opening mark stand between a key and its value.
        let rest = text.get(end..)?;
        let at = end + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ':', '"', '[', '\\']).len();
        if text.get(at..)?.starts_with(value) {
            return Some(at..at + value.len());
        }
    }
    if has_key { None } else { text.find(value).map(|at| at..at + value.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_words_of_an_id() {
        for (name, id, expected) in [
            ("aCode", "Qm4xT7vLReKpZ2sYw9NbHg", Some("Qm4xT7vLReKpZ2sYw9NbHg")),
            ("dash and underscore", "a-b_c-d_e", Some("a-b_c-d_e")),
            ("what JSON may escape", "CAF+abcdefgh=xyz@mail.example.com", Some("abcdefgh")),
            ("short before the at sign", "a+b@mail.example.com", Some("mail.example.com")),
            ("nothing long enough", "a/b@c/d", None),
        ] {
            assert_eq!(longest_plain_run(id).as_deref(), expected, "{name}");
        }
    }
}
