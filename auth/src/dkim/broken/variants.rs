//! The body with one known change undone.

use super::body::canonical;
use super::changes::{Change, LinkService};
use super::links::{self, Ampersands};
use super::parts::{self, Encoding, Kind, Part};
use super::search::Budget;
use crate::dkim::canon::Canon;
use crate::message::Raw;

/// Most bytes of bodies with changes undone that are held at once.
const MAX_HELD_BYTES: usize = 64 << 20;

/// A body with some changes undone.
pub(super) struct Variant {
    pub changes: Vec<Change>,
    pub body: Vec<u8>,
}

/// The body as it is, and with each of the known changes undone.
pub(super) fn of(raw: &Raw<'_>, form: Canon, budget: &mut Budget) -> Vec<Variant> {
    let body = raw.body;
    let mut variants = vec![Variant { changes: Vec::new(), body: body.to_vec() }];
    if body.len() > MAX_HELD_BYTES / 4 {
        budget.leave_out();
        return variants;
    }
    let mut held = body.len();
    let mut add = |change: Change, text: Vec<u8>| {
        held += text.len();
        if held <= MAX_HELD_BYTES {
            variants.push(Variant { changes: vec![change], body: text });
        } else {
            budget.leave_out();
        }
    };
    if form == Canon::Simple {
        white_space(body, &mut add);
    }
    if let Some(text) = without_odd_cr(body) {
        add(Change::LineEnds, text);
    }
    line_starts(body, &mut add);
    let parts = parts::of(raw, body);
    recoded(body, &parts, &mut add);
    relinked(body, &mut add);
    variants
}

/// Takes a body with a change undone.
type Add<'a> = dyn FnMut(Change, Vec<u8>) + 'a;

/// White space that `simple` does not forgive.
fn white_space(body: &[u8], add: &mut Add<'_>) {
    add(Change::BodyWhiteSpace, canonical(Canon::Relaxed, body));
    let (stripped, lines) = by_line(body, |line, out| {
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
        out.extend_from_slice(&line[..end]);
        end < line.len()
    });
    if lines > 0 {
        add(Change::BodyWhiteSpace, stripped);
    }
    let (spaced, lines) = by_line(body, |line, out| {
        out.extend_from_slice(if line == b"--" { b"-- " } else { line });
        line == b"--"
    });
    if lines > 0 {
        add(Change::SeparatorSpace { lines }, spaced);
    }
}

/// What is done to lines by how they start.
fn line_starts(body: &[u8], add: &mut Add<'_>) {
    for (change, from, to) in [
        ((|lines| Change::FromEscaped { lines }) as fn(usize) -> Change, b">From ".as_slice(), b"From ".as_slice()),
        (|lines| Change::FromUnescaped { lines }, b"From ", b">From "),
        (|lines| Change::DotsStuffed { lines }, b"..", b"."),
        (|lines| Change::DotsLost { lines }, b".", b".."),
    ] {
        let (text, lines) = by_line(body, |line, out| match line.strip_prefix(from) {
            Some(rest) => {
                out.extend_from_slice(to);
                out.extend_from_slice(rest);
                true
            }
            None => {
                out.extend_from_slice(line);
                false
            }
        });
        if lines > 0 {
            add(change(lines), text);
        }
    }
}

/// Links as they were before a service rewrote them.
fn relinked(body: &[u8], add: &mut Add<'_>) {
    for service in [LinkService::SafeLinks, LinkService::UrlDefense2, LinkService::UrlDefense3] {
        for ampersands in [Ampersands::AsAround, Ampersands::Bare] {
            if let Some(restored) = links::restored(body, service, ampersands) {
                let change = Change::LinksRewritten { service, links: restored.links, first: restored.first };
                add(change, restored.text);
            }
        }
    }
}

/// Rewrites a body line by line, without line ends; counts the lines that `change` says it changed.
fn by_line(body: &[u8], mut change: impl FnMut(&[u8], &mut Vec<u8>) -> bool) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(body.len() + 64);
    let (mut at, mut changed) = (0, 0);
    while at < body.len() {
        let stop = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |found| at + found);
        let end = if stop > at && stop < body.len() && body[stop - 1] == b'\r' { stop - 1 } else { stop };
        changed += usize::from(change(&body[at..end], &mut out));
        at = (stop + 1).min(body.len());
        out.extend_from_slice(&body[end..at]);
    }
    (out, changed)
}

/// The body with one CR before each LF, and a line end for each CR alone; `None` if it is so already.
fn without_odd_cr(body: &[u8]) -> Option<Vec<u8>> {
    let odd = memchr::memchr_iter(b'\r', body).any(|at| body.get(at + 1) != Some(&b'\n'));
    odd.then(|| {
        let mut out = Vec::with_capacity(body.len() + 64);
        let mut rest = body;
        while let Some(found) = memchr::memchr(b'\r', rest) {
            out.extend_from_slice(&rest[..found]);
            let many = rest[found..].iter().take_while(|byte| **byte == b'\r').count();
            rest = &rest[found + many..];
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(rest);
        out
    })
}

/// The body with its text parts in the encoding that they may have had: all that have the same one are undone together.
fn recoded(body: &[u8], parts: &[Part], found: &mut Add<'_>) {
    let text = |part: &&Part| part.kind != Kind::Other;
    let of =
        |encoding: Encoding| parts.iter().filter(text).filter(|part| part.encoding == encoding).collect::<Vec<_>>();
    let mut add = |parts: &[&Part], now: &str, signed: &str, decode: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        if !parts.is_empty()
            && let Some(text) = with_parts(body, parts, signed, decode)
        {
            found(Change::Recoded { parts: parts.len(), signed: signed.to_owned(), now: now.to_owned() }, text);
        }
    };
    let quoted = of(Encoding::QuotedPrintable);
    let base64 = of(Encoding::Base64);
    let plain = of(Encoding::None);
    for signed in ["8bit", "7bit", "8BIT", "7BIT", ""] {
        add(&quoted, "quoted-printable", signed, &|text| Some(parts::quoted_printable_decoded(text)));
        add(&base64, "base64", signed, &base64_decoded);
    }
    let wide: Vec<&Part> = plain.iter().copied().filter(|part| !body[part.text.clone()].is_ascii()).collect();
    for (parts, now) in [(&wide, "8bit"), (&plain, "7bit")] {
        add(parts, now, "quoted-printable", &|text| Some(parts::quoted_printable_encoded(text)));
        add(parts, now, "base64", &|text| Some(base64_encoded(text)));
    }
}

/// The body with parts decoded, and with `signed` in their Content-Transfer-Encoding; without that line if it is empty.
fn with_parts(
    body: &[u8],
    parts: &[&Part],
    signed: &str,
    decode: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"content-transfer-encoding:";
    let mut out = Vec::with_capacity(body.len() * 4 / 3);
    let mut at = 0;
    for part in parts {
        let header = &body[part.header.clone()];
        if let Some(found) = parts::find_ignoring_case(header, NAME) {
            let line_end = memchr::memchr(b'\n', &header[found..]).map_or(header.len(), |end| found + end + 1);
            let start = if signed.is_empty() { found } else { found + NAME.len() };
            out.extend_from_slice(&body[at..part.header.start + start]);
            if !signed.is_empty() {
                out.extend_from_slice(b" ");
                out.extend_from_slice(signed.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            at = part.header.start + line_end;
        }
        out.extend_from_slice(&body[at..part.text.start]);
        // The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1).
        let text = &body[part.text.clone()];
        let inner = text.strip_suffix(b"\n").map(|text| text.strip_suffix(b"\r").unwrap_or(text)).unwrap_or(text);
        out.extend_from_slice(&decode(inner)?);
        at = part.text.start + inner.len();
    }
    out.extend_from_slice(&body[at..]);
    Some(out)
}

pub(super) fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let tag = crate::tags::Tag { name: "", value: text, place: 0..0 };
    crate::dkim::signature::base64_of(&tag)
}

pub(super) fn base64_encoded(text: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let code = base64::engine::general_purpose::STANDARD.encode(text);
    let lines: Vec<&[u8]> = code.as_bytes().chunks(76).collect();
    lines.join(b"\r\n".as_slice())
}
