//! Bounces: RFC 3464 reports, Exchange's non-delivery text, Mimecast's malformed report, and plain text that is decisive.
//!
//! A bounce speaks about another message, the original: every statement is about the original's ids, and the notice's
//! own Message-ID stands only in [`Fact::NoticeSent`].

mod recognise;
pub(crate) mod status;
pub(crate) mod text;

use evidence::{
    Cite, CopyKey, Dsn, DsnAction, Fact, FileName, Identifier, Observation, Peer, Problem, Product, Reading, SourceId,
    System, Unit, When,
};

use super::boundary::{self, Part};
use super::fields::{self, Header};
use super::keep::keep;
use super::received::{self, label, system_of_host};
use super::sheet::{Sheet, text_of};
use super::{dates, eml, headers_of};
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The reader of bounces.
pub(crate) struct Bounce;

impl Source for Bounce {
    fn id(&self) -> SourceId {
        "message/bounce"
    }

    fn title(&self) -> &'static str {
        "bounce (delivery status notification, NDR)"
    }

    fn unit(&self) -> Unit {
        Unit::Field
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some(
                "ask the sender for the notice itself, forwarded as an attachment or saved (Outlook: File > Save As; Outlook on the web: ... > Save as), not for its text",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        CANNOT_SHOW
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let sheet = Sheet::of(head.bytes);
        let name: FileName = "".into();
        if recognise::is_pasted(sheet.bytes()) {
            return Recognition::Certain;
        }
        let header = eml::start_of(&sheet, &name);
        if header.fields.is_empty() {
            return Recognition::No;
        }
        let body = header.body.map_or(&[][..], |body| &sheet.bytes()[body..]);
        if recognise::is_bounce(&header, body) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Bounce {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let sheet = Sheet::of(input.bytes);
        if recognise::is_pasted(sheet.bytes()) {
            return Ok(read_pasted(&sheet, input, query));
        }
        let notice = eml::start_of(&sheet, &input.name);
        if let Some(carried) = eml::carried_bounce(input, query, &sheet, &notice) {
            return Ok(carried);
        }
        let mut reading = Reading::default();
        let ids = read_notice(&sheet, &input.name, &notice, query.clock, &mut reading);
        eml::pass_over_body(&sheet, &input.name, &notice, &mut reading);
        reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
        query.progress.advance(input.bytes.len() as u64);
        // A notice goes to the envelope sender of the original (RFC 3464, 2).
        let senders = notice.first("to").map(|to| boundary::addresses(&to.value)).unwrap_or_default();
        Ok(keep(reading, &ids, &senders, query))
    }
}

const CANNOT_SHOW: &[&str] = &[
    "a bounce speaks only of the recipients that it names; others of the same message may have got it",
    "the reporting server repeats what the refusing server said; a notice can be forged",
];

/// Reads the text of a notice that somebody copied out of their mail program, without its own header.
fn read_pasted(sheet: &Sheet<'_>, input: &Input<'_>, query: &Query<'_>) -> Reading {
    let body = sheet.start()..sheet.bytes().len();
    let decoded = sheet.bytes()[body.clone()].to_vec();
    let content_type = "text/plain".to_owned();
    let part = Part { content_type, body, encoded: false, decoded, is_message: false, depth: 0 };
    let notice = Header::default();
    let mut report = Report::default();
    read_text(sheet, &input.name, &notice, &part, &mut report);
    let mut reading = Reading::default();
    let ids = state_text(&report, &notice, input.bytes, query.clock, &mut reading);
    reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
    query.progress.advance(input.bytes.len() as u64);
    keep(reading, &ids, &[], query)
}

/// What a bounce says, collected before anything is stated, because every statement needs the original's ids.
#[derive(Default)]
pub(crate) struct Report {
    /// Per-message fields of the machine part.
    pub(crate) message: Vec<status::Block>,
    /// Per-recipient fields of the machine part.
    pub(crate) recipients: Vec<status::Block>,
    /// Recipients found in the text, where no machine part names one.
    pub(crate) told: Vec<text::Told>,
    /// The returned header.
    pub(crate) original: Header,
    /// The server that made the notice, where the text names it.
    pub(crate) generating: Option<String>,
    /// Parts that could not be read.
    pub(crate) problems: Vec<Problem>,
}

/// States one notice, and gives the ids of the original.
fn read_notice(
    sheet: &Sheet<'_>,
    file: &FileName,
    notice: &Header,
    clock: &Clock,
    reading: &mut Reading,
) -> Vec<Identifier> {
    let report = collect(sheet, file, notice);
    let date = notice.first("date").and_then(|date| dates::instant(&date.value, clock));
    let reporter = Reporter::of(&report, notice);
    let mut about = CopyKey { ids: report_ids(&report, &reporter), envelope_recipients: Vec::new() };
    let mut ids = headers_of::state(&report.original, sheet.file(), &about, clock, reading);
    hand_back(&report, &reporter, reading);
    if ids.is_empty() && notice.first("x-ms-exchange-message-is-ndr").is_some() {
        ids.extend(notice.first("in-reply-to").and_then(|id| Identifier::message_id(&id.value)));
    }
    about.ids.clone_from(&ids);
    state_report(&report, &reporter, &about, date.as_ref(), clock, reading);
    state_notice(notice, &reporter, &about, date, reading);
    ids
}

/// A returned header without a hop of its own is handed back by the reporter.
fn hand_back(report: &Report, reporter: &Reporter, reading: &mut Reading) {
    if report.original.first("received").is_some() {
        return;
    }
    for observation in &mut reading.observations {
        if matches!(observation.fact, Fact::Identity(_)) {
            observation.speaker = reporter.system.clone();
        }
    }
}

/// Finds the machine part, the returned header, and, without a machine part, the decisive text.
fn collect(sheet: &Sheet<'_>, file: &FileName, notice: &Header) -> Report {
    let mut report = Report::default();
    let parts = match boundary::parts(sheet.bytes()) {
        Ok(parts) => parts,
        Err(found) => {
            let start = notice.body.unwrap_or(0);
            report.problems.push(Problem {
                cite: sheet.cite(file, start..sheet.bytes().len(), sheet.line_of(start)),
                expected: format!("a bounce of at most {} parts", boundary::MAX_PARTS),
                found,
            });
            return report;
        }
    };
    for part in parts.iter().filter(|part| part.depth == 0) {
        let kind = part.content_type.as_str();
        if kind.ends_with("delivery-status") {
            for block in blocks(sheet, file, part) {
                if block.fields.is_empty() {
                    let expected = format!("at most {} fields in a block", fields::MAX_FIELDS);
                    report.problems.push(Problem { cite: block.cite, expected, found: "more".to_owned() });
                    continue;
                }
                let heap = if block.names_recipient() { &mut report.recipients } else { &mut report.message };
                heap.push(block);
            }
        } else if report.original.fields.is_empty() && (part.is_message || kind.contains("rfc822")) {
            report.original = header_in(sheet, file, part, 0);
        }
    }
    let texts = parts.iter().filter(|part| {
        part.depth == 0 && part.content_type.starts_with("text/") || part.content_type.starts_with("multipart/")
    });
    let texts: Vec<&Part> = texts.filter(|part| !part.content_type.contains("rfc822")).collect();
    let plain = texts.iter().find(|part| part.content_type != "text/html").or(texts.first());
    if let Some(part) = plain {
        read_text(sheet, file, notice, part, &mut report);
    }
    report
}

/// Takes what the human part says: the generating server, the returned header, and recipients if nobody named any.
fn read_text(sheet: &Sheet<'_>, file: &FileName, notice: &Header, part: &Part, report: &mut Report) {
    let lines = text::lines(sheet, file, part);
    report.generating = text::generating_server(&lines);
    let header_at = text::header_run(&lines);
    if report.recipients.is_empty()
        && let Some(at) = lines.iter().find(|line| status::is_machine_line(&line.text)).and_then(|line| line.place)
    {
        read_loose_status(sheet, file, &Part { body: at.0..part.body.end, ..part.clone() }, report);
    }
    if report.original.fields.is_empty()
        && let Some(at) = header_at
    {
        report.original = match lines[at].place {
            Some((offset, _)) if sheet.bytes().get(offset) != Some(&b'>') => {
                fields::header(sheet, file, offset..part.body.end)
            }
            _ => header_in_text(&lines[at..], &text::part_cite(sheet, file, part)),
        };
    }
    if report.recipients.is_empty() {
        let human = &lines[..header_at.unwrap_or(lines.len())];
        report.told = text::told(human, notice, &report.original, &|from, to| text::cite(sheet, file, part, from, to));
    }
}

/// Takes machine fields that stand in the text itself, because the parts lost their boundaries on the way.
fn read_loose_status(sheet: &Sheet<'_>, file: &FileName, part: &Part, report: &mut Report) {
    for block in blocks(sheet, file, part).into_iter().take_while(status::Block::is_machine) {
        let heap = if block.names_recipient() { &mut report.recipients } else { &mut report.message };
        heap.push(block);
    }
}

/// Reads the header that a part holds; an encoded part's fields are cited by the part's lines.
pub(crate) fn header_in(sheet: &Sheet<'_>, file: &FileName, part: &Part, from: usize) -> Header {
    if !part.encoded {
        let start = part.body.start + from;
        let bytes = sheet.bytes();
        let body = &bytes[start.min(bytes.len())..part.body.end.min(bytes.len())];
        let blank = body.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        return fields::header(sheet, file, start + blank..part.body.end.min(bytes.len()).max(start + blank));
    }
    let inner = Sheet::of(&part.decoded);
    let mut header = fields::header(&inner, file, inner.start()..inner.bytes().len());
    cite_all(&mut header, &text::part_cite(sheet, file, part));
    header
}

fn header_in_text(lines: &[text::Line], cite: &Cite) -> Header {
    let joined = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    let inner = Sheet::of(joined.as_bytes());
    let mut header = fields::header(&inner, &cite.file, inner.start()..inner.bytes().len());
    cite_all(&mut header, cite);
    header
}

fn cite_all(header: &mut Header, cite: &Cite) {
    header.fields.iter_mut().for_each(|field| field.cite = cite.clone());
    header.torn.iter_mut().chain(&mut header.separators).chain(&mut header.prose).for_each(|at| *at = cite.clone());
    if let Some((_, at)) = &mut header.unread {
        *at = cite.clone();
    }
}

/// Most blocks of a machine part; a list server may report some hundred recipients.
const MAX_BLOCKS: usize = 2_000;

/// Cuts a machine part into its blocks: at blank lines, and where a recipient's fields start anew without one.
fn blocks(sheet: &Sheet<'_>, file: &FileName, part: &Part) -> Vec<status::Block> {
    let inner;
    let (text, range) = if part.encoded {
        inner = Sheet::of(&part.decoded);
        (&inner, inner.start()..inner.bytes().len())
    } else {
        (sheet, part.body.start..part.body.end.min(sheet.bytes().len()))
    };
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end && found.len() < MAX_BLOCKS {
        if matches!(text.bytes()[at], b'\r' | b'\n') {
            at += 1;
            continue;
        }
        let mut header = fields::header(text, file, at..range.end);
        if part.encoded {
            cite_all(&mut header, &text::part_cite(sheet, file, part));
        }
        found.extend(header.unread.take().map(|(_, cite)| status::Block { fields: Vec::new(), cite }));
        let next = header.body.unwrap_or(range.end);
        status::split(header.fields, sheet.file(), &mut found);
        at = next.max(at + 1);
        if header.body == Some(at - 1) {
            // A line that is no field: go on after it.
            at = memchr::memchr(b'\n', &text.bytes()[at..range.end]).map_or(range.end, |end| at + end + 1);
        }
    }
    found
}

/// Who made the report, and on which server.
pub(crate) struct Reporter {
    system: System,
    peer: Option<Peer>,
}

impl Reporter {
    fn of(report: &Report, notice: &Header) -> Reporter {
        let stated = report.message.iter().chain(&report.recipients).find_map(|block| block.host("reporting-mta"));
        let peer = stated.or_else(|| {
            report.generating.as_ref().map(|host| Peer { name: Some(host.to_ascii_lowercase()), ..Peer::default() })
        });
        let postfix = report
            .message
            .iter()
            .chain(&report.recipients)
            .any(|block| block.fields.iter().any(|field| field.name.to_ascii_lowercase().starts_with("x-postfix")));
        let host = peer.as_ref().and_then(|peer| peer.name.clone().or(peer.ip.clone()));
        let system = match host {
            Some(host) if postfix => System::at(Product::Postfix, label(&host)),
            Some(host) => system_of_host(&host),
            None => first_writer(notice),
        };
        Reporter { system, peer }
    }
}

/// The system that wrote the oldest Received field of a notice, else the domain that it comes from.
fn first_writer(notice: &Header) -> System {
    let oldest = notice.fields.iter().rev().find(|field| field.is("received"));
    if let Some(hop) = oldest.map(|field| received::parse(&field.value))
        && (hop.hop.by.is_some() || !matches!(hop.speaker.product, Product::Other(_)))
    {
        return hop.speaker;
    }
    let from = notice.first("from").map(|from| boundary::addresses(&from.value)).unwrap_or_default();
    let domain = from.first().and_then(|from| from.domain()).unwrap_or("unnamed host");
    system_of_host(domain)
}

/// Ids of the original that the machine part or a refusal text carries.
fn report_ids(report: &Report, reporter: &Reporter) -> Vec<Identifier> {
    let mut ids = Vec::new();
    let host = reporter.peer.as_ref().and_then(|peer| peer.name.as_deref()).unwrap_or("");
    for block in report.message.iter().chain(&report.recipients) {
        if let Some(id) = block.get("x-postfix-queue-id") {
            ids.push(Identifier::queue_id(host, None, id));
        }
        if reporter.system.product == Product::Mimecast
            && let Some(id) = block.get("original-envelope-id").and_then(Identifier::acode)
        {
            ids.push(id);
        }
        ids.extend(block.get("diagnostic-code").and_then(status::mimecast_code));
    }
    ids.extend(report.told.iter().filter_map(|told| status::mimecast_code(&told.reply.text)));
    ids.sort();
    ids.dedup();
    ids.truncate(16);
    ids
}

fn state_report(
    report: &Report,
    reporter: &Reporter,
    about: &CopyKey,
    date: Option<&When>,
    clock: &Clock,
    reading: &mut Reading,
) {
    for block in &report.message {
        reading.rows += 1;
        reading.observed += 1;
        let arrived = block.get("arrival-date").and_then(|date| dates::instant(date, clock));
        let host = reporter.peer.as_ref().map_or_else(|| "the reporting server".to_owned(), Peer::to_string);
        let fact = Fact::Note { said: format!("{host} reports about the message") };
        push(reading, &block.cite, arrived, reporter, about, fact);
    }
    for block in &report.recipients {
        reading.rows += 1;
        match block.dsn(reporter.peer.clone()) {
            Some(dsn) => {
                reading.observed += 1;
                let tried = block.get("last-attempt-date").and_then(|date| dates::instant(date, clock));
                let about = CopyKey { ids: about.ids.clone(), envelope_recipients: block.envelope_recipients() };
                push(reading, &block.cite, tried.or_else(|| date.cloned()), reporter, &about, Fact::Dsn(dsn));
            }
            None => reading.problems.push(Problem {
                cite: block.cite.clone(),
                expected: "`Action:`, `Status:` or `Diagnostic-Code:` (RFC 3464, 2.3)".to_owned(),
                found: "none of them".to_owned(),
            }),
        }
    }
    for told in &report.told {
        reading.rows += 1;
        reading.observed += 1;
        let about = CopyKey { ids: about.ids.clone(), envelope_recipients: told.recipient.iter().cloned().collect() };
        let dsn = Dsn {
            action: told.action,
            reply: told.reply.clone(),
            reporting: reporter.peer.clone(),
            remote: told.remote.clone(),
        };
        push(reading, &told.cite, date.cloned(), reporter, &about, Fact::Dsn(dsn));
    }
    reading.rows += report.problems.len() as u64;
    reading.problems.extend(report.problems.iter().cloned());
}

fn push(reading: &mut Reading, cite: &Cite, when: Option<When>, reporter: &Reporter, about: &CopyKey, fact: Fact) {
    if let Some(when) = &when {
        reading.covers(when.at);
    }
    let (cite, speaker, about) = (cite.clone(), reporter.system.clone(), about.clone());
    reading.observations.push(Observation { cite, when, speaker, about: about.into(), fact });
}

/// The fields of the notice itself: rows, but only its own id is stated; what only tells of a delay is no notice of non-delivery.
fn state_notice(notice: &Header, reporter: &Reporter, about: &CopyKey, date: Option<When>, reading: &mut Reading) {
    let mut told = reading.observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Dsn(dsn) => Some(dsn.action),
        _ => None,
    });
    let is_delay = told.next() == Some(DsnAction::Delayed) && told.all(|action| action == DsnAction::Delayed);
    for field in &notice.fields {
        reading.rows += 1;
        match field.is("message-id").then(|| Identifier::message_id(&field.value)).flatten() {
            Some(id) => {
                reading.observed += 1;
                let fact = match is_delay {
                    true => Fact::Note { said: format!("delay notice {id} sent") },
                    false => Fact::NoticeSent { notice: Some(id) },
                };
                push(reading, &field.cite, date.clone(), reporter, about, fact);
            }
            None => reading.pass_over("header of the notice", 1, Some(field.cite.clone())),
        }
    }
    headers_of::state_rest(notice, reading);
}

/// Reads the text of a notice that has no parts of its own (an Outlook report item): what it says of each recipient.
pub(crate) fn of_text(body: &str, notice: &Header, cite: &Cite) -> Report {
    let lines: Vec<text::Line> = body
        .lines()
        .take(text::MAX_LINES)
        .map(|line| text::Line { text: text_of(line.as_bytes()), place: None })
        .collect();
    let mut report = Report { generating: text::generating_server(&lines), ..Report::default() };
    let header_at = text::header_run(&lines);
    if let Some(at) = header_at {
        report.original = header_in_text(&lines[at..], cite);
    }
    let human = &lines[..header_at.unwrap_or(lines.len())];
    report.told = text::told(human, notice, &report.original, &|_, _| cite.clone());
    report
}

/// States the report of an Outlook report item, and gives the ids of the original.
pub(crate) fn state_text(
    report: &Report,
    notice: &Header,
    file: &[u8],
    clock: &Clock,
    reading: &mut Reading,
) -> Vec<Identifier> {
    let reporter = Reporter::of(report, notice);
    let date = notice.first("date").and_then(|date| dates::instant(&date.value, clock));
    let about = CopyKey { ids: report_ids(report, &reporter), envelope_recipients: Vec::new() };
    let ids = headers_of::state(&report.original, file, &about, clock, reading);
    hand_back(report, &reporter, reading);
    let about = CopyKey { ids: ids.clone(), envelope_recipients: Vec::new() };
    state_report(report, &reporter, &about, date.as_ref(), clock, reading);
    state_notice(notice, &reporter, &about, date, reading);
    ids
}
