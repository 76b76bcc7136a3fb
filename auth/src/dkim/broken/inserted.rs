//! Text that was inserted where a text part begins or ends.

use std::collections::HashMap;
use std::ops::Range;

use super::parts::{self, Encoding, Kind, Part};
use super::search::{Budget, Cut, Target};
use crate::message::Raw;

/// How far from where a part begins or ends an inserted text may reach.
const MAX_INSERTED_BYTES: usize = 16_384;

/// Most ends that are tried for one beginning.
const MAX_CUTS: usize = 400;

/// Most text parts into which something may have been inserted.
const MAX_TEXT_PARTS: usize = 10;

/// Most pairs of cuts that are tried.
const MAX_PAIRS: usize = 200;

/// Searches for text that was inserted at the start or the end of the text parts of a canonical body; in one part, or in its
/// plain and its HTML form.
pub(super) fn find(raw: &Raw<'_>, text: &[u8], target: &Target<'_>, budget: &mut Budget) -> Option<Vec<Cut>> {
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
        if text[from..end].ends_with(b"\r\n") && part.kind == Kind::Html {
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
        let mut by_text: HashMap<&[u8], Vec<Cut>> = HashMap::new();
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
