//! What every face shows, before it is drawn: groups of copies, numbered records, one timeline.

use std::collections::HashMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::document::{Cite, Event, Excerpt, Finding, Layer, MessageCopy, Report, State};

/// A report arranged for showing.
pub(crate) struct View<'a> {
    pub(crate) groups: Vec<Group<'a>>,
    pub(crate) records: Records<'a>,
    pub(crate) timeline: Vec<Entry<'a>>,
}

/// Copies with the same states and the same fate; never empty.
pub(crate) struct Group<'a> {
    pub(crate) first: &'a MessageCopy,
    pub(crate) others: Vec<&'a MessageCopy>,
}

/// Every cited record once, numbered from 1 in the order in which the faces cite them.
pub(crate) struct Records<'a> {
    pub(crate) list: Vec<Record<'a>>,
    numbers: HashMap<(&'a str, [u64; 2]), usize>,
}

/// One cited record with all places that are cited in it.
pub(crate) struct Record<'a> {
    pub(crate) number: usize,
    pub(crate) cite: &'a Cite,
    /// Byte ranges of `cite.said` that are marked.
    pub(crate) marks: Vec<Range<usize>>,
    /// Marked places that `said` does not reach.
    pub(crate) beyond: Vec<&'a Excerpt>,
}

/// One line of the timeline; the same event of several copies is one.
pub(crate) struct Entry<'a> {
    pub(crate) event: &'a Event,
    /// The recipients it is about; empty if all.
    pub(crate) recipients: Vec<&'a str>,
    /// Time since the entry before.
    pub(crate) gap: Option<SignedDuration>,
}

impl<'a> View<'a> {
    pub(crate) fn of(report: &'a Report) -> View<'a> {
        View { groups: groups(report), records: Records::of(report), timeline: timeline(report) }
    }
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = HashMap::new();
    for copy in &report.copies {
        let states: Vec<(Layer, State)> = copy.layers.iter().map(|layer| (layer.layer, layer.state)).collect();
        let at = *known.entry((copy.fate, copy.changed_layer, states)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.others.push(copy),
            None => groups.push(Group { first: copy, others: Vec::new() }),
        }
    }
    groups
}

impl<'a> Records<'a> {
    fn of(report: &'a Report) -> Records<'a> {
        let mut records = Records { list: Vec::new(), numbers: HashMap::new() };
        let findings = report.findings.iter().flat_map(|finding| &finding.cites);
        let layers = report.copies.iter().flat_map(|copy| &copy.layers).flat_map(|layer| &layer.cites);
        let events = report.copies.iter().flat_map(|copy| &copy.timeline).flat_map(|event| &event.cites);
        for cite in findings.chain(layers).chain(events) {
            records.add(cite);
        }
        records
    }

    fn add(&mut self, cite: &'a Cite) {
        let next = self.list.len();
        let at = *self.numbers.entry((&cite.file, cite.bytes)).or_insert(next);
        if at == next {
            self.list.push(Record { number: next + 1, cite, marks: Vec::new(), beyond: Vec::new() });
        }
        let record = &mut self.list[at];
        match (mark_in_said(cite), &cite.excerpt) {
            (Some(mark), _) if !record.marks.contains(&mark) => record.marks.push(mark),
            (None, Some(excerpt)) if !record.beyond.contains(&excerpt) => record.beyond.push(excerpt),
            _ => {}
        }
    }

    /// The numbers of some cites, ascending, each once.
    pub(crate) fn numbers(&self, cites: &[Cite]) -> Vec<usize> {
        let mut numbers: Vec<usize> = cites
            .iter()
            .filter_map(|cite| self.numbers.get(&(cite.file.as_str(), cite.bytes)))
            .map(|at| at + 1)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Where the mark stands within `said`; `None` if there is no mark or `said` does not reach it.
fn mark_in_said(cite: &Cite) -> Option<Range<usize>> {
    let mark = cite.mark?;
    if let Some(excerpt) = &cite.excerpt {
        let before = excerpt.before.trim_start_matches('…');
        let around = format!("{before}{}{}", excerpt.marked, excerpt.after.trim_end_matches('…'));
        let start = cite.said.find(&around)? + before.len();
        return Some(start..start + excerpt.marked.len());
    }
    // Without an excerpt only text that takes one byte in the file for one byte here can be placed.
    let whole = cite.bytes[1].checked_sub(cite.bytes[0])? == cite.said.len() as u64;
    let start = usize::try_from(mark[0].checked_sub(cite.bytes[0])?).ok()?;
    let end = usize::try_from(mark[1].checked_sub(cite.bytes[0])?).ok()?;
    let cut = cite.said.chars().count() == evidence::SAID_MAX_CHARS;
    ((whole || cut) && cite.said.get(start..end).is_some_and(|text| !text.is_empty())).then_some(start..end)
}

fn timeline(report: &Report) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut known: HashMap<(Timestamp, &str, Layer, &str), usize> = HashMap::new();
    for copy in &report.copies {
        for event in &copy.timeline {
            let at = *known.entry((event.at, &event.system, event.layer, &event.summary)).or_insert(entries.len());
            if at == entries.len() {
                entries.push(Entry { event, recipients: Vec::new(), gap: None });
            }
            let recipients = &mut entries[at].recipients;
            if recipients.last() != Some(&copy.envelope_recipient.as_str()) {
                recipients.push(&copy.envelope_recipient);
            }
        }
    }
    // Stable: events of one instant stay in the order in which the report tells them.
    entries.sort_by_key(|entry| entry.event.at);
    let mut before = None;
    for entry in &mut entries {
        if entry.recipients.len() == report.copies.len() {
            entry.recipients.clear();
        }
        entry.gap = before.map(|before| entry.event.at.duration_since(before));
        before = Some(entry.event.at);
    }
    entries
}

/// The layer state of a copy by layer.
pub(crate) fn state(copy: &MessageCopy, layer: Layer) -> State {
    copy.layers.iter().find(|state| state.layer == layer).map_or(State::NotSupplied, |state| state.state)
}

/// The sign of a state.
pub(crate) fn sign(state: State) -> char {
    match state {
        State::Passed => '✓',
        State::Changed => '◆',
        State::Stopped => '✗',
        State::Pending => '…',
        State::NotReached => '·',
        State::Absent => '∅',
        State::NotSupplied => '?',
        State::Conflict => '≠',
    }
}

/// Whether the way certainly came to a layer with this state.
pub(crate) fn was_reached(state: State) -> bool {
    matches!(state, State::Passed | State::Changed | State::Stopped | State::Pending | State::Conflict)
}

/// Which layer changed the copy's fate, and why, in one sentence.
pub(crate) fn because(copy: &MessageCopy) -> String {
    let why = copy.because.as_deref().unwrap_or("");
    match (copy.changed_layer, why.is_empty()) {
        (Some(layer), false) => format!("Changed at {}: {why}", layer.word()),
        (Some(layer), true) => format!("Changed at {}.", layer.word()),
        (None, false) => why.to_owned(),
        (None, true) if copy.fate == crate::Fate::Delivered => "No layer changed its fate.".to_owned(),
        (None, true) => "Which layer changed its fate is not shown.".to_owned(),
    }
}

/// The recipient of a copy for people.
pub(crate) fn recipient(copy: &MessageCopy) -> &str {
    if copy.envelope_recipient.is_empty() { "recipient not named" } else { &copy.envelope_recipient }
}

/// What a finding is about, such as `delivery, ana@example.com`.
pub(crate) fn scope(finding: &Finding) -> String {
    match &finding.envelope_recipient {
        Some(recipient) => format!("{}, {recipient}", finding.layer.word()),
        None => format!("{}, all copies", finding.layer.word()),
    }
}

/// An instant for people: `2026-08-20 09:14:03 UTC`, with milliseconds where there are any.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{} {} UTC", day(at), clock(at))
}

/// The day of an instant in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The time of day of an instant in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    if at.subsec_millisecond() == 0 {
        at.strftime("%H:%M:%S").to_string()
    } else {
        at.strftime("%H:%M:%S.%3f").to_string()
    }
}

/// A span for people, in its two largest units.
pub(crate) fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.subsec_millis() != 0 => format!("{} ms", duration.subsec_millis()),
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_span() {
        for (milliseconds, expected) in
            [(0, "0 s"), (250, "250 ms"), (61_000, "1 min 01 s"), (3_900_000, "1 h 05 min"), (90_000_000, "1 d 01 h")]
        {
            assert_eq!(span(SignedDuration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn ok_mark_in_said() {
        let cite = |mark: [u64; 2], excerpt: Option<(&str, &str, &str)>| Cite {
            file: "a.log".to_owned(),
            line: Some(1),
            record: None,
            bytes: [100, 116],
            mark: Some(mark),
            said: "status=sent (ok)".to_owned(),
            excerpt: excerpt.map(|(before, marked, after)| Excerpt {
                before: before.to_owned(),
                marked: marked.to_owned(),
                after: after.to_owned(),
            }),
        };
        for (name, cite, expected) in [
            ("by offset", cite([107, 111], None), Some(7..11)),
            ("before the record", cite([90, 111], None), None),
            ("after the record", cite([107, 190], None), None),
            ("by excerpt", cite([114, 122], Some(("…tus=", "sent", " (…"))), Some(7..11)),
            ("beyond", cite([114, 122], Some(("x", "sent", ""))), None),
        ] {
            assert_eq!(mark_in_said(&cite), expected, "{name}");
        }
    }
}
