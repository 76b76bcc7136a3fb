//! What was changed in the body.

use super::changes::{Cause, Change, Hint, shown};
use super::places::Places;
use super::search::{Budget, Target};
use super::{Failed, encoded, header, inserted, links, parts, variants};
use crate::dkim::canon::{self, Canon};
use crate::message::Raw;

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
    let variants = variants::of(raw, target.form.canon, budget);
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
    for (place, variant) in variants.iter().enumerate() {
        let text = &canonical(target.form.canon, &variant.body);
        let places = Places { raw, variant, canon: target.form.canon };
        if let Some(cuts) = inserted::find(raw, text, target, budget) {
            let inserted = cuts
                .into_iter()
                .map(|cut| Change::Inserted { place: places.of(text, cut), text: shown(&text[cut.0..cut.1]) });
            return Some(variant.changes.iter().cloned().chain(inserted).collect());
        }
        // Two changes together are the least likely: all single ones come before them.
        if place == 0
            && let Some(change) = encoded::inserted(raw, target, budget)
        {
            return Some(vec![change]);
        }
    }
    None
}

fn wrong_length(body: &[u8], target: &Target<'_>, budget: &mut Budget) -> Option<Change> {
    let says = target.form.limit?;
    let whole = Target { form: canon::BodyForm { limit: None, ..target.form }, hash: target.hash };
    if !whole.met_by(body, budget) {
        return None;
    }
    Some(Change::WrongLength { says, body_bytes: canonical(target.form.canon, body).len() as u64 })
}

pub(super) fn canonical(form: Canon, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 2);
    canon::body(form, body, &mut text);
    text
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
