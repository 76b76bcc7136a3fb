//! What is the widest: by what came in, then by what the guard says.

use std::cmp::Reverse;

use super::Audited;
use crate::{Answer, Level, Radius};

/// Puts the widest first, what does not act last; what is as wide goes by name, then by place.
pub(super) fn sort(all: &mut [Audited]) {
    all.sort_by_cached_key(|one| {
        let place = one.cites.first().map(|cite| (cite.file.to_string(), cite.bytes.start));
        (Reverse((one.acts, width(one.radius.as_ref()), answer(one))), one.name.to_lowercase(), place)
    });
}

/// What would come in that was kept out, what was judged bad, then all.
fn width(radius: Option<&Radius>) -> Option<[u64; 4]> {
    radius.map(|radius| [radius.kept_out, radius.bad(), radius.messages, radius.possible])
}

fn answer(one: &Audited) -> (Answer, Option<Level>) {
    (one.answer, one.reasons.iter().map(|reason| reason.level).max())
}

/// All of several, as if they had nothing in common.
pub(super) fn sum(radii: &[&Radius]) -> Radius {
    if let [only] = radii {
        return (*only).clone();
    }
    let mut all = Radius::default();
    for radius in radii {
        all.messages = all.messages.saturating_add(radius.messages);
        all.recipients = all.recipients.saturating_add(radius.recipients);
        all.senders = all.senders.saturating_add(radius.senders);
        all.kept_out = all.kept_out.saturating_add(radius.kept_out);
        all.possible = all.possible.saturating_add(radius.possible);
        for (judged, count) in &radius.judged {
            let known = all.judged.entry(*judged).or_default();
            *known = known.saturating_add(*count);
        }
    }
    all
}
