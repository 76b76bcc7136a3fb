//! The canonical forms of header fields and bodies (RFC 6376, 3.4).
//!
//! A body is never copied: what is canonical already goes to the hash as it stands, in runs as long as possible. A bare LF
//! counts as the CRLF that it was before somebody saved the message.

use aws_lc_rs::digest::{self, Context, Digest};

use super::signature::HashKind;
use crate::message::{Field, Raw};
use crate::tags::{is_white, trim};

/// A canonical form (RFC 6376, 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canon {
    /// Almost no change is tolerated.
    Simple,
    /// White space may change.
    Relaxed,
}

impl Canon {
    /// Its name in `c=`.
    pub fn id(self) -> &'static str {
        match self {
            Canon::Simple => "simple",
            Canon::Relaxed => "relaxed",
        }
    }

    /// The form by its name, whatever the case.
    pub fn of(id: &[u8]) -> Option<Canon> {
        [Canon::Simple, Canon::Relaxed].into_iter().find(|canon| id.eq_ignore_ascii_case(canon.id().as_bytes()))
    }
}

/// Takes canonical bytes.
pub(crate) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Hashes the bytes up to a limit, and counts them all.
struct Limited {
    hash: Context,
    left: u64,
    total: u64,
}

impl Sink for Limited {
    fn put(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        self.total += length;
        let take = length.min(self.left);
        self.left -= take;
        self.hash.update(&bytes[..take as usize]);
    }
}

/// Gives the canonical form of a body (RFC 6376, 3.4.3 and 3.4.4).
pub(crate) fn body(canon: Canon, body: &[u8], sink: &mut impl Sink) {
    let content = &body[..content_end(canon, body)];
    if content.is_empty() {
        // 3.4.3: an empty body is a CRLF; 3.4.4: it stays empty.
        if canon == Canon::Simple {
            sink.put(b"\r\n");
        }
        return;
    }
    let mut start = 0;
    let mut at = 0;
    while at < content.len() {
        at = match canon {
            Canon::Simple => next_odd(content, at, odd_simple),
            Canon::Relaxed => next_odd(content, at, odd_relaxed),
        };
        if at == content.len() {
            break;
        }
        sink.put(&content[start..at]);
        if content[at] == b'\n' {
            sink.put(b"\r\n");
            at += 1;
        } else {
            at += content[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if !content[at..].starts_with(b"\r\n") && content.get(at) != Some(&b'\n') {
                sink.put(b" ");
            }
        }
        start = at;
    }
    sink.put(&content[start..]);
    sink.put(b"\r\n");
}

/// Where the last line that is not empty ends, without its line end; under `relaxed` white space makes no line full.
fn content_end(canon: Canon, body: &[u8]) -> usize {
    let mut end = body.len();
    loop {
        if canon == Canon::Relaxed {
            while end > 0 && matches!(body[end - 1], b' ' | b'\t') {
                end -= 1;
            }
        }
        if end == 0 || body[end - 1] != b'\n' {
            return end;
        }
        end -= 1;
        if end > 0 && body[end - 1] == b'\r' {
            end -= 1;
        }
    }
}

// Whether a byte may not go to the hash as it stands, by the bytes before and after it.
#[inline(always)]
fn odd_simple(before: u8, byte: u8, _: u8) -> bool {
    (byte == b'\n') & (before != b'\r')
}

#[inline(always)]
fn odd_relaxed(before: u8, byte: u8, after: u8) -> bool {
    let white_after = (after == b' ') | (after == b'\t') | (after == b'\r') | (after == b'\n');
    (byte == b'\t') | ((byte == b' ') & white_after) | odd_simple(before, byte, after)
}

/// The first byte from `from` on that is odd, or the end. Whole blocks are looked at without a branch, so that the
/// compiler makes vector code of it.
#[inline(always)]
fn next_odd(text: &[u8], from: usize, odd: impl Fn(u8, u8, u8) -> bool) -> usize {
    const BLOCK: usize = 64;
    let one = |at: usize| {
        let before = if at == 0 { 0 } else { text[at - 1] };
        odd(before, text[at], text.get(at + 1).copied().unwrap_or(0))
    };
    let mut at = from;
    if at == 0 && !text.is_empty() {
        if one(0) {
            return 0;
        }
        at = 1;
    }
    while at + BLOCK < text.len() {
        let before: &[u8; BLOCK] = text[at - 1..at - 1 + BLOCK].try_into().expect("a block");
        let bytes: &[u8; BLOCK] = text[at..at + BLOCK].try_into().expect("a block");
        let after: &[u8; BLOCK] = text[at + 1..at + 1 + BLOCK].try_into().expect("a block");
        let mut any = 0u8;
        for i in 0..BLOCK {
            any |= u8::from(odd(before[i], bytes[i], after[i]));
        }
        if any != 0 {
            break;
        }
        at += BLOCK;
    }
    let stop = text.len().min(at + BLOCK);
    while at < stop {
        if one(at) {
            return at;
        }
        at += 1;
    }
    if at < text.len() { next_odd_from(text, at, odd) } else { at }
}

/// Goes on behind a block; apart, so that [`next_odd`] can be compiled into its place.
fn next_odd_from(text: &[u8], from: usize, odd: impl Fn(u8, u8, u8) -> bool) -> usize {
    (from..text.len())
        .find(|at| odd(text[at - 1], text[*at], text.get(at + 1).copied().unwrap_or(0)))
        .unwrap_or(text.len())
}

/// Gives the canonical form of a header field, with its line end (RFC 6376, 3.4.1 and 3.4.2).
pub(crate) fn field(canon: Canon, field: &Field<'_>, sink: &mut Vec<u8>) {
    field_text(canon, field.name, field.raw, field.value(), sink);
    sink.put(b"\r\n");
}

/// Gives the canonical form of a signature's own field: its `b=` is empty, and it has no line end (RFC 6376, 3.7).
///
/// `signature` is the place of the value of `b=` within the value of the field.
pub(crate) fn own_field(canon: Canon, field: &Field<'_>, signature: std::ops::Range<usize>, sink: &mut Vec<u8>) {
    let head = field.raw.len() - field.value().len();
    let mut raw = Vec::with_capacity(field.raw.len());
    raw.extend_from_slice(&field.raw[..head + signature.start]);
    raw.extend_from_slice(&field.raw[head + signature.end..]);
    field_text(canon, field.name, &raw, &raw[head..], sink);
}

/// Gives the canonical form of a field by its parts, without a line end.
pub(crate) fn field_text(canon: Canon, name: &[u8], raw: &[u8], value: &[u8], sink: &mut Vec<u8>) {
    match canon {
        Canon::Simple => {
            let mut rest = raw;
            while let Some(found) = memchr::memchr(b'\n', rest) {
                let line = &rest[..found];
                sink.put(line.strip_suffix(b"\r").unwrap_or(line));
                sink.put(b"\r\n");
                rest = &rest[found + 1..];
            }
            sink.put(rest);
        }
        Canon::Relaxed => {
            sink.extend(name.iter().map(u8::to_ascii_lowercase));
            sink.push(b':');
            packed(trim(value), sink);
        }
    }
}

/// Unfolds a value and makes one space of each run of white space.
pub(crate) fn packed(value: &[u8], sink: &mut Vec<u8>) {
    sink.reserve(value.len());
    let mut rest = value;
    while let Some(found) = rest.iter().position(|byte| is_white(*byte)) {
        sink.extend_from_slice(&rest[..found]);
        rest = &rest[found..];
        let white = rest.iter().take_while(|byte| is_white(**byte)).count();
        // A CR alone is no line end, and so no folding; RFC 5322 does not allow it anyway.
        sink.push(b' ');
        rest = &rest[white..];
    }
    sink.extend_from_slice(rest);
}

/// What decides a body's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyForm {
    /// The canonical form.
    pub canon: Canon,
    /// The hash.
    pub hash: HashKind,
    /// `l=`: how many bytes of the canonical form are hashed.
    pub limit: Option<u64>,
}

/// The hash of a body, and the length of its canonical form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyHash {
    /// The hash.
    pub digest: Digest,
    /// The length of the whole canonical form, whatever `l=` says.
    pub total: u64,
}

/// The hashes of one message's body, each computed once: signatures of DKIM and ARC mostly share them.
#[derive(Debug)]
pub struct BodyHashes<'a> {
    body: &'a [u8],
    known: Vec<(BodyForm, BodyHash)>,
}

impl<'a> BodyHashes<'a> {
    /// The hashes of a message's body; none is computed yet.
    pub fn of(raw: &Raw<'a>) -> BodyHashes<'a> {
        BodyHashes { body: raw.body, known: Vec::new() }
    }

    /// The hash of a form.
    pub(crate) fn get(&mut self, form: BodyForm) -> BodyHash {
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == form) {
            return *known;
        }
        let hash = hash_of(form, self.body);
        self.known.push((form, hash));
        hash
    }
}

/// Hashes a body in a form.
pub(crate) fn hash_of(form: BodyForm, text: &[u8]) -> BodyHash {
    let hash = Context::new(match form.hash {
        HashKind::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        HashKind::Sha256 => &digest::SHA256,
    });
    let mut sink = Limited { hash, left: form.limit.unwrap_or(u64::MAX), total: 0 };
    body(form.canon, text, &mut sink);
    BodyHash { digest: sink.hash.finish(), total: sink.total }
}

/// The fields of a message by name, to select them from the bottom up (RFC 6376, 5.4.2).
#[derive(Debug)]
pub(crate) struct FieldIndex {
    /// Places of fields, sorted by name; fields of one name from the bottom up.
    sorted: Vec<u32>,
}

impl FieldIndex {
    /// Sorts the fields of a message.
    pub fn of(raw: &Raw<'_>) -> FieldIndex {
        let mut sorted: Vec<u32> = (0..raw.fields.len() as u32).collect();
        sorted.sort_unstable_by(|a, b| {
            by_name(raw.fields[*a as usize].name, raw.fields[*b as usize].name).then(b.cmp(a))
        });
        FieldIndex { sorted }
    }

    /// The fields that `names` select: each name takes the lowest field of that name that none before it took; a name
    /// without a field takes nothing.
    pub fn select<'n>(&self, raw: &Raw<'_>, names: impl Iterator<Item = &'n [u8]>) -> Vec<usize> {
        let mut taken = vec![0u32; self.sorted.len()];
        let mut selected = Vec::with_capacity(16);
        for name in names {
            let first = self
                .sorted
                .partition_point(|place| by_name(raw.fields[*place as usize].name, name) == std::cmp::Ordering::Less);
            let Some(count) = taken.get_mut(first) else { continue };
            let Some(place) = self.sorted.get(first + *count as usize) else { continue };
            if raw.fields[*place as usize].name.eq_ignore_ascii_case(name) {
                *count += 1;
                selected.push(*place as usize);
            }
        }
        selected
    }
}

/// The order of names, whatever the case; by length first, as that tells most of them apart.
fn by_name(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(canon: Canon, text: &str) -> String {
        let mut out = Vec::new();
        body(canon, text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// RFC 6376, 3.4.5, and the edges that 3.4.3 and 3.4.4 speak of.
    #[test]
    fn ok_bodies() {
        for (name, text, simple, relaxed) in [
            ("3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"),
            ("empty", "", "\r\n", ""),
            ("blank lines only", "\r\n\r\n", "\r\n", ""),
            ("white space only", " \t\r\n", " \t\r\n", ""),
            ("no line end", "a", "a\r\n", "a\r\n"),
            ("white space at the end", "a \t", "a \t\r\n", "a\r\n"),
            ("blank lines within", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"),
            ("white lines at the end", "a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n"),
            ("bare LF", "a \nb\n\n", "a \r\nb\r\n", "a\r\nb\r\n"),
            ("bare LF first", "\na", "\r\na\r\n", "\r\na\r\n"),
            ("mixed line ends", "a\r\nb\nc\r\n\n", "a\r\nb\r\nc\r\n", "a\r\nb\r\nc\r\n"),
            ("a lone CR is no line end", "a \rb\r\n", "a \rb\r\n", "a \rb\r\n"),
            ("a lone CR at the end", "a\r", "a\r\r\n", "a\r\r\n"),
            ("tab alone", "a\tb\r\n", "a\tb\r\n", "a b\r\n"),
            ("white space first", "\t a\r\n", "\t a\r\n", " a\r\n"),
        ] {
            assert_eq!(body_of(Canon::Simple, text), simple, "{name}, simple");
            assert_eq!(body_of(Canon::Relaxed, text), relaxed, "{name}, relaxed");
            // The same deep within blocks.
            let deep = format!("{}{text}", "x".repeat(150));
            let expected = if relaxed.is_empty() { "\r\n" } else { relaxed };
            assert_eq!(body_of(Canon::Relaxed, &deep), format!("{}{expected}", "x".repeat(150)), "{name}, deep");
        }
    }

    /// RFC 6376, 3.4.5.
    #[test]
    fn ok_fields() {
        let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\nC:\r\n\r\n";
        let raw = Raw::of(message);
        let all = |canon| {
            let mut out = Vec::new();
            raw.fields.iter().for_each(|each| field(canon, each, &mut out));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(all(Canon::Relaxed), "a:X\r\nb:Y Z\r\nc:\r\n");
        assert_eq!(all(Canon::Simple), "A: X\r\nB : Y\t\r\n\tZ  \r\nC:\r\n");
        let bare = Raw::of(b"B : Y\t\n\tZ  \n\n");
        let mut out = Vec::new();
        field(Canon::Simple, &bare.fields[0], &mut out);
        assert_eq!(out, b"B : Y\t\r\n\tZ  \r\n");
    }

    #[test]
    fn ok_selection_from_the_bottom() {
        let raw = Raw::of(b"To: 1\r\nX: 2\r\nto: 3\r\nTO: 4\r\n\r\n");
        let index = FieldIndex::of(&raw);
        let select = |names: &[&str]| index.select(&raw, names.iter().map(|name| name.as_bytes()));
        assert_eq!(select(&["to", "x", "to", "missing", "to", "to"]), [3, 1, 2, 0]);
        assert_eq!(select(&["t", "tox", "zzz"]), [0usize; 0]);
    }
}
