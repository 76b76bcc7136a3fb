//! The parts of a body, as far as they matter for finding what was inserted: where their text begins and ends.

use std::ops::Range;

use crate::message::Raw;
use crate::tags::trim;

/// Most parts that are looked at.
const MAX_PARTS: usize = 200;

/// What a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Html,
    Other,
}

/// How a part is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// 7bit, 8bit, binary, or not stated.
    None,
    QuotedPrintable,
    Base64,
}

/// One part: its own header (empty if the message is not in parts) and its text, up to the line of the next boundary.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub kind: Kind,
    pub encoding: Encoding,
    pub header: Range<usize>,
    pub text: Range<usize>,
}

/// The parts of a message's body, or of another text in its place.
pub(super) fn of(raw: &Raw<'_>, text: &[u8]) -> Vec<Part> {
    let top = |name: &str| raw.named(name).next().map(|field| field.value().to_ascii_lowercase()).unwrap_or_default();
    let mut boundaries: Vec<&[u8]> = Vec::new();
    let content_type = raw.named("Content-Type").next().map(|field| field.value()).unwrap_or_default();
    boundaries.extend(boundary_of(content_type));
    let whole = Part {
        kind: kind_of(&top("Content-Type")),
        encoding: encoding_of(&top("Content-Transfer-Encoding")),
        header: 0..0,
        text: 0..text.len(),
    };
    if boundaries.is_empty() {
        return vec![whole];
    }
    let mut parts = Vec::new();
    let mut open: Option<Part> = None; // its header or text is being read
    let mut in_header = false;
    let mut at = 0;
    while at < text.len() && parts.len() < MAX_PARTS {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |found| at + found + 1);
        let line = trim_end(&text[at..end]);
        let delimiter = line.strip_prefix(b"--").is_some_and(|rest| {
            boundaries.iter().any(|boundary| rest == *boundary || rest.strip_suffix(b"--") == Some(boundary))
        });
        if delimiter {
            parts.extend(open.take().map(|part| Part { text: part.text.start..at, ..part }));
            let closes = line.len() > 4 && line.ends_with(b"--") && !boundaries.contains(&&line[2..]);
            open = (!closes).then_some(Part {
                kind: Kind::Plain,
                encoding: Encoding::None,
                header: end..end,
                text: end..end,
            });
            in_header = true;
        } else if in_header && line.is_empty() {
            in_header = false;
            if let Some(part) = &mut open {
                part.header.end = at;
                part.text = end..end;
                let header = &text[part.header.clone()];
                if boundaries.len() < MAX_PARTS {
                    boundaries.extend(boundary_of(header));
                }
                let header = header.to_ascii_lowercase();
                part.kind = kind_of(value_in(&header, b"content-type:"));
                part.encoding = encoding_of(value_in(&header, b"content-transfer-encoding:"));
            }
        }
        at = end;
    }
    parts.extend(open.filter(|_| !in_header).map(|part| Part { text: part.text.start..text.len(), ..part }));
    parts
}

fn kind_of(content_type: &[u8]) -> Kind {
    let content_type = trim(content_type);
    if content_type.is_empty() || content_type.starts_with(b"text/plain") {
        Kind::Plain
    } else if content_type.starts_with(b"text/html") {
        Kind::Html
    } else {
        Kind::Other
    }
}

fn encoding_of(encoding: &[u8]) -> Encoding {
    let encoding = trim(encoding);
    if encoding.starts_with(b"quoted-printable") {
        Encoding::QuotedPrintable
    } else if encoding.starts_with(b"base64") {
        Encoding::Base64
    } else {
        Encoding::None
    }
}

/// The value of a field in a part's header in lower case.
fn value_in<'h>(header: &'h [u8], name: &[u8]) -> &'h [u8] {
    let mut at = 0;
    while at < header.len() {
        let end = memchr::memchr(b'\n', &header[at..]).map_or(header.len(), |found| at + found + 1);
        if let Some(value) = header[at..end].strip_prefix(name) {
            // A value may be folded before its first word.
            return if trim(value).is_empty() { &header[end..] } else { value };
        }
        at = end;
    }
    b""
}

/// The boundary that a Content-Type states.
pub(super) fn boundary_of(content_type: &[u8]) -> Option<&[u8]> {
    let at = find_ignoring_case(content_type, b"boundary=")? + b"boundary=".len();
    let value = &content_type[at..];
    let boundary = match value.split_first()? {
        (b'"', rest) => &rest[..memchr::memchr(b'"', rest)?],
        _ => {
            &value[..value
                .iter()
                .position(|byte| matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n'))
                .unwrap_or(value.len())]
        }
    };
    (!boundary.is_empty() && boundary.len() <= 200).then_some(boundary)
}

/// Where a needle in lower case stands, whatever the case.
pub(super) fn find_ignoring_case(text: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text)
        .find(|at| text.get(*at..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle)))
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).map_or(0, |last| last + 1);
    &line[..end]
}

/// Decodes quoted-printable (RFC 2045, 6.7); what is no escape stays as it is.
pub(super) fn quoted_printable_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..found]);
        rest = &rest[found + 1..];
        let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        if let (Some(high), Some(low)) = (hex(rest.first()), hex(rest.get(1))) {
            out.push((high * 16 + low) as u8);
            rest = &rest[2..];
        } else if let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            rest = after;
        } else {
            out.push(b'=');
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Encodes as most senders do: 76 characters a line, only what must be is escaped.
pub(super) fn quoted_printable_encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 5 / 4);
    let mut column = 0;
    let mut at = 0;
    while at < text.len() {
        let line_end = if text[at..].starts_with(b"\r\n") { 2 } else { usize::from(text[at] == b'\n') };
        if line_end > 0 {
            out.extend_from_slice(b"\r\n");
            (at, column) = (at + line_end, 0);
            continue;
        }
        let byte = text[at];
        let ends = text[at + 1..].starts_with(b"\r\n") || text[at + 1..].starts_with(b"\n") || at + 1 == text.len();
        let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !ends);
        let width = if plain { 1 } else { 3 };
        if column + width > 75 && !(ends && column + width <= 76) {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
        at += 1;
    }
    out
}
