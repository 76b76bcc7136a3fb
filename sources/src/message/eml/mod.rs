//! A saved message (RFC 5322): its header fields, one row each; the body is never read.

use evidence::{Cite, CopyKey, FileName, Reading, SourceId, Unit};

use super::bounce::Bounce;
use super::carrier;
use super::fields::{self, Header};
use super::headers_of;
use super::keep::keep;
use super::sheet::Sheet;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The reader of saved messages.
pub(crate) struct Eml;

/// How many telling fields the start of a file needs to be a message.
const ENOUGH: usize = 3;

impl Source for Eml {
    fn id(&self) -> SourceId {
        "message/eml"
    }

    fn title(&self) -> &'static str {
        "saved message (.eml)"
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
            // `Export-QuarantineMessage -Identity` takes the identity of a held copy alone (GUID\GUID), which no id of the ticket is.
            command: None,
            clicks: Some(
                "Outlook on the web: open the message > ... > Save as; a delivered one, Defender portal: Email & collaboration > Explorer > the message > Download email; a held one: Review > Quarantine > the message > Download message; Gmail: ... > Download message",
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
        let extent = if head.size_bytes > head.bytes.len() as u64 { Extent::Head } else { Extent::Whole };
        likeness(&sheet, &start_of(&sheet, &name), extent)
    }
}

/// How much of a file is looked at.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// Its start.
    Head,
}

/// How well a text fits a saved message, by its header and what follows.
pub(crate) fn likeness(sheet: &Sheet<'_>, header: &Header, extent: Extent) -> Recognition {
    let telling = header.fields.iter().filter(|field| fields::is_telling(&field.name)).count();
    let in_head = header.fields.len();
    match header.body {
        _ if in_head == 0 => Recognition::No,
        Some(body) if telling >= ENOUGH && has_text(&sheet.bytes()[body..]) => Recognition::Certain,
        Some(body) if telling >= 1 && telling * 2 >= in_head && has_text(&sheet.bytes()[body..]) => Recognition::Fits,
        // The header alone fills the head: a message whose body lies further on.
        None if telling >= ENOUGH && extent == Extent::Head => Recognition::Certain,
        None if telling >= 1 && telling * 2 >= in_head && extent == Extent::Head => Recognition::Fits,
        _ if telling == 0 => Recognition::No,
        _ => Recognition::Near { missing: "a body after the header's blank line".to_owned() },
    }
}

impl Reader for Eml {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let sheet = Sheet::of(input.bytes);
        let header = start_of(&sheet, &input.name);
        if header.fields.is_empty() {
            return Err(ReadError::Broken {
                file: input.name.to_string(),
                place: "line 1".to_owned(),
                expected: "a header field such as `Received: ...`".to_owned(),
                found: crate::text::first_words(&String::from_utf8_lossy(&input.bytes[..input.bytes.len().min(400)])),
                hint: "save the message itself, not a forwarded copy of its text".to_owned(),
            });
        }
        let mut reading = Reading::default();
        if let Some(attached) = carrier::attached(&sheet, &input.name, &header) {
            if attached.in_place
                && carrier::is_carrier(&header, &attached.header)
                && let Some(carried) = read_carried(input, query, &sheet, &header, &attached)
            {
                return Ok(carried);
            }
            reading.coverage.limits.push(format!(
                "a message is attached at line {} ({}): it is not followed; save it by itself to follow it",
                sheet.line_of(attached.range.start),
                id_of(&attached.header)
            ));
        }
        let ids = headers_of::state(&header, input.bytes, &CopyKey::default(), query.clock, &mut reading);
        pass_over_body(&sheet, &input.name, &header, &mut reading);
        reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
        query.progress.advance(input.bytes.len() as u64);
        Ok(keep(reading, &ids, &[], query))
    }
}

/// The reading of a bounce that somebody passes on as an attachment; `None` if the message is no such carrier.
pub(crate) fn carried_bounce(
    input: &Input<'_>,
    query: &Query<'_>,
    sheet: &Sheet<'_>,
    outer: &Header,
) -> Option<Reading> {
    let kind = outer.first("content-type")?.value.to_ascii_lowercase();
    if kind.trim_start().starts_with("multipart/report") {
        return None;
    }
    let attached = carrier::attached(sheet, &input.name, outer)?;
    let bytes = input.bytes.get(attached.range.clone())?;
    (attached.in_place && is_bounce(bytes)).then(|| read_carried(input, query, sheet, outer, &attached)).flatten()
}

fn is_bounce(bytes: &[u8]) -> bool {
    let head = Head { text: "", bytes: &bytes[..bytes.len().min(HEAD_BYTES)], size_bytes: bytes.len() as u64 };
    Bounce.recognise(&head) == Recognition::Certain
}

/// The reading of the message that another one carries: the attached one is followed, the fields of the outer one are
/// passed over. `None` if the attached one cannot be read.
fn read_carried(
    input: &Input<'_>,
    query: &Query<'_>,
    sheet: &Sheet<'_>,
    outer: &Header,
    attached: &carrier::Attached,
) -> Option<Reading> {
    let bytes = input.bytes.get(attached.range.clone())?;
    let inner = Input { name: input.name.clone(), bytes };
    let read = if is_bounce(bytes) { Bounce.read(&inner, query) } else { read_inner(&inner, query) };
    let line = sheet.line_of(attached.range.start);
    let mut reading = carrier::moved(read.ok()?, attached.range.start as u64, line);
    for field in &outer.fields {
        reading.rows += 1;
        reading.pass_over("header of the carrying message", 1, Some(field.cite.clone()));
    }
    headers_of::state_rest(outer, &mut reading);
    reading.rows += 1;
    let body = outer.body.unwrap_or(attached.range.start);
    reading.pass_over(
        "body of the carrying message",
        1,
        Some(sheet.cite(&input.name, body..attached.range.start, sheet.line_of(body))),
    );
    reading.coverage.limits.push(format!(
        "this message ({}) only carries another one: the attached message at line {line} ({}) is followed",
        id_of(outer),
        id_of(&attached.header)
    ));
    Some(reading)
}

/// Reads an attached message; what it carries itself is not looked at.
fn read_inner(input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
    let sheet = Sheet::of(input.bytes);
    let header = start_of(&sheet, &input.name);
    let mut reading = Reading::default();
    let ids = headers_of::state(&header, input.bytes, &CopyKey::default(), query.clock, &mut reading);
    pass_over_body(&sheet, &input.name, &header, &mut reading);
    reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
    Ok(keep(reading, &ids, &[], query))
}

fn id_of(header: &Header) -> String {
    header.first("message-id").map_or("no Message-ID".to_owned(), |id| {
        id.value.trim().chars().filter(|c| !c.is_control()).take(120).collect()
    })
}

/// How much of an attached message is looked at to tell whether it is a bounce.
const HEAD_BYTES: usize = 64 * 1024;

const CANNOT_SHOW: &[&str] = &[
    "a sample shows the way of this one copy up to where it was saved, never what happened to other copies or afterwards",
    "fields below the first server that we trust may be forged",
];

/// The header at the start of a file, past blank lines.
pub(crate) fn start_of(sheet: &Sheet<'_>, file: &FileName) -> Header {
    let bytes = sheet.bytes();
    let blank = bytes[sheet.start()..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    fields::header(sheet, file, sheet.start() + blank..bytes.len())
}

fn has_text(body: &[u8]) -> bool {
    body.iter().any(|byte| !byte.is_ascii_whitespace())
}

/// The body is one row that nobody reads; so is each further message of a mailbox file (mbox).
pub(crate) fn pass_over_body(sheet: &Sheet<'_>, file: &FileName, header: &Header, reading: &mut Reading) {
    let Some(body) = header.body else { return };
    let further = if header.separators.is_empty() { Vec::new() } else { further_messages(sheet, body) };
    let end = further.first().copied().unwrap_or(sheet.bytes().len());
    let cite = |start: usize, end: usize| -> Cite { sheet.cite(file, start..end, sheet.line_of(start)) };
    if has_text(&sheet.bytes()[body..end]) {
        reading.rows += 1;
        reading.pass_over("body not read", 1, Some(cite(body, end)));
    }
    if let Some(first) = further.first() {
        let end = further.get(1).copied().unwrap_or(sheet.bytes().len());
        reading.rows += further.len() as u64;
        reading.pass_over("further message of an mbox", further.len() as u64, Some(cite(*first, end)));
        reading.coverage.limits.push(format!(
            "a mailbox file (mbox) with {} messages: only the first is read; save the one that is meant by itself",
            further.len() + 1
        ));
    }
}

/// Where further messages start: at a line `From ...` after a blank line, with a header field after it.
fn further_messages(sheet: &Sheet<'_>, body: usize) -> Vec<usize> {
    let bytes = sheet.bytes();
    let mut found = Vec::new();
    let (mut at, mut is_after_blank) = (body, true);
    while at < bytes.len() {
        let (line, next) = fields::line_at(bytes, at, bytes.len());
        let text = &bytes[line];
        let (after, _) = fields::line_at(bytes, next, bytes.len());
        if is_after_blank && text.starts_with(b"From ") && fields::name_of(&bytes[after]).is_some() {
            found.push(at);
        }
        is_after_blank = text.is_empty();
        at = next;
    }
    found
}
