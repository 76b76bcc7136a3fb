//! What was changed in the body.

use std::ops::Range;

use super::changes::{Cause, Change, Hint, LinkService, shown};
use super::links::{self, Ampersands};
use super::parts::{self, Encoding, Kind, Part};
use super::search::{Budget, Cut, Target};
use super::{Failed, encoded, header};
use crate::dkim::canon::{self, Canon};
use crate::message::Raw;

/// How far from where a part begins or ends an inserted text may reach.
const MAX_INSERTED_BYTES: usize = 16_384;

/// Most ends that are tried for one beginning.
const MAX_CUTS: usize = 400;

/// Most text parts into which something may have been inserted.
const MAX_TEXT_PARTS: usize = 10;

/// Most pairs of cuts that are tried.
const MAX_PAIRS: usize = 200;

/// Most bytes of bodies with changes undone that are held at once.
const MAX_HELD_BYTES: usize = 64 << 20;

/// A body with some changes undone.
struct Variant {
    changes: Vec<Change>,
    body: Vec<u8>,
}

/// Searches for what was changed in the body.
pub(super) fn explain(failed: &Failed<'_, '_>) -> Cause {
    let signature = failed.signature;
    let target = Target { form: signature.body_form(), hash: &signature.body_hash };
    let mut budget = Budget::new();
    match found(failed.raw, &target, &mut budget) {
        Some(changes) => Cause::Proved(changes),
        None => Cause::NotProved { hints: hints(failed.raw), search: budget.search() },
    }
}

fn found(raw: &Raw<'_>, target: &Target<'_>, budget: &mut Budget) -> Option<Vec<Change>> {
    if let Some(change) = wrong_length(raw.body, target, budget) {
        return Some(vec![change]);
    }
    let variants = variants(raw, target.form.canon, budget);
    // What is cheap comes first, for all variants; the body as it arrived is the first of them.
    for variant in variants.iter().skip(1) {
        if target.met_by(&variant.body, budget) {
            return Some(variant.changes.clone());
        }
    }
    for variant in &variants {
        let text = &canonical(target.form.canon, &variant.body);
        if let Some(end) = target.beginning(text, budget) {
            let place = Places { raw, variant, canon: target.form.canon }.of(text, (end, text.len()));
            let appended = Change::Appended { place, text: shown(&text[end..]) };
            return Some(variant.changes.iter().cloned().chain([appended]).collect());
        }
    }
    for variant in &variants {
        let text = &canonical(target.form.canon, &variant.body);
        let places = Places { raw, variant, canon: target.form.canon };
        if let Some(cuts) = inserted(raw, text, target, budget) {
            let inserted = cuts
                .into_iter()
                .map(|cut| Change::Inserted { place: places.of(text, cut), text: shown(&text[cut.0..cut.1]) });
            return Some(variant.changes.iter().cloned().chain(inserted).collect());
        }
    }
    encoded::inserted(raw, target, budget).map(|change| vec![change])
}

fn wrong_length(body: &[u8], target: &Target<'_>, budget: &mut Budget) -> Option<Change> {
    let says = target.form.limit?;
    let whole = Target { form: canon::BodyForm { limit: None, ..target.form }, hash: target.hash };
    if !whole.met_by(body, budget) {
        return None;
    }
    Some(Change::WrongLength { says, body_bytes: canonical(target.form.canon, body).len() as u64 })
}

fn canonical(form: Canon, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 2);
    canon::body(form, body, &mut text);
    text
}

/// The body as it is, and with each of the known changes undone.
fn variants(raw: &Raw<'_>, form: Canon, budget: &mut Budget) -> Vec<Variant> {
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
    if let Some(text) = without_odd_cr(body) {
        add(Change::LineEnds, text);
    }
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
    let parts = parts::of(raw, body);
    for (change, text) in recoded(body, &parts) {
        add(change, text);
    }
    for service in [LinkService::SafeLinks, LinkService::UrlDefense2, LinkService::UrlDefense3] {
        for ampersands in [Ampersands::AsAround, Ampersands::Bare] {
            if let Some(restored) = links::restored(body, service, ampersands) {
                let change = Change::LinksRewritten { service, links: restored.links, first: restored.first };
                add(change, restored.text);
            }
        }
    }
    variants
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
fn recoded(body: &[u8], parts: &[Part]) -> Vec<(Change, Vec<u8>)> {
    let text = |part: &&Part| part.kind != Kind::Other;
    let of =
        |encoding: Encoding| parts.iter().filter(text).filter(|part| part.encoding == encoding).collect::<Vec<_>>();
    let mut found = Vec::new();
    let mut add = |parts: &[&Part], now: &str, signed: &str, decode: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        if !parts.is_empty()
            && let Some(text) = with_parts(body, parts, signed, decode)
        {
            found.push((Change::Recoded { parts: parts.len(), signed: signed.to_owned(), now: now.to_owned() }, text));
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
    found
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

/// Searches for text that was inserted at the start or the end of the text parts of a canonical body; in one part, or in its
/// plain and its HTML form.
fn inserted(raw: &Raw<'_>, text: &[u8], target: &Target<'_>, budget: &mut Budget) -> Option<Vec<Cut>> {
    let parts: Vec<Part> = parts::of(raw, text)
        .into_iter()
        .filter(|part| part.kind != Kind::Other && part.encoding != Encoding::Base64)
        .take(MAX_TEXT_PARTS)
        .collect();
    let cuts: Vec<(Vec<Cut>, Vec<Cut>)> = parts.iter().map(|part| (at_end(text, part), at_start(text, part))).collect();
    let likely_first = |cuts: Vec<Cut>, budget: &mut Budget| {
        // Looking at a cut is work as well, if less than hashing.
        let mut torn = |cut: &Cut| !(budget.take((cut.1 - cut.0) / 8) && is_whole(&text[cut.0..cut.1]));
        let mut cuts: Vec<(bool, Cut)> = cuts.into_iter().map(|cut| (torn(&cut), cut)).collect();
        cuts.sort_by_key(|(torn, cut)| (*torn, cut.1 - cut.0, cut.0));
        cuts.dedup();
        cuts.into_iter().partition::<Vec<_>, _>(|(torn, _)| !torn)
    };
    let (whole_ends, torn_ends) = likely_first(cuts.iter().flat_map(|(at_end, _)| at_end.clone()).collect(), budget);
    let (whole_starts, torn_starts) =
        likely_first(cuts.iter().flat_map(|(_, at_start)| at_start.clone()).collect(), budget);
    let without = |cuts: Vec<(bool, Cut)>, budget: &mut Budget| {
        let cuts: Vec<Cut> = cuts.into_iter().map(|(_, cut)| cut).collect();
        target.without_one(text, &cuts, budget).map(|cut| vec![cut])
    };
    without(whole_ends, budget)
        .or_else(|| in_both_forms(text, &parts, &cuts, target, budget))
        .or_else(|| without(whole_starts, budget))
        .or_else(|| without(torn_ends, budget))
        .or_else(|| without(torn_starts, budget))
}

/// Whether each element that begins in a text ends in it, and none ends that did not begin: so is what somebody inserts. True
/// of a text without tags.
pub(super) fn is_whole(text: &[u8]) -> bool {
    const VOID: &[&[u8]] = &[b"br", b"hr", b"img", b"input", b"meta", b"link", b"col", b"area", b"base", b"wbr"];
    let mut open = 0usize;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &text[at..]) {
        let tag = &text[at + found + 1..];
        if tag.starts_with(b"!--") {
            let Some(end) = memchr::memmem::find(tag, b"-->") else { return false };
            at += found + 1 + end + 3;
            continue;
        }
        let Some(end) = memchr::memchr(b'>', tag) else { return false };
        let (closing, name) = match tag.strip_prefix(b"/") {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let void = VOID.iter().any(|void| name[..length].eq_ignore_ascii_case(void)) || tag[..end].ends_with(b"/");
        if closing {
            let Some(left) = open.checked_sub(1) else { return false };
            open = left;
        } else if length > 0 && !void {
            open += 1;
        }
        at += found + 1 + end + 1;
    }
    open == 0
}

/// The cuts that end where a part ends, or before its last tags.
pub(super) fn at_end(text: &[u8], part: &Part) -> Vec<Cut> {
    let mut ends = vec![part.text.end];
    if part.kind == Kind::Html {
        for tag in [b"</body".as_slice(), b"</html"] {
            ends.extend(last_ignoring_case(&text[part.text.clone()], tag).map(|at| part.text.start + at));
        }
    }
    ends.dedup();
    let mut cuts = Vec::new();
    for end in ends {
        let from = part.text.start.max(end.saturating_sub(MAX_INSERTED_BYTES));
        let starts = breaks(text, from..end, part.kind);
        cuts.extend(starts.into_iter().rev().filter(|start| *start < end).take(MAX_CUTS).map(|start| (start, end)));
        // Text behind the last line end: a part that ends in a line end may have had none.
        if text[..end].ends_with(b"\r\n") && part.kind == Kind::Html {
            let line_end = end - 2;
            let starts = breaks(text, from..line_end, part.kind);
            cuts.extend(
                starts
                    .into_iter()
                    .rev()
                    .filter(|start| *start < line_end)
                    .take(MAX_CUTS)
                    .map(|start| (start, line_end)),
            );
        }
    }
    cuts
}

/// The cuts that begin where a part begins, or behind its first tags.
pub(super) fn at_start(text: &[u8], part: &Part) -> Vec<Cut> {
    let mut starts = vec![part.text.start];
    if part.kind == Kind::Html {
        let head = &text[part.text.clone()];
        for tag in [b"<body".as_slice(), b"<html"] {
            let opened = parts::find_ignoring_case(head, tag);
            let closed = opened.and_then(|at| memchr::memchr(b'>', &head[at..]).map(|close| at + close + 1));
            starts.extend(closed.map(|at| part.text.start + at));
            // The line end behind a tag is the banner's or the text's: both are tried.
            let line = closed.filter(|at| head[*at..].starts_with(b"\r\n")).map(|at| part.text.start + at + 2);
            starts.extend(line);
        }
    }
    let mut cuts: Vec<Cut> = Vec::new();
    for start in starts {
        let until = part.text.end.min(start + MAX_INSERTED_BYTES);
        let ends = breaks(text, start..until, part.kind);
        cuts.extend(ends.into_iter().filter(|end| *end > start).take(MAX_CUTS).map(|end| (start, end)));
    }
    cuts
}

/// Where an inserted text may begin or end: at lines, and in HTML also at tags.
fn breaks(text: &[u8], range: Range<usize>, kind: Kind) -> Vec<usize> {
    let mut places = vec![range.start, range.end];
    for at in memchr::memchr3_iter(b'\n', b'<', b'>', &text[range.clone()]) {
        let at = range.start + at;
        match text[at] {
            b'\n' => places.push(at + 1),
            b'<' if kind == Kind::Html => places.push(at),
            b'>' if kind == Kind::Html => places.push(at + 1),
            _ => {}
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

fn last_ignoring_case(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(needle[0], text)
        .take(10_000)
        .find(|at| text.get(*at..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle)))
}

/// Cuts in a plain part and in an HTML part that say the same: banners and footers are put into both forms of a text.
fn in_both_forms(
    text: &[u8],
    parts: &[Part],
    cuts: &[(Vec<Cut>, Vec<Cut>)],
    target: &Target<'_>,
    budget: &mut Budget,
) -> Option<Vec<Cut>> {
    let plain = parts.iter().position(|part| part.kind == Kind::Plain)?;
    let html = parts.iter().position(|part| part.kind == Kind::Html && part.text.start > parts[plain].text.start)?;
    let mut pairs: Vec<(Cut, Cut)> = Vec::new();
    for (first, second) in [(&cuts[plain].0, &cuts[html].0), (&cuts[plain].1, &cuts[html].1)] {
        let said: Vec<(Vec<u8>, Cut)> =
            first.iter().map(|cut| (visible(&text[cut.0..cut.1], &parts[plain]), *cut)).collect();
        let mut by_text: std::collections::HashMap<&[u8], Vec<Cut>> = std::collections::HashMap::new();
        for (text, cut) in &said {
            if !text.is_empty() {
                by_text.entry(text).or_default().push(*cut);
            }
        }
        for cut in second {
            let Some(equal) = by_text.get(visible(&text[cut.0..cut.1], &parts[html]).as_slice()) else { continue };
            pairs.extend(equal.iter().map(|first| (*first, *cut)));
        }
    }
    pairs.sort_by_key(|(first, second)| (first.1 - first.0) + (second.1 - second.0));
    let found =
        pairs.into_iter().take(MAX_PAIRS).find(|(first, second)| target.without_two(text, *first, *second, budget));
    found.map(|(first, second)| vec![first, second])
}

/// What a reader sees of a text, as far as it can be compared: letters and digits, without tags and spaces.
fn visible(text: &[u8], part: &Part) -> Vec<u8> {
    let decoded = match part.encoding {
        Encoding::QuotedPrintable => parts::quoted_printable_decoded(text),
        Encoding::None | Encoding::Base64 => text.to_vec(),
    };
    let mut out = Vec::with_capacity(decoded.len());
    let mut at = 0;
    while at < decoded.len() {
        let byte = decoded[at];
        let skipped: Option<(&[u8], usize)> = match byte {
            b'<' if part.kind == Kind::Html && decoded[at..].starts_with(b"<!--") => Some((b"-->", MAX_INSERTED_BYTES)),
            b'<' if part.kind == Kind::Html && starts_ignoring_case(&decoded[at..], b"<style") => {
                Some((b"</style>", MAX_INSERTED_BYTES))
            }
            b'<' if part.kind == Kind::Html => Some((b">", MAX_INSERTED_BYTES)),
            b'&' if part.kind == Kind::Html => Some((b";", 10)),
            _ => None,
        };
        if let Some((end, reach)) = skipped {
            let rest = &decoded[at..decoded.len().min(at + reach)];
            if let Some(found) = memchr::memmem::find(rest, end) {
                at += found + end.len();
                continue;
            }
        }
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            out.push(byte.to_ascii_lowercase());
        }
        at += 1;
    }
    out
}

fn starts_ignoring_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// Finds the place in the message of a place in a canonical body.
struct Places<'p, 'a> {
    raw: &'p Raw<'a>,
    variant: &'p Variant,
    canon: Canon,
}

impl Places<'_, '_> {
    /// The bytes of the message that hold a part of the canonical text. Where other changes were undone too, it is the line
    /// that says the same, or else the whole body.
    fn of(&self, text: &[u8], (start, end): Cut) -> Range<usize> {
        let body = self.raw.body_at..self.raw.body_at + self.raw.body.len();
        if self.variant.changes.is_empty() {
            let start = raw_place(self.canon, self.raw.body, start);
            let end = if end >= text.len() { self.raw.body.len() } else { raw_place(self.canon, self.raw.body, end) };
            return body.start + start..body.start + end.max(start);
        }
        let cut = &text[start..end];
        let line = cut.split(|byte| *byte == b'\r').find(|line| line.len() > 8).unwrap_or(cut);
        match memchr::memmem::find(self.raw.body, line).filter(|_| !line.is_empty()) {
            Some(at) => body.start + at..body.start + at + line.len(),
            None => body,
        }
    }
}

/// Where in a body the canonical byte stands.
fn raw_place(form: Canon, body: &[u8], canonical: usize) -> usize {
    let (mut at, mut given) = (0, 0);
    while at < body.len() {
        let stop = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |found| at + found);
        let end = if stop > at && stop < body.len() && body[stop - 1] == b'\r' { stop - 1 } else { stop };
        let line = &body[at..end];
        let length = line_length(form, line);
        if canonical < given + length + 2 {
            return at + offset_in_line(form, line, canonical - given);
        }
        given += length + 2;
        at = (stop + 1).min(body.len());
    }
    body.len()
}

fn line_length(form: Canon, line: &[u8]) -> usize {
    match form {
        Canon::Simple => line.len(),
        Canon::Relaxed => {
            let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
            (0..end).filter(|at| gives(line, *at)).count()
        }
    }
}

/// Whether a byte of a line gives a canonical byte under `relaxed`: of a run of white space only the first does.
fn gives(line: &[u8], at: usize) -> bool {
    let white = |at: usize| matches!(line[at], b' ' | b'\t');
    !(white(at) && at > 0 && white(at - 1))
}

/// How many bytes of a line give the first `canonical` bytes of its canonical form.
fn offset_in_line(form: Canon, line: &[u8], canonical: usize) -> usize {
    match form {
        Canon::Simple => canonical.min(line.len()),
        Canon::Relaxed => (0..line.len()).filter(|at| gives(line, *at)).nth(canonical).unwrap_or(line.len()),
    }
}

fn hints(raw: &Raw<'_>) -> Vec<Hint> {
    let mut hints = links::hints(raw.body);
    let content_type = raw.named("Content-Type").next().map(|field| field.value()).unwrap_or_default();
    if let Some(boundary) = parts::boundary_of(content_type) {
        let closing = [b"--", boundary, b"--"].concat();
        if memchr::memmem::find(raw.body, &closing).is_none() {
            hints.push(Hint::NoClosingBoundary);
        }
    }
    hints.extend(header::list_hint(raw));
    hints
}
