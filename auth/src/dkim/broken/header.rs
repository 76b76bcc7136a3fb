//! What was changed in the signed header fields.

use aws_lc_rs::digest;

use super::Failed;
use super::changes::{Cause, Change, Hint, Relaxed, shown};
use super::search::Budget;
use crate::dkim::canon::{self, Canon};
use crate::message::{Field, Raw};
use crate::tags::{is_white, trim};

/// What verifying a signature costs, as if so many bytes were hashed.
const VERIFY_BYTES: usize = 20_000;

/// Most changed fields that are tried together.
const MAX_TOGETHER: usize = 4;

/// Most signed fields of which other forms are tried; all others count as they are.
const MAX_SLOTS: usize = 60;

/// Most forms of one field that are tried.
const MAX_FORMS: usize = 24;

/// One form that a field may have had when it was signed.
struct Form {
    change: Change,
    /// Its canonical bytes; nothing if it was not there.
    text: Vec<u8>,
}

/// A signed field, and the forms that it may have had.
struct Slot {
    text: Vec<u8>,
    forms: Vec<Form>,
    /// What is tried alone or in pairs only, as it explains least.
    last_forms: Vec<Form>,
}

/// Searches for what was changed in the signed fields.
pub(super) fn explain(failed: &Failed<'_, '_>) -> Cause {
    let mut budget = Budget::new();
    let slots = slots(failed);
    match found(failed, &slots, &mut budget) {
        Some(changes) => Cause::Proved(changes),
        None => Cause::NotProved { hints: hints(failed), search: budget.search() },
    }
}

fn found(failed: &Failed<'_, '_>, slots: &[Slot], budget: &mut Budget) -> Option<Vec<Change>> {
    let all: Vec<(usize, &Form)> = slots
        .iter()
        .enumerate()
        .flat_map(|(place, slot)| slot.forms.iter().chain(&slot.last_forms).map(move |form| (place, form)))
        .collect();
    for form in &all {
        if verifies(failed, slots, &[*form], budget) {
            return Some(vec![form.1.change.clone()]);
        }
    }
    if all_white_space(failed, slots, budget) {
        return Some(vec![Change::HeaderWhiteSpace]);
    }
    let mut chosen = Vec::new();
    // Few changes are more likely than many.
    let together = (2..=MAX_TOGETHER).find_map(|depth| product(failed, slots, (0, depth), &mut chosen, budget));
    together.or_else(|| pairs(failed, slots, &all, budget))
}

/// Undoes the folding of all fields at once: who folds one field anew folds them all, perhaps the signature's own too.
fn all_white_space(failed: &Failed<'_, '_>, slots: &[Slot], budget: &mut Budget) -> bool {
    let white = |form: &&Form| matches!(form.change, Change::FieldWhiteSpace { relaxed: Relaxed::WouldPass, .. });
    for last in [slots.len().saturating_sub(1), slots.len()] {
        for kind in 0..2 {
            let forms = slots[..last].iter().enumerate().filter_map(|(place, slot)| {
                let mut forms = slot.forms.iter().filter(white);
                let first = forms.next();
                Some((place, forms.next().filter(|_| kind > 0).or(first)?))
            });
            let forms: Vec<(usize, &Form)> = forms.collect();
            if forms.len() > 1 && verifies(failed, slots, &forms, budget) {
                return true;
            }
        }
    }
    false
}

/// Tries the likely forms of `depth` fields together, from the slot `place` on.
fn product<'s>(
    failed: &Failed<'_, '_>,
    slots: &'s [Slot],
    (place, depth): (usize, usize),
    chosen: &mut Vec<(usize, &'s Form)>,
    budget: &mut Budget,
) -> Option<Vec<Change>> {
    if depth == 0 {
        let holds = verifies(failed, slots, chosen, budget);
        return holds.then(|| chosen.iter().map(|(_, form)| form.change.clone()).collect());
    }
    if budget.is_over() {
        return None;
    }
    for next in place..slots.len() {
        let likely = slots[next].forms.iter().filter(|form| !matches!(form.change, Change::FieldWhiteSpace { .. }));
        for form in likely {
            chosen.push((next, form));
            let found = product(failed, slots, (next + 1, depth - 1), chosen, budget);
            chosen.pop();
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

fn pairs(failed: &Failed<'_, '_>, slots: &[Slot], all: &[(usize, &Form)], budget: &mut Budget) -> Option<Vec<Change>> {
    for (at, first) in all.iter().enumerate() {
        for second in all[at + 1..].iter().filter(|second| second.0 != first.0) {
            if budget.is_over() {
                return None;
            }
            if verifies(failed, slots, &[*first, *second], budget) {
                return Some(vec![first.1.change.clone(), second.1.change.clone()]);
            }
        }
    }
    None
}

fn verifies(failed: &Failed<'_, '_>, slots: &[Slot], chosen: &[(usize, &Form)], budget: &mut Budget) -> bool {
    let Some(record) = failed.record else { return false };
    let mut data = Vec::with_capacity(4096);
    for (place, slot) in slots.iter().enumerate() {
        let form = chosen.iter().find(|(chosen, _)| *chosen == place);
        data.extend_from_slice(form.map_or(&slot.text, |(_, form)| &form.text));
    }
    budget.take(data.len() + VERIFY_BYTES)
        && record.verifies(&digest::digest(&digest::SHA256, &data), &failed.signature.signature)
}

/// The signed fields in the order of `h=`, and the signature's own field as the last.
fn slots(failed: &Failed<'_, '_>) -> Vec<Slot> {
    let canon = failed.signature.canonicalization.header;
    let selected = failed.index.select(failed.raw, failed.signature.signed.iter().copied());
    let mut slots: Vec<Slot> = selected
        .into_iter()
        .enumerate()
        .map(|(slot, place)| {
            let field = &failed.raw.fields[place];
            let mut text = Vec::new();
            canon::field(canon, field, &mut text);
            if slot >= MAX_SLOTS {
                return Slot { text, forms: Vec::new(), last_forms: Vec::new() };
            }
            let mut forms = Vec::new();
            if field.is("Subject") {
                forms.extend(untagged(field, canon));
            }
            forms.extend(former_values(failed.raw, field, canon));
            forms.extend(respaced(field, canon));
            forms.truncate(MAX_FORMS);
            let mut last_forms = Vec::new();
            let added =
                Form { change: Change::FieldAdded { field: name(field), place: field.bytes() }, text: Vec::new() };
            if field.is("Reply-To") || field.is("Sender") {
                forms.push(added);
            } else if !field.is("From") {
                last_forms.push(added);
            }
            Slot { text, forms, last_forms }
        })
        .collect();
    let mut own = Vec::new();
    canon::own_field(canon, failed.field, failed.signature.signature_place.clone(), &mut own);
    let mut forms = Vec::new();
    if canon == Canon::Simple {
        forms.extend(
            [unfolded(&own), packed_lines(&own)]
                .into_iter()
                .filter(|text| *text != own)
                .map(|text| Form { change: white_space(failed.field, Relaxed::WouldPass), text }),
        );
    }
    slots.push(Slot { text: own, forms, last_forms: Vec::new() });
    slots
}

fn name(field: &Field<'_>) -> String {
    String::from_utf8_lossy(field.name).into_owned()
}

/// The canonical form of a field if it had another value.
fn with_value(field: &Field<'_>, value: &[u8], canon: Canon) -> Vec<u8> {
    let head = field.raw.len() - field.value().len();
    let lead = field.value().iter().take_while(|byte| is_white(**byte)).count();
    let mut raw = field.raw[..head + lead].to_vec();
    if canon == Canon::Simple && lead == 0 {
        raw.push(b' ');
    }
    raw.extend_from_slice(value);
    let mut text = Vec::with_capacity(raw.len() + 2);
    canon::field_text(canon, field.name, &raw, &raw[head..], &mut text);
    text.extend_from_slice(b"\r\n");
    text
}

/// A subject without the tags that gateways and lists put in: at its start, one after another; behind `Re:`; at its end.
fn untagged(field: &Field<'_>, canon: Canon) -> Vec<Form> {
    let value = trim(field.value());
    let mut forms: Vec<Form> = Vec::new();
    let mut add = |rest: Vec<u8>, removed: &[u8]| {
        let text = with_value(field, &rest, canon);
        if !forms.iter().any(|form| form.text == text) {
            let change = Change::FieldTagged { field: name(field), place: field.bytes(), text: shown(trim(removed)) };
            forms.push(Form { change, text });
        }
    };
    let mut rest = value;
    for _ in 0..6 {
        if let Some(end) = tag_at_end(rest) {
            add(trim(&rest[..end]).to_vec(), &rest[end..]);
        }
        if let Some((start, end)) = tag_behind_reply(rest) {
            let after = &rest[end..];
            add([&rest[..start], trim(after)].concat(), &rest[start..end]);
        }
        let Some(length) = tag_at_start(rest) else { break };
        let removed = value.len() - rest.len() + length;
        rest = trim(&rest[length..]);
        add(rest.to_vec(), &value[..removed]);
    }
    forms
}

/// The length of a tag at the start: `[EXTERNAL]`, `***SPAM***`, `{Spam?}`, `(ext)`, `EXTERNAL:`.
fn tag_at_start(text: &[u8]) -> Option<usize> {
    const MAX_TAG_BYTES: usize = 80;
    let near = &text[..text.len().min(MAX_TAG_BYTES)];
    let length = match near.first()? {
        b'[' => memchr::memchr(b']', near)? + 1,
        b'{' => memchr::memchr(b'}', near)? + 1,
        b'(' => memchr::memchr(b')', near)? + 1,
        b'<' => memchr::memchr(b'>', near)? + 1,
        mark @ (b'*' | b'#' | b'-' | b'=' | b'!') => {
            let lead = near.iter().take_while(|byte| *byte == mark).count();
            let close = memchr::memchr(*mark, &near[lead..])? + lead;
            close + near[close..].iter().take_while(|byte| *byte == mark).count()
        }
        byte if byte.is_ascii_alphabetic() => {
            let word = near.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
            let reply = [b"re".as_slice(), b"fwd", b"fw", b"aw", b"wg"]
                .iter()
                .any(|reply| near[..word].eq_ignore_ascii_case(reply));
            if reply || near.get(word) != Some(&b':') {
                return None;
            }
            word + 1
        }
        _ => return None,
    };
    Some(length + text[length..].iter().take_while(|byte| matches!(byte, b':' | b'-')).count())
}

fn tag_at_end(text: &[u8]) -> Option<usize> {
    let open = match text.last()? {
        b']' => b'[',
        b'}' => b'{',
        b')' => b'(',
        b'*' => {
            let lead = text.iter().rposition(|byte| *byte != b'*')?;
            let start = memchr::memrchr(b'*', &text[..lead])?;
            let stars = text[..=start].iter().rev().take_while(|byte| **byte == b'*').count();
            return Some(start + 1 - stars);
        }
        _ => return None,
    };
    memchr::memrchr(open, text).filter(|at| *at > 0)
}

/// A tag in brackets behind `Re:` and its like.
fn tag_behind_reply(text: &[u8]) -> Option<(usize, usize)> {
    let near = &text[..text.len().min(40)];
    let colon = memchr::memchr(b':', near)?;
    let start = colon + 1 + text[colon + 1..].iter().take_while(|byte| is_white(**byte)).count();
    if colon > 5 || !matches!(text.get(start)?, b'[' | b'*' | b'{') {
        return None;
    }
    tag_at_start(&text[start..]).map(|length| (start, start + length))
}

/// The values that other fields hold of a field that was replaced.
fn former_values(raw: &Raw<'_>, field: &Field<'_>, canon: Canon) -> Vec<Form> {
    let wanted = format!("original-{}", name(field).to_ascii_lowercase());
    let old = format!("old-{}", name(field).to_ascii_lowercase());
    let holds = |other: &&Field<'_>| {
        let other_name = name(other).to_ascii_lowercase();
        other_name.ends_with(&wanted)
            || other_name.ends_with(&old)
            || (field.is("From") && (other.is("Reply-To") || other.is("Author") || other.is("Sender")))
    };
    let forms = raw.fields.iter().filter(|other| other.at != field.at).filter(holds).take(4);
    forms
        .map(|other| Form {
            change: Change::FieldReplaced {
                field: name(field),
                place: field.bytes(),
                held_by: name(other),
                former: shown(trim(other.value())),
            },
            text: with_value(field, trim(other.value()), canon),
        })
        .collect()
}

fn white_space(field: &Field<'_>, relaxed: Relaxed) -> Change {
    Change::FieldWhiteSpace { field: name(field), place: field.bytes(), relaxed }
}

/// A field folded in other ways.
fn respaced(field: &Field<'_>, canon: Canon) -> Vec<Form> {
    let mut own = Vec::new();
    canon::field(canon, field, &mut own);
    let mut forms: Vec<Form> = Vec::new();
    let mut add = |text: Vec<u8>, relaxed: Relaxed| {
        if text != own && !forms.iter().any(|form| form.text == text) {
            forms.push(Form { change: white_space(field, relaxed), text });
        }
    };
    if canon == Canon::Simple {
        let body = own.strip_suffix(b"\r\n").unwrap_or(&own);
        for mut text in [unfolded(body), packed_lines(body)] {
            text.extend_from_slice(b"\r\n");
            add(text, Relaxed::WouldPass);
        }
    }
    if memchr::memchr(b'\n', field.value()).is_some() {
        // A folding within a word: the white space after the line end was not there.
        let mut joined = Vec::with_capacity(field.raw.len());
        let mut rest = field.value();
        while let Some(found) = memchr::memchr(b'\n', rest) {
            let line = &rest[..found];
            joined.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            rest = &rest[found + 1..];
            rest = &rest[rest.iter().take_while(|byte| is_white(**byte)).count()..];
        }
        joined.extend_from_slice(rest);
        add(with_value(field, trim(&joined), canon), Relaxed::WouldFail);
    }
    forms
}

/// Without line ends; the white space that follows them stays.
fn unfolded(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

/// With one space for each run of white space, and one after the colon.
fn packed_lines(text: &[u8]) -> Vec<u8> {
    let colon = memchr::memchr(b':', text).map_or(0, |at| at + 1);
    let mut out = trim(&text[..colon]).to_vec();
    out.push(b' ');
    canon::packed(trim(&text[colon..]), &mut out);
    out
}

fn hints(failed: &Failed<'_, '_>) -> Vec<Hint> {
    let raw = failed.raw;
    let signed = |name: &str| failed.signature.signed.iter().any(|signed| signed.eq_ignore_ascii_case(name.as_bytes()));
    let mut hints = Vec::new();
    if let Some(subject) = raw.named("Subject").next_back().filter(|_| signed("Subject")) {
        let value = trim(subject.value());
        if let Some(length) = tag_at_start(value) {
            hints.push(Hint::TaggedSubject { text: shown(trim(&value[..length])) });
        }
    }
    for signed in failed.signature.signed.iter().take(MAX_SLOTS) {
        let wanted = format!("original-{}", String::from_utf8_lossy(signed).to_ascii_lowercase());
        let holder = raw.fields.iter().find(|field| name(field).to_ascii_lowercase().ends_with(&wanted));
        if let Some(holder) = holder {
            let hint = Hint::FormerValue { field: String::from_utf8_lossy(signed).into_owned(), held_by: name(holder) };
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    let mut absent: Vec<String> = Vec::new();
    for signed in failed.signature.signed.iter().take(MAX_SLOTS) {
        let name = String::from_utf8_lossy(signed).into_owned();
        if raw.named(&name).next().is_none() && !absent.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            absent.push(name);
        }
    }
    if !absent.is_empty() {
        hints.push(Hint::AbsentSigned(absent));
    }
    hints.extend(list_hint(raw));
    hints
}

/// Says that the message went through a list, if it says so.
pub(super) fn list_hint(raw: &Raw<'_>) -> Option<Hint> {
    raw.named("List-Id").next().map(|field| Hint::List { id: shown(trim(field.value())) })
}
