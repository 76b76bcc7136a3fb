//! The one door to `mail-parser`: a byte, depth and part budget, and a caught unwind.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use evidence::Address;
use mail_parser::parsers::MessageStream;
use mail_parser::{Encoding, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

/// Largest message that is split into its parts.
pub(crate) const MAX_MESSAGE_BYTES: usize = 32 << 20;
/// Most parts that a message may have.
pub(crate) const MAX_PARTS: usize = 1_000;
/// Deepest nesting of messages and multiparts.
pub(crate) const MAX_DEPTH: usize = 32;
/// Most addresses taken from one field.
const MAX_ADDRESSES: usize = 1_000;

/// One leaf of a message: no multipart, no message.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// `type/subtype`, lower case; `text/plain` if none is stated.
    pub(crate) content_type: String,
    /// Its body as offsets into the bytes that were split.
    pub(crate) body: Range<usize>,
    /// Whether the body is Base64 or quoted-printable.
    pub(crate) encoded: bool,
    /// The body decoded; text is UTF-8.
    pub(crate) decoded: Vec<u8>,
    /// For `message/rfc822`: where the enclosed header starts; `body` then runs to the end of that message.
    pub(crate) is_message: bool,
    /// Nesting within enclosed messages: 0 is the message itself.
    pub(crate) depth: usize,
}

/// Runs a parser; its panic becomes an error that says so.
fn guarded<T>(what: &str, parse: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(parse)).map_err(|_| format!("the parser gave up on {what}"))
}

/// Decodes encoded words (RFC 2047); text that cannot be decoded stays as it is.
pub(crate) fn words(value: &str) -> String {
    if !value.contains("=?") {
        return value.trim().to_owned();
    }
    if let Some(decoded) = super::encoded::decode(value) {
        return decoded.trim().to_owned();
    }
    // A charset that only mail-parser knows, such as UTF-7.
    let line = format!("{value}\n");
    let decoded = guarded("an encoded word", || {
        MessageStream::new(line.as_bytes()).parse_unstructured().into_text().map(|text| text.into_owned())
    });
    decoded.ok().flatten().unwrap_or_else(|| value.trim().to_owned())
}

/// The addresses of a From, To or Cc field (RFC 5322, 3.4), at most a thousand.
pub fn addresses(value: &str) -> Vec<Address> {
    let line = format!("{value}\n");
    let parsed = guarded("an address list", || match MessageStream::new(line.as_bytes()).parse_address() {
        HeaderValue::Address(list) => list
            .iter()
            .filter_map(|addr| addr.address.as_deref())
            .filter(|address| address.contains('@'))
            .take(MAX_ADDRESSES)
            .map(Address::new)
            .collect(),
        _ => Vec::new(),
    });
    parsed.unwrap_or_default()
}

/// Plain text of an HTML body.
pub(crate) fn html_text(html: &str) -> String {
    guarded("HTML", || mail_parser::decoders::html::html_to_text(html)).unwrap_or_default()
}

/// Whether a message may enclose another one (`message/...`, `multipart/digest`): a cheap look before it is split into parts.
pub(crate) fn may_enclose(message: &[u8]) -> bool {
    let is_near = |slash: usize| {
        let before = message[..slash].last_chunk::<7>();
        let after = message[slash + 1..].first_chunk::<6>();
        before.is_some_and(|word| word.eq_ignore_ascii_case(b"message"))
            || after.is_some_and(|word| word.eq_ignore_ascii_case(b"digest"))
    };
    memchr::memchr_iter(b'/', message).any(is_near)
}

/// Splits a message into its leaves.
///
/// # Errors
/// What stands against it, in words, if a budget is exceeded or the parser fails.
pub(crate) fn parts(message: &[u8]) -> Result<Vec<Part>, String> {
    within_budget(message)?;
    let mut found = Vec::new();
    guarded("the MIME structure", || {
        if let Some(parsed) = MessageParser::default().parse(message) {
            leaves(&parsed, 0, message.len(), &mut found);
        }
    })?;
    Ok(found)
}

/// Counts, before anything is built, what would nest or multiply.
fn within_budget(message: &[u8]) -> Result<(), String> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(format!("{} bytes, more than {MAX_MESSAGE_BYTES}", message.len()));
    }
    let (mut containers, mut boundaries) = (0usize, 0usize);
    for line in message.split(|byte| *byte == b'\n') {
        boundaries += usize::from(line.starts_with(b"--"));
        containers += usize::from(line.len() < 2_000 && is_container(line));
    }
    if containers > MAX_DEPTH {
        return Err(format!("{containers} nested messages and multiparts, more than {MAX_DEPTH}"));
    }
    if boundaries > 4 * MAX_PARTS {
        return Err(format!("{boundaries} part boundaries, more than {}", 4 * MAX_PARTS));
    }
    Ok(())
}

fn is_container(line: &[u8]) -> bool {
    let head = line[..line.len().min(200)].to_ascii_lowercase();
    [&b"multipart/"[..], b"message/rfc822", b"message/global"]
        .iter()
        .any(|word| memchr::memmem::find(&head, word).is_some())
}

fn leaves(message: &Message<'_>, depth: usize, end: usize, found: &mut Vec<Part>) {
    for part in &message.parts {
        if found.len() >= MAX_PARTS || depth > MAX_DEPTH {
            return;
        }
        let kind = part.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("")).to_ascii_lowercase(),
        );
        let body = part.offset_body as usize..(part.offset_end as usize).min(end).max(part.offset_body as usize);
        let encoded = !matches!(part.encoding, Encoding::None);
        let mut leaf = Part { content_type: kind, body, encoded, decoded: Vec::new(), is_message: false, depth };
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => leaf.decoded = text.as_bytes().to_vec(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => leaf.decoded = bytes.to_vec(),
            PartType::Message(inner) => {
                leaf.is_message = true;
                leaf.decoded = inner.raw_message.to_vec();
                found.push(leaf);
                if !encoded {
                    leaves(inner, depth + 1, end, found);
                }
                continue;
            }
            PartType::Multipart(_) => continue,
        }
        found.push(leaf);
    }
}
