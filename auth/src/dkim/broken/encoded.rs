//! Text that was inserted into a part in base64: whoever does so decodes the part and encodes all of it anew.

use super::changes::{Change, shown};
use super::inserted::{at_end, at_start, is_whole};
use super::parts::{self, Encoding, Kind, Part};
use super::search::{Budget, Cut, Target};
use super::variants::{base64_decoded, base64_encoded};
use crate::message::Raw;

/// Most parts that are decoded.
const MAX_ENCODED_PARTS: usize = 4;

/// Searches the parts in base64 for inserted text. The place that is given is that of the part's whole text.
pub(super) fn inserted(raw: &Raw<'_>, target: &Target<'_>, budget: &mut Budget) -> Option<Change> {
    let parts = parts::of(raw, raw.body);
    let encoded = parts.iter().filter(|part| part.encoding == Encoding::Base64 && part.kind != Kind::Other);
    for part in encoded.take(MAX_ENCODED_PARTS) {
        let text = &raw.body[part.text.clone()];
        let end = text.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
        let Some(decoded) = base64_decoded(&text[..end]) else { continue };
        let place = part.text.start..part.text.start + end;
        if let Some(cut) = without_one(raw.body, &place, &decoded, part.kind, target, budget) {
            let text = shown(&decoded[cut.0..cut.1]);
            return Some(Change::Inserted { place: raw.body_at + place.start..raw.body_at + place.end, text });
        }
    }
    None
}

fn without_one(
    body: &[u8],
    place: &std::ops::Range<usize>,
    decoded: &[u8],
    kind: Kind,
    target: &Target<'_>,
    budget: &mut Budget,
) -> Option<Cut> {
    let whole = Part { kind, encoding: Encoding::None, header: 0..0, text: 0..decoded.len() };
    let mut cuts: Vec<Cut> = at_end(decoded, &whole).into_iter().chain(at_start(decoded, &whole)).collect();
    cuts.retain(|cut| budget.take((cut.1 - cut.0) / 8) && is_whole(&decoded[cut.0..cut.1]));
    cuts.sort_by_key(|cut| cut.1 - cut.0);
    cuts.dedup();
    cuts.into_iter().find(|cut| {
        // Only the part is encoded anew; what is hashed is counted by the target.
        if budget.is_over() {
            return false;
        }
        let former = [&decoded[..cut.0], &decoded[cut.1..]].concat();
        let candidate = [&body[..place.start], &base64_encoded(&former), &body[place.end..]].concat();
        target.met_by(&candidate, budget)
    })
}
