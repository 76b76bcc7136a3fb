//! A record of the evidence, raw and decoded.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ::case::Purpose;
use evidence::{Fact, Observation, Place, Zone};
use sources::{Clock, Input, OneRecord, RecordField};
use web::{Field, RecordPlace, RecordShown};

use crate::case::desk::Worked;
use crate::supply::Supply;

/// How many bytes of a record are shown.
const MAX_SHOWN_BYTES: u64 = 256 << 10;
/// How many bytes are shown before a mark that a longer record begins too far before; even, so that no wide character is cut.
const BEFORE_MARK_BYTES: u64 = 32 << 10;
/// How many characters of a value are shown.
const MAX_VALUE_CHARS: usize = 4000;
/// How many recipients a fact names.
const MAX_NAMED: usize = 5;

/// The evidence of the case whose records were looked at last, opened: an archive is not unpacked anew for each record of it.
#[derive(Default)]
pub struct LookedInto(Mutex<Option<(Key, Arc<Supply>)>>);

/// A case, and the last entry of its journal that added evidence: what was added before never changes.
type Key = (String, u64);

impl LookedInto {
    /// The evidence of a case.
    pub fn supply(&self, worked: &Worked) -> Arc<Supply> {
        let added = worked.journal.iter().rev().find(|entry| entry.deed.word() == "evidence_added");
        let key = (worked.case.uid.clone(), added.map_or(0, |entry| entry.seq));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, supply)) if *known == key => Arc::clone(supply),
            _ => {
                let supply = Arc::new(worked.supply(&[Purpose::Ticket, Purpose::Verification]));
                *kept = Some((key, Arc::clone(&supply)));
                supply
            }
        }
    }
}

/// The record at a place; `None` if no file of the evidence has that fingerprint, or if it ends before.
pub fn shown(inputs: &[Input<'_>], place: &RecordPlace, clock: &Clock) -> Option<RecordShown> {
    let input = inputs.iter().find(|input| RecordPlace::fingerprint(&input.name) == place.file)?;
    let [start, end] = place.bytes;
    let one = sources::one_record(input, start..end, clock)?;
    let kind = one.source;
    let is_binary = kind.is_some_and(|kind| kind.id() == "message/msg") && place.bytes == [0, input.bytes.len() as u64];
    let window = window(place);
    let raw = if is_binary { Vec::new() } else { pieces(input, &window, &place.marks) };
    let (line, number) = match one.place {
        Some(Place::Line(line)) => (Some(line), None),
        Some(Place::Record(number)) => (None, Some(number)),
        None => (None, None),
    };
    let beside = |place: &Option<Range<u64>>| place.as_ref().map(|place| [place.start, place.end]);
    Some(RecordShown {
        file: input.name.to_string(),
        kind: kind.map(|kind| kind.title().to_owned()),
        line,
        number,
        raw,
        begins_before: window.start > start,
        is_cut: window.end < end,
        fields: one.fields.iter().map(|field| self::field(field, place)).collect(),
        facts: facts(&one),
        problem: one.problem.as_ref().map(|problem| format!("expected {}, found {}", problem.expected, problem.found)),
        notes: notes(&one, is_binary),
        before: beside(&one.before),
        after: beside(&one.after),
        limits: kind.iter().flat_map(|kind| kind.cannot_show()).map(|limit| (*limit).to_owned()).collect(),
    })
}

/// The part of a record that is shown: its start, or what stands around the first mark.
fn window(place: &RecordPlace) -> Range<u64> {
    let [start, end] = place.bytes;
    let mark = place.marks.iter().map(|mark| mark[0]).filter(|mark| (start..end).contains(mark)).min();
    let far = mark.and_then(|mark| (mark - start).checked_sub(MAX_SHOWN_BYTES - BEFORE_MARK_BYTES));
    let from = far.map_or(start, |_| {
        let before = mark.unwrap_or(start) - start - BEFORE_MARK_BYTES;
        start + (before & !1)
    });
    from..end.min(from + MAX_SHOWN_BYTES)
}

/// The text of a range in pieces, each marked or not. Marks that lie outside are left out, those that overlap are one.
fn pieces(input: &Input<'_>, shown: &Range<u64>, marks: &[[u64; 2]]) -> Vec<(bool, String)> {
    let mut marks: Vec<Range<u64>> =
        marks.iter().map(|[from, to]| *from.max(&shown.start)..*to.min(&shown.end)).collect();
    marks.retain(|mark| mark.start < mark.end);
    marks.sort_by_key(|mark| mark.start);
    marks.dedup_by(|next, mark| {
        let is_joined = next.start <= mark.end;
        mark.end = if is_joined { mark.end.max(next.end) } else { mark.end };
        is_joined
    });
    let mut pieces = Vec::new();
    let mut at = shown.start;
    for mark in marks {
        if mark.start > at {
            pieces.push((false, input.said(at..mark.start)));
        }
        pieces.push((true, input.said(mark.clone())));
        at = mark.end;
    }
    if at < shown.end {
        pieces.push((false, input.said(at..shown.end)));
    }
    pieces
}

fn field(field: &RecordField, place: &RecordPlace) -> Field {
    let is_marked = field.bytes.as_ref().is_some_and(|bytes| {
        // The field that holds the mark, not an object around it.
        place.marks.iter().any(|[from, to]| bytes.start < *to && *from < bytes.end)
    });
    let value = match field.value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &field.value[..at]),
        None => field.value.clone(),
    };
    Field { name: field.name.clone(), value, means: field.means.clone(), is_marked }
}

fn notes(one: &OneRecord, is_binary: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if one.source.is_none() {
        notes.push("No kind of export that is read looks like this file: its text is shown as it is.".to_owned());
    }
    if is_binary {
        notes.push("The item is binary: it has no text of its own to show. Its fields are decoded.".to_owned());
    }
    if one.is_alone {
        notes.push(
            "The file is large: this record was read with what stands next to it. What its reader learns from lines far away is not among what it states."
                .to_owned(),
        );
    }
    notes
}

/// What the reader took from a record, one sentence each.
fn facts(one: &OneRecord) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    for observation in &one.observations {
        let said = sentence(observation);
        if !facts.contains(&said) {
            facts.push(said);
        }
    }
    let mut ids: Vec<&str> = one.observations.iter().flat_map(|told| &told.about.ids).map(|id| id.text()).collect();
    ids.sort_unstable();
    ids.dedup();
    if !ids.is_empty() {
        facts.push(format!("Ids that it names: {}", listed(&ids)));
    }
    facts
}

fn sentence(observation: &Observation) -> String {
    let when = observation.when.as_ref().map_or(String::new(), |when| match &when.zone {
        Zone::Stated => format!("{} ", report::instant(when.at)),
        Zone::Assumed(how) => format!("{} (assumed: {how}) ", report::instant(when.at)),
    });
    let recipients: Vec<&str> = observation.about.envelope_recipients.iter().map(|one| one.as_str()).collect();
    let whom = if recipients.is_empty() { String::new() } else { format!(" · for {}", listed(&recipients)) };
    format!("{when}{}: {}{whom}", observation.speaker, words(&observation.fact))
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(MAX_NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// What a fact says, those beside the way of a message too.
fn words(fact: &Fact) -> String {
    let of = |what: &Option<String>| what.as_ref().map_or(String::new(), |what| format!(" of {what}"));
    let by = |who: &Option<String>| who.as_ref().map_or(String::new(), |who| format!(" by {who}"));
    match fact {
        Fact::Setting(setting) => format!("how \"{}\" is set up", setting.name),
        Fact::Change(change) => format!("{}{}{}", change.operation, of(&change.object), by(&change.by.name)),
        Fact::Act(act) => format!("{}{}{}", act.operation, of(&act.object), by(&act.by.name)),
        Fact::Alert(alert) => format!("raised the alert \"{}\"", alert.title),
        Fact::SignIn(sign_in) => {
            let reason = sign_in.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
            let how = format!("{:?}", sign_in.outcome).to_lowercase();
            format!("sign-in{}: {how}{reason}", of(&sign_in.who))
        }
        Fact::Total(total) => format!("counts {}: {}", total.measure, total.count),
        Fact::Job(step) => format!("job {}: {}", step.job, step.said),
        Fact::Dns(answer) => {
            let data = answer.data.join(", ");
            format!(
                "{} {} is {}{}",
                answer.name,
                answer.record_type,
                answer.status,
                if data.is_empty() { data } else { format!(": {data}") }
            )
        }
        Fact::Probe(step) => format!("test {}, {}: {}", step.probe, step.step, step.said),
        of_a_message => layers::of_fact(of_a_message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, file: &[u8], bytes: [u64; 2], marks: &[[u64; 2]], expected: &[(bool, &str)]) {
        let input = Input { name: "a.log".into(), bytes: file };
        let place = RecordPlace { file: String::new(), bytes, marks: marks.to_vec() };
        let found = pieces(&input, &window(&place), marks);
        let found: Vec<(bool, &str)> = found.iter().map(|(marked, text)| (*marked, text.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn ok_pieces() {
        let log = b"a\nstatus=sent (ok)\n";
        check("no mark", log, [2, 18], &[], &[(false, "status=sent (ok)")]);
        check("one", log, [2, 18], &[[9, 13]], &[(false, "status="), (true, "sent"), (false, " (ok)")]);
        check("all", log, [2, 18], &[[2, 18]], &[(true, "status=sent (ok)")]);
        check("overlap", log, [2, 18], &[[9, 13], [11, 15]], &[(false, "status="), (true, "sent ("), (false, "ok)")]);
        check("outside", log, [2, 18], &[[0, 2], [18, 99]], &[(false, "status=sent (ok)")]);
        let wide: Vec<u8> = "\u{feff}é=sent".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check("UTF-16", &wide, [2, 14], &[[6, 14]], &[(false, "é="), (true, "sent")]);
    }

    #[test]
    fn ok_window() {
        let place =
            |end, mark: u64| RecordPlace { file: String::new(), bytes: [10, end], marks: vec![[mark, mark + 1]] };
        assert_eq!(window(&place(20, 12)), 10..20);
        assert_eq!(window(&place(1 << 20, 12)), 10..10 + MAX_SHOWN_BYTES);
        let far = window(&place(1 << 20, 900_001));
        assert!(
            far.contains(&900_001) && far.end - far.start <= MAX_SHOWN_BYTES && far.start.is_multiple_of(2),
            "{far:?}"
        );
    }
}
