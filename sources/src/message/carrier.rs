//! A message that only carries another one: a user's report, or a forward "as attachment".

use std::ops::Range;

use evidence::{Address, Cite, Place, Reading};

use super::boundary;
use super::fields::{self, Header};
use super::received;
use super::sheet::Sheet;

/// A message that is attached to another.
pub(crate) struct Attached {
    /// Where its header starts and the message ends, in the text of the sheet.
    pub(crate) range: Range<usize>,
    /// Its header.
    pub(crate) header: Header,
    /// Whether it can be read where it stands: neither encoded nor in a decoded file.
    pub(crate) in_place: bool,
}

/// The first message that is attached to the message of a sheet; `None` if there is none, or if its parts cannot be told.
pub(crate) fn attached(sheet: &Sheet<'_>, file: &evidence::FileName, outer: &Header) -> Option<Attached> {
    let kind = outer.first("content-type")?.value.trim().to_ascii_lowercase();
    let holds_parts = kind.starts_with("multipart/") || kind.starts_with("message/");
    if !holds_parts || !boundary::may_enclose(sheet.bytes()) {
        return None;
    }
    let parts = boundary::parts(sheet.bytes()).ok()?;
    let part = parts.into_iter().find(|part| part.depth == 0 && part.is_message)?;
    let (range, in_place) = match part.encoded {
        false => {
            let end = part.body.end.min(sheet.bytes().len());
            let body = sheet.bytes().get(part.body.start..end)?;
            let blank = body.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            (part.body.start + blank..end, sheet.is_as_in_file())
        }
        true => (part.body.start..part.body.end, false),
    };
    let header = match part.encoded {
        false => fields::header(sheet, file, range.clone()),
        true => {
            let inner = Sheet::of(&part.decoded);
            fields::header(&inner, file, inner.start()..inner.bytes().len())
        }
    };
    let telling = header.fields.iter().filter(|field| fields::is_telling(&field.name)).count();
    (telling >= 3 && header.first("from").is_some()).then_some(Attached { range, header, in_place })
}

/// How subjects of forwards start, in the languages of common mail programs.
const FORWARDS: &[&str] =
    &["fwd:", "fw:", "wg:", "tr:", "rv:", "enc:", "vs:", "vb:", "doorst:", "i:", "pd:", "[fwd:", "fwd ", "forward:"];
/// Words of a subject by which report buttons and people mark what they report.
const REPORTS: &[&str] =
    &["phish", "spam report", "junk report", "reported message", "abuse report", "false positive", "user report"];

/// Whether the outer message is plainly there to carry the inner one: it forwards or reports it, or its author is a
/// recipient of the inner one.
pub(crate) fn is_carrier(outer: &Header, inner: &Header) -> bool {
    let field = |name: &str| outer.first(name).map(|field| field.value.to_ascii_lowercase()).unwrap_or_default();
    let subject = boundary::words(&field("subject")).to_lowercase();
    let subject = subject.trim_start();
    if FORWARDS.iter().any(|word| subject.starts_with(word)) || REPORTS.iter().any(|word| subject.contains(word)) {
        return true;
    }
    if field("content-type").contains("feedback-report") {
        return true;
    }
    let author = boundary::addresses(&field("from")).into_iter().next();
    author.is_some_and(|author| recipients(inner).contains(&author) && !authors(inner).contains(&author))
}

fn authors(header: &Header) -> Vec<Address> {
    header.first("from").map(|from| boundary::addresses(&from.value)).unwrap_or_default()
}

/// Everybody to whom a message went, as far as its own fields show.
fn recipients(header: &Header) -> Vec<Address> {
    let named = header.fields.iter().flat_map(|field| match field.name.to_ascii_lowercase().as_str() {
        "to" | "cc" | "delivered-to" | "x-original-to" | "envelope-to" => boundary::addresses(&field.value),
        "received" => received::parse(&field.value).hop.envelope_recipient.into_iter().collect(),
        _ => Vec::new(),
    });
    named.take(1_000).collect()
}

/// The reading of a message that stands at `offset` of the file, on `line`, as a reading of the whole file.
pub(crate) fn moved(mut reading: Reading, offset: u64, line: u64) -> Reading {
    let shift = |cite: &mut Cite| {
        cite.bytes = cite.bytes.start + offset..cite.bytes.end + offset;
        if let Some(mark) = &mut cite.mark {
            *mark = mark.start + offset..mark.end + offset;
        }
        if let Place::Line(number) = &mut cite.place {
            *number += line - 1;
        }
    };
    reading.observations.iter_mut().for_each(|observation| shift(&mut observation.cite));
    reading.problems.iter_mut().for_each(|problem| shift(&mut problem.cite));
    reading.passed_over.iter_mut().filter_map(|heap| heap.first.as_mut()).for_each(shift);
    reading
}
